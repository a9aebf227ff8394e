//! Types that Lakegate registers by itself.

use lakegate::metadata::types::{Author, NewType, TypeStatus};

use super::fixture::on_both;

fn inferred(table_name: &str, file_type: &str) -> NewType {
    NewType {
        table_name: table_name.into(),
        file_type: file_type.into(),
        status: TypeStatus::Inactive,
        schema_definition: "{}".into(),
        processing_config: "{}".into(),
        partition_column: "date".into(),
        description: None,
        file_pattern: None,
        author: Author::Inferred,
    }
}

on_both! {
    async fn a_type_registers_once_and_remembers_its_author(fixture) {
        let row = fixture.metadata.register_type(&inferred("orders", "orders")).await.expect("written");
        let row = row.expect("it is new");
        assert_eq!((row.table_name.as_str(), row.status, row.schema_version), ("orders", TypeStatus::Inactive, 1));
        let again = fixture.metadata.register_type(&inferred("orders", "orders")).await.expect("read");
        assert_eq!(again, None);
        let versions = fixture.metadata.schema_versions("orders").await.expect("read");
        assert_eq!(versions.iter().map(|version| version.author).collect::<Vec<_>>(), [Author::Inferred]);
    }

    async fn a_table_name_that_is_taken_gets_a_number(fixture) {
        fixture.by_hand(
            "INSERT INTO jobs (name, target_table, source_table, time_column, query)
             VALUES ('daily', 'daily', 'orders', 'at', 'SELECT 1')",
        );
        let mut names = Vec::new();
        for (table_name, file_type) in [("a", "a"), ("A", "b"), ("a", "c"), ("files", "d"), ("daily", "e")] {
            let row = fixture.metadata.register_type(&inferred(table_name, file_type)).await.expect("written");
            names.push(row.expect("it is new").table_name);
        }
        assert_eq!(names, ["a", "A_2", "a_3", "files_2", "daily_2"]);
        assert_eq!(fixture.metadata.type_by("a_3").await.expect("read").expect("there").file_type, "c");
        assert_eq!(fixture.metadata.type_by("c").await.expect("read").expect("there").table_name, "a_3");
    }

    async fn many_registrations_of_one_type_make_one_row(fixture) {
        let tries = (0..6).map(|_| {
            let metadata = fixture.metadata.clone();
            tokio::spawn(async move { metadata.register_type(&inferred("orders", "orders")).await })
        });
        let rows = futures::future::join_all(tries).await;
        let new = rows.into_iter().filter_map(|row| row.expect("no panic").expect("written")).count();
        assert_eq!(new, 1);
    }

    async fn a_reason_is_written_only_when_it_is_new(fixture) {
        let metadata = &fixture.metadata;
        let id = metadata.register_type(&inferred("a", "a")).await.expect("written").expect("new").id;
        assert!(!metadata.set_status_reason(id, None).await.expect("read"));
        assert!(metadata.set_status_reason(id, Some("broken\0JSON")).await.expect("written"));
        assert!(!metadata.set_status_reason(id, Some("broken\0JSON")).await.expect("read"));
        let row = metadata.type_by("a").await.expect("read").expect("there");
        assert_eq!(row.status_reason.as_deref(), Some("broken\u{fffd}JSON"));
        assert!(metadata.set_status_reason(id, None).await.expect("written"));
        assert!(metadata.set_status("a", TypeStatus::Active).await.expect("written"));
        assert!(!metadata.set_status("unknown", TypeStatus::Active).await.expect("read"));
    }

    async fn a_schema_changes_only_from_the_version_that_was_read(fixture) {
        let metadata = &fixture.metadata;
        let id = metadata.register_type(&inferred("a", "a")).await.expect("written").expect("new").id;
        let change = |from, text: &'static str| metadata.change_schema(id, from, text, Author::Evolved);
        assert_eq!(change(1, "[]").await.expect("written"), Some(2));
        assert_eq!(change(1, "[1]").await.expect("read"), None);
        assert_eq!(change(2, "[]").await.expect("read"), Some(2), "an equal definition is no change");
        let authors: Vec<_> =
            metadata.schema_versions("a").await.expect("read").iter().map(|version| version.author).collect();
        assert_eq!(authors, [Author::Inferred, Author::Evolved]);
    }
}
