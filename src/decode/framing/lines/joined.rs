//! Lines of a lenient text: a record may go on behind its line, inside a string, a bracket or a comment.
//!
//! What is open at the end of a line goes on in the next ones, up to the line in which it is closed. When one of them
//! looks like the next record, or all of them together are none, the first line is just broken. So a quote that is
//! missing still costs no neighbour.

use memchr::memchr;

use super::{Form, form, line};
use crate::decode::error::DecodeError;
use crate::decode::framing::structure::{Scan, Structure};
use crate::decode::framing::values::{Extent, SEND_AGAIN};
use crate::decode::framing::window::Window;
use crate::decode::framing::{Cut, Ending};
use crate::decode::json::lenient::skip_space;
use crate::decode::json::{self, Grammar};

/// Lines of one record. What is open for longer is a mistake, and looking for its end has a price.
const MOST_LINES: usize = 256;

/// The record that starts here.
pub(super) fn next(window: &mut Window, limit: usize) -> Result<Option<Cut>, DecodeError> {
    let mut progress = Progress::new(window.bytes()[0]);
    let mut seen = 0;
    for number in 0..MOST_LINES {
        let Some(end) = line_end(window, seen, limit)? else {
            break;
        };
        let (text, added) = (&window.bytes()[..end.at], &window.bytes()[seen..end.at]);
        if number > 0 && progress.is_next_record(added) {
            break;
        }
        match progress.add(text, added) {
            State::Broken => break,
            State::Whole if number == 0 || !is_record(text) => break,
            State::Whole => {
                let offset = window.offset();
                let length = super::without_space(text);
                let extent = Extent::Whole(window.take(length));
                let ending = if end.is_last { Ending::EndOfFile } else { Ending::Closed };
                return Ok(Some(Cut { offset, extent, ending }));
            }
            State::Open if end.is_last && window.is_cut() => {
                let place = window.offset() + end.at as u64;
                return Err(window.error(
                    "json.truncated",
                    place,
                    "the text ends inside a record",
                    SEND_AGAIN,
                ));
            }
            State::Open if end.is_last => {
                let cut = line(window, limit)?;
                // Nothing shows that it will not be closed: the file may still be growing.
                return Ok(cut.map(|cut| Cut { ending: Ending::EndOfFile, ..cut }));
            }
            State::Open => seen = end.at,
        }
    }
    line(window, limit)
}

/// Brackets that match by chance make no record of several broken lines.
fn is_record(text: &[u8]) -> bool {
    json::utf8(text).is_ok_and(|text| json::parse_lenient(text).is_ok())
}

struct LineEnd {
    /// Behind the line break, counted from the start of the record.
    at: usize,
    /// The text ends here.
    is_last: bool,
}

/// The end of the line that starts at `from`; `None` when the record grows beyond the limit, or nothing follows.
fn line_end(window: &mut Window, from: usize, limit: usize) -> Result<Option<LineEnd>, DecodeError> {
    let mut searched = from;
    loop {
        let bytes = window.bytes();
        if let Some(step) = memchr(b'\n', &bytes[searched..]) {
            let at = searched + step + 1;
            if at > limit {
                return Ok(None);
            }
            let is_last = at == bytes.len() && !window.want(at + 1)?;
            return Ok(Some(LineEnd { at, is_last }));
        }
        searched = bytes.len();
        if searched > limit {
            return Ok(None);
        }
        if !window.fill()? {
            return Ok((searched > from).then_some(LineEnd { at: searched, is_last: true }));
        }
    }
}

#[derive(Debug, PartialEq)]
enum State {
    /// The record ends with the line.
    Whole,
    Open,
    /// No further line can make a record of it.
    Broken,
}

/// How much of a record was seen.
struct Progress {
    structure: Structure,
    /// Its value ends here.
    end: Option<usize>,
}

impl Progress {
    fn new(first: u8) -> Progress {
        Progress { structure: Structure::starting_with(first, Grammar::Lenient), end: None }
    }

    /// True for a line that is a record by itself; and for one that starts like a record inside a string, which is
    /// more often one whose quote is missing than a text that goes on like this.
    fn is_next_record(&self, line: &[u8]) -> bool {
        let starts_like_one = super::trimmed(line, Grammar::Lenient).starts_with(b"{");
        starts_like_one && (self.structure.is_in_string() || form(line, Grammar::Lenient) == Form::Object)
    }

    /// Takes a further line in; `text` is the record with it.
    fn add(&mut self, text: &[u8], line: &[u8]) -> State {
        if self.end.is_none() {
            match self.structure.scan(line) {
                Scan::End(length) => self.end = Some(text.len() - line.len() + length),
                Scan::More if self.structure.is_bare() => return State::Broken,
                Scan::More => return State::Open,
                Scan::Mismatch { .. } | Scan::TooDeep { .. } => return State::Broken,
            }
        }
        self.end.map_or(State::Open, |end| behind(&text[end..]))
    }
}

/// What stands behind a value: white space, comments, one comma.
fn behind(text: &[u8]) -> State {
    let Ok(at) = skip_space(text, 0) else { return State::Open };
    let rest = text[at..].strip_prefix(b",").unwrap_or(&text[at..]);
    match skip_space(rest, 0) {
        Err(_) => State::Open,
        Ok(at) if at == rest.len() => State::Whole,
        Ok(_) => State::Broken,
    }
}
