//! Values, objects and arrays.

use std::borrow::Cow;

use super::lenient;
use super::{Cause, MAX_DEPTH, MAX_VALUES, SyntaxError, name_of};
use crate::decode::value::{Node, NonFinite, Value};

/// A place in a text. The lenient grammar is a second parser, made from the same source, so that the strict one does
/// not pay for it.
pub(super) struct Parser<'a, const LENIENT: bool> {
    pub text: &'a str,
    pub bytes: &'a [u8],
    pub at: usize,
    values: usize,
}

type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

impl<'a, const LENIENT: bool> Parser<'a, LENIENT> {
    pub fn new(text: &'a str) -> Self {
        Parser { text, bytes: text.as_bytes(), at: 0, values: 0 }
    }

    /// The one value of the text.
    pub fn whole(mut self) -> Result<Value<'a>, SyntaxError> {
        self.skip_space()?;
        let value = match self.braceless()? {
            Some(value) => value,
            None => self.value(0)?,
        };
        self.skip_space()?;
        if LENIENT && self.bytes.get(self.at) == Some(&b',') {
            self.at += 1;
            self.skip_space()?;
        }
        if self.at < self.bytes.len() {
            return Err(self.fail(Cause::Trailing));
        }
        Ok(value)
    }

    /// An object whose braces are missing, up to the end of the text.
    fn braceless(&mut self) -> Result<Option<Value<'a>>, SyntaxError> {
        if !LENIENT || !lenient::starts_with_member(&self.bytes[self.at..]) {
            return Ok(None);
        }
        let start = self.at;
        let mut members = Vec::new();
        loop {
            members.push(self.member(0)?);
            let end = self.at;
            self.skip_space()?;
            match self.bytes.get(self.at) {
                None => return Ok(Some(Value { node: Node::Object(members), start, end })),
                Some(b',') => self.at += 1,
                Some(_) => return Err(self.unexpected("',' or the end")),
            }
            self.skip_space()?;
            if self.at == self.bytes.len() {
                return Ok(Some(Value { node: Node::Object(members), start, end }));
            }
        }
    }

    pub fn fail(&self, cause: Cause) -> SyntaxError {
        SyntaxError { at: self.at, cause }
    }

    pub fn unexpected(&self, expected: &'static str) -> SyntaxError {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.fail(Cause::EndBefore(expected)),
            Some(found) => self.fail(Cause::Unexpected { expected, found: name_of(found) }),
        }
    }

    #[inline]
    fn skip_space(&mut self) -> Result<(), SyntaxError> {
        if LENIENT {
            self.at = lenient::skip_space(self.bytes, self.at)
                .map_err(|_| SyntaxError { at: self.bytes.len(), cause: Cause::End("a comment") })?;
            return Ok(());
        }
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, SyntaxError> {
        let start = self.at;
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.fail(Cause::TooMany));
        }
        let node = match self.bytes.get(self.at) {
            Some(b'"') => Node::String(self.string(b'"')?),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b't') => self.word("true", Node::Bool(true))?,
            Some(b'f') => self.word("false", Node::Bool(false))?,
            Some(b'n') => self.word("null", Node::Null)?,
            Some(b'\'') if LENIENT => Node::String(self.string(b'\'')?),
            Some(b'N') if LENIENT => self.word("NaN", Node::NonFinite(NonFinite::NaN))?,
            Some(b'I') if LENIENT => self.word("Infinity", Node::NonFinite(NonFinite::Infinity))?,
            Some(b'-') if LENIENT && self.bytes.get(self.at + 1) == Some(&b'I') => {
                self.word("-Infinity", Node::NonFinite(NonFinite::NegativeInfinity))?
            }
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
        let mut members: Members<'a> = Vec::new();
        self.skip_space()?;
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            members.push(self.member(depth)?);
            if self.next_or_close(b'}', "',' or '}'", "'}'")? {
                return Ok(Node::Object(members));
            }
        }
    }

    fn member(&mut self, depth: usize) -> Result<(Cow<'a, str>, Value<'a>), SyntaxError> {
        let key = self.key()?;
        self.skip_space()?;
        if self.bytes.get(self.at) != Some(&b':') {
            return Err(self.unexpected("':' after a key"));
        }
        self.at += 1;
        self.skip_space()?;
        Ok((key, self.value(depth + 1)?))
    }

    fn key(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        match self.bytes.get(self.at) {
            Some(b'"') => self.string(b'"'),
            Some(b'\'') if LENIENT => self.string(b'\''),
            _ if LENIENT => match lenient::plain_key(&self.text[self.at..]) {
                "" => Err(self.unexpected("a key")),
                key => {
                    self.at += key.len();
                    Ok(Cow::Borrowed(key))
                }
            },
            _ => Err(self.unexpected("a key in double quotes")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, SyntaxError> {
        self.descend(depth)?;
        let mut items = Vec::new();
        self.skip_space()?;
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
        self.skip_space()?;
        match self.bytes.get(self.at) {
            Some(&byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                let comma = self.at;
                self.at += 1;
                self.skip_space()?;
                if self.bytes.get(self.at) == Some(&close) {
                    if LENIENT {
                        self.at += 1;
                        return Ok(true);
                    }
                    return Err(SyntaxError { at: comma, cause: Cause::TrailingComma(closing) });
                }
                Ok(false)
            }
            _ => Err(self.unexpected(expected)),
        }
    }
}
