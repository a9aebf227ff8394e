use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};

use super::*;

fn sample() -> RecordBatch {
    let nested = StructArray::from(vec![(
        Arc::new(Field::new("k", DataType::Utf8, true)),
        Arc::new(StringArray::from(vec![Some("q\"\u{1b}"), None])) as ArrayRef,
    )]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        (
            "price",
            Arc::new(Decimal128Array::from(vec![110, -5]).with_precision_and_scale(38, 2).expect("fits")),
        ),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from(vec![1_735_689_600_120_000, -1]).with_timezone("UTC")),
        ),
        ("ns", Arc::new(TimestampNanosecondArray::from(vec![1, 1_000_000_000]))),
        ("x", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("b", Arc::new(BinaryArray::from(vec![b"\x00\xff".as_slice(), b""]))),
        (
            "l",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
                Some(vec![Some(1), None]),
                None,
            ])),
        ),
        ("s", Arc::new(nested)),
        ("t", Arc::new(StringArray::from(vec![Some("a,\n\u{1b}[1m"), Some("")]))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

async fn printed(batch: RecordBatch, format: Format, room: Room) -> (String, Written) {
    let mut out = Vec::new();
    let written = write(Rows::of(batch), format, room, &mut out).await.expect("memory takes everything");
    (String::from_utf8(out).expect("text"), written)
}

#[tokio::test]
async fn ndjson_is_exact() {
    let (text, _) = printed(sample(), Format::Ndjson, Room::default()).await;
    assert_eq!(
        text,
        concat!(
            r#"{"id":9223372036854775807,"price":1.10,"at":"2025-01-01T00:00:00.120Z","#,
            r#""ns":"1970-01-01T00:00:00.000000001","x":0.1,"b":"AP8=","l":[1,null],"#,
            r#""s":{"k":"q\"\u001b"},"t":"a,\n\u001b[1m"}"#,
            "\n",
            r#"{"id":null,"price":-0.05,"at":"1969-12-31T23:59:59.999999Z","ns":"1970-01-01T00:00:01","#,
            r#""x":"NaN","b":"","l":null,"s":{"k":null},"t":""}"#,
            "\n"
        )
    );
}

#[tokio::test]
async fn json_is_one_array_that_parses() {
    let (text, written) = printed(sample(), Format::Json, Room::default()).await;
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value.as_array().map(Vec::len), Some(2));
    assert_eq!(written, Written { rows: 2, shown: 2 });
}

#[tokio::test]
async fn csv_tells_null_from_empty_text() {
    let batch = sample().project(&[0, 1, 8]).expect("columns");
    let (text, _) = printed(batch, Format::Csv, Room::default()).await;
    assert_eq!(text, "id,price,t\n9223372036854775807,1.10,\"a,\n\u{1b}[1m\"\n,-0.05,\"\"\n");
}

#[tokio::test]
async fn a_table_is_aligned_and_harmless() {
    let batch = sample().project(&[1, 8, 0]).expect("columns");
    let (text, written) = printed(batch, Format::Table, Room { rows: Some(1), width: Some(12) }).await;
    assert_eq!(
        text,
        concat!(
            "price  t                         id\n",
            "─────  ─────────────  ─────────────\n",
            " 1.10  a,\\n\\u{1b}[1m  922337203685…\n"
        )
    );
    assert_eq!(written, Written { rows: 2, shown: 1 });
}

#[tokio::test]
async fn an_empty_answer_still_has_its_shape() {
    let empty = RecordBatch::new_empty(Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)])));
    let expected =
        [(Format::Table, "a\n─\n"), (Format::Csv, "a\n"), (Format::Json, "[]\n"), (Format::Ndjson, "")];
    for (format, text) in expected {
        assert_eq!(printed(empty.clone(), format, Room::default()).await.0, text, "{format:?}");
    }
}
