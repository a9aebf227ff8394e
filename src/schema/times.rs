//! Dates and times as text.

use chrono::{Datelike, NaiveDate, NaiveTime};

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The years 1 to 9999 in UTC, in seconds: an offset can lead out of them.
const YEARS: std::ops::Range<i128> = -62_135_596_800..253_402_300_800;

/// A point in time as its text says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Since 1970-01-01T00:00:00Z. Without an offset the text is taken as UTC.
    pub nanos: i128,
    /// Digits after the decimal point of the seconds, 0 to 9.
    pub fraction_digits: usize,
    /// False for a naive time: a wall clock without a zone.
    pub has_offset: bool,
}

/// `YYYY-MM-DD` → days since 1970-01-01.
pub fn date(text: &str) -> Option<i32> {
    Some(calendar_day(text)?.to_epoch_days())
}

/// `YYYY-MM-DDTHH:MM:SS[.f…][Z|±HH:MM]`, with `t`, `z` or a space where RFC 3339 allows them.
pub fn stamp(text: &str) -> Option<Stamp> {
    let (day, rest) = (text.get(..10)?, text.get(10..)?);
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let seconds_of_day = seconds_of_day(clock.get(..8)?)?;
    let (fraction_digits, fraction_nanos, zone) = fraction(clock.get(8..)?)?;
    let (offset, has_offset) = match zone {
        "" => (0, false),
        "Z" | "z" => (0, true),
        zone => (offset_seconds(zone)?, true),
    };
    let seconds = i128::from(date(day)?) * 86_400 + i128::from(seconds_of_day) - i128::from(offset);
    if !YEARS.contains(&seconds) {
        return None;
    }
    Some(Stamp { nanos: seconds * NANOS_PER_SECOND + fraction_nanos, fraction_digits, has_offset })
}

/// The first instant of a day, in nanoseconds.
pub fn midnight(days: i32) -> i128 {
    i128::from(days) * 86_400 * NANOS_PER_SECOND
}

/// True for instants that have a text: the years 1 to 9999 in UTC, given in nanoseconds since 1970.
pub fn is_in_years(nanos: i128) -> bool {
    YEARS.contains(&nanos.div_euclid(NANOS_PER_SECOND))
}

fn calendar_day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?);
    // There is no year 0 in SQL, nor in most of the tools that read the lake.
    NaiveDate::from_ymd_opt(year as i32, month, day).filter(|date| date.year() > 0)
}

/// A leap second (`:60`) has no instant of its own and is not accepted.
fn seconds_of_day(text: &str) -> Option<u32> {
    let bytes = text.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (digits(&bytes[..2])?, digits(&bytes[3..5])?, digits(&bytes[6..])?);
    NaiveTime::from_hms_opt(hour, minute, second).map(|_| hour * 3600 + minute * 60 + second)
}

/// What follows the seconds: digits and nanoseconds of the fraction, and the zone after it.
fn fraction(text: &str) -> Option<(usize, i128, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, 0, text));
    };
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let value = digits(&rest.as_bytes()[..count])?;
    Some((count, i128::from(value) * 10_i128.pow(9 - count as u32), &rest[count..]))
}

fn offset_seconds(zone: &str) -> Option<i32> {
    let bytes = zone.as_bytes();
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(&bytes[1..3])?, digits(&bytes[4..])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let size = (hours * 3600 + minutes * 60) as i32;
    match bytes[0] {
        b'+' => Some(size),
        b'-' => Some(-size),
        _ => None,
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_real_days() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("2024-02-29"), Some(19782));
        for text in [
            "2023-02-29",
            "2024-13-01",
            "0000-01-01",
            "2024-1-01",
            "+024-01-01",
            "2024-01-01 ",
            "２０２４-01",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn stamps_are_instants() {
        for (text, nanos, fraction_digits, has_offset) in [
            ("1970-01-01T00:00:01Z", 1_000_000_000, 0, true),
            ("1970-01-01t00:00:00.5z", 500_000_000, 1, true),
            ("1970-01-01 02:00:00.000000001+02:00", 1, 9, true),
            ("1969-12-31T23:59:59.999999-00:00", -1000, 6, true),
            ("1970-01-01T00:00:00", 0, 0, false),
        ] {
            assert_eq!(stamp(text), Some(Stamp { nanos, fraction_digits, has_offset }), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_time_is_none() {
        for text in [
            "",
            "1970-01-01",
            "1970-01-01T00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T23:59:60Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567890Z",
            "1970-01-01T00:00:00+0100",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00 Z",
            "9999-12-31T23:59:59-01:00",
            "1970-01-01T00:00:0éZ",
            "1970-01-0éT00:00:00Z",
        ] {
            assert_eq!(stamp(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = (date(&text), stamp(&text));
        }

        #[test]
        fn it_agrees_with_chrono(seconds in -62_135_596_800_i64..253_402_300_799, nanos in 0_u32..1_000_000_000) {
            let time = chrono::DateTime::from_timestamp(seconds, nanos).expect("in range");
            let read = stamp(&time.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)).expect("a time");
            proptest::prop_assert_eq!(read.nanos, i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos));
        }
    }
}
