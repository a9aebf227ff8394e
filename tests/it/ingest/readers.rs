//! Others can read what we write: DuckDB and pyarrow, over the folder, without our own code.

use std::process::Command;

use super::bench::Bench;

const READ: &str = r#"
import sys, json, duckdb, pyarrow.parquet as parquet
folder = sys.argv[1]
table = parquet.read_table(folder)
rows = duckdb.connect().execute(
    '''SELECT id, cast(amount AS varchar), cast(epoch_us("at") AS varchar), day::varchar, tags::varchar, extra, n.x, date::varchar
       FROM read_parquet(? || '/**/*.parquet') ORDER BY id''', [folder]).fetchall()
types = {field.name: str(field.type) for field in table.schema}
print(json.dumps({'rows': rows, 'count': table.num_rows, 'types': types}))
"#;

#[test]
fn duckdb_and_pyarrow_read_the_folder_as_one_table() {
    let python = std::env::var("LAKEGATE_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let bench = Bench::with_type(
        r#"{"fields":[{"name":"id","type":"long"},{"name":"amount","type":"decimal(20,4)"},{"name":"at","type":"timestamp"},
            {"name":"day","type":"date"},{"name":"tags","type":"list","items":"string"},{"name":"extra","type":"json"},
            {"name":"n","type":"struct","fields":[{"name":"x","type":"int"}]},
            {"name":"m","type":"map","items":"double"}]}"#,
        "{}",
    );
    bench.load(&[
        (
            "t_20220101.json",
            br#"[{"id":9007199254740993,"amount":1234567890123456.7891,"at":"2022-01-01T01:00:00.123456+01:00","day":"2022-02-03","tags":["a",null],"extra":{"k":1.10},"n":{"x":1},"m":{"a":0.1}}]"#,
        ),
        ("t_20220102.json", br#"[{"id":1}]"#),
    ]);
    let output = Command::new(python)
        .args(["-c", READ])
        .arg(bench.place.path("data/datalake/raw_data/t"))
        .output()
        .expect("Python with duckdb and pyarrow; `scripts/test` provides it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read["count"], 2);
    assert_eq!(
        read["rows"].to_string(),
        r#"[[1,null,null,null,null,null,null,"2022-01-02"],[9007199254740993,"1234567890123456.7891","1640995200123456","2022-02-03","[a, NULL]","{\"k\":1.10}",1,"2022-01-01"]]"#
    );
    for (column, kind) in [
        ("id", "int64"),
        ("amount", "decimal128(20, 4)"),
        ("at", "timestamp[us, tz=UTC]"),
        ("day", "date32[day]"),
        ("extra", "string"),
        ("_source_file", "string"),
        ("_ingested_at", "timestamp[us, tz=UTC]"),
        ("_load_id", "int64"),
    ] {
        assert_eq!(read["types"][column], kind, "{column}");
    }
}
