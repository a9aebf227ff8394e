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
    /// Unescaped; borrowed when the source has no escapes.
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    /// Members in source order; a key may occur more than once.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl Node<'_> {
    /// What a person calls this value in a message: `text`, `number`, `object` and so on.
    pub fn noun(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "boolean",
            Node::Number(_) => "number",
            Node::String(_) => "text",
            Node::Array(_) => "array",
            Node::Object(_) => "object",
        }
    }
}
