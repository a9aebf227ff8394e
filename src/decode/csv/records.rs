//! The records of one file, or of a segment of it, one after the other.

use std::io::Read;
use std::sync::Arc;

use super::as_json::AsJson;
use super::cutter::{Cut, Cutter, Segment};
use super::dialect::Dialect;
use super::direct;
use super::mapping::Mapping;
use super::rows::{Cursor, Row, Rows};
use super::scan::{self, Ending};
use super::spelling::Nulls;
use super::text::Text;
use super::{OpenOptions, Opened};
use crate::decode::columns::Columns;
use crate::decode::columns::direct::cells::Sources;
use crate::decode::columns::direct::{Most, Run};
use crate::decode::error::{DecodeError, Position};
use crate::decode::json;
use crate::decode::plan::DecodePlan;
use crate::decode::problem::Problem;
use crate::decode::records::Tail;
use crate::schema::field::TableSchema;

/// How one file is read: all that its segments have in common.
#[derive(Debug)]
pub(in crate::decode) struct CsvFile {
    pub(super) dialect: Dialect,
    mapping: Mapping,
    sources: Sources,
    nulls: Nulls,
    schema: Arc<TableSchema>,
    pub(super) has_header: bool,
    tail: Tail,
    limit: usize,
}

/// A file of which the start was read and understood.
pub(in crate::decode) struct OpenedCsv {
    pub file: Arc<CsvFile>,
    pub(super) text: Text,
    pub(super) place: Position,
}

/// Reads record by record.
pub(in crate::decode) struct CsvRecords {
    file: Arc<CsvFile>,
    segments: Supply,
    current: Option<Current>,
    header_due: bool,
    number: u64,
    /// The JSON text of the last record.
    json: String,
    start_of_large: Vec<u8>,
}

/// Where segments come from.
enum Supply {
    Cutter(Box<Cutter>),
    /// One segment of a file.
    One(Option<Segment>),
}

/// A segment that is being read.
struct Current {
    segment: Segment,
    separators: Vec<u32>,
    cursor: Cursor,
    /// Up to this byte the segment is known to be UTF-8.
    clean: usize,
    /// It ends inside quotes.
    is_cut: bool,
}

/// One record, good until the next is asked for.
pub(in crate::decode) struct CsvRecord<'a> {
    /// 1 for the first record; a header is none.
    pub number: u64,
    pub offset: u64,
    pub raw: &'a [u8],
    /// The record as the text of a JSON object, or why it is none.
    pub json: Result<&'a str, Box<Problem>>,
}

impl CsvFile {
    /// Reads the start of a file, and finds out how it is written.
    ///
    /// # Errors
    /// The file is no text with records, its header does not fit the schema, or reading failed.
    pub fn open(
        plan: &DecodePlan,
        reader: Box<dyn Read + Send>,
        file_name: &str,
        tail: Tail,
    ) -> Result<OpenedCsv, DecodeError> {
        let options = plan.options();
        let settings = options.csv.clone().unwrap_or_default();
        let known = plan.known();
        let opened =
            Opened::new(reader, &OpenOptions { file_name, settings: &settings, known: Some(&*known) })?;
        let mapping = Mapping::of(&opened.header, &options.schema, options.on_unknown)?;
        let file = CsvFile {
            dialect: opened.dialect,
            sources: direct::sources(&mapping, &options.schema),
            mapping,
            nulls: Nulls::of(&settings),
            schema: Arc::clone(&options.schema),
            has_header: opened.header.is_first_record,
            tail,
            limit: options.max_record_bytes,
        };
        for doubt in opened.doubts(&settings) {
            (options.on_doubt)(file_name, &doubt);
        }
        let place = opened.place();
        Ok(OpenedCsv { file: Arc::new(file), text: opened.text, place })
    }
}

impl OpenedCsv {
    /// The records of the whole file, in sequence.
    pub fn records(self) -> CsvRecords {
        let header_due = self.file.has_header;
        CsvRecords::rest(self.file, self.text, self.place, header_due, 0)
    }
}

impl CsvRecords {
    /// The records of a text from a place on where one begins.
    pub(super) fn rest(
        file: Arc<CsvFile>,
        text: Text,
        place: Position,
        header_due: bool,
        number: u64,
    ) -> CsvRecords {
        let cutter = Cutter::new(text, file.dialect, file.limit, place, file.tail);
        CsvRecords::new(file, Supply::Cutter(Box::new(cutter)), header_due, number)
    }

    /// The records of one segment, in which the header may still be due.
    pub(super) fn segment(file: Arc<CsvFile>, segment: Segment, header_due: bool) -> CsvRecords {
        CsvRecords::new(file, Supply::One(Some(segment)), header_due, 0)
    }

    /// The records of a piece of text that stands alone.
    pub fn of_text(file: Arc<CsvFile>, bytes: Vec<u8>) -> CsvRecords {
        let segment = Segment { bytes, offset: 0, regularity: scan::Regularity::Irregular, is_open: false };
        CsvRecords::segment(file, segment, false)
    }

    fn new(file: Arc<CsvFile>, segments: Supply, header_due: bool, number: u64) -> CsvRecords {
        let (json, start_of_large) = (String::new(), Vec::new());
        CsvRecords { file, segments, current: None, header_due, number, json, start_of_large }
    }

