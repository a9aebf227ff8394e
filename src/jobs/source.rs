//! What a run asks about its source: the days in some files, and which files were taken away.

use std::collections::{BTreeSet, HashMap};

use arrow::array::AsArray;
use arrow::datatypes::{Date32Type, Int64Type};
use chrono::NaiveDate;

use super::error::JobError;
use super::output;
use crate::metadata::Metadata;
use crate::metadata::jobs::JobRow;
use crate::metadata::loads::LoadKind;
use crate::query::listing::LakeFile;
use crate::query::{Engine, SourceWindow, quoted};

/// The source table of a job.
pub struct Source<'a> {
    pub engine: &'a Engine,
    pub metadata: &'a Metadata,
    pub job: &'a JobRow,
}

impl Source<'_> {
    /// The distinct days of the time column in these files, and how many rows have none.
    pub async fn days_in(&self, window: SourceWindow) -> Result<(BTreeSet<NaiveDate>, u64), JobError> {
        let mut days = BTreeSet::new();
        let total: u64 = window.files.iter().map(|file| file.rows_after(window.since)).sum();
        if window.files.is_empty() {
            return Ok((days, 0));
        }
        let (column, table) = (quoted(&window.time_column), quoted(&window.table));
        let sql = format!("SELECT CAST({column} AS DATE) AS day, count(*) AS found FROM {table} GROUP BY 1");
        let mut timed = 0;
        for batch in self.engine.run_windowed(&sql, &window, None).await?.collect().await? {
            let (found, counts) =
                (batch.column(0).as_primitive::<Date32Type>(), batch.column(1).as_primitive::<Int64Type>());
            for (day, count) in found.iter().zip(counts) {
                let day = day.and_then(output::date);
                days.insert(day.ok_or_else(|| JobError::Stopped("a time is outside the calendar".into()))?);
                timed += u64::try_from(count.unwrap_or_default()).unwrap_or_default();
            }
        }
        Ok((days, total.saturating_sub(timed)))
    }

    /// Files of the source that loads after `from_seq` replaced, as far as the ledger still knows them.
    pub async fn removed_since(&self, from_seq: i64) -> Result<Vec<LakeFile>, JobError> {
        let mut commits: HashMap<i64, i64> = HashMap::new();
        let mut removed = Vec::new();
        for row in self.metadata.removed_data_files().await? {
            if row.table_name != self.job.source_table {
                continue;
            }
            let Some(by) = row.removed_by_load else { continue };
            if self.commit_of(by, &mut commits).await? > from_seq {
                let commit_seq = self.commit_of(row.load_id, &mut commits).await?;
                removed.push(LakeFile::new(row, commit_seq));
            }
        }
        Ok(removed)
    }

    async fn commit_of(&self, load_id: i64, known: &mut HashMap<i64, i64>) -> Result<i64, JobError> {
        if let Some(commit_seq) = known.get(&load_id) {
            return Ok(*commit_seq);
        }
        let load = self.metadata.load(load_id).await?;
        // Rewriting the same rows changes no day.
        let commit_seq = match load {
            Some(load) if load.kind != LoadKind::Compaction => load.commit_seq.unwrap_or_default(),
            _ => 0,
        };
        known.insert(load_id, commit_seq);
        Ok(commit_seq)
    }
}
