//! The metadata database: reachable, up to date, writable; and what it says that someone should look at.

use std::error::Error;
use std::path::Path;
use std::str::FromStr;

use sqlx::sqlite::SqliteConnectOptions;

use super::{Finding, Level};
use crate::cli::session::Session;
use crate::metadata::alerts::{AlertFilter, AlertRow};
use crate::metadata::jobs::JobRow;
use crate::metadata::loads::LoadRow;
use crate::metadata::types::{TypeRow, TypeStatus};
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::owner::has_ended;
use crate::settings::DatabaseUrl;

const SUBJECT: &str = "metadata";

pub(super) async fn look(session: &Session) -> Vec<Finding> {
    let url = &session.settings.database.url;
    if is_missing(url) {
        return vec![Finding::ok(SUBJECT, format!("{url} is created when it is first needed"))];
    }
    match examine(session).await {
        Ok(findings) => findings,
        Err(error) => vec![trouble(url, &error)],
    }
}

/// A SQLite file that is not there: looking must not create it.
fn is_missing(url: &DatabaseUrl) -> bool {
    url.is_sqlite()
        && SqliteConnectOptions::from_str(url.expose()).is_ok_and(|options| !options.get_filename().exists())
}

fn trouble(url: &DatabaseUrl, error: &MetadataError) -> Finding {
    let level = if error.kind() == Kind::Transient { Level::Down } else { Level::Fail };
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        detail += &format!(": {deeper}");
        cause = deeper.source();
    }
    let fix = error
        .hint()
        .map_or_else(|| format!("see that {url} is up and that this user may open it"), str::to_owned);
    Finding::new(level, SUBJECT, detail).fix(fix)
}

async fn examine(session: &Session) -> Result<Vec<Finding>, MetadataError> {
    let url = &session.settings.database.url;
    let metadata = Metadata::connect(url.expose()).await?;
    metadata.ping().await?;
    let pending = metadata.pending().await?;
    if !pending.is_empty() {
        let detail = format!("{url} lacks {}", pending.join(", "));
        return Ok(vec![Finding::new(Level::Warn, SUBJECT, detail).fix("lakegate migrate")]);
    }
    // Deletes nothing, and needs the same permission as any other change.
    metadata.execute_dml("DELETE FROM alerts WHERE id < 0").await?;
    let mut findings = vec![Finding::ok(SUBJECT, format!("{url} is up to date and writable"))];
    findings.extend(types(&metadata.types().await?));
    findings.extend(jobs(&metadata.jobs().await?));
    findings.extend(loads(&metadata.open_loads().await?, &session.settings.paths.owners()));
    findings.extend(alerts(&metadata).await?);
    Ok(findings)
}

fn types(types: &[TypeRow]) -> Vec<Finding> {
    let active = types.iter().filter(|row| row.status == TypeStatus::Active).count();
    let mut findings = vec![Finding::ok("types", format!("{} registered, {active} active", types.len()))];
    for row in types {
        if let Some(reason) = &row.status_reason {
            let detail = format!("{} is not used: {reason}", row.file_type);
            let fix = "correct its row in table_metadata; a running daemon follows at once";
            findings.push(Finding::new(Level::Warn, "types", detail).fix(fix));
        }
    }
    findings
}

fn jobs(jobs: &[JobRow]) -> Vec<Finding> {
    let complaint = |job: &JobRow| {
        let detail = format!("{} is not used: {}", job.name, job.status_reason.as_ref()?);
        Some(Finding::new(Level::Warn, "jobs", detail).fix("correct its row in jobs"))
    };
    jobs.iter().filter_map(complaint).collect()
}

/// Loads that nobody works on any more. The next start takes them up; until then they are open.
fn loads(open: &[LoadRow], owners: &Path) -> Vec<Finding> {
    let orphaned: Vec<&LoadRow> = open.iter().filter(|load| has_ended(owners, &load.owner)).collect();
    if orphaned.is_empty() {
        return vec![Finding::ok("loads", format!("{} open, each with its process", open.len()))];
    }
    let ids: Vec<String> = orphaned.iter().map(|load| load.id.to_string()).collect();
    let detail = format!("left behind by a process that ended: load {}", ids.join(", "));
    let fix = "start `lakegate run` or `lakegate ingest`: it finishes or rolls back what was begun";
    vec![Finding::new(Level::Warn, "loads", detail).fix(fix)]
}

async fn alerts(metadata: &Metadata) -> Result<Vec<Finding>, MetadataError> {
    let open = metadata.alerts(&AlertFilter { live: true, ..AlertFilter::default() }).await?;
    if open.is_empty() {
        return Ok(vec![Finding::ok("alerts", "none open")]);
    }
    let finding = |alert: &AlertRow| {
        let detail = format!("{} ({}×): {}", alert.subject, alert.occurrences, alert.message);
        let finding = Finding::new(Level::Warn, "alerts", detail);
        match &alert.hint {
            Some(hint) => finding.fix(hint),
            None => finding,
        }
    };
    Ok(open.iter().map(finding).collect())
}
