//! The file that did not come.

use std::process::Command;

use super::scene::Scene;
use crate::recovery::daemon::eventually;

const STATUS: &str = "SELECT status FROM alerts WHERE code = 'file.missing' ORDER BY id DESC LIMIT 1";

fn expecting(expected: &str) -> Scene {
    let scene = Scene::new();
    scene.delivery.place.write("orders.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
    let config = format!(r#"{{"expected_every": {expected}}}"#);
    let args = ["types", "add", "orders", "--schema", "orders.json", "--processing-config", &config];
    let (code, _, talk) = scene.run(&args);
    assert_eq!(code, 0, "{talk}");
    scene
}

fn status(scene: &Scene) -> String {
    scene.ask(STATUS).first().map(|row| super::http::text(&row["status"])).unwrap_or_default()
}

#[test]
fn a_type_that_never_had_a_file_is_missed_and_a_paused_one_is_not() {
    let scene = expecting(r#"{"cron": "*/3 * * * * *", "grace_minutes": 0}"#);
    let _daemon = scene.daemon();
    scene.eventually("it is missed", || status(&scene) == "open");
    let row = &scene.ask("SELECT severity, subject, message FROM alerts WHERE code = 'file.missing'")[0];
    assert_eq!((&row["severity"], &row["subject"]), (&"error".into(), &"orders".into()));
    let message = super::http::text(&row["message"]);
    assert!(message.ends_with(" UTC, at most 0 minutes late; none ever came"), "{message}");
    scene.sql("UPDATE table_metadata SET status = 'paused' WHERE file_type = 'orders'");
    scene.eventually("a pause ends it", || status(&scene) == "resolved");
    assert!(scene.ask("SELECT * FROM file_expectations").is_empty());
    scene.sql("UPDATE table_metadata SET status = 'active' WHERE file_type = 'orders'");
    scene.eventually("it is missed again", || status(&scene) == "open");
}

/// As if a daemon had begun to expect a file before the last midnight.
fn since_long_ago(scene: &Scene) {
    let database = scene.delivery.place.path("data/metadata.db");
    let update =
        "UPDATE file_expectations SET expected_since = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-25 hours')";
    let done = Command::new("sqlite3").arg(database).arg(update).status().expect("sqlite3 runs");
    assert!(done.success());
}

#[test]
fn a_file_that_came_while_nobody_watched_is_not_missed() {
    let scene = expecting(r#"{"cron": "0 0 * * *", "grace_minutes": 0}"#);
    let known = || scene.ask("SELECT * FROM file_expectations").len() == 1;
    let daemon = scene.daemon();
    scene.eventually("it is expected", known);
    daemon.stop("TERM");
    since_long_ago(&scene);
    scene.delivery.drop_in("orders_20250101.json", r#"[{"id": 1}]"#);
    let daemon = scene.daemon();
    scene.eventually("it loads", || scene.delivery.count("files WHERE state = 'processed'") == 1);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(status(&scene), "", "it lay there");
    daemon.stop("TERM");
}

#[test]
fn a_file_that_did_not_come_is_missed_after_a_restart_and_ends_it_by_coming() {
    let scene = expecting(r#"{"cron": "0 0 * * *", "grace_minutes": 0}"#);
    let daemon = scene.daemon();
    scene.eventually("it is expected", || scene.ask("SELECT * FROM file_expectations").len() == 1);
    assert_eq!(status(&scene), "", "its time has not come since");
    daemon.stop("TERM");
    since_long_ago(&scene);
    let daemon = scene.daemon();
    scene.eventually("it is missed", || status(&scene) == "open");
    daemon.stop("KILL");
    let _daemon = scene.daemon();
    scene.delivery.drop_in("orders_20250101.json", r#"[{"id": 1}]"#);
    eventually("it came", super::scene::PATIENCE, || status(&scene) == "resolved");
    assert_eq!(scene.ask("SELECT id FROM alerts WHERE code = 'file.missing'").len(), 1);
}

#[test]
fn a_useless_expectation_says_why() {
    let scene = Scene::new();
    scene.delivery.place.write("orders.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
    let config = r#"{"expected_every": "at six"}"#;
    let args = ["types", "add", "orders", "--schema", "orders.json", "--processing-config", config];
    let (code, _, talk) = scene.run(&args);
    assert_eq!(code, 2, "{talk}");
    assert!(talk.contains("\"expected_every\": schedule 'at six' is not a cron expression"), "{talk}");
}
