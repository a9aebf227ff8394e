//! One run of a job: list the source, find the affected days, compute them, publish them in one load.

use std::collections::BTreeSet;
use std::time::Instant;

use arrow::datatypes::DataType;
use chrono::NaiveDate;
use serde::Serialize;

use super::affected;
use super::definition::Unusable;
use super::error::JobError;
use super::output::{self, DAY, Destination};
use super::source::Source;
use crate::lake::{DataFile, Lake, Staging, staging};
use crate::metadata::jobs::JobRow;
use crate::metadata::loads::{Intent, LoadKind, NewDataFile, NewLoad};
use crate::metadata::{Kind, Metadata};
use crate::query::listing::{LakeFile, in_commit_order};
use crate::query::{Engine, POSITION, QueryError, SourceWindow};

/// How often a run starts again because files were replaced under it.
const ATTEMPTS: usize = 5;

/// How a run ended.
#[derive(Debug)]
pub enum Ran {
    Finished(RunReport),
    /// Somebody else runs, or ran, this occurrence.
    AlreadyRecorded,
}

/// What a successful run did.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    pub run_id: i64,
    pub job: String,
    pub target_table: String,
    /// The days that were recomputed.
    pub days: Vec<NaiveDate>,
    pub rows_written: u64,
    pub files_written: usize,
    pub files_removed: usize,
    /// `None` when there was nothing to write.
    pub load_id: Option<i64>,
    /// Commits looked at: after `from_seq`, up to `through_seq`.
    pub from_seq: i64,
    pub through_seq: i64,
    /// New rows whose time is null; they belong to no day.
    pub rows_without_time: u64,
    /// False when there is no source table yet.
    pub source_exists: bool,
    pub elapsed_ms: u64,
}

/// The commits that a run looks at.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub from_seq: i64,
    pub through_seq: i64,
}

impl Span {
    /// After the last success, up to now.
    pub async fn of(metadata: &Metadata, job: &JobRow) -> Result<Self, JobError> {
        let last = metadata.last_success(&job.name).await?;
        Ok(Span {
            from_seq: last.map_or(0, |run| run.through_seq),
            through_seq: metadata.max_commit_seq().await?,
        })
    }
}

/// What is to be recomputed.
#[derive(Debug)]
struct Plan {
    days: BTreeSet<NaiveDate>,
    window: SourceWindow,
    /// Every day at once: the source is read without bounds and all files of the target are replaced.
    everything: bool,
    rows_without_time: u64,
}

/// A job and all that it takes to run it.
pub struct Work<'a> {
    pub engine: &'a Engine,
    pub metadata: &'a Metadata,
    pub lake: &'a Lake,
    /// The id of this process in the ledger.
    pub owner: &'a str,
    pub job: &'a JobRow,
}

