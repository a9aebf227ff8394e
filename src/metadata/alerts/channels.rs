//! How each channel fares: failures in a row, and messages in the present window of its rate limit.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::Metadata;
use super::super::error::MetadataError;
use super::super::row::ledger_row;
use super::super::statement::Sql;

ledger_row! {
    /// One channel that was ever used.
    pub struct ChannelRow in "alert_channels" {
        pub id: i64,
        pub channel: String,
        /// Tries that failed since the last that did not.
        pub failures: i64,
        pub next_attempt_at: Option<DateTime<Utc>>,
        pub last_error: Option<String>,
        pub last_sent_at: Option<DateTime<Utc>>,
        pub window_started_at: Option<DateTime<Utc>>,
        pub window_sent: i64,
    }
}

/// So many messages in a window of time.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    pub messages: i64,
    pub window: TimeDelta,
}

impl ChannelRow {
    /// A channel that was never used.
    pub fn fresh(channel: &str) -> ChannelRow {
        ChannelRow {
            id: 0,
            channel: channel.to_owned(),
            failures: 0,
            next_attempt_at: None,
            last_error: None,
            last_sent_at: None,
            window_started_at: None,
            window_sent: 0,
        }
    }

    /// Messages that may still be sent in the window that holds `now`.
    pub fn room(&self, limit: RateLimit, now: DateTime<Utc>) -> i64 {
        match self.window_started_at {
            Some(began) if began + limit.window > now => (limit.messages - self.window_sent).max(0),
            _ => limit.messages,
        }
    }
}

impl Metadata {
    pub async fn alert_channels(&self) -> Result<Vec<ChannelRow>, MetadataError> {
        let text = format!("SELECT {} FROM alert_channels ORDER BY channel", ChannelRow::COLUMNS);
        Sql::new("list the channels of alerts", text).all(self.read()).await
    }

    /// Takes the place of one message in the window that holds `now`; false when the window is full.
    pub async fn take_message_place(
        &self,
        channel: &str,
        limit: RateLimit,
        now: DateTime<Utc>,
    ) -> Result<bool, MetadataError> {
        const ACT: &str = "count a message of a channel";
        let insert = "INSERT INTO alert_channels (channel) VALUES ($1) ON CONFLICT DO NOTHING";
        Sql::new(ACT, insert).bind(channel).run(self.write()).await?;
        let text = "UPDATE alert_channels SET
                        window_sent = CASE WHEN window_started_at > $3 THEN window_sent + 1 ELSE 1 END,
                        window_started_at = CASE WHEN window_started_at > $3 THEN window_started_at ELSE $2 END
                    WHERE channel = $1
                        AND (window_started_at IS NULL OR window_started_at <= $3 OR window_sent < $4)";
        let act = Sql::new(ACT, text).bind(channel).bind(now).bind(now - limit.window).bind(limit.messages);
        Ok(act.run(self.write()).await? > 0)
    }

    /// Notes that a message of a channel arrived. True when the one before had not.
    pub async fn channel_works(&self, channel: &str) -> Result<bool, MetadataError> {
        const ACT: &str = "note that a channel works";
        let sent = "UPDATE alert_channels SET last_sent_at = {now} WHERE channel = $1";
        Sql::new(ACT, sent).bind(channel).run(self.write()).await?;
        let text = "UPDATE alert_channels SET failures = 0, next_attempt_at = NULL, last_error = NULL
                    WHERE channel = $1 AND failures > 0";
        Ok(Sql::new(ACT, text).bind(channel).run(self.write()).await? > 0)
    }

    /// Notes that a message of a channel did not arrive, and counts the failures in a row. `error` holds no secret.
    pub async fn channel_fails(&self, channel: &str, error: &str) -> Result<i64, MetadataError> {
        let text = "INSERT INTO alert_channels (channel, failures, last_error) VALUES ($1, 1, $2)
                    ON CONFLICT (channel) DO UPDATE SET failures = alert_channels.failures + 1,
                        last_error = excluded.last_error
                    RETURNING failures";
        let act = Sql::new("note that a channel fails", text).bind(channel).bind(error);
        Ok(act.value(self.write(), "failures").await?.unwrap_or(1))
    }

    /// Leaves a channel alone until some time.
    pub async fn postpone_channel(&self, channel: &str, until: DateTime<Utc>) -> Result<(), MetadataError> {
        let text = "UPDATE alert_channels SET next_attempt_at = $2 WHERE channel = $1 AND failures > 0";
        Sql::new("leave a channel alone", text).bind(channel).bind(until).run(self.write()).await.map(drop)
    }
}
