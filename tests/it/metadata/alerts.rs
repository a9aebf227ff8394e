//! Alerts: one row per cause, counted.

use chrono::{DateTime, TimeDelta, Utc};
use lakegate::metadata::alerts::{
    AlertFilter, AlertRule, AlertStatus, Claim, NewAlert, Raised, RateLimit, Severity, Told, Word,
};
use lakegate::metadata::expectations::Tally;

use super::fixture::on_both;

fn alert(fingerprint: &str, occurrences: i64) -> NewAlert {
    NewAlert {
        code: "json.syntax".into(),
        severity: Severity::Error,
        subject: "orders".into(),
        cause: "json.syntax in orders".into(),
        message: format!("{occurrences} files failed"),
        hint: Some("look at them".into()),
        fingerprint: fingerprint.into(),
        occurrences,
    }
}

on_both! {
    async fn the_same_cause_is_counted_until_it_is_resolved(fixture) {
        let metadata = &fixture.metadata;
        let first = metadata.raise(&alert("f", 3)).await.expect("raised");
        assert!(first.new);
        let again = metadata.raise(&alert("f", 2)).await.expect("raised");
        assert_eq!(again, Raised { id: first.id, new: false, occurrences: 5 });
        fixture.by_hand("UPDATE alerts SET status = 'acknowledged'");
        assert!(!metadata.raise(&alert("f", 1)).await.expect("raised").new);
        assert!(metadata.raise(&alert("g", 1)).await.expect("raised").new);
        assert!(metadata.resolve("f").await.expect("written"));
        assert!(!metadata.resolve("f").await.expect("tried"));
        let later = metadata.raise(&alert("f", 1)).await.expect("raised");
        assert!(later.new && later.id != first.id);
        let live = metadata.alerts(&AlertFilter { live: true, ..AlertFilter::default() }).await.expect("read");
        assert_eq!(live.len(), 2);
        let all = metadata.alerts(&AlertFilter::default()).await.expect("read");
        let resolved = all.iter().find(|row| row.status == AlertStatus::Resolved).expect("there");
        assert_eq!((resolved.occurrences, resolved.message.as_str()), (6, "1 files failed"));
    }

    async fn alerts_raised_together_are_all_counted(fixture) {
        let raises = (0..20).map(|_| {
            let metadata = fixture.metadata.clone();
            tokio::spawn(async move { metadata.raise(&alert("f", 1)).await.expect("raised") })
        });
        let raised = futures::future::join_all(raises).await;
        let new = raised.into_iter().filter(|one| one.as_ref().expect("no panic").new).count();
        assert_eq!(new, 1);
        let rows = fixture.metadata.alerts(&AlertFilter::default()).await.expect("read");
        assert_eq!((rows.len(), rows[0].occurrences), (1, 20));
    }

    async fn a_live_alert_never_becomes_less_grave(fixture) {
        let metadata = &fixture.metadata;
        let id = metadata.raise_as(&alert("f", 1), AlertRule::Files).await.expect("raised").id;
        assert!(metadata.make_graver(id, Severity::Error, Severity::Critical).await.expect("written"));
        assert!(!metadata.make_graver(id, Severity::Error, Severity::Critical).await.expect("tried"), "too late");
        metadata.raise_as(&alert("f", 1), AlertRule::Files).await.expect("raised");
        let row = metadata.alert(id).await.expect("read").expect("there");
        assert_eq!((row.severity, row.rule, row.occurrences), (Severity::Critical, AlertRule::Files, 2));
        assert!(metadata.acknowledge(id).await.expect("written"));
        assert!(!metadata.escalate(id, Severity::Critical, Severity::Critical).await.expect("tried"));
        assert!(!metadata.resolve_unless_seen(id, row.occurrences - 1).await.expect("tried"));
        assert!(metadata.resolve_unless_seen(id, row.occurrences).await.expect("written"));
        assert_eq!(metadata.unsettled_alerts().await.expect("read").len(), 1);
        metadata.settle_alerts(&[id]).await.expect("written");
        assert!(metadata.unsettled_alerts().await.expect("read").is_empty());
    }

    async fn a_delivery_has_one_claimer_and_remembers_what_was_told(fixture) {
        let metadata = &fixture.metadata;
        let id = metadata.raise(&alert("f", 1)).await.expect("raised").id;
        let found = [Claim { alert_id: id, version: 0 }];
        let claims = (0..8).map(|owner| {
            let metadata = metadata.clone();
            tokio::spawn(async move {
                let owner = format!("owner-{owner}");
                metadata.claim_deliveries("slack", &owner, &found).await.expect("tried")
            })
        });
        let claims = futures::future::join_all(claims).await;
        let won: Vec<Claim> = claims.into_iter().flat_map(|claimed| claimed.expect("no panic")).collect();
        assert_eq!(won, [Claim { alert_id: id, version: 1 }]);
        let next = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        metadata.undelivered("slack", &won, "HTTP 500", next).await.expect("written");
        let row = metadata.deliveries(id).await.expect("read").remove(0);
        assert_eq!((row.attempts, row.next_attempt_at, row.claimed_by), (1, Some(next), None));
        let again = [Claim { alert_id: id, version: row.version }];
        let won = metadata.claim_deliveries("slack", "owner-1", &again).await.expect("claimed");
        let told = Told { claim: won[0], word: Word::Opened, severity: Severity::Error, occurrences: 1 };
        metadata.delivered("slack", &[told]).await.expect("written");
        metadata.delivered("slack", &[told]).await.expect("a claim that is over changes nothing");
        let row = metadata.unsettled_deliveries().await.expect("read").remove(0);
        assert_eq!((row.told, row.messages, row.attempts, row.last_error), (Some(Word::Opened), 1, 0, None));
    }

    async fn a_window_of_messages_has_so_many_places(fixture) {
        let limit = RateLimit { messages: 3, window: TimeDelta::seconds(60) };
        let began = Utc::now();
        let take = |at: DateTime<Utc>| fixture.metadata.take_message_place("slack", limit, at);
        for place in 0..5 {
            assert_eq!(take(began).await.expect("tried"), place < 3);
        }
        assert!(!take(began + TimeDelta::seconds(59)).await.expect("tried"));
        assert!(take(began + TimeDelta::seconds(61)).await.expect("tried"));
        let row = fixture.metadata.alert_channels().await.expect("read").remove(0);
        assert_eq!((row.window_sent, row.room(limit, began + TimeDelta::seconds(62))), (1, 2));
        assert_eq!(fixture.metadata.channel_fails("slack", "no").await.expect("written"), 1);
        assert_eq!(fixture.metadata.channel_fails("slack", "no").await.expect("written"), 2);
        assert!(fixture.metadata.channel_works("slack").await.expect("written"));
        assert!(!fixture.metadata.channel_works("slack").await.expect("written"));
    }

    async fn arrivals_and_failures_are_counted(fixture) {
        let metadata = &fixture.metadata;
        let before = Utc::now() - TimeDelta::seconds(60);
        let later = Utc::now() + TimeDelta::seconds(60);
        fixture.queued(&["a.json", "b.json", "c.json"]).await;
        let spans = [(before, later), (later, later + TimeDelta::seconds(60))];
        assert_eq!(metadata.arrivals("orders", &spans).await.expect("read"), [2, 0], "two are as good as three");
        assert_eq!(metadata.arrivals("visits", &spans).await.expect("read"), [0, 0]);
        assert!(metadata.last_arrival("orders").await.expect("read").is_some_and(|at| at > before));
        fixture.by_hand("UPDATE files SET state = 'failed' WHERE name = 'a.json'");
        fixture.by_hand("UPDATE files SET state = 'processed', records_read = 10, records_written = 7,
            records_rejected = 3 WHERE name = 'b.json'");
        let tally = metadata.tally("orders", before).await.expect("read");
        assert_eq!(tally, Tally { files: 2, failed: 1, records: 10, rejected: 3 });
        assert!(metadata.loaded_after("orders", before, false).await.expect("read"));
        assert!(!metadata.loaded_after("orders", before, true).await.expect("read"));
        metadata.expect_files("orders", "daily", before).await.expect("written");
        metadata.expect_files("orders", "daily", later).await.expect("written");
        let kept = metadata.expectations().await.expect("read").remove(0).expected_since;
        assert_eq!(kept, lakegate::metadata::kept(before), "the same schedule goes on");
        metadata.expect_files("orders", "hourly", later).await.expect("written");
        assert!(metadata.expectations().await.expect("read").remove(0).expected_since > kept);
    }
}
