//! Shapes → fields: names that the lake can tell apart, types that hold what was seen.

use std::collections::HashSet;

use super::object::{Keys, Object};
use super::shape::Shape;
use crate::schema::field::{Field, Kind};
use crate::schema::names;

/// The columns of a table. A key that cannot be a column's name becomes the alias of one that can.
pub(super) fn fields(columns: &[(String, Shape)]) -> Vec<Field> {
    // A new name must not be a key of the data, or the column would take that key's values, too.
    let keys: HashSet<String> = columns.iter().map(|(key, _)| names::folded(key)).collect();
    let mut taken: HashSet<String> = HashSet::new();
    columns
        .iter()
        .map(|(key, shape)| {
            let name = column_name(key, &keys, &taken);
            taken.insert(names::folded(&name));
            let aliases = if name == *key { Vec::new() } else { vec![key.clone()] };
            Field { aliases, ..Field::plain(&name, kind(shape)) }
        })
        .collect()
}

/// The name of a column for `key` beside columns whose folded names and keys are `taken`: the key itself where it can be one.
pub fn name_beside(key: &str, taken: &HashSet<String>) -> String {
    column_name(key, &HashSet::new(), taken)
}

fn column_name(key: &str, keys: &HashSet<String>, taken: &HashSet<String>) -> String {
    let blank = key.trim().is_empty();
    if !blank && !names::is_reserved(key) && !taken.contains(&names::folded(key)) {
        return key.to_owned();
    }
    let base = match key {
        _ if blank => "unnamed".to_owned(),
        key if names::is_reserved(key) => key.trim_start_matches('_').to_owned(),
        key => shortened(key),
    };
    let is_taken = |name: &str| {
        let folded = names::folded(name);
        keys.contains(&folded) || taken.contains(&folded) || names::is_reserved(name)
    };
    names::fresh(&base, is_taken)
}

/// Leaves room for the number that makes a name unique.
fn shortened(key: &str) -> String {
    let mut end = key.len().min(names::MAX_LENGTH - 8);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    key[..end].to_owned()
}

pub(super) fn kind(shape: &Shape) -> Kind {
    match shape {
        Shape::Unseen | Shape::Open => Kind::Json,
        Shape::Booleans => Kind::Boolean,
        Shape::Numbers(numbers) => numbers.kind(),
        Shape::Texts(texts) => texts.kind(),
        Shape::Stated(kind) => kind.clone(),
        Shape::List(item) => Kind::List(Box::new(Field::plain("item", kind(item)))),
        Shape::Object(Object::Map(values)) => Kind::Map(Box::new(Field::plain("value", kind(values)))),
        Shape::Object(Object::Keys(keys)) => structure(keys),
    }
}

/// A nested object whose keys cannot all be names of members is kept as json.
fn structure(keys: &Keys) -> Kind {
    let mut folded = HashSet::new();
    let storable = keys.members.iter().all(|(key, _)| {
        !key.trim().is_empty() && key.len() <= names::MAX_LENGTH && folded.insert(names::folded(key))
    });
    if keys.members.is_empty() || !storable {
        return Kind::Json;
    }
    Kind::Struct(keys.members.iter().map(|(key, shape)| Field::plain(key, kind(shape))).collect())
}
