//! Numbers and strings.

use std::borrow::Cow;

use memchr::memchr2;

use super::parser::Parser;
use super::{Cause, SyntaxError};

impl<'a, const LENIENT: bool> Parser<'a, LENIENT> {
    pub fn number(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.bad_number(start, "a digit must follow the sign")),
        }
        if matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            return Err(self.bad_number(start, "leading zeros are not allowed"));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits_after(start, "a digit must follow the decimal point")?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits_after(start, "a digit must follow the exponent mark")?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn digits_after(&mut self, start: usize, rule: &'static str) -> Result<(), SyntaxError> {
        let first = self.at;
        self.digits();
        if self.at == first { Err(self.bad_number(start, rule)) } else { Ok(()) }
    }

    fn bad_number(&self, start: usize, rule: &'static str) -> SyntaxError {
        if self.at >= self.bytes.len() {
            return self.fail(Cause::End("a number"));
        }
        let end = self.text[self.at..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-')))
            .map_or(self.text.len(), |length| self.at + length);
        let shown: String = self.text[start..end].chars().take(40).collect();
        SyntaxError { at: start, cause: Cause::Number(shown, rule) }
    }

    /// At the opening quote, which is also the closing one.
    pub fn string(&mut self, quote: u8) -> Result<Cow<'a, str>, SyntaxError> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut copied = start;
        loop {
            let Some(step) = memchr2(quote, b'\\', &self.bytes[self.at..]) else {
                self.check_controls(self.at, self.bytes.len())?;
                self.at = self.bytes.len();
                return Err(self.fail(Cause::End("a string")));
            };
            let stop = self.at + step;
            self.check_controls(self.at, stop)?;
            self.at = stop;
            if self.bytes[stop] == quote {
                self.at += 1;
                return Ok(match owned {
                    None => Cow::Borrowed(&self.text[start..stop]),
                    Some(mut text) => {
                        text.push_str(&self.text[copied..stop]);
                        Cow::Owned(text)
                    }
                });
            }
            let text = owned.get_or_insert_with(String::new);
            text.push_str(&self.text[copied..stop]);
            let unescaped = self.escape()?;
            text.push(unescaped);
            copied = self.at;
        }
    }

    fn check_controls(&mut self, from: usize, to: usize) -> Result<(), SyntaxError> {
        if LENIENT {
            return Ok(());
        }
        match self.bytes[from..to].iter().position(|&byte| byte < 0x20) {
            None => Ok(()),
            Some(step) => {
                self.at = from + step;
                Err(self.fail(Cause::ControlCharacter(u32::from(self.bytes[self.at]))))
            }
        }
    }

    /// At a backslash: the character that the escape stands for.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let simple = match self.bytes.get(self.at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'\'') if LENIENT => '\'',
            Some(b'u') => return self.unicode_escape(start),
            None => return Err(self.fail(Cause::End("an escape"))),
            Some(_) => {
                let shown = self.text[start..].chars().take(2).collect();
                return Err(SyntaxError { at: start, cause: Cause::Escape(shown) });
            }
        };
        self.at += 1;
        Ok(simple)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        self.at += 1;
        let first = self.four_hex(start)?;
        let code = match first {
            0xD800..=0xDBFF => {
                if self.bytes.len() - self.at < 2 && !self.bytes[self.at..].contains(&b'"') {
                    self.at = self.bytes.len();
                    return Err(self.fail(Cause::End("an escape")));
                }
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(self.lone_surrogate(start));
                }
                self.at += 2;
                match self.four_hex(start)? {
                    second @ 0xDC00..=0xDFFF => 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                    _ => return Err(self.lone_surrogate(start)),
                }
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.lone_surrogate(start))
    }

    fn lone_surrogate(&self, start: usize) -> SyntaxError {
        let shown = self.text[start..].chars().take(6).collect();
        SyntaxError { at: start, cause: Cause::LoneSurrogate(shown) }
    }

    fn four_hex(&mut self, start: usize) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.fail(Cause::End("an escape")));
            };
            let Some(digit) = char::from(byte).to_digit(16) else {
                let shown = self.text[start..].chars().take(6).collect();
                return Err(SyntaxError { at: start, cause: Cause::Escape(shown) });
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}
