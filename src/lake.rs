//! Tables on storage: layout, staged writes, Parquet.
//!
//! Knows nothing of where records came from, nor of the metadata database.

mod encode;
pub mod facts;
mod file;
mod gather;
pub mod keys;
mod ranges;
pub mod reshape;
pub mod retired;
mod room;
mod split;
pub mod staging;
pub mod union;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

pub use crate::schema::processing_config::Compression;
use crate::workers::Workers;
use encode::Shelf;
use room::Room;
pub use split::{PartitionSource, partitions_of, row_counts};
pub use staging::Staging;
pub use writer::{DataFile, TableWriter, WriterOptions};

/// The root of the data lake and where things lie below it. Paths of data files are relative to it, so that the
/// lake can be moved as a whole.
#[derive(Debug, Clone)]
pub struct Lake {
    root: PathBuf,
    workers: Arc<Workers>,
    /// What encoding keeps from one row group to the next.
    shelf: Arc<Shelf>,
    room: Arc<Room>,
}

/// Which half of the lake a table belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// Loaded from files; partitions are `<partition_column>=<value>` directories, whose value is not in the files.
    Raw { partition_column: String },
    /// Made by jobs; the day that names a directory is a column of its files, so that every reader has it.
    Summary,
}

#[derive(Debug, Error)]
pub enum LakeError {
    #[error("cannot {act} {}", .path.display())]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot encode Parquet for {}", .path.display())]
    Encode { path: PathBuf, source: parquet::errors::ParquetError },
    #[error("cannot read the data file {}", .path.display())]
    Read { path: PathBuf, source: parquet::errors::ParquetError },
    #[error("cannot split rows by partition")]
    Split { source: arrow::error::ArrowError },
    #[error("partition column {column} has type {found}, which is neither a date nor a time")]
    PartitionType { column: String, found: String },
}

impl LakeError {
    pub(crate) fn io(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { act, path: path.to_owned(), source }
    }

    /// The I/O error at the bottom, when storage is what failed.
    pub fn storage_fault(&self) -> Option<&std::io::Error> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Encode { source: parquet::errors::ParquetError::External(inner), .. }
            | Self::Read { source: parquet::errors::ParquetError::External(inner), .. } => {
                inner.downcast_ref()
            }
            Self::Encode { .. } | Self::Read { .. } | Self::Split { .. } | Self::PartitionType { .. } => None,
        }
    }
}

impl Lake {
    /// Encodes on `workers`.
    pub fn new(root: impl Into<PathBuf>, workers: Arc<Workers>) -> Self {
        Self { root: root.into(), workers, shelf: Arc::default(), room: Arc::default() }
    }

    /// The threads that encode, and may decode.
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of a data file whose path the ledger knows.
    pub fn place(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Where a load writes before it publishes; one folder a load.
    pub fn staging_folder(&self, load_id: i64) -> PathBuf {
        self.root.join(".staging").join(format!("load-{load_id}"))
    }

    /// The folder of a partition, relative to the root.
    fn folder(zone: &Zone, table: &str, partition: Option<&str>) -> String {
        match (zone, partition) {
            (Zone::Raw { partition_column }, Some(value)) => {
                format!("raw_data/{table}/{partition_column}={value}")
            }
            (Zone::Raw { .. }, None) => format!("raw_data/{table}"),
            (Zone::Summary, Some(value)) => format!("summary/{table}/{value}"),
            (Zone::Summary, None) => format!("summary/{table}"),
        }
    }
}
