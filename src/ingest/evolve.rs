//! `on_unknown_field = evolve`: the schema gets the fields that the files of a load have and it does not, and the files
//! are written again under it.
//!
//! The version of the schema is the lock: whoever changes it second finds another version, takes that one and looks again.

use std::collections::HashMap;
use std::sync::Arc;

use tracing::info;

use super::context::Context;
use super::fault::Fault;
use super::vetting::vet_future;
use super::write::{Fate, SourceFile, Written, WrittenFile};
use crate::crash;
use crate::decode::newcomers::Newcomers;
use crate::drift::{FileSeen, Seen};
use crate::durable;
use crate::metadata::types::{Author, TypeRow};
use crate::registry::{self, TypeSpec};
use crate::schema::change::{Verdict, changes};
use crate::schema::evolution::{Bounds, Grown, grow};
use crate::schema::field::Kind;
use crate::schema::place::Place;
use crate::schema::processing_config::OnUnknownField;

/// Times that the files of one load are written at most, when other processes change the schema, too.
pub(super) const ROUNDS: usize = 6;
/// Times that one of them tries to change the schema.
const TRIES: usize = 20;

/// The fields that files brought and their type did not have; each became a column if the load goes on under another
/// schema.
pub(super) type Adopted = Vec<FileSeen>;

/// What a load that has written its files has to do.
pub(super) enum Next {
    /// Everything it brings has its place.
    Stage,
    /// Write the files again, under this specification.
    WriteAgain(Arc<TypeSpec>, Adopted),
}

/// Compares what a load has written with the schema. Where the type evolves and the schema can have the new fields of
/// accepted files, it gets them, and the load names the new version. Where it cannot, they stay in `_rescued`.
pub(super) async fn evolve(
    context: &Context,
    load_id: i64,
    spec: &Arc<TypeSpec>,
    files: &[SourceFile],
    written: &Written,
) -> Result<Next, Fault> {
    let evolution = Evolution { context, load_id, spec };
    let Some(next) = evolution.schema_for(written).await? else { return Ok(Next::Stage) };
    discard_rejects(written)?;
    crash::at("after-evolve");
    context.metadata.use_schema_version(load_id, next.schema_version).await?;
    Ok(Next::WriteAgain(next, newcomers_of(files, written)))
}

/// What became of the new fields: those that are columns by now are no drift any more.
pub(super) fn adopted_by(spec: &TypeSpec, mut adopted: Adopted) -> Adopted {
    let is_known = |place: &Place| place.find(&spec.schema.fields).is_some();
    adopted.iter_mut().for_each(|file| file.seen.newcomers.retain(is_known));
    adopted
}

struct Evolution<'a> {
    context: &'a Context,
    load_id: i64,
    spec: &'a Arc<TypeSpec>,
}

