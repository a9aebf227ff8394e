//! Members that the schema does not know, kept word for word.
//!
//! The text mirrors the record: an unknown member stands under its own key, inside the objects that lead to it. An
//! array on the way is mirrored as an object from positions to elements: of `{"items":[{"id":1},{"id":2,"x":3}]}` with
//! unknown `x` remains `{"items":{"1":{"x":3}}}`. Values are the exact text of the source, as far as that is strict JSON.

use super::plan::{Inner, Members, Slot};
use crate::decode::json::{Grammar, strict_text};
use crate::decode::value::{Node, Value};

/// The unknown members of a checked record, which it took this grammar to read; `None` when there are none.
pub(super) fn collect(plan: &Members, record: &Value<'_>, text: &str, read_by: Grammar) -> Option<String> {
    match &record.node {
        Node::Object(members) => object(members.iter().filter_map(|(key, value)| {
            let kept = match plan.position(key) {
                None => Some(strict_text(value, text, read_by).into_owned()),
                Some(at) => below(&plan.slots[at], value, text, read_by),
            };
            kept.map(|kept| (key.as_ref().to_owned(), kept))
        })),
        _ => None,
    }
}

/// The unknown members somewhere inside a known value.
fn below(slot: &Slot, value: &Value<'_>, text: &str, read_by: Grammar) -> Option<String> {
    match (&slot.inner, &value.node) {
        (Inner::Struct(plan), Node::Object(_)) => collect(plan, value, text, read_by),
        (Inner::List(slot), Node::Array(items)) => object(
            items
                .iter()
                .enumerate()
                .filter_map(|(at, item)| below(slot, item, text, read_by).map(|kept| (at.to_string(), kept))),
        ),
        (Inner::Map(slot), Node::Object(members)) => object(members.iter().filter_map(|(key, value)| {
            below(slot, value, text, read_by).map(|kept| (key.as_ref().to_owned(), kept))
        })),
        _ => None,
    }
}

fn object(members: impl Iterator<Item = (String, String)>) -> Option<String> {
    let mut written = String::new();
    for (key, value) in members {
        written.push(if written.is_empty() { '{' } else { ',' });
        written.push_str(&serde_json::Value::String(key).to_string());
        written.push(':');
        written.push_str(&value);
    }
    if written.is_empty() {
        return None;
    }
    written.push('}');
    Some(written)
}
