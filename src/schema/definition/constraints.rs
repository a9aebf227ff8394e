//! Constraint keys of a dialect 1 field → [`Rules`], each checked against the field's type.

use std::sync::Arc;

use super::fault::FieldFault;
use super::source;
use crate::decode::value::{Node, Value};
use crate::schema::field::{Field, Kind};
use crate::schema::members::Members;
use crate::schema::rules::{Bound, Enumeration, FORMATS, Quantity, Rules, Side, TextRule};
use crate::schema::violation::{clipped, named, shown};
use crate::schema::{fit, names};

/// Every key that constrains a value.
pub(super) const KEYS: [&str; 9] = [
    "enum",
    "minimum",
    "maximum",
    "exclusive_minimum",
    "exclusive_maximum",
    "pattern",
    "min_length",
    "max_length",
    "format",
];

pub(super) fn read(text: &str, kind: &Kind, members: Members<'_, '_>) -> Result<Rules, FieldFault> {
    let mut written = Vec::new();
    for key in KEYS {
        if let Some(value) = members.get(key) {
            check_applies(key, kind)?;
            written.push((key, source(text, value).to_owned()));
        }
    }
    let rules = Rules {
        enumeration: enumeration(kind, members)?,
        bounds: bounds(kind, members)?,
        min_length: members.count("min_length")?,
        max_length: members.count("max_length")?,
        pattern: pattern(members)?,
        format: format(members)?,
        written,
    };
    check_not_empty(&rules)?;
    Ok(rules)
}

fn check_applies(key: &'static str, kind: &Kind) -> Result<(), FieldFault> {
    let ordered = matches!(
        kind,
        Kind::Int
            | Kind::Long
            | Kind::Float
            | Kind::Double
            | Kind::Decimal { .. }
            | Kind::Date
            | Kind::Timestamp { .. }
    );
    let (applies, applies_to) = match key {
        "enum" => (!matches!(kind, Kind::Struct(_) | Kind::List(_) | Kind::Map(_)), "single values and json"),
        "pattern" | "format" => (matches!(kind, Kind::String), "string"),
        "min_length" | "max_length" => {
            (matches!(kind, Kind::String | Kind::List(_) | Kind::Map(_)), "string, list and map")
        }
        _ => (ordered, "numbers, dates and timestamps"),
    };
    if applies { Ok(()) } else { Err(FieldFault::NotApplicable { key, kind: kind.name(), applies_to }) }
}

fn enumeration(kind: &Kind, members: Members<'_, '_>) -> Result<Option<Arc<Enumeration>>, FieldFault> {
    let Some(values) = members.list("enum")? else {
        return Ok(None);
    };
    if values.is_empty() {
        return Err(FieldFault::EmptyEnum);
    }
    // A null in the list is harmless: whether null may come is a matter of "nullable".
    let probe = Field::plain("enum", kind.clone());
    for value in values {
        fit::check(&probe, value).map_err(|bad| misfit("enum", kind, bad.message))?;
    }
    Ok(Some(Arc::new(Enumeration::new(kind, values))))
}

fn bounds(kind: &Kind, members: Members<'_, '_>) -> Result<Vec<Bound>, FieldFault> {
    let ends = [
        ("minimum", Side::Lower, false),
        ("exclusive_minimum", Side::Lower, true),
        ("maximum", Side::Upper, false),
        ("exclusive_maximum", Side::Upper, true),
    ];
    let mut bounds = Vec::new();
    for (key, side, exclusive) in ends {
        if let Some(value) = members.get(key) {
            let limit = Quantity::limit(kind, value)
                .ok_or_else(|| misfit(key, kind, format!("found {}", shown(value))))?;
            bounds.push(Bound { side, exclusive, limit, written: limit_text(value) });
        }
    }
    Ok(bounds)
}

fn limit_text(value: &Value<'_>) -> String {
    match &value.node {
        Node::String(text) => clipped(60, text),
        _ => shown(value),
    }
}

fn pattern(members: Members<'_, '_>) -> Result<Option<TextRule>, FieldFault> {
    let Some(pattern) = members.text("pattern")? else {
        return Ok(None);
    };
    TextRule::pattern(pattern).map(Some).map_err(|reason| FieldFault::Pattern { reason })
}

fn format(members: Members<'_, '_>) -> Result<Option<TextRule>, FieldFault> {
    let Some(name) = members.text("format")? else {
        return Ok(None);
    };
    TextRule::format(name).map(Some).ok_or_else(|| FieldFault::UnknownFormat {
        name: named(name),
        suggestion: names::suggestion(name, &FORMATS),
    })
}

/// No pair of limits may shut every value out.
fn check_not_empty(rules: &Rules) -> Result<(), FieldFault> {
    if let (Some(least), Some(most)) = (rules.min_length, rules.max_length)
        && least > most
    {
        return Err(FieldFault::EmptyRange { lower: least.to_string(), upper: most.to_string() });
    }
    let side = |side| rules.bounds.iter().filter(move |bound| bound.side == side);
    for lower in side(Side::Lower) {
        for upper in side(Side::Upper) {
            let order = lower.limit.compare(&upper.limit);
            let open = lower.exclusive || upper.exclusive;
            if order.is_some_and(|order| order.is_gt() || (order.is_eq() && open)) {
                return Err(FieldFault::EmptyRange {
                    lower: lower.written.clone(),
                    upper: upper.written.clone(),
                });
            }
        }
    }
    Ok(())
}

fn misfit(key: &str, kind: &Kind, reason: String) -> FieldFault {
    FieldFault::Misfit { key: key.into(), kind: kind.name(), reason }
}
