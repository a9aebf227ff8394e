//! Loads: visible at once, or not at all.

use lakegate::metadata::files::{FileState, Release};
use lakegate::metadata::loads::{Counts, Imbalance, Intent, LoadKind, LoadState};
use lakegate::metadata::rejects::{NewReject, RejectFilter};
use lakegate::metadata::{Kind, MetadataError};

use super::fixture::{Outcome, data_file, new_load, on_both, processed};

fn reject(file_id: i64) -> NewReject<'static> {
    NewReject {
        file_id,
        file_type: "orders",
        record_number: 1,
        byte_offset: 0,
        raw: b"{}",
        pointer: "/id",
        rule: "record.required",
        value: None,
        message: "id is missing",
        fingerprint: "f",
    }
}

on_both! {
    async fn everything_of_a_load_appears_with_its_commit(fixture) {
        let metadata = &fixture.metadata;
        let ids = fixture.queued(&["a.json", "b.json"]).await;
        let load = fixture.begin("owner-1").await;
        metadata.claim(load, "owner-1", &[(ids[0], 0), (ids[1], 0)]).await.expect("claimed");
        metadata.add_rejects(load, &[reject(ids[0])]).await.expect("kept");
        let mut file = processed(ids[0], "h", 5);
        file.counts = Counts { read: 8, written: 5, rejected: 1, deduplicated: 1, filtered: 1, unknown_fields: 4 };
        let mut failed = processed(ids[1], "i", 0);
        failed.outcome = Outcome::Failed;
        let intent =
            Intent { data_files: vec![data_file("p/1", 2), data_file("p/2", 3)], files: vec![file, failed], ..Intent::default() };
        metadata.stage(load, &intent).await.expect("staged");

        assert_eq!(metadata.pending_data_files(load).await.expect("read").len(), 2);
        assert!(metadata.live_data_files("orders").await.expect("read").is_empty());
        assert!(metadata.reject_causes(&RejectFilter::default()).await.expect("read").is_empty());
        assert_eq!(fixture.state(ids[0]).await, FileState::Processing);
        assert!(metadata.find_loaded("orders", &["h".into()]).await.expect("read").is_empty());

        let committed = metadata.commit(load).await.expect("committed");
        assert_eq!((committed.commit_seq, committed.files, committed.rows_written), (1, 2, 5));
        let live = metadata.live_data_files("orders").await.expect("read");
        let paths: Vec<_> = live.iter().map(|one| (one.file.path.as_str(), one.commit_seq)).collect();
        assert_eq!(paths, [("p/1", 1), ("p/2", 1)]);
        assert_eq!(metadata.reject_causes(&RejectFilter::default()).await.expect("read").len(), 1);
        assert_eq!(fixture.state(ids[0]).await, FileState::Processed);
        assert_eq!(fixture.state(ids[1]).await, FileState::Failed);
        let loaded = metadata.find_loaded("orders", &["h".into(), "x".into()]).await.expect("read");
        assert_eq!(loaded, [("h".to_owned(), ids[0])].into());
        assert_eq!(metadata.lake_tables().await.expect("read"), ["orders"]);
        assert_eq!(metadata.max_commit_seq().await.expect("read"), 1);
        assert!(metadata.open_loads().await.expect("read").is_empty());
    }

    async fn a_repeated_commit_gives_the_same_answer_and_changes_nothing(fixture) {
        let (load, ids) = fixture.staged(&["a.json"], "p/1").await;
        let first = fixture.metadata.commit(load).await.expect("committed");
        let second = fixture.metadata.commit(load).await.expect("committed");
        assert!(!first.repeated && second.repeated);
        assert_eq!(first.commit_seq, second.commit_seq);
        assert_eq!(fixture.metadata.file_events(ids[0]).await.expect("read").len(), 3);
        assert_eq!(fixture.metadata.max_commit_seq().await.expect("read"), 1);
    }

    async fn an_intent_that_does_not_add_up_is_refused(fixture) {
        let ids = fixture.queued(&["a.json"]).await;
        let load = fixture.begin("owner-1").await;
        fixture.metadata.claim(load, "owner-1", &[(ids[0], 0)]).await.expect("claimed");
        let files = vec![processed(ids[0], "h", 5)];
        let intent = Intent { data_files: vec![data_file("p/1", 4)], files, ..Intent::default() };
        let error = fixture.metadata.stage(load, &intent).await.expect_err("refused");
        assert_eq!(
            error.to_string(),
            format!("load {load} does not balance: 5 records written and 0 rows carried over, but 4 rows in its data files")
        );
        assert!(fixture.metadata.pending_data_files(load).await.expect("read").is_empty());
        assert_eq!(fixture.metadata.load(load).await.expect("read").expect("there").state, LoadState::Writing);
    }

    async fn the_commit_checks_the_balance_on_what_is_stored(fixture) {
        let (load, ids) = fixture.staged(&["a.json"], "p/1").await;
        fixture.by_hand("UPDATE data_files SET rows = 7");
        let error = fixture.metadata.commit(load).await.expect_err("refused");
        let MetadataError::Unbalanced { imbalance: Imbalance::Rows { written: 1, carried: 0, stored: 7 }, .. } = error
        else {
            panic!("{error:?}")
        };
        fixture.by_hand("UPDATE data_files SET rows = 1");
        fixture.by_hand("UPDATE files SET records_read = 9");
        let error = fixture.metadata.commit(load).await.expect_err("refused");
        assert!(error.to_string().contains("9 records read"), "{error}");
        assert_eq!(fixture.state(ids[0]).await, FileState::Processing);
        assert!(fixture.metadata.live_data_files("orders").await.expect("read").is_empty());
        assert_eq!(fixture.metadata.max_commit_seq().await.expect("read"), 0);
        fixture.by_hand("UPDATE files SET records_read = 1");
        fixture.metadata.commit(load).await.expect("committed");
    }

    async fn the_same_content_is_committed_once(fixture) {
        let mut loads = Vec::new();
        for name in ["a.json", "b.json"] {
            let id = fixture.queued(&[name]).await[0];
            let load = fixture.begin("owner-1").await;
            fixture.metadata.claim(load, "owner-1", &[(id, 0)]).await.expect("claimed");
            let intent = Intent {
                data_files: vec![data_file(name, 1)],
                files: vec![processed(id, "same", 1)],
                ..Intent::default()
            };
            fixture.metadata.stage(load, &intent).await.expect("staged");
            loads.push((load, id));
        }
        fixture.metadata.commit(loads[0].0).await.expect("committed");
        let error = fixture.metadata.commit(loads[1].0).await.expect_err("refused");
        assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
        assert_eq!(fixture.metadata.live_data_files("orders").await.expect("read").len(), 1);
        let released = fixture.metadata.roll_back(loads[1].0, &[]).await.expect("rolled back");
        assert_eq!(released, [loads[1].1]);
        let row = fixture.metadata.file(loads[1].1).await.expect("read").expect("there");
        assert_eq!((row.state, row.blake3, row.records_written), (FileState::Queued, None, 0));
    }

    async fn an_intent_covers_every_file_of_its_load_and_no_other(fixture) {
        let metadata = &fixture.metadata;
        let ids = fixture.queued(&["a.json", "b.json", "c.json"]).await;
        let load = fixture.begin("owner-1").await;
        metadata.claim(load, "owner-1", &[(ids[0], 0), (ids[1], 0)]).await.expect("claimed");
        let intent = |files: &[i64]| Intent {
            data_files: vec![data_file("p/1", files.len() as i64)],
            files: files.iter().map(|id| processed(*id, &format!("{id}"), 1)).collect(),
            ..Intent::default()
        };
        let error = metadata.stage(load, &intent(&ids[..1])).await.expect_err("refused");
        assert!(matches!(error, MetadataError::FilesForgotten { files: 1, .. }), "{error:?}");
        let error = metadata.stage(load, &intent(&ids)).await.expect_err("refused");
        assert!(matches!(error, MetadataError::FilesChanged { expected: 3, changed: 1, .. }), "{error:?}");
        metadata.stage(load, &intent(&ids[..2])).await.expect("staged");
        let error = metadata.stage(load, &intent(&ids[..2])).await.expect_err("refused");
        assert_eq!(error.to_string(), format!("load {load} must be writing, but it is staged"));
        let error = metadata.commit(4711).await.expect_err("refused");
        assert_eq!(error.to_string(), "load 4711 must be staged, but it does not exist");
    }

    async fn a_data_file_is_replaced_by_one_load_only(fixture) {
        let metadata = &fixture.metadata;
        let (first, _) = fixture.staged(&["a.json"], "p/1").await;
        metadata.commit(first).await.expect("committed");
        let old = metadata.live_data_files("orders").await.expect("read")[0].file.id;
        let replace = |path: &'static str| Intent {
            data_files: vec![data_file(path, 1)],
            removes: vec![old],
            rows_carried: 1,
            ..Intent::default()
        };
        let second = fixture.begin("owner-1").await;
        metadata.stage(second, &replace("p/2")).await.expect("staged");
        let third = fixture.begin("owner-2").await;
        let error = metadata.stage(third, &replace("p/3")).await.expect_err("refused");
        assert!(matches!(error, MetadataError::DataFilesTaken { expected: 1, taken: 1, .. }), "{error:?}");

        metadata.roll_back(second, &[]).await.expect("rolled back");
        metadata.stage(third, &replace("p/3")).await.expect("staged");
        metadata.commit(third).await.expect("committed");
        let live = metadata.live_data_files("orders").await.expect("read");
        assert_eq!(live.iter().map(|one| one.file.path.as_str()).collect::<Vec<_>>(), ["p/3"]);
        assert_eq!(metadata.live_since("orders", 2).await.expect("read"), []);
        let removed = metadata.removed_data_files().await.expect("read");
        assert_eq!((removed.len(), removed[0].id, removed[0].removed_by_load), (1, old, Some(third)));
        assert_eq!(metadata.forget_data_files(&[old, live[0].file.id]).await.expect("written"), 1);
        assert!(metadata.removed_data_files().await.expect("read").is_empty());
    }

    async fn a_path_is_published_by_one_load_only(fixture) {
        fixture.staged(&["a.json"], "p/1").await;
        let load = fixture.metadata.begin_load(&new_load(LoadKind::Job, "owner-1")).await.expect("begun");
        let intent = Intent { data_files: vec![data_file("p/1", 3)], ..Intent::default() };
        let error = fixture.metadata.stage(load, &intent).await.expect_err("refused");
        assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
    }

    async fn a_rolled_back_load_leaves_nothing_behind(fixture) {
        let metadata = &fixture.metadata;
        let ids = fixture.queued(&["a.json", "b.json"]).await;
        let load = fixture.begin("owner-1").await;
        metadata.claim(load, "owner-1", &[(ids[0], 0), (ids[1], 0)]).await.expect("claimed");
        metadata.add_rejects(load, &[reject(ids[0])]).await.expect("kept");
        let files = ids.iter().map(|id| processed(*id, &format!("{id}"), 1)).collect();
        let intent = Intent { data_files: vec![data_file("p/1", 2)], files, ..Intent::default() };
        metadata.stage(load, &intent).await.expect("staged");
        let waiting =
            Release { id: ids[0], attempt: 1, state: FileState::Waiting, problem: None, crashed: false };
        assert_eq!(metadata.roll_back(load, &[waiting]).await.expect("rolled back"), ids);
        assert_eq!(fixture.state(ids[0]).await, FileState::Waiting);
        assert_eq!(fixture.state(ids[1]).await, FileState::Queued);
        assert!(metadata.pending_data_files(load).await.expect("read").is_empty());
        let all = RejectFilter { status: None, ..RejectFilter::default() };
        assert!(metadata.reject_rows(&all).await.expect("read").is_empty());
        assert!(metadata.roll_back(load, &[]).await.expect("nothing to do").is_empty());
        let error = metadata.commit(load).await.expect_err("refused");
        assert_eq!(error.kind(), Kind::Conflict);
        let error = metadata.add_rejects(load, &[reject(ids[0])]).await.expect_err("refused");
        assert_eq!(error.kind(), Kind::Conflict);
    }

    async fn commits_that_run_together_are_numbered_in_a_row(fixture) {
        let mut commits = Vec::new();
        for n in 0..12 {
            let (load, _) = fixture.staged(&[&format!("{n}.json")], &format!("p/{n}")).await;
            let metadata = if n % 2 == 0 { fixture.metadata.clone() } else { fixture.another().await };
            commits.push(async move { metadata.commit(load).await });
        }
        let commits = commits.into_iter().map(tokio::spawn);
        let done = futures::future::join_all(commits).await;
        let mut numbers: Vec<_> = done.into_iter().map(|one| one.expect("no panic").expect("committed").commit_seq).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
        let live = fixture.metadata.live_data_files("orders").await.expect("read");
        assert!(live.is_sorted_by_key(|one| (one.commit_seq, one.file.id)));
    }
}
