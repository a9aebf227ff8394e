//! `lakegate jobs`: what is computed on a schedule, when, and what became of it.

mod show;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::args::JobsCommand;
use super::exit::{Exit, Failure};
use super::output::{print, print_json, time};
use super::session::Session;
use super::table::{Columns, plural};
use super::terminal::Terminal;
use crate::app::App;
use crate::jobs::{JobError, Ran, RunReport, Schedule, Trigger};
use crate::metadata::jobs::{JobRow, JobRunRow, JobStatus};
use crate::metadata::{Kind, Metadata};
use crate::query::nearest;

pub async fn run(command: JobsCommand, session: Session) -> Result<Exit, Failure> {
    match command {
        JobsCommand::List { json } => list(&session, json).await,
        JobsCommand::Show { name, json } => {
            let metadata = session.metadata().await?;
            show::run(&metadata, &find(&metadata, &name).await?, &session, json).await
        }
        JobsCommand::Run { name, days, json } => run_now(&session, &name, &days, json).await,
    }
}

async fn find(metadata: &Metadata, name: &str) -> Result<JobRow, Failure> {
    if let Some(job) = metadata.job(name).await? {
        return Ok(job);
    }
    let jobs = metadata.jobs().await?;
    let near = nearest(name, jobs.iter().map(|job| job.name.as_str()));
    Err(JobError::Unknown { name: name.into(), near }.into())
}

async fn list(session: &Session, json: bool) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let now = session.clock.now();
    let mut jobs = Vec::new();
    for job in metadata.jobs().await? {
        let last = metadata.job_runs(&job.name, 1).await?.into_iter().next();
        jobs.push((job, last));
    }
    if json {
        let all: Vec<Value> = jobs.iter().map(|(job, last)| to_json(job, last.as_ref(), now)).collect();
        print_json(&Value::Array(all))?;
        return Ok(Exit::Done);
    }
    if jobs.is_empty() {
        session.terminal.say("there are no jobs; `lakegate demo` and data/examples/vehicles.sql bring one\n");
        return Ok(Exit::Done);
    }
    let header = ["job", "status", "schedule", "makes", "next", "last run", "ended", "not used because"];
    let mut table = Columns::new(&session.terminal, &header);
    for (job, last) in &jobs {
        table.row([
            job.name.clone(),
            job.status.to_string(),
            schedule_text(job),
            job.target_table.clone(),
            next(job, now).map(time).unwrap_or_default(),
            last.as_ref().map(|run| time(run.started_at)).unwrap_or_default(),
            last.as_ref().map(|run| run.state.to_string()).unwrap_or_default(),
            job.status_reason.clone().unwrap_or_default(),
        ]);
    }
    print(&table.render())?;
    Ok(Exit::Done)
}

/// The schedule, with its zone when that is not UTC.
fn schedule_text(job: &JobRow) -> String {
    match job.timezone.as_str() {
        "UTC" => job.schedule.clone(),
        zone => format!("{} {zone}", job.schedule),
    }
}

/// When the job runs next by itself.
fn next(job: &JobRow, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let schedule = Schedule::parse(&job.schedule, &job.timezone).ok()?;
    (job.status == JobStatus::Active).then(|| schedule.next(now)).flatten()
}

fn to_json(job: &JobRow, last: Option<&JobRunRow>, now: DateTime<Utc>) -> Value {
    json!({
        "name": job.name,
        "status": job.status.to_string(),
        "status_reason": job.status_reason,
        "target_table": job.target_table,
        "source_table": job.source_table,
        "time_column": job.time_column,
        "schedule": job.schedule,
        "timezone": job.timezone,
        "description": job.description,
        "query": job.query,
        "next_run": next(job, now).map(time),
        "last_run": last.map(run_to_json),
    })
}

fn run_to_json(run: &JobRunRow) -> Value {
    let days: Value =
        run.days.as_deref().and_then(|days| serde_json::from_str(days).ok()).unwrap_or_default();
    json!({
        "run_id": run.id,
        "trigger": run.trigger_kind.to_string(),
        "scheduled_for": run.scheduled_for.map(time),
        "state": run.state.to_string(),
        "days": days,
        "rows_written": run.rows_written,
        "load_id": run.load_id,
        "error_code": run.error_code,
        "error_message": run.error_message,
        "started_at": time(run.started_at),
        "finished_at": run.finished_at.map(time),
    })
}

async fn run_now(session: &Session, name: &str, days: &[NaiveDate], json: bool) -> Result<Exit, Failure> {
    let runner = App::open(session.settings.clone()).await?.runner;
    let bar = session.terminal.progress(0, "");
    bar.set_message(format!("running {}", crate::printable::escape(name)));
    let ran = runner.run(name, Trigger::Manual, (!days.is_empty()).then_some(days)).await;
    bar.finish_and_clear();
    match ran? {
        Ran::AlreadyRecorded => Ok(Exit::Done),
        Ran::Finished(report) => {
            match json {
                true => print_json(&serde_json::to_value(&report).unwrap_or_default())?,
                false => tell(&report, &session.terminal)?,
            }
            Ok(Exit::Done)
        }
    }
}

fn tell(report: &RunReport, terminal: &Terminal) -> Result<(), Failure> {
    let RunReport {
        job, target_table, days, rows_written, rows_without_time, source_exists, elapsed_ms, ..
    } = report;
    let mut text = match (source_exists, days.is_empty()) {
        (false, _) => format!("{job}: nothing to do, its source table does not exist yet\n"),
        (true, true) => format!("{job}: nothing to do, no load has touched its source since the last run\n"),
        (true, false) => {
            let what = format!("{} of {}", plural(*rows_written, "row"), days_text(days));
            format!("{job}: wrote {what} to {target_table} in {elapsed_ms} ms\n")
        }
    };
    if *rows_without_time > 0 {
        text += &format!("  {} without a time belong to no day\n", plural(*rows_without_time, "new row"));
    }
    print(&crate::printable::escape_lines(&text))?;
    if !days.is_empty() {
        terminal.say(&format!("look at it with: lakegate sql \"SELECT * FROM {target_table} LIMIT 10\"\n"));
    }
    Ok(())
}

/// `2 days, 2025-01-01 and 2025-01-03`; long lists by their ends.
fn days_text(days: &[NaiveDate]) -> String {
    match days {
        [] => "no day".into(),
        [one] => one.to_string(),
        [one, other] => format!("{one} and {other}"),
        [first, .., last] => format!("{} from {first} to {last}", plural(days.len() as u64, "day")),
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let exit = match error.kind() {
            Kind::User => Exit::Usage,
            Kind::Transient => Exit::Unavailable,
            Kind::Conflict | Kind::Data | Kind::Internal => Exit::SomeFailed,
        };
        // A result that does not keep to its days is data that failed, not a wrong command.
        let exit =
            if matches!(error, JobError::NullDay | JobError::OtherDay(_)) { Exit::SomeFailed } else { exit };
        let failure = Failure::of(exit, &error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_in_few_words() {
        let days: Vec<NaiveDate> = ["2025-01-01", "2025-01-02", "2025-01-05"]
            .iter()
            .map(|day| day.parse().expect("a date"))
            .collect();
        assert_eq!(days_text(&days[..1]), "2025-01-01");
        assert_eq!(days_text(&days[..2]), "2025-01-01 and 2025-01-02");
        assert_eq!(days_text(&days), "3 days from 2025-01-01 to 2025-01-05");
    }
}
