//! The sample files: what the senders of the tour have ready. The same bytes each time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use fastrand::Rng;

use crate::cli::exit::{Exit, Failure};
use crate::generate::{Kind, document, shipped};

const BAD_RECORDS: &str = include_str!("../../../data/examples/demo/bad_records.json");
const DAMAGED: &str = include_str!("../../../data/examples/demo/damaged.json");
const REPAIRED: &str = include_str!("../../../data/examples/demo/repaired.json");
const ORDERS: &str = include_str!("../../../data/examples/demo/orders.json");

const DAYS: [&str; 3] = ["2025-01-06", "2025-01-07", "2025-01-08"];
/// The day that gets more events after its summary was made.
const LATE_DAY: &str = "2025-01-07";

/// Writes them all below `outbox`.
pub(super) fn fill(outbox: &Path) -> Result<(), Failure> {
    for (path, text) in files() {
        let path = outbox.join(path);
        write(&path, &text).map_err(|cause| {
            Failure::because(Exit::Unavailable, format!("cannot write {}", path.display()), &cause)
                .hint("choose another folder with --dir DIR")
        })?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(crate::durable::parent(path))?;
    fs::write(path, text)
}

/// Paths below the outbox, in the order of the tour, with contents.
fn files() -> Vec<(PathBuf, String)> {
    let mut files: Vec<(PathBuf, String)> = vec![("vehicles.sql".into(), shipped::SQL.to_owned())];
    for (at, day) in DAYS.into_iter().enumerate() {
        let stamp = day.replace('-', "");
        for (kind, hour) in [(Kind::Events, "180000"), (Kind::Status, "183000")] {
            let name = format!("1-fleet/vehicles_{}_{stamp}{hour}.json", kind.noun());
            files.push((name.into(), sample(kind, 120, &format!("{day}T18:00:00Z"), at)));
        }
    }
    let again = files.iter().find(|(path, _)| path.ends_with("vehicles_events_20250107180000.json"));
    let again = again.map(|(_, text)| text.clone()).unwrap_or_default();
    let others: [(&str, String); 6] = [
        ("2-bad-records/vehicles_events_20250108190000.json", BAD_RECORDS.into()),
        ("3-damaged/vehicles_events_20250108210000.json", DAMAGED.into()),
        ("4-repaired/vehicles_events_20250108210000.json", REPAIRED.into()),
        ("5-unknown/orders_20250108.ndjson", ORDERS.into()),
        ("6-again/vehicles_events_20250109060000.json", again),
        (
            "7-late/vehicles_events_20250109080000.json",
            sample(Kind::Events, 15, &format!("{LATE_DAY}T23:30:00Z"), 7),
        ),
    ];
    files.extend(others.map(|(path, text)| (path.into(), text)));
    files
}

fn sample(kind: Kind, records: usize, sent: &str, seed: usize) -> String {
    let sent: DateTime<Utc> = sent.parse().expect("a time written above");
    document(kind, records, sent, &mut Rng::with_seed(seed as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outbox_is_the_same_each_time() {
        assert_eq!(files(), files());
    }

    #[test]
    fn the_damaged_file_is_what_its_name_says_and_the_repaired_one_is_json() {
        assert!(serde_json::from_str::<serde_json::Value>(DAMAGED).is_err());
        assert!(serde_json::from_str::<serde_json::Value>(REPAIRED).is_ok());
        assert!(REPAIRED.contains(DAMAGED));
    }

    #[test]
    fn late_events_happened_after_those_that_were_there() {
        let (_, late) = files().pop().expect("the last file");
        let late: serde_json::Value = serde_json::from_str(&late).expect("JSON");
        let records = late.as_object().and_then(|root| root.values().next()).expect("one array");
        for record in records.as_array().expect("an array") {
            let time = record["event_time"].as_str().expect("a time");
            assert!(time.starts_with(LATE_DAY), "{time}");
        }
    }
}
