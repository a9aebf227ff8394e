//! The same file again with other bytes, and files that are taken out again.

use super::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"string"}]}"#;
const KEYED: &str =
    r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"string"}],"primary_key":["id"]}"#;

fn rows(bench: &Bench) -> Vec<String> {
    bench.rows("SELECT id, v, _source_file AS f FROM t ORDER BY id, v")
}

fn row(id: i64, v: &str, file: &str) -> String {
    format!(r#"{{"id":{id},"v":"{v}","f":"{file}"}}"#)
}

#[test]
fn a_corrected_delivery_follows_the_configuration() {
    let (old, new) = (br#"[{"id":1,"v":"a"},{"id":2,"v":"a"}]"#, br#"[{"id":2,"v":"b"},{"id":3,"v":"b"}]"#);
    let first = "t_20220101.json";
    for (config, second, states, expected) in [
        (
            "{}",
            "t_20220101_b.json",
            vec!["t_20220101.json processed -", "t_20220101_b.json processed -"],
            vec![
                row(1, "a", first),
                row(2, "a", first),
                row(2, "b", "t_20220101_b.json"),
                row(3, "b", "t_20220101_b.json"),
            ],
        ),
        (
            r#"{"on_redelivery":"replace"}"#,
            "t_20220101_b.json",
            vec!["t_20220101.json failed file.replaced", "t_20220101_b.json processed -"],
            vec![row(2, "b", "t_20220101_b.json"), row(3, "b", "t_20220101_b.json")],
        ),
        (
            r#"{"on_redelivery":"replace"}"#,
            first,
            vec!["t_20220101.json failed file.replaced", "t_20220101.json processed -"],
            vec![row(2, "b", first), row(3, "b", first)],
        ),
        (
            r#"{"on_redelivery":"ignore"}"#,
            first,
            vec!["t_20220101.json processed -", "t_20220101.json duplicate file.redelivered"],
            vec![row(1, "a", first), row(2, "a", first)],
        ),
    ] {
        let bench = Bench::with_type(FIELDS, config);
        bench.load(&[(first, old), ("t_20220102.json", br#"[{"id":9,"v":"z"}]"#)]);
        let ran = bench.load(&[(second, new)]);
        assert_eq!(ran.code, 0, "{config}: {}", ran.talk);
        let mut states: Vec<String> = states.into_iter().map(str::to_owned).collect();
        states.push("t_20220102.json processed -".into());
        let mut found = bench.states();
        states.sort();
        found.sort();
        assert_eq!(found, states, "{config}");
        let mut expected = expected;
        expected.push(row(9, "z", "t_20220102.json"));
        assert_eq!(rows(&bench), expected, "{config}");
    }
}

#[test]
fn rows_are_replaced_wherever_merges_have_put_them() {
    let bench = Bench::with_type(FIELDS, r#"{"on_redelivery":"replace","partition_by":"none"}"#);
    for day in 1..=4 {
        let text = format!(r#"[{{"id":{day},"v":"a"}},{{"id":{},"v":"a"}}]"#, day + 10);
        bench.load(&[(format!("t_2022010{day}.json").as_str(), text.as_bytes())]);
    }
    assert_eq!(bench.place.run(&["compact"]).code, 0);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM data_files WHERE state = 'live'"), [r#"{"n":1}"#]);
    bench.load(&[("t_20220102.json", br#"[{"id":2,"v":"b"}]"#)]);
    let expected = ["1 a", "2 b", "3 a", "4 a", "11 a", "13 a", "14 a"];
    let found: Vec<String> = bench
        .ask("SELECT id, v FROM t ORDER BY id")
        .iter()
        .map(|row| format!("{} {}", row["id"], row["v"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(found, expected);
    // The rows that stayed still know where they came from.
    assert_eq!(
        bench.rows(
            "SELECT load_id, at_row, rows FROM data_file_origins WHERE data_file_id IN
                    (SELECT id FROM data_files WHERE state = 'live') ORDER BY at_row"
        ),
        [
            r#"{"load_id":1,"at_row":0,"rows":2}"#,
            r#"{"load_id":3,"at_row":2,"rows":2}"#,
            r#"{"load_id":4,"at_row":4,"rows":2}"#,
        ]
    );
    // And can be merged and taken out again.
    assert_eq!(bench.place.run(&["compact"]).code, 0);
    let ran = bench.place.run(&["files", "revert", "t_20220102.json", "t_20220104.json"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.rows("SELECT count(*) AS n, sum(id) AS s FROM t"), [r#"{"n":4,"s":28}"#]);
    // A later version brings the file back.
    bench.load(&[("t_20220102.json", br#"[{"id":2,"v":"c"}]"#)]);
    assert_eq!(bench.rows("SELECT count(*) AS n, sum(id) AS s FROM t"), [r#"{"n":5,"s":30}"#]);
}

#[test]
fn a_correction_that_is_refused_replaces_nothing() {
    let bench = Bench::with_type(FIELDS, r#"{"on_redelivery":"replace"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":"a"}]"#)]);
    bench.load(&[("t_20220101.json", br#"[{"id":"x"}]"#)]);
    assert_eq!(rows(&bench), [row(1, "a", "t_20220101.json")]);
    // The same bytes again are a duplicate as ever.
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":"a"}]"#)]);
    assert_eq!(
        bench.rows("SELECT state FROM files ORDER BY id"),
        [r#"{"state":"processed"}"#, r#"{"state":"failed"}"#, r#"{"state":"duplicate"}"#]
    );
}

#[test]
fn two_versions_that_come_together_are_loaded_in_their_order() {
    let bench = Bench::with_type(FIELDS, r#"{"on_redelivery":"replace"}"#);
    bench.load(&[
        ("t_20220101_1.json", br#"[{"id":1,"v":"a"}]"#),
        ("t_20220101_2.json", br#"[{"id":1,"v":"b"}]"#),
        ("t_20220101_3.json", br#"[{"id":1,"v":"c"}]"#),
    ]);
    assert_eq!(rows(&bench).len(), 1, "{:?}", rows(&bench));
    assert_eq!(
        bench.rows("SELECT count(*) AS n FROM files WHERE error_code = 'file.replaced'"),
        [r#"{"n":2}"#]
    );
}

#[test]
fn corrections_of_keyed_rows_take_the_old_ones_along() {
    let bench = Bench::with_type(KEYED, r#"{"write_mode":"upsert","on_redelivery":"replace"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":"a"},{"id":2,"v":"a"}]"#)]);
    bench.load(&[("t_20220102.json", br#"[{"id":2,"v":"b"},{"id":3,"v":"b"}]"#)]);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":"c"}]"#)]);
    assert_eq!(
        rows(&bench),
        [row(1, "c", "t_20220101.json"), row(2, "b", "t_20220102.json"), row(3, "b", "t_20220102.json")]
    );
    // Number 2 was carried over by other loads; it still goes with its file.
    let ran = bench.place.run(&["files", "revert", "t_20220102.json"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(rows(&bench), [row(1, "c", "t_20220101.json")]);
}

#[test]
fn a_reverted_file_says_so_and_may_be_loaded_again() {
    let bench = Bench::with_type(FIELDS, "{}");
    let one = br#"[{"id":1,"v":"a"},{"id":"x"},{"id":2,"v":"a"}]"#;
    bench.load(&[("t_20220101.json", one), ("t_20220102.json", br#"[{"id":3,"v":"b"}]"#)]);
    let ran = bench.place.run(&["files", "revert", "t_20220101.json", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert!(ran.data.contains("\"rows\": 2"), "{}", ran.data);
    assert_eq!(rows(&bench), [row(3, "b", "t_20220102.json")]);
    assert_eq!(bench.states()[0], "t_20220101.json failed file.reverted");
    assert_eq!(bench.rows("SELECT status FROM rejects"), [r#"{"status":"discarded"}"#]);
    let again = bench.place.run(&["files", "revert", "t_20220101.json"]);
    assert_eq!(again.code, 2, "{}", again.talk);
    // By retry, or by the same bytes under any name.
    assert_eq!(bench.place.run(&["files", "retry", "t_20220101.json"]).code, 0);
    bench.pass();
    assert_eq!(rows(&bench).len(), 3);
    assert_eq!(bench.place.run(&["files", "revert", "t_20220101.json"]).code, 0);
    bench.load(&[("t_20220105.json", one)]);
    assert_eq!(rows(&bench)[0], row(1, "a", "t_20220105.json"));
    assert_eq!(bench.rows("SELECT count(*) AS n FROM rejects WHERE status = 'open'"), [r#"{"n":1}"#]);
    let unknown = bench.place.run(&["files", "revert", "nothing.json"]);
    assert_eq!(unknown.code, 2);
}

#[test]
fn a_partition_that_loses_all_its_files_is_cleared_away_quietly() {
    let bench = Bench::with_type(FIELDS, r#"{"on_unknown_field":"reject"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1},{"id":2,"w":1}]"#)]);
    bench.place.run(&["sql", r#"UPDATE rejects SET fixed = '{"id":2}'"#]);
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 0);
    let ran = bench.place.run(&["files", "revert", "t_20220101.json"]);
    assert_eq!((ran.code, ran.talk.as_str()), (0, "t_20220101.json: 2 rows taken out of t by load 3\n"));
    assert!(!bench.place.path("data/datalake/raw_data/t/date=2022-01-01").exists());
}

#[test]
fn without_lineage_nothing_is_guessed() {
    let bench = Bench::with_type(FIELDS, r#"{"lineage":false}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":"a"}]"#)]);
    let ran = bench.place.run(&["files", "revert", "t_20220101.json"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert!(ran.talk.contains("lineage"), "{}", ran.talk);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":1}"#]);
    assert_eq!(
        bench.rows("SELECT count(*) AS n FROM loads WHERE state IN ('writing','staged')"),
        [r#"{"n":0}"#]
    );
    bench.place.run(&[
        "sql",
        r#"UPDATE table_metadata SET processing_config = '{"lineage":false,"on_redelivery":"replace"}'"#,
    ]);
    bench.load(&[("t_20220101.json", br#"[{"id":2,"v":"b"}]"#)]);
    let reason = bench.ask("SELECT status_reason FROM table_metadata")[0]["status_reason"].to_string();
    assert!(reason.contains("_load_id"), "{reason}");
}

#[test]
fn a_type_whose_files_fail_again_and_again_is_paused_until_somebody_looks() {
    let bench = Bench::with_type(FIELDS, r#"{"pause_after_failures":3}"#);
    bench.load(&[("t_20220101.json", b"nonsense 1"), ("t_20220102.json", b"nonsense 2")]);
    bench.load(&[("t_20220103.json", br#"[{"id":1,"v":"a"}]"#)]);
    bench.load(&[("t_20220104.json", b"nonsense 3"), ("t_20220105.json", b"nonsense 4")]);
    assert_eq!(bench.rows("SELECT status FROM table_metadata"), [r#"{"status":"active"}"#]);
    bench.load(&[("t_20220106.json", b"nonsense 5")]);
    bench.load(&[("t_20220107.json", br#"[{"id":2,"v":"a"}]"#)]);
    assert_eq!(bench.states().last().map(String::as_str), Some("t_20220107.json waiting type.paused"));
    let row = &bench.ask("SELECT status, status_reason FROM table_metadata")[0];
    assert_eq!(row["status"], "paused");
    let reason = row["status_reason"].as_str().unwrap_or_default();
    assert!(reason.contains("3 files in a row failed, the latest with json.syntax"), "{reason}");
    let alert = "SELECT status FROM alerts WHERE code = 'type.paused'";
    assert_eq!(bench.rows(alert), [r#"{"status":"open"}"#]);
    assert_eq!(bench.place.run(&["types", "activate", "t"]).code, 0);
    bench.pass();
    assert_eq!(bench.states().last().map(String::as_str), Some("t_20220107.json processed -"));
    assert_eq!(
        bench.rows("SELECT status, status_reason AS r FROM table_metadata"),
        [r#"{"status":"active","r":null}"#]
    );
    assert_eq!(bench.rows(alert), [r#"{"status":"resolved"}"#]);
}
