//! The feed of changes.

use std::time::Duration;

use lakegate::metadata::changes::Changes;

use super::fixture::on_both;

/// What the product promises to an operator.
const PROMISE: Duration = Duration::from_secs(2);

async fn wakes(changes: &mut Changes) -> bool {
    tokio::time::timeout(PROMISE, changes.next()).await.is_ok()
}

on_both! {
    async fn what_an_operator_changes_wakes_the_reader_within_two_seconds(fixture) {
        let mut changes = fixture.metadata.changes();
        assert!(wakes(&mut changes).await, "once at the beginning");
        for sql in [
            "INSERT INTO table_metadata (table_name, file_type, schema_definition) VALUES ('a', 'a', '{}')",
            "UPDATE table_metadata SET status = 'inactive' WHERE file_type = 'a'",
            "DELETE FROM table_metadata WHERE file_type = 'a'",
            "INSERT INTO jobs (name, target_table, source_table, time_column, query)
             VALUES ('daily', 'daily', 'a', 'at', 'SELECT 1')",
            "UPDATE jobs SET status = 'paused'",
            "DELETE FROM jobs",
        ] {
            fixture.by_hand(sql);
            assert!(wakes(&mut changes).await, "{sql}");
        }
        fixture.metadata.execute_dml("DELETE FROM jobs").await.expect("nothing to delete");
        fixture.queued(&["a.json"]).await;
    }

    async fn a_cancelled_wait_loses_nothing(fixture) {
        let mut changes = fixture.metadata.changes();
        assert!(wakes(&mut changes).await);
        let insert = "INSERT INTO table_metadata (table_name, file_type, schema_definition) VALUES ('a', 'a', '{}')";
        fixture.by_hand(insert);
        for _ in 0..2000 {
            if tokio::time::timeout(Duration::from_millis(1), changes.next()).await.is_ok() {
                return;
            }
        }
        panic!("the change was never announced");
    }

    async fn work_on_files_wakes_nobody(fixture) {
        let mut changes = fixture.metadata.changes();
        assert!(wakes(&mut changes).await);
        fixture.queued(&["a.json", "b.json"]).await;
        let (load, _) = fixture.staged(&["c.json"], "p/1").await;
        fixture.metadata.commit(load).await.expect("committed");
        assert!(tokio::time::timeout(Duration::from_millis(700), changes.next()).await.is_err());
    }
}
