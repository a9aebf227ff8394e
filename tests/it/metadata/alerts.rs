//! Alerts: one row per cause, counted.

use lakegate::metadata::alerts::{AlertFilter, AlertStatus, NewAlert, Raised, Severity};

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
}
