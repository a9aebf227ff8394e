//! Jobs, which operators write by hand, and their runs: one row for each time that a job was due.

use chrono::{DateTime, Utc};

use super::Metadata;
use super::error::MetadataError;
use super::row::{ledger_row, words};
use super::statement::Sql;
use super::types::TypeStatus;

/// Whether a job runs on its schedule; the same words as for types.
pub type JobStatus = TypeStatus;

words! {
    /// Why a run was started.
    pub enum TriggerKind {
        Schedule = "schedule",
        /// It was due while nobody was there.
        CatchUp = "catch_up",
        Manual = "manual",
        Backfill = "backfill",
    }
}

words! {
    pub enum RunState {
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        /// Its process is gone; its time may be tried again.
        Abandoned = "abandoned",
    }
}

ledger_row! {
    /// One job, as stored; nothing in it has been checked.
    pub struct JobRow in "jobs" {
        pub id: i64,
        pub name: String,
        pub target_table: String,
        pub source_table: String,
        pub time_column: String,
        pub query: String,
        pub schedule: String,
        pub timezone: String,
        pub status: JobStatus,
        pub status_reason: Option<String>,
        pub description: Option<String>,
        /// Occurrences before this time are nobody's business.
        pub scheduled_since: DateTime<Utc>,
        pub created_at: DateTime<Utc>,
        pub updated_at: DateTime<Utc>,
    }
}

ledger_row! {
    pub struct JobRunRow in "job_runs" {
        pub id: i64,
        pub job_name: String,
        pub trigger_kind: TriggerKind,
        /// The time at which it was due; null for runs by hand.
        pub scheduled_for: Option<DateTime<Utc>>,
        pub state: RunState,
        pub owner: Option<String>,
        /// The commits that the run looks at: after `from_seq`, up to `through_seq`.
        pub from_seq: i64,
        pub through_seq: i64,
        /// JSON: the days that it recomputed.
        pub days: Option<String>,
        pub days_count: i64,
        pub rows_written: i64,
        pub load_id: Option<i64>,
        pub error_code: Option<String>,
        pub error_message: Option<String>,
        pub started_at: DateTime<Utc>,
        pub finished_at: Option<DateTime<Utc>>,
    }
}

/// A job to add.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub name: String,
    pub target_table: String,
    pub source_table: String,
    pub time_column: String,
    pub query: String,
    pub schedule: String,
    pub timezone: String,
    pub description: Option<String>,
}

/// A run to start.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub job_name: String,
    pub kind: TriggerKind,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub owner: String,
    pub from_seq: i64,
    pub through_seq: i64,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub enum RunOutcome {
    Succeeded { days: Vec<String>, rows_written: i64, load_id: Option<i64> },
    Failed { code: String, message: String },
}

const LIST: &str = "list the runs of a job";

fn select_runs(condition: &str) -> String {
    format!("SELECT {} FROM job_runs WHERE {condition}", JobRunRow::COLUMNS)
}

impl Metadata {
    /// All jobs, in the order of their names.
    pub async fn jobs(&self) -> Result<Vec<JobRow>, MetadataError> {
        let text = format!("SELECT {} FROM jobs ORDER BY name", JobRow::COLUMNS);
        Sql::new("list the jobs", text).all(self.read()).await
    }

    pub async fn job(&self, name: &str) -> Result<Option<JobRow>, MetadataError> {
        let text = format!("SELECT {} FROM jobs WHERE name = $1", JobRow::COLUMNS);
        Sql::new("look up a job", text).bind(name).one(self.read()).await
    }

