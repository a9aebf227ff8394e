//! What a load would make of one file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::causes::{Cause, Causes};
use crate::decode::{Chunks, DecodeError, DecodePlan, Tail};
use crate::drift::{FileSeen, LoadSeen, Seen, Sighting, sightings::sightings};
use crate::ingest::write::{
    Budget, Counts, KeyedTable, Keys, Scope, SourceFile, Unique, WriteError, decode_options, open_regular,
    partition_source_of,
};
use crate::lake::{Lake, row_counts};
use crate::metadata::files::Problem;
use crate::name::FileName;
use crate::registry::TypeSpec;
use crate::schema::definition;
use crate::schema::evolution::{Added, Bounds, grow};
use crate::schema::field::Kind;
use crate::schema::place::Place;
use crate::schema::processing_config::OnUnknownField;

/// A file to try.
#[derive(Debug)]
pub struct FileTrial<'a> {
    pub path: &'a Path,
    /// The name by which it would be known; it tells the format.
    pub name: &'a str,
    pub spec: &'a TypeSpec,
    /// The definition that the specification was compiled from.
    pub definition: &'a str,
    /// The time in its name.
    pub time: Option<NaiveDateTime>,
    pub max_record_bytes: usize,
    pub lake: &'a Lake,
    /// What unique keys are compared with.
    pub keyed: &'a KeyedTable,
}

/// What would become of it.
#[derive(Debug)]
pub struct Tried {
    /// Why the file as a whole would fail; none of its rows would be written then.
    pub failure: Option<Problem>,
    pub read: u64,
    pub written: u64,
    pub rejected: u64,
    pub deduplicated: u64,
    pub causes: Vec<Cause>,
    /// Rows by partition value; no value for a table without partitions.
    pub partitions: BTreeMap<Option<String>, u64>,
    /// How its fields and the schema differ.
    pub drift: Vec<Sighting>,
    /// Columns that the schema would get.
    pub added: Vec<Added>,
    /// Why the schema would not get them.
    pub not_added: Option<String>,
}

/// Tries a file. Nothing is written.
pub fn try_file(trial: &FileTrial<'_>) -> Tried {
    let tried = pass(trial, trial.spec);
    if trial.spec.config.on_unknown_field != OnUnknownField::Evolve || tried.failure.is_some() {
        return tried;
    }
    let fields: Vec<(Place, Kind)> = tried
        .drift
        .iter()
        .filter(|field| field.declared.is_none())
        .filter_map(|field| Some((field.place.clone(), field.found.clone()?)))
        .collect();
    if fields.is_empty() {
        return tried;
    }
    let spec = trial.spec;
    let bounds = Bounds { partition_column: &spec.partition_column, max_columns: spec.config.max_columns };
    let grown = definition::compile(trial.definition)
        .map_err(|bad| bad.to_string())
        .and_then(|schema| grow(trial.definition, &schema, &fields, bounds).map_err(|bad| bad.to_string()));
    match grown {
        Ok(grown) => {
            let again = pass(trial, &spec.under(Arc::new(grown.schema)));
            Tried { added: grown.added, drift: tried.drift, ..again }
        }
        Err(why) => Tried { not_added: Some(why), ..tried },
    }
}

/// One reading of the whole file.
struct Pass {
    counts: Counts,
    causes: Causes,
    seen: Seen,
    partitions: BTreeMap<Option<String>, u64>,
}

