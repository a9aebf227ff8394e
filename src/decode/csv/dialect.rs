//! The marks of one CSV text: what ends a cell, what ends a record, what quotes.

/// How one text is to be cut. Marks are ASCII, so that they never occur inside a character of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    pub quote: Option<u8>,
    /// Takes the meaning from a quote inside quotes; without it, a quote is doubled.
    pub escape: Option<u8>,
    pub lines: LineEnds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// `\n`, and `\r\n`. A lone `\r` is data.
    Newline,
    /// `\r` as well: files of old programs, and such files put together with others.
    Any,
}

impl Dialect {
    /// RFC 4180.
    pub const STANDARD: Dialect =
        Dialect { delimiter: b',', quote: Some(b'"'), escape: None, lines: LineEnds::Newline };

    pub fn ends_record(&self, byte: u8) -> bool {
        byte == b'\n' || (byte == b'\r' && self.lines == LineEnds::Any)
    }

    /// The end of a record's last cell, whose line end may be of two bytes.
    pub fn without_line_end(&self, text: &[u8], start: usize, end: usize) -> usize {
        if end > start && text[end - 1] == b'\r' { end - 1 } else { end }
    }
}

/// A mark as a message shows it.
pub(super) fn shown(mark: u8) -> String {
    match mark {
        b'\t' => "tab".to_owned(),
        b' ' => "space".to_owned(),
        mark => format!("'{}'", char::from(mark).escape_default()).replace("\\'", "'"),
    }
}
