//! The range of each date and time column of a data file, for the ledger: readers skip files without opening them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema, TimeUnit};
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;

/// Lowest and highest value so far, as stored.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: i64,
    high: i64,
}

#[derive(Debug)]
pub(super) struct Ranges {
    /// The date and time columns; `None` while only nulls were seen.
    columns: Vec<(FieldRef, Option<Range>)>,
    positions: HashMap<String, usize>,
}

impl Ranges {
    pub fn new(schema: &Schema) -> Self {
        let times = schema.fields().iter().filter(|field| text(field.data_type(), 0).is_some());
        let columns: Vec<_> = times.map(|field| (Arc::clone(field), None)).collect();
        let positions =
            columns.iter().enumerate().map(|(at, (field, _))| (field.name().clone(), at)).collect();
        Self { columns, positions }
    }

    /// Takes the ranges of a row group from its statistics, which are exact for numbers.
    pub fn observe<'a>(&mut self, chunks: impl Iterator<Item = &'a ColumnChunkMetaData>) {
        for chunk in chunks {
            // The columns of a file are the leaves; those of nested fields have longer paths.
            if let [name] = chunk.column_path().parts()
                && let Some(at) = self.positions.get(name)
                && let Some((low, high)) = chunk.statistics().and_then(bounds)
            {
                let known = self.columns[*at].1.get_or_insert(Range { low, high });
                known.low = known.low.min(low);
                known.high = known.high.max(high);
            }
        }
    }

    /// `{"event_time": ["2022-06-05T21:02:34.546Z", "…"]}`; `None` without such columns.
    pub fn to_json(&self) -> Option<String> {
        let mut ranges = serde_json::Map::new();
        for (field, range) in &self.columns {
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

fn bounds(statistics: &Statistics) -> Option<(i64, i64)> {
    match statistics {
        Statistics::Int32(days) => Some((i64::from(*days.min_opt()?), i64::from(*days.max_opt()?))),
        Statistics::Int64(times) => Some((*times.min_opt()?, *times.max_opt()?)),
        _ => None,
    }
}

fn text(kind: &DataType, value: i64) -> Option<String> {
    match kind {
        DataType::Date32 => {
            let date = NaiveDate::default().checked_add_signed(TimeDelta::try_days(value)?)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_the_calendar_have_no_text() {
        assert_eq!(text(&DataType::Date32, 19_000).as_deref(), Some("2022-01-08"));
        assert_eq!(text(&DataType::Date32, i64::from(i32::MIN)), None);
        assert_eq!(text(&DataType::Timestamp(TimeUnit::Microsecond, None), i64::MAX), None);
    }
}
