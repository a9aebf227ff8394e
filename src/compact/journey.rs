//! One merge: begin, write, prove, stage, publish, commit, retire.

use std::time::{Instant, SystemTime};

use tokio_util::sync::CancellationToken;

use super::error::CompactError;
use super::origins::origins_of;
use super::plan::{Group, folder_of};
use super::quiet::quietly;
use super::report::Merge;
use super::retire::retire_replaced;
use super::rewrite::Rewrite;
use super::target::Target;
use super::{Compactor, Inner};
use crate::crash;
use crate::lake::{DataFile, LakeError, Staging, staging};
use crate::metadata::loads::{Compaction, LoadKind, MergedFile, NewDataFile, NewLoad};

impl Compactor {
    /// Merges one group. On an error nothing of it stays but the row of the load, rolled back; when even that cannot be
    /// written, recovery does it later.
    pub(super) async fn merge(
        &self,
        target: &Target,
        group: &Group,
        stop: &CancellationToken,
    ) -> Result<Merge, CompactError> {
        let began = Instant::now();
        self.wait_for_nobody(target, None).await?;
        let load = NewLoad {
            kind: LoadKind::Compaction,
            table_name: target.table.clone(),
            file_type: None,
            schema_version: None,
            owner: self.inner.owner.id().to_owned(),
        };
        let load_id = self.inner.metadata.begin_load(&load).await?;
        crash::at("compact-after-begin");
        let journey = Journey { inner: &self.inner, load_id, target, group };
        let written = match self.stage(&journey, stop).await {
            Ok(written) => written,
            Err(error) => return journey.give_up(&[], error).await,
        };
        crash::at("compact-after-intent");
        if let Err(error) = journey.publish(&written).await {
            return journey.give_up(&written, error).await;
        }
        crash::at("compact-after-publish");
        // From here on recovery finishes the load whatever happens: its intent is on record, its files are in place.
        self.inner.metadata.commit(load_id).await?;
        crash::at("compact-after-commit");
        journey.retire().await;
        let merge = journey.report(&written);
        tracing::info!(load_id, table = %target.table, folder = %merge.folder, files = merge.files_before,
            into = merge.files_after, rows = merge.rows, bytes_before = merge.bytes_before,
            bytes_after = merge.bytes_after, elapsed_ms = began.elapsed().as_millis() as u64, "compacted");
        Ok(merge)
    }

    /// Everything up to the intent in the ledger.
    async fn stage(
        &self,
        journey: &Journey<'_>,
        stop: &CancellationToken,
    ) -> Result<Vec<DataFile>, CompactError> {
        let rewrite = Rewrite {
            lake: self.inner.lake.clone(),
            load_id: journey.load_id,
            files: journey.group.files.clone(),
            options: journey.target.options(journey.group)?,
            stop: stop.clone(),
        };
        let written = quietly(move || rewrite.run()).await??;
        if let Some(astray) = written.iter().find(|file| folder_of(&file.path) != journey.group.folder) {
            return Err(CompactError::Folder { path: astray.path.clone() });
        }
        // Who replaces rows has done more work than this: it goes first.
        self.wait_for_nobody(journey.target, Some(journey.load_id)).await?;
        self.inner.metadata.stage_compaction(journey.load_id, &journey.intent(&written)).await?;
        Ok(written)
    }

    /// A merge beside an append disturbs nobody. Beside another merge, or a load that replaces rows, one of the two
    /// would have worked for nothing.
    async fn wait_for_nobody(&self, target: &Target, own: Option<i64>) -> Result<(), CompactError> {
        let Inner { metadata, owner, .. } = self.inner.as_ref();
        let open = metadata.open_loads().await?;
        let is_in_the_way = open.iter().any(|load| {
            load.table_name == target.table
                && Some(load.id) != own
                && (target.is_replaced || load.kind == LoadKind::Compaction)
                && !owner.is_gone(&load.owner)
        });
        if is_in_the_way { Err(CompactError::Busy { table: target.table.clone() }) } else { Ok(()) }
    }
}

struct Journey<'a> {
    inner: &'a Inner,
    load_id: i64,
    target: &'a Target,
    group: &'a Group,
}

impl Journey<'_> {
    fn intent(&self, written: &[DataFile]) -> Compaction {
        let rows: Vec<i64> = written.iter().map(|file| file.rows as i64).collect();
        let origins = origins_of(&self.group.files, &rows);
        let merged = written.iter().zip(origins);
        Compaction {
            merged: merged.map(|(file, origins)| MergedFile { file: new_data_file(file), origins }).collect(),
            removes: self.group.files.iter().map(|file| file.id).collect(),
        }
    }

    async fn publish(&self, written: &[DataFile]) -> Result<(), CompactError> {
        let (lake, load_id, files) = (self.inner.lake.clone(), self.load_id, written.to_vec());
        let publishing = tokio::task::spawn_blocking(move || {
            staging::publish(&lake, &files)?;
            Staging::of(&lake, load_id).clear()
        });
        let published: Result<(), LakeError> =
            publishing.await.map_err(|stopped| CompactError::Panic { cause: stopped.to_string() })?;
        Ok(published?)
    }

    /// What cannot be retired now is retired at the next full scan.
    async fn retire(&self) {
        let now: SystemTime = self.inner.clock.now().into();
        if let Err(error) = retire_replaced(&self.inner.metadata, &self.inner.lake, now).await {
            tracing::warn!(
                load_id = self.load_id,
                "replaced data files are still in place: {}",
                error.whole_message()
            );
        }
    }

    async fn give_up<T>(&self, published: &[DataFile], error: CompactError) -> Result<T, CompactError> {
        let Inner { metadata, lake, .. } = self.inner;
        let cleared = staging::remove(lake, published.iter().map(|file| file.path.as_str()))
            .and_then(|()| Staging::of(lake, self.load_id).clear());
        if let Err(left) = cleared {
            // The load stays open, so that recovery tries again.
            tracing::warn!(load_id = self.load_id, cause = %left, "a merge that failed is left for recovery");
            return Err(error);
        }
        if let Err(left) = metadata.roll_back(self.load_id, &[]).await {
            tracing::warn!(load_id = self.load_id, cause = %left, "a merge that failed is left for recovery");
        }
        Err(error)
    }

    fn report(&self, written: &[DataFile]) -> Merge {
        let old = &self.group.files;
        Merge {
            folder: self.group.folder.clone(),
            load_id: self.load_id,
            files_before: old.len(),
            files_after: written.len(),
            bytes_before: old.iter().map(|file| file.bytes).sum(),
            bytes_after: written.iter().map(|file| file.bytes).sum(),
            rows: written.iter().map(|file| file.rows).sum(),
        }
    }
}

fn new_data_file(file: &DataFile) -> NewDataFile {
    let DataFile { staged: _, path, partition, rows, bytes, column_ranges } = file;
    NewDataFile {
        path: path.clone(),
        partition_value: partition.clone(),
        rows: *rows as i64,
        bytes: *bytes as i64,
        column_ranges: column_ranges.clone(),
    }
}
