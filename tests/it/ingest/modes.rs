//! How rows become part of a table: write modes, keys, partitions, lineage.

use super::bench::Bench;

const KEYED: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"string"},{"name":"at","type":"timestamp"}],"primary_key":["id"]}"#;

/// The Parquet files of the lake, as folders below `raw_data/t`.
fn folders(bench: &Bench) -> Vec<String> {
    let rows = bench.ask("SELECT path FROM data_files WHERE state = 'live' ORDER BY path");
    let folder = |path: &str| {
        path.trim_start_matches("raw_data/t").rsplit_once('/').map(|(folder, _)| folder.to_owned())
    };
    let mut folders: Vec<String> = rows.iter().filter_map(|row| folder(row["path"].as_str()?)).collect();
    folders.dedup();
    folders
}

fn files_on_disk(bench: &Bench) -> usize {
    fn below(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.flatten().map(|entry| if entry.path().is_dir() { below(&entry.path()) } else { 1 }).sum()
    }
    below(&bench.place.path("data/datalake/raw_data"))
}

#[test]
fn the_same_bytes_are_loaded_once_under_any_name() {
    let bench = Bench::with_type(KEYED, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1}]"#), ("t_20220102.json", br#"[{"id":1}]"#)]);
    bench.load(&[("t_20220103.json", br#"[{"id":1}]"#), ("t_20220101.json", br#"[{"id":1}]"#)]);
    assert_eq!(
        bench.states(),
        [
            "t_20220101.json processed -",
            "t_20220101.json duplicate -",
            "t_20220102.json duplicate -",
            "t_20220103.json duplicate -",
        ]
    );
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":1}"#]);
    assert_eq!(std::fs::read_dir(bench.place.path("data/processed/t")).expect("a folder").count(), 4);
}

#[test]
fn overwrite_replaces_the_partitions_that_a_file_touches() {
    let bench = Bench::with_type(KEYED, r#"{"mode":"overwrite"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1},{"id":2}]"#)]);
    bench.load(&[("t_20220102.json", br#"[{"id":3}]"#)]);
    bench.load(&[("t_20220101120000.json", br#"[{"id":9}]"#)]);
    assert_eq!(
        bench.rows("SELECT id, date FROM t ORDER BY id"),
        [r#"{"id":3,"date":"2022-01-02"}"#, r#"{"id":9,"date":"2022-01-01"}"#]
    );
    assert_eq!(files_on_disk(&bench), 2);
}

#[test]
fn upsert_merges_by_primary_key_within_and_across_loads() {
    let bench = Bench::with_type(KEYED, r#"{"write_mode":"upsert"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":"a"},{"id":2,"v":"b"},{"id":3,"v":"c"}]"#)]);
    let ran = bench.load(&[
        ("t_20220102.json", br#"[{"id":2,"v":"old"},{"id":4,"v":"d"},{"id":2,"v":"B"}]"#),
        ("t_20220103.json", br#"[{"id":4,"v":"D"}]"#),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT id, v, date FROM t ORDER BY id"),
        [
            r#"{"id":1,"v":"a","date":"2022-01-01"}"#,
            r#"{"id":2,"v":"B","date":"2022-01-02"}"#,
            r#"{"id":3,"v":"c","date":"2022-01-01"}"#,
            r#"{"id":4,"v":"D","date":"2022-01-03"}"#,
        ]
    );
    assert_eq!(
        bench.rows("SELECT records_read AS r, records_written AS w, records_deduplicated AS d FROM files ORDER BY name"),
        [r#"{"r":3,"w":3,"d":0}"#, r#"{"r":3,"w":1,"d":2}"#, r#"{"r":1,"w":1,"d":0}"#]
    );
    assert_eq!(files_on_disk(&bench), 3);
}

#[test]
fn dedupe_keeps_the_first_record_of_a_key_in_a_load() {
    let bench = Bench::with_type(KEYED, r#"{"dedupe":true}"#);
    bench.load(&[
        ("t_20220101.json", br#"[{"id":1,"v":"a"},{"id":1,"v":"b"},{"id":2,"v":"c"}]"#),
        ("t_20220102.json", br#"[{"id":2,"v":"x"},{"id":3,"v":"d"}]"#),
    ]);
    assert_eq!(
        bench.rows("SELECT id, v FROM t ORDER BY id"),
        [r#"{"id":1,"v":"a"}"#, r#"{"id":2,"v":"c"}"#, r#"{"id":3,"v":"d"}"#]
    );
    assert_eq!(
        bench.rows("SELECT records_written AS w, records_deduplicated AS d FROM files ORDER BY name"),
        [r#"{"w":2,"d":1}"#, r#"{"w":1,"d":1}"#]
    );
}

#[test]
fn partitions_follow_the_name_or_a_column() {
    let record = br#"[{"id":1,"at":"2022-03-04T05:06:07Z"},{"id":2,"at":"2022-03-05T05:06:07Z"},{"id":3}]"#;
    for (config, expected) in [
        (r#"{"partition_by":"hour"}"#, vec!["/date=2022-01-01-12"]),
        (r#"{"partition_by":"month"}"#, vec!["/date=2022-01"]),
        (r#"{"partition_by":"none"}"#, vec![""]),
        (
            r#"{"partition_source":"at"}"#,
            vec!["/date=2022-03-04", "/date=2022-03-05", "/date=__HIVE_DEFAULT_PARTITION__"],
        ),
    ] {
        let bench = Bench::with_type(KEYED, config);
        bench.load(&[("t_20220101123000.json", record)]);
        assert_eq!(folders(&bench), expected, "{config}");
        assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":3}"#], "{config}");
    }
}

#[test]
fn lineage_can_be_switched_off() {
    let bench = Bench::with_type(KEYED, r#"{"lineage":false,"on_unknown_field":"ignore"}"#);
    bench.load(&[("t_20220101.json", br#"[{"id":1}]"#)]);
    assert_eq!(bench.rows("SELECT * FROM t"), [r#"{"id":1,"v":null,"at":null,"date":"2022-01-01"}"#]);
}
