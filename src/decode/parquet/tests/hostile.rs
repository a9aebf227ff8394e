//! Files that are not what they say.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray};
use arrow::datatypes::Int32Type;
use bytes::Bytes;
use parquet::basic::Compression;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

use super::{NAME, file, options, read, written};
use crate::decode::plan::DecodePlan;
use crate::decode::records::Tail;

fn error(bytes: &[u8]) -> (&'static str, String) {
    let options = options(r#"{"name":"n","type":"long"},{"name":"s","type":"string"}"#);
    let plan = DecodePlan::new(options).expect("a usable schema");
    let failed = match plan.open(bytes.to_vec(), NAME, Tail::Growing) {
        Err(error) => error,
        Ok(mut decoder) => loop {
            match crate::decode::chunk::Chunks::next_chunk(&mut decoder) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the file was read"),
                Err(error) => break error,
            }
        },
    };
    assert!(!failed.hint.is_empty());
    (failed.code, failed.message)
}

fn sound() -> Vec<u8> {
    file(vec![
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("s", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
    ])
}

/// A footer with these bytes as its content.
fn with_footer(footer: &[u8]) -> Vec<u8> {
    let length = (footer.len() as u32).to_le_bytes();
    [&b"PAR1"[..], footer, &length, b"PAR1"].concat()
}

/// One column in one row group, of which the pages are these bytes.
fn with_pages(message: &str, rows: i64, values: i64, codec: Compression, pages: &[u8]) -> Vec<u8> {
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(parse_message_type(message).expect("a schema"))));
    let chunk = ColumnChunkMetaData::builder(schema.column(0))
        .set_compression(codec)
        .set_num_values(values)
        .set_data_page_offset(4)
        .set_total_compressed_size(pages.len() as i64)
        .set_total_uncompressed_size(pages.len() as i64)
        .build()
        .expect("a chunk");
    let group = RowGroupMetaData::builder(Arc::clone(&schema))
        .set_num_rows(rows)
        .set_total_byte_size(pages.len() as i64)
        .add_column_metadata(chunk)
        .build()
        .expect("a row group");
    let metadata = ParquetMetaData::new(FileMetaData::new(1, rows, None, None, schema, None), vec![group]);
    let mut bytes = [b"PAR1", pages].concat();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().expect("in memory");
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn integer(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

/// A page of version 1, or a dictionary, with this header and these bytes.
fn page(kind: i64, uncompressed: i64, values: i64, encoding: i64, body: &[u8]) -> Vec<u8> {
    let mut page = Vec::new();
    for value in [kind, uncompressed, body.len() as i64] {
        page.push(0x15);
        page.extend(integer(value));
    }
    page.push(if kind == 0 { 0x2c } else { 0x4c });
    let inner = if kind == 0 { vec![values, encoding, 3, 3] } else { vec![values, encoding] };
    for value in inner {
        page.push(0x15);
        page.extend(integer(value));
    }
    page.extend([0, 0]);
    page.extend(body);
    page
}

const LONGS: &str = "message m { required int64 n; }";
const TEXTS: &str = "message m { required binary s (UTF8); }";

#[test]
fn what_is_no_parquet_file_is_refused_by_its_ends() {
    let sound = sound();
    for (bytes, code) in [
        (&b""[..], "file.empty"),
        (b"P", "parquet.truncated"),
        (b"PAR1", "parquet.truncated"),
        (b"PAR1PAR1", "parquet.truncated"),
        (&sound[..sound.len() - 1], "parquet.truncated"),
        (&sound[..sound.len() / 2], "parquet.truncated"),
        (b"{\"id\": 1}", "parquet.format"),
        (b"\x1f\x8b\x08\0", "file.compression"),
        (b"PARE....\0\0\0\0PARE", "parquet.unsupported"),
        (b"PAR1....\xff\xff\xff\xffPAR1", "parquet.damaged"),
        (b"PAR1....\x04\0\0\0PAR1", "parquet.damaged"),
    ] {
        assert_eq!(error(bytes).0, code, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn footers_are_held_against_their_own_bytes() {
    // 2: a list of 2^31 - 1 structs.
    let bomb = [&[0x29, 0xfc][..], &varint(i32::MAX as u64), &[0; 20]].concat();
    // 2: one element with 2^31 - 1 children.
    let crowd = [&[0x29, 0x1c, 0x55][..], &integer(i32::MAX.into()), &[0, 0]].concat();
    // 2: 60 elements, each with one child.
    let deep = [&[0x29, 0xfc, 61][..], &[0x55, 2, 0].repeat(60), &[0, 0]].concat();
    // 8: encryption.
    let secret = [0x8c, 0, 0];
    let nested = [0x1c; 1000];
    for (footer, code) in [
        (&bomb[..], "parquet.damaged"),
        (&crowd, "parquet.damaged"),
        (&deep, "parquet.too_large"),
        (&secret, "parquet.unsupported"),
        (&nested, "parquet.too_large"),
        (&[0], "parquet.damaged"),
    ] {
        let (found, message) = error(&with_footer(footer));
        assert_eq!(found, code, "{message}");
    }
}

#[test]
fn columns_lie_in_the_file_and_apart() {
    let page = page(0, 24, 3, 0, &[0; 24]);
    let sound = with_pages(LONGS, 3, 3, Compression::UNCOMPRESSED, &page);
    assert_eq!(read(&options(r#"{"name":"n","type":"long"}"#), &sound).rows.num_rows(), 3);
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new()
        .parse_and_finish(&Bytes::from(sound.clone()))
        .expect("a footer");
    let group = metadata.row_group(0).clone();
    let again = |groups: Vec<RowGroupMetaData>, rows: i64| {
        let schema = metadata.file_metadata().schema_descr_ptr();
        let metadata = ParquetMetaData::new(FileMetaData::new(1, rows, None, None, schema, None), groups);
        let mut bytes = [b"PAR1", &page[..]].concat();
        ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().expect("in memory");
        bytes
    };
    let moved = |offset: i64, length: i64| {
        let chunk = group.column(0).clone().into_builder().set_data_page_offset(offset);
        let chunk = chunk.set_total_compressed_size(length).build().expect("a chunk");
        let builder = group.clone().into_builder().set_column_metadata(vec![chunk]);
        again(vec![builder.build().expect("a row group")], 3)
    };
    for (bytes, told) in [
        (again(vec![group.clone(), group.clone()], 6), "share the bytes from 4 on"),
        (moved(4, 1 << 40), "lie outside the data"),
        (moved(1 << 40, 10), "lie outside the data"),
        (moved(i64::MAX, i64::MAX), "lie outside the data"),
        (moved(-1, 10), "lies nowhere"),
        (moved(4, -1), "lies nowhere"),
        (moved(4, 30), "goes on behind its column"),
    ] {
        let (code, message) = error(&bytes);
        assert_eq!(code, "parquet.damaged");
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn a_page_that_asks_for_too_much_is_refused_before_it_gets_it() {
    let small = zstd::bulk::compress(&vec![0; 100_000], 1).expect("in memory");
    let codec = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    // It says 2 GiB.
    let bomb = page(0, i32::MAX.into(), 3, 0, &small);
    assert_eq!(error(&with_pages(LONGS, 3, 3, codec, &bomb)).0, "parquet.too_large");
    // It says 24 bytes, and is more.
    let liar = page(0, 24, 3, 0, &small);
    assert_eq!(error(&with_pages(LONGS, 3, 3, codec, &liar)).0, "parquet.damaged");
    // A dictionary of a billion values in ten bytes.
    let dictionary = [page(2, 10, 1_000_000_000, 0, &[0; 10]), page(0, 24, 3, 0, &[0; 24])].concat();
    let (code, message) = error(&with_pages(TEXTS, 3, 3, Compression::UNCOMPRESSED, &dictionary));
    assert_eq!(code, "parquet.damaged");
    assert!(message.contains("a dictionary is said to hold 1000000000 values"), "{message}");
    // A billion items in one row, in a few bytes of levels.
    let levels = |level: u8| {
        let run = [varint(1_000_000_000 << 1), vec![level]].concat();
        [&(run.len() as u32).to_le_bytes()[..], &run].concat()
    };
    let body = [levels(1), levels(1)].concat();
    let list = page(0, body.len() as i64, 1_000_000_000, 0, &body);
    let message = "message m { repeated int64 n; }";
    assert_eq!(
        error(&with_pages(message, 1, 1_000_000_000, Compression::UNCOMPRESSED, &list)).0,
        "parquet.too_large"
    );
    // Texts that begin with all of the text before, again and again: 100,000 that grow by ten bytes each.
    let lengths = |step: i64| {
        let mut lengths = [&[0x80, 0x01, 4][..], &varint(100_000), &integer(0)].concat();
        for _ in 0..100_000_u64.div_ceil(128) {
            lengths.extend([integer(step), vec![0; 4]].concat());
        }
        lengths
    };
    let body = [lengths(10), lengths(0)].concat();
    let unfolding = page(0, body.len() as i64, 100_000, 7, &body);
    let bytes = with_pages(TEXTS, 100_000, 100_000, Compression::UNCOMPRESSED, &unfolding);
    assert_eq!(error(&bytes).0, "parquet.too_large");
    let broken = page(0, 200, 100_000, 7, &body[..200]);
    let bytes = with_pages(TEXTS, 100_000, 100_000, Compression::UNCOMPRESSED, &broken);
    assert_eq!(error(&bytes).0, "parquet.damaged");
}

#[test]
fn a_long_text_that_a_dictionary_repeats_costs_chunks_and_not_the_process() {
    let long = "x".repeat(200_000);
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..3_000).map(|_| &long)));
    let bytes = file(vec![("s", texts)]);
    assert!(bytes.len() < 1 << 20, "{} bytes", bytes.len());
    let plan = DecodePlan::new(options(r#"{"name":"s","type":"string"}"#)).expect("a usable schema");
    let mut decoder = plan.open(bytes, NAME, Tail::Final).expect("a file");
    let mut rows = 0;
    while let Some(chunk) = crate::decode::chunk::Chunks::next_chunk(&mut decoder).expect("chunks") {
        assert!(chunk.batch.get_array_memory_size() < 64 << 20);
        rows += chunk.batch.num_rows();
    }
    assert_eq!(rows, 3_000);
}

#[test]
fn no_damage_brings_the_reader_down() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(
        (0..50).map(|n| (n % 5 != 0).then(|| (0..n % 4).map(Some).collect::<Vec<_>>())),
    );
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new((0..50).map(|n| (n % 3 != 0).then_some(n)).collect::<Int64Array>())),
        ("s", Arc::new((0..50).map(|n| Some(format!("text {}", n % 9))).collect::<StringArray>())),
        ("l", Arc::new(lists)),
    ];
    let batch = arrow::array::RecordBatch::try_from_iter(columns).expect("a batch");
    let fields = r#"{"name":"n","type":"long"},{"name":"s","type":"string"},{"name":"l","type":"list","items":{"type":"int"}}"#;
    let options = options(fields);
    let mut random = fastrand::Rng::with_seed(7);
    for properties in [
        WriterProperties::builder().set_compression(Compression::SNAPPY).build(),
        WriterProperties::builder()
            .set_writer_version(parquet::file::properties::WriterVersion::PARQUET_2_0)
            .set_dictionary_enabled(false)
            .set_column_encoding("s".into(), parquet::basic::Encoding::DELTA_BYTE_ARRAY)
            .build(),
    ] {
        let sound = written(&batch, properties);
        for _ in 0..400 {
            let mut broken = sound.clone();
            for _ in 0..=random.usize(..3) {
                let at = random.usize(..broken.len());
                broken[at] = match random.usize(..3) {
                    0 => random.u8(..),
                    1 => broken[at] ^ (1 << random.usize(..8)),
                    _ => 0xff,
                };
            }
            // Whatever comes of it, it comes back.
            let _ = read(&options, &broken);
        }
    }
}
