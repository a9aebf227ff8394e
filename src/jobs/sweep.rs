//! Deletes replaced data files from the disk, and forgets those that no job has to hear about any more.
//!
//! A job that reads a table must learn that one of its files went away, or a day would keep rows that are gone. So
//! the ledger's row outlives the file until every job on that table has had a success after the removal.

use std::collections::HashMap;

use super::error::JobError;
use super::runner::Runner;
use crate::lake::staging;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    pub deleted: usize,
    pub forgotten: u64,
}

impl Runner {
    /// Sweeps all tables; safe at any time, also while others read: they list again when a file is gone.
    ///
    /// # Errors
    /// The ledger cannot be read or written.
    pub async fn sweep_removed(&self) -> Result<Swept, JobError> {
        let metadata = self.metadata();
        let removed = metadata.removed_data_files().await?;
        if removed.is_empty() {
            return Ok(Swept::default());
        }
        let seen = self.seen_by_all().await?;
        let mut commits: HashMap<i64, Option<i64>> = HashMap::new();
        let mut swept = Swept::default();
        let mut forget = Vec::new();
        for row in removed {
            let was_there = self.lake().place(&row.path).exists();
            if was_there && let Err(error) = staging::remove(self.lake(), [row.path.as_str()]) {
                tracing::warn!(path = row.path, cause = %error, "cannot delete a data file that was replaced");
                continue;
            }
            swept.deleted += usize::from(was_there);
            let Some(by) = row.removed_by_load else { continue };
            let commit = match commits.get(&by) {
                Some(known) => *known,
                None => metadata.load(by).await?.and_then(|load| load.commit_seq),
            };
            commits.insert(by, commit);
            if needed_until(&seen, &row.table_name)
                .is_none_or(|seen| commit.is_some_and(|commit| commit <= seen))
            {
                forget.push(row.id);
            }
        }
        swept.forgotten = metadata.forget_data_files(&forget).await?;
        Ok(swept)
    }

    /// By source table: the commit that every job on it has seen.
    async fn seen_by_all(&self) -> Result<HashMap<String, i64>, JobError> {
        let mut seen: HashMap<String, i64> = HashMap::new();
        for job in self.metadata().jobs().await? {
            // A job without a success recomputes everything anyway.
            let Some(last) = self.metadata().last_success(&job.name).await? else { continue };
            let through = last.through_seq;
            seen.entry(job.source_table)
                .and_modify(|least| *least = (*least).min(through))
                .or_insert(through);
        }
        Ok(seen)
    }
}

fn needed_until(seen: &HashMap<String, i64>, table: &str) -> Option<i64> {
    seen.get(table).copied()
}
