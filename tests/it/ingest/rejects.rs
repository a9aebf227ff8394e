//! Bad records: kept, explained, and never at the cost of their neighbours.

use super::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"int","nullable":false,"minimum":1},{"name":"at","type":"timestamp"}]}"#;

#[test]
fn a_bad_record_is_kept_with_its_exact_place() {
    let bench = Bench::with_type(FIELDS, "{}");
    let text = "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":2}\n{\"id\":0}\n{\"id\":3,\"at\":\"soon\"}\n{broken\n{\"id\":4}\n{\"id\":5}\n{\"id\":6}\n";
    let ran = bench.load(&[("t_20220101.ndjson", text.as_bytes())]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let rejects = bench
        .ask("SELECT record_number, byte_offset, pointer, rule, raw FROM rejects ORDER BY record_number");
    let told: Vec<_> = rejects
        .iter()
        .map(|reject| {
            let offset = reject["byte_offset"].as_u64().expect("an offset") as usize;
            let raw = reject["raw"].as_str().expect("text");
            assert!(text[offset..].starts_with(raw), "{reject}");
            format!("{} {} {}", reject["record_number"], reject["pointer"], reject["rule"])
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"2 "/id" "record.type""#,
            r#"4 "/id" "record.minimum""#,
            r#"5 "/at" "record.type""#,
            r#"6 "" "record.syntax""#,
        ]
    );
    let kept = std::fs::read_to_string(
        bench.place.path("data/source_data/error/t/t_20220101.ndjson.rejects.ndjson"),
    );
    assert_eq!(kept.expect("a rejects file").lines().count(), 4);
    let files =
        bench.rows("SELECT records_read AS r, records_written AS w, records_rejected AS x FROM files");
    assert_eq!(files, [r#"{"r":9,"w":5,"x":4}"#]);
}

#[test]
fn past_its_budget_a_file_fails_as_a_whole_and_its_neighbours_load() {
    let bench = Bench::with_type(FIELDS, r#"{"max_rejects": 2}"#);
    let bad = b"{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n{\"id\":4}\n{\"id\":0}\n{\"id\":-1}\n{\"id\":-2}\n";
    let ran = bench.load(&[("t_20220101.ndjson", bad), ("t_20220102.ndjson", b"{\"id\":9}\n")]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        bench.states(),
        ["t_20220101.ndjson failed file.too_many_rejects", "t_20220102.ndjson processed -"]
    );
    assert_eq!(bench.rows("SELECT id FROM t"), [r#"{"id":9}"#]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM rejects WHERE status = 'open'"), [r#"{"n":3}"#]);
}

#[test]
fn one_cause_is_one_alert_however_often_it_comes() {
    let bench = Bench::with_type(FIELDS, "{}");
    let names: Vec<String> = (1..=5).map(|day| format!("t_2022010{day}.json")).collect();
    let files: Vec<(&str, Vec<u8>)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), format!("nonsense {at}").into_bytes()))
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    bench.load(&files);
    let alerts = bench.rows("SELECT code, occurrences FROM alerts ORDER BY code");
    assert_eq!(
        alerts,
        [r#"{"code":"json.syntax","occurrences":5}"#, r#"{"code":"run.failures","occurrences":1}"#]
    );
}

#[test]
fn unknown_fields_follow_the_configuration() {
    let record = br#"[{"id":1,"more":{"a":1.10}},{"id":2}]"#;
    let rescued = Bench::with_type(FIELDS, "{}");
    rescued.load(&[("t_20220101.json", record)]);
    assert_eq!(
        rescued.rows("SELECT id, _rescued AS r FROM t ORDER BY id"),
        [r#"{"id":1,"r":"{\"more\":{\"a\":1.10}}"}"#, r#"{"id":2,"r":null}"#]
    );
    let ignored = Bench::with_type(FIELDS, r#"{"on_unknown_field":"ignore"}"#);
    ignored.load(&[("t_20220101.json", record)]);
    assert_eq!(
        ignored.rows("SELECT records_written AS w, unknown_fields AS u FROM files"),
        [r#"{"w":2,"u":1}"#]
    );
    let refused = Bench::with_type(FIELDS, r#"{"on_unknown_field":"reject"}"#);
    refused.load(&[("t_20220101.json", record)]);
    assert_eq!(refused.rows("SELECT id FROM t"), [r#"{"id":2}"#]);
    assert_eq!(refused.rows("SELECT rule FROM rejects"), [r#"{"rule":"record.unknown_field"}"#]);
}

#[test]
fn a_row_that_cannot_be_used_explains_itself_and_its_files_wait() {
    let bench = Bench::with_type(FIELDS, "{}");
    let broken =
        bench.place.run(&["sql", "UPDATE table_metadata SET processing_config='{\"max_reject\":1}'"]);
    assert_eq!(broken.code, 0, "{}", broken.talk);
    bench.load(&[("t_20220101.json", b"[{\"id\":1}]")]);
    assert_eq!(bench.states(), ["t_20220101.json waiting type.unusable"]);
    let reason = bench.ask("SELECT status_reason FROM table_metadata")[0]["status_reason"].to_string();
    assert!(reason.contains("max_rejects"), "{reason}");
    bench.place.run(&["sql", "UPDATE table_metadata SET processing_config='{}'"]);
    bench.pass();
    assert_eq!(bench.states(), ["t_20220101.json processed -"]);
    assert_eq!(bench.rows("SELECT status_reason AS r FROM table_metadata"), [r#"{"r":null}"#]);
}
