//! Keeps the rows of alerts as they should be: graver when failures are many or nobody looks, over when the trouble is.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::lifecycle::{self, End};
use crate::metadata::alerts::{AlertRow, AlertRule, AlertStatus};
use crate::metadata::{Metadata, MetadataError};
use crate::settings::Alerts;

/// A file that was given back after so long is a matter of its own.
const RETRIED: TimeDelta = TimeDelta::days(7);
/// Looking for it costs more than other looks.
const RETRIED_PAUSE: TimeDelta = TimeDelta::seconds(10);

/// What the last look knew, so that a look at unchanged alerts costs nothing.
#[derive(Debug, Default)]
pub struct Sweep {
    /// For each alert with a rate: when it was last counted as its rate was computed.
    rated: HashMap<i64, DateTime<Utc>>,
    /// When files were looked for that had been given back.
    retried: HashMap<i64, DateTime<Utc>>,
}

impl Sweep {
    /// Looks at the live ones of `alerts`; true when a row was changed.
    ///
    /// # Errors
    /// The metadata database cannot be used.
    pub async fn look(
        &mut self,
        alerts: &[AlertRow],
        metadata: &Metadata,
        settings: &Alerts,
        now: DateTime<Utc>,
    ) -> Result<bool, MetadataError> {
        let mut changed = false;
        for alert in alerts.iter().filter(|alert| alert.status != AlertStatus::Resolved) {
            changed |= self.rate(alert, metadata, settings, now).await?
                || escalate(alert, metadata, settings, now).await?
                || self.end(alert, metadata, settings, now).await?;
        }
        for known in [&mut self.rated, &mut self.retried] {
            known.retain(|id, _| alerts.iter().any(|alert| alert.id == *id));
        }
        Ok(changed)
    }

    async fn rate(
        &mut self,
        alert: &AlertRow,
        metadata: &Metadata,
        settings: &Alerts,
        now: DateTime<Utc>,
    ) -> Result<bool, MetadataError> {
        let has_rate = matches!(alert.rule, AlertRule::Files | AlertRule::Records);
        if !has_rate || self.rated.get(&alert.id) == Some(&alert.last_seen_at) {
            return Ok(false);
        }
        let window = TimeDelta::from_std(settings.rate_window()).unwrap_or(TimeDelta::hours(1));
        let tally = metadata.tally(&alert.subject, now - window).await?;
        self.rated.insert(alert.id, alert.last_seen_at);
        match lifecycle::severity_by_rate(alert.rule, tally, settings) {
            Some(severity) if severity.rank() > alert.severity.rank() => {
                metadata.make_graver(alert.id, alert.severity, severity).await
            }
            _ => Ok(false),
        }
    }

    async fn end(
        &mut self,
        alert: &AlertRow,
        metadata: &Metadata,
        settings: &Alerts,
        now: DateTime<Utc>,
    ) -> Result<bool, MetadataError> {
        let is_over = match lifecycle::end(alert, settings, now) {
            End::NotYet => false,
            End::Now => true,
            End::IfLoadedSince => self.has_loaded_since(alert, metadata, now).await?,
        };
        if !is_over {
            return Ok(false);
        }
        metadata.resolve_unless_seen(alert.id, alert.occurrences).await
    }

    async fn has_loaded_since(
        &mut self,
        alert: &AlertRow,
        metadata: &Metadata,
        now: DateTime<Utc>,
    ) -> Result<bool, MetadataError> {
        let (file_type, trouble, whole) =
            (&alert.subject, alert.last_seen_at, alert.rule == AlertRule::Records);
        if metadata.loaded_after(file_type, trouble, whole).await? {
            return Ok(true);
        }
        if self.retried.get(&alert.id).is_some_and(|looked| now - *looked < RETRIED_PAUSE) {
            return Ok(false);
        }
        self.retried.insert(alert.id, now);
        metadata.loaded_again_after(file_type, trouble - RETRIED, trouble, whole).await
    }
}

async fn escalate(
    alert: &AlertRow,
    metadata: &Metadata,
    settings: &Alerts,
    now: DateTime<Utc>,
) -> Result<bool, MetadataError> {
    match lifecycle::escalated(alert, settings, now) {
        Some(severity) => metadata.escalate(alert.id, alert.severity, severity).await,
        None => Ok(false),
    }
}
