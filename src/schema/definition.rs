//! The text of `schema_definition` → [`TableSchema`].
//!
//! Two dialects, told apart by the `fields` array. Every mistake becomes a sentence for the operator: it ends in
//! `table_metadata.status_reason`.

mod constraints;
mod demands;
pub mod edit;
mod fault;
mod fields;
mod json_schema;
mod references;
mod render;
mod siblings;
mod type_name;

pub use self::fault::{DefinitionError, FieldFault};
pub use self::render::render;
pub(super) use self::render::render_fields;

use super::field::{Field, Kind, TableSchema};
use super::members::{self, Members};
use super::violation::named;
use crate::decode::value::{Node, Value};

/// Structs, lists and maps may nest this deep in a definition.
pub(super) const MAX_NESTING: usize = 32;

/// Columns of one table, nested members included.
pub(super) const MAX_COLUMNS: usize = 10_000;

/// Keys by which a JSON Schema is known.
const JSON_SCHEMA_KEYS: [&str; 10] =
    ["$schema", "$id", "$ref", "$defs", "type", "properties", "required", "allOf", "anyOf", "oneOf"];

/// Compiles a definition of either dialect.
///
/// # Errors
/// The first mistake in the definition, as a sentence that stands alone.
pub fn compile(text: &str) -> Result<TableSchema, DefinitionError> {
    let value = members::parse(text)?;
    let root = match &value.node {
        Node::Object(_) => Members::of(&value)?,
        other => return Err(DefinitionError::NotAnObject { found: other.noun() }),
    };
    if root.has("fields") {
        return fields::compile(text, root);
    }
    if JSON_SCHEMA_KEYS.iter().any(|key| root.has(key)) {
        return json_schema::compile(&value, root);
    }
    Err(DefinitionError::NoDialect)
}

/// Positions of the columns that `label` names as a key.
fn key_columns(
    label: &'static str,
    fields: &[Field],
    names: &[String],
) -> Result<Vec<usize>, DefinitionError> {
    let mut key = Vec::new();
    for name in names {
        let Some(at) = fields.iter().position(|field| field.name == *name) else {
            let known: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
            let suggestion = super::names::suggestion(name, &known);
            return Err(DefinitionError::UnknownKeyColumn { key: label, name: named(name), suggestion });
        };
        if key.contains(&at) {
            return Err(DefinitionError::KeyColumnTwice { key: label, name: named(name) });
        }
        if let Kind::Struct(_) | Kind::List(_) | Kind::Map(_) | Kind::Json = fields[at].kind {
            let kind = fields[at].kind.name();
            return Err(DefinitionError::NestedKeyColumn { key: label, name: named(name), kind });
        }
        key.push(at);
    }
    Ok(key)
}

/// One field, as a definition of dialect 1 lists it.
pub fn render_one(field: &Field) -> String {
    render::render_field(field, 0)
}

/// The exact text of a value inside the text that it was parsed from.
fn source<'t>(text: &'t str, value: &Value<'_>) -> &'t str {
    text.get(value.start..value.end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
