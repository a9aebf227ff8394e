//! Changes inside the text of a definition: what the operator wrote stays as it is, remarks and layout included.
//!
//! Both dialects. Whatever cannot be said by a small change inside the text is refused, in a sentence.

mod dialects;

use thiserror::Error;

use super::fault::DefinitionError;
use crate::schema::field::{Field, Kind, TableSchema};
use crate::schema::members::{self, SyntaxFault};
use crate::schema::place::Place;
use dialects::Document;

/// One change.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Adds fields to the record, or to the nested object at `parent`.
    Add { parent: Place, fields: Vec<Field> },
    /// Gives a field another type.
    Retype { place: Place, kind: Kind },
    /// Lets a field be null or absent.
    AdmitNull { place: Place },
    /// Puts another field in the place of one.
    Replace { place: Place, field: Box<Field> },
}

/// Why a definition cannot be changed this way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditFault {
    #[error(transparent)]
    Syntax(#[from] SyntaxFault),
    #[error(
        "the definition says nothing of its own about {place} (it may do so by reference); change it by hand"
    )]
    NoPlace { place: String },
    #[error("a JSON Schema has no word for this change of {place}; change it by hand")]
    NoWord { place: String },
    #[error("the definition would not be usable: {0}")]
    Unusable(#[from] DefinitionError),
}

/// The definition after all changes, and what it compiles to.
///
/// # Errors
/// A change has no place in the text, or what it gives is no definition.
pub fn apply(text: &str, edits: &[Edit]) -> Result<(String, TableSchema), EditFault> {
    let mut text = text.to_owned();
    for edit in edits {
        text = apply_one(&text, edit)?;
    }
    let compiled = super::compile(&text)?;
    Ok((text, compiled))
}

fn apply_one(text: &str, edit: &Edit) -> Result<String, EditFault> {
    let root = members::parse(text)?;
    let document = Document::of(text, &root);
    let splices = match edit {
        Edit::Add { parent, fields } => vec![document.add(parent, fields)?],
        Edit::Retype { place, kind } => document.retype(place, kind)?,
        Edit::AdmitNull { place } => document.admit_null(place)?,
        Edit::Replace { place, field } => vec![document.replace(place, field)?],
    };
    Ok(spliced(text, splices))
}

/// A range of the text and what stands there instead.
#[derive(Debug, Clone)]
struct Splice {
    start: usize,
    end: usize,
    text: String,
}

