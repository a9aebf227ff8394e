//! A place in the text of a record, and the steps that every value takes.

use crate::decode::json::MAX_DEPTH;

use super::text::plain_end;

/// Reads forward. Every step that is not sure of itself gives `None`; where the reader is then says nothing.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    /// Known to be UTF-8.
    pub text: &'t [u8],
    pub at: usize,
    /// Objects and arrays that are open.
    depth: usize,
    /// A record ends with its line: inside it, a line break is no white space.
    in_line: bool,
}

impl<'t> Reader<'t> {
    /// `in_line`: each record ends with its line.
    pub fn new(text: &'t [u8], in_line: bool) -> Self {
        Reader { text, at: 0, depth: 0, in_line }
    }

    /// Goes behind a record, and over the white space there.
    pub fn start(&mut self, at: usize) {
        self.at = at;
        self.depth = 0;
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    #[inline]
    pub fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    pub fn space(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\r' | b'\t' => {}
                b'\n' if !self.in_line => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    #[inline]
    pub fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Steps over an opening bracket.
    #[inline]
    pub fn open(&mut self, bracket: u8) -> Option<()> {
        self.expect(bracket)?;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    /// Steps over a closing bracket if it comes next.
    #[inline]
    pub fn closes(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
            self.depth -= 1;
        }
        closes
    }

    /// After a member or an item: true behind the closing bracket, false before the next one.
    #[inline]
    pub fn next_or_close(&mut self, bracket: u8) -> Option<bool> {
        if self.peek()? != b',' {
            self.space();
        }
        if self.closes(bracket) {
            return Some(true);
        }
        self.expect(b',')?;
        self.space();
        Some(false)
    }

    pub fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    /// The bytes of a string without escapes, behind its opening quote up to behind its closing one.
    #[inline]
    pub fn plain_string(&mut self) -> Option<&'t [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        let end = plain_end(self.text, start);
        self.at = end;
        self.expect(b'"')?;
        Some(&self.text[start..end])
    }

    /// The exact text of any value, known to be valid.
    pub fn any(&mut self) -> Option<&'t [u8]> {
        let start = self.at;
        self.pass()?;
        Some(&self.text[start..self.at])
    }

    fn pass(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.pass_string(),
            b'{' => {
                self.open(b'{')?;
                self.space();
                if self.closes(b'}') {
                    return Some(());
                }
                loop {
                    self.pass_string()?;
                    self.colon()?;
                    self.pass()?;
                    if self.next_or_close(b'}')? {
                        return Some(());
                    }
                }
            }
            b'[' => {
                self.open(b'[')?;
                self.space();
                if self.closes(b']') {
                    return Some(());
                }
                loop {
                    self.pass()?;
                    if self.next_or_close(b']')? {
                        return Some(());
                    }
                }
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => {
                self.at += super::number::literal_length(self.rest())?;
                Some(())
            }
        }
    }

    /// A string, with escapes or without.
    fn pass_string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        let end = plain_end(self.text, self.at);
        if self.text.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Some(());
        }
        // Escapes in values that are only passed over are rare, so that writing them down costs nothing.
        self.at = super::text::unescape(self.text, self.at, &mut Vec::new())?;
        Some(())
    }

    /// The colon behind a key, with white space around it.
    #[inline]
    pub fn colon(&mut self) -> Option<()> {
        self.space();
        self.expect(b':')?;
        self.space();
        Some(())
    }
}
