//! JSON as people and old exports write it.

use super::bench::Bench;

/// Two records of a vendor who leaves out the braces, breaks a line inside a text and spells a key with its colon.
const EVENTS: &str = "\"vehicles_events\": [\n{\n\"vehicle_id\": \"a1\",\n\"at\": \"2022-06-05T21:02:34.546Z\",\n\
    \"extra:\": {\n\"note\": \"all is well\",\n\"boot_time\": 12\n}\n},\n{\n\"vehicle_id\": \"b2\",\n\
    \"at\": \"2022-06-06T00:02:34.546Z\",\n\"extra:\": {\n\"note\": \"a rare event, usually caused by\naccident\",\n\
    \"emergency\": true\n}\n}\n]\n";
/// Another export of the same house, with a comma behind each last member, under a key in the singular.
const STATUS: &str = "\"vehicle_status\": [\n{\n\"vehicle_id\": \"a1\",\n\"at\": \"2022-05-05T21:02:34.546Z\",\n},\n{\n\
    \"vehicle_id\": \"b2\",\n\"at\": \"2022-05-06T00:02:34.546Z\",\n},\n{\n\"vehicle_id\": \"c3\",\n\
    \"at\": \"2022-05-09T00:02:34.546Z\"\n}\n]\n";
const VEHICLES: &str = r#"{"fields":[{"name":"vehicle_id","type":"string","nullable":false},
    {"name":"at","type":"timestamp","nullable":false},{"name":"extra","type":"json","aliases":["extra:"]}]}"#;

#[test]
fn what_a_vendor_wrote_loads_completely_once_its_type_is_lenient() {
    let bench = Bench::with_type(VEHICLES, "{}");
    let files = [("t_20220606000234.json", EVENTS.as_bytes()), ("t_20220509000234.json", STATUS.as_bytes())];
    assert_eq!(bench.load(&files).code, 1);
    assert_eq!(
        bench.states(),
        ["t_20220509000234.json failed json.syntax", "t_20220606000234.json failed json.syntax"]
    );
    for failed in bench.ask("SELECT error_message AS m, error_hint AS h FROM files") {
        let (message, hint) = (failed["m"].to_string(), failed["h"].to_string());
        assert!(message.contains("line 1, column 1 (byte 0): the document starts with a key"), "{message}");
        assert!(hint.contains(r#"\"lenient\": true in processing_config"#), "{hint}");
    }

    let config = "UPDATE table_metadata SET processing_config = '{\"lenient\": true}'";
    assert_eq!(bench.place.run(&["sql", config]).code, 0);
    let retried = bench.place.run(&["files", "retry", "t_20220606000234.json", "t_20220509000234.json"]);
    assert_eq!(retried.code, 0, "{}", retried.talk);
    let ran = bench.pass();
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT vehicle_id AS v, at, extra, _rescued AS r FROM t ORDER BY at"),
        [
            r#"{"v":"a1","at":"2022-05-05T21:02:34.546Z","extra":null,"r":null}"#,
            r#"{"v":"b2","at":"2022-05-06T00:02:34.546Z","extra":null,"r":null}"#,
            r#"{"v":"c3","at":"2022-05-09T00:02:34.546Z","extra":null,"r":null}"#,
            r#"{"v":"a1","at":"2022-06-05T21:02:34.546Z","extra":"{\n\"note\": \"all is well\",\n\"boot_time\": 12\n}","r":null}"#,
            r#"{"v":"b2","at":"2022-06-06T00:02:34.546Z","extra":"{\"note\":\"a rare event, usually caused by\\naccident\",\"emergency\":true}","r":null}"#,
        ]
    );
}

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"s","type":"string"},
    {"name":"d","type":"double"},{"name":"j","type":"json"}]}"#;

