//! The values of one column without its nulls, in the forms that pages need.

use std::ops::Range;

use arrow::buffer::BooleanBuffer;
use parquet::basic::Encoding;

use super::bounds::Bounds;
use super::compress::{NUMBERS, QUICK};
use super::delta::{self, Delta};
use super::levels::put_bits;

/// Values that can be written to pages.
pub(super) trait Values {
    fn len(&self) -> usize;
    /// Bytes in the plain encoding.
    fn bytes(&self) -> usize;
    fn put_plain(&self, range: Range<usize>, out: &mut Vec<u8>);
    /// How the plain encoding is compressed.
    fn plain_level(&self) -> i32 {
        NUMBERS
    }
    /// The encoding for neighbours that resemble each other, where this type has one.
    fn delta(&self) -> Option<Encoding>;
    fn put_delta(&self, range: Range<usize>, out: &mut Vec<u8>);
    /// `None` without values that can be compared.
    fn bounds(&self, range: Range<usize>) -> Option<Bounds>;
}

/// A number of fixed width.
pub(super) trait Number: Copy {
    const BYTES: usize;
    const DELTA: Option<Encoding>;
    /// Equal for values that are the same, also for `NaN`.
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
    fn put_all(values: &[Self], out: &mut Vec<u8>);
    fn put_delta(values: &[Self], out: &mut Vec<u8>);
    fn bounds(values: &[Self]) -> Option<(Self, Self)>;
    fn put(self, out: &mut Vec<u8>) {
        Self::put_all(&[self], out);
    }
}

macro_rules! integer {
    ($kind:ty) => {
        impl Number for $kind {
            const BYTES: usize = size_of::<$kind>();
            const DELTA: Option<Encoding> = Some(Encoding::DELTA_BINARY_PACKED);
            fn bits(self) -> u64 {
                Delta::unsigned(self)
            }
            fn from_bits(bits: u64) -> Self {
                bits as $kind
            }
            fn put_all(values: &[Self], out: &mut Vec<u8>) {
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            fn put_delta(values: &[Self], out: &mut Vec<u8>) {
                delta::encode(values, out);
            }
            fn bounds(values: &[Self]) -> Option<(Self, Self)> {
                let first = *values.first()?;
                Some(
                    values
                        .iter()
                        .fold((first, first), |(low, high), value| (low.min(*value), high.max(*value))),
                )
            }
        }
    };
}
integer!(i32);
integer!(i64);

macro_rules! float {
    ($kind:ty, $bits:ty) => {
        impl Number for $kind {
            const BYTES: usize = size_of::<$kind>();
            const DELTA: Option<Encoding> = None;
            fn bits(self) -> u64 {
                u64::from(self.to_bits())
            }
            fn from_bits(bits: u64) -> Self {
                <$kind>::from_bits(bits as $bits)
            }
            fn put_all(values: &[Self], out: &mut Vec<u8>) {
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            fn put_delta(values: &[Self], out: &mut Vec<u8>) {
                Self::put_all(values, out);
            }
            /// Without `NaN`, which has no place in the order; a zero counts as both zeros. Both are rules of the format.
            fn bounds(values: &[Self]) -> Option<(Self, Self)> {
                let start = (<$kind>::INFINITY, <$kind>::NEG_INFINITY);
                // `min` and `max` of a number and `NaN` are the number.
                let (low, high) =
                    values.iter().fold(start, |(low, high), value| (low.min(*value), high.max(*value)));
                let low = if low == 0.0 { -0.0 } else { low };
                let high = if high == 0.0 { 0.0 } else { high };
                (low <= high).then_some((low, high))
            }
        }
    };
}
float!(f32, u32);
float!(f64, u64);

impl<T: Number> Values for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.len() * T::BYTES
    }

    fn put_plain(&self, range: Range<usize>, out: &mut Vec<u8>) {
        T::put_all(&self[range], out);
    }

    fn delta(&self) -> Option<Encoding> {
        T::DELTA
    }

    fn put_delta(&self, range: Range<usize>, out: &mut Vec<u8>) {
        T::put_delta(&self[range], out);
    }

    fn bounds(&self, range: Range<usize>) -> Option<Bounds> {
        let (low, high) = T::bounds(&self[range])?;
        let bytes = |value: T| {
            let mut bytes = Vec::with_capacity(T::BYTES);
            value.put(&mut bytes);
            bytes
        };
        Some(Bounds::exact(bytes(low), bytes(high)))
    }
}

impl Values for BooleanBuffer {
    fn len(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.len().div_ceil(8)
    }

    fn put_plain(&self, range: Range<usize>, out: &mut Vec<u8>) {
        put_bits(&self.slice(range.start, range.len()), out);
    }

    fn delta(&self) -> Option<Encoding> {
        None
    }

    fn put_delta(&self, range: Range<usize>, out: &mut Vec<u8>) {
        self.put_plain(range, out);
    }

    fn bounds(&self, range: Range<usize>) -> Option<Bounds> {
        let set = self.slice(range.start, range.len()).count_set_bits();
        let (low, high) = (set == range.len(), set > 0);
        (!range.is_empty()).then(|| Bounds::exact(vec![u8::from(low)], vec![u8::from(high)]))
    }
}

