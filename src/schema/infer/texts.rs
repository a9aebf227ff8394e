//! What the texts of one place have in common.

use crate::schema::field::{Kind, Resolution};
use crate::schema::times;

/// Which readings hold for every text. A number or a boolean in quotes is a text: its sender said so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Texts {
    micros: bool,
    nanos: bool,
    dates: bool,
}

impl Texts {
    /// Texts and nothing else.
    pub(super) fn plain() -> Texts {
        Texts { micros: false, nanos: false, dates: false }
    }

    pub(super) fn of(text: &str) -> Texts {
        // Only the form that every reader agrees on; the rarer spellings of RFC 3339 stay texts.
        let looks_like_a_stamp = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
        let stamp = if looks_like_a_stamp { times::stamp(text) } else { None };
        let stamp = stamp.filter(|stamp| stamp.has_offset);
        Texts {
            micros: stamp.is_some_and(|stamp| stamp.fraction_digits <= 6),
            nanos: stamp.is_some_and(|stamp| i64::try_from(stamp.nanos).is_ok()),
            dates: times::date(text).is_some(),
        }
    }

    /// True when only `string` is left, whatever follows.
    pub(super) fn is_settled(&self) -> bool {
        !self.micros && !self.nanos && !self.dates
    }

    pub(super) fn merge(&mut self, other: &Texts) {
        self.micros &= other.micros;
        self.nanos &= other.nanos;
        self.dates &= other.dates;
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Texts { micros: true, .. } => Kind::Timestamp { resolution: Resolution::Micros, epoch: None },
            Texts { nanos: true, .. } => Kind::Timestamp { resolution: Resolution::Nanos, epoch: None },
            Texts { dates: true, .. } => Kind::Date,
            _ => Kind::String,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_times_only_when_all_of_them_are() {
        for (texts, expected) in [
            (&["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456+02:00"][..], "timestamp"),
            (&["2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00Z"], "timestamp_ns"),
            (&["2024-01-01T00:00:00.123456789Z", "1600-01-01T00:00:00Z"], "string"),
            (&["1600-01-01T00:00:00Z"], "timestamp"),
            (&["2024-01-01T00:00:00"], "string"),
            (&["2024-01-01 00:00:00Z"], "string"),
            (&["2024-01-01t00:00:00z"], "string"),
            (&["2024-06-30T23:59:60Z"], "string"),
            (&["2024-01-01", "2024-02-29"], "date"),
            (&["2024-01-01", "2024-02-30"], "string"),
            (&["2024-01-01", "2024-01-01T00:00:00Z"], "string"),
            (&["12.50"], "string"),
            (&["true"], "string"),
            (&[""], "string"),
        ] {
            let mut seen = Texts::of(texts[0]);
            texts[1..].iter().for_each(|text| seen.merge(&Texts::of(text)));
            assert_eq!(seen.kind().name(), expected, "{texts:?}");
        }
    }
}
