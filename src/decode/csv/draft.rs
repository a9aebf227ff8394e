//! What the cells of a whole CSV file say about its type.

use std::io::Read;

use super::cell::{Cell, TextAfterQuote};
use super::cutter::{Cut, Cutter};
use super::rows::Rows;
use super::sniff::Header;
use super::spelling::Nulls;
use super::{OpenOptions, Opened, scan};
use crate::decode::draft::Draft;
use crate::decode::error::DecodeError;
use crate::decode::json::Grammar;
use crate::decode::records::RecordOptions;
use crate::schema::infer::{CellInference, TextCell};
use crate::schema::processing_config::CsvSettings;

/// Reads all records of a file.
///
/// # Errors
/// The file as a whole cannot be read.
pub(in crate::decode) fn draft(
    reader: Box<dyn Read + Send>,
    options: &RecordOptions,
) -> Result<Draft, DecodeError> {
    let settings = CsvSettings::default();
    let open = OpenOptions { file_name: &options.file_name, settings: &settings, known: None };
    let opened = Opened::new(reader, &open)?;
    let mut read_as = vec![opened.described()];
    read_as.extend(opened.doubts(&settings));
    let place = opened.place();
    let Opened { text, dialect, header, .. } = opened;
    let mut reading = Reading::new(&header, Nulls::of(&settings));
    let mut cutter = Cutter::new(text, dialect, options.max_record_bytes, place, options.tail);
    while let Some(cut) = cutter.next()? {
        match cut {
            Cut::TooLarge { size, .. } => {
                reading.broken(&format!("it takes {size} bytes, more than the limit"))
            }
            Cut::Segment(segment) => {
                scan::separators(&segment.bytes, &dialect, segment.regularity, &mut reading.separators);
                let separators = std::mem::take(&mut reading.separators);
                reading.observe(Rows { text: &segment.bytes, dialect: &dialect, separators: &separators });
                reading.separators = separators;
            }
        }
    }
    Ok(reading.finish(&header, read_as.join("; ")))
}

struct Reading {
    inference: CellInference,
    nulls: Nulls,
    columns: usize,
    header_due: bool,
    records: u64,
    broken: u64,
    first_problem: Option<String>,
    separators: Vec<u32>,
}

impl Reading {
    fn new(header: &Header, nulls: Nulls) -> Reading {
        let names = header.columns.iter().map(|named| named.name.clone());
        Reading {
            inference: CellInference::new(names),
            nulls,
            columns: header.columns.len(),
            header_due: header.is_first_record,
            records: 0,
            broken: 0,
            first_problem: None,
            separators: Vec::new(),
        }
    }

    fn observe(&mut self, rows: Rows<'_, '_>) {
        for row in rows.iter() {
            if std::mem::take(&mut self.header_due) {
                continue;
            }
            match rows.read(row) {
                Ok(cells) if cells.len() == self.columns => self.record(&cells),
                Ok(cells) => {
                    let (found, expected) = (cells.len(), self.columns);
                    self.broken(&format!("it has {found} cells, expected {expected}"));
                }
                Err((at, TextAfterQuote(_))) => {
                    self.broken(&format!("cell {} goes on behind its closing quote", at + 1));
                }
            }
        }
    }

    fn record(&mut self, cells: &[Cell<'_>]) {
        let Some(texts) =
            cells.iter().map(|cell| str::from_utf8(&cell.text).ok()).collect::<Option<Vec<_>>>()
        else {
            return self.broken("its bytes are not valid UTF-8");
        };
        self.records += 1;
        let nulls = &self.nulls;
        self.inference.observe(texts.iter().zip(cells).map(|(&text, cell)| {
            let is_null = nulls.holds_value(text.as_bytes());
            (!is_null).then_some(TextCell { text, quoted: cell.quoted })
        }));
    }

    fn broken(&mut self, why: &str) {
        self.broken += 1;
        let number = self.records + self.broken;
        self.first_problem.get_or_insert_with(|| format!("record {number}: {why}"));
    }

    fn finish(self, header: &Header, read_as: String) -> Draft {
        let is_blank = |name: &str| {
            let mut columns = header.columns.iter();
            columns.any(|named| named.name == name && named.instead_of.as_deref() == Some(""))
        };
        let inferred = self.inference.finish(|name| header.has_names && is_blank(name));
        Draft {
            inferred,
            broken: self.broken,
            first_problem: self.first_problem,
            read_as: Some(read_as),
            grammar: Grammar::Strict,
        }
    }
}
