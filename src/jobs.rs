//! Scheduled SQL: queries whose results are kept as tables of the lake, recomputed day by day.
//!
//! A job is a row in `jobs`; each time that it is due, and each run by hand, is a row in `job_runs`. A run
//! recomputes exactly the UTC days that loads touched since its last success. What is due and which days
//! are affected are pure decisions over ledger rows and a given time. This module knows nothing of the formats
//! that files come in, and nothing of who asks.

mod affected;
mod definition;
mod error;
mod occurrences;
mod output;
mod record;
mod run;
mod runner;
mod source;
mod sweep;

pub use definition::{Definition, Unusable};
pub use error::JobError;
pub use occurrences::{Occurrence, Schedule, ScheduleError, due};
pub use run::{Ran, RunReport};
pub use runner::{Due, Runner, Trigger};
pub use sweep::Swept;

#[cfg(test)]
mod tests;
