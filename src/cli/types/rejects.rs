//! The open rejects of a type: how many there are, and how many of them the type would accept as it is now.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::exit::Failure;
use crate::cli::session::{Session, by_kind};
use crate::cli::table::count;
use crate::ingest::replay::{Sources, rehearse};
use crate::lake::Lake;
use crate::metadata::Metadata;
use crate::metadata::rejects::{Backlog, RejectFilter};
use crate::metadata::types::TypeRow;
use crate::registry;
use crate::workers::Workers;

/// Records that are looked at; a person waits.
const MOST: u64 = 20_000;

pub(super) struct Rejects {
    backlog: Backlog,
    /// Of so many that were looked at, so many would be accepted; `None` when there was nothing to look at.
    acceptable: Option<(u64, u64)>,
}

impl Rejects {
    pub async fn of(metadata: &Metadata, row: &TypeRow, session: &Session) -> Result<Self, Failure> {
        let filter = RejectFilter { file_type: Some(row.file_type.clone()), ..RejectFilter::default() };
        let backlog = metadata.reject_backlog(&filter).await?;
        let spec = registry::compile(row).ok().filter(|_| backlog.ready > 0);
        let Some(spec) = spec else { return Ok(Self { backlog, acceptable: None }) };
        let sources = Sources {
            lake: Lake::new(&session.settings.paths.datalake, Workers::new(1)),
            errors: session.settings.paths.error(),
            max_record_bytes: session.settings.ingest.max_record_bytes(),
        };
        let report = rehearse(metadata, &sources, &Arc::new(spec), &filter, MOST).await.map_err(|fault| {
            let hint = fault.problem().hint;
            by_kind(&fault, fault.kind(), hint.as_deref())
        })?;
        Ok(Self { backlog, acceptable: Some((report.valid, report.tried)) })
    }

    /// In a line; `None` when there are none.
    pub fn told(&self, file_type: &str) -> Option<String> {
        let Backlog { ready, of_failed_files } = self.backlog;
        if ready + of_failed_files == 0 {
            return None;
        }
        let mut text = count(ready + of_failed_files);
        match self.acceptable {
            Some((0, _)) | None => {}
            Some((acceptable, _)) => {
                text += &format!(
                    ", of which {} would be accepted now: lakegate rejects replay --type {file_type}",
                    count(acceptable)
                );
            }
        }
        if of_failed_files > 0 {
            text += &format!(" ({} of files that failed as a whole)", count(of_failed_files));
        }
        Some(text)
    }

    pub fn to_json(&self) -> Value {
        json!({
            "open": self.backlog.ready + self.backlog.of_failed_files,
            "of_failed_files": self.backlog.of_failed_files,
            "looked_at": self.acceptable.map(|(_, tried)| tried),
            "acceptable": self.acceptable.map(|(acceptable, _)| acceptable),
        })
    }
}
