//! A row → the text of a JSON object that says the same.
//!
//! From there on a record is judged as any other: one set of rules, one set of messages. What JSON has no form for becomes
//! text: bytes in base64, times by RFC 3339, `NaN` and the infinities by their names.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray};

use super::meaning::Meaning;
use super::source::Source;
use super::values;
use crate::base64;
use crate::decode::json;
use crate::decode::problem::{Path, Problem};
use crate::decode::value::{Node, NonFinite, Value};
use crate::schema::field::{Field, Kind};

type Written = Result<(), Box<Problem>>;

const TOO_LARGE: &str = "record.too_large";

/// A text that is being written.
#[derive(Debug, Default)]
pub(super) struct JsonText {
    pub text: String,
    /// Places of texts that stand for a number that JSON has no form for.
    pub not_finite: Vec<(usize, NonFinite)>,
    /// The first value that is none, such as a text that is not UTF-8.
    problem: Option<Box<Problem>>,
    /// Bytes that it may have.
    limit: usize,
}

/// A column of the file, and the field to which it belongs.
#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub source: Source,
    /// The position of its field in the schema; `None` for a column that the schema does not know.
    pub field: Option<usize>,
}

impl JsonText {
    pub fn new(limit: usize) -> JsonText {
        JsonText { limit, ..JsonText::default() }
    }

    /// Writes a row over what was there before. A column that is no field and null says nothing, and is left out.
    ///
    /// # Errors
    /// The first value that is none, such as a text that is not UTF-8; the text shows it as well as it can. At its limit the
    /// text breaks off.
    pub fn record(
        &mut self,
        columns: &[Column],
        fields: &[Field],
        arrays: &[ArrayRef],
        row: usize,
    ) -> Written {
        self.clear();
        self.text.push('{');
        for (column, array) in columns.iter().zip(arrays) {
            let field = column.field.map(|at| &fields[at]);
            if field.is_some() || !array.is_null(row) {
                self.member(&column.name, &column.source, array, row, field, &Path::Root)?;
            }
        }
        self.text.push('}');
        self.room(0)?;
        self.problem.take().map_or(Ok(()), Err)
    }

    /// Writes one value over what was there before, as that of a column that is no field.
    ///
    /// # Errors
    /// As [`JsonText::record`].
    pub fn unknown(&mut self, column: &Column, array: &ArrayRef, row: usize) -> Written {
        self.clear();
        self.value(&column.source, array, row, None, &Path::Member(&Path::Root, &column.name))?;
        self.problem.take().map_or(Ok(()), Err)
    }

    fn clear(&mut self) {
        self.text.clear();
        self.not_finite.clear();
        self.problem = None;
    }

    fn member(
        &mut self,
        name: &str,
        source: &Source,
        array: &ArrayRef,
        row: usize,
        field: Option<&Field>,
        path: &Path<'_>,
    ) -> Written {
        self.separate('{');
        self.string(name)?;
        self.text.push(':');
        self.value(source, array, row, field, &Path::Member(path, name))
    }

