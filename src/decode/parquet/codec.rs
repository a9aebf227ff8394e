//! Decompressing pages into exactly the room that was granted for them.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;

use super::fault::{damaged, unsupported};
use crate::decode::error::DecodeError;

/// The bytes of a page, which are `length` bytes when it is a sound one.
///
/// # Errors
/// `parquet.damaged`; `parquet.unsupported` for a codec that is not known here.
pub(super) fn decompressed(
    codec: Compression,
    compressed: &[u8],
    length: usize,
) -> Result<Vec<u8>, DecodeError> {
    if length == 0 {
        return Ok(Vec::new());
    }
    let bytes = match codec {
        Compression::UNCOMPRESSED => Some(compressed.to_vec()),
        Compression::SNAPPY => snappy(compressed, length),
        Compression::GZIP(_) => gzip(compressed, length),
        Compression::ZSTD(_) => zstd::bulk::decompress(compressed, length).ok(),
        Compression::LZ4_RAW => lz4(compressed, length),
        Compression::LZ4 => hadoop_lz4(compressed, length).or_else(|| lz4(compressed, length)),
        Compression::BROTLI(_) | Compression::LZO => {
            return Err(unsupported(
                format!("a page is compressed with {codec}"),
                "write the file with another codec",
            ));
        }
    };
    bytes.filter(|bytes| bytes.len() == length).ok_or_else(|| {
        damaged(format!(
            "a page of {} bytes does not unpack to the {length} bytes that it names",
            compressed.len()
        ))
    })
}

fn snappy(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    if snap::raw::decompress_len(compressed).ok()? != length {
        return None;
    }
    let mut bytes = vec![0; length];
    snap::raw::Decoder::new().decompress(compressed, &mut bytes).ok()?;
    Some(bytes)
}

fn gzip(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    MultiGzDecoder::new(compressed).take(length as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn lz4(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let filled = lz4_flex::block::decompress_into(compressed, &mut bytes).ok()?;
    (filled == length).then_some(bytes)
}

/// Blocks with their two lengths before them, as Hadoop writes them.
fn hadoop_lz4(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let (mut filled, mut rest) = (0_usize, compressed);
    while !rest.is_empty() {
        let (unpacked, behind) = split_length(rest)?;
        let (packed, behind) = split_length(behind)?;
        let (block, behind) = behind.split_at_checked(packed)?;
        let room = bytes.get_mut(filled..filled.checked_add(unpacked)?)?;
        if lz4_flex::block::decompress_into(block, room).ok()? != unpacked {
            return None;
        }
        filled += unpacked;
        rest = behind;
    }
    (filled == length).then_some(bytes)
}

fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*length) as usize, rest))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parquet::basic::{GzipLevel, ZstdLevel};

    use super::*;

    #[test]
    fn pages_unpack_to_their_length_and_to_no_other() {
        let page: Vec<u8> = (0..10_000_u32).map(|at| (at % 7) as u8).collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&page).expect("in memory");
        let raw = lz4_flex::block::compress(&page);
        let lengths = [page.len() as u32, raw.len() as u32].map(u32::to_be_bytes).concat();
        for (codec, packed) in [
            (Compression::UNCOMPRESSED, page.clone()),
            (Compression::SNAPPY, snap::raw::Encoder::new().compress_vec(&page).expect("in memory")),
            (Compression::GZIP(GzipLevel::default()), gzip.finish().expect("in memory")),
            (Compression::ZSTD(ZstdLevel::default()), zstd::bulk::compress(&page, 1).expect("in memory")),
            (Compression::LZ4_RAW, raw.clone()),
            (Compression::LZ4, [lengths, raw.clone()].concat()),
            (Compression::LZ4, raw),
        ] {
            assert_eq!(decompressed(codec, &packed, page.len()).expect("a page"), page, "{codec}");
            for wrong in [1, page.len() - 1, page.len() + 1] {
                let error = decompressed(codec, &packed, wrong).expect_err("another length");
                assert_eq!(error.code, "parquet.damaged", "{codec}");
            }
        }
    }
}
