use std::io::{Cursor, Read, Write};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;

use super::*;
use crate::decode::{DecodeOptions, RecordOptions, Records, Tail};
use crate::schema::field::TableSchema;
use crate::schema::field::{Field, Kind, Resolution};

fn field(name: &str, kind: Kind) -> Field {
    Field::plain(name, kind)
}

fn options(fields: Vec<Field>, name: &str) -> DecodeOptions {
    let schema = TableSchema::of(fields);
    DecodeOptions::new(Arc::new(schema), name, "things")
}

pub(super) fn opened(reader: Box<dyn Read + Send>, options: DecodeOptions) -> Result<Decoder, DecodeError> {
    let (name, tail) = (options.file_name.clone(), options.tail);
    DecodePlan::new(options)?.open(reader, &name, tail)
}

fn ids() -> Vec<Field> {
    vec![Field { nullable: false, ..field("id", Kind::Long) }, field("note", Kind::String)]
}

fn reader(bytes: impl AsRef<[u8]>) -> Box<dyn Read + Send> {
    Box::new(Cursor::new(bytes.as_ref().to_vec()))
}

/// Everything that a file gives: ids of its rows, its rejects, and the error that ended it.
fn decode(bytes: impl AsRef<[u8]>, options: DecodeOptions) -> (Vec<i64>, Vec<Reject>, Option<DecodeError>) {
    let length = bytes.as_ref().len();
    let mut decoder = match opened(reader(bytes), options) {
        Ok(decoder) => decoder,
        Err(error) => return (Vec::new(), Vec::new(), Some(error)),
    };
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    loop {
        match decoder.next_chunk() {
            Ok(Some(chunk)) => {
                assert_eq!(chunk.records_read, (chunk.batch.num_rows() + chunk.rejects.len()) as u64);
                if let Some(ids) = chunk.batch.column_by_name("id") {
                    rows.extend(ids.as_primitive::<Int64Type>().iter().flatten());
                }
                rejects.extend(chunk.rejects);
                assert!(rejects.len() <= length, "a record takes at least a byte");
            }
            Ok(None) => return (rows, rejects, None),
            Err(error) => {
                assert!(decoder.next_chunk().expect("an error is the end").is_none());
                return (rows, rejects, Some(error));
            }
        }
    }
}

#[test]
fn good_records_load_beside_bad_ones() {
    let text = "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":2,}\n{\"id\":3\n\n[4]\n{\"note\":\"\"}\n{\"id\":5}\n";
    let (rows, rejects, error) = decode(text, options(ids(), "things.json"));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(rows, [1, 5]);
    let found: Vec<_> = rejects
        .iter()
        .map(|r| (r.record_number, r.byte_offset, r.rule.as_str(), r.pointer.as_str(), r.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (2, 9, "record.type", "/id", "/id is \"x\" (text), expected long"),
            (
                3,
                20,
                "record.syntax",
                "",
                "column 8: a comma is followed by '}', not by another value; \"lenient\": true in processing_config would take it as it is"
            ),
            (4, 30, "record.syntax", "", "column 8: the text ends where ',' or '}' is due"),
            (5, 39, "record.type", "", "the record is [4] (array), expected an object"),
            (6, 43, "record.required", "/id", "/id is missing; it is required"),
        ]
    );
    assert_eq!(rejects[1].raw, b"{\"id\":2,}");
}

#[test]
fn compressed_files_load_like_plain_ones() {
    let text = "[{\"id\":1},{\"id\":2}]";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).expect("memory");
    let gzip = gzip.finish().expect("memory");
    assert_eq!(decode(&gzip, options(ids(), "things.json.gz")).0, [1, 2]);
    assert_eq!(
        decode(zstd::encode_all(text.as_bytes(), 1).expect("memory"), options(ids(), "t.json")).0,
        [1, 2]
    );
    let (rows, _, error) = decode(&gzip[..gzip.len() - 3], options(ids(), "things.json.gz"));
    assert!(error.expect("cut short").is_truncation());
    assert_eq!(rows, [] as [i64; 0]);
}

