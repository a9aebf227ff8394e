use super::*;
use crate::schema::field::{Field, Kind, TableSchema};
use crate::schema::{fit, members};

fn infer(records: &[&str]) -> Inferred {
    let mut inference = Inference::default();
    for record in records {
        inference.observe(&members::parse(record).expect("JSON"));
    }
    inference.finish()
}

fn compiled(inferred: &Inferred) -> TableSchema {
    definition::compile(&inferred.definition).unwrap_or_else(|bad| panic!("{bad}\n{}", inferred.definition))
}

fn columns(records: &[&str]) -> Vec<String> {
    compiled(&infer(records))
        .fields
        .iter()
        .map(|field| format!("{} {}", field.name, describe(&field.kind)))
        .collect()
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Struct(fields) => {
            let members: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.name, describe(&field.kind))).collect();
            format!("struct<{}>", members.join(", "))
        }
        Kind::List(item) => format!("list<{}>", describe(&item.kind)),
        Kind::Map(value) => format!("map<{}>", describe(&value.kind)),
        kind => kind.name(),
    }
}

/// Every observed value must find exactly one column, and fit it.
fn check_accepts(inferred: &Inferred, record: &str) {
    let schema = compiled(inferred);
    let value = members::parse(record).expect("JSON");
    let Node::Object(members) = &value.node else { return };
    for (at, (key, value)) in members.iter().enumerate() {
        if members[..at].iter().any(|(other, _)| other == key) {
            continue;
        }
        let owners: Vec<&Field> = schema.fields.iter().filter(|field| field.answers_to(key)).collect();
        assert_eq!(owners.len(), 1, "{key:?} in {record}\n{}", inferred.definition);
        fit::check(owners[0], value).unwrap_or_else(|bad| {
            panic!("{} {}\n{record}\n{}", bad.pointer, bad.message, inferred.definition)
        });
    }
}

#[test]
fn each_kind_of_value_has_its_type() {
    let records = [
        r#"{"s":"x","b":true,"i":1,"d":1.5,"at":"2024-01-01T00:00:00Z","day":"2024-01-01","n":null,"amount":"12.50"}"#,
        r#"{"s":null,"late":[1]}"#,
    ];
    assert_eq!(
        columns(&records),
        [
            "s string",
            "b boolean",
            "i long",
            "d double",
            "at timestamp",
            "day date",
            "n json",
            "amount string",
            "late list<long>"
        ]
    );
    let inferred = infer(&records);
    assert_eq!((inferred.records, inferred.non_objects), (2, 0));
    assert!(compiled(&inferred).fields.iter().all(|field| field.nullable));
}

