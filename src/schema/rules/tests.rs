use super::*;
use crate::schema::definition::compile;
use crate::schema::members;

/// The rule that a value breaks under a one-field definition; empty when it passes.
fn verdict(field: &str, value: &str) -> String {
    let schema = compile(&format!(r#"{{"fields":[{{"name":"x",{field}}}]}}"#)).expect("a definition");
    let column = &schema.fields[0];
    match column.rules.check(&column.kind, &members::parse(value).expect("JSON")) {
        Ok(()) => String::new(),
        Err(violation) => format!("{}: {}", violation.rule, violation.message),
    }
}

fn passes(field: &str, values: &[&str]) {
    for value in values {
        assert_eq!(verdict(field, value), "", "{value} under {field}");
    }
}

fn fails(field: &str, rule: &str, values: &[&str]) {
    for value in values {
        let verdict = verdict(field, value);
        assert!(verdict.starts_with(&format!("{rule}: ")), "{value} under {field}: {verdict:?}");
    }
}

#[test]
fn bounds_compare_exactly() {
    let cents = r#""type":"decimal(20,2)","minimum":0.1,"maximum":9007199254740993"#;
    passes(cents, &["0.10", "9007199254740993", "\"9007199254740993.00\"", "null"]);
    fails(cents, "record.minimum", &["0.09", "0", "-1", "\"-0.5\""]);
    fails(cents, "record.maximum", &["9007199254740993.01", "\"9007199254740994\""]);
}

#[test]
fn exclusive_bounds_exclude_themselves() {
    let open = r#""type":"long","exclusive_minimum":0,"exclusive_maximum":10"#;
    passes(open, &["1", "9", "9.0"]);
    fails(open, "record.minimum", &["0", "-0"]);
    fails(open, "record.maximum", &["10", "1e1"]);
}

#[test]
fn times_compare_as_instants() {
    let day = r#""type":"date","minimum":"2024-01-01""#;
    passes(day, &["\"2024-01-01\""]);
    fails(day, "record.minimum", &["\"2023-12-31\""]);
    let stamp = r#""type":"timestamp","unit":"ms","maximum":"2024-01-01T00:00:00Z""#;
    passes(stamp, &["\"2024-01-01T01:00:00+01:00\"", "1704067200000"]);
    fails(stamp, "record.maximum", &["\"2024-01-01T00:00:00-00:01\"", "1704067200001"]);
    let since = r#""type":"timestamp","minimum":"2024-01-01""#;
    fails(since, "record.minimum", &["\"2023-12-31T23:59:59.999Z\""]);
}

#[test]
fn an_instant_read_elsewhere_is_held_against_the_bounds() {
    let schema = compile(r#"{"fields":[{"name":"x","type":"timestamp","minimum":"1970-01-02"}]}"#)
        .expect("a definition");
    let rules = &schema.fields[0].rules;
    assert!(rules.check_instant(times_midnight(1), "x").is_ok());
    assert!(rules.check_instant(times_midnight(1) - 1, "x").is_err());
}

fn times_midnight(days: i32) -> i128 {
    crate::schema::times::midnight(days)
}

#[test]
fn enumerations_compare_by_meaning() {
    passes(r#""type":"long","enum":[1,20]"#, &["1.0", "2e1", "null"]);
    fails(r#""type":"long","enum":[1,20]"#, "record.enum", &["2"]);
    passes(r#""type":"timestamp","enum":["2024-01-01T00:00:00Z"]"#, &["\"2024-01-01T01:00:00.0+01:00\""]);
    passes(r#""type":"json","enum":[{"a":1,"b":[1.0]},"x"]"#, &[r#"{"b":[1],"a":1e0}"#, "\"x\""]);
    fails(r#""type":"json","enum":[{"a":1}]"#, "record.enum", &[r#"{"a":2}"#, "\"1\"", "true"]);
    assert_eq!(
        verdict(r#""type":"string","enum":["a","b"]"#, "\"c\""),
        r#"record.enum: "c" is not one of "a", "b""#
    );
}

#[test]
fn lengths_count_characters_and_items() {
    passes(r#""type":"string","min_length":1,"max_length":2"#, &["\"éé\"", "\"😀\""]);
    fails(r#""type":"string","min_length":1"#, "record.min_length", &["\"\""]);
    fails(r#""type":"string","max_length":2"#, "record.max_length", &["\"abc\""]);
    fails(r#""type":"list","items":"long","max_length":1"#, "record.max_length", &["[1,2]"]);
    fails(r#""type":"map","items":"long","min_length":1"#, "record.min_length", &["{}"]);
}

#[test]
fn patterns_are_searched_not_anchored() {
    passes(r#""type":"string","pattern":"b""#, &["\"abc\""]);
    passes(r#""type":"string","pattern":"^V-\\d+$""#, &["\"V-12\""]);
    fails(r#""type":"string","pattern":"^V-\\d+$""#, "record.pattern", &["\"xV-12\"", "\"V-١\"", "\"\""]);
}

#[test]
fn formats_are_those_of_json_schema() {
    for (format, good, bad) in [
        ("email", "\"a@example.org\"", "\"a.example.org\""),
        ("uuid", "\"123e4567-e89b-12d3-a456-426614174000\"", "\"123e4567\""),
        ("ipv4", "\"10.0.0.1\"", "\"10.0.0.256\""),
        ("ipv6", "\"::1\"", "\"::g\""),
        ("uri", "\"https://example.org/a\"", "\"example.org/a b\""),
        ("hostname", "\"example.org\"", "\"-a-\""),
        ("date", "\"2024-02-29\"", "\"2023-02-29\""),
        ("time", "\"12:00:00Z\"", "\"25:00:00Z\""),
        ("date-time", "\"2024-02-29T12:00:00Z\"", "\"2024-02-29\""),
    ] {
        let field = format!(r#""type":"string","format":"{format}""#);
        passes(&field, &[good]);
        fails(&field, "record.format", &[bad]);
    }
}

#[test]
fn every_listed_format_is_known_to_the_judge() {
    for name in FORMATS {
        // An unbalanced bracket after a bad escape is wrong in every one of them.
        assert!(!TextRule::format(name).expect("a format").admits("%%%{ ["), "{name}");
    }
    assert!(TextRule::format("int32").is_none());
}
