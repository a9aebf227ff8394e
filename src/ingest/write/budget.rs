//! How many bad records a file may have.

use super::Counts;
use crate::metadata::files::Problem;
use crate::registry::TypeSpec;

pub(crate) struct Budget {
    most: u64,
    ratio: f64,
}

impl Budget {
    pub fn of(spec: &TypeSpec) -> Self {
        Self { most: spec.config.max_rejects, ratio: spec.config.max_reject_ratio }
    }

    /// The count is judged as it grows: reading on would only gather more of the same.
    pub fn exceeded_by(&self, counts: &Counts) -> Option<Problem> {
        let Counts { read, rejected, .. } = counts;
        (*rejected > self.most).then(|| {
            too_many(format!(
                "{rejected} of the first {read} records were refused; max_rejects is {}",
                self.most
            ))
        })
    }

    /// The ratio is judged when all records are known.
    pub fn exceeded_at_end(&self, counts: &Counts) -> Option<Problem> {
        let Counts { read, rejected, .. } = counts;
        (*rejected as f64 > self.ratio * *read as f64).then(|| {
            too_many(format!("{rejected} of {read} records were refused; max_reject_ratio is {}", self.ratio))
        })
    }
}

fn too_many(message: String) -> Problem {
    Problem {
        code: "file.too_many_rejects".into(),
        message: format!("{message}; no row was written"),
        hint: Some(
            "see the causes with `lakegate rejects list`; mend the schema or the file, then `lakegate files retry`"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_count_and_a_ratio() {
        let budget = Budget { most: 3, ratio: 0.5 };
        let counts = |read, rejected| Counts { read, rejected, ..Counts::default() };
        assert!(budget.exceeded_by(&counts(100, 3)).is_none());
        assert!(budget.exceeded_by(&counts(100, 4)).is_some());
        assert!(budget.exceeded_at_end(&counts(2, 1)).is_none());
        assert!(budget.exceeded_at_end(&counts(1, 1)).is_some());
        assert!(budget.exceeded_at_end(&counts(0, 0)).is_none());
    }
}
