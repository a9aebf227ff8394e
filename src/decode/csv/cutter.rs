//! A text → segments of whole records, in order. Each can be decoded by itself, on any thread.

use super::dialect::{Dialect, LineEnds};
use super::scan::{self, Ending, Regularity};
use super::text::Text;
use crate::decode::error::{DecodeError, Position};
use crate::decode::records::Tail;

/// Segments have about this size, unless a single record is larger.
const SEGMENT: usize = 1024 * 1024;

/// Bytes kept of a record that is too large.
const KEPT: usize = 64 * 1024;

/// Some whole records.
#[derive(Debug)]
pub(super) struct Segment {
    pub bytes: Vec<u8>,
    /// Place of its first byte in the text.
    pub offset: u64,
    pub regularity: Regularity,
    /// The text ends here, and without a line end.
    pub is_open: bool,
}

#[derive(Debug)]
pub(super) enum Cut {
    Segment(Segment),
    /// A record past the limit: its first bytes, its size, its place.
    TooLarge {
        start: Vec<u8>,
        size: u64,
        offset: u64,
    },
}

pub(super) struct Cutter {
    text: Text,
    dialect: Dialect,
    limit: usize,
    /// Text that was read and belongs to no segment yet; begins with a record.
    rest: Vec<u8>,
    /// Place of `rest` in the text, in bytes and lines.
    offset: u64,
    line: u64,
    ended: bool,
    tail: Tail,
}

impl Cutter {
    pub fn new(text: Text, dialect: Dialect, max_record_bytes: usize, place: Position, tail: Tail) -> Cutter {
        Cutter {
            text,
            dialect,
            limit: max_record_bytes,
            rest: Vec::new(),
            offset: place.offset,
            line: place.line,
            ended: false,
            tail,
        }
    }

    /// The next part of the text, or `None` at its end.
    ///
    /// # Errors
    /// `csv.unterminated_quote`, or those of reading. Nothing can be cut after that.
    pub fn next(&mut self) -> Result<Option<Cut>, DecodeError> {
        let mut wanted = SEGMENT;
        loop {
            while self.rest.len() < wanted && !self.ended {
                self.ended = !self.text.read(&mut self.rest)?;
            }
            if self.rest.is_empty() {
                return Ok(None);
            }
            let (boundary, regularity) = scan::last_boundary(&self.rest, &self.dialect);
            if self.ended {
                return self.last(boundary, regularity).map(Some);
            }
            match boundary {
                Some(end) => return Ok(Some(Cut::Segment(self.split(end, regularity, false)))),
                None if self.rest.len() > self.limit => return self.too_large().map(Some),
                None => wanted = self.rest.len() * 2,
            }
        }
    }

    /// What is left at the end of the text.
    fn last(&mut self, boundary: Option<usize>, regularity: Regularity) -> Result<Cut, DecodeError> {
        let start = boundary.unwrap_or(0);
        let open = &self.rest[start..];
        if let Ending::InQuotes(at) = scan::walk(open, &self.dialect, |_, _| {}) {
            if start > 0 {
                // The records before come first.
                return Ok(Cut::Segment(self.split(start, regularity, false)));
            }
            return Err(match self.tail {
                Tail::Growing => self.cut_short("the file ends inside the quotes that open here", at),
                Tail::Final => self.unterminated(at, "the quote that opens here is never closed".to_owned()),
            });
        }
        if open.len() > self.limit && start == 0 {
            return self.too_large();
        }
        if open.len() > self.limit {
            return Ok(Cut::Segment(self.split(start, regularity, false)));
        }
        let is_open = !open.is_empty();
        Ok(Cut::Segment(self.split(self.rest.len(), regularity, is_open)))
    }

    fn split(&mut self, end: usize, regularity: Regularity, is_open: bool) -> Segment {
        let rest = self.rest[end..].to_vec();
        let mut bytes = std::mem::replace(&mut self.rest, rest);
        bytes.truncate(end);
        let offset = self.offset;
        self.pass(&bytes);
        Segment { bytes, offset, regularity, is_open }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.line += lines(bytes, &self.dialect);
    }

    /// A record that does not end within the limit is passed over, unless it may be the whole rest of the file.
    fn too_large(&mut self) -> Result<Cut, DecodeError> {
        if let Ending::InQuotes(at) = scan::walk(&self.rest, &self.dialect, |_, _| {}) {
            let message = format!(
                "the quote that opens here is not closed within {} bytes, the limit for a record",
                self.limit
            );
            return Err(self.unterminated(at, message));
        }
        let (offset, start) = (self.offset, self.rest[..self.rest.len().min(KEPT)].to_vec());
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| self.dialect.ends_record(byte)) {
                let rest = self.rest.split_off(end + 1);
                let passed = std::mem::replace(&mut self.rest, rest);
                self.pass(&passed);
                return Ok(Cut::TooLarge { start, size: self.offset - 1 - offset, offset });
            }
            let passed = std::mem::take(&mut self.rest);
            self.pass(&passed);
            self.ended = !self.text.read(&mut self.rest)?;
            if self.ended {
                return Ok(Cut::TooLarge { start, size: self.offset - offset, offset });
            }
        }
    }

    /// The error of a record that is the last, has too few cells, and ends without a line end.
    pub fn truncated(&self, record: &[u8]) -> DecodeError {
        let offset = self.offset - record.len() as u64;
        let place = Position { offset, line: self.line, column: 1 };
        truncated("the file ends inside its last record").at(place)
    }

    fn cut_short(&self, message: &str, at: usize) -> DecodeError {
        truncated(message).at(self.position(at))
    }

    /// `at` counts from the start of the rest.
    fn unterminated(&self, at: usize, message: String) -> DecodeError {
        let hint = "close the quote in that line, or double it if it is data; if quotes have no meaning in these files, \
                    set {\"csv\": {\"quote\": \"\"}} in the type's processing_config";
        DecodeError::new("csv.unterminated_quote", message, hint).at(self.position(at))
    }

    fn position(&self, at: usize) -> Position {
        let before = &self.rest[..at];
        let line_start =
            before.iter().rposition(|&byte| self.dialect.ends_record(byte)).map_or(0, |end| end + 1);
        let column = 1 + before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
        Position { offset: self.offset + at as u64, line: self.line + lines(before, &self.dialect), column }
    }
}

fn truncated(message: &str) -> DecodeError {
    let hint = "the copy was cut short, or is not complete yet: send the file again, and rename it in when it is complete";
    DecodeError::new("csv.truncated", message, hint)
}

/// Line ends in a text, those inside quotes included; `\r\n` is one.
pub(super) fn lines(text: &[u8], dialect: &Dialect) -> u64 {
    let newlines = memchr::memchr_iter(b'\n', text).count();
    let lone = match dialect.lines {
        LineEnds::Newline => 0,
        LineEnds::Any => {
            memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count()
        }
    };
    (newlines + lone) as u64
}
