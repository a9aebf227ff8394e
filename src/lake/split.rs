//! Which rows of a batch belong to which partition.

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType};

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
    let column = batch.column_by_name(name).ok_or_else(|| LakeError::PartitionType {
        column: name.to_owned(),
        found: "nothing (there is no such column)".to_owned(),
    })?;
    let values = partition_values(name, column, by)?;
    let mut groups: Vec<(Option<String>, Vec<u32>)> = Vec::new();
    let mut last = 0;
    for (row, value) in values.into_iter().enumerate() {
        // Neighbours usually share their partition.
        if groups.get(last).is_none_or(|(known, _)| *known != value) {
            last = groups.iter().position(|(known, _)| *known == value).unwrap_or_else(|| {
                groups.push((value, Vec::new()));
                groups.len() - 1
            });
        }
        groups[last].1.push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
    }
    let mut kept = batch.clone();
    if drop {
        kept.remove_column(batch.schema().index_of(name).map_err(|source| LakeError::Split { source })?);
    }
    if let [(value, _)] = groups.as_slice() {
        return Ok(vec![(value.clone(), kept)]);
    }
    let part = |(value, rows): (Option<String>, Vec<u32>)| {
        let part = take_record_batch(&kept, &UInt32Array::from(rows));
        part.map(|part| (value, part)).map_err(|source| LakeError::Split { source })
    };
    groups.into_iter().map(part).collect()
}

/// One partition value for each row. Formatting is done once for each distinct day or hour in a run.
fn partition_values(
    name: &str,
    column: &dyn Array,
    by: PartitionBy,
) -> Result<Vec<Option<String>>, LakeError> {
    let null = || (by != PartitionBy::None).then(|| NULL_PARTITION.to_owned());
    match column.data_type() {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            Ok(days.iter().map(|day| day.map_or_else(null, |day| by.value_of_days(day))).collect())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            Ok(times.iter().map(|time| time.map_or_else(null, |time| by.value_of_micros(time))).collect())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let times = column.as_primitive::<TimestampNanosecondType>();
            let value = |nanos: i64| by.value_of_micros(nanos.div_euclid(1000));
            Ok(times.iter().map(|time| time.map_or_else(null, value)).collect())
        }
        other => Err(LakeError::PartitionType { column: name.to_owned(), found: other.to_string() }),
    }
}
