//! Parquet files, from the folder to the table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long","nullable":false},{"name":"s","type":"string","aliases":["text"]}]}"#;

pub(super) fn file(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1000)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("in memory");
    writer.close().expect("in memory");
    bytes
}

fn longs(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn texts(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

#[test]
fn parquet_and_json_give_the_same_rows() {
    let bench = Bench::with_type(FIELDS, "{}");
    let parquet = file(vec![
        ("text", texts(vec![Some("a"), None, Some("ü")])),
        ("id", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("more", longs(vec![None, Some(5), None])),
    ]);
    let ran = bench.load(&[
        ("t_20220101.parquet", &parquet),
        ("t_20220102.PARQUET", &parquet[..]),
        (
            "t_20220103.ndjson",
            "{\"id\":1,\"s\":\"a\"}\n{\"id\":2,\"s\":null,\"more\":5}\n{\"id\":3,\"s\":\"ü\"}\n".as_bytes(),
        ),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let rows = |day: u32| {
        bench.rows(&format!("SELECT id, s, _rescued FROM t WHERE date = '2022-01-0{day}' ORDER BY id"))
    };
    assert_eq!(rows(1), rows(3));
    assert_eq!(rows(1).len(), 3);
    // The same bytes under another name.
    assert_eq!(rows(2).len(), 0);
    assert_eq!(bench.states()[1], "t_20220102.PARQUET duplicate -");
}

#[test]
fn an_unknown_parquet_type_registers_itself_and_loads_when_it_is_activated() {
    let bench = Bench::new();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let price = Decimal128Array::from(vec![1250, -1]).with_precision_and_scale(9, 2).expect("a decimal");
    let bytes = file(vec![
        ("id", Arc::new(UInt64Array::from(vec![u64::MAX, 7]))),
        ("price", Arc::new(price)),
        ("at", Arc::new(TimestampMillisecondArray::from(vec![1_641_024_000_123, 0]).with_timezone("UTC"))),
        ("x", Arc::new(Float64Array::from(vec![f64::NAN, 0.1]))),
        ("tags", Arc::new(lists)),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
    ]);
    bench.load(&[("deals_20220105.parquet", &bytes)]);
    assert_eq!(bench.states(), ["deals_20220105.parquet waiting type.inactive"]);
    let row = &bench.ask("SELECT description, status_reason FROM table_metadata")[0];
    assert_eq!(row["description"], "inferred from 2 records of deals_20220105.parquet (Parquet)");
    let changed =
        bench.place.run(&["sql", "UPDATE table_metadata SET status='active' WHERE file_type='deals'"]);
    assert_eq!(changed.code, 0, "{}", changed.talk);
    assert_eq!(bench.pass().code, 0);
    assert_eq!(
        bench.rows(
            "SELECT cast(id AS varchar) AS id, cast(price AS varchar) AS price, at, cast(x AS varchar) AS x, tags, ok \
             FROM deals ORDER BY price DESC"
        ),
        [
            r#"{"id":"18446744073709551615","price":"12.50","at":"2022-01-01T08:00:00.123Z","x":"NaN","tags":[1,null],"ok":true}"#,
            r#"{"id":"7","price":"-0.01","at":"1970-01-01T00:00:00Z","x":"0.1","tags":null,"ok":null}"#,
        ]
    );
}

#[test]
fn bad_records_of_a_parquet_file_are_kept_as_json() {
    let bench = Bench::with_type(FIELDS, "{}");
    let count = 2_500;
    let ids = (0..count).map(|n| (n % 500 != 499).then_some(n)).collect();
    let bytes = file(vec![("id", longs(ids)), ("s", texts(vec![Some("a \"b\""); count as usize]))]);
    let ran = bench.load(&[("t_20220101.parquet", &bytes)]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.rows("SELECT count(*) AS n, min(id) AS low FROM t"), [r#"{"n":2495,"low":0}"#]);
    let rejects = bench.ask("SELECT record_number, pointer, rule, raw FROM rejects ORDER BY record_number");
    let told: Vec<_> = rejects.iter().map(ToString::to_string).collect();
    let expected: Vec<_> = (1..=5)
        .map(|n| {
            let raw = r#"{\"id\":null,\"s\":\"a \\\"b\\\"\"}"#;
            format!(
                r#"{{"record_number":{},"pointer":"/id","rule":"record.required","raw":"{raw}"}}"#,
                n * 500
            )
        })
        .collect();
    assert_eq!(told, expected);
    // The position tells the row group: 1000 rows each.
    let offsets = bench.rows("SELECT count(DISTINCT byte_offset) AS groups FROM rejects");
    assert_eq!(offsets, [r#"{"groups":3}"#]);
}

#[test]
fn a_parquet_file_that_cannot_be_read_fails_with_its_code() {
    let bench = Bench::with_type(FIELDS, "{}");
    let sound = file(vec![("id", longs(vec![Some(1)])), ("s", texts(vec![Some("a")]))]);
    let footer = u32::from_le_bytes(sound[sound.len() - 8..sound.len() - 4].try_into().expect("four bytes"));
    let mut lying = sound.clone();
    let at = sound.len() - 8;
    lying[at..at + 4].copy_from_slice(&(footer * 1000).to_le_bytes());
    let mut torn = sound.clone();
    torn[10..30].fill(0xff);
    let zstd = zstd::encode_all(&sound[..], 1).expect("zstd");
    let ran = bench.load(&[
        ("t_20220101.parquet", &sound[..sound.len() - 20]),
        ("t_20220102.parquet", &lying),
        ("t_20220103.parquet", &torn),
        ("t_20220104.parquet.zst", &zstd),
        ("t_20220105.parquet", b"[{\"id\":1}]"),
        ("t_20220106.parquet", b""),
        ("t_20220107.parquet", &sound),
        ("t_20220108.json", b"[{\"id\":8}]"),
    ]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        bench.states(),
        [
            "t_20220101.parquet failed parquet.truncated",
            "t_20220102.parquet failed parquet.damaged",
            "t_20220103.parquet failed parquet.damaged",
            "t_20220104.parquet.zst failed file.compression",
            "t_20220105.parquet failed parquet.format",
            "t_20220106.parquet failed file.empty",
            "t_20220107.parquet processed -",
            "t_20220108.json processed -",
        ]
    );
    assert_eq!(bench.rows("SELECT sum(id) AS ids FROM t"), [r#"{"ids":9}"#]);
}

#[test]
fn a_large_parquet_file_is_hashed_and_accounted_for_like_any_other() {
    let bench = Bench::with_type(FIELDS, "{}");
    // Past the size from which files are hashed while they are read.
    let count = 600_000_i64;
    let long: Vec<String> = (0..count).map(|n| blake3::hash(&n.to_le_bytes()).to_hex().to_string()).collect();
    let bytes =
        file(vec![("id", longs((0..count).map(Some).collect())), ("s", Arc::new(StringArray::from(long)))]);
    assert!(bytes.len() > 32 << 20, "{} bytes", bytes.len());
    let ran = bench.load(&[("t_20220101.parquet", &bytes)]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let expected = format!(r#"{{"n":{count},"ids":{}}}"#, count * (count - 1) / 2);
    assert_eq!(bench.rows("SELECT count(*) AS n, sum(id) AS ids FROM t"), [expected]);
    let hash = blake3::hash(&bytes).to_hex().to_string();
    assert_eq!(bench.ask("SELECT blake3 FROM files")[0]["blake3"], hash.as_str());
    bench.load(&[("t_20220102.parquet", &bytes)]);
    assert_eq!(bench.states()[1], "t_20220102.parquet duplicate -");
}
