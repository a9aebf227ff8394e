//! Text from outside, made safe to print: a file name or a value never moves a cursor or forges a line.

use std::borrow::Cow;
use std::fmt;

/// `text` with control and direction characters written as escapes (`\n`, `\u{1b}`); borrowed when there are none.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    push_escaped(&mut escaped, text);
    Cow::Owned(escaped)
}

/// Like [`escape`], with line breaks and tabs left alone: for text that is meant to have lines.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unprintable(c) && !matches!(c, '\n' | '\t')) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\t' => escaped.push(c),
            c => push_char(&mut escaped, c),
        }
    }
    Cow::Owned(escaped)
}

/// At most `limit` characters of `text`, escaped; a cut is shown by `…`.
pub fn shorten(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            shown.push('…');
            break;
        }
        push_char(&mut shown, c);
    }
    shown
}

/// Characters that a terminal or a reader would act on rather than show.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn push_escaped(escaped: &mut String, text: &str) {
    text.chars().for_each(|c| push_char(escaped, c));
}

fn push_char(escaped: &mut String, c: char) {
    if is_unprintable(c) {
        escaped.extend(c.escape_default());
    } else {
        escaped.push(c);
    }
}

/// A writer that escapes what passes through it.
pub struct Escaping<'a, W: ?Sized>(pub &'a mut W);

impl<W: fmt::Write + ?Sized> fmt::Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(&escape(text))
    }
}

/// What a panic says of itself.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(escape("a\nb\u{1b}[2J"), r"a\nb\u{1b}[2J");
        assert_eq!(escape("x\u{202e}nosj.exe"), r"x\u{202e}nosj.exe");
        assert_eq!(escape("\u{9b}31m\u{7f}"), r"\u{9b}31m\u{7f}");
    }

    #[test]
    fn ordinary_text_is_left_as_it_is() {
        assert!(matches!(escape("café 🚗 \\ \""), Cow::Borrowed(_)));
        assert_eq!(escape_lines("a\n\tb\r"), "a\n\tb\\r");
    }

    #[test]
    fn a_cut_is_shown() {
        assert_eq!(shorten("abcdef", 3), "abc…");
        assert_eq!(shorten("a\tc", 3), r"a\tc");
    }
}
