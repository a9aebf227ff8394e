//! The footer: found, held against limits and against the file, and only then decoded.
//!
//! The reader of the `parquet` crate makes room for what a footer declares. So the footer is walked first, without making
//! room for anything, and refused when it declares more than the file can hold or than fits into memory.

use parquet::basic::Compression;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    ParquetStatisticsPolicy,
};

use super::contained::contained;
use super::fault::{damaged, encrypted, of_thrift, reading, too_large, truncated, unsupported};
use super::thrift::{Bad, Walk, Wire};
use crate::decode::error::DecodeError;
use crate::decode::input::Random;

const MAGIC: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";

/// Bytes of a footer; decoded, it takes some ten times as much.
const MAX_FOOTER: u64 = 16 << 20;
/// Column chunks of all row groups; each takes about half a kilobyte.
const MAX_CHUNKS: usize = 200_000;
/// The schema may nest this deep. JSON text, in which records are judged, may twice as deep.
const MAX_DEPTH: usize = 50;

/// Reads the footer of a file.
///
/// # Errors
/// `file.empty`, `file.compression`, `parquet.truncated`, `parquet.damaged`, `parquet.unsupported`, `parquet.too_large`,
/// `parquet.format`, or a failed read.
pub(super) fn read(file: &Random) -> Result<ParquetMetaData, DecodeError> {
    let length = file.length().map_err(DecodeError::reading)?;
    let head = file.read(0, length.min(4) as usize).map_err(reading)?;
    check_start(&head)?;
    let end = file.read(length.saturating_sub(8), length.min(8) as usize).map_err(reading)?;
    if length < 12 || !(end.ends_with(MAGIC) || end.ends_with(ENCRYPTED)) {
        return Err(truncated("the Parquet file does not end with a footer"));
    }
    if end.ends_with(ENCRYPTED) {
        return Err(encrypted());
    }
    let size = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if size > length - 12 {
        return Err(damaged(format!("its footer is said to take {size} bytes, more than the file has")));
    }
    if size > MAX_FOOTER {
        return Err(too_large(
            format!("the footer takes {size} bytes, more than the limit of {MAX_FOOTER}"),
            "write the file again with fewer columns or fewer row groups, or as several files",
        ));
    }
    let start = length - 8 - size;
    let footer = file.read(start, size as usize).map_err(reading)?;
    survey(&footer)?;
    let metadata = contained(|| {
        // Statistics are for readers that look for something; here everything is read.
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
        ParquetMetaDataReader::decode_metadata_with_options(&footer, Some(&options))
    })?;
    check_chunks(&metadata, start)?;
    Ok(metadata)
}

fn check_start(head: &[u8]) -> Result<(), DecodeError> {
    let compression = match head {
        [] => {
            return Err(DecodeError::new(
                "file.empty",
                "the file is empty",
                "send the file again if it should hold records; a Parquet file without records has a footer",
            ));
        }
        [0x1f, 0x8b, ..] => "gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "zstd",
        ENCRYPTED => return Err(encrypted()),
        head if MAGIC.starts_with(head) => return Ok(()),
        _ => {
            return Err(DecodeError::new(
                "parquet.format",
                "the content is no Parquet: it does not start with PAR1",
                "give the file the extension of its content, and drop it again",
            ));
        }
    };
    Err(DecodeError::new(
        "file.compression",
        format!(
            "the Parquet file is compressed as a whole with {compression}, so that it cannot be read in parts"
        ),
        "unpack it and drop it again: the columns inside are compressed already",
    ))
}

/// What the footer declares, held against its own bytes.
fn survey(footer: &[u8]) -> Result<(), DecodeError> {
    let mut leaves = 0;
    let mut chunks = 0_usize;
    let mut is_encrypted = false;
    let mut walk = Walk::new(footer);
    let walked = walk.fields(|walk, number, wire| match (number, wire) {
        (2, Wire::List) => {
            leaves = survey_schema(walk)?;
            Ok(true)
        }
        (4, Wire::List) => {
            let (groups, of) = walk.list()?;
            chunks = groups.saturating_mul(leaves);
            if of != Wire::Struct {
                return Err(Bad::Form);
            }
            // The walk over the chunks is cheap; making room for them is not.
            (0..groups).try_for_each(|_| walk.skip(Wire::Struct)).map(|()| true)
        }
        (8, Wire::Struct) => {
            is_encrypted = true;
            Ok(false)
        }
        _ => Ok(false),
    });
    if is_encrypted {
        return Err(encrypted());
    }
    walked.map_err(|bad| of_thrift("the footer", bad))?;
    if chunks > MAX_CHUNKS {
        return Err(too_large(
            format!("the file has {chunks} column chunks, more than the limit of {MAX_CHUNKS}"),
            "write the file again with larger row groups, or as several files",
        ));
    }
    Ok(())
}

