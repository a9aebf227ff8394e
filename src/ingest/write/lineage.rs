//! The columns that say where a row comes from.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;

use super::{SourceFile, Work};

pub(super) struct Lineage<'a> {
    work: &'a Work,
    file: &'a SourceFile,
}

impl<'a> Lineage<'a> {
    pub fn new(work: &'a Work, file: &'a SourceFile) -> Self {
        Self { work, file }
    }

    pub fn add(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if !self.work.spec.config.lineage {
            return Ok(batch);
        }
        let rows = batch.num_rows();
        let mut fields = batch.schema().fields().to_vec();
        fields.extend(lineage_fields().map(Arc::new));
        let ingested_at =
            TimestampMicrosecondArray::from(vec![self.work.ingested_at.timestamp_micros(); rows]);
        let mut columns = batch.columns().to_vec();
        columns.extend([
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(self.file.name.shown(), rows)))
                as ArrayRef,
            Arc::new(ingested_at.with_timezone("UTC")),
            Arc::new(Int64Array::from(vec![self.work.load_id; rows])),
        ]);
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

/// `_source_file`, `_ingested_at`, `_load_id`.
pub fn lineage_fields() -> [Field; 3] {
    [
        Field::new("_source_file", DataType::Utf8, false),
        Field::new("_ingested_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("_load_id", DataType::Int64, false),
    ]
}
