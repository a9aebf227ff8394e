//! Times without an offset: what a wall clock in some zone showed → a point in time.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::schema::processing_config::Zone;

const NANOS: i128 = 1_000_000_000;

/// Why a wall clock's time is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoInstant {
    /// The clocks were put forward past it.
    Skipped,
    /// The clocks were put back, and showed it again.
    Twice,
}

/// A wall clock's time, as nanoseconds since 1970 if it were UTC → nanoseconds since 1970 in UTC.
pub(super) fn instant(zone: Zone, clock: i128) -> Result<i128, NoInstant> {
    let offset = match zone {
        Zone::Named(Tz::UTC) => 0,
        Zone::Fixed(offset) => offset.local_minus_utc(),
        Zone::Named(zone) => offset_of(zone, clock.div_euclid(NANOS))?,
    };
    Ok(clock - i128::from(offset) * NANOS)
}

fn offset_of(zone: Tz, seconds: i128) -> Result<i32, NoInstant> {
    let clock = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let clock: NaiveDateTime = clock.ok_or(NoInstant::Skipped)?.naive_utc();
    match zone.offset_from_local_datetime(&clock) {
        MappedLocalTime::Single(offset) => Ok(offset.fix().local_minus_utc()),
        MappedLocalTime::Ambiguous(..) => Err(NoInstant::Twice),
        MappedLocalTime::None => Err(NoInstant::Skipped),
    }
}
