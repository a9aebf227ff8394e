//! Cuts a text into the bytes of its records, whatever its shape: an array, lines, an object around one array,
//! objects one after the other. Holds one record at a time.
//!
//! Knows nothing of schemas beyond whether a key is a field, and does not judge what is inside a record.

mod advice;
mod elements;
mod layout;
mod lines;
mod outline;
mod sequence;
mod shape;
mod space;
mod structure;
mod values;
mod window;

use std::fmt;
use std::sync::Arc;

use super::columns::direct::Between;
use super::error::DecodeError;
use super::json::Grammar;
use super::plan::DecodePlan;
use super::records::Tail;
use super::segments::Segments;
use super::source::Source;
use elements::Elements;
use layout::JsonLayout;
use shape::{Clues, Shape};
use values::Extent;
use window::{Piece, Window};

/// The shape of a text is decided within its first bytes.
const PEEK: usize = 1024 * 1024;

/// Tells whether a key at the root of a record belongs to the schema.
pub type Known = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What is known of a file besides its bytes.
pub struct FramingOptions {
    /// The extension tells NDJSON from documents where the content does not.
    pub file_name: String,
    /// Helps to recognise the key of the array that holds the records.
    pub type_name: String,
    /// Keys from the root to the array of records.
    pub records_path: Option<Vec<String>>,
    /// Absent when there is no schema yet.
    pub known: Option<Known>,
    pub grammar: Grammar,
    pub max_record_bytes: usize,
}

/// The records of one text, one after the other.
pub struct Framing {
    window: Window,
    shape: Cutter,
    known: Option<Known>,
    limit: usize,
    number: u64,
    start_of_large: Vec<u8>,
    /// All of the text was at hand from the start.
    whole: bool,
}

#[derive(Debug)]
enum Cutter {
    Lines,
    Elements(Elements),
    Sequence,
    Braceless,
}

/// One record; [`Framing::bytes`] has its text until the next record is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// 1 for the first record.
    pub number: u64,
    /// First byte of the record in the decompressed file.
    pub offset: u64,
    /// The record's bytes, which may be more than were kept.
    pub size: u64,
    /// Nothing, not even a line end, follows the record: it may still be growing.
    pub at_end_of_file: bool,
    kept: Kept,
}

#[derive(Debug, Clone, Copy)]
enum Kept {
    Whole(Piece),
    Start,
}

/// A record that was just cut out.
struct Cut {
    offset: u64,
    extent: Extent,
    ending: Ending,
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Closed,
    EndOfFile,
}

impl Frame {
    /// True when the record was larger than the limit, so that only its start was kept.
    pub fn is_cut(&self) -> bool {
        matches!(self.kept, Kept::Start)
    }
}

impl Framing {
    /// Reads the first part of the text and decides on its shape.
    ///
    /// # Errors
    /// `file.empty`, `json.syntax`, `json.ambiguous_root`, `json.records_path`, or those of reading.
    pub fn open(source: Source, options: FramingOptions) -> Result<Framing, DecodeError> {
        let mut window = Window::new(source, options.grammar);
        let whole = !window.want(PEEK)?;
        let clues = Clues {
            grammar: options.grammar,
            lines: says_lines(&options.file_name),
            records_path: options.records_path.as_deref(),
            known: options.known.as_ref(),
            type_name: &options.type_name,
        };
        let shape = match shape::decide(window.bytes(), whole, &clues) {
            Ok(Some(Shape::Lines)) => Cutter::Lines,
            Ok(Some(Shape::Sequence)) => Cutter::Sequence,
            Ok(Some(Shape::Braceless)) => Cutter::Braceless,
            Ok(Some(Shape::Elements { path, found, bare })) => {
                // Separators before a document mean nothing, but only the start of a record passes over them.
                values::record_start(&mut window)?;
                Cutter::Elements(Elements::new(path, found, bare))
            }
            Ok(None) => {
                return Err(DecodeError::new(
                    "file.empty",
                    "the file holds nothing but white space",
                    "send the file again if it should hold records; an empty array [] says that there are none",
                ));
            }
            Err(refusal) => {
                let at = window.offset() + refusal.at as u64;
                return Err(window.error(refusal.code, at, refusal.message, refusal.hint));
            }
        };
        let limit = options.max_record_bytes;
        Ok(Framing {
            window,
            shape,
            known: options.known,
            limit,
            number: 0,
            start_of_large: Vec::new(),
            whole,
        })
    }

