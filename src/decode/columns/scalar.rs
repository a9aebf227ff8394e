//! One simple value against one simple type. Exactly, or not at all: nothing is rounded, guessed or converted.

use std::borrow::Cow;

use super::cell::Cell;
use super::local_time::{self, NoInstant};
use crate::base64;
use crate::decode::problem::shown;
use crate::decode::value::{Node, Value};
use crate::schema::field::{EpochUnit, Kind, Resolution};
use crate::schema::numbers::{self, Decimal};
use crate::schema::processing_config::Zone;
use crate::schema::times;

/// Why a value does not fit: the rule, and what follows the pointer in the message.
#[derive(Debug, PartialEq)]
pub(super) struct Misfit {
    pub rule: &'static str,
    pub found: String,
}

/// The value as a cell of this kind. Nested kinds are not simple, and not for this function.
pub(super) fn cell<'a>(
    kind: &Kind,
    value: &'a Value<'a>,
    text: &'a str,
    zone: Zone,
) -> Result<Cell<'a>, Misfit> {
    let of = Found { value, text };
    match (kind, &value.node) {
        (Kind::Json, _) => Ok(Cell::Text(Cow::Borrowed(&text[value.start..value.end]))),
        (Kind::String, Node::String(found)) => Ok(Cell::Text(Cow::Borrowed(found))),
        (Kind::Boolean, Node::Bool(found)) => Ok(Cell::Boolean(*found)),
        (Kind::Int, Node::Number(literal)) => {
            numbers::to_i32(literal).map(Cell::Int).ok_or_else(|| of.no_integer(literal, "int (32 bit)"))
        }
        (Kind::Long, Node::Number(literal)) => {
            numbers::to_i64(literal).map(Cell::Long).ok_or_else(|| of.no_integer(literal, "long (64 bit)"))
        }
        (Kind::Float, Node::Number(literal)) => numbers::f32_exact(literal)
            .map(Cell::Float)
            .ok_or_else(|| of.inexact("float", "a double, decimal or string field")),
        (Kind::Double, Node::Number(literal)) => numbers::f64_exact(literal)
            .map(Cell::Double)
            .ok_or_else(|| of.inexact("double", "a decimal or string field")),
        (Kind::Float, Node::NonFinite(number)) => Ok(Cell::Float(number.as_f64() as f32)),
        (Kind::Double, Node::NonFinite(number)) => Ok(Cell::Double(number.as_f64())),
        (Kind::Decimal { precision, scale }, Node::Number(literal)) => {
            of.decimal(literal, *precision, *scale)
        }
        (Kind::Decimal { precision, scale }, Node::String(found)) => of.decimal(found, *precision, *scale),
        (Kind::Date, Node::String(found)) => {
            times::date(found).map(Cell::Date).ok_or_else(|| of.expected("a date as YYYY-MM-DD"))
        }
        (Kind::Timestamp { resolution, .. }, Node::String(found)) => of.timestamp(found, *resolution, zone),
        (Kind::Timestamp { resolution, epoch: Some(unit) }, Node::Number(literal)) => {
            of.epoch(literal, *unit, *resolution)
        }
        (Kind::Binary, Node::String(found)) => base64::decoded(found)
            .map(Cell::Bytes)
            .ok_or_else(|| of.expected("binary as standard base64 text")),
        _ => Err(of.expected(&expected_of(kind))),
    }
}

fn expected_of(kind: &Kind) -> String {
    match kind {
        Kind::Date => "a date as YYYY-MM-DD text".to_owned(),
        Kind::Timestamp { epoch: None, .. } => {
            "timestamp as RFC 3339 text, or a field with a unit (s, ms, us, ns) for integers".to_owned()
        }
        Kind::Timestamp { epoch: Some(_), .. } => "timestamp as RFC 3339 text or integer".to_owned(),
        Kind::Binary => "binary as standard base64 text".to_owned(),
        Kind::Decimal { .. } => format!("{} as a number or text", kind.name()),
        _ => kind.name(),
    }
}

/// The value at hand, to put it into words.
struct Found<'a> {
    value: &'a Value<'a>,
    text: &'a str,
}

