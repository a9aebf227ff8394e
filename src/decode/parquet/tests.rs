//! Whole files: written by the `arrow` crate, read by both roads, and broken in every way that came to mind.

mod hostile;
mod maker;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};

use self::maker::Maker;
use crate::decode::chunk::Chunks;
use crate::decode::draft::Draft;
use crate::decode::error::DecodeError;
use crate::decode::plan::{DecodeOptions, DecodePlan};
use crate::decode::records::{RecordOptions, Tail};
use crate::decode::reject::Reject;
use crate::schema::definition;
use crate::schema::processing_config::{OnUnknownField, Zone};

const NAME: &str = "t_20240101.parquet";

/// Everything that a file leads to.
#[derive(Debug, PartialEq)]
struct Outcome {
    rows: RecordBatch,
    rejects: Vec<Reject>,
    records_read: u64,
    unknown_fields: u64,
    /// Number, offset and text of each row, when they are kept.
    texts: Vec<(u64, u64, Vec<u8>)>,
    error: Option<&'static str>,
}

fn written(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("in memory");
    writer.close().expect("in memory");
    bytes
}

fn file(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
    written(&batch, WriterProperties::default())
}

fn options(fields: &str) -> DecodeOptions {
    options_with(fields, "")
}

fn options_with(fields: &str, demands: &str) -> DecodeOptions {
    let schema = definition::compile(&format!("{{\"fields\":[{fields}]{demands}}}")).expect("a definition");
    DecodeOptions::new(Arc::new(schema), NAME, "t")
}

fn read(options: &DecodeOptions, bytes: &[u8]) -> Outcome {
    let plan = DecodePlan::new(options.clone()).expect("a usable schema");
    let (mut batches, mut rejects, mut records_read, mut unknown_fields) = (Vec::new(), Vec::new(), 0, 0);
    let mut texts = Vec::new();
    let mut take = || -> Result<(), DecodeError> {
        let mut decoder = plan.open(bytes.to_vec(), NAME, Tail::Final)?;
        while let Some(chunk) = decoder.next_chunk()? {
            records_read += chunk.records_read;
            unknown_fields += chunk.unknown_fields;
            rejects.extend(chunk.rejects);
            if let Some(kept) = &chunk.texts {
                assert_eq!(kept.len(), chunk.batch.num_rows());
                let rows = (0..kept.len()).map(|at| kept.row(at));
                texts.extend(rows.map(|row| (row.number, row.offset, row.raw.to_vec())));
            }
            batches.push(chunk.batch);
        }
        Ok(())
    };
    let error = take().err().map(|error| error.code);
    let rows = concat_batches(&plan.arrow_schema(), &batches).expect("batches of one schema");
    Outcome { rows, rejects, records_read, unknown_fields, texts, error }
}

/// Fails when the roads part.
fn both(options: &DecodeOptions, bytes: &[u8]) -> Outcome {
    let exact = read(&DecodeOptions { exact_only: true, ..options.clone() }, bytes);
    let direct = read(options, bytes);
    assert_eq!(direct.rejects, exact.rejects);
    assert_eq!(direct, exact);
    direct
}

#[test]
fn both_roads_lead_to_the_same_rows_and_rejects() {
    let mut taken = 0;
    for seed in 0..150 {
        let mut maker = Maker::new(seed);
        let (batch, fields) = maker.batch_and_fields();
        let unknown = [OnUnknownField::Rescue, OnUnknownField::Ignore, OnUnknownField::Reject];
        let options = DecodeOptions {
            on_unknown: unknown[maker.below(3)],
            timezone: if maker.chance(4) { Zone::Named(chrono_tz::Europe::Berlin) } else { Zone::UTC },
            chunk_rows: 1 + maker.below(20),
            max_record_bytes: if maker.chance(5) { 400 } else { 1 << 20 },
            ..options(&fields)
        };
        let bytes = written(&batch, maker.properties());
        let outcome = both(&options, &bytes);
        assert_eq!((outcome.error, outcome.records_read), (None, batch.num_rows() as u64), "seed {seed}");
        taken += outcome.rows.num_rows();
    }
    assert!(taken > 1000, "the roads are compared over {taken} rows");
}

