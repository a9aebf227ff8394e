//! Migrations: applied once, whoever starts at the same time.

use lakegate::metadata::{Kind, Metadata};

use super::cluster::Cluster;
use super::fixture::Fixture;

async fn eight_start_at_once(url: &str) {
    let starts = (0..8).map(|_| {
        let url = url.to_owned();
        tokio::spawn(async move {
            let metadata = Metadata::connect(&url).await.expect("connected");
            metadata.migrate().await.expect("migrated")
        })
    });
    let applied: Vec<_> =
        futures::future::join_all(starts).await.into_iter().map(|one| one.expect("no panic")).collect();
    let workers = applied.iter().filter(|names| !names.is_empty()).count();
    assert_eq!(workers, 1, "{applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_on_a_new_sqlite_file_all_succeed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    eight_start_at_once(&format!("sqlite://{}", folder.path().join("metadata.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_on_a_new_postgres_database_all_succeed() {
    eight_start_at_once(&Cluster::shared().database()).await;
}

async fn nothing_is_created_by_asking(fixture: Fixture) {
    let pending = fixture.metadata.pending().await.expect("read");
    assert_eq!(
        pending,
        [
            "m0001_ledger",
            "m0002_compaction",
            "m0003_indexes",
            "m0004_second_chances",
            "m0005_drift",
            "m0006_alerts",
            "m0007_control"
        ]
    );
    assert_eq!(fixture.metadata.pending().await.expect("read"), pending);
    let error = fixture.metadata.live_files().await.expect_err("no tables yet");
    assert_eq!(error.hint(), Some("run `lakegate migrate`"), "{error:?}");
    assert_eq!(fixture.metadata.migrate().await.expect("migrated"), pending);
    assert!(fixture.metadata.migrate().await.expect("migrated").is_empty());
    assert!(fixture.metadata.pending().await.expect("read").is_empty());
    fixture.metadata.ping().await.expect("alive");
}

#[tokio::test]
async fn what_is_pending_can_be_asked_on_sqlite() {
    nothing_is_created_by_asking(Fixture::empty_sqlite().await).await;
}

#[tokio::test]
async fn what_is_pending_can_be_asked_on_postgres() {
    nothing_is_created_by_asking(Fixture::at(Cluster::shared().database()).await).await;
}

#[tokio::test]
async fn a_database_from_the_future_is_left_alone() {
    let fixture = Fixture::sqlite().await;
    fixture.by_hand("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)");
    let error = fixture.metadata.migrate().await.expect_err("refused");
    assert_eq!(error.kind(), Kind::User);
    assert!(error.to_string().contains("m9999_future"), "{error}");
}
