//! One record's text → [`Value`]: the JSON grammar of RFC 8259, nothing more and nothing less.
//!
//! The parser works on a complete record (framing has found its ends), reports the exact byte of a syntax
//! error, and guards depth before it recurses.

use std::borrow::Cow;

use memchr::memchr2;
use thiserror::Error;

use super::value::{Node, Value};

/// Arrays and objects may nest this deep. serde_json, which reads the same records for JSON Schema, stops at 128.
pub const MAX_DEPTH: usize = 100;

/// Values in one record, keys not counted. A value takes some fifty bytes in memory and as few as two in a text.
pub const MAX_VALUES: usize = 4_000_000;

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
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0, values: 0 };
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < parser.bytes.len() {
        return Err(parser.fail(Cause::Trailing));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn fail(&self, cause: Cause) -> SyntaxError {
        SyntaxError { at: self.at, cause }
    }

    fn unexpected(&self, expected: &'static str) -> SyntaxError {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.fail(Cause::EndBefore(expected)),
            Some(found) => self.fail(Cause::Unexpected { expected, found: name_of(found) }),
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, SyntaxError> {
        let start = self.at;
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.fail(Cause::TooMany));
        }
        let node = match self.bytes.get(self.at) {
            Some(b'"') => Node::String(self.string()?),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b't') => self.word("true", Node::Bool(true))?,
            Some(b'f') => self.word("false", Node::Bool(false))?,
            Some(b'n') => self.word("null", Node::Null)?,
            Some(b'-' | b'0'..=b'9') => Node::Number(self.number()?),
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Value { node, start, end: self.at })
    }

    fn word(&mut self, word: &'static str, node: Node<'a>) -> Result<Node<'a>, SyntaxError> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(node);
        }
        self.at += rest.iter().zip(word.bytes()).take_while(|(a, b)| **a == *b).count();
        Err(if self.at == self.bytes.len() { self.fail(Cause::End(word)) } else { self.unexpected(word) })
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, SyntaxError> {
        self.descend(depth)?;
        let mut members = Vec::new();
        self.skip_space();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.bytes.get(self.at) != Some(&b':') {
                return Err(self.unexpected("':' after a key"));
            }
            self.at += 1;
            self.skip_space();
            members.push((key, self.value(depth + 1)?));
            if self.next_or_close(b'}', "',' or '}'", "'}'")? {
                return Ok(Node::Object(members));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, SyntaxError> {
        self.descend(depth)?;
        let mut items = Vec::new();
        self.skip_space();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
            return Ok(Node::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.next_or_close(b']', "',' or ']'", "']'")? {
                return Ok(Node::Array(items));
            }
        }
    }

    /// Steps over the opening bracket.
    fn descend(&mut self, depth: usize) -> Result<(), SyntaxError> {
        if depth >= MAX_DEPTH {
            return Err(self.fail(Cause::Depth));
        }
        self.at += 1;
        Ok(())
    }

    /// After an item: true at the closing bracket, false when another item follows.
    fn next_or_close(
        &mut self,
        close: u8,
        expected: &'static str,
        closing: &'static str,
    ) -> Result<bool, SyntaxError> {
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(&byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                let comma = self.at;
                self.at += 1;
                self.skip_space();
                if self.bytes.get(self.at) == Some(&close) {
                    return Err(SyntaxError { at: comma, cause: Cause::TrailingComma(closing) });
                }
                Ok(false)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn number(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.bad_number(start, "a digit must follow the sign")),
        }
        if matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            return Err(self.bad_number(start, "leading zeros are not allowed"));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits_after(start, "a digit must follow the decimal point")?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits_after(start, "a digit must follow the exponent mark")?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn digits_after(&mut self, start: usize, rule: &'static str) -> Result<(), SyntaxError> {
        let first = self.at;
        self.digits();
        if self.at == first { Err(self.bad_number(start, rule)) } else { Ok(()) }
    }

    fn bad_number(&self, start: usize, rule: &'static str) -> SyntaxError {
        if self.at >= self.bytes.len() {
            return self.fail(Cause::End("a number"));
        }
        let end = self.text[self.at..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-')))
            .map_or(self.text.len(), |length| self.at + length);
        let shown: String = self.text[start..end].chars().take(40).collect();
        SyntaxError { at: start, cause: Cause::Number(shown, rule) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut copied = start;
        loop {
            let Some(step) = memchr2(b'"', b'\\', &self.bytes[self.at..]) else {
                self.check_controls(self.at, self.bytes.len())?;
                self.at = self.bytes.len();
                return Err(self.fail(Cause::End("a string")));
            };
            let stop = self.at + step;
            self.check_controls(self.at, stop)?;
            self.at = stop;
            if self.bytes[stop] == b'"' {
                self.at += 1;
                return Ok(match owned {
                    None => Cow::Borrowed(&self.text[start..stop]),
                    Some(mut text) => {
                        text.push_str(&self.text[copied..stop]);
                        Cow::Owned(text)
                    }
                });
            }
            let text = owned.get_or_insert_with(String::new);
            text.push_str(&self.text[copied..stop]);
            let unescaped = self.escape()?;
            text.push(unescaped);
            copied = self.at;
        }
    }

    fn check_controls(&mut self, from: usize, to: usize) -> Result<(), SyntaxError> {
        match self.bytes[from..to].iter().position(|&byte| byte < 0x20) {
            None => Ok(()),
            Some(step) => {
                self.at = from + step;
                Err(self.fail(Cause::ControlCharacter(u32::from(self.bytes[self.at]))))
            }
        }
    }

    /// At a backslash: the character that the escape stands for.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let simple = match self.bytes.get(self.at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            None => return Err(self.fail(Cause::End("an escape"))),
            Some(_) => {
                let shown = self.text[start..].chars().take(2).collect();
                return Err(SyntaxError { at: start, cause: Cause::Escape(shown) });
            }
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        self.at += 1;
        let first = self.four_hex(start)?;
        let code = match first {
            0xD800..=0xDBFF => {
                if self.bytes.len() - self.at < 2 && !self.bytes[self.at..].contains(&b'"') {
                    self.at = self.bytes.len();
                    return Err(self.fail(Cause::End("an escape")));
                }
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(self.lone_surrogate(start));
                }
                self.at += 2;
                match self.four_hex(start)? {
                    second @ 0xDC00..=0xDFFF => 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                    _ => return Err(self.lone_surrogate(start)),
                }
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.lone_surrogate(start))
    }

    fn lone_surrogate(&self, start: usize) -> SyntaxError {
        let shown = self.text[start..].chars().take(6).collect();
        SyntaxError { at: start, cause: Cause::LoneSurrogate(shown) }
    }

    fn four_hex(&mut self, start: usize) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.fail(Cause::End("an escape")));
            };
            let Some(digit) = char::from(byte).to_digit(16) else {
                let shown = self.text[start..].chars().take(6).collect();
                return Err(SyntaxError { at: start, cause: Cause::Escape(shown) });
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
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
