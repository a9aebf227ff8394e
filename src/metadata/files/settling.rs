//! Where the bytes go: into `processing/` after a claim, out of it after the outcome, back for another try.
//!
//! A move on disk and its row cannot change in one step. Going out, the target is written down first, so that
//! recovery knows where to look; the location changes only after the move.

use super::super::error::MetadataError;
use super::super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::super::{Metadata, commit};
use super::{FileRow, select};

impl Metadata {
    /// Writes down that all files of a load that were claimed in `incoming/` lie at their targets now; how many.
    pub async fn moved_in(&self, load_id: i64) -> Result<u64, MetadataError> {
        let text = "UPDATE files SET location = 'processing', path = target, target = NULL, updated_at = {now}
                    WHERE load_id = $1 AND state = 'processing' AND location = 'incoming' AND target IS NOT NULL";
        Sql::new("write down where claimed files lie", text).bind(load_id).run(self.write()).await
    }

    /// Writes down that all files of a committed load lie at their targets now; how many. Files that were settled
    /// elsewhere are written down with [`Self::settled`] before.
    pub async fn settled_load(&self, load_id: i64) -> Result<u64, MetadataError> {
        let text = format!(
            "UPDATE files SET location = 'settled', path = target, target = NULL, updated_at = {{now}}
             WHERE load_id = $1 AND target IS NOT NULL AND {UNSETTLED}"
        );
        Sql::new("write down where files settled", text).bind(load_id).run(self.write()).await
    }

    /// Writes down that files given back, as (id, path), lie in `incoming/` again. The ids of those that do.
    pub async fn returned(&self, files: &[(i64, String)]) -> Result<Vec<i64>, MetadataError> {
        self.set_paths(
            "write down which files are in incoming/ again",
            files,
            "location = 'incoming', path = NULL, target = NULL",
            "files.state IN ('waiting', 'queued') AND files.location = 'processing' AND NOT EXISTS
                 (SELECT 1 FROM files AS other WHERE other.name = files.name AND other.location = 'incoming')",
        )
        .await
    }

    /// Writes down that claimed files, given as (id, path), lie in `processing/` now. The ids of those that
    /// were in work.
    pub async fn moved(&self, files: &[(i64, String)]) -> Result<Vec<i64>, MetadataError> {
        self.set_paths(
            "write down where claimed files lie",
            files,
            "location = 'processing', path = r.path, target = NULL",
            "files.state = 'processing' AND files.location IN ('incoming', 'processing')",
        )
        .await
    }

    /// The files whose outcome is committed but whose bytes have not been moved to where they stay.
    pub async fn unsettled(&self) -> Result<Vec<FileRow>, MetadataError> {
        let text = select(
            "location IN ('incoming', 'processing') AND state IN ('processed', 'failed', 'duplicate') ORDER BY id",
        );
        Sql::new("list the files to settle", text).all(self.read()).await
    }

    /// Writes down where ended files, given as (id, path), are about to be moved.
    pub async fn plan_settle(&self, files: &[(i64, String)]) -> Result<Vec<i64>, MetadataError> {
        self.set_paths("plan where files settle", files, "target = r.path", UNSETTLED).await
    }

    /// Writes down that ended files, given as (id, path), lie where they stay.
    pub async fn settled(&self, files: &[(i64, String)]) -> Result<Vec<i64>, MetadataError> {
        self.set_paths(
            "write down where files settled",
            files,
            "location = 'settled', path = r.path, target = NULL",
            UNSETTLED,
        )
        .await
    }

    /// Makes a failed and settled file wait in `incoming/` again, under its old name, with nothing remembered
    /// of its failure but the events. False when it is not failed, not settled, or its name is taken there.
    pub async fn requeue_failed(&self, id: i64, attempt: i64) -> Result<bool, MetadataError> {
        let text = "UPDATE files SET state = 'waiting', location = 'incoming', path = NULL, target = NULL, outcome = NULL,
                 owner = NULL, load_id = NULL, blake3 = NULL, duplicate_of = NULL, records_read = 0,
                 records_written = 0, records_rejected = 0, records_deduplicated = 0, records_filtered = 0,
                 records_replayed = 0, removed_by_load = NULL, unknown_fields = 0, crashes = 0, updated_at = {now},
                 control = NULL, error_code = NULL, error_message = NULL, error_hint = NULL,
                 started_at = NULL, finished_at = NULL
             WHERE id = $1 AND attempt = $2 AND state = 'failed' AND location = 'settled'
                 AND NOT EXISTS (SELECT 1 FROM files AS other
                                 WHERE other.name = files.name AND other.location = 'incoming')";
        let act = Sql::new("load a failed file again", text).bind(id).bind(attempt);
        Ok(act.run(self.write()).await? > 0)
    }

    async fn set_paths(
        &self,
        act: &'static str,
        files: &[(i64, String)],
        change: &str,
        condition: &str,
    ) -> Result<Vec<i64>, MetadataError> {
        let mut ids = Vec::with_capacity(files.len());
        if files.is_empty() {
            return Ok(ids);
        }
        let transaction = self.begin(act).await?;
        for part in files.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(["id", "path"], part.iter().map(|(id, path)| [(*id).into(), path.into()]));
            let text = format!(
                "UPDATE files SET {change}, updated_at = {{now}} FROM {{rows}} WHERE files.id = r.id AND {condition} RETURNING files.id"
            );
            ids.extend(Sql::over(act, batch, text).column::<i64>(&transaction, "id").await?);
        }
        commit(act, transaction).await?;
        Ok(ids)
    }
}

const UNSETTLED: &str = "files.state IN ('processed', 'failed', 'duplicate')
     AND files.location IN ('incoming', 'processing')";