    /// The next record, or `None` at the end of the text.
    ///
    /// # Errors
    /// `json.syntax`, `json.truncated`, `json.depth`, `json.ambiguous_root`, `json.records_path`, or those of
    /// reading. None of them can be passed over.
    #[expect(clippy::should_implement_trait, reason = "a frame is only good until the next one")]
    pub fn next(&mut self) -> Result<Option<Frame>, DecodeError> {
        let window = &mut self.window;
        let cut = match &mut self.shape {
            Cutter::Lines => lines::next(window, self.limit)?,
            Cutter::Sequence => sequence::next(window, self.limit, self.number == 0)?,
            Cutter::Braceless => sequence::braceless(window, self.limit)?,
            Cutter::Elements(elements) => elements.next(window, self.limit, self.known.as_ref())?,
        };
        let Some(Cut { offset, extent, ending }) = cut else {
            return Ok(None);
        };
        let (kept, size) = match extent {
            Extent::Whole(piece) => (Kept::Whole(piece), piece.length as u64),
            Extent::TooLarge { start, size } => {
                self.start_of_large = start;
                (Kept::Start, size)
            }
        };
        self.number += 1;
        let at_end_of_file = ending == Ending::EndOfFile;
        Ok(Some(Frame { number: self.number, offset, size, at_end_of_file, kept }))
    }

    /// The bytes of the record that [`Framing::next`] gave last; only its start when it was too large.
    pub fn bytes(&self, frame: &Frame) -> &[u8] {
        match frame.kept {
            Kept::Whole(piece) => self.window.consumed(piece),
            Kept::Start => &self.start_of_large,
        }
    }

    /// The bytes at hand, if they go on with records, and how these lie in them; the last may be incomplete.
    pub(super) fn at_hand(&self) -> Option<(&[u8], Between)> {
        let between = match &self.shape {
            Cutter::Lines => Between::Lines,
            Cutter::Sequence => Between::Space,
            Cutter::Elements(elements) => Between::Commas { first: elements.is_before_first()? },
            Cutter::Braceless => return None,
        };
        Some((self.window.bytes(), between))
    }

    /// Passes over records that were read from [`Framing::at_hand`].
    pub(super) fn pass(&mut self, records: u64, bytes: usize) {
        self.window.consume(bytes);
        self.number += records;
        if let (Cutter::Elements(elements), true) = (&mut self.shape, records > 0) {
            elements.passed_element();
        }
    }

    /// Records so far.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Place of the first byte at hand in the file.
    pub(super) fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Cuts the text into segments; gives itself back when it cannot be cut, or is not worth it.
    pub(super) fn split(self, plan: &Arc<DecodePlan>, tail: Tail) -> Result<Segments, Box<Framing>> {
        // Tests cut small texts, too.
        if self.number > 0 || (self.whole && !cfg!(any(test, fuzzing))) {
            return Err(Box::new(self));
        }
        let Some(layout) = JsonLayout::of(&self, plan, tail) else {
            return Err(Box::new(self));
        };
        let start = self.window.position(self.window.offset());
        let (carry, source) = self.window.into_parts();
        Ok(Segments::new(Arc::new(layout), source, carry, start))
    }

    /// The whole text, when it was at hand as a whole.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.window.into_text()
    }

    /// By which rules the text is read.
    pub fn grammar(&self) -> Grammar {
        self.window.grammar()
    }

    /// The largest record that is kept whole.
    pub fn max_record_bytes(&self) -> usize {
        self.limit
    }

    /// Members of a document that are not its records, as far as it was read.
    pub fn envelope_members(&self) -> u64 {
        match &self.shape {
            Cutter::Elements(elements) => elements.passed,
            Cutter::Lines | Cutter::Sequence | Cutter::Braceless => 0,
        }
    }

    /// The error of a record that ends with the file before it is complete; `at` counts from the record's start.
    pub(super) fn truncated(&self, frame: &Frame, at: usize) -> DecodeError {
        let place = frame.offset + at as u64;
        self.window.error("json.truncated", place, "the file ends inside its last record", values::SEND_AGAIN)
    }
}

impl fmt::Debug for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framing")
            .field("shape", &self.shape)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

fn says_lines(file_name: &str) -> bool {
    let name = file_name.to_ascii_lowercase();
    let name =
        [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    name.ends_with(".ndjson") || name.ends_with(".jsonl")
}

#[cfg(test)]
mod tests;
