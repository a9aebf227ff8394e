//! The daily summary over what was loaded.

use super::bench::Bench;

fn event(vehicle: &str, time: &str, kind: &str) -> String {
    format!(r#"{{"vehicle_id":"{vehicle}","event_time":"{time}","event_type":"{kind}"}}"#)
}

#[test]
fn of_events_at_the_same_time_the_first_record_counts() {
    let bench = Bench::new();
    let registered = bench.place.run(&["generate", "--num-files", "1", "--records", "1", "--seed", "1"]);
    assert_eq!(registered.code, 0, "{}", registered.talk);
    let noon = "2026-01-05T12:00:00Z";
    let later: Vec<String> = (0..9000).map(|at| event("a", noon, &format!("later {at}"))).collect();
    let first = format!("[{},{}]", event("a", noon, "first"), later.join(","));
    let second = format!("[{},{}]", event("a", noon, "second file"), event("b", noon, "first"));
    let other_day = format!("[{}]", event("b", noon, "other load"));
    bench.load(&[
        ("vehicles_events_20260105130000.json", first.as_bytes()),
        ("vehicles_events_20260105140000.json", second.as_bytes()),
    ]);
    bench.load(&[("vehicles_events_20260101000000.json", other_day.as_bytes())]);
    let ran = bench.place.run(&["jobs", "run", "daily_summary"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT vehicle_id, last_event_type AS last FROM daily_summary WHERE day = '2026-01-05' ORDER BY vehicle_id"),
        [r#"{"vehicle_id":"a","last":"first"}"#, r#"{"vehicle_id":"b","last":"first"}"#]
    );
}
