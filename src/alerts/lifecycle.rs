//! How grave an alert is and when it is over. Pure: rows, counts, settings and time are arguments.

use chrono::{DateTime, TimeDelta, Utc};

use crate::metadata::alerts::{AlertRow, AlertRule, AlertStatus, Severity};
use crate::metadata::expectations::Tally;
use crate::settings::{Alerts, Gravity};

/// The severity that the failure rate of a type gives an alert about it; `None` when a rate says nothing.
pub fn severity_by_rate(rule: AlertRule, tally: Tally, settings: &Alerts) -> Option<Severity> {
    let Tally { files, failed, records, rejected } = tally;
    let (part, whole, least) = match rule {
        AlertRule::Files => (failed, files, settings.rate_min_files),
        AlertRule::Records => (rejected, records, settings.rate_min_records),
        AlertRule::Condition | AlertRule::Event => return None,
    };
    if whole < least || part <= 0 {
        return None;
    }
    let reaches = |percent: u8| i128::from(part) * 100 >= i128::from(percent) * i128::from(whole);
    if reaches(settings.critical_percent) {
        Some(Severity::Critical)
    } else if reaches(settings.error_percent) {
        Some(Severity::Error)
    } else {
        None
    }
}

/// The severity of an open alert that nobody has looked at for too long.
pub fn escalated(alert: &AlertRow, settings: &Alerts, now: DateTime<Utc>) -> Option<Severity> {
    let after = TimeDelta::from_std(settings.escalate_after()?).ok()?;
    let since = alert.escalated_at.unwrap_or(alert.first_seen_at);
    let waits = alert.status == AlertStatus::Open && now - since >= after;
    let next = alert.severity.graver();
    let rises =
        next.rank() > alert.severity.rank() && next.rank() <= Severity::from(settings.escalate_to).rank();
    // What is only for information stays so.
    (waits && rises && alert.severity != Severity::Info).then_some(next)
}

/// Whether an alert ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    NotYet,
    /// When a file that came after the last trouble was loaded.
    IfLoadedSince,
    Now,
}

/// How far an alert is from its end.
pub fn end(alert: &AlertRow, settings: &Alerts, now: DateTime<Utc>) -> End {
    let quiet = (now - alert.last_seen_at).to_std().unwrap_or_default();
    match alert.rule {
        _ if alert.status == AlertStatus::Resolved => End::NotYet,
        AlertRule::Condition => End::NotYet,
        AlertRule::Files | AlertRule::Records | AlertRule::Event if quiet >= settings.forget_after() => {
            End::Now
        }
        AlertRule::Files | AlertRule::Records if quiet >= settings.resolve_after() => End::IfLoadedSince,
        AlertRule::Files | AlertRule::Records | AlertRule::Event => End::NotYet,
    }
}

impl From<Gravity> for Severity {
    fn from(gravity: Gravity) -> Severity {
        match gravity {
            Gravity::Info => Severity::Info,
            Gravity::Warning => Severity::Warning,
            Gravity::Error => Severity::Error,
            Gravity::Critical => Severity::Critical,
        }
    }
}

#[cfg(test)]
mod tests;
