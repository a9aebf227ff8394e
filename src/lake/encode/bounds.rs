//! Lowest and highest values, as the footer and the column index hold them.

use parquet::basic::Type;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};

/// Longer texts are cut for statistics, as other writers do.
const LONGEST: usize = 64;

/// Two values in the plain encoding, without lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    low: Bound,
    /// `None` when no short text is above all of the column.
    high: Option<Bound>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    bytes: Vec<u8>,
    /// The value itself, not one below or above it.
    exact: bool,
}

impl Bounds {
    pub fn exact(low: Vec<u8>, high: Vec<u8>) -> Self {
        Self { low: Bound { bytes: low, exact: true }, high: Some(Bound { bytes: high, exact: true }) }
    }

    /// Of texts or binary values.
    pub fn of_bytes(low: &[u8], high: &[u8], utf8: bool) -> Self {
        Self { low: below(low, utf8), high: above(high, utf8) }
    }

    /// Both values; `None` when there is only a low one.
    pub fn into_pair(self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((self.low.bytes, self.high?.bytes))
    }
}

/// Chunk statistics of a column without values: only the nulls are known.
pub(super) fn statistics(kind: Type, bounds: Option<Bounds>, nulls: u64) -> Statistics {
    let (low, high) = bounds.map_or((None, None), |bounds| (Some(bounds.low), bounds.high));
    match kind {
        Type::BOOLEAN => Statistics::Boolean(values(low, high, nulls, |bytes| bytes.first() == Some(&1))),
        Type::INT32 => Statistics::Int32(values(low, high, nulls, |b| i32::from_le_bytes(array(b)))),
        Type::INT64 => Statistics::Int64(values(low, high, nulls, |b| i64::from_le_bytes(array(b)))),
        Type::FLOAT => Statistics::Float(values(low, high, nulls, |b| f32::from_le_bytes(array(b)))),
        Type::DOUBLE => Statistics::Double(values(low, high, nulls, |b| f64::from_le_bytes(array(b)))),
        Type::FIXED_LEN_BYTE_ARRAY => {
            let value = |bytes: &[u8]| FixedLenByteArray::from(bytes.to_vec());
            Statistics::FixedLenByteArray(values(low, high, nulls, value))
        }
        // There are no columns of type INT96.
        Type::BYTE_ARRAY | Type::INT96 => {
            Statistics::ByteArray(values(low, high, nulls, |bytes| ByteArray::from(bytes.to_vec())))
        }
    }
}

fn values<T>(
    low: Option<Bound>,
    high: Option<Bound>,
    nulls: u64,
    value: impl Fn(&[u8]) -> T,
) -> ValueStatistics<T> {
    let exact = |bound: &Option<Bound>| bound.as_ref().is_none_or(|bound| bound.exact);
    let (exact_low, exact_high) = (exact(&low), exact(&high));
    let of = |bound: Option<Bound>| bound.map(|bound| value(&bound.bytes));
    ValueStatistics::new(of(low), of(high), None, Some(nulls), false)
        .with_min_is_exact(exact_low)
        .with_max_is_exact(exact_high)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("bounds of a number have the number's width")
}

/// A value that is not above: the text itself or its beginning.
fn below(value: &[u8], utf8: bool) -> Bound {
    let bytes = cut(value, utf8);
    Bound { bytes: bytes.to_vec(), exact: bytes.len() == value.len() }
}

/// A value that is not below: the text itself, or its beginning with the last character raised.
fn above(value: &[u8], utf8: bool) -> Option<Bound> {
    if value.len() <= LONGEST {
        return Some(Bound { bytes: value.to_vec(), exact: true });
    }
    let cut = cut(value, utf8);
    let bytes = match (utf8, std::str::from_utf8(cut)) {
        (true, Ok(text)) => raised_text(text)?,
        _ => raised_bytes(cut)?,
    };
    Some(Bound { bytes, exact: false })
}

fn cut(value: &[u8], utf8: bool) -> &[u8] {
    if value.len() <= LONGEST {
        return value;
    }
    let continues = |at: usize| utf8 && value.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut end = LONGEST;
    // At most three steps in valid UTF-8.
    while continues(end) && end > LONGEST - 4 {
        end -= 1;
    }
    &value[..end]
}

fn raised_text(text: &str) -> Option<Vec<u8>> {
    let next = |c: char| (u32::from(c) + 1..=u32::from(c) + 0x801).find_map(char::from_u32);
    let (at, raised) = text.char_indices().rev().find_map(|(at, c)| Some((at, next(c)?)))?;
    let mut bytes = text.as_bytes()[..at].to_vec();
    bytes.extend_from_slice(raised.encode_utf8(&mut [0; 4]).as_bytes());
    Some(bytes)
}

fn raised_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = bytes.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut raised = bytes[..=at].to_vec();
    raised[at] += 1;
    Some(raised)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn long_texts_lie_between_their_bounds(text in "\\PC{0,100}") {
            let (low, high) = Bounds::of_bytes(text.as_bytes(), text.as_bytes(), true).into_pair().expect("both");
            prop_assert!(low.len() <= LONGEST && high.len() <= LONGEST + 1);
            prop_assert!(std::str::from_utf8(&low).expect("text") <= text.as_str());
            prop_assert!(std::str::from_utf8(&high).expect("text") >= text.as_str());
        }

        #[test]
        fn long_bytes_lie_between_their_bounds(bytes in prop::collection::vec(250_u8.., 0..100)) {
            let bounds = Bounds::of_bytes(&bytes, &bytes, false);
            prop_assert!(bounds.low.bytes <= bytes);
            prop_assert!(bounds.high.is_none_or(|high| high.bytes >= bytes));
        }
    }

    #[test]
    fn a_character_is_raised_past_the_surrogates_and_the_last_one_is_left_out() {
        let raised = |text: &str| raised_text(text).map(|bytes| String::from_utf8(bytes).expect("text"));
        assert_eq!(raised("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(raised("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(raised("\u{10ffff}"), None);
        assert_eq!(raised_bytes(&[1, 255]), Some(vec![2]));
        assert_eq!(raised_bytes(&[255]), None);
    }
}
