//! Drift and field counts: what is added up, what is replaced, what a person has said stays.

use lakegate::metadata::drift::{DriftKind, DriftStatus, Drifted, FieldCount};

use super::fixture::on_both;

fn drifted(field: &str, records: i64) -> Drifted {
    Drifted {
        kind: DriftKind::Appeared,
        field: field.into(),
        declared_type: None,
        found_type: Some("long".into()),
        found: Some(r#"{"name": "value", "type": "long"}"#.into()),
        records,
        records_read: 10,
        files: 1,
        file_id: 7,
        first_file: format!("first of {records}"),
        last_file: format!("last of {records}"),
        examples: "[]".into(),
        schema_version: 1,
        status: DriftStatus::Open,
    }
}

on_both! {
    async fn drift_is_one_row_for_each_field_and_adds_up(fixture) {
        let metadata = &fixture.metadata;
        metadata.add_drift("t", &[drifted("/a", 1), drifted("/b", 2)]).await.expect("added");
        metadata.add_drift("t", &[drifted("/a", 3)]).await.expect("added");
        metadata.add_drift("u", &[drifted("/a", 5)]).await.expect("added");
        let rows = metadata.drift(Some("t")).await.expect("read");
        let told: Vec<_> = rows.iter().map(|r| (r.field.as_str(), r.records, r.records_read, r.files)).collect();
        assert_eq!(told, [("/a", 4, 20, 2), ("/b", 2, 10, 1)]);
        assert_eq!((rows[0].first_file.as_str(), rows[0].last_file.as_str()), ("first of 1", "last of 3"));
        assert_eq!(metadata.drift(None).await.expect("read").len(), 3);
    }

    async fn closed_drift_opens_again_but_dismissed_drift_does_not(fixture) {
        let metadata = &fixture.metadata;
        metadata.add_drift("t", &[drifted("/a", 1), drifted("/b", 1)]).await.expect("added");
        let ids: Vec<i64> = metadata.drift(None).await.expect("read").iter().map(|row| row.id).collect();
        assert_eq!(metadata.close_drift(&ids[..1], DriftStatus::Accepted).await.expect("closed"), 1);
        assert_eq!(metadata.close_drift(&ids[..1], DriftStatus::Ended).await.expect("closed"), 0);
        fixture.by_hand("UPDATE schema_drift SET status = 'dismissed' WHERE field = '/b'");
        metadata.add_drift("t", &[drifted("/a", 1), drifted("/b", 1)]).await.expect("added");
        let rows = metadata.drift(None).await.expect("read");
        let told: Vec<_> = rows.iter().map(|row| row.status).collect();
        assert_eq!(told, [DriftStatus::Open, DriftStatus::Dismissed]);
    }

    async fn field_counts_add_up(fixture) {
        let count = |field: &str, records, present| FieldCount { field: field.into(), records, present };
        let metadata = &fixture.metadata;
        metadata.add_field_counts("t", &[count("/a", 5, 3), count("/b", 5, 5)]).await.expect("added");
        metadata.add_field_counts("t", &[count("/a", 2, 2)]).await.expect("added");
        metadata.add_field_counts("t", &[]).await.expect("nothing to add");
        assert_eq!(metadata.field_counts("t").await.expect("read"), [count("/a", 7, 5), count("/b", 5, 5)]);
        assert_eq!(metadata.field_counts("u").await.expect("read"), []);
    }
}
