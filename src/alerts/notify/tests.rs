use super::*;
use crate::metadata::alerts::AlertRule;
use crate::settings::{Alerts, Settings, Sources};

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_000_000 + seconds, 0).expect("a time")
}

pub(crate) fn alert(id: i64, severity: Severity) -> AlertRow {
    let mut alert = Notice::test(severity, at(0)).alert;
    (alert.id, alert.code, alert.rule) = (id, "json.syntax".into(), AlertRule::Condition);
    alert
}

pub(crate) fn settings(text: &str) -> Alerts {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("config")).expect("a folder");
    std::fs::write(folder.path().join("config/development.toml"), text).expect("a file");
    let sources = Sources { cwd: folder.path().to_owned(), ..Sources::default() };
    Settings::load(&sources).expect("good settings").alerts
}

fn told(word: Word, severity: Severity, occurrences: i64) -> DeliveryRow {
    DeliveryRow {
        id: 1,
        alert_id: 1,
        channel: "slack".into(),
        told: Some(word),
        told_severity: Some(severity),
        told_occurrences: occurrences,
        told_at: Some(at(0)),
        messages: 1,
        attempts: 0,
        next_attempt_at: None,
        last_error: None,
        claimed_by: None,
        version: 2,
    }
}

fn policy() -> Policy {
    Policy {
        min_severity: Severity::Warning,
        repeat_after: Some(Duration::from_secs(60)),
        hears_of_channels: false,
        sums_up: true,
    }
}

fn resolved(mut alert: AlertRow) -> AlertRow {
    alert.status = AlertStatus::Resolved;
    alert.resolved_at = Some(at(10));
    alert
}

#[test]
fn each_opening_escalation_and_end_is_told_once() {
    let now = at(20);
    let open = alert(1, Severity::Error);
    assert_eq!(due(&open, None, &policy(), now), Some(Word::Opened));
    let opened = told(Word::Opened, Severity::Error, 1);
    assert_eq!(due(&open, Some(&opened), &policy(), now), None);
    let graver = alert(1, Severity::Critical);
    assert_eq!(due(&graver, Some(&opened), &policy(), now), Some(Word::Escalated));
    assert_eq!(due(&graver, Some(&told(Word::Escalated, Severity::Critical, 1)), &policy(), now), None);
    let over = resolved(open.clone());
    assert_eq!(due(&over, Some(&opened), &policy(), now), Some(Word::Resolved));
    assert_eq!(due(&over, Some(&told(Word::Resolved, Severity::Error, 1)), &policy(), now), None);
    assert_eq!(
        due(&open, Some(&told(Word::Resolved, Severity::Error, 1)), &policy(), now),
        Some(Word::Opened)
    );
}

#[test]
fn a_growing_count_is_told_now_and_then() {
    let mut open = alert(1, Severity::Error);
    let opened = told(Word::Opened, Severity::Error, 1);
    open.occurrences = 500;
    assert_eq!(due(&open, Some(&opened), &policy(), at(59)), None);
    assert_eq!(due(&open, Some(&opened), &policy(), at(60)), Some(Word::Repeated));
    assert_eq!(due(&open, Some(&told(Word::Repeated, Severity::Error, 500)), &policy(), at(600)), None);
    let never = Policy { repeat_after: None, ..policy() };
    assert_eq!(due(&open, Some(&opened), &never, at(600)), None);
}

#[test]
fn an_acknowledged_alert_is_quiet_until_its_end() {
    let opened = told(Word::Opened, Severity::Error, 1);
    let mut known = alert(1, Severity::Critical);
    (known.status, known.occurrences) = (AlertStatus::Acknowledged, 99);
    assert_eq!(due(&known, Some(&opened), &policy(), at(600)), None);
    assert_eq!(due(&known, None, &policy(), at(600)), None);
    assert_eq!(due(&resolved(known), Some(&opened), &policy(), at(600)), Some(Word::Resolved));
}

#[test]
fn what_came_and_went_unseen_is_told_while_it_is_news() {
    let over = resolved(alert(1, Severity::Error));
    assert_eq!(due(&over, None, &policy(), at(100)), Some(Word::Passed));
    assert_eq!(due(&over, Some(&told(Word::Passed, Severity::Error, 1)), &policy(), at(100)), None);
    assert_eq!(due(&over, None, &policy(), at(86_500)), None);
    let opened = told(Word::Opened, Severity::Error, 1);
    assert_eq!(due(&over, Some(&opened), &policy(), at(6 * 86_400)), Some(Word::Resolved));
    assert_eq!(due(&over, Some(&opened), &policy(), at(8 * 86_400)), None);
}

#[test]
fn a_channel_hears_what_is_grave_enough_and_nothing_about_channels() {
    assert_eq!(due(&alert(1, Severity::Info), None, &policy(), at(0)), None);
    let mut own = alert(1, Severity::Critical);
    own.code = "alerts.channel".into();
    assert_eq!(due(&own, None, &policy(), at(0)), None);
    let log = Policy { hears_of_channels: true, ..policy() };
    assert_eq!(due(&own, None, &log, at(0)), Some(Word::Opened));
}

fn notices(count: i64) -> Vec<Due> {
    let severity = |id| if id % 2 == 0 { Severity::Warning } else { Severity::Critical };
    let one = |id| Due {
        notice: Notice { word: Word::Opened, alert: alert(id, severity(id)), test: false },
        version: 0,
        attempts: i64::from(id == 1),
    };
    (1..=count).map(one).collect()
}

fn ids(due: &[Due]) -> Vec<i64> {
    due.iter().map(|due| due.notice.alert.id).collect()
}

#[test]
fn the_last_message_of_a_window_sums_up() {
    let cut = |count, room| {
        let Mailing { single, summed_up } = mailing(notices(count), room, &policy(), false);
        (ids(&single), ids(&summed_up))
    };
    assert_eq!(cut(3, 3), (vec![1, 3, 2], vec![]), "the gravest first");
    assert_eq!(cut(4, 3), (vec![1, 3], vec![2, 4]));
    assert_eq!(cut(4, 1), (vec![], vec![1, 3, 2, 4]));
    assert_eq!(cut(4, 0), (vec![], vec![]), "held back, and due again");
    let one_by_one = Policy { sums_up: false, ..policy() };
    let Mailing { single, summed_up } = mailing(notices(4), 3, &one_by_one, false);
    assert_eq!((ids(&single), summed_up.len()), (vec![1, 3, 2], 0));
}

#[test]
fn a_channel_that_failed_is_probed_with_one_message_and_not_always_the_same() {
    let Mailing { single, summed_up } = mailing(notices(4), 3, &policy(), true);
    assert_eq!((ids(&single), summed_up.len()), (vec![3], 0));
}

#[test]
fn pauses_grow_and_a_server_may_ask_for_more() {
    let pause = |failures, wish: Option<u64>| {
        (next_attempt(failures, wish.map(Duration::from_secs), at(0)) - at(0)).num_seconds()
    };
    let pauses: Vec<_> = [1, 2, 3, 8, 9, 10, 1000].map(|failures| pause(failures, None)).into();
    assert_eq!(pauses, [2, 4, 8, 256, 512, 900, 900]);
    assert_eq!(pause(1, Some(30)), 30);
    assert_eq!(pause(9, Some(30)), 512);
    assert_eq!(pause(1, Some(1_000_000)), 3600);
}
