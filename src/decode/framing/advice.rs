//! What to do about a text that is not valid JSON: repair it, or read it by the lenient grammar where that would help.

use crate::decode::json::{self, lenient};

pub(super) const REPAIR: &str = "repair the file, or ask the sender to: every value must be valid JSON";
const REPAIR_OR_LENIENT: &str = "repair the file, or ask the sender to; where they cannot, \"lenient\": true in processing_config takes this as it is";

/// `lenient`: the lenient grammar would read on.
pub(super) fn repair(lenient: bool) -> &'static str {
    if lenient { REPAIR_OR_LENIENT } else { REPAIR }
}

/// True when the lenient grammar gets past the first mistake of the strict one.
pub(super) fn lenient_passes(text: &[u8], mistake: usize) -> bool {
    json::utf8(text).is_ok_and(|text| json::parse_lenient(text).map_or_else(|bad| bad.at > mistake, |_| true))
}

/// True when `text` starts with what only the lenient grammar has where `what` is due.
pub(super) fn lenient_has(text: &[u8], what: &str) -> bool {
    let is_key = what.starts_with("a key");
    match text.first() {
        Some(b'\'' | b'#') => true,
        Some(b'/') => matches!(text.get(1), Some(b'/' | b'*')),
        // The comma before was one too many.
        Some(b'}') => is_key,
        Some(_) => is_key && lenient::starts_with_member(text) || text.starts_with(lenient::BYTE_ORDER_MARK),
        None => false,
    }
}
