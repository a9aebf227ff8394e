//! Where a field is in its schema: the way of names from a record's root, through every element of lists and maps.

use std::fmt;

use super::field::{Field, Kind};

/// A field's place. `Display` and [`Place::parse`] use RFC 6901 pointers, with `*` for each element of a list or map.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The member of an object: the name of the field, or the key where no field has it.
    Member(String),
    /// Each element of a list, or each value of a map.
    Each,
}

impl Place {
    pub fn root() -> Place {
        Place::default()
    }

    pub fn member(&self, name: &str) -> Place {
        self.with(Step::Member(name.to_owned()))
    }

    pub fn each(&self) -> Place {
        self.with(Step::Each)
    }

    fn with(&self, step: Step) -> Place {
        Place { steps: self.steps.iter().cloned().chain([step]).collect() }
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Goes one step deeper, for walks that come back with [`Self::pop`].
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub fn pop(&mut self) {
        self.steps.pop();
    }

    /// The place around, and the name in it; `None` for the root and for elements.
    pub fn split_name(&self) -> Option<(Place, &str)> {
        match self.steps.split_last()? {
            (Step::Member(name), above) => Some((Place { steps: above.to_vec() }, name)),
            (Step::Each, _) => None,
        }
    }

    /// The names on the way, when it leads through objects alone.
    pub fn names(&self) -> Option<Vec<&str>> {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Member(name) => Some(name.as_str()),
                Step::Each => None,
            })
            .collect()
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Place {
        let step = |token: &str| match token {
            "*" => Step::Each,
            token => Step::Member(token.replace("~2", "*").replace("~1", "/").replace("~0", "~")),
        };
        Place { steps: text.split('/').skip(1).map(step).collect() }
    }

    /// The place that a pointer into one record names: array positions and map keys become "each".
    pub fn of_pointer(pointer: &str, fields: &[Field]) -> Place {
        let mut place = Place::root();
        let mut inside = Inside::Fields(fields);
        for token in pointer.split('/').skip(1) {
            let key = token.replace("~1", "/").replace("~0", "~");
            inside = match inside {
                Inside::Fields(fields) => match field_for(fields, &key) {
                    Some(field) => {
                        place.push(Step::Member(field.name.clone()));
                        Inside::of(&field.kind)
                    }
                    None => {
                        place.push(Step::Member(key));
                        Inside::Unknown
                    }
                },
                Inside::Elements(element) => {
                    place.push(Step::Each);
                    Inside::of(&element.kind)
                }
                Inside::Unknown => {
                    place.push(Step::Member(key));
                    Inside::Unknown
                }
            };
        }
        place
    }

    /// The field at this place, if the schema has it.
    pub fn find<'f>(&self, fields: &'f [Field]) -> Option<&'f Field> {
        let mut inside = Inside::Fields(fields);
        let mut found = None;
        for step in &self.steps {
            let field = match (inside, step) {
                (Inside::Fields(fields), Step::Member(name)) => field_for(fields, name)?,
                (Inside::Elements(element), Step::Each) => element,
                _ => return None,
            };
            inside = Inside::of(&field.kind);
            found = Some(field);
        }
        found
    }

    /// The fields among which the members of this place are, if it is an object.
    pub fn siblings<'f>(&self, fields: &'f [Field]) -> Option<&'f [Field]> {
        if self.steps.is_empty() {
            return Some(fields);
        }
        match &self.find(fields)?.kind {
            Kind::Struct(members) => Some(members),
            _ => None,
        }
    }
}

/// What the next step leads into.
enum Inside<'f> {
    Fields(&'f [Field]),
    Elements(&'f Field),
    Unknown,
}

impl<'f> Inside<'f> {
    fn of(kind: &'f Kind) -> Inside<'f> {
        match kind {
            Kind::Struct(fields) => Inside::Fields(fields),
            Kind::List(element) | Kind::Map(element) => Inside::Elements(element),
            _ => Inside::Unknown,
        }
    }
}

/// A key belongs to the field that is called so; only then do aliases count.
fn field_for<'f>(fields: &'f [Field], key: &str) -> Option<&'f Field> {
    let called = fields.iter().find(|field| field.name == key);
    called.or_else(|| fields.iter().find(|field| field.answers_to(key)))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::Each => f.write_str("/*")?,
                // A key that is a star itself must not be taken for "each".
                Step::Member(name) if name == "*" => f.write_str("/~2")?,
                Step::Member(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1"))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::definition::compile;

    const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long","aliases":["Id"]},
        {"name":"items","type":"list","items":{"type":"struct","fields":[{"name":"x","type":"long"}]}},
        {"name":"m","type":"map","items":"long"}]}"#;

    #[test]
    fn pointers_into_a_record_become_places_of_the_schema() {
        let schema = compile(FIELDS).expect("a definition");
        for (pointer, expected) in [
            ("", ""),
            ("/Id", "/id"),
            ("/items/3/x", "/items/*/x"),
            ("/items/3/new~1er", "/items/*/new~1er"),
            ("/m/any", "/m/*"),
            ("/new/0/y", "/new/0/y"),
        ] {
            assert_eq!(Place::of_pointer(pointer, &schema.fields).to_string(), expected);
        }
    }

    #[test]
    fn a_place_is_read_as_it_is_written_and_finds_its_field() {
        let schema = compile(FIELDS).expect("a definition");
        let place = Place::root().member("a~/b").member("*").each();
        assert_eq!(Place::parse(&place.to_string()), place);
        let kind = |text: &str| Place::parse(text).find(&schema.fields).map(|field| field.kind.name());
        assert_eq!(kind("/items/*/x").as_deref(), Some("long"));
        assert_eq!(kind("/items/x"), None);
        assert_eq!(kind("/m/*").as_deref(), Some("long"));
        assert_eq!(Place::parse("/items/*").siblings(&schema.fields).map(<[Field]>::len), Some(1));
    }
}
