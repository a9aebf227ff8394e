//! Why a whole file could not be decoded. A bad record is not an error but a [`super::reject::Reject`].

use std::borrow::Cow;
use std::fmt;
use std::io;

use thiserror::Error;

use crate::printable::is_unprintable;

/// A fault of the file as a whole. The text never names the file; whoever opened it does.
#[derive(Debug, Error)]
#[error("{}{message}", Place(.position))]
pub struct DecodeError {
    /// Stable code, for instance `json.syntax` or `file.compression`.
    pub code: &'static str,
    /// Where in the decompressed file, when a place can be named.
    pub position: Option<Position>,
    /// What was found and what was expected.
    pub message: String,
    /// What to do next.
    pub hint: Cow<'static, str>,
    /// The operating system's error, when reading itself failed.
    #[source]
    pub source: Option<io::Error>,
}

/// A place in the decompressed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes before the place, a byte order mark included.
    pub offset: u64,
    /// 1 for the first line.
    pub line: u64,
    /// Characters, 1 for the first of its line.
    pub column: u64,
}

impl DecodeError {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        DecodeError { code, position: None, message: message.into(), hint: hint.into(), source: None }
    }

    /// A fault of the program, whatever the file.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        let hint = "this is a fault of the program: please report it with the type's schema_definition";
        DecodeError::new("internal.columns", message, hint)
    }

    pub(super) fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    pub(super) fn reading(source: io::Error) -> Self {
        DecodeError {
            source: Some(source),
            ..DecodeError::new(
                "file.read",
                "reading the file failed",
                "check the disk and the file's permissions; the file is tried again",
            )
        }
    }

    /// True when the file may simply not be complete yet: more bytes could still make it valid.
    pub fn is_truncation(&self) -> bool {
        matches!(self.code, "json.truncated" | "csv.truncated" | "parquet.truncated" | "file.truncated")
    }

    /// True when reading failed: it says nothing about the file's contents, and the same file may load later.
    pub fn is_io(&self) -> bool {
        self.source.is_some()
    }
}

impl Position {
    /// The place behind a text that begins here.
    pub(super) fn behind(self, text: &[u8]) -> Position {
        let offset = self.offset + text.len() as u64;
        match memchr::memrchr(b'\n', text) {
            None => Position { offset, line: self.line, column: self.column + characters(text) },
            Some(last) => {
                let lines = memchr::memchr_iter(b'\n', text).count() as u64;
                Position { offset, line: self.line + lines, column: 1 + characters(&text[last + 1..]) }
            }
        }
    }
}

/// Characters of a text; roughly, when it is not UTF-8.
fn characters(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {} (byte {})", self.line, self.column, self.offset)
    }
}

struct Place<'a>(&'a Option<Position>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(position) => write!(f, "{position}: "),
            None => Ok(()),
        }
    }
}

/// Text from a file, made fit for a terminal and a log: at most `limit` characters, nothing that moves a cursor
/// or turns the direction of writing.
pub(super) fn sanitised(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut left = limit;
    for found in text.chars() {
        let start = shown.len();
        match found {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_unprintable(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
        let width = shown[start..].chars().count();
        if width > left {
            shown.truncate(start);
            break;
        }
        left -= width;
    }
    shown
}

/// Text cut to at most `limit` characters; the last one is an ellipsis when something was cut.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_cannot_move_a_cursor() {
        assert_eq!(sanitised("a\n\u{1b}[2J\u{202e}é", 60), "a\\n\\u{1b}[2J\\u{202e}é");
        assert_eq!(sanitised("abc\u{0}", 5), "abc");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }

    #[test]
    fn the_place_comes_first() {
        let error = DecodeError::new("json.syntax", "expected ','", "mend it").at(Position {
            offset: 9,
            line: 2,
            column: 3,
        });
        assert_eq!(error.to_string(), "line 2, column 3 (byte 9): expected ','");
    }
}
