//! How values are spelled in cells, where JSON has types: numbers, booleans, no value at all.

use std::borrow::Cow;

use crate::schema::field::Kind;
use crate::schema::processing_config::CsvSettings;

/// Spellings of booleans, in any case.
const TRUE: [&[u8]; 5] = [b"true", b"t", b"yes", b"y", b"1"];
const FALSE: [&[u8]; 5] = [b"false", b"f", b"no", b"n", b"0"];

/// Which cells stand for no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nulls {
    words: Vec<Vec<u8>>,
    /// An empty cell is no value.
    pub empty: bool,
}

impl Nulls {
    pub fn of(settings: &CsvSettings) -> Nulls {
        let words = settings.nulls.clone().unwrap_or_else(|| vec![String::new()]);
        let empty = words.iter().any(String::is_empty);
        let words = words.into_iter().filter(|word| !word.is_empty()).map(String::into_bytes).collect();
        Nulls { words, empty }
    }

    /// True when nothing but an empty cell is no value.
    pub fn is_plain(&self) -> bool {
        self.empty && self.words.is_empty()
    }

    /// A text in quotes is a text, also when it is empty.
    pub fn holds_text(&self, text: &[u8], quoted: bool) -> bool {
        !quoted && self.holds(text)
    }

    /// For values that are no texts, quotes and blanks around them mean nothing.
    pub fn holds_value(&self, trimmed: &[u8]) -> bool {
        self.holds(trimmed)
    }

    fn holds(&self, text: &[u8]) -> bool {
        if text.is_empty() { self.empty } else { self.words.iter().any(|word| word == text) }
    }
}

/// True when every byte of a cell counts; other values may stand between blanks.
pub(super) fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::String | Kind::Binary)
}

/// A cell without the blanks around it.
pub(super) fn trimmed(cell: &[u8]) -> &[u8] {
    let mut cell = cell;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = cell {
        cell = rest;
    }
    cell
}

pub(super) fn boolean(cell: &[u8]) -> Option<bool> {
    let is_one_of = |words: &[&[u8]]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    if is_one_of(&TRUE) {
        Some(true)
    } else if is_one_of(&FALSE) {
        Some(false)
    } else {
        None
    }
}

/// The JSON literal of a number: without a plus sign and leading zeros, with a digit on both sides of the point.
pub(super) fn number(cell: &str) -> Option<Cow<'_, str>> {
    let (negative, size) = match cell.as_bytes() {
        [b'-', ..] => (true, &cell[1..]),
        [b'+', ..] => (false, &cell[1..]),
        _ => (false, cell),
    };
    let mantissa_length = size.find(['e', 'E']).unwrap_or(size.len());
    let (mantissa, exponent) = size.split_at(mantissa_length);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !plain(whole) || !plain(fraction) || !is_exponent(exponent)
    {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    let has_point = mantissa.len() > whole.len();
    let is_json = !cell.starts_with('+')
        && (significant.len() == whole.len() && !whole.is_empty() || whole == "0")
        && !(has_point && fraction.is_empty());
    if is_json {
        return Some(Cow::Borrowed(cell));
    }
    let sign = if negative { "-" } else { "" };
    let whole = if significant.is_empty() { "0" } else { significant };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(Cow::Owned(format!("{sign}{whole}{point}{fraction}{exponent}")))
}

/// Nothing, or `e`, perhaps a sign, and digits.
fn is_exponent(text: &str) -> bool {
    let Some(power) = text.strip_prefix(['e', 'E']) else {
        return text.is_empty();
    };
    let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::numbers::Decimal;

    #[test]
    fn numbers_become_json_literals_of_the_same_value() {
        for (cell, literal) in [
            ("0", Some("0")),
            ("-12.50", Some("-12.50")),
            ("1e5", Some("1e5")),
            ("1E+05", Some("1E+05")),
            ("+7", Some("7")),
            ("007", Some("7")),
            ("-000", Some("-0")),
            (".5", Some("0.5")),
            ("-.5e-1", Some("-0.5e-1")),
            ("5.", Some("5")),
            ("00.10", Some("0.10")),
            ("", None),
            (".", None),
            ("-", None),
            ("+-1", None),
            ("1,5", None),
            ("1 000", None),
            ("1e", None),
            ("0x10", None),
            ("NaN", None),
            ("Infinity", None),
            ("1.2.3", None),
            ("١", None),
        ] {
            assert_eq!(number(cell).as_deref(), literal, "{cell:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_a_number_is_one_for_json(cell in "[-+]?[0-9]{0,4}\\.?[0-9]{0,4}(e[-+]?[0-9]{0,2})?") {
            if let Some(literal) = number(&cell) {
                prop_assert!(Decimal::parse(&literal).is_some(), "{literal}");
            }
        }
    }

    #[test]
    fn booleans_have_many_spellings() {
        for (cell, expected) in [
            ("TRUE", Some(true)),
            ("f", Some(false)),
            ("Yes", Some(true)),
            ("N", Some(false)),
            ("1", Some(true)),
            ("0", Some(false)),
            ("2", None),
            ("", None),
            ("on", None),
        ] {
            assert_eq!(boolean(cell.as_bytes()), expected, "{cell}");
        }
    }

    #[test]
    fn blanks_are_taken_away_at_both_ends() {
        assert_eq!(trimmed(b" \t1 2\t "), b"1 2");
        assert_eq!(trimmed(b" \t "), b"");
    }
}
