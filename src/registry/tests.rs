use chrono::DateTime;

use super::*;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"string"}]}"#;

/// A row as a bare INSERT makes it.
pub(crate) fn row(file_type: &str, status: TypeStatus) -> TypeRow {
    TypeRow {
        id: 1,
        table_name: file_type.into(),
        file_type: file_type.into(),
        status,
        schema_definition: FIELDS.into(),
        processing_config: "{}".into(),
        partition_column: "date".into(),
        file_pattern: None,
        processing_folder_path: None,
        description: None,
        schema_version: 1,
        status_reason: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

pub(crate) fn registry(rows: Vec<TypeRow>) -> Registry {
    Registry::build(rows, &Registry::default())
}

/// `type`, `?type key` of an unknown one, or `!type key` of an unsupported one.
fn detected(registry: &Registry, name: &str) -> String {
    match registry.detect(name) {
        Detection::Known { registered, .. } => registered.row.file_type.clone(),
        Detection::Unknown { type_key, .. } => format!("?{type_key}"),
        Detection::Unsupported { type_key } => format!("!{type_key}"),
    }
}

#[test]
fn a_name_belongs_to_a_pattern_then_to_its_key_then_to_the_longest_key_inside() {
    let pattern =
        TypeRow { file_pattern: Some("^feed-[0-9]+\\.txt$".into()), ..row("feed", TypeStatus::Active) };
    let registry = registry(vec![
        pattern,
        row("orders", TypeStatus::Active),
        row("orders_eu", TypeStatus::Inactive),
        row("car", TypeStatus::Active),
    ]);
    for (name, expected) in [
        ("feed-17.txt", "feed"),
        ("orders_20220606.json", "orders"),
        ("orders_eu_20220606.json", "orders_eu"),
        ("nightly_orders_eu_full_20220606.json", "orders_eu"),
        ("ORDERS-2022-06-06.JSON.GZ", "orders"),
        ("cargo_20220606.json", "?cargo"),
        ("orders_20220606.xml", "!orders"),
    ] {
        assert_eq!(detected(&registry, name), expected, "{name}");
    }
}

#[test]
fn the_pattern_gives_the_partition_time() {
    let pattern = r"^feed_(?<ts>\d{8})_of_\d{8}\.json$";
    let registry =
        registry(vec![TypeRow { file_pattern: Some(pattern.into()), ..row("feed", TypeStatus::Active) }]);
    let Detection::Known { time, .. } = registry.detect("feed_20220605_of_20230101.json") else {
        panic!("the pattern matches")
    };
    assert_eq!(time.map(|time| time.to_string()).as_deref(), Some("2022-06-05 00:00:00"));
}

#[test]
fn a_row_that_cannot_be_used_says_why() {
    let good = || row("orders", TypeStatus::Active);
    for (bad, reason) in [
        (TypeRow { schema_definition: "{".into(), ..good() }, "schema_definition"),
        (TypeRow { processing_config: r#"{"max_reject":1}"#.into(), ..good() }, "max_rejects"),
        (TypeRow { table_name: "files".into(), ..good() }, "table of the ledger"),
        (TypeRow { table_name: "../x".into(), ..good() }, "letters, digits and underscores"),
        (TypeRow { file_type: "Orders!".into(), ..good() }, "write \"orders\""),
        (TypeRow { file_pattern: Some("(".into()), ..good() }, "file_pattern"),
        (TypeRow { processing_folder_path: Some("../up".into()), ..good() }, "processing_folder_path"),
    ] {
        let told = compile(&bad).expect_err("not usable");
        assert!(told.contains(reason), "{told}");
    }
    assert!(compile(&good()).is_ok());
}

#[test]
fn only_usable_active_rows_load() {
    let broken = TypeRow { schema_definition: "{".into(), ..row("broken", TypeStatus::Active) };
    let registry = registry(vec![row("on", TypeStatus::Active), row("off", TypeStatus::Inactive), broken]);
    assert!(registry.active("on").is_some());
    assert!(registry.active("off").is_none() && registry.active("broken").is_none());
}
