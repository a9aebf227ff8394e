//! What a row of `jobs` must be to be run. Pure.

use thiserror::Error;

use super::occurrences::{Schedule, ScheduleError};
use crate::metadata::{jobs::JobRow, ledger};
use crate::query::QueryError;

/// Longest name of a table that a job may make: it becomes a folder and part of a file name.
const MAX_NAME: usize = 100;

/// A job that can be tried.
#[derive(Debug, Clone)]
pub struct Definition {
    pub schedule: Schedule,
}

/// Why a job cannot be run; goes into `jobs.status_reason`.
#[derive(Debug, Error)]
pub enum Unusable {
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
    #[error(
        "target_table '{0}' must be a letter followed by at most {max} letters, digits and underscores, all small",
        max = MAX_NAME - 1
    )]
    TargetName(String),
    #[error("target_table '{0}' is a table of the ledger; choose another name")]
    TargetIsLedger(String),
    #[error("target_table '{0}' already holds the files of a type; choose another name")]
    TargetIsType(String),
    #[error("target_table and source_table are both '{0}'; a job cannot read what it writes")]
    TargetIsSource(String),
    #[error("query: {what}{}", .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
    Query { what: String, hint: Option<String> },
    #[error(
        "query: the result has no column day of type DATE ({0}); add for instance CAST(event_time AS DATE) AS day"
    )]
    NoDay(String),
}

impl Unusable {
    /// The query cannot be planned.
    pub fn query(error: &QueryError) -> Self {
        Unusable::Query { what: error.to_string(), hint: error.hint() }
    }
}

impl Definition {
    /// Checks everything that needs no look at the lake. `is_type_table` knows the tables of file types.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(job: &JobRow, is_type_table: impl Fn(&str) -> bool) -> Result<Self, Unusable> {
        let target = job.target_table.as_str();
        if !is_table_name(target) {
            return Err(Unusable::TargetName(crate::printable::shorten(target, 60)));
        }
        if ledger::is_reserved(target) {
            return Err(Unusable::TargetIsLedger(target.into()));
        }
        if target == job.source_table {
            return Err(Unusable::TargetIsSource(target.into()));
        }
        if is_type_table(target) {
            return Err(Unusable::TargetIsType(target.into()));
        }
        Ok(Definition { schedule: Schedule::parse(&job.schedule, &job.timezone)? })
    }
}

fn is_table_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_plain_small_name() {
        for name in ["daily_summary", "a", "t2"] {
            assert!(is_table_name(name), "{name}");
        }
        for name in ["", "../x", "Daily", "2t", "_t", "a b", "é", &"x".repeat(101)] {
            assert!(!is_table_name(name), "{name}");
        }
    }
}