#[test]
fn every_leniency_keeps_the_values() {
    let bench = Bench::with_type(FIELDS, r#"{"lenient":true}"#);
    let ran = bench.load(&[
        (
            "t_20220101.json",
            b"// all of it\n[{id: 1, 's': 'it\\'s', /* d */ d: 1.50, j: {a: [1,],},},\n# end\n]",
        ),
        ("t_20220102.ndjson", b"# head\n{\"id\":1,\"s\":\"it's\",\"d\":1.50,\"j\":{\"a\":[1]}} // one\n"),
        ("t_20220103.json", b"id: 1, s: \"it's\", d: 1.50, j: {'a': [1]}"),
        ("t_20220104.json", b"{\"id\":1,\"s\":\"it's\",\"d\":1.50,\"j\":{\"a\":[1]}},"),
        (
            "t_20220105.json",
            "\u{feff}'rows': [{\"id\":1,\"s\":\"it's\",\"d\":1.50,\"j\":{\"a\":[1]}}],".as_bytes(),
        ),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let rows = bench.rows("SELECT DISTINCT id, s, d, j FROM t");
    assert_eq!(rows, [r#"{"id":1,"s":"it's","d":1.5,"j":"{\"a\":[1]}"}"#]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":5}"#]);
}

#[test]
fn numbers_without_digits_are_for_floating_point_columns() {
    let bench = Bench::with_type(
        r#"{"fields":[{"name":"id","type":"long"},{"name":"d","type":"double"},{"name":"f","type":"float"},
            {"name":"m","type":"double","minimum":0},{"name":"j","type":"json"}]}"#,
        r#"{"lenient":true,"max_reject_ratio":1}"#,
    );
    bench.load(&[(
        "t_20220101.ndjson",
        b"{\"id\":1,\"d\":NaN,\"f\":-Infinity,\"m\":Infinity,\"new\":[NaN]}\n{\"id\":NaN}\n{\"id\":3,\"m\":NaN}\n\
          {\"id\":4,\"m\":-Infinity}\n{\"id\":5,\"j\":[Infinity]}\n",
    )]);
    assert_eq!(
        bench.rows("SELECT id, isnan(d) AS nan, CAST(f AS VARCHAR) AS f, CAST(m AS VARCHAR) AS m, _rescued AS r FROM t"),
        [r#"{"id":1,"nan":true,"f":"-inf","m":"inf","r":"{\"new\":[\"NaN\"]}"}"#]
    );
    assert_eq!(
        bench.rows("SELECT record_number AS n, rule, pointer AS p FROM rejects ORDER BY 1"),
        [
            r#"{"n":2,"rule":"record.type","p":"/id"}"#,
            r#"{"n":3,"rule":"record.minimum","p":"/m"}"#,
            r#"{"n":4,"rule":"record.minimum","p":"/m"}"#,
            r#"{"n":5,"rule":"record.type","p":"/j"}"#,
        ]
    );
}

#[test]
fn rejects_of_a_lenient_file_keep_its_text_and_its_places() {
    let bench = Bench::with_type(FIELDS, r#"{"lenient":true}"#);
    let text = "[\n  // bad\n  {id: 'one', /* why */},\n  {id: 2},\n {id: 3, s: \"\\ud800\"}, {id: 4}]";
    bench.load(&[("t_20220101.json", text.as_bytes())]);
    assert_eq!(bench.rows("SELECT id FROM t ORDER BY id"), [r#"{"id":2}"#, r#"{"id":4}"#]);
    let rejects = bench.ask("SELECT byte_offset AS o, raw, message FROM rejects ORDER BY record_number");
    let raw = |at: usize| rejects[at]["raw"].as_str().expect("a text").to_owned();
    assert_eq!((raw(0), raw(1)), ("{id: 'one', /* why */}".to_owned(), "{id: 3, s: \"\\ud800\"}".to_owned()));
    for at in [0, 1] {
        let offset = rejects[at]["o"].as_u64().expect("a number") as usize;
        assert!(text[offset..].starts_with(&raw(at)));
    }
    assert_eq!(rejects[0]["message"], "/id is 'one' (text), expected long");
    let message = rejects[1]["message"].to_string();
    assert!(message.contains("column 13: the escape") && !message.contains("lenient"), "{message}");
}

#[test]
fn what_cannot_be_mended_fails_with_its_place() {
    let bench = Bench::with_type(FIELDS, r#"{"lenient":true}"#);
    let ran = bench.load(&[
        ("t_20220101.json", b"[{id: 1},\n {id: 2]"),
        ("t_20220102.json", b"rows: [{id: 1}], /* and"),
        ("t_20220103.json", b"[{id: 1}, {id: 2}"),
    ]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        bench.states(),
        [
            "t_20220101.json failed json.syntax",
            "t_20220102.json failed json.truncated",
            "t_20220103.json failed json.truncated"
        ]
    );
    let messages = bench.ask("SELECT error_message AS m FROM files ORDER BY name");
    let places = ["line 2, column 8 (byte 17)", "line 1, column 24 (byte 23)", "line 1, column 18 (byte 17)"];
    for (message, place) in messages.iter().zip(places) {
        assert!(message["m"].as_str().is_some_and(|m| m.starts_with(place)), "{message}: {place}");
    }
    assert_eq!(bench.rows("SELECT count(*) AS n FROM rejects"), [r#"{"n":0}"#]);
}

#[test]
fn an_unknown_type_says_when_its_first_file_was_not_strict() {
    let bench = Bench::new();
    bench.load(&[
        ("plain_20220101.json", b"[{\"id\":1}]"),
        ("loose_20220101.json", b"[{\"id\":1},\n {\"id\":2,},\n]"),
        ("lines_20220101.ndjson", b"{\"id\":1}\n{'id':2}\n{\"id\":3}\n"),
        ("broken_20220101.json", b"[{\"id\":1}, {\"id\""),
    ]);
    let types = "SELECT file_type AS t, processing_config AS c FROM table_metadata ORDER BY 1";
    assert_eq!(
        bench.rows(types),
        [
            r#"{"t":"lines","c":"{\"lenient\": true}"}"#,
            r#"{"t":"loose","c":"{\"lenient\": true}"}"#,
            r#"{"t":"plain","c":"{}"}"#
        ]
    );
    let shown = bench.place.run(&["types", "show", "loose"]).data;
    assert!(shown.contains("reads JSON        leniently"), "{shown}");
    assert!(
        shown.contains("not strict JSON, so read as lenient JSON: line 2, column 11 (byte 21): a comma"),
        "{shown}"
    );
    for name in ["loose", "lines"] {
        bench.place.run(&["types", "activate", name]);
    }
    bench.pass();
    assert_eq!(bench.rows("SELECT count(*) AS n FROM loose"), [r#"{"n":2}"#]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM lines"), [r#"{"n":3}"#]);
    assert_eq!(bench.states()[0], "broken_20220101.json failed json.truncated");
}

#[test]
fn rejected_records_are_replayed_as_leniently_as_their_type_says() {
    let bench = Bench::with_type(FIELDS, r#"{"lenient":true,"max_reject_ratio":1}"#);
    let lines =
        "{id: 1, d: 'N/A', // no price\n s: 'it\\'s',}\n{id: 2, d: NaN}\n{id: 'x', d: Infinity}\n{id: 4,\n";
    bench.load(&[("t_20220101.ndjson", lines.as_bytes())]);
    assert_eq!(
        bench.rows("SELECT record_number AS n, rule FROM rejects ORDER BY record_number"),
        [
            r#"{"n":1,"rule":"record.type"}"#,
            r#"{"n":3,"rule":"record.type"}"#,
            r#"{"n":4,"rule":"record.syntax"}"#
        ]
    );
    // Repaired by texts that are no stricter than the file.
    let sql = |statement: &str| {
        let ran = bench.place.run(&["sql", statement]);
        assert_eq!(ran.code, 0, "{statement}: {}", ran.talk);
    };
    sql("UPDATE rejects SET fixed = '{id: 3, d: Infinity, /* by hand */}' WHERE record_number = 3");
    sql("UPDATE rejects SET fixed = '# by hand\nid: 4, s: \"a\nb\", new: [NaN]' WHERE record_number = 4");
    sql("UPDATE rejects SET fixed = replace(raw, '''N/A''', '-Infinity') WHERE record_number = 1");
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 0, "{}{}", ran.data, ran.talk);
    assert_eq!(
        bench.rows("SELECT id, s, CAST(d AS VARCHAR) AS d, _rescued AS r FROM t ORDER BY id"),
        [
            r#"{"id":1,"s":"it's","d":"-inf","r":null}"#,
            r#"{"id":2,"s":null,"d":"NaN","r":null}"#,
            r#"{"id":3,"s":null,"d":"inf","r":null}"#,
            r#"{"id":4,"s":"a\nb","d":null,"r":"{\"new\":[\"NaN\"]}"}"#,
        ]
    );

    // The exact text, once the type takes it.
    let strict = Bench::with_type(FIELDS, r#"{"max_reject_ratio":1}"#);
    strict.load(&[("t_20220101.ndjson", b"{\"id\":1,}\n{id: 2}\n{\"id\":3}\n")]);
    let message = strict.rows("SELECT message AS m FROM rejects ORDER BY record_number");
    assert!(message.len() == 2 && message.iter().all(|m| m.contains("lenient")), "{message:?}");
    assert_eq!(strict.place.run(&["rejects", "replay"]).code, 1);
    let ran =
        strict.place.run(&["sql", "UPDATE table_metadata SET processing_config = '{\"lenient\": true}'"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let ran = strict.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 0, "{}{}", ran.data, ran.talk);
    assert_eq!(strict.rows("SELECT id FROM t ORDER BY id"), [r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#]);
}
