//! Drift: recorded once per field, told once, with the SQL that accepts it.

use serde_json::Value;

use crate::ingest::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"n","type":"int"},{"name":"r","type":"string","nullable":false},{"name":"s","type":"string"}]}"#;

fn drift(bench: &Bench) -> Vec<Value> {
    let Value::Array(rows) = bench.place.json(&["types", "drift", "t", "--json"]) else { panic!("rows") };
    rows
}

/// `kind field found records/read first file`.
fn told(bench: &Bench) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut told: Vec<String> = drift(bench)
        .iter()
        .map(|row| {
            let parts = [text(&row["kind"]), text(&row["field"]), text(&row["found_type"])].join(" ");
            format!("{parts} {}/{} {}", row["records"], row["records_read"], text(&row["first_file"]))
        })
        .collect();
    told.sort();
    told
}

#[test]
fn fields_that_appear_change_or_are_missing_are_told_once_each() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1,"n":1,"r":"a","new":1},{"id":2,"n":5000000000,"r":"b"},{"id":3},{"id":4,"r":"d","new":2.5}]"#)]);
    let expected = [
        "appeared /new double 2/4 t_20220101.json",
        "changed /n long 1/4 t_20220101.json",
        "vanished /r - 1/4 t_20220101.json",
    ];
    assert_eq!(told(&bench), expected);
    let alerts = bench.rows("SELECT code, occurrences AS n FROM alerts WHERE code LIKE 'field.%' AND status = 'open' ORDER BY code");
    assert_eq!(
        alerts,
        [
            r#"{"code":"field.appeared","n":1}"#,
            r#"{"code":"field.changed","n":1}"#,
            r#"{"code":"field.vanished","n":1}"#
        ]
    );
    bench.load(&[("t_20220102.json", br#"[{"id":5,"r":"e","new":3,"s":"x"}]"#)]);
    assert_eq!(told(&bench)[0], "appeared /new double 3/5 t_20220101.json");
    // The field that was missing is there again.
    let open = "SELECT code, occurrences AS n FROM alerts WHERE code LIKE 'field.%' AND status = 'open' ORDER BY code";
    assert_eq!(bench.rows(open), [r#"{"code":"field.appeared","n":1}"#, r#"{"code":"field.changed","n":1}"#]);
}

#[test]
fn the_sql_accepts_what_it_says_and_ends_the_matter() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1,"n":5000000000,"r":"a","new":{"a":1}},{"id":2},{"id":3,"r":"it's","n":3},{"id":4,"r":"b"}]"#)]);
    let ran = bench.place.run(&["types", "drift"]);
    let sql = ran.data.split("\n\n").find(|part| part.starts_with("UPDATE")).expect("a statement").to_owned();
    // As any other client would run it.
    let done = std::process::Command::new("sqlite3")
        .arg(bench.place.path("data/metadata.db"))
        .arg(&sql)
        .output()
        .expect("sqlite3 runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    bench.load(&[("t_20220102.json", br#"[{"id":5,"n":6000000000,"new":{"a":2}}]"#)]);
    assert_eq!(
        bench.rows("SELECT id, n, r, new['a'] AS a FROM t WHERE id >= 3 ORDER BY id"),
        [
            r#"{"id":3,"n":3,"r":"it's","a":null}"#,
            r#"{"id":4,"n":null,"r":"b","a":null}"#,
            r#"{"id":5,"n":6000000000,"r":null,"a":2}"#,
        ]
    );
    assert_eq!(bench.rows("SELECT count(*) AS n FROM rejects WHERE load_id = 2"), [r#"{"n":0}"#]);
    assert_eq!(told(&bench), Vec::<String>::new());
    assert_eq!(
        bench.rows("SELECT count(*) AS n FROM alerts WHERE code LIKE 'field.%' AND status = 'open'"),
        [r#"{"n":0}"#]
    );
    // A statement that was made from an earlier version does nothing.
    let stale = bench.place.run(&["sql", &sql]);
    assert_eq!(stale.code, 0, "{}", stale.talk);
    assert_eq!(bench.rows("SELECT max(schema_version) AS v FROM schema_versions"), [r#"{"v":2}"#]);
}

#[test]
fn a_field_that_vanishes_is_told_and_ends_when_it_returns() {
    let bench = Bench::with_type(FIELDS, "{}");
    let record = |id: usize, more: &str| format!(r#"{{"id":{id},"r":"x"{more}}}"#);
    let file = |more: &str| {
        let records: Vec<_> = (0..10).map(|id| record(id, more)).collect();
        format!("[{}]", records.join(","))
    };
    bench.load(&[("t_20220101.json", file(r#","s":"y""#).as_bytes())]);
    bench.load(&[("t_20220102.json", file("").as_bytes())]);
    assert_eq!(told(&bench), ["vanished /s - 10/10 t_20220102.json"]);
    assert_eq!(
        bench.rows("SELECT status FROM alerts WHERE code = 'field.vanished'"),
        [r#"{"status":"open"}"#]
    );
    bench.load(&[("t_20220103.json", file(r#","s":"z""#).as_bytes())]);
    assert_eq!(told(&bench), Vec::<String>::new());
    assert_eq!(
        bench.rows("SELECT status FROM alerts WHERE code = 'field.vanished'"),
        [r#"{"status":"resolved"}"#]
    );
}

#[test]
fn what_is_ignored_evolves_or_is_refused_is_recorded_too() {
    for (config, status, kind) in [
        (r#"{"on_unknown_field":"ignore"}"#, "open", "long"),
        (r#"{"on_unknown_field":"evolve"}"#, "accepted", "long"),
        (r#"{"on_unknown_field":"reject","max_reject_ratio":1}"#, "open", "long"),
    ] {
        let bench = Bench::with_type(r#"{"fields":[{"name":"id","type":"long"}]}"#, config);
        bench.load(&[("t_20220101.json", br#"[{"id":1,"new":1},{"id":2}]"#)]);
        assert_eq!(
            bench.rows("SELECT field, found_type AS k, records AS n, status FROM schema_drift"),
            [format!(r#"{{"field":"/new","k":"{kind}","n":1,"status":"{status}"}}"#)],
            "{config}"
        );
    }
    let bench =
        Bench::with_type(r#"{"fields":[{"name":"id","type":"long"}]}"#, r#"{"on_unknown_field":"ignore"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"new":1}]"#)]);
    assert_eq!(bench.rows("SELECT unknown_fields AS u FROM files"), [r#"{"u":1}"#]);
    let shown = bench.place.run(&["files", "show", "1"]).data;
    assert!(shown.contains("1 member that the schema does not have"), "{shown}");
}

#[test]
fn a_dismissed_field_stays_quiet() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1,"r":"a","debug":1}]"#)]);
    let ran =
        bench.place.run(&["sql", "UPDATE schema_drift SET status = 'dismissed' WHERE field = '/debug'"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    bench.load(&[("t_20220102.json", br#"[{"id":2,"r":"a","debug":1}]"#)]);
    assert_eq!(told(&bench), Vec::<String>::new());
    assert_eq!(bench.rows("SELECT files, status FROM schema_drift"), [r#"{"files":2,"status":"dismissed"}"#]);
}

#[test]
fn a_thousand_new_fields_are_few_alerts() {
    let bench = Bench::with_type(FIELDS, "{}");
    let fields: Vec<_> = (0..1000).map(|at| format!(r#""k{at}":{at}"#)).collect();
    bench.load(&[("t_20220101.json", format!(r#"[{{"id":1,"r":"a",{}}}]"#, fields.join(",")).as_bytes())]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM schema_drift"), [r#"{"n":1000}"#]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM alerts WHERE code = 'field.appeared'"), [r#"{"n":11}"#]);
}
