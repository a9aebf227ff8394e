//! `lakegate types show`

use serde_json::{Value, json};

use super::find;
use super::rejects::Rejects;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json, time};
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::metadata::types::{SchemaVersionRow, TypeRow};
use crate::printable::{escape, escape_lines};
use crate::schema::checks::Check;
use crate::schema::definition;
use crate::schema::field::{Field, Kind, TableSchema};
use crate::schema::processing_config::ProcessingConfig;

pub(super) async fn run(name: &str, json: bool, session: &Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let row = find(&metadata, name).await?;
    let versions = metadata.schema_versions(&row.file_type).await?;
    let rejects = Rejects::of(&metadata, &row, session).await?;
    if json {
        let mut whole = to_json(&row, &versions);
        whole["rejects"] = rejects.to_json();
        print_json(&whole)?;
    } else {
        print(&to_text(&row, &versions, &rejects, session))?;
    }
    Ok(Exit::Done)
}

fn to_text(row: &TypeRow, versions: &[SchemaVersionRow], rejects: &Rejects, session: &Session) -> String {
    let mut text = head(row, rejects);
    match definition::compile(&row.schema_definition) {
        Ok(schema) => {
            let mut table = Columns::new(&session.terminal, &["column", "type", "nullable", "constraints"]);
            let defined: Value = serde_json::from_str(&definition::render(&schema)).unwrap_or_default();
            for line in lines(&schema.fields, &defined["fields"], &schema.primary_key_names(), 0) {
                table.row(line);
            }
            text += &format!("\n{}", table.render());
            text += &demands(&schema, session);
        }
        Err(error) => text += &format!("\nThe schema cannot be used: {}\n", escape_lines(&error.to_string())),
    }
    let mut history = Columns::new(&session.terminal, &["version", "since", "by"]);
    for version in versions {
        history.row([
            version.schema_version.to_string(),
            time(version.created_at),
            version.author.to_string(),
        ]);
    }
    text += &format!("\n{}", history.render());
    text + &format!("\nThe SQL that recreates it:\n\n{}", escape_lines(&insert_statement(row)))
}

/// Unique keys and checks, if there are any.
fn demands(schema: &TableSchema, session: &Session) -> String {
    let mut text = String::new();
    let mut keys = Columns::new(&session.terminal, &["unique"]);
    for key in &schema.unique {
        keys.row([schema.names(key).join(", ")]);
    }
    let mut checks = Columns::new(&session.terminal, &["check", "expression"]);
    for check in &schema.checks {
        checks.row([check.name.clone(), check.expr.clone()]);
    }
    for (is_empty, mut table) in [(schema.unique.is_empty(), keys), (schema.checks.is_empty(), checks)] {
        if !is_empty {
            text += &format!("\n{}", table.render());
        }
    }
    text
}

fn head(row: &TypeRow, rejects: &Rejects) -> String {
    let mut text = format!("{} ({}, version {})\n", escape(&row.file_type), row.status, row.schema_version);
    let lines = [
        ("table", Some(row.table_name.clone())),
        ("partition column", Some(row.partition_column.clone())),
        ("files match", row.file_pattern.clone()),
        ("folder", row.processing_folder_path.clone()),
        ("config", Some(row.processing_config.clone()).filter(|config| config.trim() != "{}")),
        ("reads JSON", reads_leniently(row).then(|| "leniently".into())),
        ("about", row.description.clone()),
        ("not used because", row.status_reason.clone()),
        ("open rejects", rejects.told(&row.file_type)),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            text += &format!("  {label:<17} {}\n", escape(&value));
        }
    }
    text
}

fn reads_leniently(row: &TypeRow) -> bool {
    ProcessingConfig::parse(&row.processing_config).is_ok_and(|config| config.lenient)
}

/// One line for each column; the members of a nested one follow it, indented.
fn lines(fields: &[Field], defined: &Value, key: &[&str], depth: usize) -> Vec<[String; 4]> {
    let mut lines = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        lines.push([
            format!("{}{}", "  ".repeat(depth), field.name),
            short_type(field),
            if field.nullable { "yes" } else { "no" }.into(),
            constraints(field, &defined[at], key).join(", "),
        ]);
        let (members, defined) = members(field, &defined[at]);
        lines.extend(self::lines(members, defined, &[], depth + 1));
    }
    lines
}

/// The members of a struct, also inside lists and maps, with their definitions.
fn members<'f>(field: &'f Field, defined: &'f Value) -> (&'f [Field], &'f Value) {
    match &field.kind {
        Kind::Struct(members) => (members, &defined["fields"]),
        Kind::List(item) | Kind::Map(item) => members(item, &defined["items"]),
        _ => (&[], &Value::Null),
    }
}

