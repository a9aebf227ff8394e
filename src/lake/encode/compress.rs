//! Compressing pages. One compressor is kept and used again: setting one up costs more than a small page.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use zstd::zstd_safe::compress_bound;

use crate::schema::processing_config::Compression;

/// Pages of text, and everything that is packed to bits. Higher levels cost much and save little there: on short
/// texts they are even worse.
pub(super) const QUICK: i32 = 1;
/// Plain numbers: level 1 looks for matches of 7 bytes and more, and numbers of 8 bytes rarely have those.
pub(super) const NUMBERS: i32 = 2;
/// Long texts and some numbers, where it saves some percent.
pub(super) const THOROUGH: i32 = 3;

pub(super) fn codec(compression: Compression) -> Codec {
    match compression {
        Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::None => Codec::UNCOMPRESSED,
    }
}

#[derive(Default)]
pub(super) struct Compressor {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    level: i32,
}

impl Compressor {
    /// Replaces `out` by the compressed bytes. `level` is for zstd; the others have one.
    pub fn compress(
        &mut self,
        compression: Compression,
        level: i32,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        out.clear();
        match compression {
            Compression::Zstd => self.zstd(level, raw, out)?,
            Compression::Snappy => {
                out.resize(snap::raw::max_compress_len(raw.len()), 0);
                let length = snap::raw::Encoder::new().compress(raw, out).map_err(io::Error::other)?;
                out.truncate(length);
            }
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(&mut *out, flate2::Compression::new(6));
                encoder.write_all(raw)?;
                encoder.finish()?;
            }
            Compression::Lz4 => {
                out.resize(lz4_flex::block::get_maximum_output_size(raw.len()), 0);
                let length = lz4_flex::block::compress_into(raw, out).map_err(io::Error::other)?;
                out.truncate(length);
            }
            Compression::None => out.extend_from_slice(raw),
        }
        Ok(())
    }

    fn zstd(&mut self, level: i32, raw: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let compressor = match &mut self.zstd {
            Some(compressor) => compressor,
            empty => empty.insert(zstd::bulk::Compressor::new(level)?),
        };
        if self.level != level {
            compressor.set_compression_level(level)?;
            self.level = level;
        }
        out.reserve(compress_bound(raw.len()));
        compressor.compress_to_buffer(raw, out)?;
        Ok(())
    }
}
