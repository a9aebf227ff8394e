//! Constraints as comparisons of stored values, for the many records that break none.
//!
//! One-sided: what passes here passes [`Rules::check`]; of what does not, only that knows.

use std::sync::Arc;

use super::constant::{Constant, Quantity};
use super::{Bound, Enumeration, Rules, Side, TextRule};
use crate::schema::field::{Kind, Resolution};
use crate::schema::numbers::Decimal;

/// Integers of so many digits are exact as a double and as a single precision float.
const EXACT_DOUBLE: i128 = 999_999_999_999_999;
const EXACT_FLOAT: i128 = 999_999;

/// The constraints of one field, by the form in which its column holds values.
#[derive(Debug, Clone)]
pub enum Swift {
    /// There are none.
    Always,
    /// Values have to be looked at one by one.
    Never,
    /// Integers, days, times in the column's unit, and decimals scaled by the column's scale.
    Whole(Whole),
    Real(Real),
    Boolean([bool; 2]),
    Text(Text),
    /// Of lists and maps: how many entries.
    Count {
        least: u64,
        most: u64,
    },
}

#[derive(Debug, Clone)]
pub struct Whole {
    low: i128,
    high: i128,
    allowed: Option<Vec<i128>>,
}

/// Open intervals; their ends belong to them where that is sure.
#[derive(Debug, Clone)]
pub struct Real {
    low: f64,
    takes_low: bool,
    high: f64,
    takes_high: bool,
}

#[derive(Debug, Clone)]
pub struct Text {
    least: u64,
    most: u64,
    allowed: Option<Arc<Enumeration>>,
    judged: Vec<TextRule>,
}

impl Rules {
    /// The constraints for values of `kind`. `in_utc`: times without an offset are meant in UTC.
    pub fn swift(&self, kind: &Kind, in_utc: bool) -> Swift {
        if self.is_empty() {
            return Swift::Always;
        }
        self.swift_of(kind, in_utc).unwrap_or(Swift::Never)
    }

    fn swift_of(&self, kind: &Kind, in_utc: bool) -> Option<Swift> {
        let has_lengths = self.min_length.is_some() || self.max_length.is_some();
        let has_text = has_lengths || self.pattern.is_some() || self.format.is_some();
        let (least, most) = (self.min_length.unwrap_or(0), self.max_length.unwrap_or(u64::MAX));
        match kind {
            Kind::String if self.bounds.is_empty() => {
                let judged = self.pattern.iter().chain(&self.format).cloned().collect();
                Some(Swift::Text(Text { least, most, allowed: self.enumeration.clone(), judged }))
            }
            Kind::List(_) | Kind::Map(_)
                if self.enumeration.is_none()
                    && self.bounds.is_empty()
                    && self.pattern.is_none()
                    && self.format.is_none() =>
            {
                Some(Swift::Count { least, most })
            }
            _ if has_text => None,
            Kind::Boolean if self.bounds.is_empty() => {
                let allowed = &self.enumeration.as_ref()?.constants;
                Some(Swift::Boolean([false, true].map(|flag| allowed.contains(&Constant::Bool(flag)))))
            }
            Kind::Int | Kind::Long => self.whole(Scale::Digits(0)).map(Swift::Whole),
            Kind::Decimal { scale, .. } => self.whole(Scale::Digits(u32::from(*scale))).map(Swift::Whole),
            Kind::Date => self.whole(Scale::Nanos(86_400_000_000_000)).map(Swift::Whole),
            Kind::Timestamp { resolution, .. } if in_utc => {
                let unit = match resolution {
                    Resolution::Micros => 1000,
                    Resolution::Nanos => 1,
                };
                self.whole(Scale::Nanos(unit)).map(Swift::Whole)
            }
            Kind::Double if self.enumeration.is_none() => self.real(EXACT_DOUBLE, |text| text.parse().ok()),
            Kind::Float if self.enumeration.is_none() => {
                self.real(EXACT_FLOAT, |text| text.parse::<f32>().ok().map(f64::from))
            }
            _ => None,
        }
    }

