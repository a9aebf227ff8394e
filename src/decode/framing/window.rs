//! A sliding view of the text: one reusable buffer, filled in blocks, that remembers how many lines went by.

use crate::decode::error::{DecodeError, Position, sanitised};
use crate::decode::json::Grammar;
use crate::decode::source::Source;

/// Room for the first read: most small files fit, and it costs something to clear.
const FIRST: usize = 64 * 1024;
/// Room that each read of a large file is offered.
const BLOCK: usize = 512 * 1024;
const EXCERPT: usize = 60;
/// Bytes shown before the place of an error.
const CONTEXT: usize = 20;

/// The unread part of a text, as far as it was read from the source.
#[derive(Debug)]
pub(crate) struct Window {
    source: Source,
    buffer: Vec<u8>,
    /// First unread byte in `buffer`.
    start: usize,
    /// One past the last byte in `buffer` that holds text.
    end: usize,
    ended: bool,
    /// Place of `buffer[0]` in the text.
    base: Position,
    grammar: Grammar,
    /// The text ends where it was cut, and goes on elsewhere.
    is_cut: bool,
}

impl Window {
    pub fn new(source: Source, grammar: Grammar) -> Window {
        let base = Position { offset: source.skipped(), line: 1, column: 1 };
        let buffer = vec![0; FIRST];
        Window { source, buffer, start: 0, end: 0, ended: false, base, grammar, is_cut: false }
    }

    /// The rest of a text, of which `source` begins at `place`.
    pub fn at(source: Source, place: Position, grammar: Grammar) -> Window {
        Window { base: place, buffer: vec![0; 2 * BLOCK], ..Window::new(source, grammar) }
    }

    /// A text that is at hand as a whole, or a part of one whose lines are not known.
    pub fn over(text: Vec<u8>, offset: u64, grammar: Grammar) -> Window {
        let base = Position { offset, line: 1, column: 1 };
        let (source, end) = (Source::nothing(), text.len());
        Window { source, buffer: text, start: 0, end, ended: true, base, grammar, is_cut: false }
    }

    /// The same, as a part of a text that goes on behind it.
    pub fn cut(self) -> Window {
        Window { is_cut: true, ..self }
    }

    pub fn grammar(&self) -> Grammar {
        self.grammar
    }

    pub fn is_lenient(&self) -> bool {
        self.grammar == Grammar::Lenient
    }

    /// True for a part of a text: what is open at its end may be closed behind it.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What was read but not consumed, and the source of the rest.
    pub fn into_parts(mut self) -> (Vec<u8>, Source) {
        self.buffer.truncate(self.end);
        self.buffer.drain(..self.start);
        (self.buffer, self.source)
    }

    /// The whole text of [`Window::over`].
    pub fn into_text(self) -> Vec<u8> {
        self.buffer
    }

    /// The unread bytes at hand; more may follow.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Place of the first unread byte in the file.
    pub fn offset(&self) -> u64 {
        self.base.offset + self.start as u64
    }

    pub fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start, "only what is there can be consumed");
        self.start += count;
    }

    /// Reads on; false at the end of the text. Bytes consumed before are gone afterwards.
    ///
    /// # Errors
    /// Those of [`Source::read`].
    pub fn fill(&mut self) -> Result<bool, DecodeError> {
        if self.ended {
            return Ok(false);
        }
        if self.is_crowded() {
            self.discard_consumed();
        }
        if self.is_crowded() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let count = self.source.read(&mut self.buffer[self.end..])?;
        self.end += count;
        self.ended = count == 0;
        Ok(!self.ended)
    }

    /// Reads until `count` unread bytes are at hand; false when the text ends before.
    ///
    /// # Errors
    /// Those of [`Source::read`].
    pub fn want(&mut self, count: usize) -> Result<bool, DecodeError> {
        while self.end - self.start < count {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The bytes of a piece that was taken since the last fill.
    pub fn consumed(&self, piece: Piece) -> &[u8] {
        &self.buffer[piece.start..piece.start + piece.length]
    }

    /// Consumes a piece that can be looked at until the next fill.
    pub fn take(&mut self, length: usize) -> Piece {
        let piece = Piece { start: self.start, length };
        self.consume(length);
        piece
    }

    /// True when there is little room for another read.
    fn is_crowded(&self) -> bool {
        self.buffer.len() - self.end < (BLOCK / 2).min(self.buffer.len() / 2)
    }

    fn discard_consumed(&mut self) {
        if self.start == 0 {
            return;
        }
        self.base = self.position(self.offset());
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Line and column of a place that is still in the buffer.
    pub fn position(&self, offset: u64) -> Position {
        let passed =
            usize::try_from(offset.saturating_sub(self.base.offset)).unwrap_or(usize::MAX).min(self.end);
        self.base.behind(&self.buffer[..passed])
    }

    /// An error at a place that is still in the buffer, with a short excerpt of the text there.
    pub fn error(
        &self,
        code: &'static str,
        offset: u64,
        message: impl Into<String>,
        hint: impl Into<std::borrow::Cow<'static, str>>,
    ) -> DecodeError {
        let mut message = message.into();
        let excerpt = self.excerpt(offset);
        if !excerpt.is_empty() {
            message = format!("{message}, near `{excerpt}`");
        }
        DecodeError::new(code, message, hint).at(self.position(offset))
    }

    fn excerpt(&self, offset: u64) -> String {
        let at = usize::try_from(offset.saturating_sub(self.base.offset)).unwrap_or(usize::MAX).min(self.end);
        let before = &self.buffer[at.saturating_sub(CONTEXT)..at];
        let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
        let mut from = at - line.len();
        while from < at && is_continuation(self.buffer[from]) {
            from += 1;
        }
        let shown = &self.buffer[from..self.end.min(from + 4 * EXCERPT)];
        sanitised(&String::from_utf8_lossy(shown), EXCERPT)
    }
}

/// A run of bytes in the window's buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    start: usize,
    pub length: usize,
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn lines_and_columns_survive_the_sliding() {
        let line = "é".repeat(40_000) + "\n";
        let text = line.repeat(60);
        let source = Source::open(Box::new(Cursor::new(text.clone().into_bytes())), "a").expect("text");
        let mut window = Window::new(source, Grammar::Strict);
        let mut seen = 0;
        while window.want(100_001).expect("memory") {
            window.consume(100_001);
            seen += 100_001;
            let at = window.position(window.offset());
            assert_eq!(at.offset, seen as u64);
            assert_eq!(at.line, 1 + (seen / line.len()) as u64);
            let characters = (seen % line.len()).div_ceil(2) as u64;
            assert_eq!(at.column, 1 + characters);
        }
        assert!(window.buffer.len() <= 4 * BLOCK, "the buffer is reused");
    }
}
