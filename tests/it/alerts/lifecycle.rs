//! Graver, fewer, over: what an alert goes through, and what is told of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::http::{Server, text};
use super::scene::Scene;

#[test]
fn an_alert_that_nobody_looks_at_becomes_graver_until_someone_does() {
    let server = Server::start();
    let scene = Scene::new().with_webhook(&server).with("ESCALATE_SECONDS", "1");
    let _daemon = scene.daemon();
    scene.open_alerts([1], "warning");
    scene.eventually("it is critical", || server.requests().len() == 3);
    let told: Vec<_> =
        server.requests().iter().map(|request| text(&request.json()["alert"]["severity"])).collect();
    assert_eq!(told, ["warning", "error", "critical"]);
    assert_eq!(server.events(), ["opened", "escalated", "escalated"]);

    scene.sql(
        "INSERT INTO alerts (code, severity, subject, cause, message, fingerprint, status)
        VALUES ('test.made', 'warning', 'orders', 'known', 'known', 'known', 'open')",
    );
    let (code, _, talk) = scene.run(&["alerts", "ack", "2"]);
    assert_eq!(code, 0, "{talk}");
    let severity = || scene.ask("SELECT severity FROM alerts WHERE id = 2")[0]["severity"].clone();
    let acknowledged = severity();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(severity(), acknowledged);
    scene.sql("UPDATE alerts SET status = 'resolved', resolved_at = last_seen_at WHERE id = 1");
    scene.eventually("its end is told", || server.events().contains(&"resolved".to_owned()));
}

#[test]
fn a_flood_of_alerts_is_summed_up_and_none_is_lost() {
    let server = Server::start();
    let scene =
        Scene::new().with_webhook(&server).with("MAX_MESSAGES", "3").with("MAX_MESSAGES_SECONDS", "5");
    let _daemon = scene.daemon();
    scene.open_alerts(1..=40, "error");
    scene.eventually("three messages", || server.requests().len() == 3);
    assert_eq!(server.events(), ["opened", "opened", "summary"]);
    let summary = server.requests()[2].json();
    assert_eq!(summary["text"], "38 alerts in one message: 38 opened");
    scene.open_alerts([41], "error");
    scene.eventually("the next window", || server.requests().len() == 4);
    let mut told = BTreeSet::new();
    for body in server.requests().iter().map(super::http::Request::json) {
        let alerts: Vec<Value> = match &body["alerts"] {
            Value::Array(alerts) => alerts.clone(),
            _ => vec![body.clone()],
        };
        for one in alerts {
            assert!(told.insert(text(&one["alert"]["fingerprint"])), "told twice: {one}");
        }
    }
    assert_eq!(told.len(), 41);
}

#[test]
fn one_cause_is_one_message_however_often_it_comes() {
    let server = Server::start();
    let scene = Scene::new().with_webhook(&server).with("REPEAT_SECONDS", "2");
    let _daemon = scene.daemon();
    scene.open_alerts([1], "error");
    scene.eventually("it is told", || server.requests().len() == 1);
    scene.sql("UPDATE alerts SET occurrences = 1000");
    scene.eventually("the count is told", || server.requests().len() == 2);
    let again = server.requests()[1].json();
    assert_eq!((&again["event"], &again["alert"]["occurrences"]), (&"repeated".into(), &1000.into()));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(server.requests().len(), 2, "a count that rests is no news");
}

#[test]
fn two_daemons_tell_once() {
    let server = Server::start();
    let scene = Scene::new().with_webhook(&server);
    let _one = scene.daemon();
    let _other = scene.daemon();
    for name in 1..=8 {
        scene.open_alerts([name], "error");
    }
    scene.eventually("all are told", || server.requests().len() >= 8);
    std::thread::sleep(Duration::from_secs(2));
    let told: Vec<_> =
        server.requests().iter().map(|request| text(&request.json()["alert"]["cause"])).collect();
    assert_eq!(told.len(), 8, "{told:?}");
}

#[test]
fn failing_files_are_graver_the_more_they_are_and_over_when_later_ones_load() {
    let server = Server::start();
    let scene = Scene::new()
        .with_webhook(&server)
        .with("RESOLVE_SECONDS", "1")
        .with("RATE_MIN_FILES", "4")
        .with("CRITICAL_PERCENT", "60");
    let _daemon = scene.daemon();
    scene.fail_a_file();
    let alert = |column: &str| {
        let rows = scene.ask(&format!("SELECT {column} AS c FROM alerts WHERE code = 'json.syntax'"));
        rows.first().map(|row| text(&row["c"])).unwrap_or_default()
    };
    scene.eventually("an error", || alert("severity") == "error");
    for day in 2..=5 {
        scene.delivery.drop_in(&format!("orders_2025010{day}.json"), &format!("no JSON {day}"));
    }
    scene.eventually("critical", || alert("severity") == "critical");
    scene.eventually("all five have failed", || {
        scene.ask("SELECT id FROM files WHERE state = 'failed'").len() == 5
    });
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(alert("status"), "open", "nothing has loaded yet");
    scene.delivery.drop_in("orders_20250106.json", r#"[{"id": 1}]"#);
    scene.eventually("over", || alert("status") == "resolved");
    scene.eventually("its end is told", || server.events().last().is_some_and(|event| event == "resolved"));
    assert_eq!(scene.ask("SELECT id FROM alerts WHERE code = 'json.syntax'").len(), 1, "one cause, one row");
}
