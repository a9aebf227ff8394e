//! Records → Arrow columns: each value is checked against its field before anything of its record is kept.
//!
//! Checking ([`check`]) and building ([`build`]) are apart, so that a bad record leaves no trace. Knows nothing of
//! files and framing.

mod base64;
mod build;
mod cell;
mod check;
mod local_time;
mod plan;
mod rescue;
mod scalar;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use arrow::error::ArrowError;

use super::problem::Problem;
use super::value::Value;
use crate::schema::field::TableSchema;
use crate::schema::processing_config::{OnUnknownField, Zone};
use build::Column;
use check::Check;
use plan::{Members, UnusableDefault};

/// The column for unknown members.
pub const RESCUED: &str = "_rescued";

/// Columns under construction.
#[derive(Debug)]
pub struct Columns {
    plan: Members,
    columns: Vec<Column>,
    /// Present when unknown members are rescued.
    rescued: Option<StringBuilder>,
    schema: SchemaRef,
    on_unknown: OnUnknownField,
    zone: Zone,
    rows: usize,
}

/// What a record brought along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Members that are not in the schema.
    pub unknown_fields: u64,
    /// Roughly the memory that its values take.
    pub bytes: usize,
}

impl Columns {
    /// # Errors
    /// A default does not fit its field, or Arrow refuses a type.
    pub fn new(schema: &TableSchema, on_unknown: OnUnknownField, zone: Zone) -> Result<Columns, Unusable> {
        let plan = Members::compile(&schema.fields)?;
        let columns = schema.fields.iter().map(Column::of).collect::<Result<_, _>>()?;
        let rescued = (on_unknown == OnUnknownField::Rescue).then(StringBuilder::new);
        let mut fields: Vec<_> = schema.arrow().fields().to_vec();
        if rescued.is_some() {
            fields.push(Arc::new(ArrowField::new(RESCUED, DataType::Utf8, true)));
        }
        let schema = Arc::new(ArrowSchema::new(fields));
        Ok(Columns { plan, columns, rescued, schema, on_unknown, zone, rows: 0 })
    }

    /// The data columns, and the column of rescued members if there is one.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Rows appended since the last batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a record, or nothing of it. `text` is the record's source, to which the places in `record` refer.
    ///
    /// # Errors
    /// The first value that does not fit.
    pub fn append(&mut self, record: &Value<'_>, text: &str) -> Result<Appended, Box<Problem>> {
        let mut check = Check::new(text, self.on_unknown, self.zone);
        let cells = check.record(&self.plan, record)?;
        let appended = check.appended();
        let rescued = match &self.rescued {
            Some(_) if appended.unknown_fields > 0 => rescue::collect(&self.plan, record, text),
            _ => None,
        };
        for (column, cell) in self.columns.iter_mut().zip(&cells) {
            column.push(cell);
        }
        if let Some(builder) = &mut self.rescued {
            builder.append_option(rescued);
        }
        self.rows += 1;
        Ok(appended)
    }

    /// The rows so far, as a batch; the columns are empty afterwards.
    ///
    /// # Errors
    /// Arrow refuses the arrays, which would be a fault of this module.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut arrays = self.columns.iter_mut().map(Column::finish).collect::<Result<Vec<ArrayRef>, _>>()?;
        if let Some(builder) = &mut self.rescued {
            arrays.push(Arc::new(builder.finish()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(self.schema(), arrays, &options)
    }
}

/// A schema that no record can be put into. Definitions are checked when they are compiled, so this is rare.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error(transparent)]
    Default(#[from] UnusableDefault),
    #[error("a column type is not possible")]
    Type(#[from] ArrowError),
}

#[cfg(test)]
mod tests;