#[test]
fn records_before_an_error_are_handed_out_first() {
    let (rows, rejects, error) = decode("[{\"id\":1},{\"id\":null},{\"id\":2} 3]", options(ids(), "t.json"));
    assert_eq!((rows, rejects.len()), (vec![1, 2], 1));
    assert_eq!(error.expect("broken").code, "json.syntax");
}

#[test]
fn a_last_line_cut_short_waits_until_nothing_will_follow() {
    for text in ["{\"id\":1}\n{\"id\":2", "{\"id\":1}\n{\"note\":\"\u{e9}"] {
        // Cutting inside a character is a truncation as well.
        let bytes = text.strip_suffix('é').map_or(text.as_bytes(), |_| &text.as_bytes()[..text.len() - 1]);
        let (rows, _, error) = decode(bytes, options(ids(), "t.ndjson"));
        let error = error.expect("cut short");
        assert_eq!((rows, error.code, error.is_truncation()), (vec![1], "json.truncated", true));
        let last = DecodeOptions { tail: Tail::Final, ..options(ids(), "t.ndjson") };
        let (rows, rejects, error) = decode(bytes, last);
        assert!(error.is_none());
        assert_eq!((rows, rejects[0].rule.as_str(), rejects[0].record_number), (vec![1], "record.syntax", 2));
    }
    let (_, rejects, error) = decode("{\"id\":1}\n{\"id\":x", options(ids(), "t.ndjson"));
    assert!(error.is_none(), "what is already wrong does not get better");
    assert_eq!(rejects.len(), 1);
}

#[test]
fn bytes_that_are_no_text_cost_one_record() {
    let (rows, rejects, error) =
        decode(b"{\"id\":1}\n{\"note\":\"a\xff\"}\n{\"id\":2}\n", options(ids(), "t.json"));
    assert!(error.is_none());
    assert_eq!(rows, [1, 2]);
    assert_eq!(
        (rejects[0].rule.as_str(), rejects[0].raw.as_slice()),
        ("record.encoding", &b"{\"note\":\"a\xff\"}"[..])
    );
    assert_eq!(rejects[0].message, "column 11: the bytes are not valid UTF-8");
}

