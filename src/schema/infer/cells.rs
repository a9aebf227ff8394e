//! The type of a column whose values are cells of text, which say nothing about their types.
//!
//! The promise is that of all inference: what was observed comes back from its column as it was. So leading zeros, a
//! plus sign or a name like `12E5` make a text of a number, and one cell that is no number makes texts of all.

use super::numbers::Numbers;
use super::shape::Shape;
use super::texts::Texts;
use crate::schema::field::Kind;

/// What the cells of one column have in common. Empty cells leave no trace.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    seen: Option<Seen>,
    /// A number stood in quotes.
    pub(super) quoted_numbers: bool,
    /// A number stood without quotes.
    pub(super) plain_numbers: bool,
}

#[derive(Debug, Clone)]
enum Seen {
    Booleans,
    Numbers(Numbers),
    Texts(Texts),
}

impl Cells {
    pub(super) fn observe(&mut self, text: &str, quoted: bool) {
        let cell = match &mut self.seen {
            Some(Seen::Texts(texts)) => {
                if !texts.is_settled() {
                    texts.merge(&Texts::of(text));
                }
                return;
            }
            _ => text.trim_matches([' ', '\t']),
        };
        let is_number = is_number(cell.as_bytes());
        self.quoted_numbers |= is_number && quoted;
        self.plain_numbers |= is_number && !quoted;
        self.seen = Some(match self.seen.take() {
            Some(Seen::Numbers(mut numbers)) if is_number => {
                numbers.merge(&Numbers::of(cell));
                Seen::Numbers(numbers)
            }
            None if is_number => Seen::Numbers(Numbers::of(cell)),
            None | Some(Seen::Booleans) if is_boolean(cell.as_bytes()) => Seen::Booleans,
            None => Seen::Texts(Texts::of(text)),
            // Of different kinds, only their texts are common; those of earlier cells were no times.
            Some(_) => Seen::Texts(Texts::plain()),
        });
    }

    /// Takes over what was seen of the same column elsewhere.
    pub(super) fn merge(&mut self, other: Cells) {
        self.quoted_numbers |= other.quoted_numbers;
        self.plain_numbers |= other.plain_numbers;
        self.seen = match (self.seen.take(), other.seen) {
            (None, seen) | (seen, None) => seen,
            (Some(Seen::Booleans), Some(Seen::Booleans)) => Some(Seen::Booleans),
            (Some(Seen::Numbers(mut numbers)), Some(Seen::Numbers(others))) => {
                numbers.merge(&others);
                Some(Seen::Numbers(numbers))
            }
            (Some(Seen::Texts(mut texts)), Some(Seen::Texts(others))) => {
                texts.merge(&others);
                Some(Seen::Texts(texts))
            }
            _ => Some(Seen::Texts(Texts::plain())),
        };
    }

    pub(super) fn is_unseen(&self) -> bool {
        self.seen.is_none()
    }

    /// `quotes_mean_text`: the sender leaves numbers unquoted elsewhere, so that those in quotes are texts.
    pub(super) fn into_shape(self, quotes_mean_text: bool) -> Shape {
        match self.seen {
            Some(Seen::Booleans) => Shape::Booleans,
            Some(Seen::Numbers(numbers)) if !(self.quoted_numbers && quotes_mean_text) => {
                match numbers.kind() {
                    Kind::Json => Shape::Texts(Texts::plain()),
                    _ => Shape::Numbers(numbers),
                }
            }
            Some(Seen::Texts(texts)) => Shape::Texts(texts),
            Some(Seen::Numbers(_)) | None => Shape::Texts(Texts::plain()),
        }
    }
}

/// True for a cell that is no mere text: a number, a boolean, a date, a time.
pub fn looks_typed(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    let starts_with_date = || {
        let day = cell.get(..10).and_then(|day| str::from_utf8(day).ok());
        day.is_some_and(|day| crate::schema::times::date(day).is_some())
    };
    is_number(cell) || is_boolean(cell) || starts_with_date()
}

fn is_boolean(cell: &[u8]) -> bool {
    cell.eq_ignore_ascii_case(b"true") || cell.eq_ignore_ascii_case(b"false")
}

/// A number as programs write it: no leading zeros, no plus sign, and an exponent only beside a sign or a point,
/// since `12E5` may be a name.
fn is_number(cell: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let size = cell.strip_prefix(b"-").unwrap_or(cell);
    let whole = digits(size);
    if whole == 0 || (whole > 1 && size[0] == b'0') || size == b"0" && cell.len() > 1 {
        return false;
    }
    let rest = &size[whole..];
    let (has_point, rest) = match rest.strip_prefix(b".") {
        None => (false, rest),
        Some(fraction) => match digits(fraction) {
            0 => return false,
            count => (true, &fraction[count..]),
        },
    };
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let unsigned = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+"));
            let power = unsigned.unwrap_or(exponent);
            (has_point || unsigned.is_some()) && !power.is_empty() && digits(power) == power.len()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str], quotes_mean_text: bool) -> String {
        let mut seen = Cells::default();
        for cell in cells {
            let inner = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
            seen.observe(inner.unwrap_or(cell), inner.is_some());
        }
        match seen.into_shape(quotes_mean_text) {
            Shape::Booleans => "boolean".to_owned(),
            Shape::Numbers(numbers) => numbers.kind().name(),
            Shape::Texts(texts) => texts.kind().name(),
            _ => "other".to_owned(),
        }
    }

    #[test]
    fn cells_get_the_type_that_keeps_them_as_they_are() {
        for (cells, expected) in [
            (&["1", "-20", " 3"][..], "long"),
            (&["1", "2.50"], "double"),
            (&["1e-05", "1.5E7"], "double"),
            (&["12E5", "12"], "string"),
            (&["007", "12"], "string"),
            (&["12", "007"], "string"),
            (&["-0"], "string"),
            (&["+49"], "string"),
            (&[".5"], "string"),
            (&["5."], "string"),
            (&["1,5"], "string"),
            (&["12345678901234567890", "1"], "decimal(38,0)"),
            (&["123456789012345678901234567890123456789"], "string"),
            (&["1e400", "1e+400"], "string"),
            (&["true", "False"], "boolean"),
            (&["true", "1"], "string"),
            (&["yes"], "string"),
            (&["2024-01-01", "2024-02-29"], "date"),
            (&["2024-01-01", "2024-02-30"], "string"),
            (&["2024-01-01T00:00:00Z"], "timestamp"),
            (&["2024-01-01 00:00:00"], "string"),
            (&["1", "2024-01-01"], "string"),
            (&["2024-01-01", "1"], "string"),
            (&[], "string"),
            (&["NaN"], "string"),
        ] {
            assert_eq!(kind(cells, false), expected, "{cells:?}");
        }
    }

    #[test]
    fn quotes_mean_text_where_the_sender_quotes_with_care() {
        assert_eq!(kind(&["\"1\"", "\"2\""], false), "long");
        assert_eq!(kind(&["\"1\"", "\"2\""], true), "string");
        assert_eq!(kind(&["1", "2"], true), "long");
    }
}
