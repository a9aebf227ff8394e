//! Checks and unique keys where records come a second time: replay, corrected deliveries, revert; and in files of every format.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};

use super::bench::Bench;
use super::parquet;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"a","type":"long"},{"name":"b","type":"long"}],
    "unique":["id"],"checks":[{"name":"order","expr":"a <= b"},{"name":"share","expr":"a / b < 10"}]}"#;
const RELAXED: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"a","type":"long"},{"name":"b","type":"long"}],
    "unique":["id"],"checks":[{"name":"order","expr":"a <= b + 100"}]}"#;

fn sql(bench: &Bench, statement: &str) {
    let ran = bench.place.run(&["sql", statement]);
    assert_eq!(ran.code, 0, "{statement}: {}", ran.talk);
}

fn ids(bench: &Bench) -> Vec<i64> {
    bench.ask("SELECT id FROM t ORDER BY id").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
}

/// Number, rule and status of each reject, in the order of the files and of their records.
fn rejects(bench: &Bench) -> Vec<String> {
    let rows = bench.ask(
        "SELECT f.name AS f, record_number AS n, rule, r.status AS s FROM rejects r JOIN files f ON f.id = file_id
         ORDER BY f.id, n, r.id",
    );
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    rows.iter().map(|row| format!("{} {} {}", row["n"], text(&row["rule"]), text(&row["s"]))).collect()
}

