//! Number literals straight from bytes. What is not settled in a few steps goes to [`crate::schema::numbers`], which
//! alone decides what an exact number is.

use crate::schema::numbers;

/// Digits that fit `i64` whatever they are.
const SAFE_DIGITS: usize = 18;
/// Significant digits that every double keeps.
const DOUBLE_DIGITS: usize = 15;
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
        _ => {}
    }
    let literal = literal(text)?;
    Some((numbers::to_i64(literal)?, literal.len()))
}

/// A double at the start of `text` that says what its literal says, and the bytes of the literal.
#[inline]
pub(in crate::decode) fn double(text: &[u8]) -> Option<(f64, usize)> {
    let plain = plain(text)?;
    if !plain.has_exponent && plain.significant <= DOUBLE_DIGITS && plain.fraction <= LARGEST_POWER {
        // Both operands are exact, so that the one rounding of the division is the right one.
        let size = plain.digits as f64 / POWERS[plain.fraction];
        return Some((if plain.negative { -size } else { size }, plain.length));
    }
    let literal = literal(text)?;
    let value: f64 = literal.parse().ok()?;
    if !plain.has_exponent && is_shortest(literal, value) {
        return Some((value, literal.len()));
    }
    Some((numbers::f64_exact(literal)?, literal.len()))
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
    let (_, start) = sign(text);
    let mut end = whole(text, start)?;
    if text.get(end) == Some(&b'.') {
        end = some_digits(text, end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end = some_digits(text, end + 1 + sign)?;
    }
    str::from_utf8(&text[..end]).ok()
}

fn plain(text: &[u8]) -> Option<Plain> {
    let (negative, start) = sign(text);
    let (mut number, mut end) = digits(text, start)?;
    let mut significant = if text[start] == b'0' { 0 } else { end - start };
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        let first = end + 1;
        end = first;
        while let Some(digit @ b'0'..=b'9') = text.get(end) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            significant += usize::from(significant > 0 || *digit != b'0');
            end += 1;
        }
        fraction = end - first;
        if fraction == 0 {
            return None;
        }
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
    let mut end = start;
    let mut number = 0_u64;
    while let Some(digit @ b'0'..=b'9') = text.get(end) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        end += 1;
    }
    let leading_zero = end - start > 1 && text[start] == b'0';
    (end > start && !leading_zero).then_some((number, end))
}

fn whole(text: &[u8], start: usize) -> Option<usize> {
    digits(text, start).map(|(_, end)| end)
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
