//! Alerts about files that are expected and do not come: `expected_every` of the types.

use chrono::{DateTime, TimeDelta, Utc};

use super::missing::{Missing, deadlines};
use super::{fingerprint, message};
use crate::metadata::alerts::{AlertRow, AlertStatus, NewAlert, Severity};
use crate::metadata::{Metadata, MetadataError};
use crate::schedule::Schedule;
use crate::schema::processing_config::{ExpectedEvery, ProcessingConfig, Zone};

/// The code of these alerts.
pub const CODE: &str = "file.missing";

/// A type whose files are expected.
struct Expecting {
    file_type: String,
    expected: ExpectedEvery,
    zone: Zone,
    schedule: Schedule,
    since: DateTime<Utc>,
    /// The last time of the schedule about which people know.
    told_through: Option<DateTime<Utc>>,
}

/// Looks for files that should have come; `live` are the alerts that are not over.
///
/// # Errors
/// The metadata database cannot be used.
pub async fn look(metadata: &Metadata, live: &[AlertRow], now: DateTime<Utc>) -> Result<bool, MetadataError> {
    let mut changed = false;
    let expecting = expecting(metadata, now).await?;
    let open = |file_type: &str| {
        let is_it = |alert: &&AlertRow| {
            alert.code == CODE && alert.subject == file_type && alert.status != AlertStatus::Resolved
        };
        live.iter().find(is_it)
    };
    for one in &expecting {
        let missing = one.missing(metadata, now).await?;
        changed |= match (missing, open(&one.file_type)) {
            (Some(missing), _) if one.told_through.is_none_or(|told| told < missing.last) => {
                let alert = one.alert(missing, metadata).await?;
                metadata.miss_files(&one.file_type, missing.last, &alert).await?
            }
            (None, Some(_)) => metadata.resolve(&identity(&one.file_type)).await?,
            _ => false,
        };
    }
    // A type that is paused, or expects nothing any more, misses nothing.
    for alert in live.iter().filter(|alert| alert.code == CODE && alert.status != AlertStatus::Resolved) {
        if !expecting.iter().any(|one| one.file_type == alert.subject) {
            changed |= metadata.resolve(&alert.fingerprint).await?;
        }
    }
    Ok(changed)
}

/// The types that expect files, each with the time since when; keeps these times on record.
async fn expecting(metadata: &Metadata, now: DateTime<Utc>) -> Result<Vec<Expecting>, MetadataError> {
    let known = metadata.expectations().await?;
    let mut expecting = Vec::new();
    for row in metadata.expecting_types().await? {
        // A row that cannot be used says so elsewhere.
        let Ok(config) = ProcessingConfig::parse(&row.processing_config) else { continue };
        let Some(expected) = config.expected_every else { continue };
        let Ok(schedule) = Schedule::in_zone(&expected.cron, config.timezone) else { continue };
        let (file_type, zone) = (row.file_type, config.timezone);
        let text = text(&expected, zone);
        let (since, told_through) =
            match known.iter().find(|row| row.file_type == file_type && row.schedule == text) {
                Some(row) => (row.expected_since, row.missed_through),
                None => {
                    metadata.expect_files(&file_type, &text, now).await?;
                    (now, None)
                }
            };
        expecting.push(Expecting { file_type, expected, zone, schedule, since, told_through });
    }
    for row in known.iter().filter(|row| !expecting.iter().any(|one| one.file_type == row.file_type)) {
        metadata.expect_no_files(&row.file_type).await?;
    }
    Ok(expecting)
}

/// What makes an expectation the same.
fn text(expected: &ExpectedEvery, zone: Zone) -> String {
    format!("{} {zone} +{}m", expected.cron, expected.grace_minutes)
}

fn identity(file_type: &str) -> String {
    fingerprint(&["missing", file_type])
}

impl Expecting {
    fn grace(&self) -> TimeDelta {
        TimeDelta::minutes(i64::try_from(self.expected.grace_minutes).unwrap_or(0))
    }

    async fn missing(
        &self,
        metadata: &Metadata,
        now: DateTime<Utc>,
    ) -> Result<Option<Missing>, MetadataError> {
        let Some(deadlines) = deadlines(&self.schedule, self.grace(), self.since, now) else {
            return Ok(None);
        };
        let arrivals = metadata.arrivals(&self.file_type, &deadlines.spans).await?;
        Ok(deadlines.missing(&arrivals))
    }

    async fn alert(&self, missing: Missing, metadata: &Metadata) -> Result<NewAlert, MetadataError> {
        let Self { file_type, expected, zone, .. } = self;
        let came = match metadata.last_arrival(file_type).await? {
            Some(at) => format!("the last one came at {}", message::time(at)),
            None => "none ever came".to_owned(),
        };
        let due = zone.wall(missing.first).format("%Y-%m-%d %H:%M");
        let grace = expected.grace_minutes;
        Ok(NewAlert {
            code: CODE.into(),
            severity: Severity::Error,
            subject: file_type.clone(),
            cause: format!("no file of type {file_type} has come"),
            message: format!("a file was expected for {due} {zone}, at most {grace} minutes late; {came}"),
            hint: Some(format!(
                "ask its sender; or change expected_every of {file_type} (`lakegate types show {file_type}`)"
            )),
            fingerprint: identity(file_type),
            occurrences: 1,
        })
    }
}
