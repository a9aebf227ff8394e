//! Stored values, and what they say: exactly, as numbers or as texts.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, i256};
use chrono::{NaiveDate, NaiveTime};

use super::meaning::{Meaning, Unit};

const NANOS_OF_DAY: i128 = 86_400_000_000_000;
/// 1970-01-01 as a Julian day.
const EPOCH: i128 = 2_440_588;

/// The value of a row as an integer; `None` when it is stored as something else.
pub(super) fn whole(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<i64> {
    if let Some(values) = array.as_primitive_opt::<Int32Type>() {
        let value = values.value(row);
        return Some(match meaning {
            Meaning::Unsigned(_) => i64::from(value as u32),
            _ => value.into(),
        });
    }
    array.as_primitive_opt::<Int64Type>().map(|values| values.value(row))
}

/// As [`whole`]; unsigned values of 64 bits need the room.
pub(super) fn wide(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<i128> {
    let value = whole(array, row, meaning)?;
    Some(match meaning {
        Meaning::Unsigned(64) => i128::from(value as u64),
        _ => value.into(),
    })
}

/// The bytes of a row.
pub(super) fn bytes(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    if let Some(values) = array.as_binary_view_opt() {
        return Some(values.value(row));
    }
    array.as_fixed_size_binary_opt().map(|values| values.value(row))
}

/// The value of a row as a single precision float.
pub(super) fn single(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<f32> {
    match meaning {
        Meaning::Half => half(bytes(array, row)?),
        _ => array.as_primitive_opt::<Float32Type>().map(|values| values.value(row)),
    }
}

/// The value of a row as a double; floats are doubles, too.
pub(super) fn double(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<f64> {
    match single(array, row, meaning) {
        Some(value) => Some(value.into()),
        None => array.as_primitive_opt::<Float64Type>().map(|values| values.value(row)),
    }
}

/// A float of 16 bits: each is a float of 32 bits as well.
fn half(bytes: &[u8]) -> Option<f32> {
    let bits = u16::from_le_bytes(bytes.try_into().ok()?);
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (fraction + 1024.0) * 2_f32.powi(exponent - 25),
    };
    Some(if bits >> 15 == 1 { -size } else { size })
}

/// The units of a decimal, when they fit.
pub(super) fn units(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<i128> {
    match bytes(array, row) {
        None => wide(array, row, meaning),
        Some(bytes) => big(bytes)?.to_i128(),
    }
}

/// Big-endian bytes of any number, as long as the value has at most 256 bits.
fn big(bytes: &[u8]) -> Option<i256> {
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { 0xff } else { 0 };
    let spare = bytes.len().saturating_sub(32);
    let (above, value) = bytes.split_at(spare);
    let mut padded = [sign; 32];
    padded[32 - value.len()..].copy_from_slice(value);
    let fits = above.iter().all(|byte| *byte == sign) && (above.is_empty() || (padded[0] ^ sign) < 0x80);
    fits.then(|| i256::from_be_bytes(padded))
}

/// A decimal as a JSON number with all of its digits; `None` when it has more than anyone stores.
pub(super) fn decimal_text(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<String> {
    let Meaning::Decimal { scale, .. } = meaning else { return None };
    let digits = match bytes(array, row) {
        None => wide(array, row, meaning)?.to_string(),
        Some(bytes) => big(bytes)?.to_string(),
    };
    let scale = scale as usize;
    if scale == 0 {
        return Some(digits);
    }
    let (sign, size) = match digits.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", digits.as_str()),
    };
    let size = format!("{size:0>width$}", width = scale + 1);
    let (before, behind) = size.split_at(size.len() - scale);
    Some(format!("{sign}{before}.{behind}"))
}

/// The instant or wall clock time of a row, in nanoseconds since 1970.
pub(super) fn nanos(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<i128> {
    match meaning {
        Meaning::Timestamp { unit, .. } => {
            Some(i128::from(whole(array, row, meaning)?) * i128::from(unit.nanos()))
        }
        Meaning::Int96 => {
            let (clock, day) = bytes(array, row)?.split_first_chunk::<8>()?;
            let day = i128::from(i32::from_le_bytes(day.try_into().ok()?));
            Some((day - EPOCH) * NANOS_OF_DAY + i128::from(i64::from_le_bytes(*clock)))
        }
        _ => None,
    }
}

/// What values say that are written as texts in JSON. `None` for those that are not, and for bytes that are no text.
pub(super) fn text(array: &ArrayRef, row: usize, meaning: Meaning) -> Option<String> {
    Some(match meaning {
        Meaning::Text | Meaning::Json => str::from_utf8(bytes(array, row)?).ok()?.to_owned(),
        Meaning::Date => date_text(whole(array, row, meaning)?.into()),
        Meaning::Time(unit) => time_text(whole(array, row, meaning)?, unit),
        Meaning::Timestamp { in_utc, .. } => stamp_text(nanos(array, row, meaning)?, in_utc),
        Meaning::Int96 => stamp_text(nanos(array, row, meaning)?, false),
        Meaning::Uuid => uuid_text(bytes(array, row)?),
        Meaning::Interval => interval_text(bytes(array, row)?)?,
        _ => return None,
    })
}

fn day(days: i128) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(i32::try_from(days).ok()?)
}

fn date_text(days: i128) -> String {
    match day(days) {
        Some(day) => day.to_string(),
        None => format!("{days} days since 1970-01-01"),
    }
}

fn time_text(count: i64, unit: Unit) -> String {
    let nanos = i128::from(count) * i128::from(unit.nanos());
    match clock(nanos) {
        Some(clock) => clock.to_string(),
        None => format!("{count} {} since midnight", unit.name()),
    }
}

fn clock(nanos: i128) -> Option<NaiveTime> {
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(seconds).ok()?, u32::try_from(rest).ok()?)
}

fn stamp_text(nanos: i128, in_utc: bool) -> String {
    let (days, rest) = (nanos.div_euclid(NANOS_OF_DAY), nanos.rem_euclid(NANOS_OF_DAY));
    match (day(days), clock(rest)) {
        (Some(day), Some(clock)) => format!("{day}T{clock}{}", if in_utc { "Z" } else { "" }),
        _ => format!("{nanos} ns since 1970-01-01"),
    }
}

fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A duration of ISO 8601.
fn interval_text(bytes: &[u8]) -> Option<String> {
    let part = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (months, days, millis) = (part(0)?, part(4)?, part(8)?);
    let seconds = match millis % 1000 {
        0 => (millis / 1000).to_string(),
        rest => format!("{}.{rest:03}", millis / 1000),
    };
    Some(format!("P{months}M{days}DT{seconds}S"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryViewArray, Int32Array, Int64Array};

    use super::*;

    fn of_bytes(bytes: &[u8]) -> ArrayRef {
        Arc::new(BinaryViewArray::from_iter_values([bytes]))
    }

    fn of_int(value: i64) -> ArrayRef {
        Arc::new(Int64Array::from(vec![value]))
    }

    #[test]
    fn times_are_texts_with_all_of_their_digits() {
        let stamp = |unit, in_utc| Meaning::Timestamp { unit, in_utc };
        for (array, meaning, expected) in [
            (of_int(0), stamp(Unit::Millis, true), "1970-01-01T00:00:00Z"),
            (of_int(-1), stamp(Unit::Micros, false), "1969-12-31T23:59:59.999999"),
            (of_int(1), stamp(Unit::Nanos, true), "1970-01-01T00:00:00.000000001Z"),
            (of_int(253_402_300_800_000), stamp(Unit::Millis, true), "+10000-01-01T00:00:00Z"),
            (of_int(i64::MAX), stamp(Unit::Millis, true), "9223372036854775807000000 ns since 1970-01-01"),
            (of_int(45_296_789_000), Meaning::Time(Unit::Micros), "12:34:56.789"),
            (of_int(86_400_000), Meaning::Time(Unit::Millis), "86400000 ms since midnight"),
            (of_int(19_782), Meaning::Date, "2024-02-29"),
            (of_int(i64::from(i32::MAX)), Meaning::Date, "2147483647 days since 1970-01-01"),
        ] {
            assert_eq!(text(&array, 0, meaning).as_deref(), Some(expected));
        }
        let julian = [&500_i64.to_le_bytes()[..], &2_440_589_i32.to_le_bytes()].concat();
        assert_eq!(
            text(&of_bytes(&julian), 0, Meaning::Int96).as_deref(),
            Some("1970-01-02T00:00:00.000000500")
        );
    }

    #[test]
    fn bytes_are_what_they_mean() {
        let interval = [&14_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), &4_005_u32.to_le_bytes()].concat();
        assert_eq!(text(&of_bytes(&interval), 0, Meaning::Interval).as_deref(), Some("P14M3DT4.005S"));
        let uuid: Vec<u8> = (0..16).collect();
        assert_eq!(
            text(&of_bytes(&uuid), 0, Meaning::Uuid).as_deref(),
            Some("00010203-0405-0607-0809-0a0b0c0d0e0f")
        );
        assert_eq!(text(&of_bytes(b"\xff"), 0, Meaning::Text), None);
    }

    #[test]
    fn decimals_keep_their_digits() {
        let of = |bytes: &[u8], scale| {
            decimal_text(&of_bytes(bytes), 0, Meaning::Decimal { precision: 38, scale })
        };
        assert_eq!(of(&[0xff], 2).as_deref(), Some("-0.01"));
        assert_eq!(of(&[0x04, 0xd2], 2).as_deref(), Some("12.34"));
        assert_eq!(of(&[], 0).as_deref(), Some("0"));
        assert_eq!(of(&[[0xff; 40].as_slice(), &[0xfe]].concat(), 0).as_deref(), Some("-2"));
        assert_eq!(of(&[1; 40], 0), None);
        let largest = [&[0x7f][..], &[0xff; 31]].concat();
        let digits = "57896044618658097711785492504343953926634992332820282019728792003956564819967";
        assert_eq!(of(&largest, 0).as_deref(), Some(digits));
        assert_eq!(of(&[&[0][..], &[0xff; 32]].concat(), 0), None);
        assert_eq!(units(&of_bytes(&largest), 0, Meaning::Decimal { precision: 76, scale: 0 }), None);
    }

    #[test]
    fn unsigned_values_are_stored_as_signed_ones() {
        let array: ArrayRef = Arc::new(Int32Array::from(vec![-1]));
        assert_eq!(wide(&array, 0, Meaning::Unsigned(32)), Some(4_294_967_295));
        assert_eq!(wide(&of_int(-1), 0, Meaning::Unsigned(64)), Some(18_446_744_073_709_551_615));
    }

    #[test]
    fn half_floats_are_exact() {
        for (bits, value) in [
            (0x3c00_u16, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2_f32.powi(-24)),
            (0x0400, 2_f32.powi(-14)),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(&bits.to_le_bytes()), Some(value), "{bits:x}");
        }
        assert!(half(&[0x01, 0x7c]).is_some_and(f32::is_nan));
    }
}
