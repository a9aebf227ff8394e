//! Bytes → staged Parquet: the heavy half of a load.
//!
//! A function of file bytes, type specification and lake; it opens no database connection and runs on a
//! blocking thread. [`feeder`] has files decoded by the pool, several at a time or one in segments; [`intake`] takes
//! the results in the order of the files and of their records. A file whose rows fit in memory is held there until its fate is known; a larger one goes to data
//! files of its own. So a file that fails takes none of its rows along, and none of its neighbours'.

mod again;
mod budget;
mod content;
mod feeder;
mod file_load;
mod held;
mod intake;
mod keys;
mod lineage;
mod open;
mod rejects;
mod unique;
mod whole;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::control::Control;
use crate::decode::DecodeError;
use crate::drift::Seen;
use crate::lake::{DataFile, Lake, LakeError, PartitionSource, WriterOptions, Zone};
use crate::metadata::files::Problem;
use crate::name::FileName;
use crate::owner::Owner;
use crate::registry::TypeSpec;
use crate::schema::processing_config::{self, WriteMode};

pub use again::{Judge, Portion, judge_again, write_again};
pub(crate) use budget::Budget;
pub use content::Content;
pub use feeder::is_small;
use intake::Intake;
pub use intake::decode_options;
pub use keys::{Keys, ORDINAL};
pub use lineage::lineage_fields;
pub use open::open_regular;
pub use rejects::{RejectLine, read_lines, staged_path as staged_rejects_path};
pub use unique::{KeyedTable, Overwritten, Rows, checked_keys as checked_unique_keys};
pub(crate) use unique::{Scope, Unique};

/// One claimed file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub id: i64,
    pub attempt: i64,
    pub name: FileName,
    /// Where it lies now.
    pub path: PathBuf,
    /// The time in its name.
    pub time: Option<NaiveDateTime>,
    pub modified_at: DateTime<Utc>,
    /// Its time to grow is over: a truncated document fails.
    pub last_chance: bool,
    /// Size on disk when it was claimed.
    pub bytes: u64,
    /// Its hash is known; else it is taken while the file is read.
    pub is_hashed: bool,
    /// Its bytes, when they were kept since it was hashed.
    pub content: Option<Content>,
    /// BLAKE3 of its bytes, when it is known.
    pub hash: Option<String>,
    /// What its sender says that it holds.
    pub control: Option<Control>,
}

/// Everything that a load needs besides its files.
#[derive(Debug)]
pub struct Work {
    pub load_id: i64,
    pub spec: Arc<TypeSpec>,
    pub lake: Lake,
    /// Where rejects are gathered until the commit.
    pub rejects_folder: PathBuf,
    pub ingested_at: DateTime<Utc>,
    pub max_record_bytes: usize,
    /// With unique keys: the table.
    pub keyed: KeyedTable,
    /// Names the files that are being read, should the process die.
    pub owner: Owner,
    /// Set at the end of the process.
    pub stop: CancellationToken,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its rows are among the staged ones.
    Accepted,
    /// It fails; none of its rows is staged.
    Refused(Problem),
    /// It ends too early and may still grow.
    Truncated(Problem),
    /// Reading it failed; that says nothing about its contents.
    Unreadable(Problem),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub read: u64,
    pub written: u64,
    pub rejected: u64,
    pub deduplicated: u64,
    pub unknown_fields: u64,
}

#[derive(Debug, Clone)]
pub struct WrittenFile {
    pub id: i64,
    pub fate: Fate,
    pub counts: Counts,
    /// The staged rejects, one JSON line each.
    pub rejects: Option<PathBuf>,
    /// BLAKE3 of its bytes, when it was taken while the file was read.
    pub hash: Option<String>,
    /// Data files that hold rows of this file only.
    pub data_files: Vec<DataFile>,
    /// How its records and the schema go together.
    pub seen: Seen,
}

/// The manifest of a load.
#[derive(Debug, Default)]
pub struct Written {
    /// Data files that hold rows of several files.
    pub together: Vec<DataFile>,
    pub files: Vec<WrittenFile>,
    /// With write mode `upsert`: the keys of this load.
    pub keys: Keys,
}

impl Written {
    /// All data files.
    pub fn data_files(&self) -> Vec<DataFile> {
        let apart = self.files.iter().flat_map(|file| &file.data_files);
        self.together.iter().chain(apart).cloned().collect()
    }
}

/// A fault of storage or of Lakegate; the load as a whole is given up and tried again.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("cannot keep the rejected records in {}", .path.display())]
    Rejects { path: PathBuf, source: io::Error },
    #[error("stopped before the load was written")]
    Stopped,
    #[error("cannot put the rows together")]
    Rows { source: arrow::error::ArrowError },
    #[error("data file {path} does not say where its rows come from")]
    NoLineage { path: String },
    #[error("data file {path} is in a folder that no table has")]
    Astray { path: String },
    #[error("cannot judge the records")]
    Judge { source: DecodeError },
}

impl WriteError {
    fn judging(source: DecodeError) -> Self {
        Self::Judge { source }
    }

    pub fn storage_fault(&self) -> Option<&io::Error> {
        match self {
            Self::Lake(error) => error.storage_fault(),
            Self::Rejects { source, .. } => Some(source),
            Self::Rows { .. }
            | Self::Judge { .. }
            | Self::Stopped
            | Self::NoLineage { .. }
            | Self::Astray { .. } => None,
        }
    }
}

/// Decodes, validates and stages all files of a load, in their order.
///
/// # Errors
/// Faults of storage; faults of a file are its [`Fate`].
pub fn write(work: &Work, mut files: Vec<SourceFile>) -> Result<Written, WriteError> {
    let contents = files.iter_mut().map(|file| file.content.take()).collect();
    Intake::new(work, &files, contents)?.run()
}

/// Data files are closed at this size unless a type says otherwise.
const TARGET_FILE_MB: u64 = 256;

pub(super) fn writer_options(spec: &TypeSpec) -> WriterOptions {
    WriterOptions {
        zone: Zone::Raw { partition_column: spec.partition_column.clone() },
        table: spec.table.clone(),
        compression: spec.config.compression,
        target_bytes: spec.config.target_file_mb.unwrap_or(TARGET_FILE_MB).saturating_mul(1 << 20),
    }
}

fn partition_source(spec: &TypeSpec, file: &SourceFile) -> PartitionSource {
    // A name without a time: the day of its last change, which stays the same when it is tried again.
    partition_source_of(spec, file.time.unwrap_or_else(|| file.modified_at.naive_utc()))
}

/// Where the partitions of a file's rows come from; `time` is that of the file.
pub(crate) fn partition_source_of(spec: &TypeSpec, time: NaiveDateTime) -> PartitionSource {
    let by = spec.config.partition_by;
    match &spec.config.partition_source {
        processing_config::PartitionSource::Column(name) => PartitionSource::Column {
            name: name.clone(),
            by,
            drop: name.eq_ignore_ascii_case(&spec.partition_column),
        },
        processing_config::PartitionSource::Filename => PartitionSource::Fixed(by.value(time)),
    }
}

/// True when what becomes of a record depends on the keys of records before it.
pub fn looks_at_keys(spec: &TypeSpec) -> bool {
    spec.config.dedupe
        || spec.config.write_mode == WriteMode::Upsert
        || !unique::checked_keys(spec).is_empty()
}

/// True when rows of earlier loads may have to go.
pub fn replaces_rows(spec: &TypeSpec) -> bool {
    match spec.config.write_mode {
        WriteMode::Append => false,
        WriteMode::Overwrite | WriteMode::Upsert => true,
    }
}