/// The type without the members of structs.
fn short_type(field: &Field) -> String {
    match &field.kind {
        Kind::List(item) => format!("list<{}>", short_type(item)),
        Kind::Map(value) => format!("map<string, {}>", short_type(value)),
        kind => kind.name(),
    }
}

/// A nested type with its members, as one reads it in SQL.
fn type_text(field: &Field) -> String {
    match &field.kind {
        Kind::Struct(members) => {
            let members: Vec<String> =
                members.iter().map(|member| format!("{} {}", member.name, type_text(member))).collect();
            format!("struct<{}>", members.join(", "))
        }
        Kind::List(item) => format!("list<{}>", type_text(item)),
        Kind::Map(value) => format!("map<string, {}>", type_text(value)),
        kind => kind.name(),
    }
}

/// What a column demands beyond its type, as its definition says it.
fn constraints(field: &Field, defined: &Value, key: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    if key.contains(&field.name.as_str()) {
        all.push("primary key".into());
    }
    let told = |(name, _): &(&String, &Value)| {
        !matches!(name.as_str(), "name" | "type" | "nullable" | "fields" | "items")
    };
    all.extend(
        defined.as_object().into_iter().flatten().filter(told).map(|(name, value)| format!("{name} {value}")),
    );
    all
}

/// One INSERT that works on SQLite and PostgreSQL.
fn insert_statement(row: &TypeRow) -> String {
    let columns = [
        ("table_name", Some(row.table_name.as_str())),
        ("file_type", Some(row.file_type.as_str())),
        ("status", Some(row.status.as_str())),
        ("schema_definition", Some(row.schema_definition.as_str())),
        ("processing_config", Some(row.processing_config.as_str())),
        ("partition_column", Some(row.partition_column.as_str())),
        ("file_pattern", row.file_pattern.as_deref()),
        ("processing_folder_path", row.processing_folder_path.as_deref()),
        ("description", row.description.as_deref()),
    ];
    let set: Vec<(&str, String)> =
        columns.into_iter().filter_map(|(name, value)| Some((name, quoted(value?)))).collect();
    let names: Vec<&str> = set.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = set.iter().map(|(_, value)| value.as_str()).collect();
    format!("INSERT INTO table_metadata ({})\nVALUES ({});\n", names.join(", "), values.join(", "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn to_json(row: &TypeRow, versions: &[SchemaVersionRow]) -> Value {
    let schema = definition::compile(&row.schema_definition);
    let columns = schema.as_ref().ok().map(|schema| {
        let defined: Value = serde_json::from_str(&definition::render(schema)).unwrap_or_default();
        let column = |(at, field): (usize, &Field)| {
            json!({
                "name": field.name,
                "type": type_text(field),
                "nullable": field.nullable,
                "constraints": constraints(field, &defined["fields"][at], &schema.primary_key_names()),
            })
        };
        schema.fields.iter().enumerate().map(column).collect::<Vec<_>>()
    });
    let unique = schema
        .as_ref()
        .ok()
        .map(|schema| schema.unique.iter().map(|key| json!(schema.names(key))).collect::<Vec<_>>());
    let checks = schema.as_ref().ok().map(|schema| {
        let check = |check: &Check| json!({"name": check.name, "expr": check.expr});
        schema.checks.iter().map(check).collect::<Vec<_>>()
    });
    let version = |version: &SchemaVersionRow| {
        json!({
            "schema_version": version.schema_version,
            "created_at": time(version.created_at),
            "author": version.author.as_str(),
        })
    };
    json!({
        "file_type": row.file_type,
        "table_name": row.table_name,
        "status": row.status.as_str(),
        "status_reason": row.status_reason,
        "schema_version": row.schema_version,
        "columns": columns,
        "unique": unique,
        "checks": checks,
        "schema_error": schema.as_ref().err().map(ToString::to_string),
        "schema_definition": json_or_text(&row.schema_definition),
        "lenient": reads_leniently(row),
        "processing_config": json_or_text(&row.processing_config),
        "partition_column": row.partition_column,
        "file_pattern": row.file_pattern,
        "processing_folder_path": row.processing_folder_path,
        "description": row.description,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "schema_versions": versions.iter().map(version).collect::<Vec<_>>(),
        "insert": insert_statement(row),
    })
}

fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_value_stay_inside_it() {
        assert_eq!(quoted("it's"), "'it''s'");
    }
}
