//! Steps through a document that is too large to hold: the next token, a key, the extent of a value.

pub(super) use super::advice::REPAIR;
use super::advice::{self, repair};
pub(super) use super::space::{record_start, token};
use super::structure::{DEEPEST, Scan, Structure};
use super::window::{Piece, Window};
use crate::decode::error::DecodeError;
use crate::decode::json::{self, Cause, Grammar, SyntaxError};
use crate::decode::value::{Node, Value};

/// Keys and words of an envelope longer than this are not looked at.
const LONGEST_KEY: usize = 64 * 1024;
/// What is kept of a record that is too large.
pub(super) const KEPT: usize = 4 * 1024;

pub(super) const SEND_AGAIN: &str = "the sender may still be writing, or the copy was cut short: send the file again, and rename it in when complete";

/// A value that was cut out of the text.
#[derive(Debug)]
pub(super) enum Extent {
    /// In the window until its next fill.
    Whole(Piece),
    /// Larger than the limit: passed over, its first bytes kept.
    TooLarge { start: Vec<u8>, size: u64 },
}

/// The error of a document in which something else was due here.
pub(super) fn expected(window: &mut Window, what: &str) -> DecodeError {
    let offset = window.offset();
    // Enough bytes for one character or word; a failing read shows itself again at the next fill.
    let _ = window.want(16);
    let start = &window.bytes()[..window.bytes().len().min(16)];
    match String::from_utf8_lossy(start).chars().next() {
        None => {
            window.error("json.truncated", offset, format!("the file ends where {what} is due"), SEND_AGAIN)
        }
        Some(found) => {
            let found = json::name_of(found);
            let hint = repair(window.grammar() == Grammar::Strict && advice::lenient_has(start, what));
            window.error("json.syntax", offset, format!("expected {what}, found {found}"), hint)
        }
    }
}

/// Consumes the value that starts at the first unread byte, and says where it was.
///
/// # Errors
/// The file ends inside the value, its brackets do not match, or reading failed.
pub(super) fn value(window: &mut Window, limit: usize) -> Result<Extent, DecodeError> {
    let Some(&first) = window.bytes().first() else {
        return Err(expected(window, "a value"));
    };
    let mut structure = Structure::starting_with(first, window.grammar());
    let mut scanned = 0;
    loop {
        match structure.scan(&window.bytes()[scanned..]) {
            Scan::End(length) if scanned + length > limit => {
                return Ok(too_large(window, scanned + length));
            }
            Scan::End(length) => return Ok(Extent::Whole(window.take(scanned + length))),
            Scan::More => scanned = window.bytes().len(),
            Scan::Mismatch { at, expected } => return Err(mismatch(window, scanned + at, expected)),
            Scan::TooDeep { at } => return Err(too_deep(window, scanned + at)),
        }
        if scanned > limit {
            return pass_over(window, structure, scanned);
        }
        if !window.fill()? {
            return if structure.is_bare() {
                Ok(Extent::Whole(window.take(scanned)))
            } else {
                Err(ends_inside(window))
            };
        }
    }
}

fn too_large(window: &mut Window, length: usize) -> Extent {
    let start = window.bytes()[..length.min(KEPT)].to_vec();
    window.consume(length);
    Extent::TooLarge { start, size: length as u64 }
}

/// The rest of a value of which `scanned` bytes, all that are at hand, belong to it; nothing more of it is kept.
fn pass_over(window: &mut Window, mut structure: Structure, scanned: usize) -> Result<Extent, DecodeError> {
    let start = window.bytes()[..scanned.min(KEPT)].to_vec();
    let from = window.offset();
    window.consume(scanned);
    loop {
        if !window.fill()? {
            return if structure.is_bare() {
                Ok(Extent::TooLarge { start, size: window.offset() - from })
            } else {
                Err(window.error(
                    "json.truncated",
                    window.offset(),
                    "the file ends inside a value",
                    SEND_AGAIN,
                ))
            };
        }
        match structure.scan(window.bytes()) {
            Scan::End(length) => {
                window.consume(length);
                return Ok(Extent::TooLarge { start, size: window.offset() - from });
            }
            Scan::More => window.consume(window.bytes().len()),
            Scan::Mismatch { at, expected } => return Err(wrong_bracket(window, at, expected)),
            Scan::TooDeep { at } => return Err(too_deep(window, at)),
        }
    }
}

/// The rest of the text, of which only the start is kept.
pub(super) fn pass_rest(window: &mut Window) -> Result<Extent, DecodeError> {
    let start = window.bytes()[..window.bytes().len().min(KEPT)].to_vec();
    let from = window.offset();
    loop {
        window.consume(window.bytes().len());
        if !window.fill()? {
            return Ok(Extent::TooLarge { start, size: window.offset() - from });
        }
    }
}

