//! Which field it is, of which table, with which type; and the schema that has it.

use std::sync::Arc;

use super::rewrite::{self, blocking};
use super::{PromoteError, Promoter, Wish};
use crate::ingest::vet_future;
use crate::metadata::types::{Author, TypeRow};
use crate::registry::{self, TypeSpec};
use crate::schema::evolution::{Bounds, grow};
use crate::schema::field::{Field, Kind};
use crate::schema::infer::Glimpse;
use crate::schema::place::{Place, Step};
use crate::schema::processing_config::Zone;

/// Times that the schema is changed, when others change it, too.
const ROUNDS: usize = 8;

/// A field that the schema has.
#[derive(Debug)]
pub struct Subject {
    pub row: TypeRow,
    pub place: Place,
    pub field: Field,
    /// The column that has it, with nothing else inside; nullable, and without defaults.
    pub column: Field,
    pub zone: Zone,
}

impl Promoter {
    /// Finds the field, and adds it to the schema if it is not there: true in that case.
    pub(super) async fn subject(&self, wish: &Wish) -> Result<(Arc<Subject>, bool), PromoteError> {
        let place = place_of(&wish.field);
        let shown = || place.to_string();
        if place.names().is_none_or(|names| names.is_empty()) {
            return Err(PromoteError::InsideElements { field: shown() });
        }
        let wanted = wish.kind.as_deref().map(kind_of).transpose()?;
        let mut added = false;
        for _ in 0..ROUNDS {
            let row = self.metadata.type_by(&wish.table).await?;
            let row = row.ok_or_else(|| PromoteError::UnknownTable { name: wish.table.clone() })?;
            let spec = registry::compile(&row)
                .map_err(|reason| PromoteError::UnusableType { file_type: row.file_type.clone(), reason })?;
            if let Some(field) = place.find(&spec.schema.fields) {
                if let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.name() != field.kind.name()) {
                    let (has, wanted) = (field.kind.name(), wanted.name());
                    return Err(PromoteError::OtherType { field: shown(), has, wanted });
                }
                let subject = Subject {
                    column: column_of(&spec.schema.fields, &place)
                        .ok_or_else(|| PromoteError::InsideElements { field: shown() })?,
                    field: field.clone(),
                    place: place.clone(),
                    zone: spec.config.timezone,
                    row,
                };
                return Ok((Arc::new(subject), added));
            }
            let kind = match &wanted {
                Some(kind) => kind.clone(),
                None => self.kind_in_rows(&spec, &place).await?,
            };
            added |= self.add(&row, &spec, &place, kind).await?;
        }
        Err(PromoteError::SchemaChanged { file_type: wish.table.clone() })
    }

    /// The type that holds every rescued value of the field.
    async fn kind_in_rows(&self, spec: &TypeSpec, place: &Place) -> Result<Kind, PromoteError> {
        let files = self.files(&spec.table).await?;
        let (lake, wanted) = (self.lake.clone(), place.clone());
        let seen = blocking(move || {
            let mut seen: Option<Glimpse> = None;
            for file in files {
                rewrite::observe(&lake, &file, &wanted, &mut seen)?;
            }
            Ok::<_, PromoteError>(seen)
        });
        let (table, field) = (spec.table.clone(), place.to_string());
        let seen = seen.await??.ok_or(PromoteError::NothingThere { table, field })?;
        seen.kind().ok_or_else(|| PromoteError::NoType { field: place.to_string() })
    }

    /// False when somebody else changed the schema first.
    async fn add(
        &self,
        row: &TypeRow,
        spec: &TypeSpec,
        place: &Place,
        kind: Kind,
    ) -> Result<bool, PromoteError> {
        let refused = |reason: String| PromoteError::CannotAdd { field: place.to_string(), reason };
        let bounds = Bounds { partition_column: &row.partition_column, max_columns: usize::MAX };
        let fields = [(place.clone(), kind)];
        let grown = grow(&row.schema_definition, &spec.schema, &fields, bounds)
            .map_err(|bad| refused(bad.to_string()))?;
        if let Some((_, why)) = grown.left_out.into_iter().next() {
            return Err(refused(why));
        }
        spec.config.check(&grown.schema, &row.partition_column).map_err(|bad| refused(bad.to_string()))?;
        // The field may have been a column of another type before it was taken out of the schema.
        let spec = spec.under(Arc::new(grown.schema));
        let vetted = vet_future(&self.metadata, &self.lake, row, &spec).await;
        vetted.map_err(PromoteError::Compare)?.map_err(refused)?;
        let changed = self
            .metadata
            .change_schema(row.id, row.schema_version, &grown.definition, Author::Operator)
            .await?;
        Ok(changed.is_some())
    }
}

