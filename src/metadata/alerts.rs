//! Alerts: one row per cause while it lasts. The same cause again only counts.
//!
//! What the channels were told about them is next door: `deliveries`, and `channels` for how each channel fares.

mod channels;
mod deliveries;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::Metadata;
use super::error::MetadataError;
use super::row::{Cell, ledger_row, words};
use super::statement::{Batch, Sql};

pub use channels::{ChannelRow, RateLimit};
pub use deliveries::{Claim, DeliveryRow, Told, Word};

words! {
    pub enum Severity {
        Info = "info",
        Warning = "warning",
        Error = "error",
        Critical = "critical",
    }
}

impl Severity {
    /// From 0, `info`, to 3, `critical`.
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// The next graver one; `critical` stays.
    pub fn graver(self) -> Severity {
        Severity::ALL.get(usize::from(self.rank()) + 1).copied().unwrap_or(Severity::Critical)
    }
}

words! {
    /// How an alert ends, and where its severity comes from.
    pub enum AlertRule {
        /// Whoever raised it says that its cause is gone.
        Condition = "condition",
        /// Files of a type that fail: when later ones load. The share of failures gives the severity.
        Files = "files",
        /// Records of a type that are refused, likewise.
        Records = "records",
        /// Something that happened: when it has not happened again for a long while.
        Event = "event",
    }
}

words! {
    pub enum AlertStatus {
        Open = "open",
        Acknowledged = "acknowledged",
        Resolved = "resolved",
    }
}

ledger_row! {
    pub struct AlertRow in "alerts" {
        pub id: i64,
        pub code: String,
        pub severity: Severity,
        /// What it is about: a file, a type, a job.
        pub subject: String,
        pub cause: String,
        pub message: String,
        pub hint: Option<String>,
        /// The same for the same cause.
        pub fingerprint: String,
        pub occurrences: i64,
        pub status: AlertStatus,
        pub first_seen_at: DateTime<Utc>,
        pub last_seen_at: DateTime<Utc>,
        pub resolved_at: Option<DateTime<Utc>>,
        pub rule: AlertRule,
        /// When the severity was last raised because nobody had looked.
        pub escalated_at: Option<DateTime<Utc>>,
        /// When it was over and every channel had heard all there was to tell.
        pub settled_at: Option<DateTime<Utc>>,
    }
}

/// Something that a person should know.
#[derive(Debug, Clone)]
pub struct NewAlert {
    pub code: String,
    pub severity: Severity,
    pub subject: String,
    pub cause: String,
    pub message: String,
    pub hint: Option<String>,
    pub fingerprint: String,
    /// At least 1.
    pub occurrences: i64,
}

/// What raising an alert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raised {
    pub id: i64,
    /// False when the alert was there already and was only counted.
    pub new: bool,
    /// Since the cause appeared.
    pub occurrences: i64,
}

/// Which alerts to list; the default is the newest hundred of all.
#[derive(Debug, Clone)]
pub struct AlertFilter {
    /// Only alerts that are not resolved.
    pub live: bool,
    pub severity: Option<Severity>,
    pub limit: i64,
}

impl Default for AlertFilter {
    fn default() -> Self {
        AlertFilter { live: false, severity: None, limit: 100 }
    }
}

impl Metadata {
    /// Raises an alert that lasts until [`Self::resolve`], or counts it when one with the same fingerprint is live.
    pub async fn raise(&self, alert: &NewAlert) -> Result<Raised, MetadataError> {
        self.raise_as(alert, AlertRule::Condition).await
    }

    /// Raises an alert, or counts it when one with the same fingerprint is live; the newest message and the gravest
    /// severity stay.
    pub async fn raise_as(&self, alert: &NewAlert, rule: AlertRule) -> Result<Raised, MetadataError> {
        raise(alert, rule, self.write()).await
    }

    /// Ends the live alert with this fingerprint; false when there is none.
    pub async fn resolve(&self, fingerprint: &str) -> Result<bool, MetadataError> {
        let text = "UPDATE alerts SET status = 'resolved', resolved_at = {now}
                    WHERE fingerprint = $1 AND status <> 'resolved'";
        Ok(Sql::new("resolve an alert", text).bind(fingerprint).run(self.write()).await? > 0)
    }

    /// Ends one alert, unless it was counted more than so many times meanwhile or is over already.
    pub async fn resolve_unless_seen(&self, id: i64, occurrences: i64) -> Result<bool, MetadataError> {
        let text = "UPDATE alerts SET status = 'resolved', resolved_at = {now}
                    WHERE id = $1 AND status <> 'resolved' AND occurrences <= $2";
        let act = Sql::new("resolve an alert", text).bind(id).bind(occurrences);
        Ok(act.run(self.write()).await? > 0)
    }

