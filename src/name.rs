//! The name of a file as data.
//!
//! A vendor chooses it: it may hold line breaks, escape sequences, bidirectional overrides or bytes that are no
//! UTF-8. [`FileName::shown`] is the form that goes into the ledger, logs and our own folders: harmless, unique and
//! reversible.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::printable::is_unprintable;

/// The longest file name that the usual file systems take, in bytes.
pub const LONGEST: usize = 255;

/// A file name in both of its forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName {
    raw: OsString,
    shown: String,
}

impl FileName {
    /// The name as a directory listing gave it.
    pub fn from_raw(raw: impl Into<OsString>) -> Self {
        let raw = raw.into();
        let shown = escape(raw.as_bytes());
        Self { raw, shown }
    }

    /// The name as the ledger keeps it.
    pub fn from_shown(shown: &str) -> Self {
        Self { raw: OsString::from_vec(unescape(shown)), shown: shown.to_owned() }
    }

    /// The name on disk.
    pub fn raw(&self) -> &OsStr {
        &self.raw
    }

    /// The escaped name: control characters, invisible direction marks, invalid UTF-8 as `%XX`.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

fn escape(raw: &[u8]) -> String {
    let mut shown = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        let text = chunk.valid();
        for (at, c) in text.char_indices() {
            if is_unprintable(c) || (c == '%' && starts_with_two_hex(&text.as_bytes()[at + 1..])) {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|byte| push_hex(&mut shown, byte));
            } else {
                shown.push(c);
            }
        }
        chunk.invalid().iter().for_each(|&byte| push_hex(&mut shown, byte));
    }
    shown
}

fn push_hex(shown: &mut String, byte: u8) {
    shown.push_str(&format!("%{byte:02X}"));
}

fn starts_with_two_hex(bytes: &[u8]) -> bool {
    bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit)
}

fn unescape(shown: &str) -> Vec<u8> {
    let bytes = shown.as_bytes();
    let mut raw = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' && starts_with_two_hex(&bytes[at + 1..]) {
            let digits = &shown[at + 1..at + 3];
            raw.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            at += 3;
        } else {
            raw.push(bytes[at]);
            at += 1;
        }
    }
    raw
}

/// A name for our own folders: `shown`, marked with `mark` before its extension when that is needed to make it
/// unique, followed by `suffix`, and never longer than a file system takes.
pub fn own_name(shown: &str, mark: Option<&str>, suffix: &str) -> String {
    let (stem, extension) = split_extension(shown);
    let mark = mark.map(|mark| format!(".{mark}")).unwrap_or_default();
    let room = LONGEST - suffix.len();
    let whole = format!("{stem}{mark}{extension}");
    if whole.len() <= room {
        return whole + suffix;
    }
    // Too long: the hash of the whole name keeps shortened names apart.
    let short = &blake3::hash(shown.as_bytes()).to_hex()[..8];
    let tail = format!("~{short}{mark}{extension}");
    let kept = floor_boundary(stem, room.saturating_sub(tail.len()));
    format!("{kept}{tail}{suffix}")
}

/// `orders.json.gz` → (`orders`, `.json.gz`). At most two short extensions count.
fn split_extension(name: &str) -> (&str, &str) {
    let is_extension =
        |part: &str| (1..=10).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let mut cut = name.len();
    for _ in 0..2 {
        match name[..cut].rfind('.') {
            Some(dot) if dot > 0 && is_extension(&name[dot + 1..cut]) => cut = dot,
            _ => break,
        }
    }
    name.split_at(cut)
}

fn floor_boundary(text: &str, mut length: usize) -> &str {
    length = length.min(text.len());
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn harmless_names_stay_as_they_are() {
        for name in ["orders_20220606.json", "café 😀.json", "100%.json", "a%zz.json"] {
            assert_eq!(FileName::from_raw(name).shown(), name);
        }
    }

    #[test]
    fn hostile_names_are_escaped() {
        let shown = |raw: &[u8]| FileName::from_raw(OsStr::from_bytes(raw)).shown().to_owned();
        assert_eq!(shown(b"a\nb.json"), "a%0Ab.json");
        assert_eq!(shown(b"\x1b[31m.json"), "%1B[31m.json");
        assert_eq!(shown(b"\xff\xfe.json"), "%FF%FE.json");
        assert_eq!(shown("a\u{202e}nosj".as_bytes()), "a%E2%80%AEnosj");
        assert_eq!(shown(b"50%25.json"), "50%2525.json");
    }

    #[test]
    fn a_mark_stands_before_the_extension() {
        assert_eq!(own_name("orders.json.gz", Some("0a1b2c3d"), ""), "orders.0a1b2c3d.json.gz");
        assert_eq!(own_name("orders", None, ".error.json"), "orders.error.json");
    }

    proptest! {
        #[test]
        fn escaping_is_reversible(raw in proptest::collection::vec(1u8..=255, 1..80)) {
            let name = FileName::from_raw(OsString::from_vec(raw.clone()));
            prop_assert!(!name.shown().chars().any(char::is_control));
            let back = FileName::from_shown(name.shown());
            prop_assert_eq!(back.raw().as_bytes(), &raw[..]);
        }

        #[test]
        fn own_names_fit_every_file_system(raw in proptest::collection::vec(1u8..=255, 1..255), mark: bool) {
            let name = FileName::from_raw(OsString::from_vec(raw));
            let own = own_name(name.shown(), mark.then_some("0a1b2c3d"), ".rejects.ndjson");
            prop_assert!(own.len() <= LONGEST && own.ends_with(".rejects.ndjson"));
        }
    }
}