/// A pointer, or names joined by dots.
fn place_of(field: &str) -> Place {
    if field.starts_with('/') {
        return Place::parse(field);
    }
    field.split('.').fold(Place::root(), |place, name| place.member(name))
}

fn kind_of(name: &str) -> Result<Kind, PromoteError> {
    let field = serde_json::json!({ "fields": [{ "name": "value", "type": name }] });
    let compiled = crate::schema::definition::compile(&field.to_string());
    let schema =
        compiled.map_err(|bad| PromoteError::BadType { kind: name.to_owned(), reason: bad.to_string() })?;
    let first = schema.fields.into_iter().next().map(|field| field.kind);
    first.ok_or_else(|| PromoteError::BadType { kind: name.to_owned(), reason: "it says nothing".into() })
}

/// The column on the way to a place, with nothing inside but that way.
pub(super) fn column_of(fields: &[Field], place: &Place) -> Option<Field> {
    only(fields, place.steps())
}

fn only(fields: &[Field], steps: &[Step]) -> Option<Field> {
    let (Step::Member(name), rest) = steps.split_first()? else { return None };
    let field = fields
        .iter()
        .find(|field| field.name == *name)
        .or_else(|| fields.iter().find(|field| field.answers_to(name)))?;
    let kind = match (&field.kind, rest) {
        (kind, []) => kind.clone(),
        (Kind::Struct(members), rest) => Kind::Struct(vec![only(members, rest)?]),
        _ => return None,
    };
    Some(Field { kind, nullable: true, default: None, ..field.clone() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::schema::definition;

    /// Any type.
    pub fn row() -> TypeRow {
        crate::registry::tests::row("t", crate::metadata::types::TypeStatus::Active)
    }

    #[test]
    fn fields_are_named_by_keys_dots_or_pointers() {
        for (text, expected) in [("a", "/a"), ("c.vip", "/c/vip"), ("/a.b", "/a.b"), ("/c/x~1y", "/c/x~1y")] {
            assert_eq!(place_of(text).to_string(), expected);
        }
    }

    #[test]
    fn the_column_holds_the_way_and_nothing_else() {
        let text = r#"{"fields":[{"name":"c","type":"struct","nullable":false,"fields":[
            {"name":"x","type":"long","nullable":false},{"name":"vip","type":"boolean","nullable":false,"aliases":["VIP"]}]},
            {"name":"l","type":"list","items":"long"}]}"#;
        let schema = definition::compile(text).expect("a definition");
        let column = column_of(&schema.fields, &Place::parse("/c/vip")).expect("a column");
        assert!(column.nullable);
        let Kind::Struct(members) = &column.kind else { panic!("a struct") };
        assert_eq!((members.len(), members[0].name.as_str(), members[0].nullable), (1, "vip", true));
        assert!(column_of(&schema.fields, &Place::parse("/l/*")).is_none());
        assert_eq!(kind_of("decimal(5,2)").expect("a type").name(), "decimal(5,2)");
        assert!(matches!(kind_of("decimal"), Err(PromoteError::BadType { .. })));
    }
}
