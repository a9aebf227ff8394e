//! What is wrong with one record: where, which rule, in words; and what makes two problems the same.

use super::error::shortened;
use super::json::{Cause, SyntaxError};
use super::reject::Reject;
use super::row_values::RowValues;
use super::value::{Node, Value};

const VALUE: usize = 200;
/// Values in messages; a message is read in a table or a log line.
const SHOWN: usize = 80;
/// Longest shape of a text.
const SHAPE: usize = 40;

/// The first thing that makes a record unfit for its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// RFC 6901 pointer from the record's root.
    pub pointer: String,
    /// Stable code, for instance `record.type`.
    pub rule: String,
    /// One sentence that stands alone.
    pub message: String,
    /// The offending value as JSON text; `None` when it is absent.
    pub value: Option<String>,
    /// The pointer with `*` for array positions and map keys.
    general: String,
    shape: String,
}

/// The way from a record's root to a value, kept on the stack while the record is walked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    /// An array position.
    Item(&'p Path<'p>, usize),
    /// A key of a map, which is data and no name.
    MapKey(&'p Path<'p>, &'p str),
}

impl Path<'_> {
    pub fn pointer(&self) -> String {
        match self {
            Path::Root => String::new(),
            Path::Member(above, key) | Path::MapKey(above, key) => {
                format!("{}/{}", above.pointer(), key.replace('~', "~0").replace('/', "~1"))
            }
            Path::Item(above, at) => format!("{}/{at}", above.pointer()),
        }
    }

    fn general(&self) -> String {
        match self {
            Path::Root => String::new(),
            Path::Member(above, key) => {
                format!("{}/{}", above.general(), key.replace('~', "~0").replace('/', "~1"))
            }
            Path::Item(above, _) | Path::MapKey(above, _) => format!("{}/*", above.general()),
        }
    }
}

impl Problem {
    /// A value that is there and wrong. `found` is what follows the pointer in the message.
    pub(super) fn of_value(
        path: &Path<'_>,
        rule: &str,
        found: &str,
        value: &Value<'_>,
        text: &str,
    ) -> Problem {
        let source = source_of(value, text);
        Problem {
            pointer: path.pointer(),
            rule: rule.to_owned(),
            message: format!("{} {found}", place(&path.pointer())),
            value: Some(shortened(source, VALUE)),
            general: path.general(),
            shape: shape_of(&value.node),
        }
    }

    /// A value that is not there.
    pub(super) fn of_absence(path: &Path<'_>, rule: &str, found: &str) -> Problem {
        Problem {
            pointer: path.pointer(),
            rule: rule.to_owned(),
            message: format!("{} {found}", place(&path.pointer())),
            value: None,
            general: path.general(),
            shape: "absent".to_owned(),
        }
    }

    /// A broken constraint below `path`, found by the schema's own rules, which name places by pointer.
    pub(super) fn of_violation(
        path: &Path<'_>,
        below: &str,
        rule: String,
        message: String,
        value: Option<&Value<'_>>,
        text: &str,
    ) -> Problem {
        let pointer = path.pointer() + below;
        Problem {
            message: format!("{}: {message}", place(&pointer)),
            pointer,
            rule,
            value: value.map(|value| shortened(source_of(value, text), VALUE)),
            general: path.general() + &without_positions(below),
            shape: value.map_or_else(|| "absent".to_owned(), |value| shape_of(&value.node)),
        }
    }

    /// A record whose text is not JSON.
    pub(super) fn of_syntax(mistake: &SyntaxError, record: &[u8]) -> Problem {
        let (rule, shape) = match &mistake.cause {
            Cause::Utf8 => ("record.encoding", "utf-8"),
            Cause::Depth => ("record.depth", "depth"),
            Cause::TooMany => ("record.too_large", "values"),
            Cause::End(_) | Cause::EndBefore(_) => ("record.syntax", "end"),
            Cause::Unexpected { expected, .. } => ("record.syntax", *expected),
            Cause::TrailingComma(_) => ("record.syntax", "trailing comma"),
            Cause::ControlCharacter(_) => ("record.syntax", "control character"),
            Cause::Escape(_) | Cause::LoneSurrogate(_) => ("record.syntax", "escape"),
            Cause::Number(..) => ("record.syntax", "number"),
            Cause::Trailing => ("record.syntax", "trailing"),
        };
        Problem {
            pointer: String::new(),
            rule: rule.to_owned(),
            message: format!("{}: {}", within(record, mistake.at), mistake.cause),
            value: None,
            general: String::new(),
            shape: shape.to_owned(),
        }
    }

    /// The same problem with what to do about it.
    pub(super) fn with_advice(mut self, advice: &str) -> Problem {
        self.message = format!("{}; {advice}", self.message);
        self
    }

    /// A record that is not what its format demands, at a place of it.
    pub(super) fn of_record(rule: &str, at: usize, what: &str, shape: &str, record: &[u8]) -> Problem {
        Problem::of_whole(rule, format!("{}: {what}", within(record, at)), shape)
    }

    /// A record that is not what its format demands.
    pub(super) fn of_whole(rule: &str, message: String, shape: &str) -> Problem {
        Problem {
            pointer: String::new(),
            rule: rule.to_owned(),
            message,
            value: None,
            general: String::new(),
            shape: shape.to_owned(),
        }
    }

