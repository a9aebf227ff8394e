//! [`TableSchema`] → the text of a dialect 1 definition, one field on a line.

use std::fmt::Write as _;

use crate::schema::field::{EpochUnit, Field, Kind, TableSchema};

/// Writes a schema as a definition. What a JSON Schema demands beyond the types of its columns has no place in
/// this dialect and is left out.
pub fn render(schema: &TableSchema) -> String {
    let mut text = render_fields(&schema.fields, &schema.primary_key_names());
    if schema.judges_rows() {
        text.truncate(text.len() - "\n}\n".len());
        write_demands(&mut text, schema);
        text.push_str("\n}\n");
    }
    text
}

fn write_demands(text: &mut String, schema: &TableSchema) {
    if !schema.unique.is_empty() {
        let key = |columns: &Vec<usize>| serde_json::json!(schema.names(columns)).to_string();
        let keys: Vec<_> = schema.unique.iter().map(key).collect();
        let _ = write!(text, ",\n  \"unique\": [{}]", keys.join(", "));
    }
    for (at, check) in schema.checks.iter().enumerate() {
        text.push_str(if at == 0 { ",\n  \"checks\": [\n    " } else { ",\n    " });
        let _ = write!(text, "{{\"name\": {}, \"expr\": {}}}", quoted(&check.name), quoted(&check.expr));
    }
    if !schema.checks.is_empty() {
        text.push_str("\n  ]");
    }
}

/// As [`render`], for fields that do not stand in a schema yet.
pub(in crate::schema) fn render_fields(fields: &[Field], primary_key: &[&str]) -> String {
    let mut text = String::from("{\n  \"fields\": ");
    write_fields(&mut text, fields, 2);
    if !primary_key.is_empty() {
        let names: Vec<_> = primary_key.iter().map(|name| quoted(name)).collect();
        // Writing into a String cannot fail; the same goes for every write below.
        let _ = write!(text, ",\n  \"primary_key\": [{}]", names.join(", "));
    }
    text.push_str("\n}\n");
    text
}

/// One field as an element of `fields`; its members, if it has any, are indented behind `indent` spaces.
pub(in crate::schema) fn render_field(field: &Field, indent: usize) -> String {
    let mut text = String::new();
    write_field(&mut text, field, indent);
    text
}

fn write_field(text: &mut String, field: &Field, indent: usize) {
    let _ = write!(text, "{{\"name\": {}, ", quoted(&field.name));
    write_type(text, field, indent);
    if !field.aliases.is_empty() {
        let aliases: Vec<_> = field.aliases.iter().map(|alias| quoted(alias)).collect();
        let _ = write!(text, ", \"aliases\": [{}]", aliases.join(", "));
    }
    if let Some(default) = &field.default {
        let _ = write!(text, ", \"default\": {default}");
    }
    text.push('}');
}

fn write_fields(text: &mut String, fields: &[Field], indent: usize) {
    if fields.is_empty() {
        text.push_str("[]");
        return;
    }
    text.push_str("[\n");
    for (at, field) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { ",\n" };
        let _ = write!(text, "{comma}{:width$}", "", width = indent + 2);
        write_field(text, field, indent + 2);
    }
    let _ = write!(text, "\n{:indent$}]", "");
}

/// Type, nullability and constraints: all that a list item has, too.
fn write_type(text: &mut String, field: &Field, indent: usize) {
    let _ = write!(text, "\"type\": \"{}\"", field.kind.name());
    match &field.kind {
        Kind::Timestamp { epoch: Some(unit), .. } => {
            let _ = write!(text, ", \"unit\": \"{}\"", unit_name(*unit));
        }
        Kind::Struct(fields) => {
            text.push_str(", \"fields\": ");
            write_fields(text, fields, indent);
        }
        Kind::List(element) | Kind::Map(element) => {
            text.push_str(", \"items\": ");
            write_element(text, element, indent);
        }
        _ => {}
    }
    if !field.nullable {
        text.push_str(", \"nullable\": false");
    }
    for (key, value) in &field.rules.written {
        let _ = write!(text, ", \"{key}\": {value}");
    }
}

fn write_element(text: &mut String, element: &Field, indent: usize) {
    let is_bare = element.nullable
        && element.rules.is_empty()
        && !matches!(
            element.kind,
            Kind::Struct(_) | Kind::List(_) | Kind::Map(_) | Kind::Timestamp { epoch: Some(_), .. }
        );
    if is_bare {
        text.push_str(&quoted(&element.kind.name()));
        return;
    }
    text.push('{');
    write_type(text, element, indent);
    text.push('}');
}

fn unit_name(unit: EpochUnit) -> &'static str {
    match unit {
        EpochUnit::Seconds => "s",
        EpochUnit::Millis => "ms",
        EpochUnit::Micros => "us",
        EpochUnit::Nanos => "ns",
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
