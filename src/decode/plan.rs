//! A type, made ready for decoding its files: made once for a load, shared by all of its files and threads.

use std::collections::HashSet;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;

use super::chunk::{Chunk, Chunks};
use super::columns::{Columns, Plan};
use super::csv::CsvFile;
use super::decoder::Decoder;
use super::error::DecodeError;
use super::format::Format;
use super::framing::{FramingOptions, Known};
use super::input::Input;
use super::json::Grammar;
use super::parquet::ParquetRecords;
use super::reading::Reading;
use super::records::{MAX_RECORD_BYTES, Records, Tail};
use super::row_reject;
use super::segments::Segments;
use super::source::Source;
use crate::schema::field::TableSchema;
use crate::schema::judge::Judge;
use crate::schema::processing_config::{CsvSettings, OnUnknownField, Zone};

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
    /// By which rules JSON files are read.
    pub grammar: Grammar,
    /// How CSV files are written. Files whose name promises no format are taken for CSV when this is there, and for JSON
    /// otherwise.
    pub csv: Option<CsvSettings>,
    /// Is told the name of a file and what had to be guessed about it, in a sentence.
    pub on_doubt: fn(&str, &str),
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
    /// Never the direct road: slow, and the measure of the other.
    pub exact_only: bool,
}

impl DecodeOptions {
    /// Defaults for a file of this name and type.
    pub fn new(schema: Arc<TableSchema>, file_name: impl Into<String>, type_name: impl Into<String>) -> Self {
        DecodeOptions {
            schema,
            on_unknown: OnUnknownField::Rescue,
            timezone: Zone::UTC,
            records_path: None,
            grammar: Grammar::Strict,
            csv: None,
            on_doubt: |_, _| {},
            file_name: file_name.into(),
            type_name: type_name.into(),
            tail: Tail::default(),
            max_record_bytes: MAX_RECORD_BYTES,
            chunk_rows: CHUNK_ROWS,
            chunk_rejects: CHUNK_REJECTS,
            chunk_bytes: CHUNK_BYTES,
            exact_only: false,
        }
    }
}

/// The compiled form of [`DecodeOptions`].
pub struct DecodePlan {
    options: DecodeOptions,
    columns: Arc<Plan>,
    known: Known,
    /// Columns that were used before: they have room, and know the order of keys.
    spare: Mutex<Vec<Columns>>,
}

/// A file, opened.
pub enum Feed {
    /// To be read from the start to the end.
    Stream(Box<dyn Chunks>),
    /// Large enough to be cut into pieces that are decoded at the same time.
    Segments(Segments),
}

impl DecodePlan {
    /// `file_name` and `tail` of the options do not matter: each file has its own.
    ///
    /// # Errors
    /// No record can be put into the schema.
    pub fn new(options: DecodeOptions) -> Result<Arc<DecodePlan>, DecodeError> {
        let columns = Plan::new(&options.schema, options.on_unknown, options.timezone)
            .map_err(|bad| unusable(bad.to_string()))?;
        let known = keys_of(&options.schema);
        Ok(Arc::new(DecodePlan { options, columns: Arc::new(columns), known, spare: Mutex::default() }))
    }

    /// The rules by which JSON is read.
    pub(super) fn grammar(&self) -> Grammar {
        self.options.grammar
    }

    /// Opens a file: reads its start, and finds out how its records lie in it.
    ///
    /// # Errors
    /// The file is no text with records, or reading failed.
    pub fn open(
        self: &Arc<Self>,
        input: impl Into<Input>,
        file_name: &str,
        tail: Tail,
    ) -> Result<Decoder, DecodeError> {
        let input = input.into();
        let reading = match self.format_of(file_name) {
            Format::Csv => {
                Reading::Csv(Box::new(CsvFile::open(self, input.into_stream(), file_name, tail)?.records()))
            }
            Format::Json => Reading::Json(Box::new(self.json(input.into_stream(), file_name, tail)?)),
            Format::Parquet => Reading::Parquet(Box::new(ParquetRecords::open(self, input)?)),
        };
        self.decoder(reading)
    }

