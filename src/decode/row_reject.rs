//! Rows that are refused after all: they fit their columns, and yet break a check or repeat a key.

use arrow::array::RecordBatch;

use super::Chunk;
use super::error::DecodeError;
use super::problem::Problem;
use super::reject::Reject;
use super::row_values::RowValues;
use super::texts::Origin;
use crate::schema::checks::{Broken, Check};

/// Takes the rows out that break a check. Of several checks the first one counts: the next one sees only what is left.
///
/// # Errors
/// Arrow refuses to filter the batch, which would be a fault of the program.
pub(super) fn check(checks: &[Check], mut chunk: Chunk) -> Result<Chunk, DecodeError> {
    for check in checks {
        let broken = check.broken(&chunk.batch);
        if broken.is_empty() {
            continue;
        }
        let texts = chunk.texts_of_rows()?;
        let mut keep = vec![true; chunk.batch.num_rows()];
        broken.iter().for_each(|(row, _)| keep[*row] = false);
        let reject =
            |(row, broken): &(usize, Broken)| of_check(check, broken, &chunk.batch, *row, texts.row(*row));
        let rejects = broken.iter().map(reject).collect();
        chunk.sort_out(&keep, rejects)?;
    }
    Ok(chunk)
}

fn of_check(check: &Check, broken: &Broken, batch: &RecordBatch, row: usize, origin: Origin<'_>) -> Reject {
    let values = RowValues::of(batch, check.columns.iter().copied(), row);
    let found = values.sentence();
    let (message, shape) = match broken {
        Broken::False => (format!("{} is false: {found}", check.expr), "false"),
        Broken::Error(reason) => (format!("{} has no value ({reason}): {found}", check.expr), "error"),
    };
    into_reject(Problem::of_row(&check.rule(), message, &values, &check.name, shape), origin)
}

fn into_reject(problem: Problem, origin: Origin<'_>) -> Reject {
    let Origin { number, offset, raw } = origin;
    problem.into_reject(number, offset, raw.to_vec())
}

impl Reject {
    /// A row whose key was there before. `columns` are the positions of the key's columns in the batch; `before` says where the first
    /// one is.
    pub fn of_repeat(
        batch: &RecordBatch,
        columns: &[usize],
        row: usize,
        before: &str,
        origin: Origin<'_>,
    ) -> Reject {
        let values = RowValues::of(batch, columns.iter().copied(), row);
        let schema = batch.schema();
        let names: Vec<&str> = columns.iter().map(|&at| schema.field(at).name().as_str()).collect();
        let message =
            format!("{}, as in {before}; the key ({}) is unique", values.sentence(), names.join(", "));
        into_reject(Problem::of_row("record.unique", message, &values, &names.join(","), "repeat"), origin)
    }
}
