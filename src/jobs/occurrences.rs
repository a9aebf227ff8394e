//! When a job is due. Pure: the schedule, what is on record and the time are arguments.

use chrono::{DateTime, Duration, Utc};

pub use crate::schedule::{Schedule, ScheduleError};

/// A time for which a job must run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    pub at: DateTime<Utc>,
    /// True when it, or one before it, was missed.
    pub catch_up: bool,
}

/// What a job must run for now, if anything.
///
/// `since` is when the schedule began to count, `recorded` the last occurrence on record, `awake_since` when this
/// process began to look. However many occurrences were missed, one run makes up for all of them: the latest.
pub fn due(
    schedule: &Schedule,
    since: DateTime<Utc>,
    recorded: Option<DateTime<Utc>>,
    awake_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Occurrence> {
    let settled = recorded.map_or(since, |recorded| recorded.max(since));
    let at = schedule.latest(now).filter(|at| *at > settled)?;
    let before = schedule.latest(at - Duration::seconds(1));
    let skipped_one = before.is_some_and(|before| before > settled);
    Some(Occurrence { at, catch_up: skipped_one || at < awake_since })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&Utc)
    }

    fn schedule(cron: &str, zone: &str) -> Schedule {
        Schedule::parse(cron, zone).expect("a schedule")
    }

    fn shown(occurrence: Option<Occurrence>) -> String {
        match occurrence {
            None => "nothing".into(),
            Some(Occurrence { at, catch_up }) => {
                format!("{}{}", at.format("%m-%d %H:%M"), if catch_up { " catch-up" } else { "" })
            }
        }
    }

    #[test]
    fn an_occurrence_is_due_once_and_missed_ones_are_made_up_for_once() {
        let daily = schedule("0 1 * * *", "UTC");
        let cases = [
            // since, recorded, awake since, now, expected
            ("03-01T00:00", None, "03-01T00:00", "03-01T00:59", "nothing"),
            ("03-01T00:00", None, "03-01T00:00", "03-01T01:00", "03-01 01:00"),
            ("03-01T01:00", None, "03-01T00:00", "03-01T01:00", "nothing"),
            ("03-01T00:00", Some("03-01T01:00"), "03-01T00:00", "03-01T23:00", "nothing"),
            ("03-01T00:00", Some("03-01T01:00"), "03-01T00:00", "03-02T01:30", "03-02 01:00"),
            ("03-01T00:00", Some("03-01T01:00"), "03-02T01:15", "03-02T01:30", "03-02 01:00 catch-up"),
            ("03-01T00:00", Some("03-01T01:00"), "03-09T12:00", "03-09T12:00", "03-09 01:00 catch-up"),
            ("03-01T00:00", Some("03-01T01:00"), "03-01T00:00", "03-04T02:00", "03-04 01:00 catch-up"),
            // Scheduled anew after the last run: what lay between does not count.
            ("03-05T00:00", Some("03-01T01:00"), "03-05T00:00", "03-05T00:30", "nothing"),
            // The clock went back.
            ("03-01T00:00", Some("03-09T01:00"), "03-01T00:00", "03-08T02:00", "nothing"),
        ];
        for (since, recorded, awake, now, expected) in cases {
            let time = |text: &str| at(&format!("2025-{text}:00Z"));
            let found = due(&daily, time(since), recorded.map(time), time(awake), time(now));
            assert_eq!(shown(found), expected, "{since} {recorded:?} {awake} {now}");
        }
    }
}
