//! Changes of types: what loses nothing is taken, the rest is refused with the way out.

use crate::ingest::bench::Bench;

fn definition(kind: &str) -> String {
    format!(r#"{{"fields":[{{"name":"id","type":"long"}},{{"name":"v","type":"{kind}"}}]}}"#)
}

/// A table with one value in `v`, then the type of `v` is changed; the state of the next file and its reason.
fn changed(from: &str, value: &str, to: &str, next: &str) -> (Bench, String) {
    let bench = Bench::with_type(&definition(from), "{}");
    bench.load(&[("t_20220101.json", format!(r#"[{{"id":1,"v":{value}}}]"#).as_bytes())]);
    let update = format!("UPDATE table_metadata SET schema_definition = '{}'", definition(to));
    assert_eq!(bench.place.run(&["sql", &update]).code, 0);
    bench.load(&[("t_20220102.json", format!(r#"[{{"id":2,"v":{next}}}]"#).as_bytes())]);
    let state = bench.rows("SELECT state FROM files WHERE name = 't_20220102.json'").join("");
    (bench, state)
}

#[test]
fn what_loses_nothing_is_taken_and_old_files_read_as_the_wider_type() {
    for (from, value, to, next, expected) in [
        ("int", "7", "long", "5000000000", [r#"{"v":7}"#, r#"{"v":5000000000}"#]),
        ("float", "0.5", "double", "0.1", [r#"{"v":0.5}"#, r#"{"v":0.1}"#]),
        ("decimal(5,2)", "1.25", "decimal(12,4)", "1.2345", [r#"{"v":1.2500}"#, r#"{"v":1.2345}"#]),
        ("long", "7", "double", "0.5", [r#"{"v":7}"#, r#"{"v":0.5}"#]),
        ("long", "7", "json", "{\"a\":1}", [r#"{"v":"7"}"#, r#"{"v":"{\"a\":1}"}"#]),
        ("json", "null", "long", "8", [r#"{"v":null}"#, r#"{"v":8}"#]),
        (
            "string",
            "null",
            "timestamp",
            "\"2024-01-01T00:00:00Z\"",
            [r#"{"v":null}"#, r#"{"v":"2024-01-01T00:00:00Z"}"#],
        ),
    ] {
        let (bench, state) = changed(from, value, to, next);
        assert_eq!(state, r#"{"state":"processed"}"#, "{from} to {to}");
        assert_eq!(bench.rows("SELECT v FROM t ORDER BY id"), expected, "{from} to {to}");
        let ran = bench.place.run(&["compact", "t"]);
        assert_eq!(ran.code, 0, "{}", ran.talk);
    }
}

#[test]
fn what_would_lose_something_is_refused_with_the_way_out() {
    for (from, value, to, next) in [
        ("long", "7", "string", "\"x\""),
        ("long", "7", "int", "8"),
        ("string", "\"x\"", "long", "8"),
        ("long", "9007199254740993", "double", "0.5"),
        ("timestamp", "\"1600-01-01T00:00:00Z\"", "timestamp_ns", "\"2024-01-01T00:00:00Z\""),
        ("json", "1", "long", "8"),
    ] {
        let (bench, state) = changed(from, value, to, next);
        assert_eq!(state, r#"{"state":"waiting"}"#, "{from} to {to}");
        let reason = bench.ask("SELECT status_reason FROM table_metadata")[0]["status_reason"].to_string();
        assert!(reason.contains(&format!("hold /v as {from}")) && reason.contains("aliases"), "{reason}");
        assert_eq!(
            bench.rows("SELECT count(*) AS n FROM alerts WHERE code = 'type.unusable' AND status = 'open'"),
            [r#"{"n":1}"#]
        );
        // The table reads as before.
        assert_eq!(bench.rows("SELECT count(v) AS n FROM t"), [r#"{"n":1}"#]);
        // Putting the type back lets the files go on.
        let back = format!("UPDATE table_metadata SET schema_definition = '{}'", definition(from));
        bench.place.run(&["sql", &back]);
        bench.pass();
        assert_eq!(bench.rows("SELECT status_reason AS r FROM table_metadata"), [r#"{"r":null}"#]);
        assert_eq!(bench.rows("SELECT count(*) AS n FROM files WHERE state = 'waiting'"), [r#"{"n":0}"#]);
    }
}

#[test]
fn the_way_out_that_is_told_works() {
    let (bench, _) = changed("long", "7", "string", "\"x\"");
    let out =
        r#"{"fields":[{"name":"id","type":"long"},{"name":"v_string","type":"string","aliases":["v"]}]}"#;
    bench.place.run(&["sql", &format!("UPDATE table_metadata SET schema_definition = '{out}'")]);
    bench.pass();
    assert_eq!(
        bench.rows("SELECT id, v, v_string AS s FROM t ORDER BY id"),
        [r#"{"id":1,"v":7,"s":null}"#, r#"{"id":2,"v":null,"s":"x"}"#]
    );
}

#[test]
fn a_table_without_rows_takes_any_change() {
    let bench = Bench::with_type(&definition("long"), "{}");
    bench
        .place
        .run(&["sql", &format!("UPDATE table_metadata SET schema_definition = '{}'", definition("string"))]);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":"x"}]"#)]);
    assert_eq!(bench.rows("SELECT v FROM t"), [r#"{"v":"x"}"#]);
}

#[test]
fn nested_members_widen_too_and_upserts_read_them() {
    let nested = |kind: &str| {
        format!(
            r#"{{"fields":[{{"name":"id","type":"long"}},{{"name":"l","type":"list","items":{{"type":"struct","fields":[{{"name":"x","type":"{kind}"}}]}}}}],"primary_key":["id"]}}"#
        )
    };
    let bench = Bench::with_type(&nested("int"), r#"{"write_mode":"upsert","partition_by":"none"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"l":[{"x":1}]},{"id":2,"l":[{"x":2}]}]"#)]);
    bench.place.run(&["sql", &format!("UPDATE table_metadata SET schema_definition = '{}'", nested("long"))]);
    bench.load(&[("t_20220102.json", br#"[{"id":2,"l":[{"x":5000000000}]}]"#)]);
    assert_eq!(
        bench.rows("SELECT id, l[1]['x'] AS x FROM t ORDER BY id"),
        [r#"{"id":1,"x":1}"#, r#"{"id":2,"x":5000000000}"#]
    );
}
