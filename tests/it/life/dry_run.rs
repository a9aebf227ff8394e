//! `lakegate types try`: what loading would do, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::cli::Place;
use crate::ingest::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"day","type":"date"}]}"#;

/// Every file below a folder with its bytes; not those of SQLite's shared memory.
fn everything(folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            everything(&path, found);
        } else if !path.to_string_lossy().contains("metadata.db")
            && !path.to_string_lossy().contains("owners")
        {
            found.insert(path.display().to_string(), std::fs::read(&path).expect("a file"));
        }
    }
}

fn ledger(bench: &Bench) -> Vec<String> {
    let tables = [
        "files",
        "file_events",
        "loads",
        "data_files",
        "rejects",
        "alerts",
        "schema_versions",
        "schema_drift",
        "table_metadata",
    ];
    tables.iter().map(|table| bench.rows(&format!("SELECT * FROM {table} ORDER BY id")).join("\n")).collect()
}

fn same_before_and_after(bench: &Bench, args: &[&str]) -> Value {
    let mut before = BTreeMap::new();
    everything(&bench.place.path(""), &mut before);
    let rows = ledger(bench);
    let ran = bench.place.run(args);
    let mut after = BTreeMap::new();
    everything(&bench.place.path(""), &mut after);
    assert_eq!(ledger(bench), rows, "{args:?}");
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{args:?}");
    assert!(before == after, "{args:?}");
    serde_json::from_str(&ran.data).unwrap_or_else(|_| panic!("{args:?}: {} {}", ran.data, ran.talk))
}

