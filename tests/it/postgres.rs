//! The whole program on PostgreSQL: the main job, an outage while loading, a start without a database.

use std::fs;
use std::time::Duration;

use crate::metadata::cluster::{Cluster, psql};
use crate::recovery::daemon::{Daemon, eventually};
use crate::recovery::delivery::Delivery;

/// What an operator may expect after a statement of theirs.
const PROMISED: Duration = Duration::from_secs(2);
/// For what has no promise but must happen.
const PATIENCE: Duration = Duration::from_secs(30);

const VISITS: &str = r#"[{"id": 1, "name": "Ada"}, {"id": 2, "name": "a\u0000b"}, {"id": 3, "name": null}]"#;

fn state_of(url: &str, name: &str) -> String {
    psql(url, &format!("SELECT state FROM files WHERE name = '{name}'"))
}

#[test]
fn an_unknown_type_registers_waits_and_loads_after_one_update() {
    let url = Cluster::shared().database();
    let delivery = Delivery::empty(Some(url.clone()));
    let _daemon = Daemon::start(&delivery, |_| {});
    let is = |name: &str, state: &str| state_of(&url, name) == state;

    delivery.drop_in("visits_20250101.json", VISITS);
    let status = "SELECT status FROM table_metadata WHERE file_type = 'visits'";
    eventually("the type registers itself", PROMISED, || psql(&url, status) == "inactive");
    assert_eq!(state_of(&url, "visits_20250101.json"), "waiting");

    psql(&url, "UPDATE table_metadata SET status = 'active' WHERE file_type = 'visits'");
    eventually("its file loads", PROMISED, || is("visits_20250101.json", "processed"));
    let names = delivery.ask("SELECT name FROM visits ORDER BY id");
    assert_eq!(names[1]["name"], "a\u{0}b", "a NUL is a character like any other");

    delivery.drop_in("visits_20250102.json", VISITS);
    eventually("the same bytes", PATIENCE, || is("visits_20250102.json", "duplicate"));
    delivery.drop_in("visits_20250103.json", "[{\"id\": 4}, {\"id\": \"x\\u0000\"}, {\"id\": 5}]");
    eventually("a bad record", PATIENCE, || is("visits_20250103.json", "processed"));
    assert_eq!(delivery.count("visits"), 5);
    assert_eq!(psql(&url, "SELECT count(*) FROM rejects WHERE status = 'open'"), "1");
    delivery.drop_in("visits_20250104.json", "\u{0}oops");
    eventually("no JSON", PATIENCE, || is("visits_20250104.json", "failed"));
    delivery.assert_nothing_open("after the main job");
}

#[test]
fn the_daily_summary_runs_on_postgres() {
    let delivery = Delivery::empty(Some(Cluster::shared().database()));
    let generated = delivery.run(&["generate", "--num-files", "6", "--records", "40", "--seed", "5"], |_| {});
    assert_eq!(generated.code, Some(0), "{}", generated.talk);
    let loaded = delivery.ingest(|_| {});
    assert_eq!(loaded.code, Some(0), "{}", loaded.talk);
    let ran = delivery.run(&["jobs", "run", "daily_summary"], |_| {});
    assert_eq!(ran.code, Some(0), "{}", ran.talk);
    let vehicles = delivery.ask(
        "SELECT count(*) AS n FROM (SELECT DISTINCT vehicle_id, CAST(event_time AS DATE) FROM vehicle_events)",
    );
    assert_eq!(vehicles[0]["n"].as_i64(), Some(delivery.count("daily_summary")));
}

#[test]
fn an_outage_while_loading_loses_nothing_and_is_told_once() {
    let cluster = Cluster::start();
    let url = cluster.database();
    let delivery = Delivery::empty(Some(url.clone()));
    delivery.place.write("orders.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
    delivery.run(&["types", "add", "orders", "--schema", "orders.json"], |_| {});
    let daemon = Daemon::start(&delivery, |command| {
        command.env("LAKEGATE__INGEST__LOAD_MAX_FILES", "5");
    });
    let file = |number: usize| format!("orders_20250101-{number}.ndjson");
    let records =
        |number: usize| (0..20).map(|id| format!("{{\"id\": {}}}\n", number * 20 + id)).collect::<String>();
    (0..200).for_each(|number| delivery.drop_in(&file(number), &records(number)));
    let processed = || psql(&url, "SELECT count(*) FROM files WHERE state = 'processed'");
    eventually("loading begins", PATIENCE, || processed() != "0");
    cluster.down();
    (200..210).for_each(|number| delivery.drop_in(&file(number), &records(number)));
    eventually("the outage is told", PATIENCE, || !daemon.errors().is_empty());
    let told = daemon.errors();
    assert!(
        told.iter().all(|line| line.contains("metadata.unavailable") && line.contains("hint=")),
        "{told:#?}"
    );

    cluster.up();
    eventually("everything is loaded", PATIENCE * 6, || processed() == "210");
    let told = daemon.errors();
    assert!(told.len() <= 3, "a storm: {told:#?}");
    eventually("the alert is resolved", PATIENCE, || {
        psql(&url, "SELECT count(*) FROM alerts WHERE code = 'metadata.unavailable' AND status = 'resolved'")
            != "0"
    });
    let (status, _) = daemon.stop("TERM");
    assert_eq!(status.code(), Some(0));
    delivery.assert_tidy("after the outage");
    let rows = delivery.ask("SELECT count(*) AS n, count(DISTINCT id) AS d FROM orders");
    assert_eq!((rows[0]["n"].as_u64(), rows[0]["d"].as_u64()), (Some(4_200), Some(4_200)));
    cluster.down();
}

#[test]
fn a_daemon_does_not_start_without_its_database_and_says_why() {
    let delivery = Delivery::empty(Some("postgres://u:secret@127.0.0.1:1/db".into()));
    let ran = delivery.run(&["run"], |_| {});
    assert_eq!(ran.code, Some(3), "{}", ran.talk);
    assert!(ran.talk.contains("error: ") && ran.talk.contains("hint: "), "{}", ran.talk);
    assert!(!ran.talk.contains("secret"), "{}", ran.talk);
    assert!(fs::read_dir(delivery.place.path("data/incoming")).is_err(), "nothing was made");
}
