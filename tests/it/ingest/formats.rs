//! What a file may look like.

use std::io::Write;

use super::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"s","type":"string"}]}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).expect("in memory");
    out.finish().expect("in memory")
}

#[test]
fn every_format_gives_the_same_rows() {
    let bench = Bench::with_type(FIELDS, "{}");
    let ran = bench.load(&[
        ("t_20220101.json", br#"[{"id":1,"s":"a"},{"id":2,"s":"b"}]"#),
        ("t_20220102.ndjson", b"{\"id\":1,\"s\":\"a\"}\r\n\r\n{\"id\":2,\"s\":\"b\"}"),
        ("t_20220103.json", br#"{"anything":[{"id":1,"s":"a"},{"id":2,"s":"b"}]}"#),
        ("t_20220104.json", b"{\n  \"id\": 1,\n  \"s\": \"a\"\n}\n{\n  \"id\": 2,\n  \"s\": \"b\"\n}\n"),
        ("t_20220105.json.gz", &gzip(br#"[{"id":1,"s":"a"},{"id":2,"s":"b"} ]"#)),
        (
            "t_20220106.jsonl.zst",
            &zstd::encode_all(&b"{\"id\":1,\"s\":\"a\"}\n{\"id\":2,\"s\":\"b\"}\n\n"[..], 1).expect("zstd"),
        ),
        ("t_20220107.json", "\u{feff}[ {\"id\":1,\"s\":\"a\"},\n{\"id\":2,\"s\":\"b\"}]".as_bytes()),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let rows = bench.rows(
        "SELECT date, sum(id) AS ids, string_agg(s, '' ORDER BY id) AS s FROM t GROUP BY date ORDER BY date",
    );
    let expected: Vec<String> =
        (1..=7).map(|day| format!(r#"{{"date":"2022-01-0{day}","ids":3,"s":"ab"}}"#)).collect();
    assert_eq!(rows, expected);
    assert_eq!(bench.rows("SELECT count(DISTINCT load_id) AS loads FROM files"), [r#"{"loads":1}"#]);
}

#[test]
fn a_single_object_is_one_record() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"{"id": 7, "s": "alone"}"#)]);
    assert_eq!(bench.rows("SELECT id, s FROM t"), [r#"{"id":7,"s":"alone"}"#]);
}

#[test]
fn a_file_that_cannot_be_read_fails_with_its_code() {
    let bench = Bench::with_type(FIELDS, "{}");
    let utf16: Vec<u8> = "[{\"id\":1}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let whole = gzip(b"{\"id\":1}\n{\"id\":2}\n");
    let ran = bench.load(&[
        ("t_20220101.json", b"not json"),
        ("t_20220102.json", b"[{\"id\":1}, {\"id\""),
        ("t_20220103.json", b""),
        ("t_20220104.json", &[&[0xff, 0xfe], &utf16[..]].concat()),
        ("t_20220105.ndjson.gz", &whole[..whole.len() - 6]),
        ("t_20220106.ndjson.gz", b"{\"id\":1}"),
        ("t_20220107.xml", b"<a/>"),
        ("t_20220108.json", b"[{\"id\":1}]"),
    ]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        bench.states(),
        [
            "t_20220101.json failed json.syntax",
            "t_20220102.json failed json.truncated",
            "t_20220103.json failed file.empty",
            "t_20220104.json failed file.encoding",
            "t_20220105.ndjson.gz failed file.truncated",
            "t_20220106.ndjson.gz failed file.compression",
            "t_20220107.xml failed file.unsupported_format",
            "t_20220108.json processed -",
        ]
    );
    let told = bench.place.path("data/source_data/failed/t/t_20220102.json.error.json");
    let told: serde_json::Value =
        serde_json::from_slice(&std::fs::read(told).expect("an explanation")).expect("JSON");
    assert_eq!(told["code"], "json.truncated");
    assert!(told["message"].as_str().is_some_and(|message| message.contains("line 1, column")), "{told}");
    assert!(told["hint"].is_string());
}

#[test]
fn an_unknown_type_registers_itself_and_loads_when_it_is_activated() {
    let bench = Bench::new();
    let text = br#"[{"id": 12345678901234567890, "price": "1.10", "at": "2022-01-01T00:00:00.5+02:00", "n": {"x": [1, null]}},
                    {"id": 2, "price": "2.00", "at": "2022-01-02T00:00:00Z", "n": null, "late": 1.5}]"#;
    bench.load(&[("deals_20220105.json", text)]);
    assert_eq!(bench.states(), ["deals_20220105.json waiting type.inactive"]);
    let row = &bench.ask("SELECT status, schema_version, status_reason FROM table_metadata")[0];
    assert_eq!((&row["status"], &row["status_reason"]), (&"inactive".into(), &serde_json::Value::Null));
    let changed =
        bench.place.run(&["sql", "UPDATE table_metadata SET status='active' WHERE file_type='deals'"]);
    assert_eq!(changed.code, 0, "{}", changed.talk);
    assert_eq!(bench.pass().code, 0);
    assert_eq!(
        bench
            .rows("SELECT cast(id AS varchar) AS id, price, at, n['x'] AS x, late FROM deals ORDER BY price"),
        [
            r#"{"id":"12345678901234567890","price":"1.10","at":"2021-12-31T22:00:00.500Z","x":[1,null],"late":null}"#,
            r#"{"id":"2","price":"2.00","at":"2022-01-02T00:00:00Z","x":null,"late":1.5}"#,
        ]
    );
}
