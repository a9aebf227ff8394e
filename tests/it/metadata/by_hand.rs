//! Plain SQL is the operator's interface: what a person writes with `sqlite3` or `psql` while Lakegate runs.

use lakegate::metadata::Kind;
use lakegate::metadata::types::{Author, TypeStatus};

use super::fixture::{Fixture, on_both};

const INSERT: &str = "INSERT INTO table_metadata (table_name, file_type, schema_definition)
    VALUES ('orders', 'orders', '{\"fields\":[]}')";

on_both! {
    async fn a_bare_insert_is_a_complete_type(fixture) {
        fixture.by_hand(INSERT);
        let types = fixture.metadata.types().await.expect("read");
        assert_eq!(types.len(), 1);
        let orders = &types[0];
        assert_eq!((orders.table_name.as_str(), orders.file_type.as_str()), ("orders", "orders"));
        assert_eq!(orders.status, TypeStatus::Active);
        assert_eq!((orders.processing_config.as_str(), orders.partition_column.as_str()), ("{}", "date"));
        assert_eq!((orders.schema_version, orders.status_reason.as_deref()), (1, None));
        let age = chrono::Utc::now() - orders.created_at;
        assert!(age.num_seconds().abs() < 60, "{}", orders.created_at);
        let versions = fixture.metadata.schema_versions("orders").await.expect("read");
        assert_eq!(versions.len(), 1);
        assert_eq!((versions[0].schema_version, versions[0].author), (1, Author::Operator));
    }

    async fn updated_at_is_kept_by_the_database(fixture) {
        fixture.by_hand(INSERT);
        fixture.by_hand(
            "INSERT INTO jobs (name, target_table, source_table, time_column, query)
             VALUES ('daily', 'daily', 'orders', 'at', 'SELECT 1')",
        );
        for table in ["table_metadata", "jobs"] {
            fixture.by_hand(&format!("UPDATE {table} SET updated_at = '2001-01-01T00:00:00.000Z'"));
            fixture.by_hand(&format!("UPDATE {table} SET description = 'changed'"));
            let year = fixture.by_hand(&format!("SELECT substr(CAST(updated_at AS text), 1, 4) FROM {table}"));
            assert_ne!(year, "2001", "{table}");
        }
    }

    async fn each_change_of_a_definition_is_a_new_version_and_none_comes_back(fixture) {
        let version = |file_type: &str| {
            fixture.by_hand(&format!("SELECT schema_version FROM table_metadata WHERE file_type = '{file_type}'"))
        };
        fixture.by_hand(INSERT);
        fixture.by_hand("UPDATE table_metadata SET schema_definition = '{}'");
        assert_eq!(version("orders"), "2");
        fixture.by_hand("UPDATE table_metadata SET schema_definition = '{}', description = 'the same'");
        assert_eq!(version("orders"), "2", "an equal definition is no change");
        fixture.by_hand("UPDATE table_metadata SET schema_version = 7");
        assert_eq!(version("orders"), "2", "the number is the database's business");
        fixture.by_hand("UPDATE table_metadata SET schema_version = 7, schema_definition = '[]'");
        assert_eq!(version("orders"), "3");
        fixture.by_hand("DELETE FROM table_metadata");
        fixture.by_hand(INSERT);
        assert_eq!(version("orders"), "4", "also after the type came back");
        fixture.by_hand("UPDATE table_metadata SET file_type = 'sales'");
        assert_eq!(version("sales"), "1");
        let versions = fixture.metadata.schema_versions("orders").await.expect("read");
        let numbers: Vec<_> = versions.iter().map(|version| version.schema_version).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(versions[2].schema_definition, "[]");
    }

    async fn a_word_that_is_no_status_is_refused(fixture) {
        fixture.by_hand(INSERT);
        let sql = "UPDATE table_metadata SET status = 'aktive'";
        let error = fixture.metadata.execute_dml(sql).await.expect_err("refused");
        assert_eq!(error.kind(), Kind::User, "{error}");
        let sql = "UPDATE table_metadata SET status = 'paused'";
        assert_eq!(fixture.metadata.execute_dml(sql).await.expect("changed"), 1);
        assert_eq!(fixture.metadata.types().await.expect("read")[0].status, TypeStatus::Paused);
    }
}

#[tokio::test]
async fn sqlite_may_hold_anything_and_is_still_read() {
    let fixture = Fixture::sqlite().await;
    fixture.by_hand(INSERT);
    // readfile() gives a BLOB; here one that is not even text.
    fixture.by_hand("UPDATE table_metadata SET schema_definition = X'7BFF7D', description = X'6869'");
    fixture.by_hand("UPDATE table_metadata SET created_at = 'yesterday', schema_version = 'seven'");
    let types = fixture.metadata.types().await.expect("read");
    assert_eq!(types[0].schema_definition, "{\u{fffd}}");
    assert_eq!(types[0].description.as_deref(), Some("hi"));
    assert_eq!(types[0].schema_version, 2);
}

#[tokio::test]
async fn triggers_end_in_a_client_that_lets_them_recurse() {
    let fixture = Fixture::sqlite().await;
    fixture.by_hand(INSERT);
    let sql = "PRAGMA recursive_triggers = ON; UPDATE table_metadata SET schema_definition = '[]';";
    fixture.by_hand(sql);
    fixture.by_hand(&format!("PRAGMA recursive_triggers = ON; {}", INSERT.replace("INSERT", "REPLACE")));
    assert_eq!(fixture.metadata.types().await.expect("read")[0].schema_version, 3);
}
