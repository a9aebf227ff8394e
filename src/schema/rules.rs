//! Constraints on one value: `enum`, bounds, lengths, `pattern`, `format`.
//!
//! Comparisons are exact: numbers as decimals, times as instants, never through a float. What `pattern` and
//! `format` mean is judged by `jsonschema`, so that both dialects agree. `null` is never checked here; whether
//! it is allowed is a matter of `nullable`.

mod constant;
mod swift;
mod text;

use std::collections::HashSet;
use std::sync::Arc;

pub(super) use self::constant::{Constant, Quantity};
pub use self::swift::{Swift, Text as SwiftText};
pub(super) use self::text::{FORMATS, TextRule};
use super::field::Kind;
use super::violation::{Violation, shown};
use crate::decode::value::{Node, NonFinite, Value};

/// The constraints of a field.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(super) enumeration: Option<Arc<Enumeration>>,
    pub(super) bounds: Vec<Bound>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) pattern: Option<TextRule>,
    pub(super) format: Option<TextRule>,
    /// The constraints as the definition has them: key and JSON text.
    pub(super) written: Vec<(&'static str, String)>,
}

/// The values that a field may have.
#[derive(Debug)]
pub(super) struct Enumeration {
    texts: HashSet<String>,
    constants: Vec<Constant>,
    /// For messages.
    listed: String,
}

/// One end of a range.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) side: Side,
    pub(super) exclusive: bool,
    pub(super) limit: Quantity,
    /// The limit as the definition has it, for messages.
    pub(super) written: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Lower,
    Upper,
}

impl Rules {
    /// True when every value passes.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Checks a value that is known to be of `kind`; naive times are taken as UTC.
    ///
    /// # Errors
    /// The first constraint that the value breaks.
    pub fn check(&self, kind: &Kind, value: &Value<'_>) -> Result<(), Violation> {
        if self.is_empty() || value.node == Node::Null {
            return Ok(());
        }
        self.check_enumeration(kind, value)?;
        if let Node::NonFinite(number) = value.node {
            self.check_non_finite(number)?;
        }
        if !self.bounds.is_empty()
            && let Some(quantity) = Quantity::of(kind, value)
        {
            self.check_bounds(&quantity, &shown(value))?;
        }
        self.check_length(value)?;
        if let Node::String(text) = &value.node {
            self.check_text(text, value)?;
        }
        Ok(())
    }

    /// The bounds alone, for an instant that was read elsewhere (a naive time in a configured zone).
    ///
    /// # Errors
    /// The first bound that the instant breaks.
    pub fn check_instant(&self, nanos_since_epoch: i128, written: &str) -> Result<(), Violation> {
        self.check_bounds(&Quantity::Time(nanos_since_epoch), written)
    }

    fn check_enumeration(&self, kind: &Kind, value: &Value<'_>) -> Result<(), Violation> {
        match &self.enumeration {
            Some(allowed) if !allowed.holds(kind, value) => Err(Violation::here(
                "record.enum",
                format!("{} is not one of {}", shown(value), allowed.listed),
            )),
            _ => Ok(()),
        }
    }

    fn check_bounds(&self, quantity: &Quantity, shown: &str) -> Result<(), Violation> {
        match self.bounds.iter().find(|bound| !bound.admits(quantity)) {
            None => Ok(()),
            Some(bound) => Err(bound.violation(shown)),
        }
    }

    /// Infinities are beyond one of two bounds; what is no number at all keeps to none.
    fn check_non_finite(&self, number: NonFinite) -> Result<(), Violation> {
        let keeps_to = |bound: &&Bound| match bound.side {
            Side::Lower => number == NonFinite::Infinity,
            Side::Upper => number == NonFinite::NegativeInfinity,
        };
        match self.bounds.iter().find(|bound| !keeps_to(bound)) {
            None => Ok(()),
            Some(bound) if number == NonFinite::NaN => Err(bound.incomparable(number.word())),
            Some(bound) => Err(bound.violation(number.word())),
        }
    }

    fn check_length(&self, value: &Value<'_>) -> Result<(), Violation> {
        if self.min_length.is_none() && self.max_length.is_none() {
            return Ok(());
        }
        let (length, unit) = match &value.node {
            Node::String(text) => (text.chars().count(), "characters"),
            Node::Array(items) => (items.len(), "items"),
            Node::Object(members) => (members.len(), "members"),
            _ => return Ok(()),
        };
        let length = length as u64;
        match (self.min_length, self.max_length) {
            (Some(least), _) if length < least => Err(Violation::here(
                "record.min_length",
                format!("{} has {length} {unit}, fewer than the minimum of {least}", shown(value)),
            )),
            (_, Some(most)) if length > most => Err(Violation::here(
                "record.max_length",
                format!("{} has {length} {unit}, more than the maximum of {most}", shown(value)),
            )),
            _ => Ok(()),
        }
    }

    fn check_text(&self, text: &str, value: &Value<'_>) -> Result<(), Violation> {
        if let Some(pattern) = &self.pattern
            && !pattern.admits(text)
        {
            let message = format!("{} does not match the pattern {}", shown(value), pattern.written);
            return Err(Violation::here("record.pattern", message));
        }
        if let Some(format) = &self.format
            && !format.admits(text)
        {
            let message = format!("{} is not a valid {}", shown(value), format.written);
            return Err(Violation::here("record.format", message));
        }
        Ok(())
    }
}

impl Enumeration {
    /// `values` are known to be of `kind`, or null.
    pub(super) fn new(kind: &Kind, values: &[Value<'_>]) -> Self {
        let mut texts = HashSet::new();
        let mut constants = Vec::new();
        for value in values {
            match Constant::of(kind, value) {
                Constant::Text(text) => drop(texts.insert(text)),
                constant => constants.push(constant),
            }
        }
        let listed: Vec<_> = values.iter().take(10).map(shown).collect();
        let rest = values.len().saturating_sub(listed.len());
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        Enumeration { texts, constants, listed: listed.join(", ") + &more }
    }

    fn holds(&self, kind: &Kind, value: &Value<'_>) -> bool {
        match (kind, &value.node) {
            (Kind::String | Kind::Binary, Node::String(text)) => self.texts.contains(text.as_ref()),
            _ => match Constant::of(kind, value) {
                Constant::Text(text) => self.texts.contains(&text),
                constant => self.constants.contains(&constant),
            },
        }
    }
}

impl Bound {
    fn admits(&self, quantity: &Quantity) -> bool {
        let Some(order) = quantity.compare(&self.limit) else {
            return true;
        };
        match self.side {
            _ if order.is_eq() => !self.exclusive,
            Side::Lower => order.is_gt(),
            Side::Upper => order.is_lt(),
        }
    }

    fn incomparable(&self, shown: &str) -> Violation {
        let (rule, end) = match self.side {
            Side::Lower => ("record.minimum", "minimum"),
            Side::Upper => ("record.maximum", "maximum"),
        };
        Violation::here(rule, format!("{shown} cannot be compared with the {end} of {}", self.written))
    }

    fn violation(&self, shown: &str) -> Violation {
        let limit = &self.written;
        let (rule, complaint) = match (self.side, self.exclusive) {
            (Side::Lower, false) => ("record.minimum", "is less than the minimum of"),
            (Side::Lower, true) => ("record.minimum", "is not greater than"),
            (Side::Upper, false) => ("record.maximum", "is greater than the maximum of"),
            (Side::Upper, true) => ("record.maximum", "is not less than"),
        };
        Violation::here(rule, format!("{shown} {complaint} {limit}"))
    }
}

#[cfg(test)]
mod tests;
