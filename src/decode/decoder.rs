//! One file → chunks of validated rows, and the records that were refused.
//!
//! For every chunk, `records_read` is the sum of its rows and its rejects. This is the exact and patient road through
//! a value tree: every message about a bad record comes from here.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::columns::{Appended, Columns};
use super::error::DecodeError;
use super::framing::Known;
use super::problem::{Path, Problem, at_pointer};
use super::records::{MAX_RECORD_BYTES, Parsed, Record, RecordOptions, Records, Tail};
use super::reject::Reject;
use super::value::Node;
use crate::schema::field::TableSchema;
use crate::schema::judge::Judge;
use crate::schema::processing_config::{OnUnknownField, Zone};

const CHUNK_ROWS: usize = 8192;
const CHUNK_REJECTS: usize = 1024;
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// How a file is decoded.
#[derive(Debug, Clone)]
pub struct DecodeOptions {
    pub schema: Arc<TableSchema>,
    pub on_unknown: OnUnknownField,
    /// In which times without an offset are meant.
    pub timezone: Zone,
    /// Keys from the root to the array of records; found by itself when absent.
    pub records_path: Option<Vec<String>>,
    /// Its extensions tell NDJSON from documents, and promise a compression, where the content leaves it open.
    pub file_name: String,
    /// The type's key; helps to recognise the array that holds the records.
    pub type_name: String,
    pub tail: Tail,
    pub max_record_bytes: usize,
    /// A chunk ends with the first record that reaches one of these limits; bytes are those of its records in
    /// memory, roughly.
    pub chunk_rows: usize,
    pub chunk_rejects: usize,
    pub chunk_bytes: usize,
}

impl DecodeOptions {
    /// Defaults for a file of this name and type.
    pub fn new(schema: Arc<TableSchema>, file_name: impl Into<String>, type_name: impl Into<String>) -> Self {
        DecodeOptions {
            schema,
            on_unknown: OnUnknownField::Rescue,
            timezone: Zone::UTC,
            records_path: None,
            file_name: file_name.into(),
            type_name: type_name.into(),
            tail: Tail::default(),
            max_record_bytes: MAX_RECORD_BYTES,
            chunk_rows: CHUNK_ROWS,
            chunk_rejects: CHUNK_REJECTS,
            chunk_bytes: CHUNK_BYTES,
        }
    }
}

/// A part of a file.
#[derive(Debug)]
pub struct Chunk {
    /// The data columns of the schema, and `_rescued` when unknown fields are rescued.
    pub batch: RecordBatch,
    pub rejects: Vec<Reject>,
    /// Rows and rejects together.
    pub records_read: u64,
    /// Members of the chunk's rows that are not in the schema, and were rescued or left out.
    pub unknown_fields: u64,
}

/// Reads one file, chunk by chunk.
#[derive(Debug)]
pub struct Decoder {
    records: Records,
    columns: Columns,
    schema: Arc<TableSchema>,
    limits: Limits,
    ended: bool,
    /// What ended the file, kept back until the records before it were handed out.
    failure: Option<DecodeError>,
}

#[derive(Debug)]
struct Limits {
    rows: usize,
    rejects: usize,
    bytes: usize,
}

/// What a chunk holds besides its rows.
#[derive(Debug, Default)]
struct Gathered {
    rejects: Vec<Reject>,
    unknown_fields: u64,
    bytes: usize,
}

impl Decoder {
    /// Reads the start of the file, and finds out how its records lie in it.
    ///
    /// # Errors
    /// The file is no text with records, reading failed, or no record can be put into the schema.
    pub fn new(reader: Box<dyn Read + Send>, options: DecodeOptions) -> Result<Decoder, DecodeError> {
        let DecodeOptions {
            schema,
            on_unknown,
            timezone,
            records_path,
            file_name,
            type_name,
            tail,
            max_record_bytes,
            chunk_rows,
            chunk_rejects,
            chunk_bytes,
        } = options;
        let columns = Columns::new(&schema, on_unknown, timezone).map_err(|unusable| {
            DecodeError::new("schema.unusable", unusable.to_string(), "mend schema_definition of the type")
        })?;
        let known = Some(keys_of(&schema));
        let records = RecordOptions { file_name, type_name, records_path, known, tail, max_record_bytes };
        Ok(Decoder {
            records: Records::new(reader, records)?,
            columns,
            schema,
            limits: Limits {
                rows: chunk_rows.max(1),
                rejects: chunk_rejects.max(1),
                bytes: chunk_bytes.max(1),
            },
            ended: false,
            failure: None,
        })
    }

