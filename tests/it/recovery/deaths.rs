//! Which deaths are blamed on a file.

use super::delivery::Delivery;

const SUSPECT: &str = "orders_20250102.ndjson";

fn die(delivery: &Delivery, at: &str) -> Option<i32> {
    let ended = delivery.ingest(|command| {
        command.env("LAKEGATE_CRASH_AT", at);
    });
    ended.signal
}

#[test]
fn a_file_that_aborts_the_process_twice_is_parked_and_all_others_load() {
    const SIGABRT: i32 = 6;
    let delivery = Delivery::new(None);
    let reading = format!("abort:reading:{SUSPECT}");
    assert_eq!(die(&delivery, &reading), Some(SIGABRT));
    assert_eq!(die(&delivery, &reading), Some(SIGABRT));
    // It would abort a third time, but nobody opens it any more.
    assert_eq!(die(&delivery, &reading), None);
    let parked = delivery.ask("SELECT name, crashes, error_hint FROM files WHERE error_code = 'file.poison'");
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0]["name"], SUSPECT);
    assert!(parked[0]["error_hint"].as_str().is_some_and(|hint| hint.contains("files retry")), "{parked:?}");
    let loaded = delivery.ask("SELECT count(*) AS files FROM files WHERE state = 'processed'");
    assert_eq!(loaded[0]["files"], 3);
    delivery.assert_tidy("after two aborts");

    let retried = delivery.command(&["files", "retry", SUSPECT]).output().expect("the binary runs");
    assert!(retried.status.success(), "{retried:?}");
    delivery.ingest(|_| {});
    delivery.assert_complete("after a retry");
}

#[test]
fn a_death_from_outside_is_blamed_on_the_file_only_the_fifth_time() {
    const SIGKILL: i32 = 9;
    let delivery = Delivery::new(None);
    let reading = format!("reading:{SUSPECT}");
    for _ in 0..4 {
        assert_eq!(die(&delivery, &reading), Some(SIGKILL));
    }
    delivery.ingest(|_| {});
    delivery.assert_complete("after four deaths");

    let delivery = Delivery::new(None);
    (0..5).for_each(|_| {
        die(&delivery, &reading);
    });
    delivery.ingest(|_| {});
    let parked = delivery.ask("SELECT name FROM files WHERE error_code = 'file.poison'");
    assert_eq!(parked[0]["name"], SUSPECT);
}
