//! Compaction: small data files of a partition become few large ones, and nothing else changes.
//!
//! A merge is a load of kind `compaction`: staged, written down, published and committed like any other, so a crash
//! resumes by the ordinary path. [`plan`] decides, [`rewrite`] writes and proves, [`origins`] remembers where each row
//! came from, so that the order of rows and the days of jobs stay what they were. Knows neither source files nor who
//! asks. It may run beside loads of the same table, in this process or another: the ledger gives each data file to one
//! load only, and whoever comes second starts again.

mod digest;
mod error;
mod journey;
mod origins;
mod plan;
mod quiet;
mod report;
mod retire;
mod rewrite;
mod target;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use error::CompactError;
pub use origins::{origins_of, origins_of_kept};
pub use plan::folder_of;
pub use report::{Merge, PartitionReport, TableReport};
pub use retire::{purge_retired, retire_replaced};
pub use target::zone_of;

use crate::clock::Clock;
use crate::lake::Lake;
use crate::metadata::{Kind, Metadata};
use crate::owner::Owner;
use crate::query::listing::{LakeFile, in_commit_order};
use crate::query::{Engine, nearest};
use plan::{Bounds, Group, groups};
use target::Target;

/// How often a table is planned anew because others were at work on its files.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// Merges data files. Cheap to clone.
#[derive(Clone)]
pub struct Compactor {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    metadata: Metadata,
    lake: Lake,
    owner: Owner,
    clock: Clock,
    /// Of tables whose type says nothing.
    target_bytes: u64,
}

/// How eager to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eagerness {
    /// Somebody asks: merge whatever can be merged.
    Asked,
    /// By the way: only where enough files have gathered for it to pay.
    OfItself { min_files: usize },
}

/// What is to be done in a table at one moment.
struct TablePlan {
    target: Target,
    live: Vec<LakeFile>,
    groups: Vec<Group>,
}

impl Compactor {
    pub fn new(
        engine: Engine,
        metadata: Metadata,
        lake: Lake,
        owner: Owner,
        clock: Clock,
        target_bytes: u64,
    ) -> Self {
        Compactor { inner: Arc::new(Inner { engine, metadata, lake, owner, clock, target_bytes }) }
    }

    /// All tables that have data files.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn tables(&self) -> Result<Vec<String>, CompactError> {
        Ok(self.inner.metadata.lake_tables().await?)
    }

    /// What [`Self::compact`] would do now.
    ///
    /// # Errors
    /// There is no such table; the ledger or a data file cannot be read.
    pub async fn look(&self, table: &str, eagerness: Eagerness) -> Result<TableReport, CompactError> {
        let plan = self.plan(table, eagerness).await?;
        let groups = plan.groups.iter().map(|group| (group.folder.as_str(), group.files.as_slice()));
        Ok(TableReport::of_plan(table, &plan.live, groups))
    }

    /// Merges the small data files of a table, group by group, until `stop`. `told` hears of each merge.
    ///
    /// # Errors
    /// There is no such table, or it cannot even be listed. What fails later is in the report.
    pub async fn compact(
        &self,
        table: &str,
        eagerness: Eagerness,
        stop: &CancellationToken,
        told: impl Fn(&Merge),
    ) -> Result<TableReport, CompactError> {
        let mut before: Option<Vec<LakeFile>> = None;
        let (mut merges, mut failures, mut left) = (Vec::new(), Vec::new(), None);
        for attempt in 1..=ATTEMPTS {
            let mut plan = match self.plan(table, eagerness).await {
                Err(error) if error.kind() == Kind::Conflict && attempt < ATTEMPTS => continue,
                plan => plan?,
            };
            before.get_or_insert_with(|| plan.live.clone());
            plan.groups.retain(|group| !failures.iter().any(|(folder, _)| *folder == group.folder));
            left = self.merge_all(&plan, stop, &mut merges, &mut failures, &told).await;
            match &left {
                Some(conflict) if attempt < ATTEMPTS && !stop.is_cancelled() => {
                    tracing::debug!(table, attempt, "starts again: {}", conflict.whole_message());
                    tokio::time::sleep(PAUSE * attempt).await;
                }
                _ => break,
            }
        }
        let report = TableReport::of_merges(table, &before.unwrap_or_default(), &merges);
        Ok(TableReport { failures, left, ..report })
    }

    /// One group after the other. Gives the conflict that ended it early.
    async fn merge_all(
        &self,
        plan: &TablePlan,
        stop: &CancellationToken,
        merges: &mut Vec<Merge>,
        failures: &mut Vec<(String, CompactError)>,
        told: &impl Fn(&Merge),
    ) -> Option<CompactError> {
        for group in &plan.groups {
            if stop.is_cancelled() {
                return Some(CompactError::Stopped);
            }
            match self.merge(&plan.target, group, stop).await {
                Ok(merge) => {
                    told(&merge);
                    merges.push(merge);
                }
                Err(error) => match error.kind() {
                    Kind::Conflict => return Some(error),
                    // The storage or the database: the other groups would meet the same.
                    Kind::Transient | Kind::User => {
                        failures.push((group.folder.clone(), error));
                        return None;
                    }
                    Kind::Data | Kind::Internal => failures.push((group.folder.clone(), error)),
                },
            }
        }
        None
    }

    async fn plan(&self, table: &str, eagerness: Eagerness) -> Result<TablePlan, CompactError> {
        let Some(files) = self.inner.engine.lake_files(table).await? else {
            let known = self.tables().await?;
            let near = nearest(table, known.iter().map(String::as_str));
            return Err(CompactError::UnknownTable { name: table.to_owned(), near });
        };
        let live = in_commit_order(files);
        let target = self.target(table).await?;
        let bounds = eagerness.bounds(target.target_bytes);
        let small = live.iter().filter(|file| plan::is_small(file, bounds.target_bytes)).cloned();
        let small: Vec<LakeFile> = small.collect();
        // The ledger alone says whether it can be worth opening any file.
        let alike: Vec<(LakeFile, usize)> = small.iter().map(|file| (file.clone(), 0)).collect();
        if groups(&alike, bounds).is_empty() {
            return Ok(TablePlan { target, live, groups: Vec::new() });
        }
        let shapes = self.inner.engine.shapes(&small).await?;
        let shaped: Vec<(LakeFile, usize)> = small.into_iter().zip(shapes).collect();
        Ok(TablePlan { target, live, groups: groups(&shaped, bounds) })
    }
}

impl Eagerness {
    fn bounds(self, target_bytes: u64) -> Bounds {
        match self {
            Eagerness::Asked => Bounds { target_bytes, min_files: 2, thrifty: false },
            Eagerness::OfItself { min_files } => Bounds { target_bytes, min_files, thrifty: true },
        }
    }
}