impl Work<'_> {
    /// Runs the job over `span`, or over just `days`.
    pub async fn perform(
        &self,
        run_id: i64,
        span: Span,
        days: Option<&[NaiveDate]>,
    ) -> Result<RunReport, JobError> {
        let started = Instant::now();
        let mut report = self.empty_report(run_id, span);
        for attempt in 1..=ATTEMPTS {
            match self.attempt(&mut report, span, days).await {
                Err(error) if attempt < ATTEMPTS && is_race(&error) => {
                    tracing::info!(job = self.job.name, attempt, cause = %error, "a job starts again");
                }
                outcome => {
                    outcome?;
                    break;
                }
            }
        }
        report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    fn empty_report(&self, run_id: i64, span: Span) -> RunReport {
        RunReport {
            run_id,
            job: self.job.name.clone(),
            target_table: self.job.target_table.clone(),
            days: Vec::new(),
            rows_written: 0,
            files_written: 0,
            files_removed: 0,
            load_id: None,
            from_seq: span.from_seq,
            through_seq: span.through_seq,
            rows_without_time: 0,
            source_exists: true,
            elapsed_ms: 0,
        }
    }

    async fn attempt(
        &self,
        report: &mut RunReport,
        span: Span,
        days: Option<&[NaiveDate]>,
    ) -> Result<(), JobError> {
        let Some(files) = self.engine.lake_files(&self.job.source_table).await? else {
            report.source_exists = false;
            return Ok(());
        };
        let plan = self.plan(in_commit_order(files), span, days).await?;
        report.days = plan.days.iter().copied().collect();
        report.rows_without_time = plan.rows_without_time;
        if plan.rows_without_time > 0 {
            let (rows, column) = (plan.rows_without_time, &self.job.time_column);
            tracing::warn!(job = self.job.name, rows, column, "rows without a time belong to no day");
        }
        if plan.days.is_empty() {
            return Ok(());
        }
        check_query(self.engine, self.job, &plan.window).await?;
        self.write(report, plan).await
    }

    async fn plan(
        &self,
        files: Vec<LakeFile>,
        span: Span,
        days: Option<&[NaiveDate]>,
    ) -> Result<Plan, JobError> {
        let window = |files, days| SourceWindow {
            table: self.job.source_table.clone(),
            time_column: self.job.time_column.clone(),
            files,
            days,
            since: 0,
        };
        if let Some(days) = days {
            let days: BTreeSet<NaiveDate> = days.iter().copied().collect();
            let bounds = Some(affected::ranges(&days));
            return Ok(Plan { days, window: window(files, bounds), everything: false, rows_without_time: 0 });
        }
        let source = Source { engine: self.engine, metadata: self.metadata, job: self.job };
        let removed = source.removed_since(span.from_seq).await?;
        let changes = affected::changes(&files, &removed, span.from_seq, &self.job.time_column);
        // A file that compaction has merged may hold old rows beside new ones.
        let since = if changes.everything { 0 } else { span.from_seq };
        let new = SourceWindow { since, ..window(changes.new_files, None) };
        let (mut days, rows_without_time) = source.days_in(new).await?;
        days.extend(changes.removed_days);
        if changes.everything {
            let old = self.target_files().await?;
            let shown = old.iter().filter_map(|file| file.partition_value.as_deref());
            days.extend(shown.filter_map(|day| day.parse::<NaiveDate>().ok()));
        }
        let bounds = (!changes.everything).then(|| affected::ranges(&days));
        Ok(Plan { days, window: window(files, bounds), everything: changes.everything, rows_without_time })
    }

    async fn target_files(&self) -> Result<Vec<LakeFile>, JobError> {
        let files = self.metadata.live_data_files(&self.job.target_table).await?;
        Ok(files.into_iter().map(LakeFile::from).collect())
    }

    async fn write(&self, report: &mut RunReport, plan: Plan) -> Result<(), JobError> {
        let load = NewLoad {
            kind: LoadKind::Job,
            table_name: self.job.target_table.clone(),
            file_type: None,
            schema_version: None,
            owner: self.owner.to_string(),
        };
        let load_id = self.metadata.begin_load(&load).await?;
        let destination =
            Destination { lake: self.lake.clone(), table: self.job.target_table.clone(), load_id };
        let outcome = self.fill(report, plan, &destination).await;
        if let Err(left) = Staging::of(self.lake, load_id).clear() {
            tracing::warn!(load_id, cause = %left, "a staging folder is left for recovery");
        }
        outcome
    }

    /// Computes, stages, publishes and commits; whatever fails before the commit is undone.
    async fn fill(
        &self,
        report: &mut RunReport,
        plan: Plan,
        destination: &Destination,
    ) -> Result<(), JobError> {
        let load_id = destination.load_id;
        let staged = match self.stage(plan, destination).await {
            Ok(staged) => staged,
            Err(error) => return self.give_up(load_id, &[], error).await,
        };
        let (lake, files) = (self.lake.clone(), staged.files.clone());
        let published = match tokio::task::spawn_blocking(move || staging::publish(&lake, &files)).await {
            Ok(published) => published.map_err(JobError::Lake),
            Err(stopped) => Err(JobError::Stopped(stopped.to_string())),
        };
        if let Err(error) = published {
            return self.give_up(load_id, &staged.files, error).await;
        }
        // From here on recovery finishes the load whatever happens: its intent is on record, its files are in place.
        self.metadata.commit(load_id).await?;
        report.load_id = Some(load_id);
        report.rows_written = staged.files.iter().map(|file| file.rows).sum();
        report.files_written = staged.files.len();
        report.files_removed = staged.replaced.len();
        Ok(())
    }

    async fn give_up(&self, load_id: i64, published: &[DataFile], error: JobError) -> Result<(), JobError> {
        if let Err(left) = staging::remove(self.lake, published.iter().map(|file| file.path.as_str())) {
            // In no list, so no reader sees it.
            tracing::warn!(load_id, cause = %left, "a data file of a failed load is left behind");
        }
        if let Err(left) = self.metadata.roll_back(load_id, &[]).await {
            tracing::warn!(load_id, cause = %left, "a load is left for recovery");
        }
        Err(error)
    }

    /// Everything up to the intent in the ledger.
    async fn stage(&self, plan: Plan, destination: &Destination) -> Result<Staged, JobError> {
        let Plan { days, window, everything, .. } = plan;
        let old = self.target_files().await?;
        let rows = self.engine.run_windowed(&self.job.query, &window, Some(DAY)).await?;
        let files = output::write(rows, days.clone(), destination.clone()).await?;
        let named: BTreeSet<String> = days.iter().map(NaiveDate::to_string).collect();
        let is_replaced = |file: &LakeFile| {
            everything || file.partition_value.as_ref().is_some_and(|day| named.contains(day))
        };
        let replaced: Vec<LakeFile> = old.into_iter().filter(is_replaced).collect();
        let intent = Intent {
            data_files: files.iter().map(new_data_file).collect(),
            removes: replaced.iter().map(|file| file.id).collect(),
            ..Intent::default()
        };
        self.metadata.stage(destination.load_id, &intent).await?;
        Ok(Staged { files, replaced })
    }
}