fn pass(trial: &FileTrial<'_>, spec: &TypeSpec) -> Tried {
    let mut pass = Pass {
        counts: Counts::default(),
        causes: Causes::default(),
        seen: Seen::default(),
        partitions: BTreeMap::new(),
    };
    let budget = Budget::of(spec);
    let read = pass.read(trial, spec);
    let over = || budget.exceeded_by(&pass.counts).or_else(|| budget.exceeded_at_end(&pass.counts));
    let failure = read.err().or_else(over);
    let Pass { counts, causes, seen, partitions } = pass;
    let whole = failure.is_none();
    let load = LoadSeen {
        file_type: spec.file_type.clone(),
        schema: spec.schema.clone(),
        schema_version: spec.schema_version,
        files: vec![FileSeen {
            id: 0,
            name: trial.name.to_owned(),
            records: counts.read,
            accepted: whole,
            seen,
        }],
    };
    Tried {
        read: counts.read,
        written: if whole { counts.written } else { 0 },
        rejected: counts.rejected,
        deduplicated: if whole { counts.deduplicated } else { 0 },
        causes: causes.finish(),
        partitions: if whole { partitions } else { BTreeMap::new() },
        drift: sightings(&load),
        added: Vec::new(),
        not_added: None,
        failure,
    }
}

impl Pass {
    fn read(&mut self, trial: &FileTrial<'_>, spec: &TypeSpec) -> Result<(), Problem> {
        let unreadable = |error: std::io::Error| Problem {
            code: "file.read".into(),
            message: format!("{} cannot be read: {error}", trial.path.display()),
            hint: Some("check the path and its permissions".into()),
        };
        let (file, found) = open_regular(trial.path).map_err(unreadable)?;
        let modified = found.modified().map_err(unreadable)?;
        let modified: DateTime<Utc> = modified.into();
        let source = partition_source_of(spec, trial.time.unwrap_or_else(|| modified.naive_utc()));
        let plan = DecodePlan::new(decode_options(spec, trial.max_record_bytes)).map_err(problem)?;
        let mut decoder = plan.open(file, trial.name, Tail::Final).map_err(problem)?;
        let mut keys = Keys::for_spec(spec);
        let files = [source_file(trial, modified)];
        let scope = Scope::file_rehearsal(trial.lake, spec, trial.keyed);
        let mut unique = Unique::open(scope, &files).map_err(not_compared)?;
        while let Some(mut chunk) = decoder.next_chunk().map_err(problem)? {
            self.counts.deduplicated += unique.judge(&mut chunk, 0, &mut keys).map_err(not_compared)?;
            self.seen.add(&mut chunk, &spec.schema);
            self.counts.read += chunk.records_read;
            self.counts.rejected += chunk.rejects.len() as u64;
            chunk.rejects.iter().for_each(|reject| self.causes.add(reject));
            let batch = match unique.is_empty() {
                true => {
                    let rows = keys.observe(chunk.batch, 0).map_err(internal)?;
                    self.counts.deduplicated += rows.dropped;
                    rows.kept
                }
                // Unique keys have been judged together with those of `dedupe`.
                false => chunk.batch,
            };
            self.counts.written += batch.num_rows() as u64;
            for (partition, rows) in row_counts(&batch, &source).map_err(internal)? {
                *self.partitions.entry(partition).or_default() += rows as u64;
            }
        }
        let replaced = keys.accept().len() as u64;
        self.counts.written -= replaced;
        self.counts.deduplicated += replaced;
        Ok(())
    }
}

/// The file as a load would claim it.
fn source_file(trial: &FileTrial<'_>, modified_at: DateTime<Utc>) -> SourceFile {
    SourceFile {
        id: 0,
        attempt: 0,
        name: FileName::from_shown(trial.name),
        path: trial.path.to_owned(),
        time: trial.time,
        modified_at,
        last_chance: true,
        bytes: 0,
        is_hashed: false,
        content: None,
        hash: None,
        control: None,
    }
}

fn not_compared(error: WriteError) -> Problem {
    Problem {
        code: "lake.unavailable".into(),
        message: format!("its keys cannot be compared with those of the table: {error}"),
        hint: Some("`lakegate doctor` looks at the lake".into()),
    }
}

fn problem(error: DecodeError) -> Problem {
    Problem { code: error.code.to_owned(), message: error.to_string(), hint: Some(error.hint.to_string()) }
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem {
        code: "internal.columns".into(),
        message: format!("the rows cannot be put together: {error}"),
        hint: Some("please report it with the type's schema_definition".into()),
    }
}
