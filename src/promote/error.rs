//! Why a field was not promoted, and who has to act on it.

use std::path::PathBuf;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use thiserror::Error;

use crate::ingest::Fault;
use crate::lake::LakeError;
use crate::metadata::{Kind, MetadataError};

#[derive(Debug, Error)]
pub enum PromoteError {
    #[error("there is no table or type {name:?}")]
    UnknownTable { name: String },
    #[error("type {file_type} cannot be used: {reason}")]
    UnusableType { file_type: String, reason: String },
    #[error("no row of {table} has {field} in _rescued, and the schema does not have it")]
    NothingThere { table: String, field: String },
    #[error("every value of {field} in _rescued is null or empty, which tells no type")]
    NoType { field: String },
    #[error("{field} lies inside a list or a map; only columns and members of objects can be promoted")]
    InsideElements { field: String },
    #[error("the schema has {field} as {has}, not as {wanted}")]
    OtherType { field: String, has: String, wanted: String },
    #[error("{kind:?} is no type: {reason}")]
    BadType { kind: String, reason: String },
    #[error("{field} cannot become a column: {reason}")]
    CannotAdd { field: String, reason: String },
    #[error("the schema of {file_type} was changed again and again meanwhile")]
    SchemaChanged { file_type: String },
    #[error("cannot compare the schema with the rows of its table")]
    Compare(#[source] Fault),
    #[error("data files were replaced meanwhile")]
    FilesChanged,
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("cannot write the data files again")]
    Lake(#[from] LakeError),
    #[error("data file {} cannot be read", .path.display())]
    Unreadable { path: PathBuf, source: ParquetError },
    #[error("the rows of {} cannot be put together", .path.display())]
    Rows { path: PathBuf, source: ArrowError },
    #[error("data file {path} is in a folder that no table has")]
    Folder { path: String },
    #[error("Lakegate failed while it filled the column: {cause}")]
    Panic { cause: String },
}

impl PromoteError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::UnknownTable { .. }
            | Self::UnusableType { .. }
            | Self::NothingThere { .. }
            | Self::NoType { .. }
            | Self::InsideElements { .. }
            | Self::OtherType { .. }
            | Self::BadType { .. }
            | Self::CannotAdd { .. } => Kind::User,
            Self::SchemaChanged { .. } | Self::FilesChanged => Kind::Conflict,
            Self::Metadata(error) => error.kind(),
            Self::Compare(fault) => fault.kind(),
            Self::Lake(error) if error.storage_fault().is_some() => Kind::Transient,
            Self::Unreadable { .. } => Kind::Data,
            Self::Lake(_) | Self::Rows { .. } | Self::Folder { .. } | Self::Panic { .. } => Kind::Internal,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownTable { .. } => "`lakegate types list` shows what there is".into(),
            Self::UnusableType { file_type, .. } => {
                format!("mend its row; `lakegate types show {file_type}` tells more")
            }
            Self::NothingThere { table, .. } => {
                format!("`lakegate types drift {table}` lists the fields that the schema does not have")
            }
            Self::NoType { .. } => "name its type with --type".into(),
            Self::InsideElements { .. } => "add it to schema_definition; rows to come will have it".into(),
            Self::OtherType { .. } => "leave --type out".into(),
            Self::BadType { .. } => {
                "for instance --type long, --type 'decimal(12,2)', --type timestamp".into()
            }
            Self::CannotAdd { .. } => "add the field to schema_definition by hand, then promote it".into(),
            Self::SchemaChanged { .. } | Self::FilesChanged => "run it again".into(),
            Self::Metadata(error) => return error.hint().map(str::to_owned),
            Self::Compare(fault) => return fault.problem().hint,
            Self::Lake(error) if error.storage_fault().is_some() => {
                "check free space and permissions; nothing was lost, run it again".into()
            }
            Self::Unreadable { .. } => "restore this data file, or load its sources again".into(),
            Self::Lake(_) | Self::Rows { .. } | Self::Folder { .. } | Self::Panic { .. } => {
                "please report it with the log; the data files are as they were".into()
            }
        })
    }
}