    /// As [`DecodePlan::open`], for a file that may be large.
    ///
    /// # Errors
    /// As [`DecodePlan::open`].
    pub fn open_large(
        self: &Arc<Self>,
        input: impl Into<Input>,
        file_name: &str,
        tail: Tail,
    ) -> Result<Feed, DecodeError> {
        let input = input.into();
        let reading = match self.format_of(file_name) {
            Format::Csv => match CsvFile::open(self, input.into_stream(), file_name, tail)?.split(self) {
                Ok(segments) => return Ok(Feed::Segments(segments)),
                Err(opened) => Reading::Csv(Box::new(opened.records())),
            },
            Format::Json => match self.json(input.into_stream(), file_name, tail)?.split(self) {
                Ok(segments) => return Ok(Feed::Segments(segments)),
                Err(records) => Reading::Json(records),
            },
            Format::Parquet => Reading::Parquet(Box::new(ParquetRecords::open(self, input)?)),
        };
        Ok(Feed::Stream(Box::new(self.decoder(reading)?)))
    }

    pub(super) fn format_of(&self, file_name: &str) -> Format {
        let otherwise = if self.options.csv.is_some() { Format::Csv } else { Format::Json };
        Format::of_name(file_name).unwrap_or(otherwise)
    }

    fn json(
        &self,
        reader: Box<dyn Read + Send>,
        file_name: &str,
        tail: Tail,
    ) -> Result<Records, DecodeError> {
        let source = Source::open(reader, file_name)?;
        Records::open(source, self.framing_options(file_name), tail)
    }

    /// The schema of every batch.
    pub fn arrow_schema(&self) -> SchemaRef {
        self.columns.schema()
    }

    pub(super) fn columns_plan(&self) -> &Arc<Plan> {
        &self.columns
    }

    pub(super) fn options(&self) -> &DecodeOptions {
        &self.options
    }

    pub(super) fn judge(&self) -> Option<&Judge> {
        self.options.schema.judge.as_ref()
    }

    /// Records of this type may take the direct road.
    pub(super) fn allows_direct(&self) -> bool {
        !self.options.exact_only && self.options.schema.judge.is_none()
    }

    /// Puts the rows of a chunk before the checks of the schema: those that break one become rejects.
    ///
    /// # Errors
    /// A fault of the program.
    pub(super) fn check(&self, chunk: Chunk) -> Result<Chunk, DecodeError> {
        let schema = &self.options.schema;
        let mut chunk = row_reject::check(&schema.checks, chunk)?;
        if schema.unique.is_empty() {
            (chunk.texts, chunk.unknown) = (None, None);
        }
        Ok(chunk)
    }

    pub(super) fn known(&self) -> Known {
        Arc::clone(&self.known)
    }

    pub(super) fn decoder(self: &Arc<Self>, reading: Reading) -> Result<Decoder, DecodeError> {
        Ok(Decoder::new(Arc::clone(self), reading, self.columns()?))
    }

    /// Empty columns.
    pub(super) fn columns(&self) -> Result<Columns, DecodeError> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match spare {
            Some(columns) => Ok(columns),
            None => Columns::new(Arc::clone(&self.columns)).map_err(|bad| unusable(bad.to_string())),
        }
    }

    /// Keeps columns for the next file or segment.
    pub(super) fn keep(&self, mut columns: Columns) {
        columns.clear();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(columns);
    }

    fn framing_options(&self, file_name: &str) -> FramingOptions {
        FramingOptions {
            file_name: file_name.to_owned(),
            type_name: self.options.type_name.clone(),
            records_path: self.options.records_path.clone(),
            known: Some(self.known()),
            grammar: self.options.grammar,
            max_record_bytes: self.options.max_record_bytes,
        }
    }
}

fn unusable(why: String) -> DecodeError {
    DecodeError::new("schema.unusable", why, "mend schema_definition of the type")
}

/// Names and aliases of the fields.
fn keys_of(schema: &TableSchema) -> Known {
    let names = schema.fields.iter().flat_map(|field| field.aliases.iter().chain([&field.name]));
    let keys: HashSet<String> = names.cloned().collect();
    Arc::new(move |key| keys.contains(key))
}

impl std::fmt::Debug for DecodePlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodePlan").field("options", &self.options).finish_non_exhaustive()
    }
}
