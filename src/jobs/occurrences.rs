//! When a job is due. Pure: the schedule, what is on record and the time are arguments.
//!
//! A schedule speaks of wall-clock time in its zone, and every wall-clock time counts once: one that the clocks
//! skip in spring happens at the first moment after the gap, one that they show twice in autumn happens the
//! first time.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use thiserror::Error;

/// A schedule longer than this is no schedule.
const MAX_LENGTH: usize = 200;

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
}

/// Why a schedule cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    #[error("schedule '{schedule}' is not a cron expression of 5 or 6 fields ({cause})")]
    Cron { schedule: String, cause: String },
    #[error("schedule '{0}' never comes due")]
    Never(String),
    #[error("timezone '{name}' is not in the time zone database{}", did_you_mean(near))]
    Zone { name: String, near: Vec<String> },
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

/// A time for which a job must run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    pub at: DateTime<Utc>,
    /// True when it, or one before it, was missed.
    pub catch_up: bool,
}

impl Schedule {
    /// Reads a cron expression (minute hour day month weekday, or with seconds in front; names such as `MON` and
    /// `JAN` and nicknames such as `@daily` are understood) and the IANA name of a time zone.
    ///
    /// # Errors
    /// Either cannot be read, or no time ever matches.
    pub fn parse(schedule: &str, timezone: &str) -> Result<Self, ScheduleError> {
        let zone = zone(timezone)?;
        let unreadable = |cause: String| ScheduleError::Cron { schedule: shortened(schedule), cause };
        if schedule.len() > MAX_LENGTH {
            return Err(unreadable("it is too long".into()));
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(schedule).map_err(|bad| unreadable(bad.to_string()))?;
        let schedule_of_nothing = cron.find_next_occurrence(&DateTime::UNIX_EPOCH, true).is_err();
        if schedule_of_nothing {
            return Err(ScheduleError::Never(shortened(schedule)));
        }
        Ok(Schedule { cron, zone })
    }

    /// The first occurrence after `time`.
    pub fn next(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.wall(time);
        let mut inclusive = true;
        loop {
            wall = self.cron.find_next_occurrence(&wall.and_utc(), inclusive).ok()?.naive_utc();
            let moment = self.moment(wall)?;
            if moment > time {
                return Some(moment);
            }
            inclusive = false;
        }
    }

    /// The last occurrence not after `time`.
    pub fn latest(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.latest_wall(time);
        let mut inclusive = true;
        loop {
            wall = self.cron.find_previous_occurrence(&wall.and_utc(), inclusive).ok()?.naive_utc();
            let moment = self.moment(wall)?;
            if moment <= time {
                return Some(moment);
            }
            inclusive = false;
        }
    }

    fn wall(&self, time: DateTime<Utc>) -> NaiveDateTime {
        let wall = time.with_timezone(&self.zone).naive_local();
        wall.with_nanosecond(0).unwrap_or(wall)
    }

    /// The greatest wall-clock time shown up to `time`: in the second pass of a repeated hour, the end of the first.
    fn latest_wall(&self, time: DateTime<Utc>) -> NaiveDateTime {
        let wall = self.wall(time);
        match self.zone.from_local_datetime(&wall) {
            LocalResult::Ambiguous(first, second) if time >= second => wall + (second - first),
            _ => wall,
        }
    }

    /// The moment at which the clocks of the zone show `wall`; never runs backwards as `wall` grows.
    fn moment(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.from_local_datetime(&wall) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => {
                Some(moment.with_timezone(&Utc))
            }
            LocalResult::None => self.end_of_gap(wall),
        }
    }

