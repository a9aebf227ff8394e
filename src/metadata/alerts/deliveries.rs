//! What each channel was told about each alert. A claim is a compare-and-swap on (alert, channel, version), so that of
//! several daemons one tells.

use chrono::{DateTime, Utc};

use super::super::error::MetadataError;
use super::super::row::{ledger_row, words};
use super::super::statement::{Batch, Sql};
use super::super::{Metadata, commit};
use super::Severity;

words! {
    /// What a channel can be told about an alert.
    pub enum Word {
        Opened = "opened",
        /// It became graver.
        Escalated = "escalated",
        /// It was counted again.
        Repeated = "repeated",
        Resolved = "resolved",
        /// It opened and ended before the channel could be told.
        Passed = "passed",
    }
}

ledger_row! {
    /// One alert on one channel.
    pub struct DeliveryRow in "alert_deliveries" {
        pub id: i64,
        pub alert_id: i64,
        pub channel: String,
        /// The last that the channel was told; null: nothing yet.
        pub told: Option<Word>,
        pub told_severity: Option<Severity>,
        pub told_occurrences: i64,
        pub told_at: Option<DateTime<Utc>>,
        pub messages: i64,
        /// Tries of the present message that failed.
        pub attempts: i64,
        pub next_attempt_at: Option<DateTime<Utc>>,
        pub last_error: Option<String>,
        /// The owner that is telling it now.
        pub claimed_by: Option<String>,
        /// Raised by every change of the row.
        pub version: i64,
    }
}

/// A delivery in our hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub alert_id: i64,
    pub version: i64,
}

/// What was told under a claim.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub claim: Claim,
    pub word: Word,
    pub severity: Severity,
    pub occurrences: i64,
}

impl Metadata {
    /// The deliveries of all alerts that are not settled.
    pub async fn unsettled_deliveries(&self) -> Result<Vec<DeliveryRow>, MetadataError> {
        let text = format!(
            "SELECT {} FROM alert_deliveries WHERE alert_id IN (SELECT id FROM alerts WHERE settled_at IS NULL)",
            DeliveryRow::COLUMNS
        );
        Sql::new("list the deliveries of alerts", text).all(self.read()).await
    }

    /// The deliveries of one alert, in the order of the channels.
    pub async fn deliveries(&self, alert_id: i64) -> Result<Vec<DeliveryRow>, MetadataError> {
        let text = format!(
            "SELECT {} FROM alert_deliveries WHERE alert_id = $1 ORDER BY channel",
            DeliveryRow::COLUMNS
        );
        Sql::new("list the deliveries of an alert", text).bind(alert_id).all(self.read()).await
    }

    /// Claims deliveries as they were found; 0 is the version of one that has no row yet. Those that were really claimed.
    pub async fn claim_deliveries(
        &self,
        channel: &str,
        owner: &str,
        found: &[Claim],
    ) -> Result<Vec<Claim>, MetadataError> {
        const ACT: &str = "claim deliveries of alerts";
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.begin(ACT).await?;
        let text = "INSERT INTO alert_deliveries (alert_id, channel)
                    SELECT r.alert_id, $2 FROM {rows} WHERE true ON CONFLICT DO NOTHING";
        Sql::over(ACT, keys(found), text).bind(channel).run(&transaction).await?;
        let text = "UPDATE alert_deliveries SET claimed_by = $3, version = alert_deliveries.version + 1
                    FROM {rows}
                    WHERE alert_deliveries.alert_id = r.alert_id AND alert_deliveries.channel = $2
                        AND alert_deliveries.version = r.version
                    RETURNING alert_deliveries.alert_id";
        let claimed = Sql::over(ACT, keys(found), text).bind(channel).bind(owner);
        let claimed: Vec<i64> = claimed.column(&transaction, "alert_id").await?;
        commit(ACT, transaction).await?;
        let ours = found.iter().filter(|claim| claimed.contains(&claim.alert_id));
        Ok(ours.map(|claim| Claim { version: claim.version + 1, ..*claim }).collect())
    }

    /// Writes down what a channel was told, and ends the claims.
    pub async fn delivered(&self, channel: &str, told: &[Told]) -> Result<(), MetadataError> {
        let rows = told.iter().map(|Told { claim, word, severity, occurrences }| {
            [
                claim.alert_id.into(),
                claim.version.into(),
                (*word).into(),
                (*severity).into(),
                (*occurrences).into(),
            ]
        });
        let batch = Batch::of(["alert_id", "version", "word", "severity", "occurrences"], rows);
        let text = "UPDATE alert_deliveries SET told = r.word, told_severity = r.severity,
                        told_occurrences = r.occurrences, told_at = {now},
                        messages = alert_deliveries.messages + 1, attempts = 0, next_attempt_at = NULL,
                        last_error = NULL, claimed_by = NULL, version = alert_deliveries.version + 1
                    FROM {rows}
                    WHERE alert_deliveries.alert_id = r.alert_id AND alert_deliveries.channel = $2
                        AND alert_deliveries.version = r.version";
        let act = Sql::over("write down what a channel was told", batch, text);
        act.bind(channel).run(self.write()).await.map(drop)
    }

    /// Writes down that a channel could not be told, and ends the claims. `error` holds no secret.
    pub async fn undelivered(
        &self,
        channel: &str,
        claims: &[Claim],
        error: &str,
        next_attempt_at: DateTime<Utc>,
    ) -> Result<(), MetadataError> {
        let text = "UPDATE alert_deliveries SET attempts = alert_deliveries.attempts + 1, last_error = $3,
                        next_attempt_at = $4, claimed_by = NULL, version = alert_deliveries.version + 1
                    FROM {rows}
                    WHERE alert_deliveries.alert_id = r.alert_id AND alert_deliveries.channel = $2
                        AND alert_deliveries.version = r.version";
        let act = Sql::over("write down that a channel was not told", keys(claims), text);
        act.bind(channel).bind(error).bind(next_attempt_at).run(self.write()).await.map(drop)
    }

    /// Ends claims under which nothing was sent.
    pub async fn give_back_deliveries(&self, channel: &str, claims: &[Claim]) -> Result<(), MetadataError> {
        if claims.is_empty() {
            return Ok(());
        }
        let text = "UPDATE alert_deliveries SET claimed_by = NULL, version = alert_deliveries.version + 1
                    FROM {rows}
                    WHERE alert_deliveries.alert_id = r.alert_id AND alert_deliveries.channel = $2
                        AND alert_deliveries.version = r.version";
        let act = Sql::over("give deliveries back", keys(claims), text);
        act.bind(channel).run(self.write()).await.map(drop)
    }
}

fn keys(claims: &[Claim]) -> Batch {
    Batch::of(
        ["alert_id", "version"],
        claims.iter().map(|claim| [claim.alert_id.into(), claim.version.into()]),
    )
}
