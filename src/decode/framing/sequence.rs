//! Objects one after the other: one alone, or several, on however many lines.

use super::values::{self, REPAIR};
use super::window::Window;
use super::{Cut, Ending};
use crate::decode::error::DecodeError;

/// The next object.
pub(super) fn next(window: &mut Window, limit: usize, first: bool) -> Result<Option<Cut>, DecodeError> {
    match values::record_start(window)? {
        None => Ok(None),
        Some(b'{') => {
            let offset = window.offset();
            let extent = values::value(window, limit)?;
            Ok(Some(Cut { offset, extent, ending: Ending::Closed }))
        }
        Some(b',') if !first => Err(window.error(
            "json.syntax",
            window.offset(),
            "commas stand between the objects: the brackets around them are missing",
            "put '[' before the first and ']' behind the last object, or ask the sender to",
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
