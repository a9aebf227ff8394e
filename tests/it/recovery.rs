//! Crashes at every named place of a load, and what the next start makes of them.
//!
//! The binary is told to die there; a debug build does. Each place is tried on both databases.

mod compaction;
mod concurrency;
pub(crate) mod daemon;
mod deaths;
pub(crate) mod delivery;
mod keys;
mod replay;
mod stopping;

use std::process::Command;

use lakegate::crash::PLACES;

use crate::metadata::cluster::Cluster;
use delivery::Delivery;

const SIGKILL: i32 = 9;

/// Crashes at each place, then loads again. With few files in a load, several loads are under way.
fn crash_everywhere(database: impl Fn() -> Option<String>, files_in_a_load: &str) {
    for place in PLACES {
        let delivery = Delivery::new(database());
        let load = |command: &mut Command| {
            command.env("LAKEGATE__INGEST__LOAD_MAX_FILES", files_in_a_load);
        };
        let crash = |command: &mut Command| {
            load(command);
            // What may still grow is given back in the first run, and is taken as it is in the second.
            command.env("LAKEGATE_CRASH_AT", place).env("LAKEGATE__INGEST__MAX_WAIT_SECONDS", "600");
        };
        let ran = delivery.ingest(crash);
        assert_eq!(ran.signal, Some(SIGKILL), "{place}: {}", ran.talk);
        let again = delivery.ingest(load);
        assert_eq!(again.code, Some(1), "{place}: {}", again.talk);
        delivery.assert_complete(place);
    }
}

#[test]
fn a_crash_at_any_place_loses_nothing_and_doubles_nothing_on_sqlite() {
    crash_everywhere(|| None, "2000");
}

#[test]
fn a_crash_while_one_load_is_prepared_and_another_settles_loses_nothing_on_sqlite() {
    crash_everywhere(|| None, "2");
}

#[test]
fn a_crash_while_one_load_is_prepared_and_another_settles_loses_nothing_on_postgres() {
    crash_everywhere(|| Some(Cluster::shared().database()), "1");
}

#[test]
fn a_crash_at_any_place_loses_nothing_and_doubles_nothing_on_postgres() {
    crash_everywhere(|| Some(Cluster::shared().database()), "2000");
}

#[test]
fn crashes_at_all_places_one_after_the_other_are_survived() {
    let delivery = Delivery::new(None);
    for place in PLACES {
        delivery.ingest(|command| {
            command.env("LAKEGATE_CRASH_AT", place).env("LAKEGATE__INGEST__MAX_WAIT_SECONDS", "600");
        });
    }
    let last = delivery.ingest(|_| {});
    assert!(last.code.is_some(), "{}", last.talk);
    delivery.assert_complete("all places");
}
