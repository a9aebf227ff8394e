//! The members of a root object, as far as the first part of a text shows them.

use super::structure::{Scan, Structure};
use crate::decode::json;
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
    pub fn of(text: &[u8], at: usize) -> Outline {
        let mut outline = Outline::default();
        let mut reader = Reader { text, at: at + 1 };
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
                Some(b',') => reader.at += 1,
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
}

impl Reader<'_> {
    fn token(&mut self) -> Option<u8> {
        let step = self.text.get(self.at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.at += step;
        self.text.get(self.at).copied()
    }

    /// A key and its colon, and a look at the value.
    fn member(&mut self) -> Option<Member> {
        if self.token()? != b'"' {
            return None;
        }
        let at = self.at;
        self.skip_value()?;
        let key = match json::parse(&self.text[at..self.at]).ok()?.node {
            Node::String(key) => key.into_owned(),
            _ => return None,
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
        let mut inside = Reader { text: self.text, at: self.at + 1 };
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
        match Structure::starting_with(first).scan(&self.text[self.at..]) {
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
        let outline = Outline::of(text, 0);
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
        assert!(Outline::of(b" {} ", 1).closed);
        assert!(Outline::of(b"{\"a\":[1]}", 0).closed);
    }
}
