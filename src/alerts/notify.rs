//! Who is to be told what, decided from the rows alone. Pure: rows, policy and time are arguments.
//!
//! A channel is told of each opening, escalation and resolution once, and now and then of a growing count. What it was
//! told last is on record, so the difference between that and the alert is what there is to say, after a restart too.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::message::Notice;
use crate::metadata::alerts::{AlertRow, AlertStatus, DeliveryRow, Severity, Word};

/// Who comes so late with something that opened and ended unseen has no news.
const STALE: TimeDelta = TimeDelta::days(1);
/// A channel that has not taken the end of an alert for this long will not hear of it.
const GIVE_UP: TimeDelta = TimeDelta::days(7);
/// Pauses between two tries: doubling from the first to the longest.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(2);
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(15);
/// The longest that a server may ask us to wait.
const LONGEST_WISH: TimeDelta = TimeDelta::hours(1);

/// Alerts about channels themselves: telling those channels would go round in circles.
pub const OWN_CODES: &str = "alerts.";

/// What one channel wants to hear.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub min_severity: Severity,
    /// The time between two messages about a growing count; `None`: never.
    pub repeat_after: Option<Duration>,
    /// It hears of alerts about channels, too.
    pub hears_of_channels: bool,
    /// Many notices may be put into one message.
    pub sums_up: bool,
}

/// What a channel has to be told about an alert now, if anything.
pub fn due(
    alert: &AlertRow,
    heard: Option<&DeliveryRow>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Option<Word> {
    if alert.code.starts_with(OWN_CODES) && !policy.hears_of_channels {
        return None;
    }
    let is_grave = alert.severity.rank() >= policy.min_severity.rank();
    let over_for = alert.resolved_at.map_or(TimeDelta::zero(), |ended| now - ended);
    match (alert.status, heard.and_then(|row| Some((row, row.told?)))) {
        (AlertStatus::Resolved, None) => (is_grave && over_for < STALE).then_some(Word::Passed),
        (AlertStatus::Resolved, Some((_, Word::Resolved | Word::Passed))) => None,
        (AlertStatus::Resolved, Some(_)) => (over_for < GIVE_UP).then_some(Word::Resolved),
        // Someone looks after it.
        (AlertStatus::Acknowledged, _) => None,
        (AlertStatus::Open, None | Some((_, Word::Resolved | Word::Passed))) => {
            is_grave.then_some(Word::Opened)
        }
        (AlertStatus::Open, Some((row, _))) => changed(alert, row, policy, now),
    }
}

/// What is new about an open alert that a channel knows.
fn changed(alert: &AlertRow, row: &DeliveryRow, policy: &Policy, now: DateTime<Utc>) -> Option<Word> {
    if row.told_severity.is_some_and(|told| alert.severity.rank() > told.rank()) {
        return Some(Word::Escalated);
    }
    let pause = TimeDelta::from_std(policy.repeat_after?).ok()?;
    let grown = alert.occurrences > row.told_occurrences;
    (grown && row.told_at.is_some_and(|told| now - told >= pause)).then_some(Word::Repeated)
}

/// A notice that is to be sent.
#[derive(Debug, Clone)]
pub struct Due {
    pub notice: Notice,
    /// Of its delivery, as it was found.
    pub version: i64,
    /// Tries that failed.
    pub attempts: i64,
}

/// The messages that a channel is sent in one go.
#[derive(Debug, Default)]
pub struct Mailing {
    pub single: Vec<Due>,
    /// Put into one message; the last that the rate limit allows for now.
    pub summed_up: Vec<Due>,
}

impl Mailing {
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.summed_up.is_empty()
    }
}

/// Cuts what is due to what may be sent now: with `room` for as many messages as there are notices, each is a message;
/// otherwise the last message sums up the rest. What does not fit even so is still due the next time. A channel that
/// has failed is probed with one message, each time with one that has failed less often.
pub fn mailing(mut due: Vec<Due>, room: i64, policy: &Policy, probing: bool) -> Mailing {
    due.sort_by_key(|due| (std::cmp::Reverse(due.notice.alert.severity.rank()), due.notice.alert.id));
    let room = usize::try_from(room).unwrap_or(0);
    if probing {
        due.sort_by_key(|due| due.attempts);
        due.truncate(room.min(1));
    }
    if due.len() > room && policy.sums_up && room > 0 {
        let summed_up = due.split_off(room - 1);
        return Mailing { single: due, summed_up };
    }
    due.truncate(room);
    Mailing { single: due, summed_up: Vec::new() }
}

/// When to try again after `failures` failures in a row; a server may ask for more time.
pub fn next_attempt(failures: i64, wish: Option<Duration>, now: DateTime<Utc>) -> DateTime<Utc> {
    let doublings = u32::try_from(failures.clamp(1, 16)).unwrap_or(16) - 1;
    let pause = (FIRST_PAUSE * (1_i32 << doublings)).min(LONGEST_PAUSE);
    let wish = wish.and_then(|wish| TimeDelta::from_std(wish).ok()).unwrap_or_default().min(LONGEST_WISH);
    now + pause.max(wish)
}

#[cfg(test)]
pub(crate) mod tests;
