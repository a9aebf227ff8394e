//! What a value did wrong, in words and as a code; and how values are shown in messages.

use std::fmt::Write as _;

use crate::decode::value::{Node, Value};

/// Values longer than this many characters are shortened in messages.
const SHOWN: usize = 80;

/// One broken constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// RFC 6901 pointer, relative to the value that was checked; empty for that value itself.
    pub pointer: String,
    /// Stable code, for instance `record.minimum`.
    pub rule: String,
    /// One sentence that stands alone: what was found, what was expected.
    pub message: String,
}

impl Violation {
    /// A violation of the checked value itself.
    pub fn here(rule: &str, message: String) -> Self {
        Violation { pointer: String::new(), rule: rule.into(), message }
    }

    /// The same violation, seen from the object or array that holds the value under `key`.
    pub fn under(mut self, key: &str) -> Self {
        self.pointer = format!("/{}{}", escaped(key), self.pointer);
        self
    }
}

/// A key as one segment of an RFC 6901 pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value as compact JSON text, shortened to what a message can carry.
pub fn shown(value: &Value<'_>) -> String {
    let mut text = Clipped::new(SHOWN);
    // An error only says that the limit was reached.
    let _ = write_node(&mut text, &value.node);
    text.finish()
}

/// A name from outside as a message carries it: short, and without control characters.
pub fn named(name: &str) -> String {
    clipped(SHOWN, name.escape_debug())
}

/// Any text that can be displayed, cut after `limit` characters; the rest is never produced.
pub fn clipped(limit: usize, what: impl std::fmt::Display) -> String {
    let mut text = Clipped::new(limit);
    let _ = write!(text, "{what}");
    text.finish()
}

fn write_node(out: &mut Clipped, node: &Node<'_>) -> std::fmt::Result {
    match node {
        Node::Null => out.write_str("null"),
        Node::Bool(value) => write!(out, "{value}"),
        Node::Number(literal) => out.write_str(literal),
        Node::NonFinite(number) => out.write_str(number.word()),
        Node::String(text) => write_text(out, text),
        Node::Array(items) => {
            out.write_str("[")?;
            for (at, item) in items.iter().enumerate() {
                out.write_str(if at == 0 { "" } else { "," })?;
                write_node(out, &item.node)?;
            }
            out.write_str("]")
        }
        Node::Object(members) => {
            out.write_str("{")?;
            for (at, (key, value)) in members.iter().enumerate() {
                out.write_str(if at == 0 { "" } else { "," })?;
                write_text(out, key)?;
                out.write_str(":")?;
                write_node(out, &value.node)?;
            }
            out.write_str("}")
        }
    }
}

fn write_text(out: &mut Clipped, text: &str) -> std::fmt::Result {
    out.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_str("\"")
}

/// A text that refuses to grow past its limit, so that a huge value costs nothing to show.
struct Clipped {
    text: String,
    left: usize,
    cut: bool,
}

impl Clipped {
    fn new(limit: usize) -> Self {
        Clipped { text: String::new(), left: limit, cut: false }
    }

    fn finish(mut self) -> String {
        if self.cut {
            self.text.push('…');
        }
        self.text
    }
}

impl std::fmt::Write for Clipped {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        for character in more.chars() {
            if self.left == 0 {
                self.cut = true;
                return Err(std::fmt::Error);
            }
            self.text.push(character);
            self.left -= 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::parse;

    #[test]
    fn values_are_shown_as_compact_json() {
        let value = parse(br#" {"a/b": [1.50, "x\ny", null], "c": {}} "#).expect("JSON");
        assert_eq!(shown(&value), r#"{"a/b":[1.50,"x\u000ay",null],"c":{}}"#);
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let text = format!("\"{}\"", "é".repeat(500));
        let shown = shown(&parse(text.as_bytes()).expect("JSON"));
        assert_eq!(shown.chars().count(), SHOWN + 1);
        assert!(shown.ends_with("é…"));
    }

    #[test]
    fn names_cannot_break_a_line() {
        assert_eq!(named("a\nb\u{1b}[31mé"), "a\\nb\\u{1b}[31mé");
        assert_eq!(named(&"x".repeat(1000)).chars().count(), SHOWN + 1);
    }

    #[test]
    fn pointers_escape_their_segments() {
        let violation = Violation::here("record.type", String::new()).under("0").under("a/b~c");
        assert_eq!(violation.pointer, "/a~1b~0c/0");
    }
}
