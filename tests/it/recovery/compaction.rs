//! Compaction, killed at every named place, beside readers, and beside a daemon that loads.

use std::process::{Command, Stdio};
use std::time::Duration;

use lakegate::crash::PLACES_OF_COMPACTION;

use super::daemon::{Daemon, eventually};
use super::delivery::Delivery;
use crate::metadata::cluster::Cluster;

const SIGKILL: i32 = 9;
const ROWS: &str = "SELECT count(*) AS n, count(DISTINCT id) AS d, sum(id) AS s FROM orders";

fn places() -> impl Iterator<Item = &'static str> {
    PLACES_OF_COMPACTION.into_iter().chain(["mid-publish"])
}

/// Six loads of a row each into one partition, and two into another.
fn scattered(database: Option<String>) -> Delivery {
    let delivery = Delivery::empty(database);
    delivery.place.write("orders.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
    let added = delivery.run(&["types", "add", "orders", "--schema", "orders.json"], |_| {});
    assert_eq!(added.code, Some(0), "{}", added.talk);
    for number in 0..8 {
        let day = if number < 6 { 1 } else { 2 };
        delivery.drop_in(&format!("orders_2025010{day}-{number}.json"), &format!("[{{\"id\": {number}}}]"));
        let loaded = delivery.ingest(|_| {});
        assert_eq!(loaded.code, Some(0), "{}", loaded.talk);
    }
    assert_eq!(delivery.count("data_files WHERE state = 'live'"), 8);
    delivery
}

fn assert_whole(delivery: &Delivery, scene: &str) {
    let rows = &delivery.ask(ROWS)[0];
    assert_eq!(
        (rows["n"].as_i64(), rows["d"].as_i64(), rows["s"].as_i64()),
        (Some(8), Some(8), Some(28)),
        "{scene}"
    );
}

fn killed_everywhere(database: impl Fn() -> Option<String>) {
    for place in places() {
        let delivery = scattered(database());
        let crash = |command: &mut Command| {
            command.env("LAKEGATE_CRASH_AT", place);
        };
        let ran = delivery.run(&["compact"], crash);
        assert_eq!(ran.signal, Some(SIGKILL), "{place}: {}", ran.talk);
        assert_whole(&delivery, place);
        // Whoever comes next resumes: another compaction, or a load.
        if place.len() % 2 == 0 {
            delivery.ingest(|_| {});
            assert_whole(&delivery, place);
            delivery.assert_tidy(place);
        }
        let again = delivery.run(&["compact"], |_| {});
        assert_eq!(again.code, Some(0), "{place}: {}", again.talk);
        assert_whole(&delivery, place);
        delivery.assert_tidy(place);
        assert_eq!(delivery.count("data_files"), 2, "{place}");
        assert_eq!(delivery.count("data_file_origins"), 8, "{place}");
    }
}

#[test]
fn a_compaction_killed_at_any_place_loses_nothing_and_doubles_nothing_on_sqlite() {
    killed_everywhere(|| None);
}

#[test]
fn a_compaction_killed_at_any_place_loses_nothing_and_doubles_nothing_on_postgres() {
    killed_everywhere(|| Some(Cluster::shared().database()));
}

#[test]
fn a_dry_run_changes_nothing() {
    let delivery = scattered(None);
    let ran = delivery.run(&["compact", "orders", "--dry-run", "--json"], |_| {});
    assert_eq!(ran.code, Some(0), "{}", ran.talk);
    assert_eq!(delivery.count("data_files WHERE state = 'live'"), 8);
    assert_eq!(delivery.count("loads WHERE kind = 'compaction'"), 0);
    let unknown = delivery.run(&["compact", "order"], |_| {});
    assert_eq!(unknown.code, Some(2), "{}", unknown.talk);
    assert!(unknown.talk.contains("did you mean orders"), "{}", unknown.talk);
}

fn beside_a_daemon(database: Option<String>, config: &str) {
    const FILES: usize = 60;
    let delivery = Delivery::empty(database);
    let definition = r#"{"fields": [{"name": "id", "type": "long"}, {"name": "at", "type": "date"}], "primary_key": ["id"]}"#;
    delivery.place.write("orders.json", definition);
    let args = ["types", "add", "orders", "--schema", "orders.json", "--processing-config", config];
    assert_eq!(delivery.run(&args, |_| {}).code, Some(0));
    let daemon = Daemon::start(&delivery, |command| {
        command.env("LAKEGATE__INGEST__LOAD_MAX_FILES", "3").env("LAKEGATE__COMPACT__INTERVAL_SECONDS", "1");
        command.env("LAKEGATE__COMPACT__MIN_FILES", "3");
    });
    let processed = || delivery.count("files WHERE state = 'processed'");
    for number in 0..FILES {
        let records: String = (0..10).map(|id| format!("{{\"id\": {}}}\n", number * 10 + id)).collect();
        delivery.drop_in(&format!("orders_20250101-{number}.ndjson"), &records);
        if number % 10 == 9 {
            let ran = delivery.run(&["compact"], |_| {});
            assert_eq!(ran.code, Some(0), "{}", ran.talk);
            // Rows of whole files only, each once.
            let rows = &delivery.ask(ROWS)[0];
            assert_eq!(rows["n"], rows["d"]);
            assert_eq!(rows["n"].as_i64().map(|rows| rows % 10), Some(0));
        }
    }
    eventually("everything is loaded", Duration::from_secs(60), || processed() == FILES as i64);
    eventually("the daemon merges by itself", Duration::from_secs(60), || {
        delivery.count("data_files WHERE state = 'live'") < 6
    });
    assert_eq!(daemon.errors(), Vec::<String>::new());
    let (status, _) = daemon.stop("TERM");
    assert_eq!(status.code(), Some(0));
    let rows = &delivery.ask(ROWS)[0];
    assert_eq!((rows["n"].as_i64(), rows["d"].as_i64()), (Some(600), Some(600)));
    delivery.ingest(|_| {});
    delivery.assert_tidy("after a daemon that loads and merges");
}

#[test]
fn a_daemon_that_appends_and_compactions_beside_it_lose_nothing_on_sqlite() {
    beside_a_daemon(None, "{}");
}

#[test]
fn a_daemon_that_appends_and_compactions_beside_it_lose_nothing_on_postgres() {
    beside_a_daemon(Some(Cluster::shared().database()), "{}");
}

#[test]
fn a_daemon_that_upserts_and_compactions_beside_it_lose_nothing() {
    beside_a_daemon(None, r#"{"write_mode": "upsert"}"#);
}

#[test]
fn readers_in_other_processes_never_see_a_wrong_count() {
    let delivery = scattered(None);
    let mut compactions = 0;
    let mut compaction: Option<std::process::Child> = None;
    while compactions < 4 {
        match compaction.as_mut().map(|child| child.try_wait().expect("it runs")) {
            Some(None) => {}
            ended => {
                assert!(ended.flatten().is_none_or(|status| status.success()));
                compactions += 1;
                // A new small file beside the merged ones, outside of what is counted.
                let name = format!("orders_20250101-more{compactions}.json");
                delivery.drop_in(&name, &format!("[{{\"id\": {}}}]", -compactions));
                delivery.ingest(|_| {});
                let mut command = delivery.command(&["compact"]);
                command.stdout(Stdio::null()).stderr(Stdio::null());
                compaction = Some(command.spawn().expect("the binary runs"));
            }
        }
        let rows = &delivery.ask(&format!("{ROWS} WHERE id >= 0"))[0];
        assert_eq!(
            (rows["n"].as_i64(), rows["d"].as_i64(), rows["s"].as_i64()),
            (Some(8), Some(8), Some(28))
        );
    }
    assert!(compaction.expect("begun").wait().expect("it ends").success());
}

#[test]
fn write_modes_go_on_working_after_a_compaction() {
    // Of ids 0 to 7, the file of the first day brings id 3 again, twice.
    for (mode, rows) in [("overwrite", [4, 3]), ("upsert", [8, 8])] {
        let delivery = scattered(None);
        assert_eq!(delivery.run(&["compact"], |_| {}).code, Some(0));
        let keyed = r#"{"fields":[{"name":"id","type":"long"}],"primary_key":["id"]}"#;
        let update = format!(
            "UPDATE table_metadata SET schema_definition = '{keyed}', processing_config = '{{\"write_mode\":\"{mode}\"}}'"
        );
        assert_eq!(delivery.run(&["sql", &update], |_| {}).code, Some(0));
        delivery.drop_in("orders_20250101-again.json", r#"[{"id": 3}, {"id": 3}]"#);
        let loaded = delivery.ingest(|_| {});
        assert_eq!(loaded.code, Some(0), "{mode}: {}", loaded.talk);
        let found = &delivery.ask("SELECT count(*) AS n, count(DISTINCT id) AS d FROM orders")[0];
        assert_eq!([found["n"].as_i64(), found["d"].as_i64()], rows.map(Some), "{mode}");
        delivery.assert_tidy(mode);
        assert_eq!(delivery.count("data_file_origins"), 2, "{mode}: those of the other partition");
    }
}
