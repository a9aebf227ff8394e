//! Compaction in the ledger: data files are exchanged at once, and no row changes its origin.

use lakegate::metadata::loads::{Compaction, Imbalance, LoadKind, LoadState, MergedFile, Origin};
use lakegate::metadata::{Kind, MetadataError};

use super::fixture::{Fixture, data_file, new_load, on_both};

impl Fixture {
    /// Two committed data files of two rows and one; a compaction of theirs that has begun.
    async fn two_files_and_a_compaction(&self) -> ([i64; 2], i64) {
        for (names, path) in [(vec!["a.json", "b.json"], "p/1"), (vec!["c.json"], "p/2")] {
            let (load, _) = self.staged(&names, path).await;
            self.metadata.commit(load).await.expect("committed");
        }
        let live = self.metadata.live_data_files("orders").await.expect("read");
        let load = new_load(LoadKind::Compaction, "owner-1");
        let compaction = self.metadata.begin_load(&load).await.expect("begun");
        ([live[0].file.id, live[1].file.id], compaction)
    }

    async fn count(&self, table: &str) -> String {
        self.by_hand(&format!("SELECT count(*) FROM {table}"))
    }
}

fn origin(origin_id: i64, commit_seq: i64, at_row: i64, rows: i64) -> Origin {
    Origin { origin_id, load_id: commit_seq, commit_seq, at_row, first_row: 0, rows }
}

fn merged([first, second]: [i64; 2], rows: i64) -> Compaction {
    let origins = vec![origin(first, 1, 0, 2), origin(second, 2, 2, rows - 2)];
    Compaction {
        merged: vec![MergedFile { file: data_file("p/3", rows), origins }],
        removes: vec![first, second],
    }
}

on_both! {
    async fn files_are_exchanged_at_once_and_keep_their_origins(fixture) {
        let metadata = &fixture.metadata;
        let (old, load) = fixture.two_files_and_a_compaction().await;
        metadata.stage_compaction(load, &merged(old, 3)).await.expect("staged");
        assert_eq!(metadata.live_data_files("orders").await.expect("read").len(), 2);
        assert!(metadata.origins_of_table("orders").await.expect("read").is_empty(), "not live yet");
        let committed = metadata.commit(load).await.expect("committed");
        assert_eq!((committed.rows_written, committed.files), (3, 0));

        let live = metadata.live_data_files("orders").await.expect("read");
        let [one] = live.as_slice() else { panic!("{live:?}") };
        assert_eq!((one.file.first_commit_seq, one.file.last_commit_seq, one.commit_seq), (Some(1), Some(2), 3));
        let origins = metadata.origins_of_table("orders").await.expect("read");
        let short: Vec<_> = origins.iter().map(|row| (row.data_file_id, row.origin_id, row.at_row, row.rows)).collect();
        assert_eq!(short, [(one.file.id, old[0], 0, 2), (one.file.id, old[1], 2, 1)]);
        let of_first = metadata.data_files_with_rows_of(1).await.expect("read");
        assert_eq!(of_first, std::slice::from_ref(&one.file));

        assert!(metadata.removed_data_files().await.expect("read").is_empty(), "no rows were replaced");
        let replaced = metadata.compacted_data_files().await.expect("read");
        assert_eq!(replaced.iter().map(|row| row.id).collect::<Vec<_>>(), old);
        assert_eq!(metadata.forget_data_files(&old).await.expect("written"), 2);
        assert_eq!(fixture.count("data_file_origins").await, "2");
    }

    async fn a_compaction_that_loses_or_gains_a_row_is_refused(fixture) {
        let metadata = &fixture.metadata;
        let (old, load) = fixture.two_files_and_a_compaction().await;
        for (rows, found) in [(2, (3, 2)), (4, (3, 4))] {
            let error = metadata.stage_compaction(load, &merged(old, rows)).await.expect_err("refused");
            let MetadataError::Unbalanced { imbalance: Imbalance::Rows { carried, stored, .. }, .. } = error else {
                panic!("{error:?}")
            };
            assert_eq!((carried, stored), found);
        }
        let mut gap = merged(old, 3);
        gap.merged[0].origins.pop();
        let error = metadata.stage_compaction(load, &gap).await.expect_err("refused");
        assert_eq!(error.kind(), Kind::Internal, "{error:?}");
        metadata.stage_compaction(load, &merged(old, 3)).await.expect("staged");
        fixture.by_hand("UPDATE data_files SET rows = 4 WHERE state = 'pending'");
        let error = metadata.commit(load).await.expect_err("refused");
        assert!(matches!(error, MetadataError::Unbalanced { .. }), "{error:?}");
        assert_eq!(metadata.live_data_files("orders").await.expect("read").len(), 2);
    }

    async fn a_compaction_that_is_rolled_back_leaves_nothing_behind(fixture) {
        let metadata = &fixture.metadata;
        let (old, load) = fixture.two_files_and_a_compaction().await;
        metadata.stage_compaction(load, &merged(old, 3)).await.expect("staged");
        let other = metadata.begin_load(&new_load(LoadKind::Compaction, "owner-2")).await.expect("begun");
        let mut same = merged(old, 3);
        same.merged[0].file.path = "p/4".into();
        let error = metadata.stage_compaction(other, &same).await.expect_err("refused");
        assert!(matches!(error, MetadataError::DataFilesTaken { expected: 2, taken: 2, .. }), "{error:?}");

        metadata.roll_back(load, &[]).await.expect("rolled back");
        assert_eq!(metadata.load(load).await.expect("read").expect("there").state, LoadState::RolledBack);
        assert_eq!(fixture.count("data_file_origins").await, "0");
        metadata.stage_compaction(other, &same).await.expect("staged");
        metadata.commit(other).await.expect("committed");
        assert_eq!(metadata.live_data_files("orders").await.expect("read").len(), 1);
    }
}
