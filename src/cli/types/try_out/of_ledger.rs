//! Files and records that the ledger knows: what waits, what failed, what was rejected.

use std::path::PathBuf;
use std::sync::Arc;

use super::bench::Bench;
use super::results::{FileResult, RejectedResult};
use crate::cli::exit::Failure;
use crate::cli::session::by_kind;
use crate::ingest::replay::{Sources, rehearse};
use crate::lake::Lake;
use crate::metadata::files::{FileFilter, FileRow, FileState, Location};
use crate::metadata::rejects::RejectFilter;
use crate::metadata::types::TypeRow;
use crate::name::FileName;
use crate::registry;
use crate::workers::Workers;

impl Bench<'_> {
    /// Files that the ledger knows, where they lie now.
    pub async fn of_the_ledger(&self, states: &[FileState]) -> Result<Vec<FileResult>, Failure> {
        let Some(metadata) = &self.metadata else { return Ok(Vec::new()) };
        let mut results = Vec::new();
        for state in states {
            let filter = FileFilter {
                state: Some(*state),
                file_type: self.wanted.as_ref().map(|row| row.file_type.clone()),
                limit: i64::MAX,
                ..FileFilter::default()
            };
            let mut rows = metadata.list_files(&filter).await?;
            rows.reverse();
            for row in rows {
                results.push(self.ledger_file(&row).await?);
            }
        }
        Ok(results)
    }

    async fn ledger_file(&self, file: &FileRow) -> Result<FileResult, Failure> {
        let Some(path) = self.place(file) else {
            let why = "it is not there any more".to_owned();
            return Ok(FileResult::untried(&file.name, file.file_type.clone(), why));
        };
        let known = file.file_type.as_deref().and_then(|key| self.registry.get(key));
        match known {
            Some(known) => {
                let time = file.file_time.map(|time| time.naive_utc());
                self.try_as(&path, &file.name, known.row.clone(), time).await
            }
            None => self.file(&path).await,
        }
    }

    fn place(&self, file: &FileRow) -> Option<PathBuf> {
        let path = match file.location {
            Location::Incoming => {
                self.session.settings.paths.incoming.join(FileName::from_shown(&file.name).raw())
            }
            Location::Processing | Location::Settled => PathBuf::from(file.path.as_ref()?),
            Location::Gone => return None,
        };
        path.is_file().then_some(path)
    }

    /// Open rejects, type by type, as a replay would judge them.
    pub async fn rejected(&self) -> Result<Vec<RejectedResult>, Failure> {
        let Some(metadata) = &self.metadata else { return Ok(Vec::new()) };
        let sources = Sources {
            lake: Lake::new(&self.session.settings.paths.datalake, Workers::new(1)),
            errors: self.session.settings.paths.error(),
            max_record_bytes: self.session.settings.ingest.max_record_bytes(),
        };
        let types: Vec<TypeRow> = match &self.wanted {
            Some(row) => vec![row.clone()],
            None => self.registry.types().iter().map(|known| known.row.clone()).collect(),
        };
        let mut results = Vec::new();
        for mut row in types {
            if let Some(schema) = &self.schema {
                row.schema_definition.clone_from(schema);
            }
            let file_type = row.file_type.clone();
            let spec = match registry::compile(&row) {
                Ok(spec) => Arc::new(spec),
                Err(reason) => {
                    results.push(RejectedResult { file_type, result: Err(reason) });
                    continue;
                }
            };
            let tried = rehearse(metadata, &sources, &spec, &RejectFilter::default(), u64::MAX).await;
            let report = tried.map_err(|fault| {
                let hint = fault.problem().hint;
                by_kind(&fault, fault.kind(), hint.as_deref())
            })?;
            if report.tried + report.of_failed_files > 0 {
                results.push(RejectedResult { file_type, result: Ok(report) });
            }
        }
        Ok(results)
    }
}
