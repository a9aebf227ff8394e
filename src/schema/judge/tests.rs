use super::*;
use crate::schema::members;

fn judge(schema: &str) -> Judge {
    Judge::compile(&tree(&members::parse(schema).expect("JSON"))).expect("a schema")
}

fn verdict(schema: &str, record: &str) -> (String, String, String) {
    match judge(schema).check(record.as_bytes()) {
        Ok(()) => Default::default(),
        Err(violation) => (violation.pointer, violation.rule, violation.message),
    }
}

fn fault_of(schema: &str) -> String {
    let schema = tree(&members::parse(schema).expect("JSON"));
    Judge::compile(&schema).map(drop).expect_err("a fault").to_string()
}

#[test]
fn each_keyword_has_its_code_and_place() {
    for (schema, record, pointer, rule) in [
        (r#"{"properties":{"a":{"type":"integer"}}}"#, r#"{"a":1.5}"#, "/a", "record.type"),
        (r#"{"required":["a/b"]}"#, "{}", "/a~1b", "record.required"),
        (r#"{"properties":{"a":{"enum":[1,2]}}}"#, r#"{"a":3}"#, "/a", "record.enum"),
        (r#"{"properties":{"a":{"const":1}}}"#, r#"{"a":3}"#, "/a", "record.enum"),
        (r#"{"properties":{"a":{"minimum":1}}}"#, r#"{"a":0}"#, "/a", "record.minimum"),
        (r#"{"properties":{"a":{"exclusiveMinimum":1}}}"#, r#"{"a":1}"#, "/a", "record.minimum"),
        (r#"{"properties":{"a":{"maximum":1}}}"#, r#"{"a":2}"#, "/a", "record.maximum"),
        (r#"{"properties":{"a":{"exclusiveMaximum":1}}}"#, r#"{"a":1}"#, "/a", "record.maximum"),
        (r#"{"properties":{"a":{"minLength":2}}}"#, r#"{"a":"x"}"#, "/a", "record.min_length"),
        (r#"{"properties":{"a":{"maxLength":0}}}"#, r#"{"a":"x"}"#, "/a", "record.max_length"),
        (r#"{"properties":{"a":{"pattern":"^y"}}}"#, r#"{"a":"x"}"#, "/a", "record.pattern"),
        (r#"{"properties":{"a":{"format":"uuid"}}}"#, r#"{"a":"x"}"#, "/a", "record.format"),
        (r#"{"additionalProperties":false}"#, r#"{"b":1}"#, "/b", "record.unknown_field"),
        (r#"{"unevaluatedProperties":false}"#, r#"{"b":1}"#, "/b", "record.unknown_field"),
        (r#"{"properties":{"a":{"uniqueItems":true}}}"#, r#"{"a":[1,1.0]}"#, "/a", "record.unique_items"),
        (r#"{"properties":{"a":{"multipleOf":0.01}}}"#, r#"{"a":0.001}"#, "/a", "record.multiple_of"),
        (r#"{"properties":{"a":{"items":{"type":"string"}}}}"#, r#"{"a":["x",1]}"#, "/a/1", "record.type"),
    ] {
        let found = verdict(schema, record);
        assert_eq!((found.0.as_str(), found.1.as_str()), (pointer, rule), "{schema} {record}");
        assert!(!found.2.is_empty());
    }
}

#[test]
fn formats_are_asserted_in_every_draft() {
    for draft in ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"] {
        let schema = format!(r#"{{"$schema":"{draft}","properties":{{"a":{{"format":"email"}}}}}}"#);
        assert_eq!(verdict(&schema, r#"{"a":"nobody"}"#).1, "record.format", "{draft}");
    }
}

#[test]
fn international_names_are_formats_like_any_other() {
    for (format, good, bad) in
        [("idn-hostname", "bücher.example", "-bücher.example"), ("idn-email", "anna@bücher.example", "anna")]
    {
        let schema = format!(r#"{{"properties":{{"a":{{"format":"{format}"}}}}}}"#);
        assert_eq!(verdict(&schema, &format!(r#"{{"a":"{good}"}}"#)).1, "", "{good}");
        assert_eq!(verdict(&schema, &format!(r#"{{"a":"{bad}"}}"#)).1, "record.format", "{bad}");
    }
}

#[test]
fn an_unknown_format_is_an_annotation() {
    assert_eq!(verdict(r#"{"properties":{"a":{"type":"integer","format":"int64"}}}"#, r#"{"a":1}"#).1, "");
}

#[test]
fn the_deepest_violation_is_told_and_the_others_are_counted() {
    let schema = r#"{"required":["z"],"properties":{"a":{"properties":{"b":{"type":"string"}}}}}"#;
    let (pointer, rule, message) = verdict(schema, r#"{"a":{"b":1}}"#);
    assert_eq!((pointer.as_str(), rule.as_str()), ("/a/b", "record.type"));
    assert_eq!(message, r#"1 is not of type "string" (1 more violation in this record)"#);
}

#[test]
fn a_union_tells_what_is_wrong_in_the_branch_that_was_meant() {
    let optional = r#"{"properties":{"a":{"anyOf":[{"type":"integer","minimum":3},{"type":"null"}]}}}"#;
    assert_eq!(verdict(optional, r#"{"a":1}"#).1, "record.minimum");
    assert_eq!(verdict(optional, r#"{"a":"x"}"#).1, "record.any_of");
    let tagged = r#"{"oneOf":[
        {"properties":{"kind":{"const":"a"},"n":{"type":"string"}}},
        {"properties":{"kind":{"const":"b"},"n":{"type":"integer"}}}]}"#;
    let (pointer, rule, _) = verdict(tagged, r#"{"kind":"b","n":"x"}"#);
    assert_eq!((pointer.as_str(), rule.as_str()), ("/n", "record.type"));
}

#[test]
fn every_digit_counts() {
    let schema = r#"{"properties":{"id":{"type":"integer","maximum":12345678901234567890}}}"#;
    assert_eq!(verdict(schema, r#"{"id":12345678901234567890}"#).1, "");
    assert_eq!(verdict(schema, r#"{"id":12345678901234567891}"#).1, "record.maximum");
    let cents = r#"{"properties":{"x":{"minimum":0.1}}}"#;
    assert_eq!(verdict(cents, r#"{"x":0.0999999999999999999999}"#).1, "record.minimum");
}

#[test]
fn huge_exponents_cost_nothing() {
    let schema = r#"{"properties":{"x":{"type":"integer","maximum":10,"multipleOf":3}}}"#;
    assert_eq!(verdict(schema, r#"{"x":1e999999999}"#).1, "record.maximum");
}

#[test]
fn an_object_that_plays_a_number_stays_an_object() {
    let schema = r#"{"properties":{"x":{"type":"number"}}}"#;
    assert_eq!(verdict(schema, r#"{"x":{"$serde_json::private::Number":"1"}}"#).1, "record.type");
}

#[test]
fn recursive_schemas_end() {
    assert_eq!(verdict(r##"{"$ref":"#"}"##, "{}").1, "");
    assert_eq!(verdict(r##"{"allOf":[{"$ref":"#"}],"required":["a"]}"##, "{}").1, "record.required");
    let tree = r##"{"properties":{"child":{"$ref":"#"},"n":{"type":"integer"}}}"##;
    assert_eq!(verdict(tree, r#"{"child":{"child":{"n":"x"}}}"#).0, "/child/child/n");
}

#[test]
fn long_values_are_shortened_in_messages() {
    let record = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    let (_, _, message) = verdict(r#"{"properties":{"a":{"maxLength":3}}}"#, &record);
    assert!(message.len() < 500, "{message}");
}

#[test]
fn nothing_is_fetched() {
    for uri in ["https://example.org/order.json", "file:///etc/passwd"] {
        let fault = fault_of(&format!(r#"{{"properties":{{"a":{{"$ref":"{uri}"}}}}}}"#));
        assert!(fault.contains(uri) && fault.contains("nothing is fetched"), "{fault}");
    }
}

#[test]
fn a_wrong_schema_says_where() {
    let fault = fault_of(r#"{"properties":{"a":{"type":"strng"}}}"#);
    assert!(fault.starts_with("the JSON Schema is not valid at /properties/a/type: "), "{fault}");
}

#[test]
fn the_judge_knows_whether_unknown_members_are_refused() {
    assert!(judge(r#"{"additionalProperties":false}"#).forbids_unknown_fields());
    assert!(!judge(r#"{"additionalProperties":true}"#).forbids_unknown_fields());
}
