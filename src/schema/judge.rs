//! JSON Schema over a whole record: `jsonschema` says whether it holds, this file says it in our codes.
//!
//! Nothing is ever fetched: a schema that refers to another document does not compile.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ReferencingError, ValidationError, Validator};
use serde_json::{Map, Value as Json};

use super::violation::{Violation, clipped, escaped};
use crate::decode::json;
use crate::decode::value::{Node, Value};

/// Characters of a value, and of a whole message.
const SHOWN_VALUE: usize = 80;
const SHOWN_MESSAGE: usize = 400;

/// A compiled JSON Schema.
#[derive(Debug)]
pub struct Judge {
    validator: Validator,
    forbids_unknown: bool,
}

/// Why a JSON Schema cannot judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFault {
    #[error(
        "the JSON Schema refers to {uri}, and nothing is fetched: copy that schema under \"$defs\" and refer to it as \"#/$defs/…\""
    )]
    Remote { uri: String },
    #[error("the JSON Schema is not valid{place}: {message}", place = if pointer.is_empty() { String::new() } else { format!(" at {pointer}") })]
    Invalid { pointer: String, message: String },
}

impl Judge {
    /// The draft is the one of `$schema`, 2020-12 without it; formats are asserted in every draft.
    pub(super) fn compile(schema: &Json) -> Result<Judge, SchemaFault> {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .offline()
            .build(schema)
            .map_err(|bad| fault(&bad))?;
        let forbids = |key| schema.get(key) == Some(&Json::Bool(false));
        let forbids_unknown = forbids("additionalProperties") || forbids("unevaluatedProperties");
        Ok(Judge { validator, forbids_unknown })
    }

    /// Judges the text of one record.
    ///
    /// # Errors
    /// The most specific violation; its message says how many more there are.
    pub fn check(&self, record: &[u8]) -> Result<(), Violation> {
        match json::parse(record) {
            Ok(value) => self.check_value(&value),
            Err(bad) => Err(Violation::here("record.syntax", format!("not JSON at byte {}: {bad}", bad.at))),
        }
    }

    /// Judges a record that was parsed before.
    ///
    /// # Errors
    /// As [`Judge::check`].
    pub fn check_value(&self, record: &Value<'_>) -> Result<(), Violation> {
        let tree = tree(record);
        if self.validator.is_valid(&tree) {
            return Ok(());
        }
        let errors: Vec<_> = self.validator.iter_errors(&tree).collect();
        let mut violation = most_specific(&errors, &tree).unwrap_or_else(|| {
            Violation::here("record.schema", "the record does not match the JSON Schema".into())
        });
        let more = errors.len().saturating_sub(1);
        if more > 0 {
            let noun = if more == 1 { "violation" } else { "violations" };
            violation.message.push_str(&format!(" ({more} more {noun} in this record)"));
        }
        Err(violation)
    }

