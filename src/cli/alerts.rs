//! `lakegate alerts`: what needs attention, who was told, and whether the channels work.

mod show;
mod test;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output::{print, print_json, time};
use super::session::Session;
use super::table::{Columns, count};
use crate::metadata::Metadata;
use crate::metadata::alerts::{AlertFilter, AlertRow, AlertStatus, Severity};
use crate::printable::shorten;

#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Alerts that are not over, the newest first
    #[command(after_help = "\
Examples:
  lakegate alerts list
  lakegate alerts list --all --severity critical --json")]
    List {
        /// Those that are over, too
        #[arg(long)]
        all: bool,
        /// Only of this severity
        #[arg(long, value_name = "SEVERITY")]
        severity: Option<SeverityArg>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// One alert, and what each channel was told about it
    #[command(after_help = "Example:\n  lakegate alerts show 12")]
    Show {
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a test message on one channel, or on all that are set up
    #[command(after_help = "\
Exit codes: 0 every message arrived · 1 one did not · 2 no such channel is set up

Examples:
  lakegate alerts test
  lakegate alerts test slack")]
    Test {
        /// log, webhook, slack, pagerduty or email [default: all that are set up]
        #[arg(value_name = "CHANNEL", value_parser = crate::alerts::NAMES)]
        channel: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say that someone looks after an alert: it becomes no graver, and only its end is told
    #[command(after_help = "\
The same in SQL: UPDATE alerts SET status = 'acknowledged' WHERE id = 12. An alert that will not
end by itself is ended with status 'resolved'.

Example:
  lakegate alerts ack 12 13")]
    Ack {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeverityArg {
    Info,
    Warning,
    Error,
    Critical,
}

impl From<SeverityArg> for Severity {
    fn from(word: SeverityArg) -> Severity {
        match word {
            SeverityArg::Info => Severity::Info,
            SeverityArg::Warning => Severity::Warning,
            SeverityArg::Error => Severity::Error,
            SeverityArg::Critical => Severity::Critical,
        }
    }
}

pub async fn run(command: AlertsCommand, session: &Session) -> Result<Exit, Failure> {
    match command {
        AlertsCommand::List { all, severity, limit, json } => {
            let filter = AlertFilter { live: !all, severity: severity.map(Severity::from), limit };
            list(&filter, json, session).await
        }
        AlertsCommand::Show { id, json } => show::run(id, json, session).await,
        AlertsCommand::Test { channel, json } => test::run(channel.as_deref(), json, session).await,
        AlertsCommand::Ack { ids } => acknowledge(&ids, session).await,
    }
}

async fn list(filter: &AlertFilter, json: bool, session: &Session) -> Result<Exit, Failure> {
    let alerts = session.metadata().await?.alerts(filter).await?;
    if json {
        print_json(&alerts.iter().map(to_json).collect())?;
        return Ok(Exit::Done);
    }
    if alerts.is_empty() {
        session.terminal.say(if filter.live { "no alert is open\n" } else { "there was no alert\n" });
        return Ok(Exit::Done);
    }
    let header = ["id", "severity", "status", "code", "about", "count", "first", "last", "message"];
    let mut table = Columns::new(&session.terminal, &header);
    for alert in &alerts {
        table.row([
            alert.id.to_string(),
            alert.severity.to_string(),
            alert.status.to_string(),
            alert.code.clone(),
            alert.subject.clone(),
            count(alert.occurrences),
            time(alert.first_seen_at),
            time(alert.last_seen_at),
            shorten(&alert.message, 120),
        ]);
    }
    print(&table.right(&[0, 5]).render())?;
    Ok(Exit::Done)
}

async fn acknowledge(ids: &[i64], session: &Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    for &id in ids {
        let alert = find(&metadata, id).await?;
        let said = match alert.status {
            AlertStatus::Open if metadata.acknowledge(id).await? => "acknowledged",
            AlertStatus::Open | AlertStatus::Acknowledged => "acknowledged already",
            AlertStatus::Resolved => "over already",
        };
        session.terminal.say(&format!("alert {id}: {said}\n"));
    }
    Ok(Exit::Done)
}

async fn find(metadata: &Metadata, id: i64) -> Result<AlertRow, Failure> {
    metadata.alert(id).await?.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no alert {id}"))
            .hint("`lakegate alerts list --all` shows them")
    })
}

fn to_json(alert: &AlertRow) -> Value {
    json!({
        "id": alert.id,
        "code": alert.code,
        "severity": alert.severity.as_str(),
        "status": alert.status.as_str(),
        "subject": alert.subject,
        "cause": alert.cause,
        "message": alert.message,
        "hint": alert.hint,
        "fingerprint": alert.fingerprint,
        "occurrences": alert.occurrences,
        "first_seen_at": time(alert.first_seen_at),
        "last_seen_at": time(alert.last_seen_at),
        "escalated_at": alert.escalated_at.map(time),
        "resolved_at": alert.resolved_at.map(time),
    })
}
