//! How a definition grows by fields that records have and it does not. Pure.

use std::collections::{BTreeMap, HashSet};

use thiserror::Error;

use super::definition::edit::{self, Edit, EditFault};
use super::field::{Field, Kind, TableSchema};
use super::infer::name_beside;
use super::names;
use super::place::Place;

/// A definition with new fields.
#[derive(Debug)]
pub struct Grown {
    pub definition: String,
    pub schema: TableSchema,
    pub added: Vec<Added>,
    /// Fields that cannot become columns, and why.
    pub left_out: Vec<(Place, String)>,
}

/// One new field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Where records have it.
    pub place: Place,
    /// Its name, which differs from its key where the key cannot be one.
    pub name: String,
    pub kind: String,
}

/// Why a definition does not grow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("it has {has} columns, nested ones included, and {more} more would go past max_columns, {limit}")]
    TooManyColumns { has: usize, more: usize, limit: usize },
    #[error(transparent)]
    Edit(#[from] EditFault),
}

/// What a definition may not grow into.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    /// The name of the column that the folders have.
    pub partition_column: &'a str,
    /// Columns, nested ones included.
    pub max_columns: usize,
}

/// Adds nullable fields at their places, all of them or none.
///
/// # Errors
/// The definition would get too many columns; or its text cannot be changed at all.
pub fn grow(
    definition: &str,
    schema: &TableSchema,
    fields: &[(Place, Kind)],
    bounds: Bounds<'_>,
) -> Result<Grown, Refusal> {
    let has = schema.fields.iter().map(columns_of).sum();
    let more: usize = fields.iter().map(|(_, kind)| columns_below(kind)).sum();
    if has + more > bounds.max_columns {
        return Err(Refusal::TooManyColumns { has, more, limit: bounds.max_columns });
    }
    let mut groups: BTreeMap<Place, Vec<(&Place, &str, &Kind)>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (place, kind) in fields {
        match place.split_name() {
            Some((parent, name)) => groups.entry(parent).or_default().push((place, name, kind)),
            None => left_out.push((place.clone(), "it has no name".to_owned())),
        }
    }
    let (mut definition, mut compiled) = edit::apply(definition, &[])?;
    let mut added = Vec::new();
    for (parent, members) in groups {
        let Some(siblings) = parent.siblings(&compiled.fields) else {
            let why = || format!("{parent} is no object in the schema");
            left_out.extend(members.into_iter().map(|(place, ..)| (place.clone(), why())));
            continue;
        };
        let is_root = parent.steps().is_empty();
        let mut names = Names::beside(siblings, is_root.then_some(bounds.partition_column));
        let mut new = Vec::new();
        for (place, key, kind) in members {
            match names.field(key, kind, is_root && compiled.judge.is_none()) {
                Ok(field) => new.push((place, field)),
                Err(why) => left_out.push((place.clone(), why.to_owned())),
            }
        }
        let fields: Vec<Field> = new.iter().map(|(_, field)| field.clone()).collect();
        if fields.is_empty() {
            continue;
        }
        match edit::apply(&definition, &[Edit::Add { parent, fields }]) {
            Ok(grown) => {
                (definition, compiled) = grown;
                added.extend(new.into_iter().map(|(place, field)| Added {
                    place: place.clone(),
                    kind: field.kind.name(),
                    name: field.name,
                }));
            }
            Err(fault) => {
                left_out.extend(new.into_iter().map(|(place, _)| (place.clone(), fault.to_string())))
            }
        }
    }
    Ok(Grown { definition, schema: compiled, added, left_out })
}

/// Names that are taken among the members of one object.
struct Names {
    taken: HashSet<String>,
}

impl Names {
    fn beside(siblings: &[Field], partition_column: Option<&str>) -> Names {
        let own = siblings.iter().flat_map(|field| field.aliases.iter().chain([&field.name]));
        Names { taken: own.map(String::as_str).chain(partition_column).map(names::folded).collect() }
    }

