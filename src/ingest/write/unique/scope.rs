//! What the keys of new records are compared with.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use tokio_util::sync::CancellationToken;

use super::super::{SourceFile, Work, partition_source};
use crate::lake::keys::LiveFile;
use crate::lake::{Lake, LakeError, partitions_of};
use crate::registry::TypeSpec;
use crate::schema::processing_config::WriteMode;

/// Rows of the table: the load and the name of the file with which they came.
pub type Rows = HashSet<(i64, String)>;

/// A table with unique keys, as it is before a load; of a table without them nothing is known.
#[derive(Debug, Clone, Default)]
pub struct KeyedTable {
    /// Its data files.
    pub live: Vec<LiveFile>,
    /// By new file, the rows that go when it is accepted: those of earlier deliveries.
    pub leaving: HashMap<i64, Rows>,
    /// Its newest commit: the load must be the next one.
    pub seen_commit: Option<i64>,
    /// With a replay into partitions that others may have overwritten: which ones.
    pub overwritten: Overwritten,
}

/// When partitions were overwritten last, compared with the files whose records come into them late.
#[derive(Debug, Clone, Default)]
pub struct Overwritten {
    /// By partition.
    pub newest: HashMap<Option<String>, i64>,
    /// By place of the file, the commit with which it was loaded.
    pub commits: Vec<i64>,
}

/// A load, as far as unique keys are concerned.
#[derive(Debug)]
pub struct Scope<'a> {
    pub lake: &'a Lake,
    pub spec: &'a TypeSpec,
    pub table: &'a KeyedTable,
    /// For keys that do not fit in memory; `None` when nothing is to be written.
    pub scratch: Option<PathBuf>,
    /// Partitions are replaced by what comes into them.
    replaces_partitions: bool,
    stop: Option<&'a CancellationToken>,
}

impl<'a> Scope<'a> {
    /// Files that are loaded.
    pub fn of_files(work: &'a Work) -> Self {
        let replaces_partitions = work.spec.config.write_mode == WriteMode::Overwrite;
        Self { replaces_partitions, ..Self::of_records(work) }
    }

    /// Records that are added to what is there.
    pub fn of_records(work: &'a Work) -> Self {
        Self {
            scratch: Some(work.lake.staging_folder(work.load_id)),
            stop: Some(&work.stop),
            ..Self::rehearsal(&work.lake, &work.spec, &work.keyed)
        }
    }

    /// A file that would be loaded.
    pub fn file_rehearsal(lake: &'a Lake, spec: &'a TypeSpec, table: &'a KeyedTable) -> Self {
        let replaces_partitions = spec.config.write_mode == WriteMode::Overwrite;
        Self { replaces_partitions, ..Self::rehearsal(lake, spec, table) }
    }

    /// Records that would be added.
    pub fn rehearsal(lake: &'a Lake, spec: &'a TypeSpec, table: &'a KeyedTable) -> Self {
        Self { lake, spec, table, scratch: None, replaces_partitions: false, stop: None }
    }

    pub(super) fn replaces_partitions(&self) -> bool {
        self.replaces_partitions
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(CancellationToken::is_cancelled)
    }

    /// True when the time of these rows is over, and with them that of the file at `place`: none of it will be in the table.
    pub(super) fn is_overwritten(
        &self,
        batch: &RecordBatch,
        file: &SourceFile,
        place: usize,
    ) -> Result<bool, LakeError> {
        let Overwritten { newest, commits } = &self.table.overwritten;
        let Some(loaded) = commits.get(place) else { return Ok(false) };
        let partitions = partitions_of(batch, &partition_source(self.spec, file))?;
        Ok(partitions.iter().any(|partition| newest.get(partition).is_some_and(|newest| newest > loaded)))
    }

    /// The rows that go with the acceptance of a file.
    pub(super) fn leaving(&self, file: &SourceFile) -> Option<&'a Rows> {
        self.table.leaving.get(&file.id)
    }
}
