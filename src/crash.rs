//! Named places at which a debug build can be told to die, so that tests can show what a crash there leaves.
//!
//! `LAKEGATE_CRASH_AT=after-intent` ends the process at that place as `kill -9` would; `abort:reading:bad.json` aborts it
//! when `bad.json` is about to be read. A release build has no such places.

use rustix::process::{Signal, getpid, kill_process};

const VARIABLE: &str = "LAKEGATE_CRASH_AT";

/// The places of one load, in their order.
pub const PLACES: [&str; 18] = [
    "after-claim",
    "mid-move-control",
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
    "mid-settle-control",
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

/// The places of a replay of rejected records, in their order; `mid-publish` is one, too.
pub const PLACES_OF_REPLAY: [&str; 6] = [
    "replay-after-begin",
    "replay-after-write",
    "replay-after-refusals",
    "replay-after-intent",
    "replay-after-publish",
    "replay-after-commit",
];

/// The places of a revert, in their order; `mid-publish` is one, too, where something of a data file is left.
pub const PLACES_OF_REVERT: [&str; 5] = [
    "revert-after-begin",
    "revert-after-write",
    "revert-after-intent",
    "revert-after-publish",
    "revert-after-commit",
];

/// The places of a schema that evolves, and of a field that is promoted, in their order; `mid-publish` is one, too.
pub const PLACES_OF_SCHEMAS: [&str; 7] = [
    "after-evolve",
    "promote-after-schema",
    "promote-after-begin",
    "promote-after-write",
    "promote-after-intent",
    "promote-after-publish",
    "promote-after-commit",
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
    let all: [&[&str]; 5] =
        [&PLACES, &PLACES_OF_COMPACTION, &PLACES_OF_REPLAY, &PLACES_OF_REVERT, &PLACES_OF_SCHEMAS];
    let is_known = all.iter().any(|places| places.contains(&place));
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
