//! Rules between the columns of one record, as SQL: compiled once, evaluated on whole batches.
//!
//! As in SQL, a check that is null passes: whether a value may be absent is a matter of `nullable`. The outcome for a record
//! depends on its own values and on nothing else, however records are put together in batches.

mod admit;
mod compile;
mod contained;
mod evaluate;
mod spelling;

use std::fmt;
use std::sync::Arc;

use datafusion::physical_expr::PhysicalExpr;

pub use compile::{CheckFault, Compiler};
pub use evaluate::Broken;

/// A condition that every record of a table must meet.
#[derive(Clone)]
pub struct Check {
    pub name: String,
    /// As it was written.
    pub expr: String,
    /// Positions of the columns that it names, in their order in the expression.
    pub columns: Vec<usize>,
    compiled: Arc<dyn PhysicalExpr>,
}

impl Check {
    /// The rule of a record that breaks it.
    pub fn rule(&self) -> String {
        format!("check.{}", self.name)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).field("expr", &self.expr).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
