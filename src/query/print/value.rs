//! One value as text.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// The value as plain text, as CSV and tables show it; nested values are JSON. `None` is null.
pub fn text(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    if array.data_type().is_nested() {
        let mut json = String::new();
        super::json::write_value(array, row, &mut json);
        return Some(json);
    }
    Some(scalar(array, row))
}

/// A scalar that is not null.
pub fn scalar(array: &dyn Array, row: usize) -> String {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_string(),
        DataType::Utf8View => array.as_string_view().value(row).to_string(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_string(),
        DataType::Binary => base64(array.as_binary::<i32>().value(row)),
        DataType::BinaryView => base64(array.as_binary_view().value(row)),
        DataType::LargeBinary => base64(array.as_binary::<i64>().value(row)),
        DataType::Float32 => shortest(f64::from(array.as_primitive::<Float32Type>().value(row)), || {
            array.as_primitive::<Float32Type>().value(row).to_string()
        }),
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            shortest(value, || value.to_string())
        }
        DataType::Date32 => date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(unit, zone) => timestamp(array, row, *unit, zone.is_some()),
        _ => formatted(array, row),
    }
}

/// Integers, decimals, booleans, intervals and dictionaries, as Arrow writes them.
fn formatted(array: &dyn Array, row: usize) -> String {
    let options = FormatOptions::new();
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(row).try_to_string().unwrap_or_else(|bad| format!("<{bad}>")),
        Err(bad) => format!("<{bad}>"),
    }
}

/// Shortest digits that give the number back; very large and small ones with an exponent.
fn shortest(value: f64, plain: impl Fn() -> String) -> String {
    let magnitude = value.abs();
    if value.is_finite() && magnitude != 0.0 && !(1e-7..1e17).contains(&magnitude) {
        return format!("{value:e}");
    }
    plain()
}

fn date(days: i32) -> String {
    TimeDelta::try_days(i64::from(days))
        .and_then(|delta| NaiveDate::default().checked_add_signed(delta))
        .map_or_else(|| format!("{days} days after 1970-01-01"), |date| date.to_string())
}

fn timestamp(array: &dyn Array, row: usize, unit: TimeUnit, zoned: bool) -> String {
    let (time, raw): (Option<DateTime<Utc>>, i64) = match unit {
        TimeUnit::Second => {
            let raw = array.as_primitive::<TimestampSecondType>().value(row);
            (DateTime::from_timestamp(raw, 0), raw)
        }
        TimeUnit::Millisecond => {
            let raw = array.as_primitive::<TimestampMillisecondType>().value(row);
            (DateTime::from_timestamp_millis(raw), raw)
        }
        TimeUnit::Microsecond => {
            let raw = array.as_primitive::<TimestampMicrosecondType>().value(row);
            (DateTime::from_timestamp_micros(raw), raw)
        }
        TimeUnit::Nanosecond => {
            let raw = array.as_primitive::<TimestampNanosecondType>().value(row);
            (Some(DateTime::from_timestamp_nanos(raw)), raw)
        }
    };
    match time {
        Some(time) => {
            let text = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            if zoned { text } else { text.trim_end_matches('Z').to_string() }
        }
        // Outside the calendar: the number itself is still the truth.
        None => raw.to_string(),
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let padded = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for place in 0..4 {
            let symbol = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        let cases: [(&[u8], &str); 4] =
            [(b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo\xff", "Zm9v/w==")];
        for (bytes, expected) in cases {
            assert_eq!(base64(bytes), expected);
        }
    }
}
