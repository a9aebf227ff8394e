//! `lakegate jobs show`: one job's definition, next occurrence and runs.

use serde_json::{Value, json};

use super::{next, run_to_json, schedule_text, to_json};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json, time};
use crate::cli::session::Session;
use crate::cli::table::{Columns, count};
use crate::metadata::Metadata;
use crate::metadata::jobs::{JobRow, JobRunRow};
use crate::printable::{escape, escape_lines};

/// Runs shown, newest first.
const RUNS: i64 = 20;

pub async fn run(metadata: &Metadata, job: &JobRow, session: &Session, json: bool) -> Result<Exit, Failure> {
    let runs = metadata.job_runs(&job.name, RUNS).await?;
    let now = session.clock.now();
    if json {
        let mut value = to_json(job, runs.first(), now);
        value["runs"] = json!(runs.iter().map(run_to_json).collect::<Vec<Value>>());
        print_json(&value)?;
        return Ok(Exit::Done);
    }
    let mut text = format!("{}\n", escape(&job.name));
    let lines = [
        ("status", Some(job.status.to_string())),
        ("not used because", job.status_reason.clone()),
        ("about", job.description.clone()),
        ("makes", Some(job.target_table.clone())),
        ("reads", Some(format!("{}, by the UTC day of {}", job.source_table, job.time_column))),
        ("schedule", Some(schedule_text(job))),
        ("next", next(job, now).map(time)),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            text += &format!("  {label:<17} {}\n", escape(&value));
        }
    }
    text += "\n";
    for line in job.query.trim().lines() {
        text += &format!("  {}\n", escape_lines(line));
    }
    text += "\n";
    text += &runs_text(&runs, session);
    print(&text)?;
    Ok(Exit::Done)
}

fn runs_text(runs: &[JobRunRow], session: &Session) -> String {
    if runs.is_empty() {
        return "It has not run yet.\n".into();
    }
    let mut table =
        Columns::new(&session.terminal, &["run", "why", "for", "started", "state", "days", "rows", "error"]);
    for run in runs {
        table.row([
            run.id.to_string(),
            run.trigger_kind.to_string(),
            run.scheduled_for.map(time).unwrap_or_default(),
            time(run.started_at),
            run.state.to_string(),
            count(run.days_count),
            count(run.rows_written),
            run.error_message.clone().unwrap_or_default(),
        ]);
    }
    table.right(&[0, 5, 6]).render()
}