struct Staged {
    files: Vec<DataFile>,
    replaced: Vec<LakeFile>,
}

fn new_data_file(file: &DataFile) -> NewDataFile {
    NewDataFile {
        path: file.path.clone(),
        partition_value: file.partition.clone(),
        rows: i64::try_from(file.rows).unwrap_or(i64::MAX),
        bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        column_ranges: file.column_ranges.clone(),
    }
}

/// Files or rows that were there when the run looked and not when it came back.
fn is_race(error: &JobError) -> bool {
    match error {
        JobError::Query(QueryError::FilesChanged) => true,
        JobError::Metadata(source) => source.kind() == Kind::Conflict,
        _ => false,
    }
}

/// Plans the query and looks at its columns.
///
/// # Errors
/// `Unusable` when the definition is at fault, `Query` when the lake or the ledger is.
pub async fn check_query(engine: &Engine, job: &JobRow, window: &SourceWindow) -> Result<(), JobError> {
    let columns = engine.columns_of(&job.query, window).await.map_err(|error| match error.kind() {
        Kind::User => JobError::Unusable(Unusable::query(&error)),
        _ => JobError::Query(error),
    })?;
    let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
    match columns.field_with_name(DAY) {
        Ok(day) if day.data_type() == &DataType::Date32 => {}
        Ok(day) => {
            let found = format!("it is a {}", crate::query::type_name(day.data_type()));
            return Err(Unusable::NoDay(found).into());
        }
        Err(_) => return Err(Unusable::NoDay(format!("it has {}", names.join(", "))).into()),
    }
    let mut seen = BTreeSet::new();
    match names.iter().filter(|name| **name != POSITION).find(|name| !seen.insert(name.to_lowercase())) {
        Some(twice) => {
            Err(Unusable::Query { what: format!("two columns are called {twice}"), hint: None }.into())
        }
        None => Ok(()),
    }
}