    /// The first moment after the gap that swallows `wall`, found by halving: gaps are up to a day long.
    fn end_of_gap(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let skipped = |seconds: i64| {
            let later = wall.checked_add_signed(Duration::seconds(seconds))?;
            Some(matches!(self.zone.from_local_datetime(&later), LocalResult::None))
        };
        let (mut inside, mut outside) = (0_i64, 60);
        while skipped(outside)? {
            if outside > 2 * 86_400 {
                return None;
            }
            (inside, outside) = (outside, outside * 2);
        }
        while outside - inside > 1 {
            let middle = inside + (outside - inside) / 2;
            if skipped(middle)? { inside = middle } else { outside = middle }
        }
        let first = wall.checked_add_signed(Duration::seconds(outside))?;
        self.zone.from_local_datetime(&first).earliest().map(|moment| moment.with_timezone(&Utc))
    }
}

fn zone(name: &str) -> Result<Tz, ScheduleError> {
    name.trim().parse().map_err(|_| ScheduleError::Zone {
        name: shortened(name),
        near: crate::query::nearest(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())),
    })
}

fn shortened(text: &str) -> String {
    crate::printable::shorten(text, 60)
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

    #[test]
    fn clock_changes_neither_lose_nor_double_an_occurrence() {
        let cases = [
            // 02:30 does not exist on 30 March in Berlin: it happens when the gap ends, 01:00 UTC.
            ("30 2 * * *", "2025-03-30T00:59:59Z", "2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z"),
            ("30 2 * * *", "2025-03-30T01:00:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"),
            // 02:30 exists twice on 26 October: it happens the first time, 00:30 UTC.
            ("30 2 * * *", "2025-10-26T00:30:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"),
            ("30 2 * * *", "2025-10-26T01:10:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"),
            // Every ten minutes pauses while the hour repeats.
            ("*/10 * * * *", "2025-10-26T01:15:00Z", "2025-10-26T00:50:00Z", "2025-10-26T02:00:00Z"),
            // With seconds and names.
            ("15 0 9 * * MON", "2025-07-01T00:00:00Z", "2025-06-30T07:00:15Z", "2025-07-07T07:00:15Z"),
        ];
        for (cron, now, latest, next) in cases {
            let schedule = schedule(cron, "Europe/Berlin");
            assert_eq!(schedule.latest(at(now)), Some(at(latest)), "latest of {cron} at {now}");
            assert_eq!(schedule.next(at(now)), Some(at(next)), "next of {cron} at {now}");
        }
    }

    #[test]
    fn a_day_that_a_zone_skipped_is_made_up_for_after_it() {
        // Samoa had no 30 December 2011.
        let noon = schedule("0 12 * * *", "Pacific/Apia");
        assert_eq!(noon.next(at("2011-12-29T22:00:00Z")), Some(at("2011-12-30T10:00:00Z")));
    }

    #[test]
    fn a_useless_schedule_says_why() {
        let message = |cron: &str, zone: &str| Schedule::parse(cron, zone).expect_err("useless").to_string();
        assert_eq!(message("0 0 30 2 *", "UTC"), "schedule '0 0 30 2 *' never comes due");
        assert!(message("every day", "UTC").starts_with("schedule 'every day' is not a cron expression"));
        assert!(message("0 0 * * * * 2030", "UTC").contains("5 or 6 fields"));
        assert_eq!(
            message("0 1 * * *", "Europe/Berln"),
            "timezone 'Europe/Berln' is not in the time zone database; did you mean Europe/Berlin?"
        );
        assert!(message(&"*".repeat(300), "UTC").contains("too long"));
    }

    proptest::proptest! {
        #[test]
        fn no_schedule_breaks_the_parser(text in "[ -~é]{0,30}") {
            let _ = Schedule::parse(&text, "UTC");
        }

        #[test]
        fn what_comes_next_was_not_yet(seconds in 1_700_000_000_i64..1_800_000_000) {
            let schedule = schedule("*/7 3,4 * * *", "America/New_York");
            let now = DateTime::from_timestamp(seconds, 0).expect("a time");
            let (latest, next) = (schedule.latest(now).expect("a past"), schedule.next(now).expect("a future"));
            proptest::prop_assert!(latest <= now && now < next);
            proptest::prop_assert_eq!(schedule.latest(next - Duration::seconds(1)), Some(latest));
        }
    }
}
