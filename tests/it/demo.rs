//! The tour: real, repeatable, and confined to its own folder.

use std::fs;

use crate::cli::Place;

/// What a query in the tour's folder answers, as JSON.
fn ask(place: &Place, query: &str) -> serde_json::Value {
    place.json(&["--data", "lakegate-demo/data", "sql", "-f", "json", query])
}

const BALANCE: &str = "
SELECT state, count(*) AS files, sum(records_read) AS records,
       sum(records_read - records_written - records_rejected) AS missing
FROM files GROUP BY state ORDER BY state";

#[test]
fn the_tour_shows_every_outcome_and_ends_well() {
    let place = Place::new();
    let ran = place.run(&["demo"]);
    assert_eq!((ran.code, ran.talk.as_str()), (0, ""));
    assert!(!ran.data.contains('\u{1b}'), "no colour off a terminal");
    for outcome in ["processed", "failed", "waiting", "duplicate", "record.required", "json.syntax"] {
        assert!(ran.data.contains(outcome), "{outcome} is missing in\n{}", ran.data);
    }
    assert!(ran.data.contains("daily_summary: wrote 39 rows of 2025-01-07"), "only the late day again");
    let expected = serde_json::json!([
        {"state": "duplicate", "files": 1, "records": 0, "missing": 0},
        {"state": "failed", "files": 1, "records": 0, "missing": 0},
        {"state": "processed", "files": 10, "records": 747, "missing": 0},
    ]);
    assert_eq!(ask(&place, BALANCE), expected);
}

#[test]
fn the_tour_can_be_taken_again_and_keeps_what_is_not_its_own() {
    let place = Place::new();
    assert_eq!(place.run(&["demo"]).code, 0);
    let first = ask(&place, BALANCE);
    place.write("lakegate-demo/notes.txt", "mine");
    assert_eq!(place.run(&["demo"]).code, 0);
    assert_eq!(ask(&place, BALANCE), first);
    assert_eq!(fs::read_to_string(place.path("lakegate-demo/notes.txt")).expect("kept"), "mine");
}

#[test]
fn a_folder_that_no_tour_made_is_left_alone() {
    let place = Place::new();
    place.write("lake/data/incoming/orders_1.json", "{}");
    let ran = place.run(&["demo", "--dir", "lake"]);
    assert_eq!((ran.code, ran.data.as_str()), (2, ""));
    assert!(ran.talk.contains("hint: ") && ran.talk.contains("--dir"), "{}", ran.talk);
    assert_eq!(fs::read_to_string(place.path("lake/data/incoming/orders_1.json")).expect("kept"), "{}");
}

#[test]
fn the_tour_does_not_use_what_is_set_for_other_places() {
    let place = Place::new();
    place.write("config/development.toml", "[paths]\ndata = \"mine\"\n[ingest]\nno_such_key = 1\n");
    let mut command = place.command(&["demo"]);
    command.env("DATABASE_URL", "postgres://u:secret@127.0.0.1:1/db").env("LAKEGATE_DATA", "mine");
    let ran = crate::cli::Ran::of(command.output().expect("it runs"));
    assert_eq!(ran.code, 0, "{}{}", ran.data, ran.talk);
    assert!(ran.data.contains("  unset DATABASE_URL LAKEGATE_DATA\n"), "{}", ran.data);
    assert!(!ran.data.contains("secret") && !place.path("mine").exists() && !place.path("data").exists());
    let ran = place.run(&["demo", "--data", "mine"]);
    assert_eq!(ran.code, 2);
    assert!(ran.talk.contains("--dir"), "{}", ran.talk);
}