#[test]
fn what_no_type_can_hold_is_json() {
    for (records, expected) in [
        (&[r#"{"x":1}"#, r#"{"x":"1"}"#][..], "x json"),
        (&[r#"{"x":true}"#, r#"{"x":1}"#], "x json"),
        (&[r#"{"x":{"a":1}}"#, r#"{"x":1}"#], "x json"),
        (&[r#"{"x":[1]}"#, r#"{"x":{}}"#], "x json"),
        (&[r#"{"x":{}}"#, r#"{"x":{}}"#], "x json"),
        (&[r#"{"x":[]}"#], "x list<json>"),
        (&[r#"{"x":[1,"a"]}"#], "x list<json>"),
        (&[r#"{"x":[[],[1.5],null]}"#], "x list<list<double>>"),
        (&[r#"{"x":{"a":1,"a":2}}"#], "x json"),
        (&[r#"{"x":{"a":1,"A":2}}"#], "x json"),
        (&[r#"{"x":{"a":1}}"#, r#"{"x":{"A":2}}"#], "x json"),
        (&[r#"{"x":{"":1}}"#], "x json"),
        (&[r#"{"x":{"_load_id":1}}"#], "x struct<_load_id long>"),
        (&[r#"{"x":12345678901234567890}"#], "x decimal(38,0)"),
        (&[r#"{"x":1e999}"#], "x json"),
    ] {
        assert_eq!(columns(records), [expected], "{records:?}");
        let inferred = infer(records);
        records.iter().for_each(|record| check_accepts(&inferred, record));
    }
}

#[test]
fn nested_values_are_nested_types() {
    let records = [
        r#"{"actor":{"id":1,"login":"a"},"payload":{"commits":[{"sha":"x","distinct":true}]}}"#,
        r#"{"actor":{"id":2,"login":"b","bot":false},"payload":{"commits":[],"size":0}}"#,
    ];
    assert_eq!(
        columns(&records),
        [
            "actor struct<id long, login string, bot boolean>",
            "payload struct<commits list<struct<sha string, distinct boolean>>, size long>"
        ]
    );
}

#[test]
fn keys_that_cannot_be_names_become_aliases() {
    let inferred =
        infer(&[r#"{"Id":1,"id":"x","id_2":true,"":1.5," ":2,"_Load_ID":"2024-01-01","load_id":3}"#]);
    let schema = compiled(&inferred);
    let found: Vec<_> = schema
        .fields
        .iter()
        .map(|field| format!("{} {} {:?}", field.name, field.kind.name(), field.aliases))
        .collect();
    assert_eq!(
        found,
        [
            "Id long []",
            "id_3 string [\"id\"]",
            "id_2 boolean []",
            "unnamed double [\"\"]",
            "unnamed_2 long [\" \"]",
            "Load_ID_2 date [\"_Load_ID\"]",
            "load_id long []",
        ]
    );
}

#[test]
fn a_column_called_date_moves_the_partition() {
    assert_eq!(infer(&[r#"{"a":1}"#]).partition_column, "date");
    assert_eq!(infer(&[r#"{"Date":1}"#]).partition_column, "load_date");
    assert_eq!(infer(&[r#"{"date":1,"LOAD_DATE":1,"load_date_2":2}"#]).partition_column, "load_date_3");
}

#[test]
fn records_that_are_no_objects_are_counted() {
    let inferred = infer(&["1", "[]", "null", r#"{"a":1}"#]);
    assert_eq!((inferred.records, inferred.non_objects), (1, 3));
    let nothing = infer(&["{}"]);
    assert!(definition::compile(&nothing.definition).is_err_and(|bad| bad.to_string().contains("no fields")));
}

fn object(keys: usize, value: impl Fn(usize) -> String) -> String {
    let members: Vec<_> = (0..keys).map(|at| format!("\"k{at}\":{}", value(at))).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn very_many_keys_are_a_map_when_their_values_are_alike() {
    let wide = |value: fn(usize) -> String| format!(r#"{{"x":{}}}"#, object(MAX_KEYS + 1, value));
    assert_eq!(columns(&[&wide(|at| at.to_string())]), ["x map<long>"]);
    assert_eq!(columns(&[&wide(|at| if at == 7 { "null".into() } else { "1.5".into() })]), ["x map<double>"]);
    assert_eq!(columns(&[&wide(|at| if at == 7 { "\"a\"".into() } else { "1".into() })]), ["x json"]);
    assert_eq!(columns(&[&wide(|_| "[1]".into())]), ["x json"]);
    assert_eq!(columns(&[&wide(|at| at.to_string()), r#"{"x":{"new":"text"}}"#]), ["x json"]);
    assert_eq!(columns(&[&wide(|at| at.to_string()), r#"{"x":{"a":1,"a":2}}"#]), ["x json"]);
    assert_eq!(columns(&[&wide(|at| at.to_string()), r#"{"x":{"a":1,"A":2}}"#]), ["x map<long>"]);
    let many_records: Vec<_> = (0..=MAX_KEYS).map(|at| format!(r#"{{"x":{{"user{at}":true}}}}"#)).collect();
    assert_eq!(columns(&many_records.iter().map(String::as_str).collect::<Vec<_>>()), ["x map<boolean>"]);
}

#[test]
fn a_wide_root_is_cut_at_the_limit() {
    let inferred = infer(&[&object(MAX_LEAVES + 50, |at| at.to_string())]);
    assert_eq!(compiled(&inferred).fields.len(), MAX_LEAVES);
}

#[test]
fn a_key_too_long_for_a_column_is_left_to_rescue() {
    let record = format!(r#"{{"{}":1,"a":{{"{}":1}}}}"#, "k".repeat(300), "k".repeat(300));
    assert_eq!(columns(&[&record]), ["a json"]);
}

#[test]
fn the_most_numerous_objects_become_json_first() {
    let record =
        format!(r#"{{"small":{{"a":1,"b":2}},"groups":{}}}"#, object(20, |_| object(150, |_| "1".into())));
    let inferred = infer(&[&record]);
    check_accepts(&inferred, &record);
    let columns = columns(&[&record]);
    assert_eq!(columns[0], "small struct<a long, b long>");
    let opened = columns[1].matches("json").count();
    assert!((1..20).contains(&opened), "{opened}");
}

#[test]
fn deep_values_are_json_from_a_certain_level() {
    let record = format!(r#"{{"x":{}1{}}}"#, "[".repeat(90), "]".repeat(90));
    let inferred = infer(&[&record]);
    assert!(columns(&[&record])[0].ends_with(&format!("list<json>{}", ">".repeat(MAX_DEPTH - 2))));
    check_accepts(&inferred, &record);
    let nested = format!("{}1{}", r#"{"x":"#.repeat(95), "}".repeat(95));
    check_accepts(&infer(&[&nested]), &nested);
}

#[test]
fn memory_is_bounded_by_a_limit_on_nodes() {
    let mut inference = Inference::default();
    for outer in 0..300 {
        let record = format!(r#"{{"c{outer}":{}}}"#, object(200, |_| r#"{"a":[1]}"#.into()));
        inference.observe(&members::parse(&record).expect("JSON"));
    }
    assert!(inference.growth.nodes <= MAX_NODES);
    let inferred = inference.finish();
    assert_eq!(compiled(&inferred).fields.len(), 300);
}

#[test]
fn a_definition_is_readable() {
    let text = infer(&[r#"{"id":1,"tags":["a"],"address":{"city":"x"}}"#]).definition;
    let expected = r#"{
  "fields": [
    {"name": "id", "type": "long"},
    {"name": "tags", "type": "list", "items": "string"},
    {"name": "address", "type": "struct", "fields": [
      {"name": "city", "type": "string"}
    ]}
  ]
}
"#;
    assert_eq!(text, expected);
}

mod property {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[abAB]{1,2}",
            1 => Just(String::new()),
            1 => prop_oneof![Just("_load_id"), Just("date"), Just("a_2"), Just("\\u00e9 \\\"/~"), Just("_Rescued")]
                .prop_map(str::to_owned),
        ]
    }

    fn leaf() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|flag| flag.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>()
                .prop_filter("finite", |number| number.is_finite())
                .prop_map(|number| number.to_string()),
            "-?[1-9][0-9]{0,45}(\\.[0-9]{1,25})?(e-?[0-9]{1,4})?",
            "\"[a-z0-9 .]{0,5}\"",
            "\"20[0-9]{2}-0[1-9]-[0-3][0-9]\"",
            "\"[0-2][0-9]{3}-0[1-9]-[0-2][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|\\+0[0-9]:00)?\"",
        ]
    }

    fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        prop::collection::vec((key(), value), 0..5).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        })
    }

    fn value() -> impl Strategy<Value = String> {
        leaf().prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                object_of(inner),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_inferred_definition_accepts_all_that_was_observed(
            records in prop::collection::vec(object_of(value()), 1..6)
        ) {
            let inferred = infer(&records.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(inferred.records, records.len() as u64);
            if records.iter().any(|record| record != "{}") {
                records.iter().for_each(|record| check_accepts(&inferred, record));
            }
        }
    }
}
