//! CSV: RFC 4180, and what the world makes of it.
//!
//! The way of a file: [`text`] makes UTF-8 of its bytes, [`sniff`] finds out how it is written, [`mapping`] which cell is
//! which field, [`cutter`] cuts it into segments of whole records, [`scan`] and [`rows`] find the cells of a segment.
//! From there [`direct`] takes usual cells straight into columns. Any other record becomes, by [`as_json`], the JSON
//! object that says the same, which is judged like any other. [`segments`] lets many threads read one large file.
//!
//! Knows nothing of files and tables, and adds no rules of its own about values.

mod as_json;
mod cell;
mod cutter;
mod dialect;
mod direct;
mod draft;
mod mapping;
mod masks;
mod records;
mod rows;
mod scan;
mod segments;
mod sniff;
mod spelling;
mod text;

use std::io::Read;

use super::error::{DecodeError, Position};
use super::format::has_extension;
use super::source::Source;
use crate::schema::processing_config::CsvSettings;
pub use as_json::cell_as_json;
use dialect::Dialect;
pub(super) use draft::draft;
pub(super) use records::{CsvFile, CsvRecord, CsvRecords};
use sniff::{Clues, Header, sniff};
use text::{Chosen, Reason, Text};

/// True for names such as `trips.csv`, `trips.tsv.gz`.
pub(super) fn says_csv(file_name: &str) -> bool {
    has_extension(file_name, &[".csv", ".tsv"])
}

/// What is known of a file besides its bytes.
struct OpenOptions<'a> {
    file_name: &'a str,
    settings: &'a CsvSettings,
    /// Tells whether a name is that of a field; absent when there is no schema yet.
    known: Option<&'a dyn Fn(&str) -> bool>,
}

/// A file of which the start was read and understood.
struct Opened {
    text: Text,
    /// Line of the first byte that the text still has.
    first_line: u64,
    dialect: Dialect,
    header: Header,
    encoding: Chosen,
}

impl Opened {
    fn new(reader: Box<dyn Read + Send>, options: &OpenOptions<'_>) -> Result<Opened, DecodeError> {
        let source = Source::of_any_encoding(reader, options.file_name)?;
        let mut text = Text::open(source, options.settings.encoding)?;
        let (sample, whole) = text.sample();
        let clues = Clues {
            settings: options.settings,
            says_tabs: has_extension(options.file_name, &[".tsv"]),
            known: options.known,
        };
        let sniffed = sniff(sample, whole, &clues);
        if sniffed.header.columns.is_empty() {
            return Err(DecodeError::new(
                "file.empty",
                "the file holds nothing but line ends",
                "send the file again if it should hold records; a header alone says that there are none",
            ));
        }
        if sniffed.header.is_cut {
            return Err(DecodeError::new(
                "csv.header",
                format!("the first line does not end within {} bytes", text::SAMPLE),
                "the file may have no line ends, or a quote in its first line is never closed",
            ));
        }
        text.skip(sniffed.preamble);
        let first_line = if sniffed.preamble > 0 { 2 } else { 1 };
        let encoding = text.chosen();
        Ok(Opened { text, first_line, dialect: sniffed.dialect, header: sniffed.header, encoding })
    }

    /// Place of the first record, or of the header.
    fn place(&self) -> Position {
        Position { offset: self.text.skipped(), line: self.first_line, column: 1 }
    }

    /// How the file is read, for people.
    fn described(&self) -> String {
        let mut parts = vec![format!("delimiter {}", dialect::shown(self.dialect.delimiter))];
        match (self.dialect.quote, self.dialect.escape) {
            (Some(b'"'), None) => {}
            (None, _) => parts.push("no quotes".to_owned()),
            (Some(quote), None) => parts.push(format!("quote {}", dialect::shown(quote))),
            (Some(quote), Some(escape)) => {
                parts.push(format!("quote {} with escape {}", dialect::shown(quote), dialect::shown(escape)));
            }
        }
        if !self.header.is_first_record {
            parts.push("no header".to_owned());
        }
        if self.encoding.encoding != encoding_rs::UTF_8 {
            parts.push(self.encoding.encoding.name().to_owned());
        }
        format!("CSV, {}", parts.join(", "))
    }

    /// What was guessed and could be guessed wrongly; the operator should know.
    fn doubts(&self, settings: &CsvSettings) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.encoding.reason == Reason::Fallback {
            let name = self.encoding.encoding.name();
            doubts.push(format!(
                "the text is not UTF-8 and is read as {name}; csv.encoding in processing_config names another encoding"
            ));
        }
        if !self.header.has_names && settings.header.is_none() {
            doubts.push(
                "the first line looks like data, so that columns are matched by their order; \
                 csv.header in processing_config decides otherwise"
                    .to_owned(),
            );
        }
        doubts
    }
}

#[cfg(test)]
mod tests;
