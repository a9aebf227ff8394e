//! Writes the result of a job to staged data files, day by day. Knows no database.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use chrono::{Days, NaiveDate};
use futures::TryStreamExt;
use tokio::sync::mpsc;

use super::error::JobError;
use crate::lake::{Compression, DataFile, Lake, PartitionSource, Staging, TableWriter, WriterOptions, Zone};
use crate::query::{POSITION, Rows};

/// The column that says which day a row belongs to. It stays in the files.
pub const DAY: &str = "day";
/// A day with more bytes than this gets several files.
const TARGET_BYTES: u64 = 512 << 20;

/// Where a load's files go.
#[derive(Debug, Clone)]
pub struct Destination {
    pub lake: Lake,
    pub table: String,
    pub load_id: i64,
}

/// Writes rows that are sorted by day. A row of a day that is not in `allowed` is an error.
///
/// # Errors
/// `NullDay`, `OtherDay`, `Lake`, and what the rows bring.
pub async fn write(
    mut rows: Rows,
    allowed: BTreeSet<NaiveDate>,
    destination: Destination,
) -> Result<Vec<DataFile>, JobError> {
    let schema = stored_schema(&rows.schema);
    let (batches, mut inbox) = mpsc::channel::<RecordBatch>(2);
    let writing = tokio::task::spawn_blocking(move || {
        Staging::create(&destination.lake, destination.load_id)?;
        let mut writer = DayWriter { schema, allowed, destination, open: None, done: Vec::new() };
        while let Some(batch) = inbox.blocking_recv() {
            writer.batch(&batch)?;
        }
        writer.finish()
    });
    let mut reading = Ok(());
    loop {
        match rows.batches.try_next().await {
            Ok(Some(batch)) => {
                // The writer has stopped early; its own error says why.
                if batches.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                reading = Err(error);
                break;
            }
        }
    }
    drop(batches);
    let written = writing.await.map_err(|stopped| JobError::Stopped(stopped.to_string()))?;
    reading?;
    written
}

/// One writer at a time, because the rows come sorted: one file for each day, and little memory.
struct DayWriter {
    /// The stored columns: plain types, without the position.
    schema: SchemaRef,
    allowed: BTreeSet<NaiveDate>,
    destination: Destination,
    open: Option<(i32, PartitionSource, TableWriter)>,
    done: Vec<DataFile>,
}

impl DayWriter {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), JobError> {
        let batch = stored(batch, &self.schema)?;
        let days = day_column(&batch)?.values();
        let mut from = 0;
        while from < batch.num_rows() {
            let day = days[from];
            let length = days[from..].iter().take_while(|other| **other == day).count();
            self.rows_of(day, &batch.slice(from, length))?;
            from += length;
        }
        Ok(())
    }

    fn rows_of(&mut self, day: i32, rows: &RecordBatch) -> Result<(), JobError> {
        let (partition, mut writer) = match self.open.take() {
            Some((open, partition, writer)) if open == day => (partition, writer),
            other => {
                self.open = other;
                self.close()?;
                self.writer_of(day)?
            }
        };
        writer.write(rows, &partition)?;
        self.open = Some((day, partition, writer));
        Ok(())
    }

    fn writer_of(&self, day: i32) -> Result<(PartitionSource, TableWriter), JobError> {
        let date = date(day).filter(|date| self.allowed.contains(date));
        let date = date.ok_or_else(|| JobError::OtherDay(date_or_edge(day)))?;
        let Destination { lake, table, load_id } = &self.destination;
        let options = WriterOptions {
            zone: Zone::Summary,
            table: table.clone(),
            compression: Compression::Zstd,
            target_bytes: TARGET_BYTES,
        };
        Ok((PartitionSource::Fixed(Some(date.to_string())), TableWriter::new(lake, *load_id, options)))
    }

    fn close(&mut self) -> Result<(), JobError> {
        if let Some((_, _, writer)) = self.open.take() {
            self.done.extend(writer.finish()?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<DataFile>, JobError> {
        self.close()?;
        Ok(self.done)
    }
}

fn day_column(batch: &RecordBatch) -> Result<&Date32Array, JobError> {
    batch
        .column_by_name(DAY)
        .and_then(|column| column.as_primitive_opt::<Date32Type>())
        .ok_or_else(|| JobError::Stopped("the result lost its day column".into()))
}

/// The result's columns as other readers know them: no views, no dictionaries, no position.
fn stored_schema(schema: &Schema) -> SchemaRef {
    let kept = schema.fields().iter().filter(|field| field.name() != POSITION);
    let fields: Vec<Field> = kept
        .map(|field| {
            let kind = match field.data_type() {
                DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
                DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
                DataType::Dictionary(_, value) => value.as_ref().clone(),
                other => other.clone(),
            };
            Field::new(field.name(), kind, field.name() != DAY)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn stored(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, JobError> {
    let result = batch.schema();
    let kept = result.fields().iter().zip(batch.columns()).filter(|(field, _)| field.name() != POSITION);
    let columns = kept
        .zip(schema.fields())
        .map(|((_, column), field)| {
            if field.name() == DAY && column.null_count() > 0 {
                return Err(JobError::NullDay);
            }
            Ok(cast(column, field.data_type())?)
        })
        .collect::<Result<Vec<ArrayRef>, JobError>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Arrow's count of days as a date; `None` outside the calendar.
pub(super) fn date(day: i32) -> Option<NaiveDate> {
    let distance = Days::new(u64::from(day.unsigned_abs()));
    let epoch = NaiveDate::default();
    if day < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) }
}

fn date_or_edge(day: i32) -> NaiveDate {
    date(day).unwrap_or(if day < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
}
