//! Objects one after the other: one alone, or several, on however many lines.

use super::values::{self, Extent, REPAIR};
use super::window::Window;
use super::{Cut, Ending};
use crate::decode::error::DecodeError;

/// The next object.
pub(super) fn next(window: &mut Window, limit: usize, first: bool) -> Result<Option<Cut>, DecodeError> {
    let start = match values::record_start(window)? {
        // A comma stands between two objects, or behind the last.
        Some(b',') if !first && window.is_lenient() => {
            window.consume(1);
            values::record_start(window)?
        }
        start => start,
    };
    match start {
        None => Ok(None),
        Some(b'{') => {
            let offset = window.offset();
            let extent = values::value(window, limit)?;
            Ok(Some(Cut { offset, extent, ending: Ending::Closed }))
        }
        Some(b',') if !first && !window.is_lenient() => Err(window.error(
            "json.syntax",
            window.offset(),
            "commas stand between the objects: the brackets around them are missing",
            "put '[' before the first and ']' behind the last object, or ask the sender to; where they cannot, \"lenient\": true in processing_config takes this as it is",
        )),
        Some(b']' | b'}') if !first => Err(window.error(
            "json.syntax",
            window.offset(),
            "a closing bracket follows the document: it has one too many",
            REPAIR,
        )),
        Some(_) => Err(values::expected(window, "an object or the end of the file")),
    }
}

/// The whole text as one object whose braces are missing.
pub(super) fn braceless(window: &mut Window, limit: usize) -> Result<Option<Cut>, DecodeError> {
    if values::record_start(window)?.is_none() {
        return Ok(None);
    }
    let offset = window.offset();
    let fits = !window.want(limit.saturating_add(1))?;
    let extent = if fits {
        let length = window.bytes().trim_ascii_end().len();
        let piece = window.take(length);
        window.consume(window.bytes().len());
        Extent::Whole(piece)
    } else {
        values::pass_rest(window)?
    };
    Ok(Some(Cut { offset, extent, ending: Ending::EndOfFile }))
}
