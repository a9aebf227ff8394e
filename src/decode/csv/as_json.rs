//! A record of cells → the text of a JSON object that says the same.
//!
//! From there on a record is judged as any other: one set of rules, one set of messages. A cell becomes what its field
//! expects if it can be that, and a text otherwise, so that the judgement tells what is wrong with it.

use std::fmt::Write;

use super::cell::{Cell, TextAfterQuote};
use super::mapping::{Column, Mapping};
use super::rows::{Row, Rows};
use super::spelling::{self, Nulls};
use crate::decode::json::{self, Cause, SyntaxError};
use crate::decode::problem::{Path, Problem};
use crate::decode::value::{Node, Value};
use crate::schema::field::{Field, Kind};

/// What the text of a record is made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsJson<'a> {
    pub mapping: &'a Mapping,
    pub fields: &'a [Field],
    pub nulls: &'a Nulls,
}

impl AsJson<'_> {
    /// Writes the object over `text`.
    ///
    /// # Errors
    /// The record has another number of cells than there are columns, is no text, or breaks the rules of quotes.
    pub fn write(&self, rows: Rows<'_, '_>, row: Row, text: &mut String) -> Result<(), Box<Problem>> {
        let raw = rows.raw(row);
        json::utf8(raw).map_err(|bad| not_utf8(bad.at, raw))?;
        let columns = &self.mapping.columns;
        let cells = rows.read(row).map_err(|(at, TextAfterQuote(place))| {
            let name = columns.get(at).map(|column| format!(" ({})", column.name)).unwrap_or_default();
            let before: usize = rows.cells(row).take(at).map(|cell| cell.len() + 1).sum();
            let what = format!(
                "cell {}{name} goes on behind its closing quote; a quote inside quotes must be doubled",
                at + 1
            );
            Box::new(Problem::of_record("record.syntax", before + place, &what, "quote", raw))
        })?;
        if cells.len() != columns.len() {
            return Err(ragged(cells.len(), columns.len()));
        }
        text.clear();
        text.push('{');
        for (column, cell) in columns.iter().zip(&cells) {
            self.member(column, cell, text)?;
        }
        text.push('}');
        Ok(())
    }

    fn member(&self, column: &Column, cell: &Cell<'_>, text: &mut String) -> Result<(), Box<Problem>> {
        // The whole record is UTF-8, and marks are ASCII.
        let content = String::from_utf8_lossy(&cell.text);
        let field = column.field.map(|at| &self.fields[at]);
        let Some(field) = field else {
            // What the schema does not know is kept as it is; nothing is lost with a cell that says nothing.
            if !self.nulls.holds_text(&cell.text, cell.quoted) {
                begin(&column.name, text);
                push_text(&content, text);
            }
            return Ok(());
        };
        begin(&column.name, text);
        if spelling::is_text(&field.kind) {
            match self.nulls.holds_text(&cell.text, cell.quoted) {
                true => text.push_str("null"),
                false => push_text(&content, text),
            }
            return Ok(());
        }
        let trimmed = content.trim_matches([' ', '\t']);
        if self.nulls.holds_value(trimmed.as_bytes()) {
            text.push_str("null");
            return Ok(());
        }
        value(field, column, trimmed, text)
    }
}

/// `"name":`, behind a comma where one is due.
fn begin(name: &str, text: &mut String) {
    if text.len() > 1 {
        text.push(',');
    }
    push_text(name, text);
    text.push(':');
}

fn push_text(content: &str, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{}", serde_json::Value::from(content));
}

fn value(field: &Field, column: &Column, cell: &str, text: &mut String) -> Result<(), Box<Problem>> {
    let literal = match &field.kind {
        Kind::Boolean => {
            spelling::boolean(cell.as_bytes()).map(|flag| if flag { "true" } else { "false" }.into())
        }
        Kind::Int | Kind::Long | Kind::Float | Kind::Double | Kind::Decimal { .. } => spelling::number(cell),
        Kind::Timestamp { epoch: Some(_), .. } => spelling::number(cell),
        Kind::Json | Kind::Struct(_) | Kind::List(_) | Kind::Map(_) => {
            json::parse(cell.as_bytes()).map_err(|bad| not_json(field, column, cell, &bad))?;
            Some(cell.into())
        }
        _ => None,
    };
    match literal {
        Some(literal) => text.push_str(&literal),
        None => push_text(cell, text),
    }
    Ok(())
}

/// A cell that stands alone, as the JSON text of what its field expects.
pub fn cell_as_json(field: &Field, cell: &str) -> String {
    let mut text = String::new();
    let column = Column { name: field.name.clone(), field: Some(0) };
    if spelling::is_text(&field.kind)
        || value(field, &column, cell.trim_matches([' ', '\t']), &mut text).is_err()
    {
        text.clear();
        push_text(cell, &mut text);
    }
    text
}

fn not_json(field: &Field, column: &Column, cell: &str, bad: &SyntaxError) -> Box<Problem> {
    let path = Path::Member(&Path::Root, &column.name);
    let found = format!("is no JSON, which a cell of type {} must be: {bad}", field.kind.name());
    let shown = serde_json::Value::from(cell).to_string();
    let value = Value { node: Node::String(cell.into()), start: 0, end: shown.len() };
    Box::new(Problem::of_value(&path, "record.type", &found, &value, &shown))
}

fn not_utf8(at: usize, raw: &[u8]) -> Box<Problem> {
    let what = format!(
        "{}; if the file has another encoding, name it in processing_config as csv.encoding",
        Cause::Utf8
    );
    Box::new(Problem::of_record("record.encoding", at, &what, "utf-8", raw))
}

fn ragged(found: usize, expected: usize) -> Box<Problem> {
    let noun = |count| if count == 1 { "cell" } else { "cells" };
    let message = format!("the record has {found} {}, expected {expected}", noun(found));
    let shape = if found < expected { "fewer" } else { "more" };
    Box::new(Problem::of_whole("record.columns", message, shape))
}
