//! The zone of times that carry no offset.

use std::fmt;

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

/// A zone of the IANA database, or a fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

impl Zone {
    pub const UTC: Zone = Zone::Named(Tz::UTC);

    /// `Europe/Berlin`, `UTC`, `Z`, `+02:00`; `None` when it is none of these.
    pub fn parse(name: &str) -> Option<Zone> {
        if name == "Z" {
            return Some(Zone::UTC);
        }
        if let Some(offset) = fixed(name) {
            return Some(Zone::Fixed(offset));
        }
        let zone = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
        zone.map(|zone| Zone::Named(*zone))
    }

    /// The names of all zones of the database.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TZ_VARIANTS.iter().map(|zone| zone.name())
    }

    /// What the clocks of the zone show at a point in time.
    pub fn wall(self, time: DateTime<Utc>) -> NaiveDateTime {
        match self {
            Zone::Named(zone) => time.with_timezone(&zone).naive_local(),
            Zone::Fixed(offset) => time.with_timezone(&offset).naive_local(),
        }
    }

    /// The points in time at which the clocks of the zone show `wall`: one, two, or none.
    pub fn moments(self, wall: NaiveDateTime) -> LocalResult<DateTime<Utc>> {
        match self {
            Zone::Named(zone) => zone.from_local_datetime(&wall).map(|moment| moment.with_timezone(&Utc)),
            Zone::Fixed(offset) => offset.from_local_datetime(&wall).map(|moment| moment.with_timezone(&Utc)),
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Named(zone) => f.write_str(zone.name()),
            Zone::Fixed(offset) => offset.fmt(f),
        }
    }
}

/// `±HH:MM`, less than a day.
fn fixed(text: &str) -> Option<FixedOffset> {
    let (sign, clock) = match text.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let two = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse::<i32>().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if minutes > 59 {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}
