//! Every channel: what arrives, and what is kept secret meanwhile.

use ring::hmac;
use serde_json::Value;

use super::scene::{SECRETS, Scene, assert_no_secret};
use super::{http, smtp};

/// All channels, each with its secrets.
struct World {
    webhook: http::Server,
    slack: http::Server,
    pagerduty: http::Server,
    mail: smtp::Server,
    scene: Scene,
}

impl World {
    fn new() -> World {
        let (webhook, slack, pagerduty) =
            (http::Server::start(), http::Server::start(), http::Server::start());
        let mail = smtp::Server::start();
        let [_, signing, login, ..] = SECRETS;
        let scene = Scene::new()
            .with_webhook(&webhook)
            .with("WEBHOOK__SECRET_FILE", "signing.key")
            .with("WEBHOOK__AUTHORIZATION", &format!("Bearer {login}"))
            .with("SLACK__URL", &slack.url("/services/slack-token-4"))
            .with("SLACK__ALLOW_PRIVATE", "true")
            .with("PAGERDUTY__ROUTING_KEY", "routing-key-5")
            .with("PAGERDUTY__URL", &pagerduty.url("/v2/enqueue"))
            .with("PAGERDUTY__ALLOW_PRIVATE", "true")
            .with("EMAIL__HOST", "127.0.0.1")
            .with("EMAIL__PORT", &mail.port().to_string())
            .with("EMAIL__TLS", "none")
            .with("EMAIL__USERNAME", "lake")
            .with("EMAIL__PASSWORD", "mail-password-6")
            .with("EMAIL__FROM", "Lake <lake@example.org>")
            .with("EMAIL__TO", "ops@example.org, Ada <ada@example.org>");
        scene.delivery.place.write("signing.key", &format!("{signing}\n"));
        World { webhook, slack, pagerduty, mail, scene }
    }

    fn messages(&self) -> [usize; 4] {
        let counts = [&self.webhook, &self.slack, &self.pagerduty].map(|server| server.requests().len());
        [counts[0], counts[1], counts[2], self.mail.mails().len()]
    }
}

#[test]
fn every_channel_tells_of_an_opening_and_of_its_end() {
    let world = World::new();
    let daemon = world.scene.daemon();
    world.scene.fail_a_file();
    world.scene.eventually("the opening is told", || world.messages() == [1, 1, 1, 1]);

    let hook = &world.webhook.requests()[0];
    let body = hook.json();
    assert_eq!(
        (&body["event"], &body["version"], &body["source"]),
        (&"opened".into(), &1.into(), &"test-lake".into())
    );
    assert_eq!(body["alert"]["code"], "json.syntax");
    assert_eq!(body["alert"]["severity"], "error");
    assert_eq!(hook.path, "/hook/hook-token-1");
    assert_eq!(hook.headers["authorization"], "Bearer login-token-3");
    let signed = format!("{}.{}", hook.headers["x-lakegate-timestamp"], hook.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"signing-key-2");
    let tag: String =
        hmac::sign(&key, signed.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hook.headers["x-lakegate-signature"], format!("sha256={tag}"));

    let said = http::text(&world.slack.requests()[0].json()["text"]);
    assert!(
        said.starts_with("*error* files of type orders fail with json.syntax (opened, 1×, alert "),
        "{said}"
    );
    let incident = world.pagerduty.requests()[0].json();
    assert_eq!(
        (&incident["event_action"], &incident["routing_key"]),
        (&"trigger".into(), &"routing-key-5".into())
    );
    assert_eq!(incident["payload"]["severity"], "error");
    assert_eq!(incident["payload"]["source"], "test-lake");
    let mail = &world.mail.mails()[0];
    assert_eq!(smtp::header(mail, "To"), "ops@example.org, Ada <ada@example.org>");
    assert_eq!(
        smtp::header(mail, "Subject"),
        "[test-lake] error: files of type orders fail with json.syntax (opened)"
    );
    assert_eq!(smtp::header(mail, "Auto-Submitted"), "auto-generated");

    world.scene.sql("UPDATE alerts SET status = 'resolved', resolved_at = last_seen_at");
    world.scene.eventually("the end is told", || world.messages() == [2, 2, 2, 2]);
    assert_eq!(world.webhook.events(), ["opened", "resolved"]);
    let over = world.pagerduty.requests()[1].json();
    assert_eq!((&over["event_action"], &over["dedup_key"]), (&"resolve".into(), &incident["dedup_key"]));
    let thread = |mail: &str| smtp::header(mail, "In-Reply-To").to_owned();
    assert_eq!(thread(&world.mail.mails()[1]), thread(mail));
    world.scene.eventually("it is put aside", || {
        world.scene.ask("SELECT id FROM alerts WHERE settled_at IS NULL").is_empty()
    });
    assert_eq!(world.messages(), [2, 2, 2, 2], "each once");
    assert!(daemon.log().contains("opened (error): files of type orders fail"), "{}", daemon.log());
    assert_no_secret(&[("the log", &daemon.log())]);
}