    fn value(
        &mut self,
        source: &Source,
        array: &ArrayRef,
        row: usize,
        field: Option<&Field>,
        path: &Path<'_>,
    ) -> Written {
        if array.is_null(row) || matches!(source, Source::Leaf(Meaning::Null)) {
            self.text.push_str("null");
            return Ok(());
        }
        let kind = field.map(|field| &field.kind);
        match source {
            Source::Leaf(meaning) => {
                let start = self.text.len();
                match self.leaf(*meaning, array, row, kind, path) {
                    Err(problem) if problem.rule != TOO_LARGE => {
                        self.text.truncate(start);
                        self.problem.get_or_insert(problem);
                        self.string(&String::from_utf8_lossy(values::bytes(array, row).unwrap_or_default()))
                    }
                    written => written,
                }
            }
            Source::Struct(members) => {
                self.text.push('{');
                for ((name, source), array) in members.iter().zip(array.as_struct().columns()) {
                    let (field, is_known) = match kind {
                        Some(Kind::Struct(fields)) => {
                            let at = Field::position(fields, name);
                            (at.map(|at| &fields[at]), at.is_some())
                        }
                        // Under any other type it is kept whole, nulls included.
                        _ => (None, true),
                    };
                    if is_known || !array.is_null(row) {
                        self.member(name, source, array, row, field, path)?;
                    }
                }
                self.text.push('}');
                Ok(())
            }
            Source::List(of) => {
                let list = array.as_list::<i32>();
                let item = match kind {
                    Some(Kind::List(item)) => Some(item.as_ref()),
                    _ => None,
                };
                self.text.push('[');
                let (start, end) = ends(list.value_offsets(), row);
                for (at, place) in (start..end).enumerate() {
                    self.separate('[');
                    self.value(of, list.values(), place, item, &Path::Item(path, at))?;
                }
                self.text.push(']');
                Ok(())
            }
            Source::Map(key, value) => {
                let map = array.as_map();
                let item = match kind {
                    Some(Kind::Map(item)) => Some(item.as_ref()),
                    _ => None,
                };
                self.text.push('{');
                let (start, end) = ends(map.value_offsets(), row);
                for place in start..end {
                    let name = match map_key(key, map.keys(), place, path) {
                        Ok(name) => name,
                        Err(problem) => {
                            self.problem.get_or_insert(problem);
                            continue;
                        }
                    };
                    self.separate('{');
                    self.string(&name)?;
                    self.text.push(':');
                    self.value(value, map.values(), place, item, &Path::MapKey(path, &name))?;
                }
                self.text.push('}');
                Ok(())
            }
        }
    }

    fn leaf(
        &mut self,
        meaning: Meaning,
        array: &ArrayRef,
        row: usize,
        kind: Option<&Kind>,
        path: &Path<'_>,
    ) -> Written {
        match meaning {
            Meaning::Null => self.text.push_str("null"),
            Meaning::Boolean => {
                let value = array.as_boolean_opt().ok_or_else(|| no_value(path))?.value(row);
                self.text.push_str(if value { "true" } else { "false" });
            }
            Meaning::Signed(_) | Meaning::Unsigned(_) => {
                let value = values::wide(array, row, meaning).ok_or_else(|| no_value(path))?;
                self.number(value);
            }
            // A float is the double that is the same number, except where it stays a float.
            Meaning::Float | Meaning::Half if matches!(kind, Some(Kind::Float)) => {
                let value = values::single(array, row, meaning).ok_or_else(|| no_value(path))?;
                if value.is_finite() { self.number_of(value) } else { self.not_finite(value.into()) }
            }
            Meaning::Float | Meaning::Half | Meaning::Double => {
                let value = values::double(array, row, meaning).ok_or_else(|| no_value(path))?;
                if value.is_finite() { self.number_of(value) } else { self.not_finite(value) }
            }
            Meaning::Decimal { .. } => match values::decimal_text(array, row, meaning) {
                Some(number) => self.text.push_str(&number),
                None => return Err(too_long(path)),
            },
            Meaning::Json if !matches!(kind, Some(Kind::String)) => {
                let text = utf8(array, row, path)?;
                json::parse_text(text).map_err(|bad| {
                    let found = format!("is said to be JSON, but is none: {bad}");
                    Box::new(Problem::of_absence(path, "record.type", &found))
                })?;
                self.room(text.len())?;
                self.text.push_str(text);
            }
            Meaning::Text | Meaning::Json => self.string(utf8(array, row, path)?)?,
            // Old writers do not say which byte strings are texts; the field does.
            Meaning::Binary
                if matches!(
                    kind,
                    Some(Kind::String | Kind::Date | Kind::Timestamp { .. } | Kind::Decimal { .. })
                ) =>
            {
                self.string(utf8(array, row, path)?)?;
            }
            Meaning::Binary => self.base64(array, row, path)?,
            Meaning::Uuid if matches!(kind, Some(Kind::Binary)) => self.base64(array, row, path)?,
            Meaning::Uuid
            | Meaning::Interval
            | Meaning::Date
            | Meaning::Time(_)
            | Meaning::Timestamp { .. }
            | Meaning::Int96 => {
                let text = values::text(array, row, meaning).ok_or_else(|| no_value(path))?;
                self.string(&text)?;
            }
        }
        Ok(())
    }

