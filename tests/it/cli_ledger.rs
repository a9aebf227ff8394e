//! What the commands tell of files and rejected records, over a ledger written by hand.

use std::fs;

use lakegate::metadata::Metadata;
use lakegate::metadata::files::{FileState, NewFile, Outcome, Problem};
use lakegate::metadata::loads::{Counts, FileOutcome, Intent, LoadKind, NewDataFile, NewLoad};
use lakegate::metadata::rejects::NewReject;

use crate::cli::Place;

const RAW: &str = "{\"id\": \"x\u{1b}[2J\"}";

fn new_file(name: &str) -> NewFile {
    NewFile {
        name: name.into(),
        file_type: Some("orders".into()),
        state: FileState::Queued,
        bytes: 20,
        modified_at: None,
        file_time: None,
        problem: None,
    }
}

fn outcome(id: i64, problem: Option<Problem>, counts: Counts) -> FileOutcome {
    let outcome = if problem.is_some() { Outcome::Failed } else { Outcome::Processed };
    FileOutcome {
        id,
        attempt: 1,
        outcome,
        blake3: Some(format!("{id:064}")),
        duplicate_of: None,
        counts,
        problem,
        target: None,
    }
}

/// File 1 was loaded but for one record, file 2 failed.
async fn two_files(place: &Place) -> Metadata {
    let url = format!("sqlite://{}", place.path("data/metadata.db").display());
    let metadata = Metadata::connect(&url).await.expect("opened");
    metadata.migrate().await.expect("migrated");
    let ids = metadata.discover(&[new_file("orders_1.json"), new_file("orders_2.json")]).await.expect("seen");
    let load = NewLoad {
        kind: LoadKind::Ingest,
        table_name: "orders".into(),
        file_type: Some("orders".into()),
        schema_version: Some(1),
        owner: "4711-0".into(),
    };
    let load = metadata.begin_load(&load).await.expect("begun");
    let claims: Vec<(i64, i64)> = ids.iter().map(|id| (*id, 0)).collect();
    metadata.claim(load, "4711-0", &claims).await.expect("claimed");
    let reject = NewReject {
        file_id: ids[0],
        file_type: "orders",
        record_number: 5,
        byte_offset: 1234,
        raw: RAW.as_bytes(),
        pointer: "/id",
        rule: "record.type",
        value: Some("\"x\""),
        message: "/id is \"x\" (text), expected long",
        fingerprint: "00112233aabbccdd",
    };
    metadata.add_rejects(load, &[reject]).await.expect("kept");
    let problem = Problem {
        code: "json.syntax".into(),
        message: "line 1, column 1: expected a value, found 'o'".into(),
        hint: Some("ask the sender".into()),
    };
    let counts = Counts { read: 3, written: 2, rejected: 1, ..Counts::default() };
    let data_file = NewDataFile {
        path: "raw_data/orders/date=2022-06-06/orders-1.parquet".into(),
        partition_value: Some("2022-06-06".into()),
        rows: 2,
        bytes: 100,
        column_ranges: None,
    };
    let intent = Intent {
        data_files: vec![data_file],
        files: vec![outcome(ids[0], None, counts), outcome(ids[1], Some(problem), Counts::default())],
        ..Intent::default()
    };
    metadata.stage(load, &intent).await.expect("staged");
    metadata.commit(load).await.expect("committed");
    let settled =
        [(ids[0], "processed/orders/orders_1.json"), (ids[1], "source_data/failed/orders/orders_2.json")];
    let settled = settled.map(|(id, path)| (id, place.path("data").join(path).display().to_string()));
    metadata.settled(&settled).await.expect("settled");
    place.write("data/processed/orders/orders_1.json", "[]");
    place.write("data/source_data/failed/orders/orders_2.json", "oops");
    place.write("data/source_data/failed/orders/orders_2.json.error.json", "{}");
    metadata
}

#[tokio::test]
async fn a_file_tells_its_whole_story() {
    let place = Place::new();
    two_files(&place).await;
    let failed = place.json(&["files", "list", "--state", "failed", "--json"]);
    assert_eq!(failed.as_array().map(Vec::len), Some(1));
    assert_eq!(failed[0]["error_code"], "json.syntax");

    let story = place.json(&["files", "show", "orders_1.json", "--json"]);
    assert_eq!(story["state"], "processed");
    assert_eq!(story["exists"], true);
    assert_eq!(story["load"]["commit_seq"], 1);
    assert_eq!(story["data_files"][0]["rows"], 2);
    assert_eq!(story["reject_causes"][0]["fingerprint"], "00112233aabbccdd");
    let states: Vec<_> =
        story["events"].as_array().expect("events").iter().map(|event| &event["to_state"]).collect();
    assert_eq!(states, ["queued", "processing", "processed"]);

    let text = place.run(&["files", "show", "2"]).data;
    for part in ["orders_2.json is failed", "json.syntax", "ask the sender", "source_data/failed/orders"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn rejects_are_shown_by_cause_and_to_the_byte() {
    let place = Place::new();
    two_files(&place).await;
    let causes = place.json(&["rejects", "list", "--file", "1", "--json"]);
    assert_eq!(causes[0]["rejects"], 1);
    assert_eq!(place.json(&["rejects", "list", "--file", "2", "--json"]), serde_json::json!([]));
    let rows = place.json(&["rejects", "show", "--cause", "00112233aabbccdd", "--json"]);
    assert_eq!(rows[0]["raw"], RAW);
    assert_eq!(rows[0]["byte_offset"], 1234);
    let text = place.run(&["rejects", "show", "1"]).data;
    assert!(text.contains("record 5, byte 1234") && text.contains(r"\u{1b}[2J"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[tokio::test]
async fn only_failed_files_go_back_to_incoming() {
    let place = Place::new();
    let metadata = two_files(&place).await;
    let ran = place.run(&["files", "retry", "1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.talk.contains("orders_1.json is processed, not failed"), "{}", ran.talk);

    let ran = place.run(&["files", "retry", "orders_2.json"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(fs::read_to_string(place.path("data/incoming/orders_2.json")).expect("moved"), "oops");
    assert!(!place.path("data/source_data/failed/orders/orders_2.json.error.json").exists());
    let row = metadata.file(2).await.expect("read").expect("there");
    assert_eq!((row.state, row.error_code), (FileState::Waiting, None));
}

#[tokio::test]
async fn a_retry_never_replaces_a_file_that_waits() {
    let place = Place::new();
    two_files(&place).await;
    place.write("data/incoming/orders_2.json", "newer");
    let ran = place.run(&["files", "retry", "2"]);
    assert_eq!(ran.code, 1);
    assert!(ran.talk.contains("hint: "), "{}", ran.talk);
    assert_eq!(fs::read_to_string(place.path("data/incoming/orders_2.json")).expect("kept"), "newer");
    assert!(place.path("data/source_data/failed/orders/orders_2.json").exists());
}
