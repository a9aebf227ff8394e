use arrow::array::{Array, AsArray};
use arrow::json::LineDelimitedWriter;

use super::*;
use crate::decode::json::Grammar;
use crate::schema::field::{EpochUnit, Field, Kind, Resolution};

const MICROS: Kind = Kind::Timestamp { resolution: Resolution::Micros, epoch: None };
const NANOS: Kind = Kind::Timestamp { resolution: Resolution::Nanos, epoch: None };

fn field(name: &str, kind: Kind) -> Field {
    Field::plain(name, kind)
}

fn required(name: &str, kind: Kind) -> Field {
    Field { nullable: false, ..field(name, kind) }
}

fn schema(fields: Vec<Field>) -> TableSchema {
    TableSchema::of(fields)
}

fn of(schema: &TableSchema, on_unknown: OnUnknownField, zone: Zone) -> Columns {
    let plan = Plan::new(schema, on_unknown, zone).expect("a usable schema");
    Columns::new(Arc::new(plan)).expect("possible types")
}

fn columns(fields: Vec<Field>) -> Columns {
    of(&schema(fields), OnUnknownField::Rescue, Zone::UTC)
}

fn append(columns: &mut Columns, text: &str) -> Result<Appended, Box<Problem>> {
    columns.append(&Parsed::of(text, Grammar::Strict).expect("JSON"))
}

/// The rows as Arrow writes them, nulls left out.
fn rows(columns: &mut Columns) -> String {
    let batch = columns.finish().expect("a batch");
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&batch).expect("memory");
    writer.finish().expect("memory");
    String::from_utf8(writer.into_inner()).expect("UTF-8").trim_end().to_owned()
}

/// One value in a column `v` of this kind: how Arrow writes it, or the broken rule.
fn one(kind: Kind, value: &str) -> String {
    one_in(kind, value, Zone::UTC)
}

fn one_in(kind: Kind, value: &str, zone: Zone) -> String {
    let schema = schema(vec![field("v", kind)]);
    let mut columns = of(&schema, OnUnknownField::Rescue, zone);
    match append(&mut columns, &format!("{{\"v\":{value}}}")) {
        Ok(_) => rows(&mut columns).trim_start_matches("{\"v\":").trim_end_matches('}').to_owned(),
        Err(problem) => {
            assert_eq!(problem.pointer, "/v");
            assert_eq!(problem.value.as_deref(), Some(value));
            problem.rule
        }
    }
}

