//! Records → Arrow columns: each value is checked against its field before anything of its record is kept.
//!
//! Checking ([`check`]) and building ([`build`]) are apart, so that a bad record leaves no trace. Knows nothing of
//! files and framing.

mod build;
mod cell;
mod check;
pub(super) mod direct;
mod local_time;
mod plan;
mod rescue;
mod scalar;
mod survey;
mod unknown;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use arrow::error::ArrowError;

use super::json::Parsed;
use super::newcomers::Newcomers;
use super::problem::Problem;
use super::texts::{Origin, Texts};
use crate::schema::field::{Field, TableSchema};
use crate::schema::processing_config::{OnUnknownField, Zone};
pub(super) use build::Values;
use build::{Bytes, Column};
use cell::Cell;
use check::Check;
use direct::Memory;
use plan::UnusableDefault;
pub(super) use plan::{Inner, Members, Slot};
pub(super) use scalar::nanos_of;
pub use unknown::Unknown;

/// The column for unknown members.
pub const RESCUED: &str = "_rescued";

/// A schema, made ready for reading records. Made once, and shared by all who read records of the type.
#[derive(Debug)]
pub struct Plan {
    members: Members,
    schema: SchemaRef,
    fields: Vec<Field>,
    on_unknown: OnUnknownField,
    zone: Zone,
    /// Rows may still be refused: their texts are kept beside them.
    keeps_texts: bool,
}

/// Columns under construction.
#[derive(Debug)]
pub struct Columns {
    plan: Arc<Plan>,
    columns: Vec<Column>,
    /// Present unless unknown members are refused: also where they are left out, it tells which there were.
    rescued: Option<Bytes>,
    newcomers: Newcomers,
    /// Of the last batch.
    unknown: Option<Unknown>,
    /// Records that were refused: they may have unknown fields, too.
    refused: u64,
    /// The records are made of cells of text.
    cells: bool,
    memory: Memory,
    rows: usize,
    /// Present when the texts of the rows are kept.
    texts: Option<Texts>,
}

/// What a record brought along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Members that are not in the schema.
    pub unknown_fields: u64,
    /// Roughly the memory that its values take.
    pub bytes: usize,
}

impl Plan {
    /// # Errors
    /// A default does not fit its field, or Arrow refuses a type.
    pub fn new(schema: &TableSchema, on_unknown: OnUnknownField, zone: Zone) -> Result<Plan, Unusable> {
        let members = Members::compile(&schema.fields, zone)?;
        let mut fields: Vec<_> = schema.arrow().fields().to_vec();
        if on_unknown.keeps() {
            fields.push(Arc::new(ArrowField::new(RESCUED, DataType::Utf8, true)));
        }
        // So that columns can be made without a fault later.
        schema.fields.iter().map(Column::of).collect::<Result<Vec<_>, _>>()?;
        let arrow = Arc::new(ArrowSchema::new(fields));
        let (fields, keeps_texts) = (schema.fields.clone(), schema.judges_rows());
        Ok(Plan { members, schema: arrow, fields, on_unknown, zone, keeps_texts })
    }

    /// The data columns, and the column of rescued members if there is one.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Plan {
    pub(super) fn members(&self) -> &Members {
        &self.members
    }
}

impl Columns {
    /// # Errors
    /// Arrow refuses a type; [`Plan::new`] has ruled that out.
    pub fn new(plan: Arc<Plan>) -> Result<Columns, ArrowError> {
        let columns = plan.fields.iter().map(Column::of).collect::<Result<_, _>>()?;
        let rescued = (plan.on_unknown != OnUnknownField::Reject).then(Bytes::default);
        let memory = Memory::of(&plan.members);
        let newcomers = Newcomers::default();
        let texts = plan.keeps_texts.then(Texts::default);
        let (unknown, refused, cells, rows) = (None, 0, false, 0);
        Ok(Columns { plan, columns, rescued, newcomers, unknown, refused, cells, memory, rows, texts })
    }

    /// Says whether the records to come are made of cells of text.
    pub(super) fn reads_cells(&mut self, cells: bool) {
        self.cells = cells;
    }

    /// The unknown fields of all batches since the last call.
    pub(super) fn take_newcomers(&mut self) -> Newcomers {
        std::mem::take(&mut self.newcomers)
    }

