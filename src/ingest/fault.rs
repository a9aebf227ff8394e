//! Why a load as a whole did not happen, and who has to act on it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::write::WriteError;
use crate::lake::LakeError;
use crate::metadata::files::Problem;
use crate::metadata::{Kind, MetadataError};

/// A fault that is not the fault of any file.
#[derive(Debug, Error)]
pub enum Fault {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("cannot stage the rows")]
    Write(#[from] WriteError),
    #[error("cannot publish the data files")]
    Lake(#[from] LakeError),
    #[error("cannot {act} {}", .path.display())]
    File { act: &'static str, path: PathBuf, source: io::Error },
    #[error("Lakegate failed inside a load: {cause}")]
    Panic { cause: String },
    #[error("all lanes are in use")]
    NoLane,
    #[error("the load before this one did not come to its commit")]
    Overtaken,
    #[error(
        "the rows of {name} (file {file_id}) cannot be told from those of file {other}: they came under one name with one load"
    )]
    Inseparable { name: String, file_id: i64, other: i64 },
    #[error("type {file_type} cannot be used: {reason}")]
    Type { file_type: String, reason: String },
}

impl Fault {
    pub fn file(act: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { act, path, source }
    }

    /// Decides on retries: anything but an internal fault passes by itself or when somebody acts.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Metadata(error) => error.kind(),
            Self::Write(WriteError::Stopped) | Self::Overtaken => Kind::Conflict,
            Self::Write(WriteError::NoLineage { .. }) | Self::Inseparable { .. } | Self::Type { .. } => {
                Kind::Data
            }
            Self::Write(WriteError::Rows { .. }) | Self::Panic { .. } => Kind::Internal,
            Self::Write(error) if error.storage_fault().is_none() => Kind::Internal,
            Self::Lake(error) if error.storage_fault().is_none() => Kind::Internal,
            Self::Write(_) | Self::Lake(_) | Self::File { .. } | Self::NoLane => Kind::Transient,
        }
    }

    /// The fault as the ledger, the log and the alert tell it.
    pub fn problem(&self) -> Problem {
        let (code, hint) = match self {
            Self::Metadata(error) => return metadata_problem(error),
            Self::Write(WriteError::NoLineage { .. }) => {
                ("revert.no_lineage", "rows of a type with \"lineage\": false cannot be taken out by file")
            }
            Self::Write(error) => storage(error.storage_fault()),
            Self::Lake(error) => storage(error.storage_fault()),
            Self::File { source, .. } => storage(Some(source)),
            Self::Panic { .. } => {
                ("internal.panic", "please report it with the log; the file is parked as failed")
            }
            Self::Overtaken => ("load.overtaken", "nothing is lost; its files load after those before them"),
            Self::NoLane => ("internal.lanes", "lower ingest.parallel_loads"),
            Self::Inseparable { .. } => {
                ("revert.inseparable", "revert neither, or delete their rows together with those of the load")
            }
            Self::Type { .. } => ("type.unusable", "mend its row; `lakegate types show` says more"),
        };
        Problem { code: code.into(), message: self.whole_message(), hint: Some(hint.into()) }
    }

    /// This error and its sources in one line.
    pub fn whole_message(&self) -> String {
        whole_message(self)
    }
}

/// An error and its sources in one line, without repeating what a source says already.
pub fn whole_message(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

fn metadata_problem(error: &MetadataError) -> Problem {
    let code = match error.kind() {
        Kind::Transient => "metadata.unavailable",
        Kind::Conflict => "metadata.conflict",
        Kind::Data | Kind::Internal | Kind::User => "metadata.failed",
    };
    let hint =
        error.hint().unwrap_or("check that the metadata database runs; Lakegate tries again by itself");
    Problem { code: code.into(), message: whole_message(error), hint: Some(hint.into()) }
}

fn storage(fault: Option<&io::Error>) -> (&'static str, &'static str) {
    match fault.map(io::Error::kind) {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            ("storage.full", "free disk space; nothing is lost, loading goes on by itself")
        }
        Some(io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) => {
            ("storage.not_writable", "give Lakegate write access to the folder; loading goes on by itself")
        }
        Some(_) => ("storage.unavailable", "check the disk; nothing is lost, loading goes on by itself"),
        None => ("internal.encode", "please report it with the log"),
    }
}