#[test]
fn records_too_large_or_too_deep_are_refused_alone() {
    let deep = format!("{{\"id\":1,\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let large = format!("{{\"id\":1,\"note\":\"{}\"}}", "x".repeat(5000));
    let text = format!("[{deep},{large},{{\"id\":7}}]");
    let small = DecodeOptions { max_record_bytes: 1000, ..options(ids(), "t.json") };
    let (rows, rejects, error) = decode(text, small);
    assert!(error.is_none());
    assert_eq!(rows, [7]);
    let rules: Vec<_> = rejects.iter().map(|reject| reject.rule.as_str()).collect();
    assert_eq!(rules, ["record.depth", "record.too_large"]);
    assert_eq!(rejects[1].raw.len(), 4096);
}

#[test]
fn chunks_stay_within_their_limits() {
    let text: String = (0..100)
        .map(|id| format!("{{\"id\":{}}}\n", if id % 5 == 0 { "\"x\"".into() } else { id.to_string() }))
        .collect();
    let bounds = [(7, usize::MAX, usize::MAX), (usize::MAX, 3, usize::MAX), (usize::MAX, usize::MAX, 40)];
    for (chunk_rows, chunk_rejects, chunk_bytes) in bounds {
        let options = DecodeOptions { chunk_rows, chunk_rejects, chunk_bytes, ..options(ids(), "t.json") };
        let mut decoder = opened(reader(&text), options).expect("lines");
        let (mut read, mut chunks) = (0, 0);
        while let Some(chunk) = decoder.next_chunk().expect("valid") {
            assert!(chunk.batch.num_rows() <= chunk_rows && chunk.rejects.len() <= chunk_rejects);
            read += chunk.records_read;
            chunks += 1;
        }
        assert_eq!(read, 100);
        assert!(chunks > 6, "{chunks}");
    }
}

#[test]
fn a_document_around_no_records_is_an_empty_result() {
    let mut decoder =
        opened(reader("{\"things\":[],\"n\":0}"), options(ids(), "t.json")).expect("a document");
    assert!(decoder.next_chunk().expect("valid").is_none());
    assert_eq!(decoder.envelope_members(), 1);
}

#[test]
fn rescued_fields_are_counted() {
    let mut decoder = opened(reader("{\"id\":1,\"a\":1,\"b\":2}"), options(ids(), "t.json")).expect("one");
    let chunk = decoder.next_chunk().expect("valid").expect("one row");
    assert_eq!(chunk.unknown_fields, 2);
    assert_eq!(chunk.batch.schema(), decoder.arrow_schema());
    assert_eq!(chunk.batch.column(2).as_string::<i32>().value(0), "{\"a\":1,\"b\":2}");
}

#[test]
fn inference_sees_every_record() {
    let mut records =
        Records::new(reader("{\"a\":1}\n5\n{\"b\n"), RecordOptions::new("t.json", "t")).expect("lines");
    let mut seen = Vec::new();
    while let Some(record) = records.next().expect("valid") {
        seen.push(record.content.map(|parsed| parsed.text.to_owned()).map_err(|problem| problem.rule));
    }
    assert_eq!(seen, [Ok("{\"a\":1}".to_owned()), Ok("5".to_owned()), Err("record.syntax".to_owned())]);
}

fn defined(definition: &str) -> DecodeOptions {
    let schema = crate::schema::definition::compile(definition).expect("a definition");
    DecodeOptions::new(Arc::new(schema), "t.ndjson", "things")
}

#[test]
fn constraints_of_fields_are_enforced_where_they_stand() {
    let options = defined(
        r#"{"fields":[{"name":"id","type":"long","minimum":1},
            {"name":"l","type":"list","items":{"type":"string","max_length":2}}]}"#,
    );
    let (rows, rejects, error) =
        decode("{\"id\":1}\n{\"id\":0}\n{\"id\":1,\"l\":[\"a\",\"abc\"]}\n", options);
    assert!(error.is_none());
    assert_eq!(rows, [1]);
    let found: Vec<_> =
        rejects.iter().map(|r| (r.rule.as_str(), r.pointer.as_str(), r.value.as_deref())).collect();
    assert_eq!(found, [("record.minimum", "/id", Some("0")), ("record.max_length", "/l/1", Some("\"abc\""))]);
}

#[test]
fn a_json_schema_judges_before_the_columns_do() {
    let options = defined(
        r#"{"type":"object","required":["id"],"additionalProperties":false,
            "properties":{"id":{"type":"integer","minimum":1},"tag":{"enum":["a","b"]}}}"#,
    );
    let text = "{\"id\":1,\"tag\":\"a\"}\n{\"id\":0}\n{\"tag\":\"a\"}\n{\"id\":1,\"z\":1}\n{\"id\":1,\"tag\":\"c\"}\n5\n";
    let (rows, rejects, error) = decode(text, options);
    assert!(error.is_none());
    assert_eq!(rows, [1]);
    let found: Vec<_> = rejects.iter().map(|r| (r.rule.as_str(), r.pointer.as_str())).collect();
    assert_eq!(
        found,
        [
            ("record.minimum", "/id"),
            ("record.required", "/id"),
            ("record.unknown_field", "/z"),
            ("record.enum", "/tag"),
            ("record.type", ""),
        ]
    );
    assert_eq!(rejects[0].value.as_deref(), Some("0"));
}

fn every_kind() -> Vec<Field> {
    let inner = vec![Field { nullable: false, ..field("a", Kind::Long) }, field("b", Kind::String)];
    vec![
        field("a", Kind::Long),
        field("b", Kind::String),
        field("c", Kind::Double),
        field("d", Kind::Timestamp { resolution: Resolution::Micros, epoch: None }),
        field("e", Kind::Json),
        field("f", Kind::Decimal { precision: 38, scale: 10 }),
        field("s", Kind::Struct(inner.clone())),
        field("l", Kind::List(Box::new(field("item", Kind::Struct(inner))))),
        field("m", Kind::Map(Box::new(field("value", Kind::Binary)))),
    ]
}

