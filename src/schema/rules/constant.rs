//! Values that can be compared: exact numbers, instants, and whole JSON values.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::decode::value::{Node, NonFinite, Value};
use crate::schema::field::{EpochUnit, Kind};
use crate::schema::numbers::Decimal;
use crate::schema::times;

/// Something with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum Quantity {
    Number(Decimal),
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Time(i128),
}

impl Quantity {
    /// What a value of `kind` amounts to; `None` for kinds without an order.
    pub(in crate::schema) fn of(kind: &Kind, value: &Value<'_>) -> Option<Quantity> {
        match (kind, &value.node) {
            (
                Kind::Int | Kind::Long | Kind::Float | Kind::Double | Kind::Decimal { .. },
                Node::Number(literal),
            ) => Decimal::parse(literal).map(Quantity::Number),
            (Kind::Decimal { .. }, Node::String(text)) => Decimal::parse(text).map(Quantity::Number),
            (Kind::Date, Node::String(text)) => day(text),
            (Kind::Timestamp { .. }, Node::String(text)) => {
                times::stamp(text).map(|stamp| Quantity::Time(stamp.nanos))
            }
            (Kind::Timestamp { epoch: Some(unit), .. }, Node::Number(literal)) => {
                let nanos = Decimal::parse(literal)?.as_i128_scaled(unit.power_of_nanos())?;
                Some(Quantity::Time(nanos))
            }
            _ => None,
        }
    }

    /// As [`Quantity::of`], for the limit of a range: a timestamp may be limited by a day.
    pub(in crate::schema) fn limit(kind: &Kind, value: &Value<'_>) -> Option<Quantity> {
        match (kind, &value.node) {
            (Kind::Timestamp { .. }, Node::String(text)) if text.len() == 10 => day(text),
            _ => Quantity::of(kind, value),
        }
    }

    /// `None` for a number beside a time.
    pub(in crate::schema) fn compare(&self, other: &Quantity) -> Option<Ordering> {
        match (self, other) {
            (Quantity::Number(left), Quantity::Number(right)) => Some(left.cmp(right)),
            (Quantity::Time(left), Quantity::Time(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }
}

fn day(text: &str) -> Option<Quantity> {
    times::date(text).map(|days| Quantity::Time(times::midnight(days)))
}

impl EpochUnit {
    /// A unit is 10 to this power nanoseconds.
    fn power_of_nanos(self) -> u32 {
        match self {
            EpochUnit::Seconds => 9,
            EpochUnit::Millis => 6,
            EpochUnit::Micros => 3,
            EpochUnit::Nanos => 0,
        }
    }
}

/// A value that equals another when both mean the same, however they are spelled.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::schema) enum Constant {
    Null,
    Bool(bool),
    Quantity(Quantity),
    NonFinite(NonFinite),
    Text(String),
    List(Vec<Constant>),
    Object(BTreeMap<String, Constant>),
}

impl Constant {
    pub(in crate::schema) fn of(kind: &Kind, value: &Value<'_>) -> Constant {
        if let Some(quantity) = Quantity::of(kind, value) {
            return Constant::Quantity(quantity);
        }
        match &value.node {
            Node::Null => Constant::Null,
            Node::Bool(flag) => Constant::Bool(*flag),
            Node::Number(literal) => match Decimal::parse(literal) {
                Some(number) => Constant::Quantity(Quantity::Number(number)),
                None => Constant::Text((*literal).to_owned()),
            },
            Node::NonFinite(number) => Constant::NonFinite(*number),
            Node::String(text) => Constant::Text(text.to_string()),
            Node::Array(items) => Constant::List(items.iter().map(|item| Constant::of(kind, item)).collect()),
            Node::Object(members) => Constant::Object(
                members.iter().map(|(key, member)| (key.to_string(), Constant::of(kind, member))).collect(),
            ),
        }
    }
}
