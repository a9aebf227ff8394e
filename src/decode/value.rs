//! A JSON value as its source wrote it: numbers keep their digits, objects keep order and duplicates.

use std::borrow::Cow;

/// A value with its place in the record's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Value<'a> {
    pub node: Node<'a>,
    /// First byte of the value, counted from the start of the record.
    pub start: usize,
    /// One past the last byte of the value.
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    Null,
    Bool(bool),
    /// The literal as written, known to follow the JSON grammar.
    Number(&'a str),
    /// From lenient texts, and from formats whose numbers are binary.
    NonFinite(NonFinite),
    /// Unescaped; borrowed when the source has no escapes.
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    /// Members in source order; a key may occur more than once.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// A number without digits: JSON has no word for it, IEEE 754 has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonFinite {
    NaN,
    Infinity,
    NegativeInfinity,
}

impl NonFinite {
    /// As JavaScript and many programs write it.
    pub fn word(self) -> &'static str {
        match self {
            NonFinite::NaN => "NaN",
            NonFinite::Infinity => "Infinity",
            NonFinite::NegativeInfinity => "-Infinity",
        }
    }

    pub fn as_f64(self) -> f64 {
        match self {
            NonFinite::NaN => f64::NAN,
            NonFinite::Infinity => f64::INFINITY,
            NonFinite::NegativeInfinity => f64::NEG_INFINITY,
        }
    }
}

impl Node<'_> {
    /// True for what strict JSON has no word for, or something that holds it.
    pub fn has_non_finite(&self) -> bool {
        match self {
            Node::NonFinite(_) => true,
            Node::Array(items) => items.iter().any(|item| item.node.has_non_finite()),
            Node::Object(members) => members.iter().any(|(_, member)| member.node.has_non_finite()),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => false,
        }
    }

    /// What a person calls this value in a message: `text`, `number`, `object` and so on.
    pub fn noun(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "boolean",
            Node::Number(_) => "number",
            Node::NonFinite(_) => "non-finite number",
            Node::String(_) => "text",
            Node::Array(_) => "array",
            Node::Object(_) => "object",
        }
    }
}
