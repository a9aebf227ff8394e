//! Cron expressions in a time zone: which times match. Pure; knows no clock.
//!
//! A schedule speaks of wall-clock time in its zone, and every wall-clock time counts once: one that the clocks
//! skip in spring happens at the first moment after the gap, one that they show twice in autumn happens the
//! first time.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Timelike, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use thiserror::Error;

use crate::zone::Zone;

/// A schedule longer than this is no schedule.
const MAX_LENGTH: usize = 200;

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: Zone,
}

/// Why a schedule cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    #[error("schedule '{schedule}' is not a cron expression of 5 or 6 fields ({cause})")]
    Cron { schedule: String, cause: String },
    #[error("schedule '{0}' never comes due")]
    Never(String),
    #[error("timezone '{name}' is not in the time zone database{}", did_you_mean(near))]
    Zone { name: String, near: Option<String> },
}

fn did_you_mean(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

impl Schedule {
    /// Reads a cron expression (minute hour day month weekday, or with seconds in front; names such as `MON` and
    /// `JAN` and nicknames such as `@daily` are understood) and the IANA name of a time zone.
    ///
    /// # Errors
    /// Either cannot be read, or no time ever matches.
    pub fn parse(schedule: &str, timezone: &str) -> Result<Self, ScheduleError> {
        Self::in_zone(schedule, zone(timezone)?)
    }

    /// As [`Self::parse`], in a zone that is known.
    ///
    /// # Errors
    /// The expression cannot be read, or no time ever matches.
    pub fn in_zone(schedule: &str, zone: Zone) -> Result<Self, ScheduleError> {
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
        let wall = self.zone.wall(time);
        wall.with_nanosecond(0).unwrap_or(wall)
    }

    /// The greatest wall-clock time shown up to `time`: in the second pass of a repeated hour, the end of the first.
    fn latest_wall(&self, time: DateTime<Utc>) -> NaiveDateTime {
        let wall = self.wall(time);
        match self.zone.moments(wall) {
            LocalResult::Ambiguous(first, second) if time >= second => wall + (second - first),
            _ => wall,
        }
    }

    /// The moment at which the clocks of the zone show `wall`; never runs backwards as `wall` grows.
    fn moment(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.moments(wall) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => Some(moment),
            LocalResult::None => self.end_of_gap(wall),
        }
    }

    /// The first moment after the gap that swallows `wall`, found by halving: gaps are up to a day long.
    fn end_of_gap(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let skipped = |seconds: i64| {
            let later = wall.checked_add_signed(Duration::seconds(seconds))?;
            Some(matches!(self.zone.moments(later), LocalResult::None))
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
        self.zone.moments(first).earliest()
    }
}

fn zone(name: &str) -> Result<Zone, ScheduleError> {
    let name = name.trim();
    Zone::parse(name).ok_or_else(|| {
        let far = |zone: &&str| strsim::osa_distance(&name.to_lowercase(), &zone.to_lowercase());
        let near = Zone::names().min_by_key(far).filter(|zone| far(zone) <= 3);
        ScheduleError::Zone { name: shortened(name), near: near.map(str::to_owned) }
    })
}

fn shortened(text: &str) -> String {
    crate::printable::shorten(text, 60)
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
