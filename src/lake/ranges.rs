//! The range of each date and time column of a data file, for the ledger: readers skip files without opening them.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{max, min};
use arrow::datatypes::{
    DataType, Date32Type, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use chrono::{DateTime, NaiveDate, SecondsFormat};

/// Lowest and highest value so far, as stored.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: i64,
    high: i64,
}

#[derive(Debug)]
pub(super) struct Ranges {
    schema: SchemaRef,
    /// One for each column; `None` for other types and while only nulls were seen.
    ranges: Vec<Option<Range>>,
}

impl Ranges {
    pub fn new(schema: SchemaRef) -> Self {
        let ranges = vec![None; schema.fields().len()];
        Self { schema, ranges }
    }

    pub fn observe(&mut self, columns: &[ArrayRef]) {
        for (range, column) in self.ranges.iter_mut().zip(columns) {
            if let Some((low, high)) = bounds(column) {
                let known = range.get_or_insert(Range { low, high });
                known.low = known.low.min(low);
                known.high = known.high.max(high);
            }
        }
    }

    /// `{"event_time": ["2022-06-05T21:02:34.546Z", "…"]}`; `None` without such columns.
    pub fn to_json(&self) -> Option<String> {
        let mut ranges = serde_json::Map::new();
        for (field, range) in self.schema.fields().iter().zip(&self.ranges) {
            if let Some(Range { low, high }) = range
                && let (Some(low), Some(high)) =
                    (text(field.data_type(), *low), text(field.data_type(), *high))
            {
                ranges.insert(field.name().clone(), serde_json::json!([low, high]));
            }
        }
        (!ranges.is_empty()).then(|| serde_json::Value::Object(ranges).to_string())
    }
}

fn bounds(column: &ArrayRef) -> Option<(i64, i64)> {
    match column.data_type() {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            Some((i64::from(min(days)?), i64::from(max(days)?)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            Some((min(times)?, max(times)?))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let times = column.as_primitive::<TimestampNanosecondType>();
            Some((min(times)?, max(times)?))
        }
        _ => None,
    }
}

fn text(kind: &DataType, value: i64) -> Option<String> {
    match kind {
        DataType::Date32 => {
            let date = NaiveDate::default() + chrono::TimeDelta::try_days(value)?;
            Some(date.format("%Y-%m-%d").to_string())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Some(DateTime::from_timestamp_micros(value)?.to_rfc3339_opts(SecondsFormat::Micros, true))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Some(DateTime::from_timestamp_nanos(value).to_rfc3339_opts(SecondsFormat::Nanos, true))
        }
        _ => None,
    }
}
