//! The records of one file, parsed but not judged. What inference reads, and the first half of decoding.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use super::columns::Columns;
use super::columns::direct::{Most, Run};
use super::error::DecodeError;
use super::format::Format;
use super::framing::{Frame, Framing, FramingOptions, Known};
use super::json::{self, Grammar, Parsed};
use super::plan::DecodePlan;
use super::problem::Problem;
use super::reject::Reject;
use super::segments::Segments;
use super::source::Source;

/// What follows the reason for which a record was refused.
const LENIENT_WOULD: &str = "\"lenient\": true in processing_config would take it as it is";

/// A record larger than this is refused, unless the options say otherwise.
pub const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// Whether the file may still be growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tail {
    /// A last line that is cut short is an error, `json.truncated`: the caller looks again later.
    #[default]
    Growing,
    /// Nothing will follow: such a line is one reject, like any other broken line.
    Final,
}

/// How the records of a file are found.
#[derive(Clone)]
pub struct RecordOptions {
    /// Its extensions tell NDJSON from documents, and promise a compression, where the content leaves it open.
    pub file_name: String,
    pub format: Format,
    /// The type's key; helps to recognise the array that holds the records.
    pub type_name: String,
    /// Keys from the root to the array of records; found by itself when absent.
    pub records_path: Option<Vec<String>>,
    /// Tells whether a key at the root of a record is a field; absent when there is no schema yet.
    pub known: Option<Known>,
    pub grammar: Grammar,
    pub tail: Tail,
    pub max_record_bytes: usize,
}

impl RecordOptions {
    /// Defaults for a file of this name and type.
    pub fn new(file_name: impl Into<String>, type_name: impl Into<String>) -> Self {
        let file_name = file_name.into();
        RecordOptions {
            format: Format::of_name(&file_name).unwrap_or(Format::Json),
            file_name,
            type_name: type_name.into(),
            records_path: None,
            known: None,
            grammar: Grammar::Strict,
            tail: Tail::default(),
            max_record_bytes: MAX_RECORD_BYTES,
        }
    }
}

/// The JSON records of one file, one after the other.
#[derive(Debug)]
pub struct Records {
    framing: Framing,
    tail: Tail,
    /// Up to this byte of the file the text at hand is known to be UTF-8.
    clean: u64,
}

/// One record, good until the next is asked for.
#[derive(Debug)]
pub struct Record<'a> {
    /// 1 for the first record of the file.
    pub number: u64,
    /// First byte of the record in the decompressed file.
    pub offset: u64,
    /// Its exact bytes; only the first ones when it was too large.
    pub raw: &'a [u8],
    /// The record as a value, or why it is none.
    pub content: Result<Parsed<'a>, Box<Problem>>,
}

impl Records {
    /// Reads the start of the file, and finds out how its records lie in it.
    ///
    /// # Errors
    /// The file is no text with records, or reading failed.
    pub fn new(reader: Box<dyn Read + Send>, options: RecordOptions) -> Result<Records, DecodeError> {
        let RecordOptions {
            file_name,
            format: _,
            type_name,
            records_path,
            known,
            grammar,
            tail,
            max_record_bytes,
        } = options;
        let source = Source::open(reader, &file_name)?;
        let options = FramingOptions { file_name, type_name, records_path, known, grammar, max_record_bytes };
        Records::open(source, options, tail)
    }

    /// As [`Records::new`], from text.
    pub(super) fn open(source: Source, options: FramingOptions, tail: Tail) -> Result<Records, DecodeError> {
        Ok(Records::framed(Framing::open(source, options)?, tail))
    }

    pub(super) fn framed(framing: Framing, tail: Tail) -> Records {
        Records { framing, tail, clean: 0 }
    }

    /// Cuts the text into segments, if it goes on behind its first part and has a shape that can be cut.
    pub(super) fn split(self, plan: &Arc<DecodePlan>) -> Result<Segments, Box<Records>> {
        let Records { framing, tail, clean } = self;
        framing.split(plan, tail).map_err(|framing| Box::new(Records { framing: *framing, tail, clean }))
    }

    /// The whole text, when it was at hand as a whole.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.framing.into_text()
    }

    /// The next record, or `None` at the end of the file.
    ///
    /// # Errors
    /// The file as a whole cannot be read on.
    #[expect(clippy::should_implement_trait, reason = "a record is only good until the next one")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, DecodeError> {
        match self.framing.next()? {
            None => Ok(None),
            Some(frame) => self.record(&frame).map(Some),
        }
    }

    /// Takes as many of the next records into `columns` as can be read without a detour; perhaps none. What comes
    /// next then, [`Records::next`] tells.
    pub(super) fn take_run(&mut self, columns: &mut Columns, most: Most) -> Run {
        let offset = self.framing.offset();
        let Some((text, between)) = self.framing.at_hand() else {
            return Run::default();
        };
        let known = usize::try_from(self.clean.saturating_sub(offset)).unwrap_or(0).min(text.len());
        let clean = known + json::clean_length(&text[known..]);
        let most = Most { record: most.record.min(self.framing.max_record_bytes()), ..most };
        let run = columns.take_run(&text[..clean], between, most);
        columns.place_texts(run.records, self.framing.number(), offset);
        self.clean = offset + clean as u64;
        self.framing.pass(run.records, run.consumed);
        run
    }

    /// Members of an enclosing object that are not its records, as far as the file was read.
    pub fn envelope_members(&self) -> u64 {
        self.framing.envelope_members()
    }

    fn record(&self, frame: &Frame) -> Result<Record<'_>, DecodeError> {
        let raw = self.framing.bytes(frame);
        let content = if frame.is_cut() {
            Err(Box::new(Problem::of_size(frame.size, self.framing.max_record_bytes())))
        } else {
            let grammar = self.framing.grammar();
            match json::utf8(raw).and_then(|text| Parsed::of(text, grammar)) {
                Ok(parsed) => Ok(parsed),
                Err(mistake) if mistake.cause.is_truncation() && self.may_grow(frame) => {
                    return Err(self.framing.truncated(frame, mistake.at));
                }
                Err(mistake) => Err(Box::new(refusal(&mistake, raw, grammar))),
            }
        };
        Ok(Record { number: frame.number, offset: frame.offset, raw, content })
    }

    fn may_grow(&self, frame: &Frame) -> bool {
        frame.at_end_of_file && self.tail == Tail::Growing
    }
}

impl Record<'_> {
    /// The record with what is wrong with it.
    pub(super) fn refused(&self, problem: Problem) -> Reject {
        problem.into_reject(self.number, self.offset, self.raw.to_vec())
    }
}

/// What is wrong with a record, and whether the lenient grammar would take it.
pub(super) fn refusal(mistake: &json::SyntaxError, raw: &[u8], grammar: Grammar) -> Problem {
    let problem = Problem::of_syntax(mistake, raw);
    let would_help =
        grammar == Grammar::Strict && json::utf8(raw).is_ok_and(|text| json::parse_lenient(text).is_ok());
    if would_help { problem.with_advice(LENIENT_WOULD) } else { problem }
}

impl fmt::Debug for RecordOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordOptions")
            .field("file_name", &self.file_name)
            .field("type_name", &self.type_name)
            .finish_non_exhaustive()
    }
}
