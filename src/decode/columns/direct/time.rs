//! Dates and times in their usual spelling, straight from bytes. Any other spelling goes to
//! [`crate::schema::times`], which alone decides what a time is.

const SECONDS_PER_DAY: i64 = 86_400;
const YEARS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// A point in time as its text says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) struct Instant {
    /// Since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    pub nanos: u32,
    /// False for a wall clock without a zone.
    pub has_offset: bool,
}

/// `YYYY-MM-DD` → days since 1970-01-01; `None` for everything else.
#[inline]
pub(in crate::decode) fn date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.try_into().ok()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text else { return None };
    let year = u32::from(two(y0, y1)?) * 100 + u32::from(two(y2, y3)?);
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    Some(days_since_1970(year, month, day))
}

/// `YYYY-MM-DDTHH:MM:SS`, with up to nine digits of a fraction, and `Z`, `±HH:MM` or nothing behind.
#[inline]
pub(in crate::decode) fn instant(text: &[u8]) -> Option<Instant> {
    let (day, clock) = text.split_first_chunk::<10>()?;
    let (&[b'T' | b't' | b' ', h0, h1, b':', m0, m1, b':', s0, s1], rest) = clock.split_first_chunk::<9>()?
    else {
        return None;
    };
    let (hour, minute, second) = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = fraction(rest)?;
    let (offset, has_offset) = match zone {
        [] => (0, false),
        [b'Z' | b'z'] => (0, true),
        &[sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (two(h0, h1)?, two(m0, m1)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let size = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            (if sign == b'-' { -size } else { size }, true)
        }
        _ => return None,
    };
    let of_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let seconds = i64::from(date(day)?) * SECONDS_PER_DAY + of_day - offset;
    YEARS.contains(&seconds).then_some(Instant { seconds, nanos, has_offset })
}

#[inline]
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.', rest)) = text.split_first() else {
        return Some((0, text));
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let value = rest[..count].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some((value * 10_u32.pow(9 - count as u32), &rest[count..]))
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

fn days_in(year: u32, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant's `days_from_civil`, for years from 1 on.
fn days_since_1970(year: u32, month: u8, day: u8) -> i32 {
    // Years start in March here, so that the leap day is the last day of a year.
    let year = year - u32::from(month <= 2);
    let month = u32::from(month);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + u32::from(day) - 1;
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era) as i32 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::times;

    #[test]
    fn each_day_is_that_of_the_exact_road() {
        for days in times::date("0001-01-01").expect("a day")..=times::date("9999-12-31").expect("a day") {
            let date_of = chrono::NaiveDate::from_epoch_days(days).expect("a day");
            assert_eq!(date(date_of.to_string().as_bytes()), Some(days));
        }
    }

    fn agrees(text: &str) {
        if let Some(day) = date(text.as_bytes()) {
            assert_eq!(times::date(text), Some(day), "{text}");
        }
        if let Some(found) = instant(text.as_bytes()) {
            let exact = times::stamp(text).expect("a time");
            let nanos = i128::from(found.seconds) * 1_000_000_000 + i128::from(found.nanos);
            assert_eq!((exact.nanos, exact.has_offset), (nanos, found.has_offset), "{text}");
        }
    }

    #[test]
    fn usual_spellings_take_this_road() {
        for text in ["2024-05-01T12:00:00Z", "2024-05-01 12:00:00.123+02:00", "2024-05-01T12:00:00.123456789"]
        {
            assert!(instant(text.as_bytes()).is_some(), "{text}");
            agrees(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_it_takes_is_what_the_exact_road_takes(
            text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]([Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,10})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])?)?",
        ) {
            agrees(&text);
            let exact = times::stamp(&text);
            proptest::prop_assert_eq!(instant(text.as_bytes()).is_some(), exact.is_some());
            proptest::prop_assert_eq!(date(text.as_bytes()).is_some(), times::date(&text).is_some());
        }

        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            let _ = (date(&text), instant(&text));
        }
    }
}
