//! Named places at which a debug build can be told to die, so that tests can show what a crash there leaves.
//!
//! `LAKEGATE_CRASH_AT=after-intent` ends the process at that place as `kill -9` would; `abort:reading:bad.json` aborts it
//! when `bad.json` is about to be read. A release build has no such places.

use rustix::process::{Signal, getpid, kill_process};

const VARIABLE: &str = "LAKEGATE_CRASH_AT";

/// The places of one load, in their order.
pub const PLACES: [&str; 16] = [
    "after-claim",
    "mid-move",
    "after-move",
    "after-read",
    "reading",
    "after-write",
    "mid-return",
    "after-return",
    "after-rejects",
    "after-intent",
    "mid-publish",
    "after-publish",
    "after-commit",
    "after-settle-plan",
    "mid-settle",
    "after-settle",
];

/// The places of one merge of data files, in their order; `mid-publish` is one, too.
pub const PLACES_OF_COMPACTION: [&str; 9] = [
    "compact-after-begin",
    "compact-mid-write",
    "compact-after-write",
    "compact-after-verify",
    "compact-after-intent",
    "compact-after-publish",
    "compact-after-commit",
    "compact-mid-retire",
    "compact-after-retire",
];

/// Dies here when the environment says so.
pub fn at(place: &str) {
    if cfg!(debug_assertions) {
        die_if_asked(place, None);
    }
}

/// As [`at`], at a place that is passed once for each file.
pub fn at_file(place: &str, name: &str) {
    if cfg!(debug_assertions) {
        die_if_asked(place, Some(name));
    }
}

fn die_if_asked(place: &str, file: Option<&str>) {
    let is_known = PLACES.contains(&place) || PLACES_OF_COMPACTION.contains(&place);
    debug_assert!(is_known, "{place} is not on the list");
    let Ok(asked) = std::env::var(VARIABLE) else { return };
    let (own_fault, asked) = match asked.strip_prefix("abort:") {
        Some(rest) => (true, rest),
        None => (false, asked.as_str()),
    };
    let here = match asked.split_once(':') {
        Some((wanted, name)) => wanted == place && file == Some(name),
        None => asked == place,
    };
    if here && !own_fault {
        // From outside, nobody would be asked whether it works.
        let _ = kill_process(getpid(), Signal::KILL);
    }
    if here {
        std::process::abort();
    }
}
