//! Reading an operator's JSON: positions of mistakes, known keys, typed members.
//!
//! Shared by `schema_definition` and `processing_config`; knows the meaning of neither.

use std::borrow::Cow;
use std::collections::HashSet;

use thiserror::Error;

use super::{names, numbers, violation};
use crate::decode::json;
use crate::decode::value::{Node, Value};

/// A text that is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not valid JSON at line {line}, column {column}: {cause}")]
pub struct SyntaxFault {
    pub line: usize,
    /// Counted in characters, from 1.
    pub column: usize,
    pub cause: String,
}

/// A JSON object that has a wrong key or a wrong value under a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MemberFault {
    #[error("\"{key}\" is missing")]
    Missing { key: &'static str },
    #[error("expected an object, found {found}")]
    NotAnObject { found: &'static str },
    #[error("unknown key \"{key}\"; {suggestion}")]
    Unknown { key: String, suggestion: String },
    #[error("the key \"{key}\" occurs twice")]
    Twice { key: String },
    #[error("\"{key}\" must be {expected}, found {found}")]
    Wrong { key: String, expected: &'static str, found: String },
    #[error("\"{key}\" cannot be \"{value}\"; {suggestion}")]
    NoSuchValue { key: String, value: String, suggestion: String },
}

/// Parses the whole text; positions in the error are what an editor shows.
pub(super) fn parse(text: &str) -> Result<Value<'_>, SyntaxFault> {
    json::parse(text.as_bytes()).map_err(|bad| {
        let before = text.get(..bad.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        SyntaxFault {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            cause: bad.to_string(),
        }
    })
}

/// The members of one object. A `null` counts as an absent member.
#[derive(Clone, Copy)]
pub(super) struct Members<'v, 't> {
    members: &'v [(Cow<'t, str>, Value<'t>)],
}

impl<'v, 't> Members<'v, 't> {
    pub(super) fn of(value: &'v Value<'t>) -> Result<Self, MemberFault> {
        match &value.node {
            Node::Object(members) => Ok(Members { members }),
            other => Err(MemberFault::NotAnObject { found: other.noun() }),
        }
    }

    /// Fails on the first key that is not `known`, and on the first that occurs twice.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), MemberFault> {
        let mut seen = HashSet::new();
        for (key, _) in self.members {
            if !known.contains(&key.as_ref()) {
                let suggestion = names::suggestion(key, known);
                return Err(MemberFault::Unknown { key: violation::named(key), suggestion });
            }
            if !seen.insert(key.as_ref()) {
                return Err(MemberFault::Twice { key: violation::named(key) });
            }
        }
        Ok(())
    }

    /// True when the key is written, be it with `null`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.written(key).is_some()
    }

    /// The value under a key, `null` included.
    pub(super) fn written(&self, key: &str) -> Option<&'v Value<'t>> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'v Value<'t>> {
        self.written(key).filter(|value| value.node != Node::Null)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'v str>, MemberFault> {
        match self.get(key) {
            None => Ok(None),
            Some(Value { node: Node::String(text), .. }) => Ok(Some(text)),
            Some(other) => Err(wrong(key, "text", other)),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, MemberFault> {
        match self.get(key) {
            None => Ok(None),
            Some(Value { node: Node::Bool(flag), .. }) => Ok(Some(*flag)),
            Some(other) => Err(wrong(key, "true or false", other)),
        }
    }

    pub(super) fn count(&self, key: &str) -> Result<Option<u64>, MemberFault> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let count = match &value.node {
            Node::Number(literal) => numbers::to_i64(literal).and_then(|count| u64::try_from(count).ok()),
            _ => None,
        };
        count.map(Some).ok_or_else(|| wrong(key, "a whole number, 0 or more", value))
    }

    pub(super) fn list(&self, key: &str) -> Result<Option<&'v [Value<'t>]>, MemberFault> {
        match self.get(key) {
            None => Ok(None),
            Some(Value { node: Node::Array(items), .. }) => Ok(Some(items)),
            Some(other) => Err(wrong(key, "an array", other)),
        }
    }

    /// A list of texts; one text alone is taken as a list of one.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, MemberFault> {
        if let Some(Value { node: Node::String(text), .. }) = self.get(key) {
            return Ok(vec![text.to_string()]);
        }
        let items = self.list(key)?.unwrap_or_default();
        items
            .iter()
            .map(|item| match &item.node {
                Node::String(text) => Ok(text.to_string()),
                _ => Err(wrong(key, "a list of texts", item)),
            })
            .collect()
    }

    /// One of a few words, in any case.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>, MemberFault> {
        let Some(word) = self.text(key)? else {
            return Ok(None);
        };
        match choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let known: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
                let suggestion = names::suggestion(word, &known);
                Err(MemberFault::NoSuchValue { key: key.into(), value: violation::named(word), suggestion })
            }
        }
    }
}

/// The fault of a value of the wrong type.
pub(super) fn wrong(key: &str, expected: &'static str, found: &Value<'_>) -> MemberFault {
    let found = match &found.node {
        Node::Null => "null".to_owned(),
        node => format!("{} ({})", violation::shown(found), node.noun()),
    };
    MemberFault::Wrong { key: key.into(), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, read: impl Fn(Members<'_, '_>) -> MemberFault) -> String {
        let value = parse(text).expect("JSON");
        read(Members::of(&value).expect("an object")).to_string()
    }

    #[test]
    fn syntax_faults_say_where_an_editor_shows_them() {
        let bad = parse("{\n  \"é\": 1,\n}").expect_err("not JSON");
        assert_eq!((bad.line, bad.column), (2, 9));
        assert!(bad.to_string().starts_with("not valid JSON at line 2, column 9: a comma"));
        assert_eq!(parse("").expect_err("not JSON").line, 1);
    }

    #[test]
    fn faults_name_the_key_and_what_it_should_be() {
        for (text, expected) in [
            (r#"{"tpye": 1}"#, r#"unknown key "tpye"; did you mean "type"?"#),
            (r#"{"qqq": 1}"#, r#"unknown key "qqq"; known are type, name"#),
            (r#"{"type": 1, "type": 2}"#, r#"the key "type" occurs twice"#),
        ] {
            assert_eq!(
                fault(text, |members| members.only(&["type", "name"]).expect_err("a fault")),
                expected
            );
        }
        assert_eq!(
            fault(r#"{"a": "3"}"#, |members| members.count("a").expect_err("a fault")),
            r#""a" must be a whole number, 0 or more, found "3" (text)"#
        );
        assert_eq!(
            fault(r#"{"a": "zstandard"}"#, |members| {
                members.choice("a", &[("zstd", 1), ("gzip", 2)]).expect_err("a fault")
            }),
            r#""a" cannot be "zstandard"; known are zstd, gzip"#
        );
    }
}
