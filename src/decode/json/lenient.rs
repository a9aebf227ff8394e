//! What the lenient grammar takes beyond strict JSON:
//!
//! - a comma before a closing bracket;
//! - comments: `// …` and `# …` up to the end of the line, `/* … */`. Byte order marks between values are white space;
//! - raw line breaks and other control characters inside strings, kept as they are;
//! - strings and keys in single quotes (with `\'` for one inside), and keys without quotes;
//! - `NaN`, `Infinity`, `-Infinity`;
//! - an object at the root whose braces are missing.
//!
//! Nothing here starts what strict JSON could start at the same place, so strict texts keep their meaning.

use memchr::memchr2;

/// The mark in the middle of a text that was put together from several files.
pub const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A comment that does not end within the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenComment;

/// The place of the next token from `at` on, or the end of the text: white space and comments are passed over.
///
/// # Errors
/// The text ends inside `/* …`.
pub fn skip_space(text: &[u8], mut at: usize) -> Result<usize, OpenComment> {
    loop {
        match text.get(at) {
            Some(b' ' | b'\n' | b'\r' | b'\t') => at += 1,
            Some(b'#') => at = line_end(text, at),
            Some(b'/') => match text.get(at + 1) {
                Some(b'/') => at = line_end(text, at),
                Some(b'*') => at += 2 + block_end(&text[at + 2..]).ok_or(OpenComment)?,
                _ => return Ok(at),
            },
            Some(0xef) if text[at..].starts_with(BYTE_ORDER_MARK) => at += BYTE_ORDER_MARK.len(),
            _ => return Ok(at),
        }
    }
}

/// The line break that ends a comment, or the end of the text.
pub fn line_end(text: &[u8], at: usize) -> usize {
    memchr2(b'\n', b'\r', &text[at..]).map_or(text.len(), |step| at + step)
}

/// Behind the `*/` that ends a comment, counted from behind its `/*`.
pub fn block_end(text: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, b"*/").map(|end| end + 2)
}

/// The key without quotes at the start of `text`; empty when there is none. It starts with a letter, `_` or `$`, and
/// goes on with those, digits, `-` and `.`.
pub fn plain_key(text: &str) -> &str {
    let starts = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    let goes_on = |c: char| starts(c) || c.is_alphanumeric() || c == '-' || c == '.';
    if !text.starts_with(starts) {
        return "";
    }
    &text[..text.find(|c| !goes_on(c)).unwrap_or(text.len())]
}

/// True when a key and a colon come first.
pub fn starts_with_member(text: &[u8]) -> bool {
    let length = match text.first() {
        Some(&quote @ (b'"' | b'\'')) => string_length(text, quote),
        Some(_) => Some(plain_key_length(text)).filter(|length| *length > 0),
        None => None,
    };
    let colon = length.and_then(|length| skip_space(text, length).ok());
    colon.is_some_and(|at| text.get(at) == Some(&b':'))
}

/// [`plain_key`] of bytes of which not all need be text.
fn plain_key_length(text: &[u8]) -> usize {
    /// Longer ones are no keys that someone wrote without quotes.
    const LONGEST: usize = 4096;
    let text = &text[..text.len().min(LONGEST)];
    let clean = match std::str::from_utf8(text) {
        Ok(clean) => clean,
        Err(bad) => std::str::from_utf8(&text[..bad.valid_up_to()]).unwrap_or_default(),
    };
    plain_key(clean).len()
}

/// From the opening quote to behind the closing one.
fn string_length(text: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(quote, b'\\', text.get(at..)?)?;
        if text[at] == quote {
            return Some(at + 1);
        }
        at += 2;
    }
}