    /// Adds a job; false when its name or its target exists already, which leaves the existing row as it is.
    pub async fn ensure_job(&self, job: &NewJob) -> Result<bool, MetadataError> {
        let NewJob { name, target_table, source_table, time_column, query, schedule, timezone, description } =
            job;
        let text =
            "INSERT INTO jobs (name, target_table, source_table, time_column, query, schedule, timezone,
                        description)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let inserted = Sql::new("add a job", text)
            .bind(name)
            .bind(target_table)
            .bind(source_table)
            .bind(time_column)
            .bind(query)
            .bind(schedule)
            .bind(timezone)
            .bind(description)
            .run(self.write())
            .await?;
        Ok(inserted > 0)
    }

    /// Says on the row why the job does not run, or that it does. False, and nothing written, when it said
    /// so.
    pub async fn set_job_reason(&self, id: i64, reason: Option<&str>) -> Result<bool, MetadataError> {
        let text = "UPDATE jobs SET status_reason = $2 WHERE id = $1 AND status_reason IS DISTINCT FROM $2";
        let act = Sql::new("explain the status of a job", text).bind(id).bind(reason);
        Ok(act.run(self.write()).await? > 0)
    }

    /// Starts a run and gives its id; `None` when the job has a run for this time already.
    pub async fn start_run(&self, run: &NewRun) -> Result<Option<i64>, MetadataError> {
        let NewRun { job_name, kind, scheduled_for, owner, from_seq, through_seq } = run;
        let text =
            "INSERT INTO job_runs (job_name, trigger_kind, scheduled_for, owner, from_seq, through_seq)
                    VALUES ($1, $2, $3, $4, $5, $6)
                    ON CONFLICT (job_name, scheduled_for) WHERE state <> 'abandoned' DO NOTHING RETURNING id";
        Sql::new("start a run", text)
            .bind(job_name)
            .bind(*kind)
            .bind(*scheduled_for)
            .bind(owner)
            .bind(*from_seq)
            .bind(*through_seq)
            .value(self.write(), "id")
            .await
    }

    /// Ends a run; false when it was not running any more.
    pub async fn finish_run(&self, id: i64, outcome: &RunOutcome) -> Result<bool, MetadataError> {
        const ACT: &str = "end a run";
        let sql = match outcome {
            RunOutcome::Succeeded { days, rows_written, load_id } => {
                let text = "UPDATE job_runs SET state = 'succeeded', days = $2, days_count = $3,
                                rows_written = $4, load_id = $5, finished_at = {now}
                            WHERE id = $1 AND state = 'running'";
                let listed = serde_json::Value::from(days.clone()).to_string();
                let sql = Sql::new(ACT, text).bind(id).bind(&listed).bind(days.len() as i64);
                sql.bind(*rows_written).bind(*load_id)
            }
            RunOutcome::Failed { code, message } => {
                let text = "UPDATE job_runs SET state = 'failed', error_code = $2, error_message = $3,
                                finished_at = {now} WHERE id = $1 AND state = 'running'";
                Sql::new(ACT, text).bind(id).bind(code).bind(message)
            }
        };
        Ok(sql.run(self.write()).await? > 0)
    }

    /// Gives up a run whose process is gone; the time at which it was due is free again. False when it was
    /// not running any more.
    pub async fn abandon_run(&self, id: i64) -> Result<bool, MetadataError> {
        let text = "UPDATE job_runs SET state = 'abandoned', finished_at = {now}
                    WHERE id = $1 AND state = 'running'";
        Ok(Sql::new("abandon a run", text).bind(id).run(self.write()).await? > 0)
    }

    /// The successful run that got furthest in the order of commits.
    pub async fn last_success(&self, job: &str) -> Result<Option<JobRunRow>, MetadataError> {
        let text =
            select_runs("job_name = $1 AND state = 'succeeded' ORDER BY through_seq DESC, id DESC LIMIT 1");
        Sql::new(LIST, text).bind(job).one(self.read()).await
    }

    /// The latest time at which the job was due and somebody started to do it.
    pub async fn last_scheduled(&self, job: &str) -> Result<Option<DateTime<Utc>>, MetadataError> {
        let text =
            "SELECT max(scheduled_for) AS due FROM job_runs WHERE job_name = $1 AND state <> 'abandoned'";
        let due: Option<Option<DateTime<Utc>>> =
            Sql::new(LIST, text).bind(job).value(self.read(), "due").await?;
        Ok(due.flatten())
    }

    /// The runs that some owner claims to be doing, of all jobs.
    pub async fn running_runs(&self) -> Result<Vec<JobRunRow>, MetadataError> {
        Sql::new("list the runs in work", select_runs("state = 'running' ORDER BY id")).all(self.read()).await
    }

    /// The runs of a job, newest first.
    pub async fn job_runs(&self, job: &str, limit: i64) -> Result<Vec<JobRunRow>, MetadataError> {
        let text = select_runs("job_name = $1 ORDER BY id DESC LIMIT $2");
        Sql::new(LIST, text).bind(job).bind(limit).all(self.read()).await
    }
}
