//! Why files were not merged, and who has to act on it.

use std::path::PathBuf;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use thiserror::Error;

use crate::lake::LakeError;
use crate::metadata::files::Problem;
use crate::metadata::{Kind, MetadataError};
use crate::query::QueryError;

/// Nothing of the table has changed when one of these is given.
#[derive(Debug, Error)]
pub enum CompactError {
    #[error("there is no table {name:?}")]
    UnknownTable { name: String, near: Vec<String> },
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("cannot list the data files")]
    Query(#[from] QueryError),
    #[error("cannot write the merged data file")]
    Lake(#[from] LakeError),
    #[error("data file {} cannot be read", .path.display())]
    Unreadable { path: PathBuf, source: ParquetError },
    #[error("data file {} holds {found} rows, but the ledger says {expected}", .path.display())]
    RowCount { path: PathBuf, expected: u64, found: u64 },
    #[error("data file {} was replaced meanwhile", .path.display())]
    Gone { path: PathBuf },
    #[error("rows cannot be summed up")]
    Rows { source: ArrowError },
    #[error(
        "the merged data file does not hold the same rows: {rows_read} were read, {rows_written} found in it"
    )]
    Differs { rows_read: u64, rows_written: u64 },
    #[error("data file {path} is in a folder that no table has")]
    Folder { path: String },
    #[error("somebody else is at work on table {table}")]
    Busy { table: String },
    #[error("stopped")]
    Stopped,
    #[error("Lakegate failed while it merged data files: {cause}")]
    Panic { cause: String },
}

impl CompactError {
    /// Decides on retries, exit codes and log levels.
    pub fn kind(&self) -> Kind {
        match self {
            Self::UnknownTable { .. } => Kind::User,
            Self::Metadata(error) => error.kind(),
            Self::Query(QueryError::FilesChanged) => Kind::Conflict,
            Self::Query(error) => error.kind(),
            Self::Lake(error) if error.storage_fault().is_some() => Kind::Transient,
            Self::Gone { .. } | Self::Busy { .. } | Self::Stopped => Kind::Conflict,
            Self::Unreadable { .. } | Self::RowCount { .. } => Kind::Data,
            Self::Lake(_)
            | Self::Rows { .. }
            | Self::Differs { .. }
            | Self::Folder { .. }
            | Self::Panic { .. } => Kind::Internal,
        }
    }

    /// What to do next, when there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownTable { near, .. } if near.is_empty() => {
                Some("`lakegate sql \"SHOW TABLES\"` lists every table".into())
            }
            Self::UnknownTable { near, .. } => Some(format!("did you mean {}?", near.join(" or "))),
            Self::Metadata(error) => error.hint().map(str::to_owned),
            Self::Query(error) => error.hint(),
            Self::Lake(error) if error.storage_fault().is_some() => {
                Some("check free space and permissions; the old data files are still in place".into())
            }
            Self::Unreadable { .. } | Self::RowCount { .. } => Some(
                "the old data files are still in place; restore this one, or load its sources again".into(),
            ),
            Self::Lake(_)
            | Self::Rows { .. }
            | Self::Differs { .. }
            | Self::Folder { .. }
            | Self::Panic { .. } => {
                Some("please report it with the log; the old data files are still in place".into())
            }
            Self::Gone { .. } | Self::Busy { .. } | Self::Stopped => Some("run it again later".into()),
        }
    }

    /// The error as the log and the alert tell it.
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::UnknownTable { .. } => "compact.table",
            Self::Metadata(error) if error.kind() == Kind::Transient => "metadata.unavailable",
            Self::Metadata(_) | Self::Query(_) => "compact.ledger",
            Self::Lake(error) if error.storage_fault().is_some() => "storage.unavailable",
            Self::Unreadable { .. } | Self::RowCount { .. } | Self::Folder { .. } => "compact.source",
            Self::Rows { .. } | Self::Differs { .. } => "compact.differs",
            Self::Gone { .. } | Self::Busy { .. } | Self::Stopped => "compact.conflict",
            Self::Lake(_) => "internal.encode",
            Self::Panic { .. } => "internal.panic",
        };
        Problem { code: code.into(), message: self.whole_message(), hint: self.hint() }
    }

    /// This error and its sources in one line.
    pub fn whole_message(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            source = inner.source();
        }
        text
    }
}
