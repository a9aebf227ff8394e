//! Rejects that load after all, and files whose rows are taken out: what the ledger lets nobody do twice.

use lakegate::metadata::files::FileState;
use lakegate::metadata::loads::{Counts, Intent, LoadKind, Replay, ReplayedReject};
use lakegate::metadata::rejects::{Backlog, NewReject, Refusal, RejectFilter, RejectRow};
use lakegate::metadata::{Kind, MetadataError};

use super::fixture::{Fixture, data_file, new_load, on_both, processed};

/// A loaded and settled file with a row and three rejects, and these.
async fn loaded(fixture: &Fixture) -> (i64, Vec<RejectRow>) {
    let metadata = &fixture.metadata;
    let id = fixture.queued(&["a.json"]).await[0];
    let load = fixture.begin("owner-1").await;
    metadata.claim(load, "owner-1", &[(id, 0)]).await.expect("claimed");
    let reject = |record_number| NewReject {
        file_id: id,
        file_type: "orders",
        record_number,
        byte_offset: 0,
        raw: b"{}",
        pointer: "/id",
        rule: "record.required",
        value: None,
        message: "id is missing",
        fingerprint: "f",
    };
    metadata.add_rejects(load, &[3, 1, 2].map(reject)).await.expect("kept");
    let mut file = processed(id, "h", 1);
    file.counts = Counts { read: 4, written: 1, rejected: 3, ..Counts::default() };
    let intent = Intent { data_files: vec![data_file("p/1", 1)], files: vec![file], ..Intent::default() };
    metadata.stage(load, &intent).await.expect("staged");
    metadata.commit(load).await.expect("committed");
    metadata.settled(&[(id, "processed/a.json".into())]).await.expect("settled");
    (id, to_try(fixture).await)
}

async fn to_try(fixture: &Fixture) -> Vec<RejectRow> {
    fixture.metadata.rejects_to_try(&RejectFilter::default(), (0, 0, 0), 10).await.expect("read")
}

async fn begin(fixture: &Fixture, kind: LoadKind) -> i64 {
    fixture.metadata.begin_load(&new_load(kind, "owner-1")).await.expect("begun")
}

fn replay(path: &str, rejects: &[RejectRow]) -> Replay {
    let reject =
        |row: &RejectRow| ReplayedReject { id: row.id, file_id: row.file_id, fixed: row.fixed.clone() };
    Replay {
        data_files: vec![data_file(path, rejects.len() as i64)],
        rejects: rejects.iter().map(reject).collect(),
        ..Replay::default()
    }
}

fn revert(file: i64, replayed: i64, removes: &[i64]) -> Intent {
    let rows_taken_out = removes.len() as i64;
    Intent {
        removes: removes.to_vec(),
        takes_out: vec![(file, replayed)],
        rows_taken_out,
        ..Intent::default()
    }
}