/// How many records a replay says that it would load, and how many not.
fn rehearsed(bench: &Bench) -> (u64, u64) {
    let ran = bench.place.run(&["rejects", "replay", "--dry-run", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.data).expect("JSON");
    let number = |key: &str| told["types"][0][key].as_u64().expect("a number");
    (number("valid"), number("still_refused"))
}

fn longs(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

#[test]
fn files_of_every_format_lead_to_the_same_rejects() {
    let rows = 40_i64;
    let id: Vec<_> = (0..rows).map(|n| Some(if n % 9 == 4 { 3 } else { n })).collect();
    let a: Vec<_> = (0..rows).map(|n| (n % 8 != 7).then_some(n)).collect();
    let b: Vec<_> = (0..rows).map(|n| Some(if n % 5 == 2 { n - 1 } else { n % 11 + n })).collect();
    let shown = |value: Option<i64>, none: &str| value.map_or(none.to_owned(), |value| value.to_string());
    let (mut json, mut csv) = (String::new(), "id,a,b\n".to_owned());
    for ((id, a), b) in id.iter().zip(&a).zip(&b) {
        json +=
            &format!("{{\"id\":{},\"a\":{},\"b\":{}}}\n", shown(*id, ""), shown(*a, "null"), shown(*b, ""));
        csv += &format!("{},{},{}\n", shown(*id, ""), shown(*a, ""), shown(*b, ""));
    }
    let columns = vec![("id", longs(&id)), ("a", longs(&a)), ("b", longs(&b))];
    let mixed: ArrayRef =
        Arc::new(StringArray::from_iter(a.iter().map(|value| value.map(|v| v.to_string()))));
    // Texts are no numbers: one column sends the whole file over the exact road.
    let exact = vec![("id", longs(&id)), ("b", longs(&b)), ("new", mixed), ("a", longs(&a))];
    let found = |name: &str, bytes: &[u8]| {
        let bench = Bench::with_type(FIELDS, r#"{"max_reject_ratio":1}"#);
        let ran = bench.load(&[(name, bytes)]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.talk);
        let told = bench.rows("SELECT record_number AS n, rule, message FROM rejects ORDER BY n");
        let raws = bench.ask("SELECT raw FROM rejects ORDER BY record_number");
        assert!(raws.iter().all(|row| row["raw"].as_str().is_some_and(|raw| !raw.is_empty())), "{name}");
        (told, ids(&bench), raws)
    };
    let (told, kept, raws) = found("t_20250101.ndjson", json.as_bytes());
    assert!(told.len() > 10 && kept.len() > 10, "{told:?}");
    let (csv_told, csv_kept, csv_raws) = found("t_20250101.csv", csv.as_bytes());
    assert_eq!((&csv_told, &csv_kept), (&told, &kept));
    assert_eq!((&csv_raws[0]["raw"], &csv_raws[1]["raw"]), (&"0,0,0".into(), &"2,2,1".into()));
    let (parquet_told, parquet_kept, parquet_raws) = found("t_20250101.parquet", &parquet::file(columns));
    assert_eq!((&parquet_told, &parquet_kept), (&told, &kept));
    assert_eq!(parquet_raws, raws);
    let (exact_told, exact_kept, _) = found("t_20250101.parquet", &parquet::file(exact));
    assert_eq!((&exact_told, &exact_kept), (&told, &kept));
}

#[test]
fn what_a_check_refused_is_repaired_by_hand_or_by_another_schema_and_loaded() {
    let bench = Bench::with_type(FIELDS, r#"{"max_reject_ratio":1}"#);
    let text = "{\"id\":1,\"a\":1,\"b\":2}\n{\"id\":2,\"a\":5,\"b\":2}\n{\"id\":3,\"a\":9,\"b\":1}\n{\"id\":4,\"a\":1,\"b\":0}\n";
    bench.load(&[
        ("t_20250101.ndjson", text.as_bytes()),
        ("t_20250102.csv", b"id,a,b\n5,1,1\n6,7,1\n7,8,1\n8,1,1\n"),
    ]);
    let open =
        "2 check.order open|3 check.order open|4 check.order open|2 check.order open|3 check.order open";
    assert_eq!(rejects(&bench).join("|"), open);
    // Nothing has changed: all stay open, with the same reason.
    let before =
        bench.rows("SELECT id, rule, message, fingerprint, byte_offset, raw FROM rejects ORDER BY id");
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(
        bench.rows("SELECT id, rule, message, fingerprint, byte_offset, raw FROM rejects ORDER BY id"),
        before
    );
    sql(&bench, "UPDATE rejects SET fixed = replace(raw, '\"a\":5', '\"a\":2') WHERE raw LIKE '%\"id\":2%'");
    sql(&bench, "UPDATE rejects SET fixed = '6,1,1' WHERE raw LIKE '6,%'");
    // Repaired into another fault.
    sql(&bench, "UPDATE rejects SET fixed = '{\"id\":4,\"a\":-1,\"b\":0}' WHERE raw LIKE '%\"id\":4%'");
    let would = rehearsed(&bench);
    assert_eq!(would, (2, 3));
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert_eq!(ids(&bench), [1, 2, 5, 6, 8]);
    let found = rejects(&bench).join("|");
    assert_eq!(
        found,
        "2 check.order replayed|3 check.order open|4 check.share open|2 check.order replayed|3 check.order open"
    );
    let reason =
        bench.ask("SELECT message FROM rejects WHERE rule = 'check.share'")[0]["message"].to_string();
    assert!(reason.contains("a / b < 10 has no value (Divide by zero"), "{reason}");
    sql(&bench, &format!("UPDATE table_metadata SET schema_definition = '{RELAXED}'"));
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 0);
    assert_eq!(ids(&bench), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        bench.rows(
            "SELECT records_written AS w, records_rejected AS x, records_replayed AS p FROM files ORDER BY id"
        ),
        [r#"{"w":1,"x":3,"p":3}"#, r#"{"w":2,"x":2,"p":2}"#]
    );
}

#[test]
fn a_repeat_stays_refused_while_its_key_is_in_the_table() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20250101.json", br#"[{"id":1},{"id":2},{"id":3}]"#)]);
    bench.load(&[("t_20250102.json", br#"[{"id":2},{"id":4},{"id":4},{"id":9}]"#)]);
    assert_eq!(rejects(&bench), ["1 record.unique open", "3 record.unique open"]);
    let would = rehearsed(&bench);
    assert_eq!(would, (0, 2));
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(ids(&bench), [1, 2, 3, 4, 9]);
    let told = bench.rows("SELECT message AS m FROM rejects ORDER BY record_number");
    assert!(told[1].contains("id is 4, as in load 2 (t_20250102.json)"), "{told:?}");
    bench.place.run(&["compact", "t"]);
    assert_eq!(bench.place.run(&["files", "revert", "t_20250101.json"]).code, 0);
    assert_eq!(ids(&bench), [4, 9]);
    let would = rehearsed(&bench);
    assert_eq!(would, (1, 1));
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(ids(&bench), [2, 4, 9]);
    assert_eq!(rejects(&bench), ["1 record.unique replayed", "3 record.unique open"]);
    // The file comes again: now its record is the repeat.
    assert_eq!(bench.place.run(&["files", "retry", "t_20250101.json"]).code, 0);
    bench.pass();
    assert_eq!(ids(&bench), [1, 2, 3, 4, 9]);
    let told = bench.rows("SELECT message AS m FROM rejects WHERE status = 'open' ORDER BY file_id");
    assert!(
        told.iter().any(|told| told.contains("id is 2, as in load") && told.contains("t_20250102.json")),
        "{told:?}"
    );
}

#[test]
fn of_records_that_are_repaired_into_one_key_the_first_is_loaded() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[
        ("t_20250101.json", br#"[{"id":"x"},{"id":1},{"id":"y"},{"id":2},{"id":3},{"id":5,"a":2,"b":1}]"#),
        ("t_20250102.json", br#"[{"id":"z"},{"id":4},{"id":6}]"#),
    ]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":7}' WHERE rule = 'record.type'"#);
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(ids(&bench), [1, 2, 3, 4, 6, 7]);
    assert_eq!(
        rejects(&bench),
        ["1 record.type replayed", "3 record.unique open", "6 check.order open", "1 record.unique open"]
    );
    let told = bench.rows("SELECT message AS m FROM rejects WHERE rule = 'record.unique' ORDER BY file_id");
    assert!(told[0].contains("id is 7, as in record 1 of this file"), "{told:?}");
    assert!(told[1].contains("id is 7, as in record 1 of t_20250101.json"), "{told:?}");
}

#[test]
fn a_corrected_delivery_may_have_the_keys_of_the_one_that_it_replaces() {
    let bench = Bench::with_type(FIELDS, r#"{"on_redelivery":"replace","max_rejects":2}"#);
    bench.load(&[("t_20250101.json", br#"[{"id":1},{"id":2},{"id":"x"},{"id":3}]"#)]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":10}'"#);
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 0);
    bench.load(&[("t_20250102.json", br#"[{"id":4},{"id":3},{"id":5}]"#)]);
    assert_eq!(ids(&bench), [1, 2, 3, 4, 5, 10]);
    bench.place.run(&["compact", "t"]);
    // Refused as a whole: it replaces nothing, and the keys stay taken.
    bench.load(&[
        ("t_20250101_b.json", br#"[{"id":1},{"id":"a"},{"id":"b"},{"id":"c"}]"#),
        ("t_20250103.json", br#"[{"id":1},{"id":6},{"id":7}]"#),
    ]);
    assert_eq!(ids(&bench), [1, 2, 3, 4, 5, 6, 7, 10]);
    // Accepted: its keys and those that it gives up are free from there on, also those of replayed records.
    bench.load(&[
        ("t_20250101_c.json", br#"[{"id":1},{"id":2},{"id":10},{"id":4}]"#),
        ("t_20250104.json", br#"[{"id":3},{"id":10},{"id":8}]"#),
    ]);
    assert_eq!(ids(&bench), [1, 2, 3, 4, 5, 6, 7, 8, 10]);
    let told = bench.rows(
        "SELECT f.name AS f, message AS m FROM rejects JOIN files f ON f.id = file_id
         WHERE f.name LIKE 't_20250101_c%' OR f.name LIKE 't_20250104%' ORDER BY f.name",
    );
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("id is 4, as in load 3 (t_20250102.json)"), "{told:?}");
    assert!(told[1].contains("id is 10, as in record 3 of t_20250101_c.json"), "{told:?}");
}

#[test]
fn a_replay_into_partitions_that_are_overwritten_takes_no_keys_for_records_that_it_leaves() {
    let bench = Bench::with_type(FIELDS, r#"{"write_mode":"overwrite"}"#);
    bench.load(&[("t_20250101.json", br#"[{"id":1},{"id":"x"},{"id":2}]"#)]);
    bench.load(&[("t_20250102.json", br#"[{"id":3},{"id":"y"},{"id":4}]"#)]);
    // The day of the first file is overwritten: its record has no place any more.
    bench.load(&[("t_20250101_b.json", br#"[{"id":5}]"#)]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":7}'"#);
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(ids(&bench), [3, 4, 5, 7]);
    assert_eq!(rejects(&bench), ["2 replay.overwritten open", "2 record.type replayed"]);
    // Rows are added to a partition here, so its keys count.
    bench.load(&[("t_20250103.json", br#"[{"id":8},{"id":"z"},{"id":9}]"#)]);
    sql(&bench, r#"UPDATE rejects SET fixed = '{"id":8}' WHERE rule = 'record.type' AND status = 'open'"#);
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(ids(&bench), [3, 4, 5, 7, 8, 9]);
    assert_eq!(rejects(&bench)[2], "2 record.unique open");
}

#[test]
fn a_key_that_is_added_to_a_full_table_counts_from_then_on() {
    let bench = Bench::with_type(r#"{"fields":[{"name":"id","type":"long"}]}"#, "{}");
    bench.load(&[("t_20250101.json", br#"[{"id":1},{"id":1},{"id":2}]"#)]);
    sql(&bench, &format!("UPDATE table_metadata SET schema_definition = '{FIELDS}'"));
    bench.load(&[("t_20250102.json", br#"[{"id":1,"a":1,"b":1},{"id":3},{"id":4}]"#)]);
    assert_eq!(ids(&bench), [1, 1, 2, 3, 4]);
    // Wider numbers are the same keys.
    let wider = FIELDS.replace(r#""name":"id","type":"long""#, r#""name":"id","type":"decimal(20,0)""#);
    sql(&bench, &format!("UPDATE table_metadata SET schema_definition = '{wider}'"));
    bench.load(&[("t_20250103.json", br#"[{"id":3},{"id":5}]"#)]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":6}"#]);
    assert_eq!(rejects(&bench).len(), 2);
}