    /// A field for a key. Only columns can have another name than their key, and only in the dialect that has aliases.
    fn field(&mut self, key: &str, kind: &Kind, may_rename: bool) -> Result<Field, &'static str> {
        let name = name_beside(key, &self.taken);
        if name != key && !may_rename {
            return Err(
                "its key cannot be a name here, or differs from another one only in upper and lower case",
            );
        }
        if key.len() > names::MAX_LENGTH {
            return Err("its key is longer than the name of a column may be");
        }
        self.taken.insert(names::folded(&name));
        let aliases = if name == key { Vec::new() } else { vec![key.to_owned()] };
        Ok(Field { aliases, ..Field::plain(&name, kind.clone()) })
    }
}

/// A field and all fields inside it.
fn columns_of(field: &Field) -> usize {
    columns_below(&field.kind)
}

fn columns_below(kind: &Kind) -> usize {
    1 + match kind {
        Kind::Struct(members) => members.iter().map(columns_of).sum(),
        Kind::List(element) | Kind::Map(element) => columns_of(element),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::definition::compile;

    const FIELDS: &str = r#"{"fields":[{"name":"Id","type":"long"},{"name":"c","type":"struct","fields":[{"name":"x","type":"long"}]}]}"#;
    const BOUNDS: Bounds<'_> = Bounds { partition_column: "date", max_columns: 10 };

    fn grown(definition: &str, fields: &[(&str, Kind)], bounds: Bounds<'_>) -> Result<Grown, Refusal> {
        let fields: Vec<_> = fields.iter().map(|(place, kind)| (Place::parse(place), kind.clone())).collect();
        grow(definition, &compile(definition).expect("a definition"), &fields, bounds)
    }

    #[test]
    fn fields_are_added_where_they_were_seen_under_names_that_can_be_columns() {
        let fields = [
            ("/date", Kind::Date),
            ("/c/y", Kind::Boolean),
            ("/ID", Kind::String),
            ("/c/X", Kind::Long),
            ("/_load_id", Kind::Long),
        ];
        let grown = grown(FIELDS, &fields, BOUNDS).expect("room");
        let told: Vec<_> = grown
            .added
            .iter()
            .map(|added| format!("{} {} {}", added.place, added.name, added.kind))
            .collect();
        assert_eq!(
            told,
            ["/date date_2 date", "/ID ID_2 string", "/_load_id load_id long", "/c/y y boolean"]
        );
        assert_eq!(grown.left_out.len(), 1, "{:?}", grown.left_out);
        let column = |key: &str| grown.schema.fields.iter().position(|field| field.answers_to(key));
        assert_eq!(
            [column("date"), column("ID"), column("Id"), column("_load_id")],
            [Some(2), Some(3), Some(0), Some(4)]
        );
    }

    #[test]
    fn past_the_limit_nothing_is_added() {
        let structure = Kind::Struct(vec![Field::plain("a", Kind::Long), Field::plain("b", Kind::Long)]);
        let few = Bounds { max_columns: 5, ..BOUNDS };
        let refused = grown(FIELDS, &[("/s", structure)], few).expect_err("too many");
        assert_eq!(refused, Refusal::TooManyColumns { has: 3, more: 3, limit: 5 });
        assert!(grown(FIELDS, &[("/a", Kind::Long), ("/b", Kind::Long)], few).is_ok());
    }

    #[test]
    fn a_json_schema_takes_only_keys_that_can_be_names() {
        let text = r#"{"type":"object","properties":{"id":{"type":"integer"}}}"#;
        let grown = grown(text, &[("/ID", Kind::Long), ("/n", Kind::Long)], BOUNDS).expect("room");
        assert_eq!(grown.added.len(), 1);
        assert_eq!(grown.left_out.len(), 1);
        assert!(grown.definition.contains(r#""n": {"type":["integer","null"]}"#), "{}", grown.definition);
    }
}