#[test]
fn a_file_is_tried_as_it_would_load() {
    let bench = Bench::with_type(FIELDS, r#"{"partition_source":"day"}"#);
    bench.place.write("t_20220101.ndjson", "{\"id\":1,\"day\":\"2022-01-01\",\"new\":1}\n{\"id\":\"x\"}\n{\"id\":\"y\"}\n{\"id\":2,\"day\":\"2022-01-02\"}\n{\"id\":3,\"day\":\"2022-01-02\"}\n");
    let tried = same_before_and_after(&bench, &["types", "try", "t_20220101.ndjson", "--json"]);
    let file = &tried["files"][0];
    assert_eq!(file["would_be"], "processed");
    assert_eq!(
        [&file["records_read"], &file["records_written"], &file["records_rejected"]].map(Value::to_string),
        ["5", "3", "2"]
    );
    assert_eq!(
        file["partitions"].to_string(),
        r#"[{"partition_value":"2022-01-01","rows":1},{"partition_value":"2022-01-02","rows":2}]"#
    );
    assert_eq!(
        (file["causes"][0]["records"].clone(), file["causes"][0]["pointer"].clone()),
        (2.into(), "/id".into())
    );
    assert_eq!(file["causes"][0]["examples"][0]["record_number"], 2);
    assert_eq!(file["fields"].as_array().map(Vec::len), Some(2));
    assert!(file["fields"].to_string().contains("is kept in _rescued"), "{file}");
    // And so it is.
    bench.place.run(&["ingest", "t_20220101.ndjson"]);
    assert_eq!(
        bench.rows("SELECT records_written AS w, records_rejected AS r FROM files"),
        [r#"{"w":3,"r":2}"#]
    );
    let again = same_before_and_after(&bench, &["types", "try", "t_20220101.ndjson", "--json"]);
    assert_eq!(again["files"][0]["would_be"], "duplicate");
}

#[test]
fn unique_keys_are_compared_with_the_file_and_the_table() {
    let schema = r#"{"fields":[{"name":"id","type":"long","unique":true}],"checks":[{"name":"positive","expr":"id > 0"}]}"#;
    let bench = Bench::with_type(schema, r#"{"on_redelivery":"replace"}"#);
    let ids = |ids: &[i64]| ids.iter().map(|id| format!("{{\"id\":{id}}}\n")).collect::<String>();
    let tried = |name: &str| {
        let tried = same_before_and_after(&bench, &["types", "try", name, "--json"]);
        let file = &tried["files"][0];
        let causes = file["causes"].as_array().expect("causes");
        let causes: Vec<_> =
            causes.iter().map(|cause| format!("{} {}", cause["rule"], cause["records"])).collect();
        (file["would_be"].clone(), file["records_written"].clone(), causes.join(", "))
    };
    let all =
        |would_be: &str, written: i64, causes: &str| (would_be.into(), written.into(), causes.to_owned());
    bench.place.write("t_20220101.ndjson", &ids(&[1, 2, 2, 3, -1]));
    let both = r#""record.unique" 1, "check.positive" 1"#;
    assert_eq!(tried("t_20220101.ndjson"), all("processed", 3, both));
    bench.place.run(&["ingest", "t_20220101.ndjson"]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":3}"#]);
    // Of a file that was loaded, its own rows are not in the way; of a corrected one, neither are those that it replaces.
    assert_eq!(tried("t_20220101.ndjson"), all("duplicate", 3, both));
    bench.place.write("t_20220101.ndjson", &ids(&[1, 2, 3, 4]));
    assert_eq!(tried("t_20220101.ndjson"), all("processed", 4, ""));
    bench.place.write("t_20220102.ndjson", &ids(&[3, 4, 5]));
    assert_eq!(tried("t_20220102.ndjson"), all("processed", 2, r#""record.unique" 1"#));
}

#[test]
fn without_a_ledger_none_is_made() {
    let place = Place::new();
    place.write("orders_20220101.json", r#"[{"id":1,"x":"a"}]"#);
    place.write("orders.schema.json", r#"{"fields":[{"name":"id","type":"string"}]}"#);
    let tried = place.json(&["types", "try", "orders_20220101.json", "--json"]);
    assert_eq!(
        (&tried["files"][0]["would_be"], &tried["files"][0]["new_type"]),
        (&"processed".into(), &true.into())
    );
    let ran = place.run(&["types", "try", "orders_20220101.json", "--schema", "orders.schema.json"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert!(
        ran.data.contains("file.too_many_rejects") && ran.talk.contains("nothing was written"),
        "{}",
        ran.data
    );
    assert!(!place.path("data").exists());
}

#[test]
fn a_schema_is_tried_on_all_that_was_refused() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[
        ("t_20220101.json", br#"[{"id":1},{"id":"x1"},{"id":2,"day":"never"}]"#),
        ("t_20220102.json", br#"[{"id":"a"},{"id":"b"}]"#),
        ("t_20220103.csv", b"id,day\n3,2022-01-03\nx2,2022-01-03\n4,soon\n5,2022-01-03\n6,\n"),
    ]);
    bench.place.run(&["types", "pause", "t"]);
    bench.load(&[("t_20220104.json", br#"[{"id":"w"}]"#)]);
    bench.place.write(
        "new.json",
        r#"{"fields":[{"name":"ident","type":"string","aliases":["id"]},{"name":"day","type":"date"}]}"#,
    );
    let args = [
        "types",
        "try",
        "--type",
        "t",
        "--schema",
        "new.json",
        "--rejected",
        "--failed",
        "--waiting",
        "--json",
    ];
    let tried = same_before_and_after(&bench, &args);
    let rejected = &tried["rejected"][0];
    // As a replay would: records of failed files are tried with their files.
    assert_eq!(
        [&rejected["valid"], &rejected["still_refused"], &rejected["of_failed_files"]].map(Value::to_string),
        ["1", "1", "4"],
        "{rejected}"
    );
    assert!(rejected["causes"][0]["message"].to_string().contains("/day"), "{rejected}");
    let states: Vec<String> = tried["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| format!("{} {}", file["name"], file["would_be"]))
        .collect();
    assert_eq!(
        states,
        [
            r#""t_20220104.json" "processed""#,
            r#""t_20220101.json" "failed""#,
            r#""t_20220102.json" "processed""#
        ]
    );
    assert!(
        tried["changes"].to_string().contains("the column ident (string) is new"),
        "{}",
        tried["changes"]
    );
    bench
        .place
        .write("bad.json", r#"{"fields":[{"name":"id","type":"string"},{"name":"day","type":"date"}]}"#);
    let refused = same_before_and_after(
        &bench,
        &["types", "try", "--type", "t", "--schema", "bad.json", "--rejected", "--json"],
    );
    assert!(refused["changes"].to_string().contains("it would be refused"), "{}", refused["changes"]);
}

#[test]
fn a_repaired_record_is_tried_with_its_repair() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1},{"id":"x1"},{"id":3}]"#)]);
    bench.place.run(&["sql", "UPDATE rejects SET fixed = '{\"id\": 2}'"]);
    let tried = same_before_and_after(&bench, &["types", "try", "--rejected", "--json"]);
    assert_eq!(tried["rejected"][0]["valid"], 1);
}

#[test]
fn evolution_is_tried_without_evolving() {
    let bench = Bench::with_type(FIELDS, r#"{"on_unknown_field":"evolve"}"#);
    bench.place.write("t_20220101.json", r#"[{"id":1,"n":1},{"id":2,"n":"x"}]"#);
    let tried = same_before_and_after(&bench, &["types", "try", "t_20220101.json", "--json"]);
    assert_eq!(tried["files"][0]["columns_added"].to_string(), r#"[{"name":"n","type":"json"}]"#);
}

#[test]
fn the_insert_that_show_prints_makes_the_same_type() {
    let bench = Bench::with_type(
        r#"{"fields":[{"name":"it's","type":"string","enum":["a'b"]},{"name":"s","type":"struct","fields":[{"name":"x","type":"long"}]}]}"#,
        r#"{"dedupe":false}"#,
    );
    let shown = bench.place.run(&["types", "show", "t"]).data;
    assert!(shown.contains("it's") && shown.contains("INSERT INTO table_metadata"), "{shown}");
    let insert =
        bench.place.json(&["types", "show", "t", "--json"])["insert"].as_str().expect("text").to_owned();
    assert!(shown.contains(insert.trim_end()), "{shown}");
    let other = Bench::new();
    other.place.run(&["migrate"]);
    assert_eq!(other.place.run(&["sql", &insert]).code, 0);
    let same = "SELECT table_name, file_type, status, schema_definition, processing_config, partition_column FROM table_metadata";
    assert_eq!(other.rows(same), bench.rows(same));
}