/// Later places first, so that the earlier ones stay where they are.
fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| std::cmp::Reverse(splice.start));
    let mut text = text.to_owned();
    for splice in splices {
        text.replace_range(splice.start..splice.end, &splice.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(name: &str, kind: Kind) -> Field {
        Field::plain(name, kind)
    }

    fn add(parent: &str, fields: Vec<Field>) -> Edit {
        Edit::Add { parent: Place::parse(parent), fields }
    }

    fn edited(text: &str, edit: Edit) -> String {
        match apply(text, &[edit]) {
            Ok((text, _)) => text,
            Err(fault) => format!("fault: {fault}"),
        }
    }

    const LINES: &str = "{\n  \"fields\": [\n    {\"name\": \"id\", \"type\": \"long\", \"comment\": \"ours\"}\n  ],\n  \"doc\": \"x\"\n}\n";

    #[test]
    fn new_fields_follow_the_layout_of_the_text() {
        assert_eq!(
            edited(LINES, add("", vec![plain("a", Kind::String), plain("b", Kind::Double)])),
            "{\n  \"fields\": [\n    {\"name\": \"id\", \"type\": \"long\", \"comment\": \"ours\"},\n    {\"name\": \"a\", \"type\": \"string\"},\n    {\"name\": \"b\", \"type\": \"double\"}\n  ],\n  \"doc\": \"x\"\n}\n"
        );
        assert_eq!(
            edited(r#"{"fields":[{"name":"id","type":"long"}]}"#, add("", vec![plain("a", Kind::String)])),
            r#"{"fields":[{"name":"id","type":"long"}, {"name": "a", "type": "string"}]}"#
        );
    }

    #[test]
    fn nested_objects_grow_where_they_are() {
        let text = r#"{"fields":[{"name":"l","type":"list","items":{"type":"struct","fields":[{"name":"x","type":"long"}]}},{"name":"m","type":{"type":"map","values":{"type":"struct","fields":[{"name":"y","type":"int"}]}}},{"name":"s","type":"long"}]}"#;
        for (parent, part) in [
            ("/l/*", r#"[{"name":"x","type":"long"}, {"name": "n", "type": "boolean"}]"#),
            ("/m/*", r#"[{"name":"y","type":"int"}, {"name": "n", "type": "boolean"}]"#),
            ("/s", "fault: the definition says nothing of its own about /s"),
            ("/gone", "fault: the definition says nothing of its own about /gone"),
        ] {
            let found = edited(text, add(parent, vec![plain("n", Kind::Boolean)]));
            assert!(found.contains(part), "{parent}: {found}");
        }
    }

    #[test]
    fn a_json_schema_grows_by_properties() {
        let text = r##"{"type":"object","properties":{"id":{"type":"integer"},"c":{"type":"object","properties":{"x":{}}},"r":{"$ref":"#/$defs/r"}},"$defs":{"r":{"type":"object","properties":{"q":{}}}}}"##;
        let decimal = Kind::Decimal { precision: 9, scale: 2 };
        let list = Kind::List(Box::new(plain("item", Kind::Date)));
        for (parent, field, part) in [
            ("", plain("n", Kind::Long), r#","n": {"type":["integer","null"]}}"#),
            ("", plain("n", decimal), r#","n": {}}"#),
            (
                "",
                plain("n", list),
                r#""n": {"type":["array","null"],"items":{"type":["string","null"],"format":"date"}}"#,
            ),
            ("/c", plain("n", Kind::String), r#"{"x":{},"n": {"type":["string","null"]}}"#),
            ("/r", plain("n", Kind::String), "fault: the definition says nothing of its own about /r"),
        ] {
            let found = edited(text, add(parent, vec![field]));
            assert!(found.contains(part), "{parent}: {found}");
        }
        let typed = apply(
            text,
            &[add(
                "",
                vec![plain(
                    "n",
                    Kind::Timestamp { resolution: crate::schema::field::Resolution::Micros, epoch: None },
                )],
            )],
        );
        let (_, schema) = typed.expect("usable");
        assert_eq!(
            schema.fields.last().map(|field| (field.kind.name(), field.nullable)),
            Some(("timestamp".into(), true))
        );
    }

    #[test]
    fn types_and_nulls_change_in_place() {
        let text = r#"{"fields":[{"name":"a","nullable":false,"type":"int"},{"name":"b","required":true,"type":"date"}]}"#;
        for (edit, expected) in [
            (
                Edit::Retype { place: Place::parse("/a"), kind: Kind::Long },
                r#"{"name":"a","nullable":false,"type":"long"}"#,
            ),
            (Edit::AdmitNull { place: Place::parse("/a") }, r#"{"name":"a","nullable":true,"type":"int"}"#),
            (Edit::AdmitNull { place: Place::parse("/b") }, r#"{"name":"b","required":false,"type":"date"}"#),
            (
                Edit::Replace {
                    place: Place::parse("/b"),
                    field: Box::new(Field { aliases: vec!["b".into()], ..plain("b_json", Kind::Json) }),
                },
                r#",{"name": "b_json", "type": "json", "aliases": ["b"]}]"#,
            ),
        ] {
            let found = edited(text, edit);
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_json_schema_changes_types_and_nulls_where_it_has_words() {
        let text = r#"{"type":"object","properties":{"a":{"type":"integer","format":"int32"},"b":{"type":["string","null"]}},"required":["a","b"]}"#;
        for (edit, expected) in [
            (Edit::Retype { place: Place::parse("/a"), kind: Kind::Long }, r#""format":"int64""#),
            (Edit::Retype { place: Place::parse("/a"), kind: Kind::Double }, r#"{"type":"number""#),
            (
                Edit::Retype { place: Place::parse("/b"), kind: Kind::Long },
                "fault: a JSON Schema has no word",
            ),
            (Edit::AdmitNull { place: Place::parse("/b") }, r#""required":["a"]"#),
            (Edit::AdmitNull { place: Place::parse("/a") }, r#""a":{"type":["integer","null"]"#),
        ] {
            let found = edited(text, edit);
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn what_would_not_compile_is_refused() {
        let found = edited(LINES, add("", vec![plain("ID", Kind::String)]));
        assert!(found.starts_with("fault: the definition would not be usable"), "{found}");
    }
}