    fn whole(&self, scale: Scale) -> Option<Whole> {
        let (mut low, mut high) = (i128::MIN, i128::MAX);
        for Bound { side, exclusive, limit, .. } in &self.bounds {
            let (floor, exact) = scale.floor(limit)?;
            match side {
                Side::Lower => low = low.max(if exact && !exclusive { floor } else { floor + 1 }),
                Side::Upper => high = high.min(if exact && *exclusive { floor - 1 } else { floor }),
            }
        }
        let counted = |constant: &Constant| match constant {
            Constant::Quantity(quantity) => {
                scale.floor(quantity).filter(|(_, exact)| *exact).map(|(count, _)| count)
            }
            _ => None,
        };
        let allowed = self.enumeration.as_ref();
        let allowed = allowed.map(|allowed| allowed.constants.iter().filter_map(counted).collect());
        Some(Whole { low, high, allowed })
    }

    fn real(&self, exact: i128, parse: impl Fn(&str) -> Option<f64>) -> Option<Swift> {
        let mut real =
            Real { low: f64::NEG_INFINITY, takes_low: true, high: f64::INFINITY, takes_high: true };
        for Bound { side, exclusive, limit, written } in &self.bounds {
            let Quantity::Number(number) = limit else { return None };
            // A rounded limit is no sure end: a literal next to it may be rounded to the same value.
            let is_exact = number.as_i128_scaled(0).is_some_and(|number| number.abs() <= exact);
            let (value, takes) = (parse(written)?, is_exact && !exclusive);
            match side {
                Side::Lower if value >= real.low => (real.low, real.takes_low) = (value, takes),
                Side::Upper if value <= real.high => (real.high, real.takes_high) = (value, takes),
                Side::Lower | Side::Upper => {}
            }
        }
        Some(Swift::Real(real))
    }
}

/// What a stored whole number counts.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// Units of 10 to the minus this.
    Digits(u32),
    /// Units of so many nanoseconds.
    Nanos(i128),
}

impl Scale {
    /// The largest count that is not above the quantity, and whether it is the quantity itself.
    fn floor(self, quantity: &Quantity) -> Option<(i128, bool)> {
        match (self, quantity) {
            (Scale::Digits(digits), Quantity::Number(number)) => floor_of(number, digits),
            (Scale::Nanos(unit), Quantity::Time(nanos)) => {
                Some((nanos.div_euclid(unit), nanos.rem_euclid(unit) == 0))
            }
            _ => None,
        }
    }
}

fn floor_of(number: &Decimal, digits: u32) -> Option<(i128, bool)> {
    if let Some(exact) = number.as_i128_scaled(digits) {
        return Some((exact, true));
    }
    let all = u32::try_from(number.scale()).ok()?;
    let size = number.as_i128_scaled(all)?;
    let unit = 10_i128.checked_pow(all.checked_sub(digits)?)?;
    Some((size.div_euclid(unit), false))
}

impl Whole {
    #[inline]
    pub fn admits(&self, value: i128) -> bool {
        (self.low..=self.high).contains(&value)
            && self.allowed.as_ref().is_none_or(|allowed| allowed.contains(&value))
    }
}

impl Real {
    #[inline]
    pub fn admits(&self, value: f64) -> bool {
        (value > self.low || (self.takes_low && value == self.low))
            && (value < self.high || (self.takes_high && value == self.high))
    }
}

impl Text {
    /// Length and list of values.
    #[inline]
    pub fn admits(&self, text: &str) -> bool {
        self.admits_length(text) && self.allowed.as_ref().is_none_or(|allowed| allowed.texts.contains(text))
    }

    fn admits_length(&self, text: &str) -> bool {
        let bytes = text.len() as u64;
        // A character takes one to four bytes, so most lengths need no count.
        if bytes <= self.most && bytes >= self.least.saturating_mul(4) {
            return true;
        }
        (self.least..=self.most).contains(&(text.chars().count() as u64))
    }

    /// True when there is a pattern or format, which is worth remembering who passed.
    pub fn is_judged(&self) -> bool {
        !self.judged.is_empty()
    }

    /// Pattern and format.
    pub fn admits_form(&self, text: &str) -> bool {
        self.judged.iter().all(|rule| rule.admits(text))
    }
}
