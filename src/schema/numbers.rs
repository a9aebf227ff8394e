//! Decimal literals, exactly: no digit of a number is lost on the way to its column.
//!
//! Literals follow the JSON grammar. Exponents are data from strangers: `1e999999999` costs no memory here.

use std::cmp::Ordering;

/// Digits that a decimal column can hold.
pub const MAX_PRECISION: usize = 38;

/// The exact expansion of any `f64` has at most 767 significant digits; a longer literal is no `f64`.
const MAX_FLOAT_DIGITS: usize = 767;

/// Exponents are clamped here; sums with the length of a literal stay far from overflow.
const MAX_EXPONENT: i64 = 1 << 56;

/// A number as written: `± digits × 10^exponent`, without leading or trailing zeros in `digits`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// ASCII digits; empty for zero.
    digits: Vec<u8>,
    /// Power of ten of the last digit; 0 for zero.
    exponent: i64,
}

impl Decimal {
    /// The number that a JSON literal stands for; `None` when the text is no JSON number.
    pub fn parse(literal: &str) -> Option<Decimal> {
        let (negative, rest) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, power) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || (whole.len() > 1 && whole.starts_with('0'))
            || !plain(whole)
            || !plain(fraction)
        {
            return None;
        }
        Some(Decimal::normalised(negative, whole, fraction, power))
    }

    fn normalised(negative: bool, whole: &str, fraction: &str, power: i64) -> Decimal {
        let mut digits: Vec<u8> =
            whole.bytes().chain(fraction.bytes()).skip_while(|&digit| digit == b'0').collect();
        let mut exponent = power - fraction.len() as i64;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        if digits.is_empty() {
            return Decimal { negative: false, digits, exponent: 0 };
        }
        Decimal { negative, digits, exponent }
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// True when the value is a whole number: `1.0` and `1e3` are, `1.5` is not.
    pub fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// Digits before the decimal point; 0 for values below one.
    pub fn whole_digits(&self) -> u64 {
        u64::try_from(self.magnitude()).unwrap_or(0)
    }

    /// Digits after the decimal point that the value needs.
    pub fn scale(&self) -> u64 {
        u64::try_from(-self.exponent).unwrap_or(0)
    }

    /// `value × 10^scale`, when that is a whole number of at most 38 digits.
    pub fn as_i128_scaled(&self, scale: u32) -> Option<i128> {
        let zeros = usize::try_from(self.exponent + i64::from(scale)).ok();
        if self.is_zero() {
            return Some(0);
        }
        let zeros = zeros.filter(|zeros| self.digits.len().saturating_add(*zeros) <= MAX_PRECISION)?;
        let digits = self.digits.iter().copied().chain(std::iter::repeat_n(b'0', zeros));
        let size = digits.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        Some(if self.negative { -size } else { size })
    }

    /// Position of the first digit: the value lies in `[10^(magnitude-1), 10^magnitude)`.
    fn magnitude(&self) -> i64 {
        self.digits.len() as i64 + self.exponent
    }

    fn cmp_size(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_size(other),
            (true, true) => other.cmp_size(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The digits after the exponent mark, clamped.
fn exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut size = 0_i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        size = (size * 10 + i64::from(digit - b'0')).min(MAX_EXPONENT);
    }
    Some(if negative { -size } else { size })
}

/// The literal as a 64-bit integer, when it is exactly one: `1.0`, `1e3` and `-0` are.
pub fn to_i64(literal: &str) -> Option<i64> {
    if let Ok(value) = literal.parse() {
        return Some(value);
    }
    Decimal::parse(literal)?.as_i128_scaled(0).and_then(|value| i64::try_from(value).ok())
}

/// The literal as a 32-bit integer, when it is exactly one.
pub fn to_i32(literal: &str) -> Option<i32> {
    to_i64(literal).and_then(|value| i32::try_from(value).ok())
}

/// The literal as a double, when the double still says what the literal says.
///
/// A literal survives when the double, printed with as many significant digits as the literal has, gives the
/// literal back: `0.1` does, `12345678901234567890` does not. What a program printed from a double always does.
pub fn f64_exact(literal: &str) -> Option<f64> {
    let value: f64 = literal.parse().ok()?;
    let survives = value.is_finite()
        && (is_short(literal, f64::DIGITS)
            || survives(literal, |digits| format!("{value:.digits$e}"), || format!("{value:e}")));
    survives.then_some(value)
}

/// The literal as a single precision float, by the rule of [`f64_exact`].
pub fn f32_exact(literal: &str) -> Option<f32> {
    let value: f32 = literal.parse().ok()?;
    let survives = value.is_finite()
        && (is_short(literal, f32::DIGITS)
            || survives(literal, |digits| format!("{value:.digits$e}"), || format!("{value:e}")));
    survives.then_some(value)
}

/// Plain literals of so few digits always survive; most literals are, and need no second look.
fn is_short(literal: &str, digits: u32) -> bool {
    literal.len() <= digits as usize && !literal.contains(['e', 'E'])
}

fn survives(literal: &str, rounded: impl Fn(usize) -> String, shortest: impl Fn() -> String) -> bool {
    let Some(written) = Decimal::parse(literal) else {
        return false;
    };
    match written.digits.len() {
        0 => true,
        digits if digits > MAX_FLOAT_DIGITS => false,
        // The shortest form differs from the rounded one next to powers of two; programs print the shortest.
        digits => [rounded(digits - 1), shortest()]
            .iter()
            .any(|text| Decimal::parse(text).as_ref() == Some(&written)),
    }
}

#[cfg(test)]
mod tests;
