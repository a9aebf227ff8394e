//! Alerts: one row per cause while it lasts. The same cause again only counts.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use super::Metadata;
use super::error::MetadataError;
use super::row::{Cell, ledger_row, words};
use super::statement::Sql;

words! {
    pub enum Severity {
        Info = "info",
        Warning = "warning",
        Error = "error",
        Critical = "critical",
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
    /// Raises an alert, or counts it when one with the same fingerprint is live; the newest message stays.
    pub async fn raise(&self, alert: &NewAlert) -> Result<Raised, MetadataError> {
        const ACT: &str = "raise an alert";
        let NewAlert { code, severity, subject, cause, message, hint, fingerprint, occurrences } = alert;
        let times = (*occurrences).max(1);
        let text =
            "INSERT INTO alerts (code, severity, subject, cause, message, hint, fingerprint, occurrences)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                    ON CONFLICT (fingerprint) WHERE status <> 'resolved' DO UPDATE SET
                        occurrences = alerts.occurrences + excluded.occurrences, severity = excluded.severity,
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
            .rows(self.write())
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

    /// Ends the live alert with this fingerprint; false when there is none.
    pub async fn resolve(&self, fingerprint: &str) -> Result<bool, MetadataError> {
        let text = "UPDATE alerts SET status = 'resolved', resolved_at = {now}
                    WHERE fingerprint = $1 AND status <> 'resolved'";
        Ok(Sql::new("resolve an alert", text).bind(fingerprint).run(self.write()).await? > 0)
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
