//! The file that did not come: decided from a schedule and from what came. Pure.
//!
//! Each time of the schedule has a deadline, the grace after it. A file counts for the first deadline that follows its
//! arrival. One that comes late, nearer to the deadline that it missed than to the next, counts only for the one that it
//! missed: yesterday's late file is not today's.

use chrono::{DateTime, TimeDelta, Utc};

use crate::schedule::Schedule;

/// So many deadlines are looked back on; what was late before does not matter any more.
const LOOK_BACK: usize = 8;

/// A span of time: the start excluded, the end included.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

/// The deadlines that have passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    /// The times of the schedule, oldest first.
    times: Vec<DateTime<Utc>>,
    /// Two for each time and two since the last deadline: when late files come, and when those come that are on time.
    pub spans: Vec<Span>,
}

/// What did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The first time of the schedule, of those looked back on, for which no file came.
    pub first: DateTime<Utc>,
    /// The last one.
    pub last: DateTime<Utc>,
}

/// The deadlines up to `now` of times after `since`; `None` when there are none.
pub fn deadlines(
    schedule: &Schedule,
    grace: TimeDelta,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Deadlines> {
    let mut at = schedule.latest(now - grace)?;
    let next = schedule.next(at)?;
    let mut times = vec![next];
    while at > since && times.len() <= LOOK_BACK {
        times.push(at);
        match schedule.latest(at - TimeDelta::seconds(1)) {
            Some(before) => at = before,
            // The first time that this schedule ever matched: nothing bounds it but the start of the count.
            None => {
                at = since;
                break;
            }
        }
    }
    // The time before the oldest one that counts bounds the span in which its file may come.
    times.push(at);
    times.reverse();
    if times.len() < 3 {
        return None;
    }
    let spans = times.windows(2).flat_map(|pair| {
        let (from, until) = (pair[0] + grace, pair[1] + grace);
        let middle = from + (until - from) / 2;
        [(from, middle.min(now)), (middle.min(now), until.min(now))]
    });
    let spans = spans.collect();
    times.pop();
    times.remove(0);
    Some(Deadlines { times, spans })
}

impl Deadlines {
    /// What is missing, given how many files came in each of the spans (two are as good as more).
    pub fn missing(&self, arrivals: &[i64]) -> Option<Missing> {
        let mut missing: Option<Missing> = None;
        let mut halves = arrivals.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or(0)));
        for &time in &self.times {
            let (late, timely) = halves.next().unwrap_or_default();
            let came = if missing.is_some() && timely == 0 { late - 1 } else { late + timely };
            if late + timely > 0 {
                missing = None;
            }
            if came <= 0 {
                let first = missing.map_or(time, |missing| missing.first);
                missing = Some(Missing { first, last: time });
            }
        }
        let (late, timely) = halves.next().unwrap_or_default();
        missing.filter(|_| late + timely == 0)
    }
}

#[cfg(test)]
mod tests;