/// How byte values are ordered and stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Utf8,
    Binary,
    /// Big-endian numbers of the same length, with a sign.
    Decimal,
}

/// Texts, binary values and long decimals: pieces of Arrow's buffers.
pub(super) struct Texts<'a> {
    pub values: Vec<&'a [u8]>,
    /// The same bytes in long pieces, when they lie together.
    pub runs: Vec<&'a [u8]>,
    pub form: Form,
}

impl Values for Texts<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn bytes(&self) -> usize {
        let lengths = if self.form == Form::Decimal { 0 } else { self.values.len() * 4 };
        lengths + self.values.iter().map(|value| value.len()).sum::<usize>()
    }

    fn put_plain(&self, range: Range<usize>, out: &mut Vec<u8>) {
        for value in &self.values[range] {
            if self.form != Form::Decimal {
                out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            }
            out.extend_from_slice(value);
        }
    }

    fn delta(&self) -> Option<Encoding> {
        (self.form != Form::Decimal).then_some(Encoding::DELTA_LENGTH_BYTE_ARRAY)
    }

    fn plain_level(&self) -> i32 {
        if self.form == Form::Decimal { NUMBERS } else { QUICK }
    }

    /// `DELTA_LENGTH_BYTE_ARRAY`: all lengths, then all bytes. Equal lengths take no room then, and the bytes
    /// compress better and faster without lengths between them.
    fn put_delta(&self, range: Range<usize>, out: &mut Vec<u8>) {
        let values = &self.values[range.clone()];
        let lengths: Vec<i32> = values.iter().map(|value| value.len() as i32).collect();
        delta::encode(&lengths, out);
        let whole = range.len() == self.values.len() && !self.runs.is_empty();
        let pieces = if whole { &self.runs } else { values };
        out.reserve(pieces.iter().map(|piece| piece.len()).sum());
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    }

    fn bounds(&self, range: Range<usize>) -> Option<Bounds> {
        bounds_of(&self.values[range], self.form)
    }
}

/// The bounds of byte values in their order.
pub(super) fn bounds_of(values: &[&[u8]], form: Form) -> Option<Bounds> {
    let first = *values.first()?;
    if form == Form::Decimal {
        let low = values.iter().copied().min_by_key(signed_order)?;
        let high = values.iter().copied().max_by_key(signed_order)?;
        return Some(Bounds::exact(low.to_vec(), high.to_vec()));
    }
    let (mut low, mut high) = (Ordered::of(first), Ordered::of(first));
    for value in values {
        let value = Ordered::of(value);
        if value < low {
            low = value;
        } else if value > high {
            high = value;
        }
    }
    Some(Bounds::of_bytes(low.value, high.value, form == Form::Utf8))
}

/// A value with its first bytes as a number: most comparisons end there. The derived order compares them first.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
struct Ordered<'a> {
    start: u64,
    value: &'a [u8],
}

impl<'a> Ordered<'a> {
    fn of(value: &'a [u8]) -> Self {
        let start = match value.first_chunk::<8>() {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => {
                let mut bytes = [0; 8];
                bytes[..value.len()].copy_from_slice(value);
                u64::from_be_bytes(bytes)
            }
        };
        Self { start, value }
    }
}

/// Bytes of two's complement in an order that is the numbers'.
fn signed_order<'a>(value: &&'a [u8]) -> (i8, &'a [u8]) {
    (value.first().map_or(0, |first| *first as i8), value.get(1..).unwrap_or_default())
}

/// The dictionary page of numbers.
pub(super) fn put_numbers<T: Number>(distinct: &[u64], out: &mut Vec<u8>) {
    distinct.iter().for_each(|bits| T::from_bits(*bits).put(out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_has_no_part_in_bounds_and_zero_is_both_zeros() {
        assert_eq!(f64::bounds(&[f64::NAN, 1.0, -2.0]), Some((-2.0, 1.0)));
        assert_eq!(f64::bounds(&[f64::NAN]), None);
        let (low, high) = f64::bounds(&[0.0]).expect("a value");
        assert!(low.is_sign_negative() && high.is_sign_positive());
        let (low, high) = f32::bounds(&[-0.0, f32::INFINITY]).expect("a value");
        assert!(low.is_sign_negative() && high == f32::INFINITY);
        assert_eq!(f64::bounds(&[f64::INFINITY]), Some((f64::INFINITY, f64::INFINITY)));
    }

    #[test]
    fn texts_are_ordered_by_their_bytes() {
        let values: Vec<&[u8]> = vec![b"abcdefgh2", b"abcdefgh", b"abcdefgh10", b"abcdefg\0"];
        let bounds = bounds_of(&values, Form::Utf8).and_then(Bounds::into_pair);
        assert_eq!(bounds, Some((b"abcdefg\0".to_vec(), b"abcdefgh2".to_vec())));
    }

    #[test]
    fn negative_decimals_are_below_positive_ones() {
        let values: Vec<&[u8]> = vec![&[0, 5], &[0xff, 0xfe], &[0xff, 0xff], &[1, 0]];
        let bounds = bounds_of(&values, Form::Decimal).and_then(Bounds::into_pair);
        assert_eq!(bounds, Some((vec![0xff, 0xfe], vec![1, 0])));
    }
}
