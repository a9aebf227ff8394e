//! Types that a file states itself, so that its values need not be looked at.

use super::object::{Keys, Object};
use super::shape::Shape;
use super::{Inference, Inferred, MAX_DEPTH, MAX_LEAVES};
use crate::schema::field::Kind;
use crate::schema::names;

/// The type of a column, or of a part of one.
#[derive(Debug, Clone)]
pub enum Known {
    /// A type without parts.
    Kind(Kind),
    List(Box<Known>),
    Struct(Vec<(String, Known)>),
    /// The type of the values; keys are texts.
    Map(Box<Known>),
}

impl Inference {
    /// The definition for columns of known types. Of columns with one name the first counts; columns past the limit, and those
    /// whose names are too long, are left to `_rescued`, which loses nothing.
    pub fn of_known(columns: impl IntoIterator<Item = (String, Known)>, records: u64) -> Inferred {
        let mut kept: Vec<(String, Shape)> = Vec::new();
        for (name, known) in columns {
            let is_new = kept.iter().all(|(other, _)| *other != name);
            if is_new && name.len() <= names::MAX_LENGTH && kept.len() < MAX_LEAVES {
                kept.push((name, known.into_shape(1)));
            }
        }
        Inference { columns: kept, records, ..Inference::default() }.finish()
    }
}

impl Known {
    fn into_shape(self, depth: usize) -> Shape {
        match self {
            Known::Kind(Kind::Json) => Shape::Open,
            Known::Kind(kind) => Shape::Stated(kind),
            _ if depth >= MAX_DEPTH => Shape::Open,
            Known::List(item) => Shape::List(Box::new(item.into_shape(depth + 1))),
            Known::Map(value) => Shape::Object(Object::Map(Box::new(value.into_shape(depth + 1)))),
            Known::Struct(members) => {
                let members = members.into_iter().map(|(key, member)| (key, member.into_shape(depth + 1)));
                Shape::Object(Object::Keys(Keys::of(members.collect())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stated_types_become_the_columns() {
        let leaf = |kind| Known::Kind(kind);
        let inner = vec![("a".to_owned(), leaf(Kind::Int)), ("A".to_owned(), leaf(Kind::Int))];
        let columns = [
            ("id", leaf(Kind::Decimal { precision: 20, scale: 0 })),
            ("_Load_ID", leaf(Kind::Binary)),
            ("tags", Known::List(Box::new(Known::Map(Box::new(leaf(Kind::Float)))))),
            ("twins", Known::Struct(inner)),
            ("id", leaf(Kind::Boolean)),
            ("date", leaf(Kind::Date)),
        ];
        let inferred = Inference::of_known(columns.map(|(name, known)| (name.to_owned(), known)), 3);
        assert_eq!((inferred.records, inferred.partition_column.as_str()), (3, "load_date"));
        let text = inferred.definition.replace([' ', '\n'], "");
        for expected in [
            r#"{"name":"id","type":"decimal(20,0)"}"#,
            r#"{"name":"Load_ID","type":"binary","aliases":["_Load_ID"]}"#,
            r#""name":"tags","type":"list""#,
            r#"{"name":"twins","type":"json"}"#,
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        crate::schema::definition::compile(&inferred.definition).expect("a definition");
    }
}
