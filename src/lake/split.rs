//! Which rows of a batch belong to which partition.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType};
use arrow::error::ArrowError;

use super::LakeError;
use crate::partition::{NULL_PARTITION, PartitionBy};

/// Where the partition of a row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionSource {
    /// The same for the whole batch; `None` for a table without partitions.
    Fixed(Option<String>),
    /// A date or time column of the batch. `drop` when the value is kept by the path alone.
    Column { name: String, by: PartitionBy, drop: bool },
}

/// The partition values of a batch, each with the number of its rows.
///
/// # Errors
/// The batch has no such column, or it holds no times.
pub fn row_counts(
    batch: &RecordBatch,
    source: &PartitionSource,
) -> Result<Vec<(Option<String>, usize)>, LakeError> {
    let parts = split(batch, source)?;
    Ok(parts
        .into_iter()
        .filter(|(_, part)| part.num_rows() > 0)
        .map(|(value, part)| (value, part.num_rows()))
        .collect())
}

/// The batch in parts, each with its partition value.
pub(super) fn split(
    batch: &RecordBatch,
    source: &PartitionSource,
) -> Result<Vec<(Option<String>, RecordBatch)>, LakeError> {
    match source {
        PartitionSource::Fixed(value) => Ok(vec![(value.clone(), batch.clone())]),
        PartitionSource::Column { name, by, drop } => split_by_column(batch, name, *by, *drop),
    }
}

fn split_by_column(
    batch: &RecordBatch,
    name: &str,
    by: PartitionBy,
    drop: bool,
) -> Result<Vec<(Option<String>, RecordBatch)>, LakeError> {
    let fault = |source| LakeError::Split { source };
    let at = batch.schema().index_of(name).map_err(|_| LakeError::PartitionType {
        column: name.to_owned(),
        found: "nothing (there is no such column)".to_owned(),
    })?;
    let groups = groups(&Times::of(name, batch.column(at).as_ref())?, by);
    let mut kept = batch.clone();
    if drop {
        kept.remove_column(at);
    }
    groups
        .into_iter()
        .map(|(value, rows)| rows.of(&kept).map(|part| (value, part)))
        .collect::<Result<_, _>>()
        .map_err(fault)
}

/// The partition of each row.
///
/// # Errors
/// The batch does not have the column, or it has no times.
pub fn partitions_of(
    batch: &RecordBatch,
    source: &PartitionSource,
) -> Result<Vec<Option<String>>, LakeError> {
    let (name, by) = match source {
        PartitionSource::Fixed(value) => return Ok(vec![value.clone(); batch.num_rows()]),
        PartitionSource::Column { name, by, drop: _ } => (name, *by),
    };
    let times = Times::of(name, column(batch, name)?.as_ref())?;
    Ok((0..times.len()).map(|row| times.value(row, by)).collect())
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, LakeError> {
    batch.column_by_name(name).ok_or_else(|| LakeError::PartitionType {
        column: name.to_owned(),
        found: "nothing (there is no such column)".to_owned(),
    })
}

/// Which rows of a batch belong together, in their order.
enum Rows {
    /// Neighbours, which need no copy.
    Range(Range<usize>),
    Scattered(Vec<u32>),
}

impl Rows {
    fn add(&mut self, rows: Range<usize>) {
        match self {
            Rows::Range(known) if known.end == rows.start => known.end = rows.end,
            Rows::Range(known) => {
                *self = Rows::Scattered(numbers(known.clone()).chain(numbers(rows)).collect())
            }
            Rows::Scattered(known) => known.extend(numbers(rows)),
        }
    }

    fn of(self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        match self {
            Rows::Range(rows) => Ok(batch.slice(rows.start, rows.len())),
            Rows::Scattered(rows) => take_record_batch(batch, &UInt32Array::from(rows)),
        }
    }
}

/// A batch has fewer than 2^32 rows.
fn numbers(rows: Range<usize>) -> Range<u32> {
    rows.start as u32..rows.end as u32
}

/// The partition values with their rows. A value is formatted once for each day or hour, not for each row.
fn groups(times: &Times<'_>, by: PartitionBy) -> Vec<(Option<String>, Rows)> {
    let mut groups: Vec<(Option<String>, Rows)> = Vec::new();
    // Several hours or days may share a value.
    let mut places: HashMap<Option<i64>, usize> = HashMap::new();
    let mut from = 0;
    while from < times.len() {
        let step = times.step(from);
        let to = times.end_of_step(from, step);
        let place = *places.entry(step).or_insert_with(|| {
            let value = times.value(from, by);
            groups.iter().position(|(known, _)| *known == value).unwrap_or_else(|| {
                groups.push((value, Rows::Range(from..from)));
                groups.len() - 1
            })
        });
        groups[place].1.add(from..to);
        from = to;
    }
    groups
}

/// A date or time column in steps that never straddle two partitions: hours, or days when it has dates.
struct Times<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
}

enum Values<'a> {
    Days(&'a [i32]),
    /// And how many of them make an hour, and a microsecond.
    Ticks {
        ticks: &'a [i64],
        hour: i64,
        micro: i64,
    },
}