/// Text that is nearly JSON, to get past the first character.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("\n".to_owned()),
        Just("\"".to_owned()),
        Just("null".to_owned()),
        "\"[abcdeflsm]\"".prop_map(String::from),
        "-?[0-9]{1,20}(\\.[0-9]{1,9})?(e[0-9]{1,4})?".prop_map(String::from),
        Just("{\"a\":1}\n".to_owned()),
        Just("{\"s\":{\"a\":1,\"z\":[]}},".to_owned()),
        Just("\"2024-05-01T12:00:00Z\"".to_owned()),
        "\\PC{0,3}".prop_map(String::from),
    ];
    prop::collection::vec(token, 0..30).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_bytes_are_accounted_for(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), nearly_json()],
        ndjson: bool,
        fields in prop_oneof![Just(ids()), Just(every_kind()), Just(Vec::new())],
        max_record_bytes in prop_oneof![Just(8_usize), Just(1 << 20)],
        chunk_rows in 1_usize..4,
        path in prop_oneof![Just(None), Just(Some(vec!["a".to_owned()]))],
        tail in prop_oneof![Just(Tail::Growing), Just(Tail::Final)],
    ) {
        let name = if ndjson { "t.ndjson" } else { "t.json" };
        let options = DecodeOptions { max_record_bytes, chunk_rows, tail, records_path: path, ..options(fields, name) };
        // The balance of each chunk is asserted on the way.
        let (_, rejects, error) = decode(&bytes, options);
        let text_length = bytes.len() as u64;
        for reject in rejects {
            prop_assert!(reject.byte_offset < text_length);
            let at = usize::try_from(reject.byte_offset).expect("small");
            prop_assert!(bytes[at..].starts_with(&reject.raw), "the raw record is what stands at its place");
        }
        if let Some(position) = error.and_then(|error| error.position) {
            prop_assert!(position.offset <= text_length);
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        values in prop::collection::vec(
            (any::<i64>(), any::<String>(), any::<f64>().prop_filter("finite", |v| v.is_finite()), -62_135_596_800_000_000_i64..253_402_300_799_999_999),
            1..20,
        ),
        shape in 0..4,
    ) {
        let texts: Vec<String> = values.iter().map(|(a, b, c, d)| {
            let time = chrono::DateTime::from_timestamp_micros(*d).expect("in range").to_rfc3339();
            let b = serde_json::Value::String(b.clone());
            format!("{{\"a\":{a},\"b\":{b},\"c\":{c:e},\"d\":\"{time}\",\"e\":[ {a} ]}}")
        }).collect();
        let text = match shape {
            0 => texts.join("\n"),
            1 => format!("[{}]", texts.join(" ,\n")),
            2 => format!("{{\"n\":[1],\"things\":[{}]}}", texts.join(",")),
            _ => texts.concat(),
        };
        let mut decoder = opened(reader(text), options(every_kind(), "t.json")).expect("records");
        let chunk = decoder.next_chunk().expect("valid").expect("rows");
        prop_assert!(chunk.rejects.is_empty(), "{:?}", chunk.rejects);
        prop_assert_eq!(chunk.batch.num_rows(), values.len());
        for (row, (a, b, c, d)) in values.iter().enumerate() {
            prop_assert_eq!(chunk.batch.column(0).as_primitive::<Int64Type>().value(row), *a);
            prop_assert_eq!(chunk.batch.column(1).as_string::<i32>().value(row), b);
            prop_assert_eq!(chunk.batch.column(2).as_primitive::<Float64Type>().value(row), *c);
            prop_assert_eq!(chunk.batch.column(3).as_primitive::<TimestampMicrosecondType>().value(row), *d);
            prop_assert_eq!(chunk.batch.column(4).as_string::<i32>().value(row), format!("[ {a} ]"));
            prop_assert!(chunk.batch.column(5).is_null(row));
        }
    }
}
