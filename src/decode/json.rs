//! One record's text → [`Value`]: the JSON grammar of RFC 8259, nothing more and nothing less; or the lenient one, which
//! takes in what people write by hand ([`lenient`] says what).
//!
//! The parser works on a complete record (framing has found its ends), reports the exact byte of a syntax
//! error, and guards depth before it recurses.

pub(super) mod lenient;
mod literals;
mod parser;
mod rendering;

use thiserror::Error;

use super::value::Value;
use parser::Parser;
pub(super) use rendering::strict_text;

/// Arrays and objects may nest this deep. serde_json, which reads the same records for JSON Schema, stops at 128.
pub const MAX_DEPTH: usize = 100;

/// Values in one record, keys not counted. A value takes some fifty bytes in memory and as few as two in a text.
pub const MAX_VALUES: usize = 4_000_000;

/// The rules by which a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grammar {
    /// RFC 8259.
    #[default]
    Strict,
    /// What strict JSON says means the same here; more can be said.
    Lenient,
}

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{cause}")]
pub struct SyntaxError {
    /// Byte position from the start of the text.
    pub at: usize,
    pub cause: Cause,
}

#[derive(Debug, Clone, PartialEq, Error)]
pub enum Cause {
    #[error("the text ends inside {0}")]
    End(&'static str),
    #[error("the text ends where {0} is due")]
    EndBefore(&'static str),
    #[error("expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: String },
    #[error("a comma is followed by {0}, not by another value")]
    TrailingComma(&'static str),
    #[error("raw control character U+{0:04X} inside a string; it must be escaped")]
    ControlCharacter(u32),
    #[error("{0} is not a valid escape in a string")]
    Escape(String),
    #[error("the escape {0} is half of a surrogate pair")]
    LoneSurrogate(String),
    #[error("{0} is not a valid number: {1}")]
    Number(String, &'static str),
    #[error("arrays and objects nest deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("the text holds more than {MAX_VALUES} values")]
    TooMany,
    #[error("the bytes are not valid UTF-8")]
    Utf8,
    #[error("another value follows the record")]
    Trailing,
}

impl Cause {
    /// True when more bytes could still make the text valid.
    pub fn is_truncation(&self) -> bool {
        matches!(self, Cause::End(_) | Cause::EndBefore(_))
    }
}

/// A record whose text is JSON; any value, not only an object.
#[derive(Debug)]
pub struct Parsed<'a> {
    pub text: &'a str,
    /// Its places count from the start of `text`.
    pub value: Value<'a>,
    /// The stricter one of the grammars that can read the text.
    pub read_by: Grammar,
}

impl<'a> Parsed<'a> {
    /// Reads a text by a grammar; by the strict one as long as that will do.
    ///
    /// # Errors
    /// The first byte that breaks the grammar, and why.
    pub fn of(text: &'a str, grammar: Grammar) -> Result<Parsed<'a>, SyntaxError> {
        match (parse_text(text), grammar) {
            (Ok(value), _) => Ok(Parsed { text, value, read_by: Grammar::Strict }),
            (Err(mistake), Grammar::Strict) => Err(mistake),
            (Err(_), Grammar::Lenient) => {
                Ok(Parsed { text, value: parse_lenient(text)?, read_by: Grammar::Lenient })
            }
        }
    }
}

/// Parses exactly one value, with white space around it.
///
/// # Errors
/// The first byte that breaks the grammar, and why.
pub fn parse(text: &[u8]) -> Result<Value<'_>, SyntaxError> {
    parse_text(utf8(text)?)
}

/// The bytes as text.
///
/// # Errors
/// The first byte that is not UTF-8. A last character that is cut short is a truncation.
pub fn utf8(bytes: &[u8]) -> Result<&str, SyntaxError> {
    simdutf8::compat::from_utf8(bytes).map_err(|bad| {
        let cause = if bad.error_len().is_some() { Cause::Utf8 } else { Cause::End("a character") };
        SyntaxError { at: bad.valid_up_to(), cause }
    })
}

/// How many bytes from the start are UTF-8.
pub fn clean_length(bytes: &[u8]) -> usize {
    // The basic form is faster, and nearly always enough.
    if simdutf8::basic::from_utf8(bytes).is_ok() {
        return bytes.len();
    }
    simdutf8::compat::from_utf8(bytes).map_or_else(|bad| bad.valid_up_to(), str::len)
}

/// As [`parse`], for bytes that are known to be text.
///
/// # Errors
/// The first byte that breaks the grammar, and why.
pub fn parse_text(text: &str) -> Result<Value<'_>, SyntaxError> {
    Parser::<false>::new(text).whole()
}

/// As [`parse_text`], by the lenient grammar. The members of an object without braces are an object, too, and one comma may
/// follow the value.
///
/// # Errors
/// The first byte that breaks the grammar, and why.
pub fn parse_lenient(text: &str) -> Result<Value<'_>, SyntaxError> {
    Parser::<true>::new(text).whole()
}

/// As [`parse_text`], by either grammar.
///
/// # Errors
/// The first byte that breaks the grammar, and why.
pub fn parse_by(grammar: Grammar, text: &str) -> Result<Value<'_>, SyntaxError> {
    match grammar {
        Grammar::Strict => parse_text(text),
        Grammar::Lenient => parse_lenient(text),
    }
}