    /// Raises the severity of a live alert from what it was found to be; false when somebody else was first.
    pub async fn make_graver(&self, id: i64, from: Severity, to: Severity) -> Result<bool, MetadataError> {
        let text = "UPDATE alerts SET severity = $3 WHERE id = $1 AND severity = $2 AND status <> 'resolved'";
        let act = Sql::new("raise the severity of an alert", text).bind(id).bind(from).bind(to);
        Ok(act.run(self.write()).await? > 0)
    }

    /// As [`Self::make_graver`], because nobody has looked at it: an acknowledged alert stays as it is.
    pub async fn escalate(&self, id: i64, from: Severity, to: Severity) -> Result<bool, MetadataError> {
        let text = "UPDATE alerts SET severity = $3, escalated_at = {now}
                    WHERE id = $1 AND severity = $2 AND status = 'open'";
        let act = Sql::new("escalate an alert", text).bind(id).bind(from).bind(to);
        Ok(act.run(self.write()).await? > 0)
    }

    /// Notes that someone looks after an open alert; false when it is not open.
    pub async fn acknowledge(&self, id: i64) -> Result<bool, MetadataError> {
        let text = "UPDATE alerts SET status = 'acknowledged' WHERE id = $1 AND status = 'open'";
        Ok(Sql::new("acknowledge an alert", text).bind(id).run(self.write()).await? > 0)
    }

    /// Alerts that are live, or over and not yet told to everyone, oldest first.
    pub async fn unsettled_alerts(&self) -> Result<Vec<AlertRow>, MetadataError> {
        let text = format!(
            "SELECT {} FROM alerts WHERE settled_at IS NULL ORDER BY id LIMIT 10000",
            AlertRow::COLUMNS
        );
        Sql::new("list the alerts", text).all(self.read()).await
    }

    /// Notes that nothing more is to be told about these alerts, which are over.
    pub async fn settle_alerts(&self, ids: &[i64]) -> Result<(), MetadataError> {
        let batch = Batch::of(["id"], ids.iter().map(|&id| [id.into()]));
        if ids.is_empty() {
            return Ok(());
        }
        let text = "UPDATE alerts SET settled_at = {now} FROM {rows}
                    WHERE alerts.id = r.id AND alerts.status = 'resolved' AND alerts.settled_at IS NULL";
        Sql::over("settle alerts", batch, text).run(self.write()).await.map(drop)
    }

    pub async fn alert(&self, id: i64) -> Result<Option<AlertRow>, MetadataError> {
        let text = format!("SELECT {} FROM alerts WHERE id = $1", AlertRow::COLUMNS);
        Sql::new("look up an alert", text).bind(id).one(self.read()).await
    }

    /// Alerts that match, newest first.
    pub async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<AlertRow>, MetadataError> {
        let AlertFilter { live, severity, limit } = filter;
        let text = format!(
            "SELECT {} FROM alerts WHERE ($1 = 0 OR status <> 'resolved') AND ($2 IS NULL OR severity = $2)
             ORDER BY last_seen_at DESC, id DESC LIMIT $3",
            AlertRow::COLUMNS
        );
        let sql = Sql::new("list the alerts", text).bind(i64::from(*live)).bind(*severity).bind(*limit);
        sql.all(self.read()).await
    }
}

/// As [`Metadata::raise_as`], perhaps in a transaction.
pub(super) async fn raise(
    alert: &NewAlert,
    rule: AlertRule,
    on: &impl ConnectionTrait,
) -> Result<Raised, MetadataError> {
    const ACT: &str = "raise an alert";
    let NewAlert { code, severity, subject, cause, message, hint, fingerprint, occurrences } = alert;
    let times = (*occurrences).max(1);
    let text =
        "INSERT INTO alerts (code, severity, subject, cause, message, hint, fingerprint, occurrences, rule)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                ON CONFLICT (fingerprint) WHERE status <> 'resolved' DO UPDATE SET
                    occurrences = alerts.occurrences + excluded.occurrences,
                    severity = CASE WHEN (alerts.severity = 'critical')
                        OR (alerts.severity = 'error' AND excluded.severity IN ('warning', 'info'))
                        OR (alerts.severity = 'warning' AND excluded.severity = 'info')
                        THEN alerts.severity ELSE excluded.severity END,
                    message = excluded.message, hint = excluded.hint, last_seen_at = {now}
                RETURNING id, occurrences";
    let rows = Sql::new(ACT, text)
        .bind(code)
        .bind(*severity)
        .bind(subject)
        .bind(cause)
        .bind(message)
        .bind(hint)
        .bind(fingerprint)
        .bind(times)
        .bind(rule)
        .rows(on)
        .await?;
    let read = |column| match rows.first() {
        Some(row) => i64::read(row, column),
        None => Err(DbErr::RecordNotInserted),
    };
    let raised = read("id").and_then(|id| Ok((id, read("occurrences")?)));
    let (id, total) = raised.map_err(|error| MetadataError::database(ACT, error))?;
    // An alert that was there has at least one occurrence, so its sum is greater.
    Ok(Raised { id, new: total == times, occurrences: total })
}