    /// A row whose values do not go together. `cause` and `shape` tell its cause from others of the same rule.
    pub(super) fn of_row(
        rule: &str,
        message: String,
        values: &RowValues,
        cause: &str,
        shape: &str,
    ) -> Problem {
        Problem {
            pointer: values.pointer(),
            rule: rule.to_owned(),
            message,
            value: Some(values.json()),
            general: cause.to_owned(),
            shape: shape.to_owned(),
        }
    }

    /// A record that was not kept, because of its size.
    pub(super) fn of_size(size: u64, limit: usize) -> Problem {
        Problem {
            pointer: String::new(),
            rule: "record.too_large".to_owned(),
            message: format!(
                "the record takes {size} bytes, more than the limit of {limit}; only its start is kept"
            ),
            value: None,
            general: String::new(),
            shape: "size".to_owned(),
        }
    }

    /// The same for problems with the same cause: 16 hex digits.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.rule, &self.general, &self.shape] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    pub(super) fn into_reject(self, record_number: u64, byte_offset: u64, raw: Vec<u8>) -> Reject {
        let fingerprint = self.fingerprint();
        let Problem { pointer, rule, message, value, general: _, shape: _ } = self;
        Reject { record_number, byte_offset, raw, pointer, rule, value, message, fingerprint }
    }
}

/// A value as a message shows it: its source text and what it is.
pub(super) fn shown(value: &Value<'_>, text: &str) -> String {
    match &value.node {
        Node::Null => "null".to_owned(),
        node => format!("{} ({})", shortened(source_of(value, text), SHOWN), node.noun()),
    }
}

fn source_of<'t>(value: &Value<'_>, text: &'t str) -> &'t str {
    text.get(value.start..value.end).unwrap_or_default()
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the record" } else { pointer }
}

/// A place inside a record: the column, and the line when there are several.
fn within(record: &[u8], at: usize) -> String {
    let before = &record[..at.min(record.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let column = 1 + before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    if line == 1 && memchr::memchr(b'\n', record).is_none() {
        format!("column {column}")
    } else {
        format!("line {line} of the record, column {column}")
    }
}

fn without_positions(pointer: &str) -> String {
    let is_position = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    pointer.split('/').map(|token| if is_position(token) { "*" } else { token }).collect::<Vec<_>>().join("/")
}

/// What kind of value it is; of a text also its classes of characters, so that `N/A` and `n/a` are the same.
fn shape_of(node: &Node<'_>) -> String {
    let Node::String(text) = node else {
        return node.noun().to_owned();
    };
    let mut shape = String::from("text ");
    let mut last = None;
    for class in text.chars().map(class_of) {
        if last.replace(class) != Some(class) {
            shape.push(class);
            if shape.len() >= SHAPE {
                break;
            }
        }
    }
    shape
}

fn class_of(c: char) -> char {
    match c {
        c if c.is_alphabetic() => 'A',
        c if c.is_numeric() => '9',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// The value to which an RFC 6901 pointer leads.
pub(super) fn at_pointer<'v, 'a>(value: &'v Value<'a>, pointer: &str) -> Option<&'v Value<'a>> {
    let mut found = value;
    for token in pointer.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        found = match &found.node {
            Node::Object(members) => members.iter().find(|(name, _)| *name == key).map(|(_, value)| value)?,
            Node::Array(items) => items.get(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json;

    fn problem(path: &Path<'_>, text: &str) -> Problem {
        let value = json::parse(text.as_bytes()).expect("JSON");
        Problem::of_value(path, "record.type", "is wrong", &value, text)
    }

    #[test]
    fn pointers_are_escaped() {
        let path = Path::Member(&Path::Root, "a/b~c");
        assert_eq!(Path::Item(&path, 3).pointer(), "/a~1b~0c/3");
    }

    #[test]
    fn the_same_cause_has_the_same_fingerprint() {
        let list = Path::Member(&Path::Root, "l");
        let first = problem(&Path::Item(&list, 0), "\"N/A\"").fingerprint();
        assert_eq!(first.len(), 16);
        assert_eq!(first, problem(&Path::Item(&list, 7), "\"nil/none\"").fingerprint());
        assert_ne!(first, problem(&Path::Item(&list, 7), "\"12\"").fingerprint());
        assert_ne!(first, problem(&Path::Item(&list, 7), "12").fingerprint());
        assert_eq!(
            problem(&Path::MapKey(&list, "x"), "1").fingerprint(),
            problem(&Path::MapKey(&list, "y"), "2").fingerprint()
        );
    }

    #[test]
    fn places_inside_a_record_are_named() {
        let mistake = json::parse("{\"ä\": 1,\n \"b\": x}".as_bytes()).expect_err("broken");
        let problem = Problem::of_syntax(&mistake, "{\"ä\": 1,\n \"b\": x}".as_bytes());
        assert_eq!(problem.message, "line 2 of the record, column 7: expected a value, found 'x'");
    }

    #[test]
    fn a_pointer_leads_to_its_value() {
        let text = r#"{"a":[{"b/c":5}]}"#;
        let value = json::parse(text.as_bytes()).expect("JSON");
        let found = at_pointer(&value, "/a/0/b~1c").expect("a value");
        assert_eq!(&text[found.start..found.end], "5");
        assert!(at_pointer(&value, "/a/1").is_none());
    }
}
