use super::*;
use crate::alerts::notify::tests::{alert, at, settings};

#[test]
fn the_severity_follows_the_failure_rate() {
    let settings = settings(
        "[alerts]\nerror_percent = 10\ncritical_percent = 50\nrate_min_files = 5\nrate_min_records = 100\n",
    );
    let records = |rejected, records| {
        severity_by_rate(AlertRule::Records, Tally { records, rejected, ..Tally::default() }, &settings)
    };
    assert_eq!(records(99, 99), None, "too few to tell");
    assert_eq!(records(9, 100), None);
    assert_eq!(records(10, 100), Some(Severity::Error));
    assert_eq!(records(499, 1000), Some(Severity::Error));
    assert_eq!(records(500, 1000), Some(Severity::Critical));
    let files = |failed, files| {
        severity_by_rate(AlertRule::Files, Tally { files, failed, ..Tally::default() }, &settings)
    };
    assert_eq!(files(4, 4), None);
    assert_eq!(files(5, 10), Some(Severity::Critical));
    assert_eq!(files(i64::MAX, i64::MAX), Some(Severity::Critical));
    assert_eq!(severity_by_rate(AlertRule::Condition, Tally::default(), &settings), None);
}

#[test]
fn who_is_not_looked_at_becomes_graver_step_by_step() {
    let settings = settings("[alerts]\nescalate_seconds = 60\n");
    let mut alert = alert(1, Severity::Warning);
    assert_eq!(escalated(&alert, &settings, at(59)), None);
    assert_eq!(escalated(&alert, &settings, at(60)), Some(Severity::Error));
    alert.severity = Severity::Error;
    alert.escalated_at = Some(at(60));
    assert_eq!(escalated(&alert, &settings, at(119)), None);
    assert_eq!(escalated(&alert, &settings, at(120)), Some(Severity::Critical));
    alert.status = AlertStatus::Acknowledged;
    assert_eq!(escalated(&alert, &settings, at(500)), None, "someone looks after it");
    alert.status = AlertStatus::Open;
    alert.severity = Severity::Critical;
    assert_eq!(escalated(&alert, &settings, at(500)), None);
    alert.severity = Severity::Info;
    assert_eq!(escalated(&alert, &settings, at(500)), None);
}

#[test]
fn escalation_can_be_bounded_and_switched_off() {
    let bounded = settings("[alerts]\nescalate_seconds = 60\nescalate_to = \"error\"\n");
    assert_eq!(escalated(&alert(1, Severity::Warning), &bounded, at(60)), Some(Severity::Error));
    assert_eq!(escalated(&alert(1, Severity::Error), &bounded, at(60)), None);
    let off = settings("[alerts]\nescalate_seconds = 0\n");
    assert_eq!(escalated(&alert(1, Severity::Error), &off, at(1_000_000)), None);
}

#[test]
fn an_alert_ends_when_its_rule_says_so() {
    let settings = settings("[alerts]\nresolve_seconds = 60\nforget_seconds = 600\n");
    let mut alert = alert(1, Severity::Error);
    let ends = |alert: &AlertRow, seconds| end(alert, &settings, at(seconds));
    assert_eq!(ends(&alert, 1_000_000), End::NotYet, "a condition is ended by who raised it");
    for rule in [AlertRule::Files, AlertRule::Records] {
        alert.rule = rule;
        assert_eq!(ends(&alert, 59), End::NotYet);
        assert_eq!(ends(&alert, 60), End::IfLoadedSince);
        assert_eq!(ends(&alert, 600), End::Now);
    }
    alert.rule = AlertRule::Event;
    assert_eq!(ends(&alert, 599), End::NotYet);
    assert_eq!(ends(&alert, 600), End::Now);
    alert.status = AlertStatus::Resolved;
    assert_eq!(ends(&alert, 600), End::NotYet);
}
