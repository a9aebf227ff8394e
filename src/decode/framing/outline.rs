//! The members of a root object, as far as the first part of a text shows them.

use super::structure::{Scan, Structure};
use crate::decode::json::{self, Grammar, lenient};
use crate::decode::value::Node;

/// What is known of the root object.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub members: Vec<Member>,
    /// The object closes within the text that was seen.
    pub closed: bool,
}

#[derive(Debug, PartialEq)]
pub(super) struct Member {
    pub key: String,
    pub content: Content,
    /// Position of the key in the text that was seen.
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// An array whose first element is an object.
    Records,
    EmptyArray,
    Other,
}

impl Outline {
    /// Reads the members of the object that starts at `at`. Stops without complaint where the structure breaks: who
    /// reads the document in full says what is wrong.
    pub fn of(text: &[u8], at: usize, grammar: Grammar) -> Outline {
        Outline::read(Reader { text, at: at + 1, grammar })
    }

    /// As [`Outline::of`], for a root object of a lenient text whose braces are missing: its first key is at `at`.
    pub fn of_members(text: &[u8], at: usize) -> Outline {
        Outline::read(Reader { text, at, grammar: Grammar::Lenient })
    }

    fn read(mut reader: Reader<'_>) -> Outline {
        let mut outline = Outline::default();
        if reader.token() == Some(b'}') {
            outline.closed = true;
            return outline;
        }
        while let Some(member) = reader.member() {
            outline.members.push(member);
            if reader.skip_value().is_none() {
                break;
            }
            match reader.token() {
                Some(b',') => {
                    reader.at += 1;
                    if reader.grammar == Grammar::Lenient && reader.token() == Some(b'}') {
                        outline.closed = true;
                        break;
                    }
                }
                Some(b'}') => {
                    outline.closed = true;
                    break;
                }
                _ => break,
            }
        }
        outline
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    grammar: Grammar,
}

impl Reader<'_> {
    fn token(&mut self) -> Option<u8> {
        match self.grammar {
            Grammar::Strict => {
                self.at += self.text.get(self.at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
            }
            Grammar::Lenient => self.at = lenient::skip_space(self.text, self.at).ok()?,
        }
        self.text.get(self.at).copied()
    }

    /// A key and its colon, and a look at the value.
    fn member(&mut self) -> Option<Member> {
        let first = self.token()?;
        let at = self.at;
        let is_quoted = first == b'"' || (first == b'\'' && self.grammar == Grammar::Lenient);
        if !is_quoted && self.grammar == Grammar::Strict {
            return None;
        }
        self.skip_value()?;
        let text = json::utf8(&self.text[at..self.at]).ok()?;
        let key = match is_quoted {
            true => match json::parse_by(self.grammar, text).ok()?.node {
                Node::String(key) => key.into_owned(),
                _ => return None,
            },
            false if lenient::plain_key(text) == text => text.to_owned(),
            false => return None,
        };
        if self.token()? != b':' {
            return None;
        }
        self.at += 1;
        let content = self.content();
        Some(Member { key, content, at })
    }

    fn content(&mut self) -> Content {
        if self.token() != Some(b'[') {
            return Content::Other;
        }
        let mut inside = Reader { at: self.at + 1, ..*self };
        match inside.token() {
            Some(b'{') => Content::Records,
            Some(b']') => Content::EmptyArray,
            _ => Content::Other,
        }
    }

    /// `None` when the value does not end in the text that was seen.
    fn skip_value(&mut self) -> Option<()> {
        let first = self.token()?;
        if matches!(first, b',' | b':' | b']' | b'}') {
            return None;
        }
        match Structure::starting_with(first, self.grammar).scan(&self.text[self.at..]) {
            Scan::End(length) => {
                self.at += length;
                Some(())
            }
            Scan::More | Scan::Mismatch { .. } | Scan::TooDeep { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_listed_as_far_as_they_are_seen() {
        let text = br#"{"a": 1, "b\u0063": [ {"x":1} ], "d":[], "e":[1], "f":[{"x"#;
        let outline = Outline::of(text, 0, Grammar::Strict);
        let found: Vec<_> = outline.members.iter().map(|m| (m.key.as_str(), m.content)).collect();
        assert_eq!(
            found,
            [
                ("a", Content::Other),
                ("bc", Content::Records),
                ("d", Content::EmptyArray),
                ("e", Content::Other),
                ("f", Content::Records),
            ]
        );
        assert!(!outline.closed);
        assert!(Outline::of(b" {} ", 1, Grammar::Strict).closed);
        assert!(Outline::of(b"{\"a\":[1]}", 0, Grammar::Strict).closed);
    }
}
