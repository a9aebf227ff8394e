//! Several processes on one data root.

use std::process::{Command, Stdio};

use super::daemon::Daemon;
use super::delivery::Delivery;
use crate::metadata::cluster::Cluster;

fn quiet(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn four_at_once(database: Option<String>) {
    let delivery = Delivery::new(database);
    let ingest = |_| quiet(delivery.command(&["ingest"])).spawn().expect("the binary runs");
    for mut process in (0..4).map(ingest).collect::<Vec<_>>() {
        let status = process.wait().expect("it ends");
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    }
    // Whoever came last may have left a duplicate of a load that was still running.
    delivery.ingest(|_| {});
    delivery.assert_complete_in_any_order("four processes");
}

#[test]
fn four_processes_share_one_folder_on_sqlite() {
    four_at_once(None);
}

#[test]
fn four_processes_share_one_folder_on_postgres() {
    four_at_once(Some(Cluster::shared().database()));
}

/// Whoever names files is told what became of them, also when a daemon was faster.
#[test]
fn an_ingest_beside_a_daemon_answers_for_its_files() {
    let delivery = Delivery::empty(None);
    let daemon = Daemon::start(&delivery, |_| {});
    delivery.place.write("schema.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
    for round in 0..6 {
        // A type that the daemon has not heard of.
        let added =
            delivery.run(&["types", "add", &format!("type{round}"), "--schema", "schema.json"], |_| {});
        assert_eq!(added.code, Some(0), "{}", added.talk);
        let (good, bad) = (format!("type{round}_20260301.json"), format!("type{round}_20260302.json"));
        delivery.place.write(&good, &format!(r#"[{{"id": {round}}}]"#));
        delivery.place.write(&bad, &format!("no JSON {round}"));
        let output = delivery.command(&["ingest", "--json", &good, &bad]).output().expect("the binary runs");
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{talk}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mut states: Vec<_> =
            told["files"].as_array().expect("files").iter().map(|file| &file["state"]).collect();
        states.sort_by_key(|state| state.to_string());
        assert_eq!(states, ["failed", "processed"], "{round}: {told} {talk}");
    }
    drop(daemon);
}