/// Walks over the elements of the schema, which stand in the order of a tree; the number of its leaves.
fn survey_schema(walk: &mut Walk<'_>) -> Result<usize, Bad> {
    let (elements, of) = walk.list()?;
    if of != Wire::Struct {
        return Err(Bad::Form);
    }
    let mut leaves = 0;
    // For each group around the next element: how many of its children are still to come.
    let mut open: Vec<u64> = Vec::new();
    for left in (0..elements).rev() {
        let mut children = 0;
        walk.fields(|walk, number, wire| {
            if (number, wire) == (5, Wire::Integer) {
                children = walk.count()?;
                return Ok(true);
            }
            Ok(false)
        })?;
        if children > left as u64 {
            return Err(Bad::Form);
        }
        if let Some(due) = open.last_mut() {
            *due -= 1;
        }
        match children {
            0 => leaves += 1,
            _ => open.push(children),
        }
        if open.len() > MAX_DEPTH {
            return Err(Bad::TooMuch);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    Ok(leaves)
}

/// Every chunk must lie in the file, before the footer, and apart from the others.
fn check_chunks(metadata: &ParquetMetaData, footer_start: u64) -> Result<(), DecodeError> {
    let mut ranges = Vec::new();
    let mut rows = 0_i64;
    for group in metadata.row_groups() {
        rows = match (u32::try_from(group.num_rows()), rows.checked_add(group.num_rows())) {
            (Ok(_), Some(rows)) => rows,
            _ => return Err(damaged(format!("a row group is said to have {} rows", group.num_rows()))),
        };
        for chunk in group.columns() {
            check_chunk(chunk)?;
            let (start, length) =
                range(chunk).ok_or_else(|| damaged(format!("column {} lies nowhere", named(chunk))))?;
            if length == 0 {
                continue;
            }
            let end = start.checked_add(length).filter(|end| start >= 4 && *end <= footer_start);
            let Some(end) = end else {
                let at = format!("{length} bytes from byte {start} on");
                return Err(damaged(format!(
                    "column {} is said to lie outside the data: {at}",
                    named(chunk)
                )));
            };
            ranges.push((start, end));
        }
    }
    if rows != metadata.file_metadata().num_rows() {
        let all = metadata.file_metadata().num_rows();
        return Err(damaged(format!("it is said to have {all} rows, but its row groups have {rows}")));
    }
    ranges.sort_unstable();
    match ranges.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        None => Ok(()),
        Some(pair) => Err(damaged(format!("two columns are said to share the bytes from {} on", pair[1].0))),
    }
}

fn check_chunk(chunk: &ColumnChunkMetaData) -> Result<(), DecodeError> {
    if chunk.file_path().is_some() {
        return Err(unsupported(
            format!("the values of column {} are in another file", named(chunk)),
            "deliver the file that holds the values",
        ));
    }
    match chunk.compression() {
        Compression::BROTLI(_) | Compression::LZO => Err(unsupported(
            format!("column {} is compressed with {}", named(chunk), chunk.compression()),
            "write the file with zstd, snappy, gzip, lz4 or without compression",
        )),
        _ => Ok(()),
    }
}

/// First byte and length of a chunk's pages.
pub(super) fn range(chunk: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let dictionary = chunk.dictionary_page_offset().filter(|&at| at > 0);
    let start = dictionary.map_or(chunk.data_page_offset(), |at| at.min(chunk.data_page_offset()));
    Some((u64::try_from(start).ok()?, u64::try_from(chunk.compressed_size()).ok()?))
}

pub(super) fn named(chunk: &ColumnChunkMetaData) -> String {
    chunk.column_path().string()
}