impl Found<'_> {
    fn expected(&self, what: &str) -> Misfit {
        self.misfit("record.type", &format!("expected {what}"))
    }

    fn misfit(&self, rule: &'static str, what: &str) -> Misfit {
        Misfit { rule, found: format!("is {}, {what}", shown(self.value, self.text)) }
    }

    fn no_integer(&self, literal: &str, kind: &str) -> Misfit {
        match Decimal::parse(literal) {
            None => self.expected(kind),
            Some(number) if number.is_integer() => {
                self.misfit("record.range", &format!("out of range for {kind}"))
            }
            _ => self.misfit("record.type", &format!("a fraction, expected {kind}")),
        }
    }

    fn inexact(&self, kind: &str, instead: &str) -> Misfit {
        self.misfit(
            "record.precision",
            &format!("which a {kind} cannot hold without changing it; {instead} can"),
        )
    }

    fn decimal(&self, literal: &str, precision: u8, scale: u8) -> Result<Cell<'static>, Misfit> {
        let kind = format!("decimal({precision},{scale})");
        let Some(number) = Decimal::parse(literal) else {
            return Err(self.expected(&format!("{kind} as plain decimal text")));
        };
        if number.scale() > u64::from(scale) {
            return Err(
                self.misfit("record.precision", &format!("more digits after the point than {kind} holds"))
            );
        }
        number
            .as_i128_scaled(u32::from(scale))
            .filter(|digits| {
                10_u128.checked_pow(u32::from(precision)).is_none_or(|bound| digits.unsigned_abs() < bound)
            })
            .map(Cell::Decimal)
            .ok_or_else(|| self.misfit("record.range", &format!("out of range for {kind}")))
    }

    fn timestamp(&self, found: &str, resolution: Resolution, zone: Zone) -> Result<Cell<'static>, Misfit> {
        let Some(stamp) = times::stamp(found) else {
            return Err(self.no_time(found));
        };
        let nanos = if stamp.has_offset {
            stamp.nanos
        } else {
            local_time::instant(zone, stamp.nanos).map_err(|why| {
                let what = match why {
                    NoInstant::Skipped => "does not exist in the zone",
                    NoInstant::Twice => "happened twice in the zone",
                };
                self.misfit(
                    "record.range",
                    &format!("a local time that {what} {zone}: the clocks were changed"),
                )
            })?
        };
        self.in_resolution(nanos, resolution)
    }

    fn no_time(&self, found: &str) -> Misfit {
        let is_leap_second = found.get(16..19) == Some(":60");
        let fraction = found.get(20..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
        if is_leap_second {
            self.misfit(
                "record.range",
                "a leap second, which has no instant of its own in a timestamp column",
            )
        } else if found.get(19..20) == Some(".") && fraction > 9 {
            self.misfit("record.precision", "finer than nanoseconds; a string field can hold it")
        } else {
            self.expected("timestamp as RFC 3339 text, such as 2024-05-31T12:30:00Z")
        }
    }

    fn epoch(&self, literal: &str, unit: EpochUnit, resolution: Resolution) -> Result<Cell<'static>, Misfit> {
        let count = numbers::to_i64(literal).ok_or_else(|| self.no_integer(literal, "an integer time"))?;
        self.in_resolution(i128::from(count) * nanos_of(unit), resolution)
    }

    fn in_resolution(&self, nanos: i128, resolution: Resolution) -> Result<Cell<'static>, Misfit> {
        let (count, name) = match resolution {
            Resolution::Micros if nanos % 1000 != 0 => {
                let what = "finer than microseconds; a timestamp_ns field can hold it";
                return Err(self.misfit("record.precision", what));
            }
            Resolution::Micros => (nanos / 1000, "timestamp"),
            Resolution::Nanos => (nanos, "timestamp_ns"),
        };
        i64::try_from(count)
            .map(Cell::Timestamp)
            .map_err(|_| self.misfit("record.range", &format!("out of range for {name}")))
    }
}

/// The length of a unit.
pub(in crate::decode) fn nanos_of(unit: EpochUnit) -> i128 {
    match unit {
        EpochUnit::Seconds => 1_000_000_000,
        EpochUnit::Millis => 1_000_000,
        EpochUnit::Micros => 1_000,
        EpochUnit::Nanos => 1,
    }
}
