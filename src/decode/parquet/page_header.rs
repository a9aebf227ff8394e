//! What stands before the bytes of a page.

use parquet::basic::Encoding;

use super::thrift::{Bad, Walk, Wire};

/// The header of a page. Sizes and counts are what it says, no more than that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub kind: Kind,
    /// Bytes of the header itself.
    pub length: usize,
    pub compressed: usize,
    pub uncompressed: usize,
    /// Values, nulls included.
    pub values: u64,
    pub encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Dictionary,
    V1 {
        def_level_encoding: Encoding,
        rep_level_encoding: Encoding,
    },
    V2 {
        num_nulls: u32,
        num_rows: u32,
        def_levels_byte_len: u32,
        rep_levels_byte_len: u32,
        is_compressed: bool,
    },
    /// No values: indexes, and what is yet to be invented.
    Other,
}

/// The fields of one of the inner headers, by their numbers.
#[derive(Debug, Clone, Copy)]
struct Inner {
    integers: [i64; 9],
    is_compressed: bool,
}

impl Header {
    /// Reads a header from the start of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Header, Bad> {
        let mut walk = Walk::new(bytes);
        let (mut kind, mut uncompressed, mut compressed) = (None, None, None);
        let (mut v1, mut dictionary, mut v2) = (None, None, None);
        walk.fields(|walk, number, wire| {
            match (number, wire) {
                (1, Wire::Integer) => kind = Some(walk.integer()?),
                (2, Wire::Integer) => uncompressed = Some(walk.count()?),
                (3, Wire::Integer) => compressed = Some(walk.count()?),
                (5, Wire::Struct) => v1 = Some(Inner::read(walk)?),
                (7, Wire::Struct) => dictionary = Some(Inner::read(walk)?),
                (8, Wire::Struct) => v2 = Some(Inner::read(walk)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let size = |size: Option<u64>| {
            size.filter(|&size| size <= i32::MAX as u64).map(|size| size as usize).ok_or(Bad::Form)
        };
        let length = walk.at();
        let (compressed, uncompressed) = (size(compressed)?, size(uncompressed)?);
        let of =
            |kind, values, encoding| Ok(Header { kind, length, compressed, uncompressed, values, encoding });
        match kind.ok_or(Bad::Form)? {
            0 => {
                let inner = v1.ok_or(Bad::Form)?;
                let kind = Kind::V1 {
                    def_level_encoding: encoding(inner.integers[3])?,
                    rep_level_encoding: encoding(inner.integers[4])?,
                };
                of(kind, inner.count(1)?.into(), encoding(inner.integers[2])?)
            }
            2 => {
                let inner = dictionary.ok_or(Bad::Form)?;
                of(Kind::Dictionary, inner.count(1)?.into(), encoding(inner.integers[2])?)
            }
            3 => {
                let inner = v2.ok_or(Bad::Form)?;
                let kind = Kind::V2 {
                    num_nulls: inner.count(2)?,
                    num_rows: inner.count(3)?,
                    def_levels_byte_len: inner.count(5)?,
                    rep_levels_byte_len: inner.count(6)?,
                    is_compressed: inner.is_compressed,
                };
                of(kind, inner.count(1)?.into(), encoding(inner.integers[4])?)
            }
            _ => of(Kind::Other, 0, Encoding::PLAIN),
        }
    }
}

impl Inner {
    fn read(walk: &mut Walk<'_>) -> Result<Inner, Bad> {
        let mut inner = Inner { integers: [-1; 9], is_compressed: true };
        walk.fields(|walk, number, wire| match (usize::try_from(number), wire) {
            (Ok(number @ 1..=8), Wire::Integer) => {
                inner.integers[number] = walk.integer()?;
                Ok(true)
            }
            (Ok(7), Wire::Bool(flag)) => {
                inner.is_compressed = flag;
                Ok(true)
            }
            _ => Ok(false),
        })?;
        Ok(inner)
    }

    fn count(&self, field: usize) -> Result<u32, Bad> {
        i32::try_from(self.integers[field]).ok().and_then(|count| u32::try_from(count).ok()).ok_or(Bad::Form)
    }
}

fn encoding(code: i64) -> Result<Encoding, Bad> {
    Ok(match code {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        #[expect(deprecated, reason = "old files have it")]
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return Err(Bad::Form),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_of_either_version_is_read() {
        // type 0, sizes 20 and 10, data header {5 values, plain, rle, rle}.
        let v1 = [0x15, 0, 0x15, 40, 0x15, 20, 0x2c, 0x15, 10, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0];
        let header = Header::read(&v1).expect("a header");
        assert_eq!((header.compressed, header.uncompressed, header.values), (10, 20, 5));
        let rle = Encoding::RLE;
        assert_eq!(header.kind, Kind::V1 { def_level_encoding: rle, rep_level_encoding: rle });
        assert_eq!(header.length, v1.len());
        // type 3, header of version 2 {3 values, 1 null, 3 rows, plain, 2 and 0 bytes of levels, not compressed}.
        let v2 = [
            0x15, 6, 0x15, 40, 0x15, 20, 0x5c, 0x15, 6, 0x15, 2, 0x15, 6, 0x15, 0, 0x15, 4, 0x15, 0, 0x12, 0,
            0,
        ];
        let header = Header::read(&v2).expect("a header");
        let Kind::V2 { num_nulls, num_rows, def_levels_byte_len, is_compressed, .. } = header.kind else {
            panic!("{header:?}")
        };
        assert_eq!((num_nulls, num_rows, def_levels_byte_len, is_compressed), (1, 3, 2, false));
        assert_eq!(Header::read(&v2[..10]), Err(Bad::End));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Header::read(&bytes);
        }
    }
}