/// Brackets stop matching some way behind the real mistake (a quote that is missing, say), so the parser is asked
/// for the first one.
fn mismatch(window: &Window, at: usize, expected: u8) -> DecodeError {
    first_mistake(window, at + 1).unwrap_or_else(|| wrong_bracket(window, at, expected))
}

fn wrong_bracket(window: &Window, at: usize, expected: u8) -> DecodeError {
    let found = char::from(window.bytes()[at]);
    let message = format!("expected '{}', found '{found}'", char::from(expected));
    window.error("json.syntax", window.offset() + at as u64, message, REPAIR)
}

fn too_deep(window: &Window, at: usize) -> DecodeError {
    let message = format!("arrays and objects nest deeper than {DEEPEST} levels");
    window.error("json.depth", window.offset() + at as u64, message, REPAIR)
}

/// A file that ends inside a value: truncated, unless what is there is already wrong.
fn ends_inside(window: &Window) -> DecodeError {
    let length = window.bytes().len();
    first_mistake(window, length).unwrap_or_else(|| {
        let end = window.offset() + length as u64;
        window.error("json.truncated", end, "the file ends inside a value", SEND_AGAIN)
    })
}

fn parse_by(grammar: Grammar, bytes: &[u8]) -> Result<Value<'_>, SyntaxError> {
    json::parse_by(grammar, json::utf8(bytes)?)
}

fn first_mistake(window: &Window, length: usize) -> Option<DecodeError> {
    let bytes = &window.bytes()[..length];
    let mistake = parse_by(window.grammar(), bytes).err()?;
    let at = window.offset() + mistake.at as u64;
    match mistake.cause {
        Cause::End(_) | Cause::EndBefore(_) | Cause::Trailing | Cause::Depth | Cause::TooMany => None,
        Cause::Utf8 => Some(window.error(
            "file.encoding",
            at,
            "the bytes are not valid UTF-8",
            "convert the file to UTF-8 (iconv), or ask the sender for it",
        )),
        cause => {
            let hint =
                repair(window.grammar() == Grammar::Strict && advice::lenient_passes(bytes, mistake.at));
            Some(window.error("json.syntax", at, cause.to_string(), hint))
        }
    }
}

/// Consumes a key and its colon; `None` for a key that is too long to matter.
///
/// # Errors
/// Something else is there, or reading failed.
pub(super) fn key(window: &mut Window) -> Result<Option<String>, DecodeError> {
    let first = token(window)?;
    let key = match (first, window.grammar()) {
        (Some(b'"'), _) | (Some(b'\''), Grammar::Lenient) => quoted_key(window)?,
        (_, Grammar::Strict) => return Err(expected(window, "a key in double quotes")),
        (_, Grammar::Lenient) => Some(plain_key(window)?),
    };
    if token(window)? != Some(b':') {
        return Err(expected(window, "':' after a key"));
    }
    window.consume(1);
    Ok(key)
}

/// `None` for a key that is too long to matter.
fn quoted_key(window: &mut Window) -> Result<Option<String>, DecodeError> {
    let offset = window.offset();
    Ok(match value(window, LONGEST_KEY)? {
        Extent::TooLarge { .. } => None,
        Extent::Whole(piece) => match parsed(window, piece, offset)?.node {
            Node::String(key) => Some(key.into_owned()),
            _ => None,
        },
    })
}

/// A key without quotes.
fn plain_key(window: &mut Window) -> Result<String, DecodeError> {
    window.want(LONGEST_KEY)?;
    let bytes = window.bytes();
    let start = &bytes[..json::clean_length(&bytes[..bytes.len().min(LONGEST_KEY)])];
    let key = std::str::from_utf8(start).map(json::lenient::plain_key).unwrap_or_default().to_owned();
    if key.is_empty() {
        return Err(expected(window, "a key"));
    }
    window.consume(key.len());
    Ok(key)
}

/// Consumes a value that is no record. Its structure is followed; a word or number must be a valid one.
///
/// # Errors
/// Broken structure, or reading failed.
pub(super) fn skip(window: &mut Window) -> Result<(), DecodeError> {
    let first = token(window)?;
    let offset = window.offset();
    match first {
        None | Some(b',' | b':' | b']' | b'}') => Err(expected(window, "a value")),
        Some(b'{' | b'[') => value(window, 0).map(drop),
        Some(_) => match value(window, LONGEST_KEY)? {
            Extent::TooLarge { .. } => Ok(()),
            Extent::Whole(piece) => parsed(window, piece, offset).map(drop),
        },
    }
}

fn parsed(window: &Window, piece: Piece, offset: u64) -> Result<Value<'_>, DecodeError> {
    let bytes = window.consumed(piece);
    parse_by(window.grammar(), bytes).map_err(|mistake| {
        let hint = repair(window.grammar() == Grammar::Strict && advice::lenient_passes(bytes, mistake.at));
        window.error("json.syntax", offset + mistake.at as u64, mistake.to_string(), hint)
    })
}
