//! One record in each line. A broken line costs itself, never its neighbours.

mod joined;

use memchr::memchr;

use super::structure::{Scan, Structure};
use super::values::{self, Extent, KEPT};
use super::window::Window;
use super::{Cut, Ending};
use crate::decode::error::DecodeError;
use crate::decode::json::{Grammar, lenient};

/// The next line that is not blank.
pub(super) fn next(window: &mut Window, limit: usize) -> Result<Option<Cut>, DecodeError> {
    if values::record_start(window)?.is_none() {
        return Ok(None);
    }
    match window.grammar() {
        Grammar::Strict => line(window, limit),
        Grammar::Lenient => joined::next(window, limit),
    }
}

/// The line that starts here.
fn line(window: &mut Window, limit: usize) -> Result<Option<Cut>, DecodeError> {
    let offset = window.offset();
    let mut searched = 0;
    loop {
        let bytes = window.bytes();
        if let Some(step) = memchr(b'\n', &bytes[searched..]) {
            let end = searched + step;
            let length = without_space(&bytes[..end]);
            let extent =
                if length > limit { pass_over(window, end)? } else { Extent::Whole(window.take(length)) };
            return Ok(Some(Cut { offset, extent, ending: Ending::Closed }));
        }
        searched = bytes.len();
        if searched > limit {
            let extent = pass_over(window, searched)?;
            return Ok(Some(Cut { offset, extent, ending: Ending::Closed }));
        }
        if !window.fill()? {
            let length = without_space(window.bytes());
            let extent = Extent::Whole(window.take(length));
            return Ok(Some(Cut { offset, extent, ending: Ending::EndOfFile }));
        }
    }
}

/// The length of a line without the white space at its end: that of JSON, which [`values::record_start`] passes over, and
/// no other, or a line could be empty and never be passed.
fn without_space(line: &[u8]) -> usize {
    line.iter().rposition(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).map_or(0, |last| last + 1)
}

/// Consumes a long line up to its end, of which `scanned` bytes were seen.
fn pass_over(window: &mut Window, scanned: usize) -> Result<Extent, DecodeError> {
    let start = window.bytes()[..scanned.min(KEPT)].to_vec();
    let from = window.offset();
    window.consume(scanned);
    loop {
        if let Some(step) = memchr(b'\n', window.bytes()) {
            window.consume(step);
            break;
        }
        window.consume(window.bytes().len());
        if !window.fill()? {
            break;
        }
    }
    Ok(Extent::TooLarge { start, size: window.offset() - from })
}

/// What one line looks like, by its brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Exactly one object.
    Object,
    /// Exactly one array.
    Array,
    /// Several objects one after the other.
    Objects,
    /// An object or array that goes on behind the line. `inviting`: the line ends where another value is due.
    Open {
        inviting: bool,
    },
    /// A closing bracket first.
    Closer,
    Other,
}

/// Looks at one line.
pub(super) fn form(line: &[u8], grammar: Grammar) -> Form {
    let trimmed = |line| trimmed(line, grammar);
    let mut rest = trimmed(line);
    let mut objects = 0;
    loop {
        let first = match rest.first() {
            None if objects == 1 => return Form::Object,
            None if objects > 1 => return Form::Objects,
            Some(&first @ (b'{' | b'[')) => first,
            Some(b'}' | b']') if objects == 0 => return Form::Closer,
            _ => return Form::Other,
        };
        let mut structure = Structure::starting_with(first, grammar);
        match structure.scan(rest) {
            Scan::End(length) if first == b'[' => {
                let alone = objects == 0 && trimmed(&rest[length..]).is_empty();
                return if alone { Form::Array } else { Form::Other };
            }
            Scan::End(length) => {
                objects += 1;
                rest = trimmed(&rest[length..]);
            }
            Scan::More if objects == 0 && !structure.is_in_string() => {
                return Form::Open { inviting: matches!(rest.last(), Some(b'{' | b'[' | b',' | b':')) };
            }
            Scan::More | Scan::Mismatch { .. } | Scan::TooDeep { .. } => return Form::Other,
        }
    }
}

/// Without the white space around it, and without comments before it.
pub(super) fn trimmed(line: &[u8], grammar: Grammar) -> &[u8] {
    let mut line = line.trim_ascii();
    loop {
        if let (Grammar::Lenient, Ok(at)) = (grammar, lenient::skip_space(line, 0)) {
            line = &line[at..];
        }
        let [0x1e, rest @ ..] = line else { return line };
        line = rest.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        for (line, expected) in [
            ("{\"a\":1}\r", Form::Object),
            ("\u{1e}{\"a\":\"}\"} ", Form::Object),
            ("{\"a\":1,}", Form::Object),
            ("{}{}", Form::Objects),
            ("[{}]", Form::Array),
            ("[{}],", Form::Other),
            ("{", Form::Open { inviting: true }),
            ("{\"a\":[", Form::Open { inviting: true }),
            ("{\"a\":1", Form::Open { inviting: false }),
            ("{\"a\":\"x", Form::Other),
            ("{\"a\":1},", Form::Other),
            ("]}", Form::Closer),
            ("\"a\":1", Form::Other),
            ("", Form::Other),
        ] {
            assert_eq!(form(line.as_bytes(), Grammar::Strict), expected, "{line:?}");
        }
        for (line, expected) in [
            ("{'a': '}'} // {", Form::Object),
            ("/* x */ {a: 1} # b", Form::Object),
            ("{\"a\":1},", Form::Other),
            ("// {}", Form::Other),
            ("{a: [ ", Form::Open { inviting: true }),
        ] {
            assert_eq!(form(line.as_bytes(), Grammar::Lenient), expected, "{line:?}");
        }
    }
}
