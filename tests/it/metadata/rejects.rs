//! Rejected records, kept and grouped.

use lakegate::metadata::loads::Intent;
use lakegate::metadata::rejects::{NewReject, RawEncoding, RejectFilter};

use super::fixture::{Outcome, on_both, processed};

on_both! {
    async fn rejects_are_grouped_by_cause_and_keep_their_bytes(fixture) {
        let metadata = &fixture.metadata;
        let id = fixture.queued(&["a.json"]).await[0];
        let load = fixture.begin("owner-1").await;
        metadata.claim(load, "owner-1", &[(id, 0)]).await.expect("claimed");
        let huge = vec![b'x'; 70_000];
        let raws: [&[u8]; 4] = [b"{\"id\":\"\\u0000\"}", b"{\"id\":\0}", &[0xff, 0xfe], &huge];
        let rejects: Vec<_> = (0..250u32)
            .map(|n| NewReject {
                file_id: id,
                file_type: "orders",
                record_number: i64::from(n) + 1,
                byte_offset: i64::from(n) * 10,
                raw: raws[n as usize % 4],
                pointer: "/id\0",
                rule: "record.type",
                value: Some("\"\0\""),
                message: "id is text",
                fingerprint: if n < 240 { "often" } else { "seldom" },
            })
            .collect();
        metadata.add_rejects(load, &rejects).await.expect("kept");
        let mut file = processed(id, "h", 0);
        file.outcome = Outcome::Failed;
        metadata.stage(load, &Intent { files: vec![file], ..Intent::default() }).await.expect("staged");
        metadata.commit(load).await.expect("committed");

        let causes = metadata.reject_causes(&RejectFilter::default()).await.expect("read");
        let summary: Vec<_> = causes.iter().map(|cause| (cause.fingerprint.as_str(), cause.rejects, cause.files)).collect();
        assert_eq!(summary, [("often", 240, 1), ("seldom", 10, 1)]);
        assert_eq!(causes[0].pointer, "/id\u{fffd}");
        assert!(causes[0].first_at <= causes[0].last_at);

        let filter = RejectFilter { fingerprint: Some("often".into()), limit: 4, ..RejectFilter::default() };
        let rows = metadata.reject_rows(&filter).await.expect("read");
        let kept: Vec<_> = rows.iter().map(|row| (row.raw_encoding, row.raw.len())).collect();
        assert_eq!(
            kept,
            [(RawEncoding::Text, 15), (RawEncoding::Base64, 12), (RawEncoding::Base64, 4), (RawEncoding::Truncated, 65_536)]
        );
        assert_eq!(rows[0].raw, "{\"id\":\"\\u0000\"}");
        assert_eq!(metadata.reject(rows[2].id).await.expect("read").expect("there").raw, "//4=");
        let other = RejectFilter { file_type: Some("sales".into()), ..RejectFilter::default() };
        assert!(metadata.reject_rows(&other).await.expect("read").is_empty());
    }
}
