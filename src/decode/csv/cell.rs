//! The bytes between two separators → what they say.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::dialect::Dialect;

/// What a cell says, and whether it was quoted: an empty cell is no value, an empty text in quotes is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    pub text: Cow<'a, [u8]>,
    pub quoted: bool,
}

/// A quoted cell that goes on behind its closing quote; the position of what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextAfterQuote(pub usize);

impl<'a> Cell<'a> {
    pub fn of(raw: &'a [u8], dialect: &Dialect) -> Result<Cell<'a>, TextAfterQuote> {
        match dialect.quote {
            Some(quote) if raw.first() == Some(&quote) => unquoted(raw, quote, dialect.escape),
            _ => Ok(Cell { text: Cow::Borrowed(raw), quoted: false }),
        }
    }
}

fn unquoted(raw: &[u8], quote: u8, escape: Option<u8>) -> Result<Cell<'_>, TextAfterQuote> {
    let cell = |text| Ok(Cell { text, quoted: true });
    match close(raw, 1, quote, escape) {
        Some(after) if after == raw.len() => {}
        Some(after) => return Err(TextAfterQuote(after)),
        // Only the end of a sample ends inside quotes.
        None => return Err(TextAfterQuote(raw.len())),
    }
    let inner = &raw[1..raw.len() - 1];
    let marked = match escape {
        Some(escape) => memchr2(quote, escape, inner).is_some(),
        None => memchr(quote, inner).is_some(),
    };
    if !marked {
        return cell(Cow::Borrowed(inner));
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        let byte = inner[at];
        let next = inner.get(at + 1).copied();
        // Only quotes and escapes are escaped; of anything else, both bytes count.
        let is_mark = byte == quote || Some(byte) == escape;
        if is_mark && (next == Some(quote) || (Some(byte) == escape && next == escape)) {
            at += 1;
        }
        text.push(inner[at]);
        at += 1;
    }
    cell(Cow::Owned(text))
}

/// One past the quote that closes a cell, of which `from` is the first byte inside.
pub(super) fn close(text: &[u8], from: usize, quote: u8, escape: Option<u8>) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        at += match escape {
            Some(escape) => memchr2(quote, escape, rest)?,
            None => memchr(quote, rest)?,
        };
        let is_quote = text[at] == quote;
        if is_quote && text.get(at + 1) != Some(&quote) {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str, escape: Option<u8>) -> String {
        match Cell::of(raw.as_bytes(), &Dialect { escape, ..Dialect::STANDARD }) {
            Ok(cell) => {
                format!("{}{}", if cell.quoted { "q:" } else { "" }, String::from_utf8_lossy(&cell.text))
            }
            Err(TextAfterQuote(at)) => format!("after {at}"),
        }
    }

    #[test]
    fn quotes_are_taken_away_and_nothing_else() {
        for (raw, expected) in [
            ("", ""),
            (" a ", " a "),
            ("a\"b", "a\"b"),
            ("\"\"", "q:"),
            ("\"a,b\"", "q:a,b"),
            ("\"a\"\"b\"", "q:a\"b"),
            ("\"\"\"\"", "q:\""),
            ("\"a\\\"\"b\"", "q:a\\\"b"),
            ("\"a\"b", "after 3"),
            ("\"\"a", "after 2"),
            ("\"a\" ", "after 3"),
            ("\"", "after 1"),
            ("\"a", "after 2"),
        ] {
            assert_eq!(read(raw, None), expected, "{raw}");
        }
    }

    #[test]
    fn an_escape_takes_the_meaning_from_quotes_and_escapes() {
        for (raw, expected) in [
            ("\"a\\\"b\"", "q:a\"b"),
            ("\"a\\\\\"", "q:a\\"),
            ("\"C:\\new\"", "q:C:\\new"),
            ("\"a\"\"b\"", "q:a\"b"),
            ("a\\,b", "a\\,b"),
        ] {
            assert_eq!(read(raw, Some(b'\\')), expected, "{raw}");
        }
    }
}
