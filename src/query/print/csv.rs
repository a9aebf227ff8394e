//! Rows as CSV (RFC 4180): a header always; null is an empty field, empty text is `""`.

use std::io::{self, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use super::{Sink, value};

pub struct CsvSink {
    /// Written with the first batch, or at the end of an answer without rows.
    header: Option<String>,
}

impl CsvSink {
    pub fn new(schema: &SchemaRef) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
        CsvSink { header: Some(names.join(",") + "\n") }
    }
}

impl Sink for CsvSink {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let mut text = self.header.take().unwrap_or_default();
        for row in 0..batch.num_rows() {
            for (at, column) in batch.columns().iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                if let Some(field) = value::text(column.as_ref(), row) {
                    text.push_str(&quoted(&field));
                }
            }
            text.push('\n');
        }
        out.write_all(text.as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.header.take().unwrap_or_default().as_bytes())
    }
}

fn quoted(field: &str) -> String {
    let plain = !field.is_empty() && !field.contains(['"', ',', '\n', '\r']) && field.trim() == field;
    if plain { field.to_string() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
}
