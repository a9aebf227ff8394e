//! Answers as text: a table for people, CSV, JSON and NDJSON for programs.
//!
//! Values are exact in every format: decimals keep their scale, times are RFC 3339 in UTC with the digits they
//! have, bytes are base64. A table escapes control characters, because record contents come from strangers and
//! must not speak to a terminal.

mod csv;
mod json;
mod table;
mod value;

use std::io::Write;
use std::str::FromStr;

use futures::TryStreamExt;

use super::answer::Rows;
use super::error::QueryError;
use crate::printable::escape;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Table,
    Csv,
    Json,
    Ndjson,
}

impl Format {
    pub const NAMES: [&str; 4] = ["table", "csv", "json", "ndjson"];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "table" => Ok(Format::Table),
            "csv" => Ok(Format::Csv),
            "json" => Ok(Format::Json),
            "ndjson" | "jsonl" => Ok(Format::Ndjson),
            _ => Err(format!("{} is not a format; use one of {}", escape(text), Format::NAMES.join(", "))),
        }
    }
}

/// What a terminal can take; both `None` when output goes to a file or a pipe.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    /// Rows of a table to show.
    pub rows: Option<u64>,
    /// Characters of one value to show.
    pub width: Option<usize>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows of the whole answer.
    pub rows: u64,
    /// Rows shown; fewer than `rows` only in a table with limited room.
    pub shown: u64,
}

/// Writes the whole answer. An answer without rows is a header, `[]` or nothing, as the format has it.
///
/// # Errors
/// `Output` when `out` fails (a closed pipe, too), otherwise what the rows bring.
pub async fn write(
    mut rows: Rows,
    format: Format,
    room: Room,
    out: &mut dyn Write,
) -> Result<Written, QueryError> {
    let mut sink: Box<dyn Sink> = match format {
        Format::Table => Box::new(table::TableSink::new(&rows.schema, room)),
        Format::Csv => Box::new(csv::CsvSink::new(&rows.schema)),
        Format::Json => Box::new(json::JsonSink::array()),
        Format::Ndjson => Box::new(json::JsonSink::lines()),
    };
    let mut count = 0;
    while let Some(batch) = rows.batches.try_next().await? {
        count += batch.num_rows() as u64;
        sink.batch(&batch, out)?;
    }
    sink.end(out)?;
    out.flush()?;
    let shown = match (format, room.rows) {
        (Format::Table, Some(limit)) => count.min(limit),
        _ => count,
    };
    Ok(Written { rows: count, shown })
}

/// One format in the making.
trait Sink: Send {
    fn batch(
        &mut self,
        batch: &datafusion::arrow::array::RecordBatch,
        out: &mut dyn Write,
    ) -> std::io::Result<()>;

    fn end(&mut self, out: &mut dyn Write) -> std::io::Result<()>;
}

#[cfg(test)]
mod tests;
