//! Checks between columns and unique keys: records that fit their columns and are refused all the same.

use super::bench::Bench;

const TIMES: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"start_time","type":"timestamp"},{"name":"end_time","type":"timestamp"},
    {"name":"total","type":"long"},{"name":"parts","type":"long"}],
    "checks":[{"name":"ends_after_start","expr":"end_time >= start_time"},{"name":"average","expr":"total / parts <= 100"}]}"#;
const KEYED: &str = r#"{"fields":[{"name":"order_id","type":"long","unique":true},{"name":"shop","type":"string"},{"name":"till","type":"int"},{"name":"day","type":"date"}],
    "unique":[["shop","till"]]}"#;

/// Order, rule and message of each reject.
fn rejects(bench: &Bench) -> Vec<String> {
    let rows = bench.ask(
        "SELECT f.name AS file, record_number AS n, rule, message, raw FROM rejects JOIN files f ON f.id = file_id ORDER BY file, n",
    );
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| {
            format!("{} {} {}: {}", text(row, "file"), row["n"], text(row, "rule"), text(row, "message"))
        })
        .collect()
}

#[test]
fn a_record_that_breaks_a_check_is_rejected_and_its_neighbours_load() {
    let bench = Bench::with_type(TIMES, "{}");
    let text = concat!(
        "{\"id\":1,\"start_time\":\"2025-01-01T10:00:00Z\",\"end_time\":\"2025-01-01T11:00:00Z\"}\n",
        "{\"id\":2,\"start_time\":\"2025-01-01T10:00:00Z\",\"end_time\":\"2025-01-01T09:00:00Z\"}\n",
        "{\"id\":\"x\"}\n",
        "  {\"id\":3,\"total\":500,\"parts\":0}\n",
        "{\"id\":4,\"total\":500,\"parts\":5}\r\n",
        "{\"id\":5,\"total\":505,\"parts\":5}\n",
        "{\"id\":6,\"start_time\":\"2025-01-01T10:00:00Z\"}\n",
        "{\"id\":7}\n",
    );
    let ran = bench.load(&[("t_20250101.ndjson", text.as_bytes())]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.rows("SELECT id FROM t ORDER BY id"), [1, 4, 6, 7].map(|id| format!("{{\"id\":{id}}}")));
    let rejects = rejects(&bench);
    assert_eq!(rejects.len(), 4);
    assert_eq!(
        rejects[0],
        "t_20250101.ndjson 2 check.ends_after_start: end_time >= start_time is false: \
         end_time is \"2025-01-01T09:00:00Z\" and start_time is \"2025-01-01T10:00:00Z\""
    );
    assert!(rejects[1].starts_with("t_20250101.ndjson 3 record.type"), "{}", rejects[1]);
    assert!(
        rejects[2].starts_with(
            "t_20250101.ndjson 4 check.average: total / parts <= 100 has no value (Divide by zero"
        ) && rejects[2].ends_with("total is 500 and parts is 0"),
        "{}",
        rejects[2]
    );
    assert_eq!(
        rejects[3],
        "t_20250101.ndjson 6 check.average: total / parts <= 100 is false: total is 505 and parts is 5"
    );
    for reject in bench.ask("SELECT byte_offset, raw FROM rejects") {
        let (offset, raw) =
            (reject["byte_offset"].as_u64().expect("an offset"), reject["raw"].as_str().expect("a text"));
        assert!(
            text[offset as usize..].starts_with(raw) && raw.starts_with('{') && raw.ends_with('}'),
            "{reject}"
        );
    }
    assert_eq!(
        bench.rows("SELECT records_read AS r, records_written AS w, records_rejected AS x FROM files"),
        [r#"{"r":8,"w":4,"x":4}"#]
    );
}

#[test]
fn broken_checks_count_towards_the_budget() {
    let bench = Bench::with_type(TIMES, r#"{"max_reject_ratio":0.4}"#);
    let rows = b"total,parts\n500,1\n1,1\n";
    bench.load(&[("t_20250101.csv", rows)]);
    assert_eq!(bench.states(), ["t_20250101.csv failed file.too_many_rejects"]);
    assert_eq!(bench.rows("SELECT raw, byte_offset AS o FROM rejects"), [r#"{"raw":"500,1","o":12}"#]);
}

#[test]
fn a_json_schema_may_have_checks_and_unique_keys() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"},"k":{"type":"string","x-unique":true}},
        "checks":[{"name":"order","expr":"a < b"}]}"#;
    let bench = Bench::with_type(schema, "{}");
    bench.load(&[(
        "t_20250101.json",
        br#"[{"a":1,"b":2,"k":"x"},{"a":2,"b":1,"k":"y"},{"k":"x"},{"k":"y"}]"#,
    )]);
    assert_eq!(
        rejects(&bench),
        [
            "t_20250101.json 2 check.order: a < b is false: a is 2 and b is 1",
            "t_20250101.json 3 record.unique: k is \"x\", as in record 1 of this file; the key (k) is unique",
        ]
    );
}

#[test]
fn a_check_that_cannot_be_compiled_makes_the_row_unusable_and_says_why() {
    let bench = Bench::with_type(r#"{"fields":[{"name":"price","type":"double"}]}"#, "{}");
    let broken =
        r#"{"fields":[{"name":"price","type":"double"}],"checks":[{"name":"positive","expr":"prize > 0"}]}"#;
    bench.place.run(&["sql", &format!("UPDATE table_metadata SET schema_definition='{broken}'")]);
    bench.load(&[("t_20250101.json", br#"[{"price":1}]"#)]);
    assert_eq!(bench.states(), ["t_20250101.json waiting type.unusable"]);
    let reason = bench.ask("SELECT status_reason AS r FROM table_metadata")[0]["r"].to_string();
    assert!(
        reason.contains(r#"check \"positive\" names \"prize\", which is no column; did you mean \"price\"?"#),
        "{reason}"
    );
}

#[test]
fn a_key_is_unique_within_and_across_files_and_loads() {
    let bench = Bench::with_type(KEYED, "{}");
    let ran = bench.load(&[
        ("t_20250101.json", br#"[{"order_id":1,"shop":"a","till":1},{"order_id":1,"shop":"a","till":2},{"order_id":2,"shop":"a"},{"order_id":3,"shop":"a"}]"#),
        ("t_20250102.json", br#"[{"order_id":4,"shop":"a","till":1},{"order_id":3,"shop":"b","till":1},{"order_id":5,"shop":"b","till":1},{"shop":"c"},{"shop":"c"}]"#),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    bench.load(&[(
        "t_20250103.json",
        br#"[{"order_id":9},{"order_id":5,"shop":"d","till":1},{"order_id":6,"shop":"b","till":1},{"order_id":10},{"order_id":11}]"#,
    )]);
    assert_eq!(
        rejects(&bench),
        [
            "t_20250101.json 2 record.unique: order_id is 1, as in record 1 of this file; the key (order_id) is unique",
            "t_20250102.json 1 record.unique: shop is \"a\" and till is 1, as in record 1 of t_20250101.json; the key (shop, till) is unique",
            "t_20250102.json 2 record.unique: order_id is 3, as in record 4 of t_20250101.json; the key (order_id) is unique",
            "t_20250103.json 2 record.unique: order_id is 5, as in load 1 (t_20250102.json); the key (order_id) is unique",
            "t_20250103.json 3 record.unique: shop is \"b\" and till is 1, as in load 1 (t_20250102.json); the key (shop, till) is unique",
        ]
    );
    assert_eq!(
        bench.rows("SELECT count(*) AS n, count(DISTINCT order_id) AS k FROM t"),
        [r#"{"n":9,"k":7}"#]
    );
}

#[test]
fn the_keys_of_a_file_that_fails_are_free_again() {
    let bench = Bench::with_type(KEYED, r#"{"max_rejects":1}"#);
    bench.load(&[
        ("t_20250101.json", br#"[{"order_id":1},{"order_id":2},{"order_id":"x"},{"order_id":"y"}]"#),
        ("t_20250102.json", br#"[{"order_id":1},{"order_id":2}]"#),
    ]);
    assert_eq!(
        bench.states(),
        ["t_20250101.json failed file.too_many_rejects", "t_20250102.json processed -"]
    );
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":2}"#]);
}

#[test]
fn keys_stay_known_when_data_files_are_merged_and_free_when_partitions_are_replaced() {
    let bench = Bench::with_type(KEYED, "{}");
    for day in 1..=3 {
        let (name, text) = (format!("t_20250101{day:02}0000.json"), format!(r#"[{{"order_id":{day}}}]"#));
        bench.load(&[(&name, text.as_bytes())]);
    }
    let merged = bench.place.run(&["compact", "t"]);
    assert_eq!(merged.code, 0, "{}", merged.talk);
    bench.load(&[("t_20250104.json", br#"[{"order_id":2},{"order_id":4}]"#)]);
    assert_eq!(
        rejects(&bench),
        [
            "t_20250104.json 1 record.unique: order_id is 2, as in load 2 (t_20250101020000.json); the key (order_id) is unique"
        ]
    );

    bench.place.run(&["sql", "UPDATE table_metadata SET processing_config='{\"write_mode\":\"overwrite\"}'"]);
    bench.load(&[("t_20250101235900.json", br#"[{"order_id":1,"till":7},{"order_id":4},{"order_id":8}]"#)]);
    let again = rejects(&bench);
    assert_eq!(again.len(), 2, "{again:?}");
    assert!(again[0].starts_with("t_20250101235900.json 2 record.unique: order_id is 4"), "{again:?}");
    assert_eq!(
        bench.rows("SELECT order_id AS id FROM t ORDER BY id"),
        [1, 4, 8].map(|id| format!("{{\"id\":{id}}}"))
    );
    let kept = std::fs::read_dir(bench.place.path("data/datalake/.keys/t")).expect("a folder").count();
    assert!(kept <= 4, "{kept} lists of two keys");
}

#[test]
fn a_day_that_lives_in_the_path_is_part_of_a_key_all_the_same() {
    let definition = r#"{"fields":[{"name":"shop","type":"string"},{"name":"date","type":"date"}],"unique":[["shop","date"]]}"#;
    let bench = Bench::with_type(definition, r#"{"partition_source":"date"}"#);
    bench.load(&[(
        "t_20250101.json",
        br#"[{"shop":"a","date":"2025-01-01"},{"shop":"a","date":"2025-01-02"},{"shop":"a"},{"shop":"a"}]"#,
    )]);
    bench.load(&[(
        "t_20250102.json",
        br#"[{"shop":"a","date":"2025-01-02"},{"shop":"a","date":"2025-01-03"}]"#,
    )]);
    assert_eq!(
        rejects(&bench),
        [
            "t_20250102.json 1 record.unique: shop is \"a\" and date is \"2025-01-02\", as in load 1 (t_20250101.json); the key (shop, date) is unique"
        ]
    );
}

#[test]
fn dedupe_drops_repeats_of_the_load_and_unique_refuses_those_of_the_table() {
    let definition = r#"{"fields":[{"name":"id","type":"long"},{"name":"mail","type":"string"}],"primary_key":["id"],"unique":["id"]}"#;
    let bench = Bench::with_type(definition, r#"{"dedupe":true}"#);
    bench.load(&[("t_20250101.json", br#"[{"id":1},{"id":1},{"id":2}]"#)]);
    bench.load(&[("t_20250102.json", br#"[{"id":2},{"id":3},{"id":3}]"#)]);
    assert_eq!(
        bench.rows("SELECT records_written AS w, records_rejected AS x, records_deduplicated AS d FROM files ORDER BY name"),
        [r#"{"w":2,"x":0,"d":1}"#, r#"{"w":1,"x":1,"d":1}"#]
    );
}

#[test]
fn with_upsert_the_primary_key_is_unique_by_itself_and_no_other_can_be() {
    let definition = r#"{"fields":[{"name":"id","type":"long"},{"name":"mail","type":"string"}],"primary_key":["id"],"unique":[["id"]]}"#;
    let bench = Bench::with_type(definition, r#"{"write_mode":"upsert"}"#);
    bench.load(&[("t_20250101.json", br#"[{"id":1,"mail":"a"},{"id":1,"mail":"b"}]"#)]);
    bench.load(&[("t_20250102.json", br#"[{"id":1,"mail":"c"}]"#)]);
    assert_eq!(bench.rows("SELECT mail FROM t"), [r#"{"mail":"c"}"#]);
    let other = definition.replace(r#"[["id"]]"#, r#"[["mail"]]"#);
    bench.place.write("other.json", &other);
    let added = bench.place.run(&[
        "types",
        "add",
        "o",
        "--schema",
        "other.json",
        "--processing-config",
        r#"{"write_mode":"upsert"}"#,
    ]);
    assert_eq!(added.code, 2);
    assert!(added.talk.contains("the unique key (mail) cannot be promised"), "{}", added.talk);
}

#[test]
fn a_large_file_in_segments_gives_the_same_rejects_as_small_ones() {
    let definition = r#"{"fields":[{"name":"id","type":"long"},{"name":"a","type":"long"},{"name":"b","type":"long"}],"unique":["id"],
        "checks":[{"name":"order","expr":"a <= b"}]}"#;
    let bench = Bench::with_type(definition, "{}");
    let line = |id: usize| {
        let (key, b) = (if id % 50_000 == 7 { 3 } else { id }, if id % 40_000 == 9 { 0 } else { id });
        format!("{{\"id\":{key},\"a\":{id},\"b\":{b}}}\n")
    };
    let text: String = (1..=200_000).map(line).collect();
    let ran = bench.load(&[("t_20250101.ndjson", text.as_bytes())]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let found = bench.ask("SELECT record_number AS n, byte_offset AS o, rule, raw FROM rejects ORDER BY id");
    let numbers: Vec<u64> = found.iter().map(|row| row["n"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, [7, 9, 40_009, 50_007, 80_009, 100_007, 120_009, 150_007, 160_009]);
    for row in found {
        let (offset, raw) =
            (row["o"].as_u64().expect("an offset") as usize, row["raw"].as_str().expect("a text"));
        assert_eq!(text[offset..].lines().next(), Some(raw));
        assert_eq!(format!("{raw}\n"), line(row["n"].as_u64().expect("a number") as usize));
    }
}

#[test]
fn a_crash_makes_no_record_a_repeat_of_itself() {
    for place in
        ["after-write", "after-rejects", "after-intent", "mid-publish", "after-publish", "after-commit"]
    {
        let bench = Bench::with_type(KEYED, "{}");
        bench.load(&[("t_20250101.json", br#"[{"order_id":1},{"order_id":2}]"#)]);
        std::fs::write(bench.incoming("t_20250102.json"), br#"[{"order_id":2},{"order_id":3}]"#)
            .expect("a file");
        let mut command = bench.place.command(&["ingest", "--json"]);
        command.env("LAKEGATE__INGEST__QUIET_MS", "5").env("LAKEGATE_CRASH_AT", place);
        let died = command.output().expect("the binary runs");
        assert!(!died.status.success(), "{place}");
        bench.pass();
        bench.load(&[("t_20250103.json", br#"[{"order_id":3},{"order_id":4}]"#)]);
        assert_eq!(
            bench.rows("SELECT order_id AS id FROM t ORDER BY id"),
            [1, 2, 3, 4].map(|id| format!("{{\"id\":{id}}}")),
            "{place}"
        );
        assert_eq!(
            bench.rows("SELECT count(*) AS n FROM rejects WHERE status = 'open'"),
            [r#"{"n":2}"#],
            "{place}"
        );
    }
}

#[test]
fn many_loads_refuse_exactly_the_repeats() {
    let definition =
        r#"{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int"}],"unique":[["k","n"]]}"#;
    let bench = Bench::with_type(definition, r#"{"max_reject_ratio":1}"#);
    let mut random = fastrand::Rng::with_seed(7);
    let (mut known, mut rows, mut repeats) = (std::collections::HashSet::new(), 0, Vec::new());
    for load in 1..=5 {
        let mut files = Vec::new();
        for file in 0..4 {
            let name = format!("t_202501{load:02}{file:02}0000.ndjson");
            let mut text = String::new();
            for record in 1..=60 {
                let (k, n) = (random.u32(..20), (!random.bool() || random.bool()).then(|| random.u32(..20)));
                let shown = n.map_or("null".to_owned(), |n| n.to_string());
                text += &format!("{{\"k\":\"{k}\",\"n\":{shown}}}\n");
                if n.is_some() && !known.insert((k, n)) {
                    repeats.push(format!("{name} {record}"));
                } else {
                    rows += 1;
                }
            }
            files.push((name, text));
        }
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        bench.load(&files);
        if load % 2 == 0 {
            bench.place.run(&["compact", "t"]);
        }
    }
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [format!("{{\"n\":{rows}}}")]);
    let found = bench.ask(
        "SELECT f.name AS file, record_number AS n FROM rejects JOIN files f ON f.id = file_id ORDER BY file, n",
    );
    let found: Vec<_> = found
        .iter()
        .map(|row| format!("{} {}", row["file"].as_str().unwrap_or_default(), row["n"]))
        .collect();
    assert_eq!(found, repeats);
}
