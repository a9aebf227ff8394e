//! Channels that fail: what is told, what is tried again, and that loading does not notice.

use std::time::{Duration, Instant};

use super::http::{Answer, Server};
use super::scene::{Scene, assert_no_secret};
use crate::recovery::daemon::eventually;

#[test]
fn every_fault_is_told_in_time_and_without_secrets() {
    let elsewhere = Server::start();
    let redirect = Answer::Redirect(elsewhere.url("/stolen"));
    for (answer, expected) in [
        (Answer::Status(500, "oops"), "HTTP 500 Internal Server Error: oops"),
        (redirect, "HTTP 302 Found; redirects are not followed"),
        (Answer::Silence, "no answer within 2s"),
        (Answer::Drip, "no answer within 2s"),
        (Answer::Reset, "connection"),
        (Answer::Flood, "HTTP 500 Internal Server Error: xxxx"),
    ] {
        let server = Server::start();
        server.answers(answer.clone());
        let scene = Scene::new().with_webhook(&server);
        let began = Instant::now();
        let (code, data, talk) = scene.run(&["alerts", "test", "webhook"]);
        assert!(began.elapsed() < Duration::from_secs(8), "{answer:?} took {:?}", began.elapsed());
        assert_eq!(code, 1, "{answer:?}: {data}");
        assert!(data.to_lowercase().contains(&expected.to_lowercase()), "{answer:?}: {data}");
        assert_no_secret(&[("stdout", &data), ("stderr", &talk)]);
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

#[test]
fn addresses_of_this_machine_are_refused_unless_allowed() {
    let server = Server::start();
    let scene = Scene::new().with("WEBHOOK__URL", &server.url("/hook/hook-token-1"));
    let (code, _, talk) = scene.run(&["config", "check"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(talk, @r"
    error: LAKEGATE__ALERTS__WEBHOOK__URL: `alerts.webhook.url` names 127.0.0.1, a loopback address
    hint: set alerts.webhook.allow_private = true when this is meant
    ");
    // A name is refused by what it resolves to, at the moment of connecting.
    let url = format!("http://localhost:{}/hook/hook-token-1", server.port());
    let scene = Scene::new().with("WEBHOOK__URL", &url);
    let (code, data, _) = scene.run(&["alerts", "test", "webhook"]);
    assert_eq!(code, 1);
    assert!(data.contains("a loopback address; set allow_private = true when this is meant"), "{data}");
    assert_no_secret(&[("stdout", &data)]);
    assert!(server.requests().is_empty(), "it was connected to");
}

#[test]
fn what_did_not_arrive_arrives_after_a_restart_and_once() {
    let server = Server::start();
    server.answers(Answer::Status(503, "later"));
    let scene = Scene::new().with_webhook(&server);
    let daemon = scene.daemon();
    scene.fail_a_file();
    scene.eventually("a try that failed", || !server.requests().is_empty());
    let failed =
        "SELECT attempts, last_error FROM alert_deliveries WHERE channel = 'webhook' AND attempts > 0";
    scene.eventually("it is written down", || !scene.ask(failed).is_empty());
    assert!(daemon.log().contains("did not arrive on channel webhook"), "{}", daemon.log());
    let (_, shown, _) = scene.run(&["alerts", "show", "1"]);
    assert!(shown.contains("HTTP 503 Service Unavailable: later"), "{shown}");
    assert_no_secret(&[("the log", &daemon.log()), ("show", &shown)]);
    daemon.stop("TERM");

    let before = server.requests().len();
    server.answers(Answer::Status(200, "ok"));
    let _daemon = scene.daemon();
    scene.eventually("it arrives", || server.requests().len() > before);
    let told = "SELECT told FROM alert_deliveries WHERE channel = 'webhook' AND told = 'opened'";
    scene.eventually("it is written down", || scene.ask(told).len() == 1);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(server.requests().len(), before + 1, "it arrived twice");
}

#[test]
fn a_channel_that_fails_again_and_again_has_an_alert_of_its_own() {
    let server = Server::start();
    server.answers(Answer::Reset);
    let scene = Scene::new().with_webhook(&server);
    let daemon = scene.daemon();
    scene.open_alerts([1], "error");
    let own = |status: &str| {
        let query = format!("SELECT id FROM alerts WHERE code = 'alerts.channel' AND status = '{status}'");
        scene.ask(&query).len() == 1
    };
    scene.eventually("the alert", || own("open"));
    scene.eventually("the log has it", || daemon.log().contains("alerts do not arrive on channel webhook"));
    server.answers(Answer::Status(200, "ok"));
    scene.eventually("it is over", || own("resolved"));
    let about = |request: &super::http::Request| super::http::text(&request.json()["alert"]["code"]);
    assert!(
        server.requests().iter().all(|request| about(request) == "test.made"),
        "only the log hears of it"
    );
}

#[test]
fn a_silent_channel_does_not_slow_loading_nor_other_channels() {
    let (silent, other) = (Server::start(), Server::start());
    silent.answers(Answer::Silence);
    let scene = Scene::new()
        .with("TIMEOUT_SECONDS", "30")
        .with("SLACK__URL", &silent.url("/s"))
        .with("SLACK__ALLOW_PRIVATE", "true")
        .with_webhook(&other);
    let daemon = scene.daemon();
    scene.fail_a_file();
    scene.eventually("the silent channel is asked", || !silent.requests().is_empty());
    let loaded =
        || scene.ask("SELECT id FROM files WHERE name = 'orders_20250102.json' AND state = 'processed'");
    scene.delivery.drop_in("orders_20250102.json", r#"[{"id": 1}]"#);
    eventually("a file loads", Duration::from_secs(8), || loaded().len() == 1);
    scene.open_alerts([1], "error");
    scene.eventually("the other channel hears", || other.requests().len() == 2);
    assert_eq!(silent.requests().len(), 1, "one at a time");
    let (_, took) = daemon.stop("TERM");
    assert!(took < Duration::from_secs(10), "it stopped after {took:?}");
}

#[test]
fn one_pass_tells_before_it_ends_and_leaves_the_rest_to_the_next() {
    let server = Server::start();
    server.answers(Answer::Status(500, "oops"));
    let scene = Scene::new().with_webhook(&server);
    scene.fail_a_file();
    let (code, _, talk) = scene.run(&["ingest"]);
    assert_eq!((code, server.requests().len()), (1, 1), "{talk}");
    server.answers(Answer::Status(200, "ok"));
    scene.eventually("the next pass tells", || {
        scene.run(&["ingest"]);
        server.requests().len() == 2
    });
    scene.run(&["ingest"]);
    assert_eq!(server.events(), ["opened", "opened"], "the second arrived, and there is nothing more to say");
}
