//! What the schema that is tried would change in its type.

use super::bench::Bench;
use crate::cli::exit::Failure;
use crate::ingest::vet_future;
use crate::lake::Lake;
use crate::schema::change::changes;
use crate::schema::definition;
use crate::schema::field::Field;
use crate::workers::Workers;

impl Bench<'_> {
    /// In sentences, and whether the rows that are there allow it.
    pub async fn changes(&self) -> Result<Vec<String>, Failure> {
        let (Some(row), Some(text), Some(metadata)) = (&self.wanted, &self.schema, &self.metadata) else {
            return Ok(Vec::new());
        };
        let Some(now) = self.registry.get(&row.file_type).and_then(|known| known.spec.as_ref().ok()) else {
            return Ok(Vec::new());
        };
        let (Ok(before), Ok(after)) =
            (definition::compile(&row.schema_definition), definition::compile(text))
        else {
            return Ok(Vec::new());
        };
        let mut told: Vec<String> = Vec::new();
        let named = |fields: &[Field], name: &str| fields.iter().any(|field| field.name == *name);
        let new = after.fields.iter().filter(|field| !named(&before.fields, &field.name));
        told.extend(new.map(|field| format!("the column {} ({}) is new", field.name, field.kind.name())));
        let gone = before.fields.iter().filter(|field| !named(&after.fields, &field.name));
        told.extend(gone.map(|field| {
            format!("the column {} gets no more values; it stays for the rows that have it", field.name)
        }));
        let retyped = changes(&before.fields, &after.fields);
        told.extend(
            retyped
                .iter()
                .map(|change| format!("{} goes from {} to {}", change.place, change.from, change.to)),
        );
        let lake = Lake::new(&self.session.settings.paths.datalake, Workers::new(1));
        if let Ok(Err(reason)) = vet_future(metadata, &lake, row, &now.under(after.into())).await {
            told.push(format!("it would be refused: {reason}"));
        }
        Ok(told)
    }
}
