//! Unique keys with several processes on one data root, and with processes that die.

use std::process::Stdio;
use std::time::Duration;

use lakegate::crash::PLACES_OF_REPLAY;

use super::daemon::{Daemon, eventually};
use super::delivery::Delivery;
use crate::metadata::cluster::Cluster;

const KEYED: &str = r#"{"fields": [{"name": "id", "type": "long", "unique": true}]}"#;

fn keyed(database: Option<String>) -> Delivery {
    let delivery = Delivery::empty(database);
    delivery.place.write("orders.json", KEYED);
    let add = ["types", "add", "orders", "--schema", "orders.json", "--processing-config"];
    let added = delivery.run(&[&add[..], &[r#"{"max_reject_ratio": 1}"#]].concat(), |_| {});
    assert_eq!(added.code, Some(0), "{}", added.talk);
    delivery
}

fn lines(ids: impl Iterator<Item = i64>) -> String {
    ids.map(|id| format!("{{\"id\": {id}}}\n")).collect()
}

/// Runs these commands at the same time.
fn at_once(delivery: &Delivery, commands: &[&[&str]]) {
    let start = |args: &&[&str]| {
        let mut command = delivery.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the binary runs")
    };
    for mut process in commands.iter().map(start).collect::<Vec<_>>() {
        let status = process.wait().expect("it ends");
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    }
}

/// Rows, and different keys among them.
fn counts(delivery: &Delivery) -> (i64, i64) {
    let rows = &delivery.ask("SELECT count(*) AS n, count(DISTINCT id) AS d FROM orders")[0];
    (rows["n"].as_i64().unwrap_or(-1), rows["d"].as_i64().unwrap_or(-1))
}

fn four_ingest_at_once(database: Option<String>) {
    let delivery = keyed(database);
    for file in 0..12 {
        delivery.drop_in(&format!("orders_202501{:02}.ndjson", file + 1), &lines(file * 5..file * 5 + 10));
    }
    let small = ["ingest"];
    at_once(&delivery, &[&small, &small, &small, &small]);
    for _ in 0..3 {
        delivery.ingest(|_| {});
    }
    assert_eq!(counts(&delivery), (65, 65));
    assert_eq!(delivery.count("rejects WHERE status = 'open' AND rule = 'record.unique'"), 55);
    delivery.assert_tidy("four processes with keys");
}

#[test]
fn four_processes_let_each_key_in_once_on_sqlite() {
    four_ingest_at_once(None);
}

#[test]
fn four_processes_let_each_key_in_once_on_postgres() {
    four_ingest_at_once(Some(Cluster::shared().database()));
}

/// Six refused records, of which four are repaired into keys of their own, and two into those of others.
fn refused(database: Option<String>) -> Delivery {
    let delivery = keyed(database);
    let records: String =
        (0..6).map(|at| format!("{{\"id\": {}}}\n{{\"id\": \"x{at}\"}}\n", 100 + at)).collect();
    delivery.drop_in("orders_20250101.ndjson", &records);
    delivery.ingest(|_| {});
    assert_eq!(delivery.count("rejects WHERE status = 'open'"), 6);
    for (at, id) in [0, 1, 2, 3, 3, 100].into_iter().enumerate() {
        let fixed = format!("UPDATE rejects SET fixed = '{{\"id\": {id}}}' WHERE raw LIKE '%x{at}%'");
        assert_eq!(delivery.run(&["sql", &fixed], |_| {}).code, Some(0));
    }
    delivery
}

#[test]
fn a_replay_killed_at_any_place_lets_each_key_in_once() {
    for place in PLACES_OF_REPLAY.into_iter().chain(["mid-publish"]) {
        let delivery = refused(None);
        delivery.run(&["rejects", "replay"], |command| {
            command.env("LAKEGATE_CRASH_AT", place);
        });
        let last = delivery.run(&["rejects", "replay"], |_| {});
        assert_eq!(last.code, Some(1), "{place}: {}", last.talk);
        assert_eq!(counts(&delivery), (10, 10), "{place}");
        assert_eq!(delivery.count("rejects WHERE status = 'replayed'"), 4, "{place}");
        let repeats = "rejects WHERE status = 'open' AND rule = 'record.unique'";
        assert_eq!(delivery.count(repeats), 2, "{place}");
        delivery.assert_tidy(place);
    }
}

fn replays_beside_loads(database: Option<String>) {
    let delivery = refused(database);
    for id in 0..6 {
        delivery.drop_in(&format!("orders_2025020{}.ndjson", id + 1), &lines(id..id + 1));
    }
    at_once(&delivery, &[&["ingest"], &["rejects", "replay"], &["ingest"], &["rejects", "replay"]]);
    for _ in 0..3 {
        delivery.ingest(|_| {});
    }
    delivery.run(&["rejects", "replay"], |_| {});
    assert_eq!(counts(&delivery), (12, 12));
    // Each record is a row or a repeat.
    let rows = "rejects WHERE status = 'open' AND rule = 'record.unique'";
    assert_eq!(delivery.count(rows) + 12, 6 + 6 + 6);
    delivery.assert_tidy("replays beside loads");
}

#[test]
fn replays_beside_loads_let_each_key_in_once_on_sqlite() {
    replays_beside_loads(None);
}

#[test]
fn replays_beside_loads_let_each_key_in_once_on_postgres() {
    replays_beside_loads(Some(Cluster::shared().database()));
}

#[test]
fn a_daemon_and_others_let_each_key_in_once() {
    let delivery = refused(None);
    let daemon = Daemon::start(&delivery, |command| {
        command.env("LAKEGATE__COMPACT__MIN_FILES", "2");
    });
    for file in 0..20 {
        delivery.drop_in(&format!("orders_202503{:02}.ndjson", file + 1), &lines(file * 2..file * 2 + 4));
        if file % 5 == 0 {
            at_once(&delivery, &[&["rejects", "replay"], &["compact"]]);
        }
    }
    eventually("all files are loaded", Duration::from_secs(60), || {
        delivery.count("files WHERE state = 'processed'") == 21
    });
    assert_eq!(counts(&delivery), (48, 48));
    assert_eq!(daemon.stop("TERM").0.code(), Some(0));
    delivery.assert_nothing_open("a daemon with keys");
}