    /// True for the drafts in which nothing beside a `$ref` counts.
    pub(super) fn ignores_siblings_of_references(&self) -> bool {
        matches!(self.validator.draft(), Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
    }

    /// True when the schema itself refuses members that it does not name; [`Judge::check`] enforces it.
    pub fn forbids_unknown_fields(&self) -> bool {
        self.forbids_unknown
    }
}

/// The value as `serde_json` has it. Not parsed by `serde_json`: its arbitrary precision takes an object with a
/// private key for a number, and a record may contain such an object.
pub(super) fn tree(value: &Value<'_>) -> Json {
    match &value.node {
        Node::Null => Json::Null,
        Node::Bool(flag) => Json::Bool(*flag),
        Node::Number(literal) => {
            literal.parse().map_or_else(|_| Json::String((*literal).into()), Json::Number)
        }
        // JSON Schema knows no such number, so that it is none for a schema that demands one.
        Node::NonFinite(number) => Json::String(number.word().into()),
        Node::String(text) => Json::String(text.to_string()),
        Node::Array(items) => Json::Array(items.iter().map(tree).collect()),
        Node::Object(members) => Json::Object(
            members.iter().map(|(key, member)| (key.to_string(), tree(member))).collect::<Map<_, _>>(),
        ),
    }
}

fn fault(bad: &ValidationError<'_>) -> SchemaFault {
    if let ValidationErrorKind::Referencing(ReferencingError::Unretrievable { uri, .. }) = bad.kind() {
        return SchemaFault::Remote { uri: clipped(200, uri) };
    }
    let message = clipped(SHOWN_MESSAGE, bad.masked_with(clipped(SHOWN_VALUE, bad.instance())));
    SchemaFault::Invalid { pointer: bad.instance_path().as_str().to_owned(), message }
}

fn most_specific(errors: &[ValidationError<'_>], record: &Json) -> Option<Violation> {
    let error = errors.iter().min_by_key(|error| {
        let pointer = error.instance_path().as_str();
        let depth = pointer.matches('/').count();
        (branches(error.kind()).is_some(), std::cmp::Reverse(depth), pointer, rule(error.kind()))
    })?;
    meant_branch(error)
        .and_then(|branch| most_specific(branch, record))
        .or_else(|| Some(violation(error, record)))
}

fn branches(kind: &ValidationErrorKind) -> Option<&[Vec<ValidationError<'static>>]> {
    match kind {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            Some(context)
        }
        _ => None,
    }
}

/// The one branch of a union that the value was meant for: the only one that does not fail on the value's own
/// type, nor on a constant that tells the branches apart.
fn meant_branch<'e>(error: &'e ValidationError<'_>) -> Option<&'e [ValidationError<'static>]> {
    let here = error.instance_path().as_str();
    let is_other = |inner: &ValidationError<'_>| match inner.kind() {
        ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => true,
        ValidationErrorKind::Type { .. } => inner.instance_path().as_str() == here,
        _ => false,
    };
    let mut meant = branches(error.kind())?.iter().filter(|branch| !branch.iter().any(is_other));
    match (meant.next(), meant.next()) {
        (Some(branch), None) => Some(branch),
        _ => None,
    }
}

fn violation(error: &ValidationError<'_>, record: &Json) -> Violation {
    let place = error.instance_path().as_str();
    let member = |name: &str| format!("{place}/{}", escaped(name));
    let unknown = |name: &str| Violation {
        pointer: member(name),
        rule: "record.unknown_field".into(),
        message: clipped(
            SHOWN_MESSAGE,
            format_args!("the member {name:?} is not allowed by the JSON Schema"),
        ),
    };
    let pointer = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => match unexpected.first() {
            Some(name) => return unknown(name),
            None => place.to_owned(),
        },
        ValidationErrorKind::FalseSchema => match only_named_members(error, record) {
            Some(name) => return unknown(name),
            None => place.to_owned(),
        },
        ValidationErrorKind::Required { property: Json::String(name) } => member(name),
        _ => place.to_owned(),
    };
    let message = clipped(SHOWN_MESSAGE, error.masked_with(clipped(SHOWN_VALUE, error.instance())));
    Violation { pointer, rule: rule(error.kind()), message }
}

/// `"additionalProperties": false` without `properties` is reported as a false schema; the first member broke it.
fn only_named_members<'r>(error: &ValidationError<'_>, record: &'r Json) -> Option<&'r str> {
    if !error.schema_path().as_str().ends_with("/additionalProperties") {
        return None;
    }
    let object = record.pointer(error.instance_path().as_str())?.as_object()?;
    object.keys().next().map(String::as_str)
}

/// The stable code of a broken keyword.
fn rule(kind: &ValidationErrorKind) -> String {
    let code = match kind.keyword() {
        "const" => "enum",
        "exclusiveMinimum" => "minimum",
        "exclusiveMaximum" => "maximum",
        "additionalProperties" | "unevaluatedProperties" => "unknown_field",
        other => return format!("record.{}", snake_case(other)),
    };
    format!("record.{code}")
}

fn snake_case(keyword: &str) -> String {
    let mut code = String::new();
    for character in keyword.chars() {
        if character.is_ascii_uppercase() {
            code.push('_');
        }
        if character.is_ascii_alphanumeric() {
            code.push(character.to_ascii_lowercase());
        }
    }
    code
}

#[cfg(test)]
mod tests;
