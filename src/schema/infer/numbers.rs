//! What the numbers of one place have in common.

use crate::schema::field::Kind;
use crate::schema::numbers::{Decimal, MAX_PRECISION, f64_exact};

/// Statistics over number literals; the type that holds all of them exactly follows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    /// Every literal is written as an integer.
    whole: bool,
    fit_long: bool,
    fit_double: bool,
    /// Most digits before the point, and after it.
    whole_digits: u64,
    scale: u64,
}

impl Numbers {
    pub(super) fn of(literal: &str) -> Numbers {
        let is_whole = !literal.contains(['.', 'e', 'E']);
        if is_whole && literal.len() <= f64::DIGITS as usize {
            let whole_digits = literal.trim_start_matches('-').len() as u64;
            return Numbers { whole: true, fit_long: true, fit_double: true, whole_digits, scale: 0 };
        }
        let (whole_digits, scale) = match Decimal::parse(literal) {
            Some(number) => (number.whole_digits(), number.scale()),
            // No number of the JSON grammar; nothing but json holds it.
            None => (u64::MAX / 2, 0),
        };
        Numbers {
            whole: is_whole,
            fit_long: literal.parse::<i64>().is_ok(),
            fit_double: f64_exact(literal).is_some(),
            whole_digits,
            scale,
        }
    }

    /// Of `NaN` and the infinities: only a floating-point column has them.
    pub(super) fn non_finite() -> Numbers {
        Numbers { whole: false, fit_long: false, fit_double: true, whole_digits: 0, scale: 0 }
    }

    pub(super) fn merge(&mut self, other: &Numbers) {
        self.whole &= other.whole;
        self.fit_long &= other.fit_long;
        self.fit_double &= other.fit_double;
        self.whole_digits = self.whole_digits.max(other.whole_digits);
        self.scale = self.scale.max(other.scale);
    }

    /// Most digits before the point, and after it.
    pub(super) fn digits(&self) -> (u64, u64) {
        (self.whole_digits, self.scale)
    }

    pub(super) fn kind(&self) -> Kind {
        let fits_decimal = self.whole_digits.saturating_add(self.scale) <= MAX_PRECISION as u64;
        match self {
            Numbers { whole: true, fit_long: true, .. } => Kind::Long,
            Numbers { whole: false, fit_double: true, .. } => Kind::Double,
            // All 38 digits: later files may have more before the point than this one.
            _ if fits_decimal => Kind::Decimal { precision: 38, scale: self.scale as u8 },
            _ => Kind::Json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_the_type_that_keeps_every_digit() {
        for (literals, expected) in [
            (&["1", "-0", "9223372036854775807"][..], "long"),
            (&["9223372036854775808"], "decimal(38,0)"),
            (&["1", "12345678901234567890"], "decimal(38,0)"),
            (&["1.0", "2"], "double"),
            (&["1e3"], "double"),
            (&["0.1", "100000000000000000000"], "double"),
            (&["0.1", "9007199254740993"], "decimal(38,1)"),
            (&["0.12345678901234567890"], "decimal(38,19)"),
            (&["1e400"], "json"),
            (&["0.1234567890123456789012345", "12345678901234567890"], "json"),
            (&["123456789012345678901234567890123456789"], "json"),
            (&["1e-999999999"], "json"),
        ] {
            let mut numbers = Numbers::of(literals[0]);
            literals[1..].iter().for_each(|literal| numbers.merge(&Numbers::of(literal)));
            assert_eq!(numbers.kind().name(), expected, "{literals:?}");
        }
    }
}
