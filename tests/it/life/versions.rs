//! Every change of a definition is a version, whoever makes it, and every load names the one that it used.

use crate::ingest::bench::Bench;
use crate::metadata::fixture::on_both;
use lakegate::metadata::types::{Author, NewType, TypeStatus};

const ONE: &str = r#"{"fields":[{"name":"id","type":"long"}]}"#;
const TWO: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"string"}]}"#;

#[test]
fn each_load_names_the_version_that_it_used() {
    let bench = Bench::with_type(ONE, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1}]"#)]);
    let update = format!("UPDATE table_metadata SET schema_definition = '{TWO}' WHERE file_type = 't'");
    assert_eq!(bench.place.run(&["sql", &update]).code, 0);
    // The same text again is no change.
    assert_eq!(bench.place.run(&["sql", &update]).code, 0);
    bench.load(&[("t_20220102.json", br#"[{"id":2,"v":"x"}]"#)]);
    assert_eq!(
        bench.rows("SELECT schema_version AS v, state FROM loads ORDER BY id"),
        [r#"{"v":1,"state":"committed"}"#, r#"{"v":2,"state":"committed"}"#]
    );
    assert_eq!(
        bench.rows("SELECT schema_version AS v, author AS by FROM schema_versions ORDER BY id"),
        [r#"{"v":1,"by":"operator"}"#, r#"{"v":2,"by":"operator"}"#]
    );
    assert_eq!(
        bench.rows("SELECT id, v FROM t ORDER BY id"),
        [r#"{"id":1,"v":null}"#, r#"{"id":2,"v":"x"}"#]
    );
}

#[test]
fn an_inferred_schema_says_so() {
    let bench = Bench::new();
    bench.load(&[("new_20220101.json", br#"[{"id":1}]"#)]);
    assert_eq!(
        bench.rows("SELECT file_type AS t, schema_version AS v, author AS by FROM schema_versions"),
        [r#"{"t":"new","v":1,"by":"inferred"}"#]
    );
}

on_both! {
    /// Whoever writes the row, with whatever statement.
    async fn other_clients_make_versions_too(fixture) {
        fixture.by_hand(&format!(
            "INSERT INTO table_metadata (table_name, file_type, schema_definition) VALUES ('t', 't', '{ONE}')"
        ));
        fixture.by_hand(&format!("UPDATE table_metadata SET schema_definition = '{TWO}', schema_version = 99"));
        fixture.by_hand("UPDATE table_metadata SET schema_version = 7, description = 'x'");
        fixture.by_hand("DELETE FROM table_metadata");
        fixture.by_hand(&format!(
            "INSERT INTO table_metadata (table_name, file_type, schema_definition, schema_version) VALUES ('t', 't', '{ONE}', 1)"
        ));
        let versions = fixture.metadata.schema_versions("t").await.expect("versions");
        let told: Vec<_> = versions.iter().map(|v| (v.schema_version, v.schema_definition.as_str(), v.author)).collect();
        assert_eq!(told, [(1, ONE, Author::Operator), (2, TWO, Author::Operator), (3, ONE, Author::Operator)]);
        let row = fixture.metadata.type_by("t").await.expect("read").expect("a type");
        assert_eq!(row.schema_version, 3);
    }

    /// The version is the lock.
    async fn of_two_who_change_a_schema_at_once_one_is_told(fixture) {
        let new = NewType {
            table_name: "t".into(),
            file_type: "t".into(),
            status: TypeStatus::Active,
            schema_definition: ONE.into(),
            processing_config: "{}".into(),
            partition_column: "date".into(),
            description: None,
            file_pattern: None,
            author: Author::Inferred,
        };
        let row = fixture.metadata.register_type(&new).await.expect("registered").expect("new");
        let three = r#"{"fields":[{"name":"id","type":"long"},{"name":"w","type":"string"}]}"#;
        let (first, second) = tokio::join!(
            fixture.metadata.change_schema(row.id, row.schema_version, TWO, Author::Evolved),
            fixture.metadata.change_schema(row.id, row.schema_version, three, Author::Evolved),
        );
        let mut changed = [first.expect("asked"), second.expect("asked")];
        changed.sort();
        assert_eq!(changed, [None, Some(2)]);
        let versions = fixture.metadata.schema_versions("t").await.expect("versions");
        let authors: Vec<_> = versions.iter().map(|version| version.author).collect();
        assert_eq!(authors, [Author::Inferred, Author::Evolved]);
    }
}
