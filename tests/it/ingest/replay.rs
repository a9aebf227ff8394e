//! Rejected records that load after all: by a change of the schema, by a repaired text, each once.

use super::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long","nullable":false},{"name":"price","type":"double"},{"name":"at","type":"timestamp"}]}"#;
const LENIENT: &str = r#"{"fields":[{"name":"id","type":"long","nullable":false},{"name":"price","type":"json"},{"name":"at","type":"timestamp"}]}"#;
const KEYED: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"string"},{"name":"n","type":"int"}],"primary_key":["id"]}"#;

fn sql(bench: &Bench, statement: &str) {
    let ran = bench.place.run(&["sql", statement]);
    assert_eq!(ran.code, 0, "{statement}: {}", ran.talk);
}

/// Every record that was ever read is where the ledger says.
fn assert_accounted(bench: &Bench) {
    let off = bench.rows(
        "SELECT name FROM files WHERE state = 'processed' AND (records_read
             <> records_written + records_rejected + records_deduplicated + records_filtered
             OR records_replayed > records_rejected)",
    );
    assert_eq!(off, Vec::<String>::new());
    let ledger =
        bench.ask("SELECT sum(records_written + records_replayed) AS n FROM files WHERE state = 'processed'");
    let lake = bench.ask("SELECT count(*) AS n FROM t");
    assert_eq!(ledger[0]["n"], lake[0]["n"]);
    let open = "SELECT count(*) AS n FROM rejects WHERE status NOT IN ('open', 'replayed', 'discarded')";
    assert_eq!(bench.rows(open), [r#"{"n":0}"#]);
}

fn vendor_file() -> String {
    let mut text = String::new();
    for id in 0..10 {
        text += &format!("{{\"id\":{id},\"price\":1.5,\"at\":\"2022-01-01T00:00:0{id}Z\"}}\n");
    }
    text + "{\"id\":10,\"price\":\"N/A\"}\n{\"id\":11,\"price\":\"n/a\"}\n{\"id\":12,\"price\":\n{\"price\":3}\n"
}

#[test]
fn rejects_are_causes_with_a_sentence_and_records_with_their_text() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[(
        "t_20220101.ndjson",
        b"{\"id\":1}\n{\"id\":2,\"price\":\"N/A\"}\n{\"id\":3,\"price\":\"n/a\"}\n{\"id\":4}\n",
    )]);
    let listed = bench.place.run(&["rejects", "list"]);
    assert!(
        listed.data.starts_with("2 records, one cause: /price is \"N/A\" (text), expected double"),
        "{}",
        listed.data
    );
    let shown = bench.place.json(&["rejects", "show", "--type", "t", "--json"]);
    assert_eq!(shown[1]["raw"], "{\"id\":3,\"price\":\"n/a\"}");
    assert_eq!((&shown[1]["record_number"], &shown[1]["byte_offset"]), (&3.into(), &32.into()));
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":2}' WHERE record_number = 2"#);
    let listed = bench.place.json(&["rejects", "list", "--json"]);
    assert_eq!((&listed[0]["rejects"], &listed[0]["repaired"]), (&2.into(), &1.into()));
}

