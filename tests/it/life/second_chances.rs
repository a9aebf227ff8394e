//! Schemas that change between a load and what comes after it: replay, corrected deliveries, revert; and Parquet files.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use crate::ingest::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"n","type":"int"}]}"#;
const KEYED: &str =
    r#"{"fields":[{"name":"id","type":"long"},{"name":"n","type":"int"}],"primary_key":["id"]}"#;

fn sql(bench: &Bench, statement: &str) {
    let ran = bench.place.run(&["sql", statement]);
    assert_eq!(ran.code, 0, "{statement}: {}", ran.talk);
}

fn retype(bench: &Bench, from: &str, to: &str) {
    sql(
        bench,
        &format!(
            "UPDATE table_metadata SET schema_definition = replace(schema_definition, '\"{from}\"', '\"{to}\"')"
        ),
    );
}

#[test]
fn replayed_records_evolve_the_schema_like_any_other() {
    let bench = Bench::with_type(FIELDS, r#"{"on_unknown_field":"evolve"}"#);
    bench.load(&[
        ("t_20220101.json", br#"[{"id":1,"n":1},{"id":2,"n":"x","extra":7},{"id":3,"n":3}]"#),
        ("t_20220102.csv", b"id,n,cell\n4,4,\n5,x,2022-05-05\n6,6,\n"),
    ]);
    assert_eq!(bench.rows("SELECT max(schema_version) AS v FROM schema_versions"), [r#"{"v":1}"#]);
    sql(&bench, "UPDATE rejects SET fixed = replace(replace(raw, '\"x\"', '2'), ',x,', ',5,')");
    let ran = bench.place.run(&["rejects", "replay", "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.data, ran.talk);
    assert_eq!(
        bench.rows("SELECT id, n, extra, cell, _rescued AS r FROM t WHERE id IN (2, 5) ORDER BY id"),
        [
            r#"{"id":2,"n":2,"extra":7,"cell":null,"r":null}"#,
            r#"{"id":5,"n":5,"extra":null,"cell":"2022-05-05","r":null}"#
        ]
    );
    assert_eq!(
        bench.rows("SELECT schema_version AS v, author AS by FROM schema_versions ORDER BY id"),
        [r#"{"v":1,"by":"operator"}"#, r#"{"v":2,"by":"evolved"}"#]
    );
    assert_eq!(
        bench.rows("SELECT schema_version AS v FROM loads WHERE kind = 'replay' AND state = 'committed'"),
        [r#"{"v":2}"#]
    );
    assert_eq!(
        bench.rows("SELECT field, status FROM schema_drift WHERE kind = 'appeared' ORDER BY field"),
        [r#"{"field":"/cell","status":"accepted"}"#, r#"{"field":"/extra","status":"accepted"}"#]
    );
    // Of a record that is still refused, nothing is learned.
    bench.load(&[("t_20220103.json", br#"[{"id":7,"n":"y","other":1},{"id":8},{"id":9}]"#)]);
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(bench.rows("SELECT max(schema_version) AS v FROM schema_versions"), [r#"{"v":2}"#]);
}

#[test]
fn a_replay_uses_no_version_that_the_rows_stand_against() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1,"n":1},{"id":2,"n":"x"},{"id":3,"n":3}]"#)]);
    retype(&bench, "int", "string");
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert!(ran.talk.contains("hold /n as int, and it cannot become string"), "{}", ran.talk);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM rejects WHERE status = 'open'"), [r#"{"n":1}"#]);
    // What loses nothing is used, and named.
    retype(&bench, "string", "json");
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 0);
    assert_eq!(
        bench.rows("SELECT id, n FROM t ORDER BY id"),
        [r#"{"id":1,"n":"1"}"#, r#"{"id":2,"n":"\"x\""}"#, r#"{"id":3,"n":"3"}"#]
    );
    assert_eq!(bench.rows("SELECT schema_version AS v FROM loads ORDER BY id"), [r#"{"v":1}"#, r#"{"v":3}"#]);
}

#[test]
fn deliveries_are_replaced_and_taken_out_across_versions() {
    for (fields, mode) in [(FIELDS, "append"), (KEYED, "upsert")] {
        let config = format!(
            r#"{{"on_unknown_field":"evolve","on_redelivery":"replace","partition_by":"none","write_mode":"{mode}"}}"#
        );
        let bench = Bench::with_type(fields, &config);
        bench.load(&[
            ("t_20220101.json", br#"[{"id":1,"n":1},{"id":2,"n":2}]"#),
            ("t_20220102.json", br#"[{"id":3,"n":3}]"#),
        ]);
        bench.load(&[("t_20220103.json", br#"[{"id":4,"n":4,"a":true}]"#)]);
        assert_eq!(bench.place.run(&["compact", "t"]).code, 0, "{mode}");
        retype(&bench, "int", "long");
        let ran =
            bench.load(&[("t_20220101_v2.json", br#"[{"id":1,"n":5000000000},{"id":5,"n":5,"b":"x"}]"#)]);
        assert_eq!(ran.code, 0, "{mode}: {}", ran.talk);
        assert_eq!(
            bench.rows("SELECT id, n, a, b FROM t ORDER BY id"),
            [
                r#"{"id":1,"n":5000000000,"a":null,"b":null}"#,
                r#"{"id":3,"n":3,"a":null,"b":null}"#,
                r#"{"id":4,"n":4,"a":true,"b":null}"#,
                r#"{"id":5,"n":5,"a":null,"b":"x"}"#,
            ],
            "{mode}"
        );
        let ran = bench.place.run(&["files", "revert", "t_20220103.json"]);
        assert_eq!(ran.code, 0, "{mode}: {}", ran.talk);
        assert_eq!(bench.rows("SELECT sum(id) AS ids, count(a) AS a FROM t"), [r#"{"ids":9,"a":0}"#]);
    }
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("in memory");
    writer.close().expect("in memory");
    bytes
}

#[test]
fn columns_of_parquet_files_evolve_and_drift_like_fields() {
    let file = parquet(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("day", Arc::new(Date32Array::from(vec![Some(19_000), None, Some(19_001)]))),
        ("who", Arc::new(StringArray::from(vec![Some("a"), None, None]))),
    ]);
    let evolving = Bench::with_type(FIELDS, r#"{"on_unknown_field":"evolve"}"#);
    evolving.load(&[("t_20220101.parquet", &file)]);
    assert_eq!(
        evolving.rows("SELECT id, day, who, _rescued AS r FROM t ORDER BY id"),
        [
            r#"{"id":1,"day":"2022-01-08","who":"a","r":null}"#,
            r#"{"id":2,"day":null,"who":null,"r":null}"#,
            r#"{"id":3,"day":"2022-01-09","who":null,"r":null}"#,
        ]
    );
    let rescuing = Bench::with_type(FIELDS, "{}");
    rescuing.load(&[("t_20220101.parquet", &file)]);
    assert_eq!(
        rescuing.rows(
            "SELECT field, found_type AS f, records AS r, status AS s FROM schema_drift ORDER BY field"
        ),
        [
            r#"{"field":"/day","f":"date","r":2,"s":"open"}"#,
            r#"{"field":"/who","f":"string","r":1,"s":"open"}"#
        ]
    );
    assert_eq!(rescuing.place.run(&["types", "promote", "t", "day"]).code, 0);
    let of_day = "SELECT id, day FROM t ORDER BY id";
    assert_eq!(rescuing.rows(of_day), evolving.rows(of_day));
}
