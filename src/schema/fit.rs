//! Whether one value fits a field: its type, its nested members, its constraints.
//!
//! The reference for defaults and for what inference promises; the decoder has its own, faster road.

use super::field::{EpochUnit, Field, Kind, Resolution};
use super::numbers::{self, Decimal};
use super::times;
use super::violation::{Violation, shown};
use crate::decode::value::{Node, Value};

/// Checks a value, `null` included, against a field.
///
/// # Errors
/// The first thing that does not fit.
pub fn check(field: &Field, value: &Value<'_>) -> Result<(), Violation> {
    if value.node == Node::Null {
        return if field.nullable {
            Ok(())
        } else {
            Err(Violation::here("record.required", "null is not allowed here".into()))
        };
    }
    check_kind(&field.kind, value)?;
    field.rules.check(&field.kind, value)
}

fn check_kind(kind: &Kind, value: &Value<'_>) -> Result<(), Violation> {
    match (kind, &value.node) {
        (Kind::Struct(fields), Node::Object(members)) => check_struct(fields, members),
        (Kind::List(item), Node::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| check(item, value).map_err(|bad| bad.under(&at.to_string()))),
        (Kind::Map(item), Node::Object(members)) => {
            members.iter().try_for_each(|(key, value)| check(item, value).map_err(|bad| bad.under(key)))
        }
        _ if scalar_fits(kind, &value.node) => Ok(()),
        (_, node) => Err(Violation::here(
            "record.type",
            format!("{} is {}, expected {}", shown(value), node.noun(), kind.name()),
        )),
    }
}

fn check_struct(
    fields: &[Field],
    members: &[(std::borrow::Cow<'_, str>, Value<'_>)],
) -> Result<(), Violation> {
    for (key, value) in members {
        match fields.iter().find(|field| field.answers_to(key)) {
            Some(field) => check(field, value).map_err(|bad| bad.under(key))?,
            None => {
                let message = format!("the member {key:?} is not in the definition");
                return Err(Violation::here("record.unknown_field", message).under(key));
            }
        }
    }
    let missing = fields.iter().find(|field| {
        !field.nullable && field.default.is_none() && !members.iter().any(|(key, _)| field.answers_to(key))
    });
    match missing {
        None => Ok(()),
        Some(field) => {
            let message = format!("the member {:?} is missing", field.name);
            Err(Violation::here("record.required", message).under(&field.name))
        }
    }
}

fn scalar_fits(kind: &Kind, node: &Node<'_>) -> bool {
    match (kind, node) {
        (Kind::Json, _) | (Kind::String, Node::String(_)) | (Kind::Boolean, Node::Bool(_)) => true,
        (Kind::Int, Node::Number(literal)) => numbers::to_i32(literal).is_some(),
        (Kind::Long, Node::Number(literal)) => numbers::to_i64(literal).is_some(),
        (Kind::Float, Node::Number(literal)) => numbers::f32_exact(literal).is_some(),
        (Kind::Double, Node::Number(literal)) => numbers::f64_exact(literal).is_some(),
        (Kind::Float | Kind::Double, Node::NonFinite(_)) => true,
        (Kind::Decimal { precision, scale }, Node::Number(literal)) => {
            decimal_fits(literal, *precision, *scale)
        }
        (Kind::Decimal { precision, scale }, Node::String(text)) => decimal_fits(text, *precision, *scale),
        (Kind::Date, Node::String(text)) => times::date(text).is_some(),
        (Kind::Timestamp { resolution, .. }, Node::String(text)) => stamp_fits(text, *resolution),
        (Kind::Timestamp { resolution, epoch: Some(unit) }, Node::Number(literal)) => {
            epoch_fits(literal, *unit, *resolution)
        }
        (Kind::Binary, Node::String(text)) => is_base64(text),
        _ => false,
    }
}

fn decimal_fits(literal: &str, precision: u8, scale: u8) -> bool {
    Decimal::parse(literal)
        .and_then(|number| number.as_i128_scaled(u32::from(scale)))
        .is_some_and(|size| size.unsigned_abs() < 10_u128.pow(u32::from(precision)))
}

fn stamp_fits(text: &str, resolution: Resolution) -> bool {
    times::stamp(text).is_some_and(|stamp| match resolution {
        Resolution::Micros => stamp.nanos % 1000 == 0,
        Resolution::Nanos => i64::try_from(stamp.nanos).is_ok(),
    })
}

fn epoch_fits(literal: &str, unit: EpochUnit, resolution: Resolution) -> bool {
    let Some(count) = numbers::to_i64(literal).map(i128::from) else {
        return false;
    };
    let nanos = match unit {
        EpochUnit::Seconds => count * 1_000_000_000,
        EpochUnit::Millis => count * 1_000_000,
        EpochUnit::Micros => count * 1000,
        EpochUnit::Nanos => count,
    };
    match resolution {
        Resolution::Micros => nanos % 1000 == 0 && i64::try_from(nanos / 1000).is_ok(),
        Resolution::Nanos => i64::try_from(nanos).is_ok(),
    }
}

/// Standard base64 with padding.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}
