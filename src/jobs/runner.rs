//! Which jobs are due, and the frame around a run: one at a time, recorded however it ends.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use futures::future::BoxFuture;

use super::definition::{Definition, Unusable};
use super::error::JobError;
use super::occurrences;
use super::record::Record;
use super::run::{self, Ran};
use crate::lake::Lake;
use crate::metadata::Metadata;
use crate::metadata::jobs::{JobRow, JobStatus, NewRun, TriggerKind};
use crate::owner::Owner;
use crate::query::{Engine, SourceWindow, nearest};

/// Why a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    Schedule(DateTime<Utc>),
    /// Its time passed while nobody was there.
    CatchUp(DateTime<Utc>),
    Manual,
    Backfill,
}

impl Trigger {
    fn kind(self) -> TriggerKind {
        match self {
            Trigger::Schedule(_) => TriggerKind::Schedule,
            Trigger::CatchUp(_) => TriggerKind::CatchUp,
            Trigger::Manual => TriggerKind::Manual,
            Trigger::Backfill => TriggerKind::Backfill,
        }
    }

    fn scheduled_for(self) -> Option<DateTime<Utc>> {
        match self {
            Trigger::Schedule(at) | Trigger::CatchUp(at) => Some(at),
            Trigger::Manual | Trigger::Backfill => None,
        }
    }
}

/// A job whose time has come.
#[derive(Debug, Clone)]
pub struct Due {
    pub job: String,
    pub trigger: Trigger,
}

/// Runs jobs. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    metadata: Metadata,
    lake: Lake,
    owner: Owner,
    awake_since: DateTime<Utc>,
    /// Runs of this process that are at work.
    working: Mutex<HashSet<i64>>,
    /// What was planned successfully, by job: it need not be planned again until it changes.
    planned: Mutex<HashMap<i64, [String; 4]>>,
}

impl Runner {
    /// `owner` is this process, `awake_since` when it started: what was due before that is a catch-up.
    pub fn new(
        engine: Engine,
        metadata: Metadata,
        lake: Lake,
        owner: Owner,
        awake_since: DateTime<Utc>,
    ) -> Self {
        let (working, planned) = (Mutex::default(), Mutex::default());
        Runner { inner: Arc::new(Inner { engine, metadata, lake, owner, awake_since, working, planned }) }
    }

    /// True while this process runs a job. Its loads of kind `job` are then its own: recovery leaves them alone.
    pub fn is_at_work(&self) -> bool {
        !self.working().is_empty()
    }

    /// The active jobs that must run now. A job that cannot be used says why in `status_reason` and is left out.
    ///
    /// # Errors
    /// The ledger cannot be read; a single job never is an error.
    pub async fn due(&self, now: DateTime<Utc>) -> Result<Vec<Due>, JobError> {
        let tables = self.type_tables().await?;
        let mut due = Vec::new();
        for job in self.inner.metadata.jobs().await? {
            if job.status != JobStatus::Active {
                continue;
            }
            let definition = match self.check(&job, &tables).await {
                Ok(definition) => definition,
                Err(reason) => {
                    self.books().usability(&job, Some(&reason)).await?;
                    continue;
                }
            };
            self.books().usability(&job, None).await?;
            let recorded = self.inner.metadata.last_scheduled(&job.name).await?;
            let since = job.scheduled_since;
            let found = occurrences::due(&definition.schedule, since, recorded, self.inner.awake_since, now);
            due.extend(found.map(|occurrence| Due {
                job: job.name,
                trigger: match occurrence.catch_up {
                    true => Trigger::CatchUp(occurrence.at),
                    false => Trigger::Schedule(occurrence.at),
                },
            }));
        }
        Ok(due)
    }