#[test]
fn checks_refuse_the_same_rows_on_both_roads_with_the_same_texts() {
    let (mut refused, mut kept) = (0, 0);
    for seed in 2000..2150 {
        let mut maker = Maker::new(seed);
        let (batch, fields) = maker.batch_and_fields();
        let first = options(&fields).schema.fields[0].name.clone();
        let demands = format!(
            r#","checks":[{{"name":"there","expr":"{first} is not null"}},{{"name":"small","expr":"100 / (m - 1) < 3"}}],"unique":["m"]"#
        );
        let options = DecodeOptions {
            on_unknown: if maker.chance(2) { OnUnknownField::Rescue } else { OnUnknownField::Ignore },
            chunk_rows: 1 + maker.below(20),
            ..options_with(&fields, &demands)
        };
        let outcome = both(&options, &written(&batch, maker.properties()));
        assert_eq!(outcome.texts.len(), outcome.rows.num_rows(), "seed {seed}");
        let numbers: Vec<u64> = outcome.texts.iter().map(|(number, ..)| *number).collect();
        assert!(numbers.is_sorted(), "seed {seed}: {numbers:?}");
        refused += outcome.rejects.iter().filter(|reject| reject.rule.starts_with("check.")).count();
        kept += outcome.texts.len();
    }
    assert!(refused > 300 && kept > 300, "{refused} refused, {kept} kept");
}

#[test]
fn every_value_comes_back_from_the_type_that_is_inferred() {
    for seed in 1000..1060 {
        let mut maker = Maker::new(seed);
        let batch = maker.tame_batch();
        let bytes = written(&batch, maker.properties());
        let draft = Draft::of(bytes.clone(), RecordOptions::new(NAME, "t")).expect("a draft");
        assert_eq!(draft.inferred.records, batch.num_rows() as u64);
        let schema = Arc::new(definition::compile(&draft.inferred.definition).expect("a definition"));
        let outcome = both(&DecodeOptions::new(schema, NAME, "t"), &bytes);
        assert_eq!(outcome.rejects, [], "seed {seed}");
        for (at, field) in batch.schema().fields().iter().enumerate() {
            maker::same(batch.column(at), outcome.rows.column(at), field.name());
        }
    }
}

#[test]
fn what_a_value_cannot_be_is_a_reject_with_its_reason() {
    use arrow::array::{Date32Array, Float64Array, Int64Array, StringArray};
    let bytes = file(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3_000_000_000, 4, 5]))),
        ("x", Arc::new(Float64Array::from(vec![f64::NAN, 1.5, 2.0, f64::INFINITY, -0.0]))),
        ("day", Arc::new(Date32Array::from(vec![0, 1, 2, 3, 3_000_000]))),
        ("new", Arc::new(StringArray::from(vec![None, Some("a\"b"), None, Some(""), None]))),
    ]);
    let fields = r#"{"name":"id","type":"int","nullable":false},{"name":"x","type":"double","maximum":10},{"name":"day","type":"date"}"#;
    let outcome = both(&options(fields), &bytes);
    let told: Vec<_> = outcome
        .rejects
        .iter()
        .map(|reject| {
            let raw = String::from_utf8_lossy(&reject.raw);
            format!("{} {} {} | {raw}", reject.record_number, reject.rule, reject.message)
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"1 record.maximum /x: NaN cannot be compared with the maximum of 10 | {"id":1,"x":"NaN","day":"1970-01-01"}"#,
            r#"3 record.range /id is 3000000000 (number), out of range for int (32 bit) | {"id":3000000000,"x":2.0,"day":"1970-01-03"}"#,
            r#"4 record.maximum /x: Infinity is greater than the maximum of 10 | {"id":4,"x":"Infinity","day":"1970-01-04","new":""}"#,
            r#"5 record.type /day is "+10183-09-21" (text), expected a date as YYYY-MM-DD | {"id":5,"x":-0.0,"day":"+10183-09-21"}"#,
        ]
    );
    assert_eq!(outcome.rejects[0].byte_offset, 4);
    let rescued = outcome.rows.column_by_name("_rescued").expect("a column");
    assert_eq!(rescued.as_string::<i32>().value(0), r#"{"new":"a\"b"}"#);
}

