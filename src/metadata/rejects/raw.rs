//! The bytes of a rejected record as text that both databases can hold.

use std::borrow::Cow;

use super::{RawEncoding, RejectRow};
use crate::base64;

/// The longest record that is kept whole.
const LONGEST_RAW: usize = 64 * 1024;

/// Text as it is, anything else as base64, and of a long record its beginning.
pub(super) fn stored(raw: &[u8]) -> (Cow<'_, str>, RawEncoding) {
    if raw.len() > LONGEST_RAW {
        return (String::from_utf8_lossy(up_to(raw, LONGEST_RAW)), RawEncoding::Truncated);
    }
    match std::str::from_utf8(raw) {
        Ok(text) if !text.contains('\0') => (Cow::Borrowed(text), RawEncoding::Text),
        _ => (Cow::Owned(base64::encoded(raw)), RawEncoding::Base64),
    }
}

impl RejectRow {
    /// The exact bytes of the record; `None` when only its beginning is kept here.
    pub fn raw_bytes(&self) -> Option<Vec<u8>> {
        match self.raw_encoding {
            RawEncoding::Text => Some(self.raw.clone().into_bytes()),
            RawEncoding::Base64 => base64::decoded(&self.raw),
            RawEncoding::Truncated => None,
        }
    }

    /// True when these bytes could be those of the record, as far as they are kept here.
    pub fn starts(&self, bytes: &[u8]) -> bool {
        let (kept, encoding) = stored(bytes);
        encoding == self.raw_encoding && kept == self.raw
    }
}

/// The beginning of a text, at most so many bytes, ending between two characters.
pub(super) fn beginning(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

/// Cuts bytes that may be UTF-8 so that no character is cut in half.
fn up_to(bytes: &[u8], longest: usize) -> &[u8] {
    let continues = |at: &usize| bytes[*at] & 0b1100_0000 == 0b1000_0000;
    let end = (longest - 3..=longest).rev().find(|at| !continues(at)).unwrap_or(longest);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_bytes_become_base64() {
        assert_eq!(stored("{\"é\":1}".as_bytes()), ("{\"é\":1}".into(), RawEncoding::Text));
        assert_eq!(stored(b"a\0b"), ("YQBi".into(), RawEncoding::Base64));
        assert_eq!(stored(&[0xff]), ("/w==".into(), RawEncoding::Base64));
    }

    #[test]
    fn a_long_record_keeps_its_beginning_and_whole_characters() {
        let long = format!("{}é{}", "a".repeat(LONGEST_RAW - 1), "b".repeat(9));
        let (kept, encoding) = stored(long.as_bytes());
        assert_eq!(encoding, RawEncoding::Truncated);
        assert_eq!(kept, "a".repeat(LONGEST_RAW - 1));
        assert_eq!(stored(&[0x80; LONGEST_RAW + 1]).1, RawEncoding::Truncated);
    }

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("aé", 2), "a");
        assert_eq!(beginning("aé", 3), "aé");
    }
}