    /// Takes as many of the next records into `columns` as are usual; perhaps none.
    pub fn take_run(&mut self, columns: &mut Columns, most: Most) -> Run {
        let Some(current) = self.current.as_mut().filter(|_| !self.header_due) else {
            return Run::default();
        };
        let file = &self.file;
        let rows =
            Rows { text: &current.segment.bytes, dialect: &file.dialect, separators: &current.separators };
        let reading = (&file.mapping, &file.sources, &file.nulls);
        // A record that is cut short is for the other road.
        let clean = if current.is_cut || current.segment.is_open {
            current.clean.min(current.segment.bytes.len().saturating_sub(1))
        } else {
            current.clean
        };
        let run = direct::take_run(rows, &mut current.cursor, clean, reading, columns, most);
        columns.place_texts(run.records, self.number, current.segment.offset);
        self.number += run.records;
        run
    }

    /// The next record, or `None` at the end of the file.
    ///
    /// # Errors
    /// `csv.unterminated_quote`, `csv.truncated`, or those of reading. None of them can be passed over.
    pub fn next(&mut self) -> Result<Option<CsvRecord<'_>>, DecodeError> {
        loop {
            if let Some(current) = &mut self.current
                && let Some(row) = current.next(&self.file)
            {
                if current.is_cut && current.is_last(row) {
                    return Err(self.segments.truncated(&[]));
                }
                if std::mem::take(&mut self.header_due) {
                    continue;
                }
                self.number += 1;
                return self.record(row).map(Some);
            }
            match self.segments.next()? {
                None => return Ok(None),
                Some(Cut::Segment(segment)) => self.current = Some(Current::new(segment, &self.file)),
                Some(Cut::TooLarge { start, size, offset }) => {
                    self.number += 1;
                    self.start_of_large = start;
                    let problem = Box::new(Problem::of_size(size, self.file.limit));
                    let raw = &self.start_of_large;
                    return Ok(Some(CsvRecord { number: self.number, offset, raw, json: Err(problem) }));
                }
            }
        }
    }

    fn record(&mut self, row: Row) -> Result<CsvRecord<'_>, DecodeError> {
        let (file, current) =
            (&self.file, self.current.as_mut().expect("a row is one of the current segment"));
        let rows =
            Rows { text: &current.segment.bytes, dialect: &file.dialect, separators: &current.separators };
        let raw = rows.raw(row);
        let offset = current.segment.offset + row.start as u64;
        let may_grow = current.segment.is_open && current.is_last(row) && file.tail == Tail::Growing;
        if may_grow && row.cells < file.mapping.columns.len() {
            return Err(self.segments.truncated(raw));
        }
        // The direct road may go on behind a record that is no text.
        let end = row.start + raw.len();
        if end > current.clean {
            current.clean = end + json::clean_length(&current.segment.bytes[end..]);
        }
        let json = if raw.len() > file.limit {
            Err(Box::new(Problem::of_size(raw.len() as u64, file.limit)))
        } else {
            let writer = AsJson { mapping: &file.mapping, fields: &file.schema.fields, nulls: &file.nulls };
            writer.write(rows, row, &mut self.json).map(|()| self.json.as_str())
        };
        Ok(CsvRecord { number: self.number, offset, raw, json })
    }

    /// The text of the one segment that was read.
    pub fn into_text(self) -> Vec<u8> {
        match (self.current, self.segments) {
            (Some(current), _) => current.segment.bytes,
            (None, Supply::One(Some(segment))) => segment.bytes,
            _ => Vec::new(),
        }
    }
}

impl Supply {
    fn next(&mut self) -> Result<Option<Cut>, DecodeError> {
        match self {
            Supply::Cutter(cutter) => cutter.next(),
            Supply::One(segment) => Ok(segment.take().map(Cut::Segment)),
        }
    }

    /// The error of a last record that is cut short. That of a segment says nothing: the text is read again in sequence.
    fn truncated(&self, record: &[u8]) -> DecodeError {
        match self {
            Supply::Cutter(cutter) => cutter.truncated(record),
            Supply::One(_) => DecodeError::new("csv.truncated", "the segment ends inside a record", ""),
        }
    }
}

impl Current {
    fn new(segment: Segment, file: &CsvFile) -> Current {
        // A record takes a few separators of some bytes each; the guess spares most of the growing.
        let mut separators = Vec::with_capacity(segment.bytes.len() / 5);
        let ending = scan::separators(&segment.bytes, &file.dialect, segment.regularity, &mut separators);
        let clean = json::clean_length(&segment.bytes);
        Current { segment, separators, cursor: Cursor::default(), clean, is_cut: ending != Ending::Outside }
    }

    fn is_last(&self, row: Row) -> bool {
        row.first + row.cells == self.separators.len()
    }

    fn next(&mut self, file: &CsvFile) -> Option<Row> {
        let rows = Rows { text: &self.segment.bytes, dialect: &file.dialect, separators: &self.separators };
        rows.next(&mut self.cursor)
    }
}

impl std::fmt::Debug for CsvRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvRecords")
            .field("file", &self.file)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