    /// The unknown members of the last batch, if its rows may still be refused and have some.
    pub(super) fn take_unknown(&mut self) -> Option<Unknown> {
        self.unknown.take()
    }

    /// As [`Plan::schema`].
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// Rows appended since the last batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a record, or nothing of it.
    ///
    /// # Errors
    /// The first value that does not fit.
    pub fn append(&mut self, record: &Parsed<'_>) -> Result<Appended, Box<Problem>> {
        let Parsed { text, value, read_by } = record;
        let mut check = Check::new(text, self.plan.on_unknown, self.plan.zone).read_by(*read_by);
        let cells = match check.record(&self.plan.members, value) {
            Ok(cells) => cells,
            Err(problem) => {
                self.refused += 1;
                let seen = (self.refused, self.cells);
                survey::observe_refused(&self.plan, record, seen, &mut self.newcomers);
                return Err(problem);
            }
        };
        let appended = check.appended();
        let rescued = match &self.rescued {
            Some(_) if appended.unknown_fields > 0 => {
                rescue::collect(&self.plan.members, value, text, *read_by)
            }
            _ => None,
        };
        for (column, cell) in self.columns.iter_mut().zip(&cells) {
            column.push(cell);
        }
        if let Some(builder) = &mut self.rescued {
            match rescued {
                Some(text) => builder.push(text.as_bytes()),
                None => builder.push_null(),
            }
        }
        self.rows += 1;
        Ok(appended)
    }

    /// Takes over rows that are known to fit: for each field its values, and for each row its unknown members as the text of an
    /// object, or `None`. Without unknown members in any row there need be no list of them.
    pub(super) fn take_rows(
        &mut self,
        values: &[Values],
        rows: std::ops::Range<usize>,
        unknown: &[Option<String>],
    ) {
        let slots = &self.plan.members.slots;
        for ((column, slot), values) in self.columns.iter_mut().zip(slots).zip(values) {
            column.extend(values, slot, rows.clone());
        }
        if let Some(rescued) = &mut self.rescued {
            for at in 0..rows.len() {
                match unknown.get(at).and_then(Option::as_ref) {
                    Some(text) => rescued.push(text.as_bytes()),
                    None => rescued.push_null(),
                }
            }
        }
        self.rows += rows.len();
    }

    /// True when the texts of the rows are kept.
    pub(super) fn keeps_texts(&self) -> bool {
        self.texts.is_some()
    }

    /// Keeps the text of the row that was just appended, if texts are kept.
    pub(super) fn keep_text(&mut self, origin: Origin<'_>) {
        if let Some(texts) = &mut self.texts {
            texts.push(origin);
        }
    }

    /// The texts of the last rows were counted from the start of a run: it lies at `offset`, behind `records` records.
    pub(super) fn place_texts(&mut self, run: u64, records: u64, offset: u64) {
        if let Some(texts) = &mut self.texts {
            texts.place_last(run as usize, records, offset);
        }
    }

    /// The texts of the rows so far, if they are kept; to be taken with [`Columns::finish`].
    pub(super) fn take_texts(&mut self) -> Option<Texts> {
        self.texts.as_mut().map(std::mem::take)
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        self.take_texts();
        self.rows = 0;
        self.columns.iter_mut().for_each(|column| column.truncate(0));
        if let Some(rescued) = &mut self.rescued {
            rescued.truncate(0);
        }
        self.newcomers = Newcomers::default();
    }

    /// The rows so far, as a batch; the columns are empty afterwards.
    ///
    /// # Errors
    /// Arrow refuses the arrays, which would be a fault of this module.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut arrays = self.columns.iter_mut().map(Column::finish).collect::<Result<Vec<ArrayRef>, _>>()?;
        if let Some(builder) = &mut self.rescued {
            let texts = builder.finish_text()?;
            let every = self.plan.on_unknown == OnUnknownField::Evolve;
            survey::observe(&self.plan.members, &texts, self.cells, every, &mut self.newcomers);
            self.unknown = Unknown::of(&self.plan, &texts, self.cells);
            if self.plan.on_unknown.keeps() {
                arrays.push(Arc::new(texts));
            }
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
