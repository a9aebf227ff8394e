//! The unknown members of rows that may still be refused, row by row.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, StringArray};
use arrow::compute::{filter, not};
use arrow::error::ArrowError;

use super::{Plan, survey};
use crate::decode::newcomers::Newcomers;
use crate::schema::processing_config::OnUnknownField;

/// One text for each row, or null; present where a row has one.
#[derive(Debug, Clone)]
pub struct Unknown {
    plan: Arc<Plan>,
    texts: StringArray,
    cells: bool,
}

impl Unknown {
    pub(super) fn of(plan: &Arc<Plan>, texts: &StringArray, cells: bool) -> Option<Unknown> {
        let some = plan.keeps_texts && texts.null_count() < texts.len();
        some.then(|| Unknown { plan: Arc::clone(plan), texts: texts.clone(), cells })
    }

    /// Forgets the rows for which `keep` does not hold; how many members they had.
    ///
    /// # Errors
    /// Arrow refuses to filter the texts, which would be a fault of the program.
    pub fn retain(&mut self, keep: &BooleanArray) -> Result<u64, ArrowError> {
        let gone = filter(&self.texts, &not(keep)?)?;
        self.texts = filter(&self.texts, keep)?.as_string().clone();
        Ok(survey::members(&self.plan.members, gone.as_string()))
    }

    /// The fields of which the schema makes columns: those of the rows that are left, of no other record. `None` where it
    /// does not grow by itself.
    pub fn newcomers(&self) -> Option<Newcomers> {
        let mut newcomers = Newcomers::default();
        let grows = self.plan.on_unknown == OnUnknownField::Evolve;
        grows.then(|| {
            survey::observe(&self.plan.members, &self.texts, self.cells, true, &mut newcomers);
            newcomers
        })
    }
}