#[test]
fn simple_values_are_taken_exactly_or_refused() {
    let decimal = || Kind::Decimal { precision: 5, scale: 2 };
    for (kind, value, expected) in [
        (Kind::String, r#""a\u0000é😀""#, r#""a\u0000é😀""#),
        (Kind::String, "1", "record.type"),
        (Kind::String, "true", "record.type"),
        (Kind::Boolean, "false", "false"),
        (Kind::Boolean, "0", "record.type"),
        (Kind::Boolean, "\"true\"", "record.type"),
        (Kind::Int, "2147483647", "2147483647"),
        (Kind::Int, "2147483648", "record.range"),
        (Kind::Int, "1.0", "1"),
        (Kind::Int, "1e3", "1000"),
        (Kind::Int, "1.5", "record.type"),
        (Kind::Int, "true", "record.type"),
        (Kind::Int, "\"1\"", "record.type"),
        (Kind::Long, "-9223372036854775808", "-9223372036854775808"),
        (Kind::Long, "9223372036854775808", "record.range"),
        (Kind::Long, "1e999999999", "record.range"),
        (Kind::Long, "1e-1", "record.type"),
        (Kind::Double, "0.1", "0.1"),
        (Kind::Double, "12345678901234567890", "record.precision"),
        (Kind::Double, "1e400", "record.precision"),
        (Kind::Double, "\"NaN\"", "record.type"),
        (Kind::Float, "0.1", "0.1"),
        (Kind::Float, "16777217", "record.precision"),
        (decimal(), "123.45", "123.45"),
        (decimal(), "\"-123.4\"", "-123.40"),
        (decimal(), "1e2", "100.00"),
        (decimal(), "1000", "record.range"),
        (decimal(), "0.001", "record.precision"),
        (decimal(), "\"12,5\"", "record.type"),
        (decimal(), "\"\"", "record.type"),
        (decimal(), "true", "record.type"),
        (Kind::Date, "\"2024-02-29\"", "\"2024-02-29\""),
        (Kind::Date, "\"2023-02-29\"", "record.type"),
        (Kind::Date, "20240229", "record.type"),
        (Kind::Binary, "\"TWFu\"", "\"4d616e\""),
        (Kind::Binary, "\"TQ\"", "record.type"),
        (Kind::Json, "{\"a\": [1.10, null ],\"a\":2}", r#""{\"a\": [1.10, null ],\"a\":2}""#),
        (Kind::Json, "12345678901234567890", r#""12345678901234567890""#),
        (Kind::List(Box::new(field("item", Kind::Int))), "[1,null,3]", "[1,null,3]"),
        (Kind::List(Box::new(field("item", Kind::Int))), "{}", "record.type"),
        (Kind::Map(Box::new(field("value", Kind::Int))), "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2"),
        (Kind::Map(Box::new(field("value", Kind::Int))), "[]", "record.type"),
        (Kind::Struct(vec![field("x", Kind::Int)]), "{\"x\":1}", "{\"x\":1"),
        (Kind::Struct(vec![field("x", Kind::Int)]), "\"x\"", "record.type"),
    ] {
        let name = kind.name();
        assert_eq!(one(kind, value), expected, "{name} {value}");
    }
}

#[test]
fn times_are_instants_in_utc() {
    for (kind, value, expected) in [
        (MICROS, "\"2024-05-01T12:00:00Z\"", "\"2024-05-01T12:00:00Z\""),
        (MICROS, "\"2024-05-01t12:00:00.123456+02:00\"", "\"2024-05-01T10:00:00.123456Z\""),
        (MICROS, "\"2024-05-01 12:00:00.100000000z\"", "\"2024-05-01T12:00:00.100Z\""),
        (MICROS, "\"2024-05-01T12:00:00.1234567Z\"", "record.precision"),
        (MICROS, "\"2024-05-01T12:00:00\"", "\"2024-05-01T12:00:00Z\""),
        (MICROS, "\"2016-12-31T23:59:60Z\"", "record.range"),
        (MICROS, "\"2024-05-01\"", "record.type"),
        (MICROS, "\"2024-05-01T24:00:00Z\"", "record.type"),
        (MICROS, "\"2024-05-01T12:00:00.1234567891Z\"", "record.precision"),
        (MICROS, "\"é\"", "record.type"),
        (MICROS, "1714564800", "record.type"),
        (NANOS, "\"2024-05-01T12:00:00.123456789Z\"", "\"2024-05-01T12:00:00.123456789Z\""),
        (NANOS, "\"2300-01-01T00:00:00Z\"", "record.range"),
    ] {
        let name = kind.name();
        assert_eq!(one(kind, value), expected, "{name} {value}");
    }
}

#[test]
fn integer_times_need_a_unit() {
    let epoch = |resolution, unit| Kind::Timestamp { resolution, epoch: Some(unit) };
    for (kind, value, expected) in [
        (epoch(Resolution::Micros, EpochUnit::Seconds), "1.0", "\"1970-01-01T00:00:01Z\""),
        (epoch(Resolution::Micros, EpochUnit::Millis), "-1", "\"1969-12-31T23:59:59.999Z\""),
        (epoch(Resolution::Micros, EpochUnit::Nanos), "1000", "\"1970-01-01T00:00:00.000001Z\""),
        (epoch(Resolution::Micros, EpochUnit::Nanos), "1001", "record.precision"),
        (epoch(Resolution::Micros, EpochUnit::Seconds), "9223372036854775807", "record.range"),
        (epoch(Resolution::Micros, EpochUnit::Seconds), "1.5", "record.type"),
        (epoch(Resolution::Nanos, EpochUnit::Micros), "1", "\"1970-01-01T00:00:00.000001Z\""),
        (epoch(Resolution::Nanos, EpochUnit::Millis), "9223372036854775", "record.range"),
        (
            epoch(Resolution::Micros, EpochUnit::Seconds),
            "\"1970-01-01T00:00:01Z\"",
            "\"1970-01-01T00:00:01Z\"",
        ),
    ] {
        assert_eq!(one(kind, value), expected, "{value}");
    }
}

#[test]
fn local_times_follow_the_zone() {
    let berlin = || Zone::Named(chrono_tz::Europe::Berlin);
    for (value, expected) in [
        ("\"2024-07-01T12:00:00.5\"", "\"2024-07-01T10:00:00.500Z\""),
        ("\"2024-01-01T12:00:00\"", "\"2024-01-01T11:00:00Z\""),
        ("\"2024-03-31T02:30:00\"", "record.range"),
        ("\"2024-10-27T02:30:00\"", "record.range"),
        ("\"2024-10-27T02:30:00+01:00\"", "\"2024-10-27T01:30:00Z\""),
    ] {
        assert_eq!(one_in(MICROS, value, berlin()), expected, "{value}");
    }
    let fixed = Zone::Fixed("-03:30".parse().expect("an offset"));
    assert_eq!(one_in(MICROS, "\"2024-07-01T12:00:00\"", fixed), "\"2024-07-01T15:30:00Z\"");
}

#[test]
fn messages_say_what_was_found_and_what_was_expected() {
    for (kind, value, message) in [
        (Kind::Double, "\"N/A\"", "/v is \"N/A\" (text), expected double"),
        (Kind::Int, "1.5", "/v is 1.5 (number), a fraction, expected int (32 bit)"),
        (
            Kind::Double,
            "12345678901234567890",
            "/v is 12345678901234567890 (number), which a double cannot hold without changing it; a decimal or \
             string field can",
        ),
        (
            MICROS,
            "\"2016-12-31T23:59:60Z\"",
            "/v is \"2016-12-31T23:59:60Z\" (text), a leap second, which has no instant of its own in a timestamp column",
        ),
        (
            MICROS,
            "1714564800",
            "/v is 1714564800 (number), expected timestamp as RFC 3339 text, or a field with a unit (s, ms, us, \
             ns) for integers",
        ),
    ] {
        let problem =
            append(&mut columns(vec![field("v", kind)]), &format!("{{\"v\":{value}}}")).expect_err("refused");
        assert_eq!(problem.message, message);
    }
    let long =
        append(&mut columns(vec![field("v", Kind::Int)]), &format!("{{\"v\":\"{}\"}}", "é".repeat(500)))
            .expect_err("refused");
    assert_eq!(long.value.expect("a value").chars().count(), 200);
    assert!(long.message.chars().count() < 140);
}

#[test]
fn missing_and_null_follow_nullability_and_defaults() {
    let fields = || {
        vec![
            required("id", Kind::Long),
            Field { default: Some("\"none\"".to_owned()), ..required("tag", Kind::String) },
            field("note", Kind::String),
        ]
    };
    let mut some = columns(fields());
    append(&mut some, r#"{"id":1,"note":null}"#).expect("fits");
    append(&mut some, r#"{"id":2,"tag":"x"}"#).expect("fits");
    assert_eq!(rows(&mut some), "{\"id\":1,\"tag\":\"none\"}\n{\"id\":2,\"tag\":\"x\"}");

    let missing = append(&mut some, "{\"note\":\"x\"}").expect_err("refused");
    assert_eq!((missing.rule.as_str(), missing.pointer.as_str()), ("record.required", "/id"));
    assert_eq!((missing.message.as_str(), missing.value), ("/id is missing; it is required", None));
    let null = append(&mut some, "{\"id\":1,\"tag\":null}").expect_err("refused");
    assert_eq!(
        (null.rule.as_str(), null.message.as_str()),
        ("record.required", "/tag is null; a value is required")
    );
    let scalar = append(&mut some, "5").expect_err("refused");
    assert_eq!(
        (scalar.rule.as_str(), scalar.message.as_str()),
        ("record.type", "the record is 5 (number), expected an object")
    );
}

#[test]
fn a_default_that_does_not_fit_makes_the_schema_unusable() {
    let fields = vec![Field { default: Some("\"x\"".to_owned()), ..field("n", Kind::Int) }];
    let unusable = Plan::new(&schema(fields), OnUnknownField::Rescue, Zone::UTC).expect_err("unusable");
    assert!(unusable.to_string().starts_with("the default of n does not fit"), "{unusable}");
}

#[test]
fn aliases_are_other_keys_for_the_same_field() {
    let mut some = columns(vec![
        field("Id", Kind::Int),
        Field { aliases: vec!["id".to_owned(), "Id".to_owned()], ..field("id_2", Kind::Int) },
    ]);
    append(&mut some, r#"{"Id":1,"id":2}"#).expect("fits");
    append(&mut some, r#"{"id_2":3}"#).expect("fits");
    assert_eq!(rows(&mut some), "{\"Id\":1,\"id_2\":2}\n{\"id_2\":3}");
    let twice = append(&mut some, r#"{"id_2":3,"id":4}"#).expect_err("refused");
    assert_eq!((twice.rule.as_str(), twice.pointer.as_str()), ("record.duplicate_key", "/id"));
}

#[test]
fn a_key_may_not_occur_twice() {
    let fields = || {
        vec![
            field("a", Kind::Int),
            field("m", Kind::Map(Box::new(field("value", Kind::Int)))),
            field("s", Kind::Struct(vec![field("x", Kind::Int)])),
            field("j", Kind::Json),
        ]
    };
    for (text, pointer) in [
        (r#"{"a":1,"a":1}"#, "/a"),
        (r#"{"a":1,"\u0061":1}"#, "/a"),
        (r#"{"z":1,"z":1}"#, "/z"),
        (r#"{"m":{"k":1,"k":1}}"#, "/m/k"),
        (r#"{"s":{"x":1,"x":2}}"#, "/s/x"),
        (r#"{"s":{"y":1,"y":2}}"#, "/s/y"),
    ] {
        let problem = append(&mut columns(fields()), text).expect_err("refused");
        assert_eq!(
            (problem.rule.as_str(), problem.pointer.as_str()),
            ("record.duplicate_key", pointer),
            "{text}"
        );
    }
    append(&mut columns(fields()), r#"{"j":{"k":1,"k":1},"z":{"k":1,"k":1}}"#)
        .expect("json is kept as it is");
}

fn nested() -> Vec<Field> {
    let point = Kind::Struct(vec![
        required("x", Kind::Int),
        field("tags", Kind::List(Box::new(field("item", Kind::String)))),
    ]);
    vec![
        field("at", point.clone()),
        field("path", Kind::List(Box::new(required("item", point.clone())))),
        field("by", Kind::Map(Box::new(field("value", point)))),
    ]
}

#[test]
fn nested_values_keep_their_nulls() {
    let mut some = columns(nested());
    let texts = [
        r#"{"at":{"x":1,"tags":["a",null]},"path":[{"x":2},{"x":3,"tags":[]}],"by":{"k":{"x":4},"n":null}}"#,
        r#"{"path":[],"by":{}}"#,
        r#"{"at":null}"#,
        "{}",
    ];
    for text in texts {
        append(&mut some, text).expect("fits");
    }
    let batch = some.finish().expect("a batch");
    assert_eq!(batch.num_rows(), 4);
    assert_eq!(
        (batch.column(0).null_count(), batch.column(1).null_count(), batch.column(2).null_count()),
        (3, 2, 2)
    );
    // Arrow's writer leaves null entries of maps out, so they are looked at here.
    let by = batch.column(2).as_map();
    assert_eq!(
        (by.keys().as_string::<i32>().value(1), by.values().is_null(1), by.value_length(0)),
        ("n", true, 2)
    );
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&batch).expect("memory");
    let written = String::from_utf8(writer.into_inner()).expect("UTF-8");
    assert_eq!(written.lines().next(), Some(texts[0].replace(",\"n\":null", "").as_str()));
    assert_eq!(written.lines().nth(1), Some(texts[1]));
}

#[test]
fn nested_problems_are_pointed_at() {
    for (text, pointer, rule) in [
        (r#"{"path":[{"x":1},{"x":"y"}]}"#, "/path/1/x", "record.type"),
        (r#"{"path":[{"x":1},null]}"#, "/path/1", "record.required"),
        (r#"{"by":{"a/b":{}}}"#, "/by/a~1b/x", "record.required"),
        (r#"{"at":{"x":1,"tags":[[]]}}"#, "/at/tags/0", "record.type"),
    ] {
        let problem = append(&mut columns(nested()), text).expect_err("refused");
        assert_eq!((problem.pointer.as_str(), problem.rule.as_str()), (pointer, rule), "{text}");
    }
}

#[test]
fn a_refused_record_leaves_no_trace() {
    let mut some = columns(nested());
    append(&mut some, r#"{"at":{"x":1}}"#).expect("fits");
    append(&mut some, r#"{"at":{"x":2},"path":[{"x":3}],"by":{"k":{"x":true}},"z":1}"#).expect_err("refused");
    append(&mut some, r#"{"at":{"x":4}}"#).expect("fits");
    assert_eq!(rows(&mut some), "{\"at\":{\"x\":1}}\n{\"at\":{\"x\":4}}");
    assert_eq!(some.rows(), 0);
}

#[test]
fn unknown_members_are_rescued_word_for_word() {
    let text = r#"{"at":{"x":1,"y":1.10},"n\"ew": {"a": [1, 2 ]},"path":[{"x":1},{"x":2,"z":null}],"by":{"k":{"x":1,"w":"é"}}}"#;
    let mut some = columns(nested());
    assert_eq!(append(&mut some, text).expect("fits").unknown_fields, 4);
    append(&mut some, "{}").expect("fits");
    let batch = some.finish().expect("a batch");
    let rescued = batch.column_by_name(RESCUED).expect("a column");
    let rescued = rescued.as_any().downcast_ref::<arrow::array::StringArray>().expect("text");
    assert_eq!(
        rescued.value(0),
        r#"{"at":{"y":1.10},"n\"ew":{"a": [1, 2 ]},"path":{"1":{"z":null}},"by":{"k":{"w":"é"}}}"#
    );
    assert!(rescued.is_null(1));
}

#[test]
fn unknown_members_are_ignored_or_refused_on_demand() {
    let schema = schema(vec![field("a", Kind::Int)]);
    let mut ignoring = of(&schema, OnUnknownField::Ignore, Zone::UTC);
    assert_eq!(append(&mut ignoring, r#"{"a":1,"b":2,"c":3}"#).expect("fits").unknown_fields, 2);
    assert_eq!(ignoring.finish().expect("a batch").num_columns(), 1);
    let mut refusing = of(&schema, OnUnknownField::Reject, Zone::UTC);
    let problem = append(&mut refusing, r#"{"a":1,"b":2}"#).expect_err("refused");
    assert_eq!(
        (problem.rule.as_str(), problem.message.as_str()),
        ("record.unknown_field", "/b is not in the schema")
    );
}

#[test]
fn rows_without_columns_are_still_rows() {
    let mut none = of(&schema(Vec::new()), OnUnknownField::Ignore, Zone::UTC);
    append(&mut none, "{\"a\":1}").expect("fits");
    assert_eq!(none.finish().expect("a batch").num_rows(), 1);
    assert_eq!(one(Kind::Struct(Vec::new()), "{}"), "{");
}

#[test]
fn a_record_that_unfolds_without_end_is_refused() {
    let wide = (0..2000).map(|at| field(&format!("f{at}"), Kind::Int)).collect();
    let mut some = columns(vec![field("l", Kind::List(Box::new(field("item", Kind::Struct(wide)))))]);
    let text = format!("{{\"l\":[{}]}}", vec!["{}"; 10_000].join(","));
    let problem = append(&mut some, &text).expect_err("refused");
    assert_eq!(problem.rule, "record.too_large");
}
