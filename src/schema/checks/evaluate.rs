//! A check over a batch: which rows break it.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::error::DataFusionError;

use super::Check;
use super::compile::reason;
use super::contained::contained;

/// What a check says of a row that it does not let pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The condition is false.
    False,
    /// It has no value for this row, such as a quotient by zero; the reason.
    Error(String),
}

impl Check {
    /// The rows that break the check, in their order. The batch has the columns of the table's schema first, in their order.
    pub fn broken(&self, batch: &RecordBatch) -> Vec<(usize, Broken)> {
        let mut broken = Vec::new();
        self.find(batch, 0, &mut broken);
        broken
    }

    /// Kernels fail for all rows when they fail for one; halving finds it.
    fn find(&self, batch: &RecordBatch, first: usize, broken: &mut Vec<(usize, Broken)>) {
        let rows = batch.num_rows();
        match self.evaluate(batch) {
            Ok(values) => {
                if values.has_false() {
                    let is_false = |row: &usize| values.is_valid(*row) && !values.value(*row);
                    broken.extend((0..rows).filter(is_false).map(|row| (first + row, Broken::False)));
                }
            }
            Err(error) if rows <= 1 => broken.push((first, Broken::Error(reason(&error)))),
            Err(_) => {
                let half = rows / 2;
                self.find(&batch.slice(0, half), first, broken);
                self.find(&batch.slice(half, rows - half), first + half, broken);
            }
        }
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, DataFusionError> {
        let values = contained(|| self.compiled.evaluate(batch)?.into_array(batch.num_rows()))?;
        let values = values.as_boolean_opt().cloned();
        values.ok_or_else(|| DataFusionError::Internal("the check gave no truth values".into()))
    }
}
