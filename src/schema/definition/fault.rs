//! What can be wrong with a definition.

use thiserror::Error;

use crate::schema::checks::CheckFault;
use crate::schema::judge::SchemaFault;
use crate::schema::members::{MemberFault, SyntaxFault};

/// Why a definition cannot be used. The message is complete in itself: an operator reads it in `status_reason`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DefinitionError {
    #[error(transparent)]
    Syntax(#[from] SyntaxFault),
    #[error(
        "the definition is {found}; write {{\"fields\": [{{\"name\": …, \"type\": …}}, …]}} or a JSON Schema object"
    )]
    NotAnObject { found: &'static str },
    #[error(
        "the definition has neither \"fields\" nor any key of a JSON Schema; write {{\"fields\": [{{\"name\": …, \"type\": …}}, …]}}"
    )]
    NoDialect,
    #[error("the definition has no fields; at least one column is needed")]
    NoFields,
    #[error("the JSON Schema names no properties, so the table would have no columns")]
    NoProperties,
    #[error("the JSON Schema describes {found}, but a record is an object; write \"type\": \"object\"")]
    NotARecord { found: String },
    #[error("the definition has more than {limit} columns, nested ones included")]
    TooManyColumns { limit: usize },
    #[error("{0}")]
    Member(#[from] MemberFault),
    #[error("{0}")]
    Schema(#[from] SchemaFault),
    #[error("field {place}: {fault}")]
    Field { place: String, fault: FieldFault },
    #[error("{key} names \"{name}\", which is no column; {suggestion}")]
    UnknownKeyColumn { key: &'static str, name: String, suggestion: String },
    #[error("{key} names \"{name}\" twice")]
    KeyColumnTwice { key: &'static str, name: String },
    #[error("{key} names \"{name}\", which is of type {kind}; a key column holds a single value")]
    NestedKeyColumn { key: &'static str, name: String, kind: String },
    #[error("unique has more than {limit} keys")]
    TooManyUnique { limit: usize },
    #[error("check #{number}: {fault}")]
    CheckForm { number: usize, fault: MemberFault },
    #[error(
        "check \"{name}\": a name begins with a letter, has letters, digits, _ and - only, and at most {limit} of them"
    )]
    CheckName { name: String, limit: usize },
    #[error("two checks have the name \"{name}\"")]
    CheckTwice { name: String },
    #[error("check \"{name}\" {fault}")]
    Check { name: String, fault: CheckFault },
}

/// What can be wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldFault {
    #[error("{0}")]
    Member(#[from] MemberFault),
    #[error("{key:?} is missing; {advice}")]
    Missing { key: &'static str, advice: &'static str },
    #[error("unknown type \"{name}\"; {suggestion}")]
    UnknownType { name: String, suggestion: String },
    #[error("{0}")]
    Type(String),
    #[error("a column name must not be empty")]
    EmptyName,
    #[error("a column name may have at most {limit} bytes")]
    LongName { limit: usize },
    #[error(
        "the name is reserved for a column that Lakegate adds itself; choose another and put this one into \"aliases\""
    )]
    Reserved,
    #[error("the name is used twice")]
    Twice,
    #[error(
        "the name differs from \"{other}\" only in upper and lower case, which most readers of the lake do not tell apart; rename one and put its key into \"aliases\""
    )]
    Collision { other: String },
    #[error("the key \"{key}\" already belongs to the field \"{other}\"")]
    AliasTaken { key: String, other: String },
    #[error("\"required\" and \"nullable\" contradict each other; keep one of them")]
    Contradiction,
    #[error("types nest deeper than {limit} levels; use the type json for what lies below")]
    TooDeep { limit: usize },
    #[error("\"{key}\" does not apply to the type {kind}; it applies to {applies_to}")]
    NotApplicable { key: &'static str, kind: String, applies_to: &'static str },
    #[error("\"{key}\" is not a value of the type {kind}: {reason}")]
    Misfit { key: String, kind: String, reason: String },
    #[error("\"unique\" holds for columns of the table only, not for members of a nested value")]
    NestedUnique,
    #[error("\"enum\" is empty, so no value could pass")]
    EmptyEnum,
    #[error("no value could pass between the minimum {lower} and the maximum {upper}")]
    EmptyRange { lower: String, upper: String },
    #[error("\"pattern\" is not a regular expression: {reason}")]
    Pattern { reason: String },
    #[error("unknown format \"{name}\"; {suggestion}")]
    UnknownFormat { name: String, suggestion: String },
}

impl FieldFault {
    pub(super) fn at(self, place: &str) -> DefinitionError {
        DefinitionError::Field { place: place.into(), fault: self }
    }
}