impl Evolution<'_> {
    /// The specification under which the load goes on, when it is another one. Whoever finds that somebody was quicker adds
    /// its fields to that version; what is in the way of taking it over leaves them in `_rescued`.
    async fn schema_for(&self, written: &Written) -> Result<Option<Arc<TypeSpec>>, Fault> {
        let mut newest = None;
        if self.spec.config.on_unknown_field != OnUnknownField::Evolve {
            return Ok(newest);
        }
        let brought = new_fields(written);
        if brought.is_empty() {
            return Ok(newest);
        }
        for _ in 0..TRIES {
            let Some(row) = self.context.metadata.type_by(&self.spec.file_type).await? else { break };
            if row.schema_version != self.spec.schema_version {
                newest = compatible(&row, self.spec);
                if newest.is_none() {
                    break;
                }
            }
            let spec = newest.as_ref().unwrap_or(self.spec);
            let is_new = |(place, _): &&(Place, Kind)| place.find(&spec.schema.fields).is_none();
            let fields: Vec<(Place, Kind)> = brought.iter().filter(is_new).cloned().collect();
            if fields.is_empty() {
                break;
            }
            let bounds =
                Bounds { partition_column: &spec.partition_column, max_columns: spec.config.max_columns };
            match grow(&row.schema_definition, &spec.schema, &fields, bounds) {
                Err(refusal) => {
                    self.context.alarm.not_evolved(&spec.file_type, &refusal.to_string()).await;
                    break;
                }
                Ok(grown) if grown.added.is_empty() => {
                    self.context.alarm.evolves(&spec.file_type).await;
                    break;
                }
                Ok(grown) => {
                    if !self.adopt(&row, spec, grown).await? {
                        break;
                    }
                }
            }
        }
        Ok(newest)
    }

    /// Writes a grown schema down, unless somebody else was quicker; false when the rows of the table stand against it.
    async fn adopt(&self, row: &TypeRow, spec: &TypeSpec, grown: Grown) -> Result<bool, Fault> {
        let Grown { definition, schema, added, left_out: _ } = grown;
        let Context { metadata, lake, alarm, .. } = self.context;
        // A field may have been a column of another type before it was taken out of the schema.
        if let Err(reason) = vet_future(metadata, lake, row, &spec.under(Arc::new(schema))).await? {
            alarm.not_evolved(&spec.file_type, &reason).await;
            return Ok(false);
        }
        alarm.evolves(&spec.file_type).await;
        let changed =
            metadata.change_schema(row.id, row.schema_version, &definition, Author::Evolved).await?;
        if let Some(version) = changed {
            let added: Vec<String> =
                added.iter().map(|added| format!("{} ({})", added.place, added.kind)).collect();
            info!(load_id = self.load_id, file_type = %row.file_type, schema_version = version,
                "the schema of {} evolved to version {version}: new are {}", row.file_type, added.join(", "));
        }
        Ok(true)
    }
}

/// The specification of a row, when a load that began under `spec` can go on under it: it has more fields or wider types,
/// and nothing else is different.
fn compatible(row: &TypeRow, spec: &TypeSpec) -> Option<Arc<TypeSpec>> {
    let other = registry::compile(row).ok()?;
    let is_wider = changes(&spec.schema.fields, &other.schema.fields)
        .iter()
        .all(|change| change.verdict == Verdict::Lossless);
    let same_rest = other.table == spec.table
        && other.config == spec.config
        && other.partition_column == spec.partition_column
        && other.folder == spec.folder;
    (is_wider && same_rest && other.schema_version != spec.schema_version).then(|| Arc::new(other))
}

/// The unknown fields of the files that will be loaded, with the types that hold their values.
fn new_fields(written: &Written) -> Vec<(Place, Kind)> {
    let mut all = Newcomers::default();
    for file in written.files.iter().filter(|file| file.fate == Fate::Accepted) {
        all.merge(file.seen.newcomers.clone());
    }
    all.fields().iter().filter_map(|field| Some((field.place.clone(), field.glimpse.kind()?))).collect()
}

fn newcomers_of(files: &[SourceFile], written: &Written) -> Adopted {
    let names: HashMap<i64, &str> = files.iter().map(|source| (source.id, source.name.shown())).collect();
    let brings = |file: &&WrittenFile| file.fate == Fate::Accepted && !file.seen.newcomers.is_empty();
    let seen = |file: &WrittenFile| FileSeen {
        id: file.id,
        name: names.get(&file.id).copied().unwrap_or_default().to_owned(),
        records: file.counts.read,
        accepted: false,
        seen: Seen { newcomers: file.seen.newcomers.clone(), ..Seen::default() },
    };
    written.files.iter().filter(brings).map(seen).collect()
}

/// The next round begins its own.
fn discard_rejects(written: &Written) -> Result<(), Fault> {
    for path in written.files.iter().filter_map(|file| file.rejects.as_ref()) {
        durable::remove_if_there(path).map_err(Fault::file("remove", path))?;
    }
    Ok(())
}