    /// The schema of every batch.
    pub fn arrow_schema(&self) -> SchemaRef {
        self.columns.schema()
    }

    /// Members of an enclosing object that are not its records, as far as the file was read.
    pub fn envelope_members(&self) -> u64 {
        self.records.envelope_members()
    }

    /// The next part of the file, or `None` at its end. An error comes after the records before it, and is the end.
    ///
    /// # Errors
    /// The file as a whole cannot be read on.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, DecodeError> {
        let mut gathered = Gathered::default();
        while !self.ended && !self.is_full(&gathered) {
            match self.step(&mut gathered) {
                Ok(more) => self.ended = !more,
                Err(error) => {
                    self.ended = true;
                    self.failure = Some(error);
                }
            }
        }
        let records_read = (self.columns.rows() + gathered.rejects.len()) as u64;
        if records_read > 0 {
            return self.chunk(gathered, records_read).map(Some);
        }
        self.failure.take().map_or(Ok(None), Err)
    }

    fn is_full(&self, gathered: &Gathered) -> bool {
        self.columns.rows() >= self.limits.rows
            || gathered.rejects.len() >= self.limits.rejects
            || gathered.bytes >= self.limits.bytes
    }

    /// Takes one record in; false at the end of the file.
    fn step(&mut self, gathered: &mut Gathered) -> Result<bool, DecodeError> {
        let Some(record) = self.records.next()? else {
            return Ok(false);
        };
        match take_in(&record, self.schema.judge.as_ref(), &mut self.columns) {
            Ok(appended) => {
                gathered.unknown_fields += appended.unknown_fields;
                gathered.bytes += appended.bytes;
            }
            Err(problem) => {
                gathered.bytes += record.raw.len();
                gathered.rejects.push(record.refused(*problem));
            }
        }
        Ok(true)
    }

    fn chunk(&mut self, gathered: Gathered, records_read: u64) -> Result<Chunk, DecodeError> {
        let Gathered { rejects, unknown_fields, bytes: _ } = gathered;
        let batch = self.columns.finish().map_err(|refused| {
            self.ended = true;
            let hint = "this is a fault of the program: please report it with the type's schema_definition";
            DecodeError::new("internal.columns", format!("the columns do not fit together: {refused}"), hint)
        })?;
        Ok(Chunk { batch, rejects, records_read, unknown_fields })
    }
}

/// Appends the record, or says what is wrong with it.
fn take_in(
    record: &Record<'_>,
    judge: Option<&Judge>,
    columns: &mut Columns,
) -> Result<Appended, Box<Problem>> {
    let Parsed { text, value } = match &record.content {
        Ok(parsed) => parsed,
        Err(problem) => return Err(problem.clone()),
    };
    if let (Some(judge), Node::Object(_)) = (judge, &value.node) {
        judge.check_value(value).map_err(|broken| {
            let at = at_pointer(value, &broken.pointer);
            Box::new(Problem::of_violation(
                &Path::Root,
                &broken.pointer,
                broken.rule,
                broken.message,
                at,
                text,
            ))
        })?;
    }
    columns.append(value, text)
}

/// Names and aliases of the fields.
fn keys_of(schema: &TableSchema) -> Known {
    let names = schema.fields.iter().flat_map(|field| field.aliases.iter().chain([&field.name]));
    let keys: HashSet<String> = names.cloned().collect();
    Box::new(move |key| keys.contains(key))
}

#[cfg(test)]
mod tests;