on_both! {
    async fn a_reject_is_replayed_by_one_load_and_counted_with_its_file(fixture) {
        let metadata = &fixture.metadata;
        let (file, rejects) = loaded(&fixture).await;
        let numbers: Vec<i64> = rejects.iter().map(|row| row.record_number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        let rest = metadata.rejects_to_try(&RejectFilter::default(), (file, 1, rejects[0].id), 1).await.expect("read");
        assert_eq!(rest[0].record_number, 2);

        let (first, second) = (begin(&fixture, LoadKind::Replay).await, begin(&fixture, LoadKind::Replay).await);
        metadata.stage_replay(first, &replay("p/2", &rejects[..2])).await.expect("staged");
        let error = metadata.stage_replay(second, &replay("p/3", &rejects[1..])).await.expect_err("taken");
        assert!(matches!(error, MetadataError::RejectsTaken { expected: 2, taken: 1, .. }), "{error:?}");
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(to_try(&fixture).await.len(), 1);
        metadata.roll_back(first, &[]).await.expect("rolled back");
        assert_eq!(to_try(&fixture).await.len(), 3);

        let mut deduplicated = replay("p/3", &rejects[1..]);
        deduplicated.deduplicated = 1;
        deduplicated.data_files[0].rows = 1;
        metadata.stage_replay(second, &deduplicated).await.expect("staged");
        let committed = metadata.commit(second).await.expect("committed");
        assert_eq!((committed.files, committed.rows_written), (1, 1));
        let row = metadata.file(file).await.expect("read").expect("there");
        assert_eq!((row.records_rejected, row.records_replayed, row.records_written), (3, 2, 1));
        let left = metadata.reject_backlog(&RejectFilter::default()).await.expect("read");
        assert_eq!(left, Backlog { ready: 1, of_failed_files: 0 });
        let done = metadata.reject(rejects[2].id).await.expect("read").expect("there");
        assert_eq!((done.status.as_str(), done.replay_load_id), ("replayed", Some(second)));
    }

    async fn a_replay_that_does_not_add_up_is_refused(fixture) {
        let (_, rejects) = loaded(&fixture).await;
        let load = begin(&fixture, LoadKind::Replay).await;
        let mut wrong = replay("p/2", &rejects);
        wrong.data_files[0].rows = 2;
        let error = fixture.metadata.stage_replay(load, &wrong).await.expect_err("refused");
        assert!(matches!(error, MetadataError::Unbalanced { .. }), "{error:?}");
        fixture.metadata.stage_replay(load, &replay("p/2", &rejects)).await.expect("staged");
        fixture.by_hand("UPDATE data_files SET rows = 9 WHERE path = 'p/2'");
        let error = fixture.metadata.commit(load).await.expect_err("refused");
        assert!(matches!(error, MetadataError::Unbalanced { .. }), "{error:?}");
        assert_eq!(fixture.metadata.reject(rejects[0].id).await.expect("read").expect("there").status.as_str(), "open");
    }

    async fn a_record_that_was_repaired_meanwhile_is_read_again(fixture) {
        let (_, rejects) = loaded(&fixture).await;
        let load = begin(&fixture, LoadKind::Replay).await;
        fixture.by_hand("UPDATE rejects SET fixed = '{\"id\": 1}' WHERE record_number = 1");
        let error = fixture.metadata.stage_replay(load, &replay("p/2", &rejects)).await.expect_err("changed");
        assert!(matches!(error, MetadataError::RejectsTaken { taken: 1, .. }), "{error:?}");
        let now = to_try(&fixture).await;
        fixture.metadata.stage_replay(load, &replay("p/2", &now)).await.expect("staged");
    }

    async fn a_new_reason_is_kept_unless_the_record_is_taken(fixture) {
        let metadata = &fixture.metadata;
        let (_, rejects) = loaded(&fixture).await;
        let load = begin(&fixture, LoadKind::Replay).await;
        metadata.stage_replay(load, &replay("p/2", &rejects[..1])).await.expect("staged");
        let refusal = |row: &RejectRow| Refusal {
            id: row.id,
            pointer: "/price".into(),
            rule: "record.type".into(),
            value: Some("\"x\"".into()),
            message: "price is \"x\"".into(),
            fingerprint: "g".into(),
        };
        let refusals: Vec<Refusal> = rejects[..2].iter().map(refusal).collect();
        metadata.refuse_again(&refusals).await.expect("told");
        let rules: Vec<String> = metadata.reject_rows(&RejectFilter::default()).await.expect("read").into_iter().map(|row| row.rule).collect();
        assert_eq!(rules, ["record.required", "record.type", "record.required"]);
    }

    async fn rows_of_a_file_are_taken_out_once_and_never_beside_a_replay(fixture) {
        let metadata = &fixture.metadata;
        let (file, rejects) = loaded(&fixture).await;
        let live = |fixture: &Fixture| {
            let metadata = fixture.metadata.clone();
            async move { metadata.live_data_files("orders").await.expect("read").iter().map(|one| one.file.id).collect::<Vec<i64>>() }
        };
        let (going, replaying) = (begin(&fixture, LoadKind::Revert).await, begin(&fixture, LoadKind::Replay).await);
        metadata.stage_replay(replaying, &replay("p/2", &rejects[..1])).await.expect("staged");
        let error = metadata.stage(going, &revert(file, 0, &live(&fixture).await)).await.expect_err("taken");
        assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
        metadata.commit(replaying).await.expect("committed");
        // It has got a row since the revert was decided.
        let error = metadata.stage(going, &revert(file, 0, &live(&fixture).await)).await.expect_err("changed");
        assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
        let mut short = revert(file, 1, &live(&fixture).await);
        short.rows_taken_out = 1;
        let error = metadata.stage(going, &short).await.expect_err("a row is missing");
        assert!(matches!(error, MetadataError::Unbalanced { .. }), "{error:?}");
        metadata.stage(going, &revert(file, 1, &live(&fixture).await)).await.expect("staged");

        let late = begin(&fixture, LoadKind::Replay).await;
        let error = metadata.stage_replay(late, &replay("p/3", &rejects[1..])).await.expect_err("its file goes");
        assert!(matches!(error, MetadataError::RejectsTaken { taken: 2, .. }), "{error:?}");
        assert_eq!(to_try(&fixture).await, []);
        metadata.roll_back(going, &[]).await.expect("rolled back");
        assert_eq!(to_try(&fixture).await.len(), 2);
        let going = begin(&fixture, LoadKind::Revert).await;
        metadata.stage(going, &revert(file, 1, &live(&fixture).await)).await.expect("staged");
        metadata.commit(going).await.expect("committed");

        assert_eq!(live(&fixture).await, [0i64; 0]);
        let row = metadata.file(file).await.expect("read").expect("there");
        assert_eq!((row.state, row.records_written, row.records_replayed), (FileState::Failed, 0, 0));
        assert_eq!(row.error_code.as_deref(), Some("file.reverted"));
        assert!(row.error_message.is_some_and(|message| message.ends_with(&format!("by load {going}"))));
        assert!(metadata.find_loaded("orders", &["h".into()]).await.expect("read").is_empty());
        let open = metadata.reject_backlog(&RejectFilter::default()).await.expect("read");
        assert_eq!(open, Backlog::default());
        assert!(metadata.requeue_failed(file, 1).await.expect("given back"));
    }

    async fn nobody_marks_a_reject_as_replayed_by_hand(fixture) {
        let (_, rejects) = loaded(&fixture).await;
        let error = fixture.metadata.execute_dml("UPDATE rejects SET status = 'replayed'").await.expect_err("refused");
        assert_eq!(error.kind(), Kind::User, "{error:?}");
        fixture.metadata.execute_dml("UPDATE rejects SET status = 'discarded'").await.expect("changed");
        assert_eq!(to_try(&fixture).await, []);
        fixture.metadata.execute_dml("UPDATE rejects SET status = 'open'").await.expect("changed");
        assert_eq!(to_try(&fixture).await.len(), rejects.len());
    }
}