impl<'a> Times<'a> {
    fn of(name: &str, column: &'a dyn Array) -> Result<Self, LakeError> {
        let ticks = |ticks, micro| Values::Ticks { ticks, hour: micro * 3_600_000_000, micro };
        let values = match column.data_type() {
            DataType::Date32 => Values::Days(column.as_primitive::<Date32Type>().values()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                ticks(column.as_primitive::<TimestampMicrosecondType>().values(), 1)
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                ticks(column.as_primitive::<TimestampNanosecondType>().values(), 1000)
            }
            other => {
                let found = other.to_string();
                return Err(LakeError::PartitionType { column: name.to_owned(), found });
            }
        };
        Ok(Self { values, nulls: column.nulls().filter(|nulls| nulls.null_count() > 0) })
    }

    fn len(&self) -> usize {
        match self.values {
            Values::Days(days) => days.len(),
            Values::Ticks { ticks, .. } => ticks.len(),
        }
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// The hour or day of a row; `None` for null.
    fn step(&self, row: usize) -> Option<i64> {
        if self.is_null(row) {
            return None;
        }
        Some(match self.values {
            Values::Days(days) => i64::from(days[row]),
            Values::Ticks { ticks, hour, .. } => ticks[row].div_euclid(hour),
        })
    }

    /// The first row after `from` that is not in the same step. Compares instead of dividing.
    fn end_of_step(&self, from: usize, step: Option<i64>) -> usize {
        let Some(step) = step else {
            return (from..self.len()).find(|row| !self.is_null(*row)).unwrap_or(self.len());
        };
        let end = match self.values {
            Values::Days(days) => days[from..].iter().position(|day| i64::from(*day) != step),
            Values::Ticks { ticks, hour, .. } => {
                // Past the ends of the calendar the sum is cut off, and the step with it.
                let first = step.saturating_mul(hour);
                let last = first.saturating_add(hour - 1);
                ticks[from..].iter().position(|tick| *tick < first || *tick > last)
            }
        };
        let end = end.map_or(self.len(), |length| from + length);
        match self.nulls {
            Some(_) => (from..end).find(|row| self.is_null(*row)).unwrap_or(end),
            None => end,
        }
    }

    fn value(&self, row: usize, by: PartitionBy) -> Option<String> {
        if self.is_null(row) {
            return (by != PartitionBy::None).then(|| NULL_PARTITION.to_owned());
        }
        match self.values {
            Values::Days(days) => by.value_of_days(days[row]),
            Values::Ticks { ticks, micro, .. } => by.value_of_micros(ticks[row].div_euclid(micro)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{Int64Array, TimestampMicrosecondArray};
    use proptest::prelude::*;

    use super::*;

    fn batch(times: Vec<Option<i64>>) -> RecordBatch {
        let rows: Int64Array = (0..times.len() as i64).collect();
        let times = TimestampMicrosecondArray::from(times);
        RecordBatch::try_from_iter_with_nullable([
            ("time", Arc::new(times) as Arc<dyn Array>, true),
            ("row", Arc::new(rows), false),
        ])
        .expect("a batch")
    }

    fn rows(part: &RecordBatch) -> Vec<i64> {
        part.column(part.num_columns() - 1).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec()
    }

    proptest! {
        #[test]
        fn each_row_goes_to_the_partition_of_its_time(
            times in prop::collection::vec(
                prop::option::weighted(0.9, prop_oneof![
                    -10_i64..10, -200_000_000_000_i64..200_000_000_000, Just(i64::MIN), Just(i64::MAX)
                ]),
                1..60,
            ),
            by in prop::sample::select(vec![
                PartitionBy::Date, PartitionBy::Hour, PartitionBy::Month, PartitionBy::None
            ]),
            offset in 0_usize..5,
        ) {
            let offset = offset.min(times.len() - 1);
            let whole = batch(times.clone());
            let sliced = whole.slice(offset, times.len() - offset);
            let mut expected: BTreeMap<Option<String>, Vec<i64>> = BTreeMap::new();
            for (row, time) in times.iter().enumerate().skip(offset) {
                let null = || (by != PartitionBy::None).then(|| NULL_PARTITION.to_owned());
                let value = time.map_or_else(null, |time| by.value_of_micros(time));
                expected.entry(value).or_default().push(row as i64);
            }
            let source = PartitionSource::Column { name: "time".into(), by, drop: true };
            let parts = split(&sliced, &source).expect("split");
            prop_assert!(parts.iter().all(|(_, part)| part.num_columns() == 1));
            let count = parts.len();
            let found: BTreeMap<_, _> = parts.into_iter().map(|(value, part)| (value, rows(&part))).collect();
            prop_assert_eq!(found.len(), count);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_column_without_times_is_refused() {
        let source = PartitionSource::Column { name: "row".into(), by: PartitionBy::Date, drop: false };
        assert!(matches!(split(&batch(vec![None]), &source), Err(LakeError::PartitionType { .. })));
    }
}