#[test]
fn three_kinds_of_garbage_are_repaired_in_three_ways() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.ndjson", vendor_file().as_bytes())]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM rejects WHERE status = 'open'"), [r#"{"n":4}"#]);

    let dry = bench.place.run(&["rejects", "replay", "--dry-run", "--json"]);
    assert_eq!(dry.code, 1, "{}", dry.talk);
    assert!(dry.data.contains("\"valid\": 0") && dry.data.contains("\"still_refused\": 4"), "{}", dry.data);

    // By the schema.
    sql(&bench, &format!("UPDATE table_metadata SET schema_definition = '{LENIENT}'"));
    let shown = bench.place.run(&["types", "show", "t"]);
    assert!(shown.data.contains("4, of which 2 would be accepted now"), "{}", shown.data);
    let cause =
        bench.ask("SELECT fingerprint FROM rejects WHERE record_number = 11")[0]["fingerprint"].clone();
    let ran = bench.place.run(&["rejects", "replay", "--cause", cause.as_str().expect("text"), "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.data, ran.talk);
    // By hand.
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id": 12, "price": "4"}' WHERE record_number = 13"#);
    let ran = bench.place.run(&["rejects", "replay", "--type", "t"]);
    assert_eq!(ran.code, 1, "one is still refused: {}", ran.talk);
    assert!(ran.talk.contains("/id is missing"), "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT id, price, _source_file AS f, date FROM t WHERE id >= 10 ORDER BY id"),
        [
            r#"{"id":10,"price":"\"N/A\"","f":"t_20220101.ndjson","date":"2022-01-01"}"#,
            r#"{"id":11,"price":"\"n/a\"","f":"t_20220101.ndjson","date":"2022-01-01"}"#,
            r#"{"id":12,"price":"\"4\"","f":"t_20220101.ndjson","date":"2022-01-01"}"#,
        ]
    );
    assert_eq!(
        bench.rows("SELECT records_read AS r, records_written AS w, records_rejected AS x, records_replayed AS p FROM files"),
        [r#"{"r":14,"w":10,"x":4,"p":3}"#]
    );
    assert_eq!(
        bench.rows("SELECT status, count(*) AS n FROM rejects GROUP BY status ORDER BY status"),
        [r#"{"status":"open","n":1}"#, r#"{"status":"replayed","n":3}"#]
    );
    assert_accounted(&bench);
    // Nothing is loaded twice.
    bench.place.run(&["rejects", "replay"]);
    sql(&bench, "UPDATE rejects SET status = 'open' WHERE status = 'replayed'");
    bench.place.run(&["rejects", "replay"]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":13}"#]);
}

#[test]
fn nobody_marks_a_record_as_replayed_but_its_load() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.ndjson", vendor_file().as_bytes())]);
    let ran = bench.place.run(&["sql", "UPDATE rejects SET status = 'replayed'"]);
    assert_eq!(ran.code, 2, "{}", ran.talk);
    sql(&bench, "UPDATE rejects SET status = 'discarded', fixed = '{\"id\":1}'");
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":10}"#]);
}

#[test]
fn what_still_fails_stays_open_with_its_new_reason() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.ndjson", b"{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":2}\n")]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id": 2, "price": "dear"}'"#);
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        bench.rows("SELECT status, pointer, rule, value, raw FROM rejects"),
        [
            r#"{"status":"open","pointer":"/price","rule":"record.type","value":"\"dear\"","raw":"{\"id\":\"x\"}"}"#
        ]
    );
    // No load is left behind that loaded nothing.
    assert_eq!(bench.rows("SELECT state FROM loads WHERE kind = 'replay'"), [r#"{"state":"rolled_back"}"#]);
}

#[test]
fn rejects_of_a_failed_file_follow_their_file() {
    let bench = Bench::with_type(FIELDS, r#"{"max_rejects": 1}"#);
    bench.load(&[("t_20220101.ndjson", vendor_file().as_bytes())]);
    assert_eq!(bench.states(), ["t_20220101.ndjson failed file.too_many_rejects"]);
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert!(ran.talk.contains("lakegate files retry --type t"), "{}", ran.talk);
    sql(&bench, "UPDATE table_metadata SET processing_config = '{\"max_rejects\": 5}'");
    let ran = bench.place.run(&["files", "retry", "--type", "t"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    bench.pass();
    assert_eq!(bench.states(), ["t_20220101.ndjson processed -"]);
    // The rejects of the first attempt are not open beside those of the second.
    assert_eq!(bench.rows("SELECT count(*) AS n FROM rejects WHERE status = 'open'"), [r#"{"n":4}"#]);
    assert_accounted(&bench);
}

#[test]
fn records_of_any_size_are_replayed_exactly() {
    let bench = Bench::with_type(FIELDS, r#"{"on_unknown_field":"reject"}"#);
    let long = "x".repeat(200_000);
    let note = |id: i64| format!("{{\"id\":{id},\"note\":\"{long}ä{id}\"}}");
    let text =
        format!("{{\"id\":1}}\n{}\n{{\"id\":3}}\n{}\n{{\"id\":5}}\n{{\"id\":6,\"b\":1}}\n", note(2), note(4));
    bench.load(&[("t_20220101.ndjson.gz", &gz(text.as_bytes()))]);
    assert_eq!(
        bench.rows("SELECT raw_encoding AS e FROM rejects ORDER BY record_number"),
        [r#"{"e":"truncated"}"#, r#"{"e":"truncated"}"#, r#"{"e":"text"}"#]
    );
    sql(&bench, "UPDATE table_metadata SET processing_config = '{}'");
    let ran = bench.place.run(&["rejects", "replay", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.data, ran.talk);
    let rescued = bench.ask("SELECT id, _rescued AS r FROM t WHERE _rescued IS NOT NULL ORDER BY id");
    let rescued: Vec<_> = rescued.iter().map(|row| row["r"].as_str().expect("text").to_owned()).collect();
    let expected = |id: i64| format!("{{\"note\":\"{long}ä{id}\"}}");
    assert_eq!(rescued, [expected(2), expected(4), "{\"b\":1}".to_owned()]);
    assert_accounted(&bench);
}

#[test]
fn a_record_whose_bytes_are_gone_is_counted_and_can_be_repaired() {
    let bench = Bench::with_type(FIELDS, r#"{"on_unknown_field":"reject"}"#);
    let long = format!("{{\"id\":2,\"note\":\"{}\"}}", "x".repeat(100_000));
    bench.load(&[("t_20220101.ndjson", format!("{{\"id\":1}}\n{long}\n").as_bytes())]);
    std::fs::remove_dir_all(bench.place.path("data/source_data/error/t")).expect("removed");
    sql(&bench, "UPDATE table_metadata SET processing_config = '{}'");
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert!(ran.talk.contains("1 record of type t cannot be read again as a whole"), "{}", ran.talk);
    sql(&bench, "UPDATE rejects SET fixed = '{\"id\":2}'");
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 0);
    assert_accounted(&bench);
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = std::process::Command::new("gzip")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("gzip runs");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("written");
    child.wait_with_output().expect("it ends").stdout
}

#[test]
fn rows_of_csv_are_replayed_as_their_file_was_written() {
    let bench = Bench::with_type(FIELDS, "{}");
    let text = "price;id;at\n1,5;1;\n2.5;2;\nx;3;2022-01-01T00:00:00Z\n3.5;4;\n1;five;\n4.5;6;\n";
    bench.load(&[("t_20220101.csv", text.as_bytes())]);
    let open = bench.ask("SELECT raw FROM rejects ORDER BY record_number");
    assert_eq!(open.len(), 3, "{open:?}");
    sql(&bench, "UPDATE rejects SET fixed = '7.5;3;2022-01-01T00:00:00Z' WHERE record_number = 3");
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id": 5, "price": 1}' WHERE record_number = 5"#);
    sql(&bench, "UPDATE rejects SET fixed = '1;1;' || char(10) || '2;2;' WHERE record_number = 1");
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert!(ran.talk.contains("more than one record"), "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT id, price FROM t WHERE id IN (3, 5) ORDER BY id"),
        [r#"{"id":3,"price":7.5}"#, r#"{"id":5,"price":1}"#]
    );
    assert_accounted(&bench);
}

#[test]
fn a_replayed_record_gives_way_to_a_later_row_with_its_key() {
    let bench = Bench::with_type(KEYED, r#"{"write_mode":"upsert"}"#);
    bench.load(&[(
        "t_20220101.ndjson",
        b"{\"id\":1,\"v\":\"a\"}\n{\"id\":2,\"n\":\"x\"}\n{\"id\":3,\"n\":\"x\"}\n{\"id\":4,\"v\":\"a\"}\n",
    )]);
    // Number 2 comes again with a later file, whose load also carries the row of number 1 over.
    bench.load(&[("t_20220102.ndjson", b"{\"id\":2,\"v\":\"new\"}\n{\"id\":4,\"v\":\"new\"}\n")]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":' || CAST(record_number AS VARCHAR) || ',"v":"old"}'"#);
    let ran = bench.place.run(&["rejects", "replay", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.data, ran.talk);
    assert_eq!(
        bench.rows("SELECT id, v, date FROM t ORDER BY id"),
        [
            r#"{"id":1,"v":"a","date":"2022-01-01"}"#,
            r#"{"id":2,"v":"new","date":"2022-01-02"}"#,
            r#"{"id":3,"v":"old","date":"2022-01-01"}"#,
            r#"{"id":4,"v":"new","date":"2022-01-02"}"#,
        ]
    );
    assert_eq!(
        bench.rows("SELECT records_deduplicated AS d, rows_written - rows_carried AS w FROM loads WHERE kind = 'replay'"),
        [r#"{"d":1,"w":1}"#]
    );
}

#[test]
fn a_replay_adds_to_a_partition_and_never_to_one_that_was_overwritten() {
    let bench = Bench::with_type(KEYED, r#"{"write_mode":"overwrite"}"#);
    bench.load(&[
        ("t_20220101.ndjson", b"{\"id\":1}\n{\"id\":2,\"n\":\"x\"}\n"),
        ("t_20220102.ndjson", b"{\"id\":3}\n{\"id\":4,\"n\":\"x\"}\n"),
    ]);
    bench.load(&[("t_20220102120000.ndjson", b"{\"id\":5}\n")]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":9}'"#);
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT id, date FROM t ORDER BY id"),
        [
            r#"{"id":1,"date":"2022-01-01"}"#,
            r#"{"id":5,"date":"2022-01-02"}"#,
            r#"{"id":9,"date":"2022-01-01"}"#,
        ]
    );
    assert_eq!(
        bench.rows("SELECT rule, status FROM rejects ORDER BY file_id"),
        [r#"{"rule":"record.type","status":"replayed"}"#, r#"{"rule":"replay.overwritten","status":"open"}"#]
    );
}

#[test]
fn the_days_of_replayed_records_are_summarised_again() {
    let bench = Bench::with_type(FIELDS, "{}");
    let text = "{\"id\":1,\"at\":\"2022-01-01T10:00:00Z\"}\n{\"id\":2,\"at\":\"2022-01-01T11:00:00Z\",\"price\":\"?\"}\n{\"id\":3,\"at\":\"2022-01-02T10:00:00Z\"}\n";
    let other = b"{\"id\":9,\"at\":\"2022-01-09T10:00:00Z\"}\n";
    bench.load(&[("t_20220101.ndjson", text.as_bytes()), ("t_20220109.ndjson", other)]);
    sql(
        &bench,
        "INSERT INTO jobs (name, target_table, source_table, time_column, schedule, query) VALUES ('by_day', 'by_day', 't', 'at',
         '0 1 * * *', 'SELECT CAST(at AS DATE) AS day, count(*) AS n FROM t GROUP BY 1')",
    );
    let summary = || {
        let ran = bench.place.run(&["jobs", "run", "by_day"]);
        assert_eq!(ran.code, 0, "{}", ran.talk);
        bench.rows("SELECT day, n FROM by_day ORDER BY day")
    };
    let ninth = r#"{"day":"2022-01-09","n":1}"#;
    assert_eq!(summary(), [r#"{"day":"2022-01-01","n":1}"#, r#"{"day":"2022-01-02","n":1}"#, ninth]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":2,"at":"2022-01-01T11:00:00Z"}'"#);
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 0);
    assert_eq!(summary(), [r#"{"day":"2022-01-01","n":2}"#, r#"{"day":"2022-01-02","n":1}"#, ninth]);
    let run = bench.ask("SELECT days_count AS n FROM job_runs ORDER BY id DESC LIMIT 1");
    assert_eq!(run[0]["n"], 1);
    // And those of rows that are taken out again, the replayed one with them.
    let ran = bench.place.run(&["files", "revert", "t_20220101.ndjson"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert!(ran.talk.contains("3 rows taken out of t"), "{}", ran.talk);
    assert_eq!(summary(), [ninth]);
}