#[test]
fn floats_that_are_no_numbers_are_kept_where_nothing_forbids_them() {
    use arrow::array::Float64Array;
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1];
    let bytes = file(vec![("x", Arc::new(Float64Array::from(values.to_vec())))]);
    let outcome = both(&options(r#"{"name":"x","type":"double"}"#), &bytes);
    let found = outcome.rows.column(0).as_primitive::<arrow::datatypes::Float64Type>();
    assert!(found.value(0).is_nan());
    assert_eq!(found.values()[1..], values[1..]);
}

#[test]
fn bytes_that_are_no_text_cost_their_own_record() {
    use arrow::array::BinaryArray;
    let values: Vec<&[u8]> = vec![b"a", b"\xff\xfe", "\u{e9}".as_bytes()];
    let bytes = file(vec![("s", Arc::new(BinaryArray::from(values)))]);
    let outcome = both(&options(r#"{"name":"s","type":"string"}"#), &bytes);
    assert_eq!(outcome.rows.num_rows(), 2);
    assert_eq!(outcome.rejects[0].rule, "record.encoding");
    assert_eq!(outcome.rejects[0].message, "/s is no text: its bytes are not valid UTF-8 from byte 0 on");
    let outcome = both(&options(r#"{"name":"s","type":"binary"}"#), &bytes);
    assert_eq!(outcome.rows.column(0).as_binary::<i32>().value(1), b"\xff\xfe");
}

#[test]
fn every_encoding_and_codec_is_read() {
    use arrow::array::{BooleanArray, Int64Array, StringArray};
    let rows = 5_000;
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new((0..rows).map(|n| (n % 7 != 0).then_some(n * 3)).collect::<Int64Array>()) as ArrayRef),
        (
            "s",
            Arc::new((0..rows).map(|n| Some(format!("item {}", n / 3))).collect::<StringArray>()) as ArrayRef,
        ),
        ("b", Arc::new((0..rows).map(|n| Some(n % 3 == 0)).collect::<BooleanArray>()) as ArrayRef),
    ])
    .expect("a batch");
    let fields = r#"{"name":"n","type":"long"},{"name":"s","type":"string"},{"name":"b","type":"boolean"}"#;
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for (number, text) in [
            (Encoding::PLAIN, Encoding::PLAIN),
            (Encoding::RLE_DICTIONARY, Encoding::RLE_DICTIONARY),
            (Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_LENGTH_BYTE_ARRAY),
            (Encoding::BYTE_STREAM_SPLIT, Encoding::DELTA_BYTE_ARRAY),
        ] {
            for codec in [
                Compression::UNCOMPRESSED,
                Compression::SNAPPY,
                Compression::GZIP(parquet::basic::GzipLevel::default()),
                Compression::ZSTD(parquet::basic::ZstdLevel::default()),
                Compression::LZ4,
                Compression::LZ4_RAW,
            ] {
                let mut properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_compression(codec)
                    .set_data_page_row_count_limit(700)
                    .set_max_row_group_row_count(Some(2_000))
                    .set_dictionary_enabled(number == Encoding::RLE_DICTIONARY);
                if number != Encoding::RLE_DICTIONARY {
                    properties = properties
                        .set_column_encoding("n".into(), number)
                        .set_column_encoding("s".into(), text);
                }
                let outcome = read(&options(fields), &written(&batch, properties.build()));
                assert_eq!((outcome.error, outcome.rejects.len()), (None, 0), "{version:?} {text} {codec}");
                let rescued = outcome.rows.num_columns() - 1;
                let found = outcome.rows.project(&(0..rescued).collect::<Vec<_>>()).expect("columns");
                assert_eq!(found.columns(), batch.columns(), "{version:?} {text} {codec}");
            }
        }
    }
}