/// A character as a message shows it.
pub(super) fn name_of(found: char) -> String {
    match found {
        '\n' => "a line break".into(),
        '"' => "a string".into(),
        c if c.is_control() || c == '\u{feff}' => format!("U+{:04X}", u32::from(c)),
        c => format!("'{c}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::Node;
    use super::*;

    fn error(text: &str) -> String {
        let bad = parse(text.as_bytes()).expect_err("not JSON");
        format!("{}: {bad}", bad.at)
    }

    #[test]
    fn numbers_keep_their_digits() {
        let value = parse(b"[12345678901234567890, 1.10, -0, 1E+5]").expect("JSON");
        let Node::Array(items) = value.node else { panic!("an array") };
        let digits: Vec<_> = items.iter().map(|item| item.node.clone()).collect();
        assert_eq!(digits, ["12345678901234567890", "1.10", "-0", "1E+5"].map(Node::Number).to_vec());
    }

    #[test]
    fn escapes_and_surrogate_pairs_are_resolved() {
        let value = parse(br#""a\n\u00e9\ud83d\ude00\/""#).expect("JSON");
        assert_eq!(value.node, Node::String("a\né😀/".into()));
    }

    #[test]
    fn every_mistake_names_its_place() {
        assert_eq!(error(r#"{"a":1,}"#), "6: a comma is followed by '}', not by another value");
        assert_eq!(error(r#"{"a" 1}"#), "5: expected ':' after a key, found '1'");
        assert_eq!(error("[01]"), "1: 01 is not a valid number: leading zeros are not allowed");
        assert_eq!(error("\"a\nb\""), "2: raw control character U+000A inside a string; it must be escaped");
        assert_eq!(error(r#"["\x"]"#), r"2: \x is not a valid escape in a string");
        assert_eq!(error(r#"["\ud800x"]"#), r"2: the escape \ud800 is half of a surrogate pair");
        assert_eq!(error("{} {}"), "3: another value follows the record");
        assert_eq!(error("nul"), "3: the text ends inside null");
        assert_eq!(error("[1"), "2: the text ends where ',' or ']' is due");
        assert_eq!(error("[tru]"), "4: expected true, found ']'");
    }

    #[test]
    fn a_character_cut_short_is_a_truncation() {
        assert!(parse(b"[\"\xc3").expect_err("cut").cause.is_truncation());
        assert_eq!(parse(b"[\"\xc3\"]").expect_err("not UTF-8").cause, Cause::Utf8);
    }

    #[test]
    fn depth_is_guarded() {
        let deep = "[".repeat(MAX_DEPTH + 1);
        assert_eq!(parse(deep.as_bytes()).expect_err("too deep").cause, Cause::Depth);
        let fits = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(parse(fits.as_bytes()).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_serde_json(text in r#"[\[\]{}",:0-9eE.+\-truefalsnu\\ ]{0,24}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            proptest::prop_assert_eq!(parse(text.as_bytes()).is_ok(), theirs, "{}", text);
        }
    }
}
