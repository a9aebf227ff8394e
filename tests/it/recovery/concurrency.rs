//! Several processes on one data root.

use std::process::{Command, Stdio};

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
