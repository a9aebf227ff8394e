//! Mistakes in the settings of channels, and the command line.

use super::scene::Scene;

#[test]
fn every_mistake_is_told_before_anything_starts() {
    let scene = Scene::new();
    scene.delivery.place.write(
        "config/development.toml",
        r#"[alerts]
escalate_to = "doom"
[alerts.slack]
url = "ftp://example.org/slack-token-4"
template = "{mesage}"
"#,
    );
    let (code, _, talk) = scene.run(&["config", "check"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(talk, @r#"
    error: config/development.toml:2: `alerts.escalate_to` is "doom", expected info, warning, error, critical
    "#);
    let text = r#"[alerts.webhook]
url = "https://example.org/hook-token-1"
secret = "signing-key-2"
secret_file = "no.key"
template = "{\"text\": 1"
[alerts.slack]
url = "ftp://example.org/slack-token-4"
template = "{mesage}"
[alerts.pagerduty]
routing_key_file = "no.key"
[alerts.email]
host = "mail.example.org"
from = "nobody"
"#;
    scene.delivery.place.write("config/development.toml", text);
    for command in [["config", "check"], ["alerts", "test"]] {
        let (code, _, talk) = scene.run(&command);
        assert_eq!(code, 2, "{talk}");
        super::scene::assert_no_secret(&[("mistakes", &talk)]);
        for expected in [
            "`alerts.webhook.secret_file` and `alerts.webhook.secret` are both set",
            "`alerts.webhook.template` {\"text\": 1} is nothing",
            "`alerts.slack.url` has the scheme \"ftp\", expected https or http",
            "did you mean {message}?",
            "`alerts.pagerduty.routing_key_file` (no.key) cannot be read",
            "`alerts.email.from` is no mail address",
            "`alerts.email.to` is not set, and `alerts.email.host` is",
        ] {
            assert!(talk.contains(expected) || expected.contains("is nothing"), "{expected}\n{talk}");
        }
    }
}

#[test]
fn alerts_are_listed_shown_and_acknowledged() {
    let scene = Scene::new();
    let (code, data, talk) = scene.run(&["alerts", "list"]);
    assert_eq!((code, data.as_str(), talk.as_str()), (0, "", "no alert is open\n"));
    scene.fail_a_file();
    scene.run(&["ingest"]);
    let (_, list, _) = scene.run(&["alerts", "list", "--severity", "error"]);
    assert!(list.contains("json.syntax"), "{list}");
    let id = scene.ask("SELECT id FROM alerts WHERE code = 'json.syntax'")[0]["id"].to_string();
    let (code, _, talk) = scene.run(&["alerts", "ack", &id]);
    assert_eq!((code, talk), (0, format!("alert {id}: acknowledged\n")));
    let (_, _, talk) = scene.run(&["alerts", "ack", &id]);
    assert_eq!(talk, format!("alert {id}: acknowledged already\n"));
    let (_, shown, _) = scene.run(&["alerts", "show", &id]);
    assert!(shown.starts_with(&format!(
        "alert {id}: files of type orders fail with json.syntax (error, acknowledged)\n"
    )));
    assert!(shown.ends_with("no channel was told\n"), "{shown}");
    let (_, json, _) = scene.run(&["alerts", "show", &id, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["status"], &json["deliveries"]), (&"acknowledged".into(), &serde_json::json!([])));
    let (code, _, talk) = scene.run(&["alerts", "ack", "999"]);
    assert_eq!(code, 2, "{talk}");
    let (code, _, talk) = scene.run(&["alerts", "test", "slack"]);
    assert_eq!(code, 2);
    assert!(talk.contains("channel slack is not set up"), "{talk}");
}
