//! Number literals straight from bytes. What is not settled in a few steps goes to [`crate::schema::numbers`], which
//! alone decides what an exact number is.

use crate::schema::numbers;

/// Digits that fit `i64` whatever they are.
const SAFE_DIGITS: usize = 18;
/// Digits that fit `u64` whatever they are.
const MOST_DIGITS: usize = 19;
/// Significant digits that every double keeps.
const DOUBLE_DIGITS: usize = 15;
/// Up to here a double holds every integer.
const EXACT_INTEGERS: u64 = 1 << 53;
const LARGEST_POWER: usize = 22;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; LARGEST_POWER + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A literal without exponent at the start of a text: `± digits × 10^-fraction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plain {
    negative: bool,
    /// All digits as one number, when there are at most [`SAFE_DIGITS`] behind leading zeros.
    digits: u64,
    significant: usize,
    fraction: usize,
    /// Bytes of the literal.
    length: usize,
    has_exponent: bool,
}

/// A 64-bit integer at the start of `text`, and the bytes of its literal. `None`: no such number, or no number.
#[inline]
pub(in crate::decode) fn long(text: &[u8]) -> Option<(i64, usize)> {
    let (negative, start) = sign(text);
    let (digits, end) = digits(text, start)?;
    match text.get(end) {
        Some(b'.' | b'e' | b'E') => {}
        _ if end - start <= SAFE_DIGITS => {
            let value = digits as i64;
            return Some((if negative { -value } else { value }, end));
        }
        _ if end - start <= MOST_DIGITS => {
            let value =
                if negative { 0_i64.checked_sub_unsigned(digits)? } else { i64::try_from(digits).ok()? };
            return Some((value, end));
        }
        _ => {}
    }
    let literal = literal(text)?;
    Some((numbers::to_i64(literal)?, literal.len()))
}

/// A double at the start of `text` that says what its literal says, and the bytes of the literal.
#[inline]
pub(in crate::decode) fn double(text: &[u8]) -> Option<(f64, usize)> {
    let plain = plain(text)?;
    if plain.has_exponent {
        let literal = literal(text)?;
        return Some((numbers::f64_exact(literal)?, literal.len()));
    }
    if let Some(size) = plain.size() {
        return Some((if plain.negative { -size } else { size }, plain.length));
    }
    let literal = str::from_utf8(&text[..plain.length]).ok()?;
    let value: f64 = literal.parse().ok()?;
    let value = if is_shortest(literal, value) { value } else { numbers::f64_exact(literal)? };
    Some((value, plain.length))
}

impl Plain {
    /// The nearest double without its sign, when a few steps show that it keeps all digits.
    #[inline]
    fn size(&self) -> Option<f64> {
        let is_exact = self.significant <= SAFE_DIGITS && self.digits <= EXACT_INTEGERS;
        if !is_exact || self.fraction > LARGEST_POWER {
            return None;
        }
        // Both operands are exact, so that the one rounding of the division is the right one.
        let size = self.digits as f64 / POWERS[self.fraction];
        if self.significant <= DOUBLE_DIGITS {
            return Some(size);
        }
        // The double is at most half its distance to the next one away from the literal. When that distance is less than
        // the last digit of the literal, so many digits of the double are those of the literal.
        let distance = f64::from_bits(size.to_bits() + 1) - size;
        (distance * POWERS[self.fraction] < 0.999).then_some(size)
    }
}

/// As [`double`], in single precision.
pub(in crate::decode) fn float(text: &[u8]) -> Option<(f32, usize)> {
    let literal = literal(text)?;
    Some((numbers::f32_exact(literal)?, literal.len()))
}

/// A number of at most `precision` digits, `scale` of them behind the point, times 10^`scale`; and the bytes of its
/// literal.
pub(in crate::decode) fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<(i128, usize)> {
    let plain = plain(text)?;
    let zeros = usize::from(scale).checked_sub(plain.fraction);
    if let (false, Some(zeros)) = (plain.has_exponent, zeros)
        && plain.significant <= SAFE_DIGITS
        && plain.significant + zeros <= usize::from(precision)
    {
        let size = i128::from(plain.digits) * 10_i128.pow(zeros as u32);
        return Some((if plain.negative { -size } else { size }, plain.length));
    }
    let literal = literal(text)?;
    let number = numbers::Decimal::parse(literal)?.as_i128_scaled(u32::from(scale))?;
    let bound = 10_u128.checked_pow(u32::from(precision));
    bound.is_none_or(|bound| number.unsigned_abs() < bound).then_some((number, literal.len()))
}

/// The number literal at the start of `text`, by the grammar of JSON.
pub(in crate::decode) fn literal(text: &[u8]) -> Option<&str> {
    str::from_utf8(&text[..literal_length(text)?]).ok()
}

/// The bytes of the number literal at the start of `text`.
#[inline]
pub(super) fn literal_length(text: &[u8]) -> Option<usize> {
    let (_, start) = sign(text);
    let mut end = whole(text, start)?;
    if text.get(end) == Some(&b'.') {
        end = some_digits(text, end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end = some_digits(text, end + 1 + sign)?;
    }
    Some(end)
}

#[inline]
fn plain(text: &[u8]) -> Option<Plain> {
    let (negative, start) = sign(text);
    let (mut number, mut end) = digits(text, start)?;
    let mut significant = if text[start] == b'0' { 0 } else { end - start };
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        let first = end + 1;
        (number, end) = run_of_digits(text, first, number);
        fraction = end - first;
        if fraction == 0 {
            return None;
        }
        let zeros = match significant {
            0 => text[first..end].iter().take_while(|digit| **digit == b'0').count(),
            _ => 0,
        };
        significant += fraction - zeros;
    }
    let has_exponent = matches!(text.get(end), Some(b'e' | b'E'));
    Some(Plain { negative, digits: number, significant, fraction, length: end, has_exponent })
}

#[inline]
fn sign(text: &[u8]) -> (bool, usize) {
    let negative = text.first() == Some(&b'-');
    (negative, usize::from(negative))
}

/// The digits before the point as a number, which wraps around when they are too many, and their end.
#[inline]
fn digits(text: &[u8], start: usize) -> Option<(u64, usize)> {
    let (number, end) = run_of_digits(text, start, 0);
    let leading_zero = end - start > 1 && text[start] == b'0';
    (end > start && !leading_zero).then_some((number, end))
}

/// `number` with the digits at `at` behind it, which wraps around when they are too many, and the end of the digits.
#[inline]
fn run_of_digits(text: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    while let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let (value, count) = up_to_eight_digits(eight);
        number = number.wrapping_mul(WHOLE_POWERS[count]).wrapping_add(value);
        at += count;
        if count < 8 {
            return (number, at);
        }
    }
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    (number, at)
}

const WHOLE_POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The digits that a text starts with as a number, and how many they are. All at once: neighbours are joined to pairs, pairs to
/// fours, fours to eight.
#[inline]
fn up_to_eight_digits(text: &[u8; 8]) -> (u64, usize) {
    // A digit is now its value, and anything else is more than nine.
    let bytes = u64::from_le_bytes(*text) ^ 0x3030_3030_3030_3030;
    let others = (((bytes & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676) | bytes) & 0x8080_8080_8080_8080;
    let count = others.trailing_zeros() as usize / 8;
    if count == 0 {
        return (0, 0);
    }
    // What is not a digit goes, and zeros come before the first digit.
    let digits = bytes << (64 - 8 * count);
    let pairs = (digits.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000 << 32 | 1) >> 32, count)
}

fn whole(text: &[u8], start: usize) -> Option<usize> {
    let end = some_digits(text, start)?;
    (end - start == 1 || text[start] != b'0').then_some(end)
}

fn some_digits(text: &[u8], start: usize) -> Option<usize> {
    let count = text.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then_some(start + count)
}

/// True when the literal has the digits of the shortest text that stands for `value`: then the double says exactly what
/// its literal says. False says nothing.
fn is_shortest(literal: &str, value: f64) -> bool {
    let mut buffer = zmij::Buffer::new();
    if !value.is_finite() {
        return false;
    }
    let shortest = buffer.format_finite(value);
    shortest == literal || (!shortest.contains('e') && trimmed(shortest) == trimmed(literal))
}

/// A plain literal without the zeros that say nothing.
fn trimmed(literal: &str) -> &str {
    if literal.contains('.') { literal.trim_end_matches('0').trim_end_matches('.') } else { literal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_eight_at_once() {
        for (text, expected) in [
            (b"12345678", (12_345_678, 8)),
            (b"00000000", (0, 8)),
            (b"99999999", (99_999_999, 8)),
            (b"1234567:", (1_234_567, 7)),
            (b"1234/678", (1_234, 4)),
            (b"1,345678", (1, 1)),
            (b"x2345678", (0, 0)),
            (b"\xb12345678", (0, 0)),
            (b"12\xff45678", (12, 2)),
        ] {
            assert_eq!(up_to_eight_digits(text), expected, "{text:?}");
        }
        assert_eq!(run_of_digits(b"1234567890123,", 0, 7), (71_234_567_890_123, 13));
        assert_eq!(run_of_digits(b"1234567890123,567890", 0, 0), (1_234_567_890_123, 13));
    }

    #[test]
    fn literals_end_where_their_grammar_ends() {
        for (text, expected) in [
            ("0,", Some("0")),
            ("-12.50e+3}", Some("-12.50e+3")),
            ("01", None),
            ("-", None),
            ("1.", None),
            ("1.e3", None),
            (".5", None),
            ("1e", None),
            ("+1", None),
        ] {
            assert_eq!(literal(text.as_bytes()), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn integers_are_those_of_the_exact_road(text in "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?") {
            let found = long(text.as_bytes());
            proptest::prop_assert_eq!(found, numbers::to_i64(&text).map(|value| (value, text.len())));
        }

        #[test]
        fn doubles_are_those_of_the_exact_road(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            let found = double(text.as_bytes()).map(|(value, length)| (value.to_bits(), length));
            let exact = numbers::f64_exact(&text).map(|value| (value.to_bits(), text.len()));
            proptest::prop_assert_eq!(found, exact);
        }

        #[test]
        fn printed_doubles_are_those_of_the_exact_road(value: f64) {
            let text = format!("{value}");
            let found = double(text.as_bytes()).map(|(value, length)| (value.to_bits(), length));
            let exact = numbers::f64_exact(&text).map(|value| (value.to_bits(), text.len()));
            proptest::prop_assert_eq!(found, exact);
        }

        #[test]
        fn decimals_are_those_of_the_exact_road(
            text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", precision in 1_u8..=38, scale in 0_u8..38,
        ) {
            let scale = scale.min(precision);
            let exact = numbers::Decimal::parse(&text)
                .and_then(|number| number.as_i128_scaled(u32::from(scale)))
                .filter(|size| size.unsigned_abs() < 10_u128.pow(u32::from(precision)));
            let found = decimal(text.as_bytes(), precision, scale);
            proptest::prop_assert_eq!(found, exact.map(|size| (size, text.len())));
        }
    }
}