#[test]
fn a_test_message_is_sent_and_secrets_are_shown_nowhere() {
    let world = World::new();
    let (code, data, talk) = world.scene.run(&["alerts", "test"]);
    assert_eq!(code, 0, "{data}{talk}");
    assert_eq!(data.matches("arrived").count(), 5, "{data}");
    assert_eq!(world.messages(), [1, 1, 2, 1], "an incident is resolved at once");
    assert_eq!(world.webhook.events(), ["test"]);
    assert!(world.mail.commands().iter().any(|line| line.starts_with("AUTH PLAIN")));

    // Servers that give everything away that they were told.
    world.webhook.answers(http::Answer::Status(403, "no: /hook/hook-token-1 login-token-3 signing-key-2"));
    world.slack.answers(http::Answer::Status(404, "no such hook: /services/slack-token-4"));
    world.pagerduty.answers(http::Answer::Status(400, "routing-key-5 is invalid"));
    world.mail.says("550 mail-password-6 is wrong");
    let (code, json, talk) = world.scene.run(&["-vv", "alerts", "test", "--json"]);
    assert_eq!(code, 1);
    let tried: Vec<Value> = serde_json::from_str(&json).expect("JSON");
    let told: Vec<_> = tried.iter().map(|one| format!("{} {}", one["channel"], one["error"])).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "log" null
    "webhook" "HTTP 403 Forbidden: no: /*** *** ***"
    "slack" "HTTP 404 Not Found: no such hook: /***"
    "pagerduty" "HTTP 400 Bad Request: *** is invalid"
    "email" "127.0.0.1: permanent error (550): *** is wrong"
    "#);
    let (_, shown, _) = world.scene.run(&["config", "show"]);
    let (_, checked, more) = world.scene.run(&["config", "check"]);
    assert!(shown.contains("http://127.0.0.1:"), "{shown}");
    assert_no_secret(&[
        ("errors", &json),
        ("talk", &talk),
        ("settings", &shown),
        ("check", &checked),
        ("x", &more),
    ]);
}

#[test]
fn templates_make_what_is_sent() {
    let server = http::Server::start();
    let scene = Scene::new()
        .with_webhook(&server)
        .with("WEBHOOK__TEMPLATE", r#"{{"summary": "{severity} {cause}", "n": {occurrences}}}"#);
    let (code, data, talk) = scene.run(&["alerts", "test", "webhook"]);
    assert_eq!(code, 0, "{data}{talk}");
    assert_eq!(server.requests()[0].body, r#"{"summary": "warning this is a test", "n": 1}"#);
}

#[test]
fn a_mail_server_without_encryption_is_told_no_password() {
    let mail = smtp::Server::start();
    let scene = Scene::new()
        .with("EMAIL__HOST", "127.0.0.1")
        .with("EMAIL__PORT", &mail.port().to_string())
        .with("EMAIL__USERNAME", "lake")
        .with("EMAIL__PASSWORD", "mail-password-6")
        .with("EMAIL__FROM", "lake@example.org")
        .with("EMAIL__TO", "ops@example.org");
    let (code, data, _) = scene.run(&["alerts", "test", "email"]);
    assert_eq!(code, 1);
    assert!(data.contains("STARTTLS"), "{data}");
    let commands = mail.commands();
    assert!(
        !commands.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")),
        "{commands:?}"
    );
}
