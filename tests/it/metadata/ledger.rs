//! The ledger as SQL users read it.

use lakegate::metadata::Kind;
use lakegate::metadata::ledger::{LedgerValue, ledger_tables};

use super::fixture::on_both;

on_both! {
    async fn every_table_and_column_of_the_ledger_can_be_read(fixture) {
        for table in ledger_tables() {
            let columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            let page = fixture.metadata.read_table(table.name, &columns, 0, 10).await.expect(table.name);
            assert!(page.rows.is_empty() && page.last_id.is_none());
        }
    }

    async fn a_table_is_read_page_by_page(fixture) {
        let names: Vec<_> = (0..5).map(|n| format!("{n}.json")).collect();
        fixture.queued(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut after = 0;
        let mut read = Vec::new();
        loop {
            let columns = ["name", "bytes", "path", "seen_at"];
            let page = fixture.metadata.read_table("files", &columns, after, 2).await.expect("read");
            let Some(last) = page.last_id else { break };
            after = last;
            read.extend(page.rows);
        }
        assert_eq!(read.len(), 5);
        assert_eq!(read[4][..3], [LedgerValue::Text("4.json".into()), LedgerValue::Integer(10), LedgerValue::Null]);
        assert!(matches!(read[4][3], LedgerValue::Time(_)));
    }

    async fn a_name_that_the_ledger_does_not_have_is_refused(fixture) {
        for (table, column) in [("files; DROP TABLE files", "id"), ("counters", "name"), ("files", "id, name")] {
            let error = fixture.metadata.read_table(table, &[column], 0, 1).await.expect_err("refused");
            assert_eq!(error.kind(), Kind::User);
        }
    }

    async fn a_statement_that_fails_changes_nothing(fixture) {
        fixture.queued(&["a.json"]).await;
        for sql in ["UPDATE files SET nonsense = 1", "UPDATE files SET state = 'lost'", "COMMIT", "not SQL"] {
            let error = fixture.metadata.execute_dml(sql).await.err();
            assert!(sql == "COMMIT" || error.is_some_and(|error| error.kind() == Kind::User), "{sql}");
        }
        let changed = fixture.metadata.execute_dml("UPDATE files SET name = 'b.json'").await.expect("changed");
        assert_eq!(changed, 1);
        assert_eq!(fixture.by_hand("SELECT name FROM files"), "b.json");
    }
}