    fn base64(&mut self, array: &ArrayRef, row: usize, path: &Path<'_>) -> Written {
        let bytes = values::bytes(array, row).ok_or_else(|| no_value(path))?;
        self.room(bytes.len() * 4 / 3)?;
        self.text.push('"');
        base64::encode(bytes, &mut self.text);
        self.text.push('"');
        Ok(())
    }

    fn number(&mut self, value: i128) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// The shortest digits that mean this float and no other of its kind.
    fn number_of(&mut self, value: impl zmij::Float) {
        self.text.push_str(zmij::Buffer::new().format_finite(value));
    }

    fn not_finite(&mut self, value: f64) {
        let number = match value {
            value if value.is_nan() => NonFinite::NaN,
            f64::INFINITY => NonFinite::Infinity,
            _ => NonFinite::NegativeInfinity,
        };
        self.not_finite.push((self.text.len(), number));
        self.text.push('"');
        self.text.push_str(number.word());
        self.text.push('"');
    }

    fn string(&mut self, content: &str) -> Written {
        self.room(content.len())?;
        let _ = write!(self.text, "{}", serde_json::Value::from(content));
        Ok(())
    }

    /// A comma, except at the start of an object or array.
    fn separate(&mut self, open: char) {
        if !self.text.ends_with(open) {
            self.text.push(',');
        }
    }

    /// Holds the text against its limit before it grows.
    fn room(&self, more: usize) -> Written {
        if self.text.len().saturating_add(more) <= self.limit {
            return Ok(());
        }
        let message = format!(
            "the record takes more than the limit of {} bytes as JSON text; only its start is kept",
            self.limit
        );
        Err(Box::new(Problem::of_whole(TOO_LARGE, message, "size")))
    }
}

/// Puts the numbers that JSON has no form for in the place of their names.
pub(super) fn restore(value: &mut Value<'_>, not_finite: &[(usize, NonFinite)]) {
    match &mut value.node {
        Node::String(_) => {
            if let Ok(at) = not_finite.binary_search_by_key(&value.start, |(start, _)| *start) {
                value.node = Node::NonFinite(not_finite[at].1);
            }
        }
        Node::Array(items) => items.iter_mut().for_each(|item| restore(item, not_finite)),
        Node::Object(members) => members.iter_mut().for_each(|(_, member)| restore(member, not_finite)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::NonFinite(_) => {}
    }
}

/// First place of a row's items, and one past the last.
pub(super) fn ends(offsets: &[i32], row: usize) -> (usize, usize) {
    (offsets[row] as usize, offsets[row + 1] as usize)
}

fn utf8<'a>(array: &'a ArrayRef, row: usize, path: &Path<'_>) -> Result<&'a str, Box<Problem>> {
    let bytes = values::bytes(array, row).ok_or_else(|| no_value(path))?;
    str::from_utf8(bytes).map_err(|bad| {
        let found = format!("is no text: its bytes are not valid UTF-8 from byte {} on", bad.valid_up_to());
        Box::new(Problem::of_absence(path, "record.encoding", &found))
    })
}

/// Keys that are no texts become texts of what they say.
fn map_key(key: &Source, keys: &ArrayRef, place: usize, path: &Path<'_>) -> Result<String, Box<Problem>> {
    let Source::Leaf(meaning) = key else {
        return Err(Box::new(Problem::of_absence(path, "record.type", "has keys that are lists or objects")));
    };
    if keys.is_null(place) {
        return Err(Box::new(Problem::of_absence(path, "record.type", "has an entry without a key")));
    }
    if matches!(meaning, Meaning::Text | Meaning::Json | Meaning::Binary) {
        return utf8(keys, place, path).map(str::to_owned);
    }
    let mut written = JsonText::new(usize::MAX);
    written.leaf(*meaning, keys, place, None, path)?;
    Ok(written.text.trim_matches('"').to_owned())
}

fn too_long(path: &Path<'_>) -> Box<Problem> {
    Box::new(Problem::of_absence(path, "record.range", "is a decimal of more than 76 digits"))
}

fn no_value(path: &Path<'_>) -> Box<Problem> {
    Box::new(Problem::of_absence(path, "record.type", "is not stored as the footer says"))
}
