use super::*;
use crate::schema::field::{EpochUnit, Resolution};

fn types(text: &str) -> Vec<String> {
    let schema = compile(text).unwrap_or_else(|bad| panic!("{text}: {bad}"));
    schema.fields.iter().map(|field| format!("{} {}", field.name, describe(field))).collect()
}

fn describe(field: &Field) -> String {
    let inner = match &field.kind {
        Kind::Struct(fields) => {
            let members: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.name, describe(field))).collect();
            format!("struct<{}>", members.join(", "))
        }
        Kind::List(item) => format!("list<{}>", describe(item)),
        Kind::Map(value) => format!("map<{}>", describe(value)),
        kind => kind.name(),
    };
    if field.nullable { inner } else { inner + "!" }
}

fn fault(text: &str) -> String {
    match compile(text) {
        Ok(_) => panic!("{text} compiles"),
        Err(bad) => bad.to_string(),
    }
}

fn one(field: &str) -> Field {
    let text = format!(r#"{{"fields":[{{"name":"x",{field}}}]}}"#);
    compile(&text).unwrap_or_else(|bad| panic!("{text}: {bad}")).fields.remove(0)
}

fn one_fault(field: &str) -> String {
    fault(&format!(r#"{{"fields":[{{"name":"x",{field}}}]}}"#))
}

#[test]
fn fields_become_columns_in_their_order() {
    let text = r#"{
        "description": "orders",
        "fields": [
            {"name": "id", "type": "string", "nullable": false, "doc": "the key"},
            {"name": "amount", "type": "decimal(12,2)", "required": true},
            {"name": "address", "type": "struct", "fields": [{"name": "city", "type": "text"}]},
            {"name": "tags", "type": "list", "items": "string"},
            {"name": "lines", "type": "array", "items": {"type": "record", "fields": [{"name": "n", "type": "int"}], "nullable": false}},
            {"name": "extra", "type": "map", "values": "bigint"},
            {"name": "nested", "type": {"type": "list", "items": {"type": "struct", "fields": [{"name": "a", "type": "any"}]}}}
        ],
        "primary_key": ["id"]
    }"#;
    assert_eq!(
        types(text),
        [
            "id string!",
            "amount decimal(12,2)!",
            "address struct<city string>",
            "tags list<string>",
            "lines list<struct<n int>!>",
            "extra map<long>",
            "nested list<struct<a json>>",
        ]
    );
    assert_eq!(compile(text).expect("a definition").primary_key, [0]);
}

#[test]
fn a_field_keeps_its_aliases_default_and_unit() {
    let field = one(r#""type":"timestamp","unit":"ms","aliases":["ts","time"],"default":0"#);
    assert_eq!(field.aliases, ["ts", "time"]);
    assert_eq!(field.default.as_deref(), Some("0"));
    assert!(matches!(
        field.kind,
        Kind::Timestamp { resolution: Resolution::Micros, epoch: Some(EpochUnit::Millis) }
    ));
    assert_eq!(one(r#""type":"decimal(5,2)","default":1.10"#).default.as_deref(), Some("1.10"));
    assert_eq!(one(r#""type":"string","default":null"#).default, None);
}

#[test]
fn rules_are_kept() {
    assert!(one(r#""type":"string""#).rules.is_empty());
    assert!(!one(r#""type":"string","enum":["a"]"#).rules.is_empty());
    assert!(!one(r#""type":"list","items":"long","max_length":3"#).rules.is_empty());
}

#[test]
fn broken_texts_say_where() {
    assert!(
        fault("{\"fields\": [\n  {\"name\": \"a\",}\n]}")
            .starts_with("not valid JSON at line 2, column 15: ")
    );
    assert!(fault("").starts_with("not valid JSON at line 1, column 1: "));
    assert!(fault("[]").starts_with("the definition is array; "));
    assert!(fault("{}").contains("neither \"fields\""));
    assert!(fault(&"[".repeat(10_000)).contains("nest deeper"));
}

#[test]
fn mistakes_in_a_field_are_named() {
    for (field, expected) in [
        (r#""typ":"string""#, r#"field x: unknown key "typ"; did you mean "type"?"#),
        (r#""type":"interger""#, r#"field x: unknown type "interger"; did you mean "integer"?"#),
        (
            r#""type":"string","pattern":"[""#,
            r#"field x: "pattern" is not a regular expression: unclosed character class"#,
        ),
        (
            r#""type":"string","format":"e-mail""#,
            r#"field x: unknown format "e-mail"; did you mean "email"?"#,
        ),
        (
            r#""type":"string","minimum":1"#,
            r#"field x: "minimum" does not apply to the type string; it applies to numbers, dates and timestamps"#,
        ),
        (
            r#""type":"long","unit":"ms""#,
            r#"field x: "unit" does not apply to the type long; it applies to timestamp and timestamp_ns"#,
        ),
        (
            r#""type":"timestamp","unit":"minutes""#,
            r#"field x: "unit" cannot be "minutes"; known are s, ms, us, ns"#,
        ),
        (
            r#""type":"long","minimum":5,"maximum":4"#,
            "field x: no value could pass between the minimum 5 and the maximum 4",
        ),
        (
            r#""type":"long","minimum":5,"exclusive_maximum":5"#,
            "field x: no value could pass between the minimum 5 and the maximum 5",
        ),
        (
            r#""type":"date","minimum":"2024-02-01","maximum":"2024-01-01""#,
            "field x: no value could pass between the minimum 2024-02-01 and the maximum 2024-01-01",
        ),
        (
            r#""type":"string","min_length":2,"max_length":1"#,
            "field x: no value could pass between the minimum 2 and the maximum 1",
        ),
        (
            r#""type":"string","min_length":-1"#,
            r#"field x: "min_length" must be a whole number, 0 or more, found -1 (number)"#,
        ),
        (
            r#""type":"long","minimum":"a""#,
            r#"field x: "minimum" is not a value of the type long: found "a""#,
        ),
        (r#""type":"long","enum":[]"#, r#"field x: "enum" is empty, so no value could pass"#),
        (
            r#""type":"long","enum":[1,"2"]"#,
            r#"field x: "enum" is not a value of the type long: "2" is text, expected long"#,
        ),
        (
            r#""type":"int","default":2147483648"#,
            r#"field x: "default" is not a value of the type int: 2147483648 is number, expected int"#,
        ),
        (
            r#""type":"string","default":"","min_length":1"#,
            r#"field x: "default" is not a value of the type string: "" has 0 characters, fewer than the minimum of 1"#,
        ),
        (
            r#""type":"string","nullable":false,"default":null"#,
            r#"field x: "default" is not a value of the type string: null is not allowed here"#,
        ),
        (
            r#""type":"string","nullable":"no""#,
            r#"field x: "nullable" must be true or false, found "no" (text)"#,
        ),
        (
            r#""type":"string","nullable":true,"required":true"#,
            r#"field x: "required" and "nullable" contradict each other; keep one of them"#,
        ),
        (r#""type":"string","type":"long""#, r#"field x: the key "type" occurs twice"#),
        (
            r#""type":"string","items":"long""#,
            r#"field x: "items" does not apply to the type string; it applies to list and map"#,
        ),
        (
            r#""type":"list""#,
            r#"field x: "items" is missing; it says what the elements are, for instance "items": "string""#,
        ),
        (
            r#""type":"struct","fields":[]"#,
            r#"field x: "fields" is missing; a struct names its members there; for free keys write "type": "map" or "json""#,
        ),
        (
            r#""type":"list","items":{"type":"list","items":"strin"}"#,
            r#"field x[][]: unknown type "strin"; did you mean "string"?"#,
        ),
        (
            r#""type":"struct","fields":[{"name":"y","type":"list","items":{"type":"x"}}]"#,
            r#"field x.y[]: unknown type "x"; known are string"#,
        ),
        (r#""type":7"#, r#"field x: "type" must be the name of a type, found 7 (number)"#),
        (
            r#""nullable":true"#,
            r#"field x: "type" is missing; every field needs a type, for instance "string""#,
        ),
    ] {
        let found = one_fault(field);
        assert!(found.starts_with(expected), "{field}\n  expected {expected}\n  found    {found}");
    }
    assert!(one_fault(r#""type":["string","null"]"#).contains("write \"nullable\": true"));
    assert!(one_fault(r#""type":"decimal""#).contains("decimal(18,2)"));
}

#[test]
fn mistakes_around_the_fields_are_named() {
    for (text, expected) in [
        (r#"{"fields":[]}"#, "the definition has no fields; at least one column is needed"),
        (r#"{"fields":{}}"#, r#""fields" must be an array, found {} (object)"#),
        (r#"{"fields":[1]}"#, "field #1: expected an object, found number"),
        (
            r#"{"fields":[{"type":"string"}]}"#,
            r#"field #1: "name" is missing; every field needs the name of its column"#,
        ),
        (r#"{"fields":[{"name":"","type":"string"}]}"#, "field #1: a column name must not be empty"),
        (
            r#"{"fields":[{"name":"a","type":"string"}],"primary_keys":["a"]}"#,
            r#"unknown key "primary_keys"; did you mean "primary_key"?"#,
        ),
        (
            r#"{"fields":[{"name":"id","type":"string"}],"primary_key":["ID"]}"#,
            r#"primary_key names "ID", which is no column; did you mean "id"?"#,
        ),
        (
            r#"{"fields":[{"name":"id","type":"string"}],"primary_key":["id","id"]}"#,
            r#"primary_key names "id" twice"#,
        ),
        (
            r#"{"fields":[{"name":"id","type":"json"}],"primary_key":"id"}"#,
            r#"primary_key names "id", which is of type json; a key column holds a single value"#,
        ),
        (
            r#"{"fields":[{"name":"a","type":"string"},{"name":"a","type":"long"}]}"#,
            "field a: the name is used twice",
        ),
        (
            r#"{"fields":[{"name":"Id","type":"string"},{"name":"id","type":"long"}]}"#,
            r#"field id: the name differs from "Id" only in upper and lower case"#,
        ),
        (
            r#"{"fields":[{"name":"s","type":"struct","fields":[{"name":"a","type":"int"},{"name":"A","type":"int"}]}]}"#,
            r#"field s.A: the name differs from "a""#,
        ),
        (
            r#"{"fields":[{"name":"a","type":"string"},{"name":"b","type":"long","aliases":["a"]}]}"#,
            r#"field b: the key "a" already belongs to the field "a""#,
        ),
        (
            r#"{"fields":[{"name":"_load_id","type":"string"}]}"#,
            "field _load_id: the name is reserved for a column that Lakegate adds itself",
        ),
        (r#"{"fields":[{"name":"_Rescued","type":"string"}]}"#, "field _Rescued: the name is reserved"),
    ] {
        let found = fault(text);
        assert!(found.starts_with(expected), "{text}\n  expected {expected}\n  found    {found}");
    }
    let long = format!(r#"{{"fields":[{{"name":"{}","type":"string"}}]}}"#, "é".repeat(128));
    assert_eq!(fault(&long), "field #1: a column name may have at most 255 bytes");
}

#[test]
fn reserved_names_are_free_inside_a_struct() {
    let text = r#"{"fields":[{"name":"s","type":"struct","fields":[{"name":"_load_id","type":"long"}]}]}"#;
    assert_eq!(types(text), ["s struct<_load_id long>"]);
}

#[test]
fn depth_and_width_are_guarded() {
    let nested =
        |depth: usize| format!("{}\"long\"{}", r#"{"type":"list","items":"#.repeat(depth), "}".repeat(depth));
    assert!(
        one_fault(&format!(r#""type":"list","items":{}"#, nested(40))).contains("nest deeper than 32 levels")
    );
    one(&format!(r#""type":"list","items":{}"#, nested(30)));
    let typed = format!("{}\"long\"{}", r#"{"type":"#.repeat(60), "}".repeat(60));
    assert!(one_fault(&format!(r#""type":{typed}"#)).contains("nest deeper"));
    let many: Vec<_> = (0..=MAX_COLUMNS).map(|at| format!(r#"{{"name":"c{at}","type":"long"}}"#)).collect();
    assert!(fault(&format!(r#"{{"fields":[{}]}}"#, many.join(","))).contains("more than 10000 columns"));
}

#[test]
fn a_rendered_schema_compiles_to_itself() {
    let text = r#"{"fields":[
        {"name":"id \" \u0001","type":"string","nullable":false,"pattern":"^\\d+$","aliases":["ID",""],"default":"1"},
        {"name":"at","type":"timestamp_ns","unit":"ns","minimum":"2020-01-01"},
        {"name":"s","type":"struct","fields":[{"name":"d","type":"decimal(5,2)","exclusive_maximum":1.50},{"name":"l","type":"list","items":{"type":"long","nullable":false,"enum":[1,2]}}]},
        {"name":"m","type":"map","items":{"type":"struct","fields":[{"name":"x","type":"json"}]}},
        {"name":"e","type":"list","items":{"type":"timestamp","unit":"s"}}
    ],"primary_key":["id \" \u0001"]}"#;
    let first = render(&compile(text).expect("a definition"));
    let again = compile(&first).unwrap_or_else(|bad| panic!("{first}: {bad}"));
    assert_eq!(render(&again), first);
    assert_eq!(types(&first), types(text));
    assert!(first.contains(r#""exclusive_maximum": 1.50"#) && first.contains(r#""unit": "ns""#), "{first}");
}

#[test]
fn checks_and_unique_keys_are_compiled_and_rendered() {
    let text = r#"{"fields":[{"name":"id","type":"long","unique":true},{"name":"Shop","type":"string"},{"name":"till","type":"int"}],
        "unique":[["Shop","till"],["id"]],
        "checks":[{"name":"a-1","expr":"id > till"},{"name":"b","expression":"SHOP <> 'x\"y'","description":"never"}]}"#;
    let schema = compile(text).expect("a definition");
    assert_eq!(schema.unique, [vec![0], vec![1, 2]]);
    assert_eq!(schema.checks.iter().map(|check| check.rule()).collect::<Vec<_>>(), ["check.a-1", "check.b"]);
    assert_eq!(schema.checks[1].columns, [1]);
    let rendered = render(&schema);
    let again = compile(&rendered).unwrap_or_else(|bad| panic!("{rendered}: {bad}"));
    assert_eq!((again.unique.clone(), render(&again)), (schema.unique, rendered));
    for (unique, expected) in [
        (r#""id""#, vec![vec![0]]),
        (r#"["id"]"#, vec![vec![0]]),
        (r#"[["till","id"],["id","till"]]"#, vec![vec![0], vec![2, 0]]),
        ("[]", vec![vec![0]]),
    ] {
        let text = text.replace(r#"[["Shop","till"],["id"]]"#, unique);
        assert_eq!(compile(&text).expect("a definition").unique, expected, "{unique}");
    }
}

#[test]
fn wrong_checks_and_unique_keys_are_named() {
    let told = |demands: &str| {
        fault(&format!(
            r#"{{"fields":[{{"name":"id","type":"long"}},{{"name":"tags","type":"list","items":"string"}}],{demands}}}"#
        ))
    };
    for (demands, expected) in [
        (r#""unique":["id","tags"]"#, "\"unique\" must be a list of keys, each a list of columns"),
        (r#""unique":true"#, "\"unique\" must be a list of keys"),
        (r#""unique":[[]]"#, "\"unique\" must be a list of keys"),
        (r#""unique":[["di"]]"#, "unique names \"di\", which is no column; did you mean \"id\"?"),
        (r#""unique":[["id","id"]]"#, "unique names \"id\" twice"),
        (r#""unique":[["tags"]]"#, "unique names \"tags\", which is of type list"),
        (r#""checks":{}"#, "\"checks\" must be an array"),
        (r#""checks":["id > 1"]"#, "check #1: expected an object"),
        (r#""checks":[{"expr":"id > 1"}]"#, "check #1: \"name\" is missing"),
        (r#""checks":[{"name":"a"}]"#, "check #1: \"expr\" is missing"),
        (r#""checks":[{"name":"a b","expr":"id > 1"}]"#, "check \"a b\": a name begins with a letter"),
        (
            r#""checks":[{"name":"a","expr":"id > 1"},{"name":"A","expr":"id > 2"}]"#,
            "two checks have the name \"A\"",
        ),
        (
            r#""checks":[{"name":"a","exp":"id > 1"}]"#,
            "check #1: unknown key \"exp\"; did you mean \"expr\"?",
        ),
        (r#""checks":[{"name":"a","expr":"idd > 1"}]"#, "check \"a\" names \"idd\", which is no column"),
    ] {
        assert!(told(demands).contains(expected), "{demands}: {}", told(demands));
    }
    let nested =
        r#"{"fields":[{"name":"s","type":"struct","fields":[{"name":"x","type":"long","unique":true}]}]}"#;
    assert!(fault(nested).contains("\"unique\" holds for columns of the table only"), "{}", fault(nested));
}

mod json_schema {
    use super::*;

    fn kinds(properties: &str) -> Vec<String> {
        types(&format!(r#"{{"type":"object","properties":{{{properties}}}}}"#))
    }

    #[test]
    fn plain_types_become_columns() {
        for (schema, expected) in [
            (r#"{"type":"string"}"#, "string"),
            (r#"{"type":"string","format":"date-time"}"#, "timestamp"),
            (r#"{"type":"string","format":"date"}"#, "date"),
            (r#"{"type":"string","format":"email"}"#, "string"),
            (r#"{"type":"string","contentEncoding":"base64"}"#, "string"),
            (r#"{"type":"integer"}"#, "long"),
            (r#"{"type":"integer","format":"int32"}"#, "int"),
            (r#"{"type":"number"}"#, "double"),
            (r#"{"type":["integer","number"]}"#, "double"),
            (r#"{"type":"boolean"}"#, "boolean"),
            (r#"{"type":["string","null"]}"#, "string"),
            (r#"{"type":["string","integer"]}"#, "json"),
            (r#"{"type":"null"}"#, "json"),
            (r#"{"type":"array","items":{"type":"string"}}"#, "list<string!>"),
            (r#"{"type":"array","items":{"type":["integer","null"]}}"#, "list<long>"),
            (r#"{"type":"array"}"#, "list<json>"),
            (
                r#"{"type":"array","prefixItems":[{"type":"string"}],"items":{"type":"integer"}}"#,
                "list<json>",
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#,
                "struct<a string!>",
            ),
            (r#"{"type":"object","additionalProperties":{"type":"integer"}}"#, "map<long!>"),
            (r#"{"type":"object"}"#, "json"),
            (r#"{"type":"object","patternProperties":{"^a":{"type":"string"}}}"#, "json"),
            (r#"{"type":"object","properties":{"a":{},"A":{}}}"#, "json"),
            (r#"{"properties":{"a":{}}}"#, "json"),
            (r#"{"enum":["a","b",null]}"#, "string"),
            (r#"{"enum":[1,2.5]}"#, "double"),
            (r#"{"enum":[1,2]}"#, "long"),
            (r#"{"enum":[1,"a"]}"#, "json"),
            (r#"{"enum":[12345678901234567890]}"#, "json"),
            (r#"{"const":true}"#, "boolean"),
            (r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, "string"),
            (r#"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#, "json"),
            (r#"{"allOf":[{"type":"string"}]}"#, "string"),
            (r#"{"allOf":[{"type":"string"},{"maxLength":3}]}"#, "json"),
            (r#"{}"#, "json"),
            (r#"true"#, "json"),
        ] {
            assert_eq!(kinds(&format!("\"x\":{schema}")), [format!("x {expected}")], "{schema}");
        }
    }

    #[test]
    fn required_and_null_decide_nullability() {
        let text = r#"{"properties":{
            "a":{"type":"string"},"b":{"type":"string"},"c":{"type":["string","null"]},"d":{"anyOf":[{"type":"string"},{"type":"null"}]},"e":false},
            "required":["a","c","d"]}"#;
        assert_eq!(types(text), ["a string!", "b string", "c string", "d string"]);
    }

    #[test]
    fn local_references_are_followed() {
        let text = r##"{"$ref":"#/$defs/order","$defs":{
            "order":{"type":"object","properties":{"lines":{"type":"array","items":{"$ref":"#/$defs/line"}},"parent":{"$ref":"#/$defs/order"}}},
            "line":{"type":"object","properties":{"n":{"type":"integer"}}}}}"##;
        assert_eq!(
            types(text),
            ["lines list<struct<n long>!>", "parent struct<lines list<struct<n long>!>, parent json>"]
        );
        let old = r##"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$ref":"#/definitions/a"}},"definitions":{"a":{"type":"boolean"}}}"##;
        assert_eq!(types(old), ["a boolean"]);
    }

    #[test]
    fn beside_a_reference_older_drafts_see_nothing() {
        let text = |draft: &str| {
            format!(
                r##"{{"$schema":"{draft}","properties":{{"a":{{"$ref":"#/definitions/a","type":"integer"}}}},"definitions":{{"a":{{"type":["integer","string"]}}}}}}"##
            )
        };
        assert_eq!(types(&text("http://json-schema.org/draft-07/schema#")), ["a json"]);
        assert_eq!(types(&text("https://json-schema.org/draft/2020-12/schema")), ["a long"]);
    }

    #[test]
    fn references_that_multiply_end_in_a_message() {
        let mut definitions = Vec::new();
        for at in 0..30 {
            let next = at + 1;
            definitions.push(format!(
                r##""d{at}":{{"type":"object","properties":{{"x":{{"$ref":"#/$defs/d{next}"}},"y":{{"$ref":"#/$defs/d{next}"}}}}}}"##
            ));
        }
        definitions.push(r#""d30":{"type":"string"}"#.into());
        let text = format!(
            r##"{{"properties":{{"a":{{"$ref":"#/$defs/d0"}}}},"$defs":{{{}}}}}"##,
            definitions.join(",")
        );
        assert!(fault(&text).contains("more than 10000 columns"));
    }

    #[test]
    fn defaults_are_honoured_and_checked() {
        let schema = compile(r#"{"properties":{"a":{"type":"integer","default":1.0}}}"#).expect("a schema");
        assert_eq!(schema.fields[0].default.as_deref(), Some("1.0"));
        let bad = fault(r#"{"properties":{"a":{"type":"integer","default":"x"}}}"#);
        assert_eq!(bad, r#"field a: "default" is not a value of the type long: "x" is text, expected long"#);
    }

    #[test]
    fn the_judge_comes_along() {
        let schema = compile(r#"{"properties":{"a":{"minimum":1}},"x-primary-key":["a"]}"#);
        assert!(schema.expect_err("json is no key").to_string().contains("of type json"));
        let schema = compile(r#"{"properties":{"a":{"type":"integer","minimum":1}},"primary_key":["a"]}"#)
            .expect("a schema");
        assert_eq!(schema.primary_key_names(), ["a"]);
        assert!(schema.fields[0].rules.is_empty());
        assert!(schema.judge.expect("a judge").check(br#"{"a":0}"#).is_err());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            (r#"{"type":"object"}"#, "the JSON Schema names no properties"),
            (r#"{"type":"array","properties":{"a":{}}}"#, "the JSON Schema describes array"),
            (
                r#"{"properties":{"a":{"type":"strng"}}}"#,
                "the JSON Schema is not valid at /properties/a/type: ",
            ),
            (
                r#"{"properties":{"a":{"pattern":"["}}}"#,
                "the JSON Schema is not valid at /properties/a/pattern: ",
            ),
            (r#"{"properties":{"a":{},"A":{}}}"#, r#"field A: the name differs from "a""#),
            (r#"{"properties":{"a":{},"a":{}}}"#, r#"the key "a" occurs twice"#),
            (r#"{"properties":{"_load_id":{}}}"#, "field _load_id: the name is reserved"),
            (r#"{"properties":{"":{}}}"#, "field #1: a column name must not be empty"),
            (
                r#"{"properties":{"a":{"$ref":"https://example.org/x"}}}"#,
                "the JSON Schema refers to https://example.org/x, and nothing is fetched",
            ),
            (r##"{"properties":{"a":{"$ref":"#/$defs/none"}}}"##, "the JSON Schema is not valid"),
            (r#"{"$schema":"https://example.org/own","properties":{"a":{}}}"#, "the JSON Schema"),
            (r#"{"properties":{"a":{}},"primary_key":5}"#, r#""primary_key" must be an array"#),
        ] {
            let found = fault(text);
            assert!(found.starts_with(expected), "{text}\n  expected {expected}\n  found    {found}");
        }
    }

    #[test]
    fn a_deep_schema_does_not_overflow() {
        let deep = format!("{}{{}}{}", r#"{"type":"object","properties":{"x":"#.repeat(45), "}}".repeat(45));
        assert!(compile(&deep).is_ok());
        assert!(fault(&"{\"not\":".repeat(5000)).contains("nest deeper"));
    }
}

mod property {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::fit;

    /// A JSON Schema made of keywords that belong together, and of some that do not.
    fn schema() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            r#"{"type":"string"}"#,
            r#"{"type":["integer","null"],"minimum":0}"#,
            r#"{"type":["number","integer"]}"#,
            r#"{"type":"boolean","default":true}"#,
            r#"{"enum":[1,2.5,null]}"#,
            r#"{"const":"x"}"#,
            r#"{"type":["string","boolean"]}"#,
            r##"{"$ref":"#/$defs/d"}"##,
            r##"{"$ref":"#/properties/a"}"##,
            r##"{"$ref":"#"}"##,
            r#"{"maxLength":1}"#,
            "true",
            "false",
            "{}",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            prop_oneof![
                inner.clone().prop_map(|of| format!(r#"{{"type":"array","items":{of}}}"#)),
                inner.clone().prop_map(|of| format!(r#"{{"type":"object","additionalProperties":{of}}}"#)),
                two.clone().prop_map(|(a, b)| {
                    format!(r#"{{"type":"object","properties":{{"a":{a},"b":{b}}},"required":["a"]}}"#)
                }),
                two.clone().prop_map(|(a, b)| format!(r#"{{"anyOf":[{a},{b}]}}"#)),
                two.prop_map(|(a, b)| format!(r#"{{"allOf":[{a},{b}],"type":["object","null"]}}"#)),
                inner.clone().prop_map(|of| format!(r#"{{"oneOf":[{of},{{"type":"null"}}]}}"#)),
                inner.prop_map(|of| format!(r#"{{"allOf":[{of}]}}"#)),
            ]
        })
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["null", "true", "0", "-1", "2.5", "1.0", "\"x\"", "\"yz\""]);
        leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
                inner.clone().prop_map(|a| format!(r#"{{"a":{a}}}"#)),
                (inner.clone(), inner).prop_map(|(a, b)| format!(r#"{{"a":{a},"b":{b}}}"#)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_the_judge_accepts_fits_its_columns(
            a in schema(), b in schema(), d in schema(), record in (value(), value())
        ) {
            let text = format!(r#"{{"properties":{{"a":{a},"b":{b}}},"$defs":{{"d":{d}}}}}"#);
            let record = format!(r#"{{"a":{},"b":{}}}"#, record.0, record.1);
            let Ok(schema) = compile(&text) else { return Ok(()) };
            let judge = schema.judge.as_ref().expect("a judge");
            if judge.check(record.as_bytes()).is_ok() {
                let value = members::parse(&record).expect("JSON");
                let Node::Object(members) = &value.node else { panic!("an object") };
                for (key, value) in members {
                    let field = schema.fields.iter().find(|field| field.answers_to(key));
                    let verdict = field.map_or(Ok(()), |field| fit::check(field, value));
                    // Members that the schema does not name are for the rescue column.
                    let is_unknown = matches!(&verdict, Err(bad) if bad.rule == "record.unknown_field");
                    prop_assert!(verdict.is_ok() || is_unknown, "{text}\n{record}\n{verdict:?}");
                }
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"[\[\]{}",:0-9a-z$# ]{0,60}"#) {
        let _ = compile(&text);
    }
}