    /// Runs a job now. `days` recomputes just these days and leaves alone what the next run will look at.
    ///
    /// # Errors
    /// See [`JobError`]; a run that fails after it began is on record, with an alert.
    pub fn run<'a>(
        &'a self,
        job: &'a str,
        trigger: Trigger,
        days: Option<&'a [NaiveDate]>,
    ) -> BoxFuture<'a, Result<Ran, JobError>> {
        // Boxed: the compiler cannot prove this future `Send` for every lifetime of its arguments, only for one.
        Box::pin(self.perform(job, trigger, days))
    }

    async fn perform(
        &self,
        job: &str,
        trigger: Trigger,
        days: Option<&[NaiveDate]>,
    ) -> Result<Ran, JobError> {
        let row = self.find(job).await?;
        let tables = self.type_tables().await?;
        Definition::check(&row, |name| tables.contains(name))?;
        self.make_room(job).await?;
        let mut span = run::Span::of(&self.inner.metadata, &row).await?;
        if days.is_some() {
            // Days by hand leave the next run all that it would have looked at.
            span.through_seq = span.from_seq;
        }
        let new = NewRun {
            job_name: row.name.clone(),
            kind: trigger.kind(),
            scheduled_for: trigger.scheduled_for(),
            owner: self.inner.owner.id().to_string(),
            from_seq: span.from_seq,
            through_seq: span.through_seq,
        };
        let Some(run_id) = self.inner.metadata.start_run(&new).await? else {
            return Ok(Ran::AlreadyRecorded);
        };
        let _at_work = AtWork::begin(&self.inner, run_id);
        let work = run::Work {
            engine: &self.inner.engine,
            metadata: &self.inner.metadata,
            lake: &self.inner.lake,
            owner: self.inner.owner.id(),
            job: &row,
        };
        if let Err(busy) = self.only_run(run_id, job).await {
            // The time at which it was due stays free for another try.
            self.inner.metadata.abandon_run(run_id).await?;
            return Err(busy);
        }
        let outcome = work.perform(run_id, span, days).await;
        let report = self.books().outcome(&row, run_id, outcome).await?;
        if let Err(left) = self.sweep_removed().await {
            tracing::warn!(cause = %left.whole_message(), "replaced data files are left for the next sweep");
        }
        Ok(Ran::Finished(report))
    }

    async fn find(&self, name: &str) -> Result<JobRow, JobError> {
        if let Some(row) = self.inner.metadata.job(name).await? {
            return Ok(row);
        }
        let jobs = self.inner.metadata.jobs().await?;
        let near = nearest(name, jobs.iter().map(|job| job.name.as_str()));
        Err(JobError::Unknown { name: name.into(), near })
    }

    /// Gives up runs whose process is gone; refuses when one is really at work.
    async fn make_room(&self, job: &str) -> Result<(), JobError> {
        for run in self.inner.metadata.running_runs().await?.into_iter().filter(|run| run.job_name == job) {
            let owner = run.owner.as_deref().unwrap_or_default();
            let at_work = if owner == self.inner.owner.id() {
                self.working().contains(&run.id)
            } else {
                !self.inner.owner.is_gone(owner)
            };
            if at_work {
                return Err(JobError::Busy { job: job.into(), since: run.started_at.to_rfc3339() });
            }
            self.inner.metadata.abandon_run(run.id).await?;
        }
        Ok(())
    }

    /// Two processes may both have found room: the run that was recorded first goes on.
    async fn only_run(&self, run_id: i64, job: &str) -> Result<(), JobError> {
        let running = self.inner.metadata.running_runs().await?;
        match running.iter().find(|run| run.job_name == job && run.id < run_id) {
            Some(first) => Err(JobError::Busy { job: job.into(), since: first.started_at.to_rfc3339() }),
            None => Ok(()),
        }
    }

    fn books(&self) -> Record<'_> {
        Record { metadata: &self.inner.metadata }
    }

    async fn type_tables(&self) -> Result<BTreeSet<String>, JobError> {
        Ok(self.inner.metadata.types().await?.into_iter().map(|row| row.table_name).collect())
    }

    /// The cheap checks always; the query is planned once for each form of it, and again while it does not plan.
    async fn check(&self, job: &JobRow, tables: &BTreeSet<String>) -> Result<Definition, Unusable> {
        let definition = Definition::check(job, |name| tables.contains(name))?;
        let form = [&job.query, &job.source_table, &job.time_column, &job.target_table].map(String::clone);
        if self.planned().get(&job.id) == Some(&form) {
            return Ok(definition);
        }
        match self.plan_once(job).await {
            Ok(true) => {
                self.planned().insert(job.id, form);
                Ok(definition)
            }
            Ok(false) => Ok(definition),
            Err(JobError::Unusable(reason)) => Err(reason),
            // The lake or the ledger is at fault, not the definition: the run will say so.
            Err(other) => {
                tracing::debug!(job = job.name, cause = %other, "a job could not be planned ahead");
                Ok(definition)
            }
        }
    }

    /// Plans the query over nothing; false when there is no source yet, which is no fault.
    async fn plan_once(&self, job: &JobRow) -> Result<bool, JobError> {
        let Some(files) = self.inner.engine.lake_files(&job.source_table).await? else { return Ok(false) };
        let window = SourceWindow {
            table: job.source_table.clone(),
            time_column: job.time_column.clone(),
            files,
            days: Some(Vec::new()),
            since: 0,
        };
        run::check_query(&self.inner.engine, job, &window).await?;
        Ok(true)
    }

    fn working(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.inner.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn planned(&self) -> MutexGuard<'_, HashMap<i64, [String; 4]>> {
        self.inner.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    pub(super) fn lake(&self) -> &Lake {
        &self.inner.lake
    }
}

/// A run in work, taken off the list however it ends.
struct AtWork<'a> {
    inner: &'a Inner,
    run_id: i64,
}

impl<'a> AtWork<'a> {
    fn begin(inner: &'a Inner, run_id: i64) -> Self {
        inner.working.lock().unwrap_or_else(PoisonError::into_inner).insert(run_id);
        AtWork { inner, run_id }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.inner.working.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run_id);
    }
}
