//! Rows as JSON: one array, or one object per line.

use std::fmt::Write as _;
use std::io::{self, Write};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};

use super::{Sink, value};

/// Writes objects with one member for each column, in column order; null members are written.
pub struct JsonSink {
    lines: bool,
    started: bool,
}

impl JsonSink {
    pub fn array() -> Self {
        JsonSink { lines: false, started: false }
    }

    pub fn lines() -> Self {
        JsonSink { lines: true, started: false }
    }
}

impl Sink for JsonSink {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let schema = batch.schema();
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            if !self.lines {
                text.push_str(if self.started { ",\n" } else { "[\n" });
            }
            self.started = true;
            let members = schema.fields().iter().zip(batch.columns());
            write_object(
                members.map(|(field, column)| (field.name().as_str(), column.as_ref())),
                row,
                &mut text,
            );
            if self.lines {
                text.push('\n');
            }
        }
        out.write_all(text.as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.lines, self.started) {
            (true, _) => Ok(()),
            (false, true) => out.write_all(b"\n]\n"),
            (false, false) => out.write_all(b"[]\n"),
        }
    }
}

fn write_object<'a>(members: impl Iterator<Item = (&'a str, &'a dyn Array)>, row: usize, out: &mut String) {
    out.push('{');
    for (at, (name, member)) in members.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        write_value(member, row, out);
    }
    out.push('}');
}

fn write_items(items: &dyn Array, out: &mut String) {
    out.push('[');
    for row in 0..items.len() {
        if row > 0 {
            out.push(',');
        }
        write_value(items, row, out);
    }
    out.push(']');
}

/// Appends the value as JSON. Integers and decimals are numbers with all their digits; NaN and the infinities,
/// which JSON has no number for, are text.
pub fn write_value(array: &dyn Array, row: usize, out: &mut String) {
    if array.is_null(row) {
        out.push_str("null");
        return;
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let members = fields.iter().zip(columns);
            write_object(members.map(|(field, column)| (field.name().as_str(), column.as_ref())), row, out);
        }
        DataType::List(_) => write_items(array.as_list::<i32>().value(row).as_ref(), out),
        DataType::LargeList(_) => write_items(array.as_list::<i64>().value(row).as_ref(), out),
        DataType::FixedSizeList(..) => write_items(array.as_fixed_size_list().value(row).as_ref(), out),
        DataType::Map(..) => write_map(&array.as_map().value(row), out),
        DataType::Float32 if !array.as_primitive::<Float32Type>().value(row).is_finite() => {
            write_string(&value::scalar(array, row), out);
        }
        DataType::Float64 if !array.as_primitive::<Float64Type>().value(row).is_finite() => {
            write_string(&value::scalar(array, row), out);
        }
        DataType::Boolean | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            out.push_str(&value::scalar(array, row));
        }
        kind if kind.is_numeric() => out.push_str(&value::scalar(array, row)),
        _ => write_string(&value::scalar(array, row), out),
    }
}

fn write_map(entries: &datafusion::arrow::array::StructArray, out: &mut String) {
    let (keys, values) = (entries.column(0), entries.column(1));
    out.push('{');
    for row in 0..entries.len() {
        if row > 0 {
            out.push(',');
        }
        write_string(&value::text(keys.as_ref(), row).unwrap_or_default(), out);
        out.push(':');
        write_value(values.as_ref(), row, out);
    }
    out.push('}');
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Beyond what JSON demands: C1 controls and line separators mean something to terminals and scripts.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
