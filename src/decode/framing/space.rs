//! White space between tokens; comments, too, where the grammar has them.

use super::values::SEND_AGAIN;
use super::window::Window;
use crate::decode::error::DecodeError;
use crate::decode::json::Grammar;
use crate::decode::json::lenient::{BYTE_ORDER_MARK, block_end, line_end};

/// What separates records besides white space (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

/// Passes over white space; the next byte, or `None` at the end of the text.
///
/// # Errors
/// The text ends inside a comment, or reading failed.
pub(super) fn token(window: &mut Window) -> Result<Option<u8>, DecodeError> {
    next(window, is_space)
}

/// As [`token`], between records: a record separator counts as white space, too.
pub(super) fn record_start(window: &mut Window) -> Result<Option<u8>, DecodeError> {
    next(window, |byte| is_space(byte) || byte == RECORD_SEPARATOR)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn next(window: &mut Window, skipped: impl Fn(u8) -> bool) -> Result<Option<u8>, DecodeError> {
    loop {
        let found = behind_space(window, &skipped)?;
        match found {
            Some(b'#' | b'/' | 0xef) if window.grammar() == Grammar::Lenient => {
                if !pass_more(window)? {
                    return Ok(found);
                }
            }
            _ => return Ok(found),
        }
    }
}

fn behind_space(window: &mut Window, skipped: impl Fn(u8) -> bool) -> Result<Option<u8>, DecodeError> {
    loop {
        let bytes = window.bytes();
        match bytes.iter().position(|&byte| !skipped(byte)) {
            Some(at) => {
                let found = bytes[at];
                window.consume(at);
                return Ok(Some(found));
            }
            None => window.consume(bytes.len()),
        }
        if !window.fill()? {
            return Ok(None);
        }
    }
}

/// Passes over a comment or a byte order mark; false when there is none.
fn pass_more(window: &mut Window) -> Result<bool, DecodeError> {
    window.want(BYTE_ORDER_MARK.len())?;
    match window.bytes() {
        [b'#', ..] | [b'/', b'/', ..] => pass_line(window)?,
        [b'/', b'*', ..] => pass_block(window)?,
        bytes if bytes.starts_with(BYTE_ORDER_MARK) => window.consume(BYTE_ORDER_MARK.len()),
        _ => return Ok(false),
    }
    Ok(true)
}

fn pass_line(window: &mut Window) -> Result<(), DecodeError> {
    loop {
        let bytes = window.bytes();
        let (end, length) = (line_end(bytes, 0), bytes.len());
        window.consume(end);
        if end < length {
            return Ok(());
        }
        if !window.fill()? {
            return if window.is_cut() { Err(ends_inside(window)) } else { Ok(()) };
        }
    }
}

fn pass_block(window: &mut Window) -> Result<(), DecodeError> {
    window.consume(2);
    loop {
        if let Some(end) = block_end(window.bytes()) {
            window.consume(end);
            return Ok(());
        }
        // The last byte may be the star of the end.
        window.consume(window.bytes().len().saturating_sub(1));
        if !window.fill()? {
            window.consume(window.bytes().len());
            return Err(ends_inside(window));
        }
    }
}

fn ends_inside(window: &Window) -> DecodeError {
    window.error("json.truncated", window.offset(), "the file ends inside a comment", SEND_AGAIN)
}
