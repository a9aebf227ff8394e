//! Files in `incoming/`: seen for the first time, looked at again, taken away.

use chrono::{DateTime, Utc};

use super::super::error::MetadataError;
use super::super::row::Cell;
use super::super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::super::{Metadata, commit};
use super::{FileState, Problem, keys};

/// A name that the ledger does not know yet.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub name: String,
    pub file_type: Option<String>,
    /// `Waiting` or `Queued`.
    pub state: FileState,
    pub bytes: i64,
    pub modified_at: Option<DateTime<Utc>>,
    pub file_time: Option<DateTime<Utc>>,
    pub problem: Option<Problem>,
}

/// A new look at a file that waits or is queued.
#[derive(Debug, Clone)]
pub struct Recheck {
    pub id: i64,
    pub attempt: i64,
    /// `Waiting` or `Queued`.
    pub state: FileState,
    pub file_type: Option<String>,
    pub bytes: i64,
    pub modified_at: Option<DateTime<Utc>>,
    pub file_time: Option<DateTime<Utc>>,
    pub problem: Option<Problem>,
}

impl Metadata {
    /// Writes down new files; names that lie in `incoming/` already are left as they are. The ids of the new
    /// rows.
    pub async fn discover(&self, files: &[NewFile]) -> Result<Vec<i64>, MetadataError> {
        let found = self.discover_after(files, i64::MAX).await?;
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    /// The newest row of all.
    pub async fn newest_file(&self) -> Result<i64, MetadataError> {
        let newest: Option<Option<i64>> =
            Sql::new("look up the newest file", "SELECT max(id) AS id FROM files")
                .value(self.read(), "id")
                .await?;
        Ok(newest.flatten().unwrap_or(0))
    }

    /// As [`Self::discover`] after a listing that began when `newest` was the newest row. A name with a newer row is
    /// left for the next look: another process has met it, and may have taken the file away since it was listed. The
    /// new rows as (id, name).
    pub async fn discover_after(
        &self,
        files: &[NewFile],
        newest: i64,
    ) -> Result<Vec<(i64, String)>, MetadataError> {
        const ACT: &str = "write down new files";
        let mut found = Vec::with_capacity(files.len());
        if files.is_empty() {
            return Ok(found);
        }
        let transaction = self.begin(ACT).await?;
        for part in files.chunks(ROWS_PER_BATCH) {
            let inserted = Sql::over(
                ACT,
                new_files(part),
                "INSERT INTO files (name, file_type, state, bytes, modified_at, file_time,
                     error_code, error_message, error_hint)
                 SELECT r.name, r.file_type, r.state, r.bytes, r.modified_at, r.file_time,
                     r.error_code, r.error_message, r.error_hint
                 FROM {rows}
                 WHERE NOT EXISTS (SELECT 1 FROM files AS met WHERE met.id > $2 AND met.name = r.name)
                 ON CONFLICT (name) WHERE location = 'incoming' DO NOTHING RETURNING id, name",
            );
            for row in inserted.bind(newest).rows(&transaction).await? {
                let pair = i64::read(&row, "id").and_then(|id| Ok((id, String::read(&row, "name")?)));
                found.push(pair.map_err(|error| MetadataError::database(ACT, error))?);
            }
        }
        commit(ACT, transaction).await?;
        Ok(found)
    }

    /// Stores what a new look at waiting or queued files found. The ids of the rows that really changed: a
    /// file that was claimed meanwhile is not among them.
    pub async fn update_waiting(&self, rechecks: &[Recheck]) -> Result<Vec<i64>, MetadataError> {
        const ACT: &str = "look at waiting files again";
        let mut ids = Vec::with_capacity(rechecks.len());
        if rechecks.is_empty() {
            return Ok(ids);
        }
        let transaction = self.begin(ACT).await?;
        for part in rechecks.chunks(ROWS_PER_BATCH) {
            let updated = Sql::over(
                ACT,
                rechecked(part),
                "UPDATE files SET state = r.state, file_type = r.file_type, bytes = r.bytes,
                     modified_at = r.modified_at, file_time = r.file_time, error_code = r.error_code,
                     error_message = r.error_message, error_hint = r.error_hint, updated_at = {now}
                 FROM {rows}
                 WHERE files.id = r.id AND files.attempt = r.attempt AND files.location = 'incoming'
                     AND files.state IN ('waiting', 'queued')
                 RETURNING files.id",
            );
            ids.extend(updated.column::<i64>(&transaction, "id").await?);
        }
        commit(ACT, transaction).await?;
        Ok(ids)
    }

    /// Ends files, given as (id, attempt), that left `incoming/` before they were claimed.
    pub async fn vanish(&self, files: &[(i64, i64)]) -> Result<Vec<i64>, MetadataError> {
        const ACT: &str = "write down that files vanished";
        let mut ids = Vec::with_capacity(files.len());
        if files.is_empty() {
            return Ok(ids);
        }
        let transaction = self.begin(ACT).await?;
        for part in files.chunks(ROWS_PER_BATCH) {
            let vanished = Sql::over(
                ACT,
                keys(part),
                "UPDATE files SET state = 'failed', outcome = 'failed', location = 'gone', finished_at = {now},
                     updated_at = {now},
                     error_code = 'file.vanished',
                     error_message = 'the file was taken out of incoming/ before it was loaded',
                     error_hint = 'put it there again if it is still to be loaded'
                 FROM {rows}
                 WHERE files.id = r.id AND files.attempt = r.attempt AND files.location = 'incoming'
                     AND files.state IN ('waiting', 'queued')
                 RETURNING files.id",
            );
            ids.extend(vanished.column::<i64>(&transaction, "id").await?);
        }
        commit(ACT, transaction).await?;
        Ok(ids)
    }
}

fn new_files(files: &[NewFile]) -> Batch {
    let columns = [
        "name",
        "file_type",
        "state",
        "bytes",
        "modified_at",
        "file_time",
        "error_code",
        "error_message",
        "error_hint",
    ];
    Batch::of(
        columns,
        files.iter().map(|file| {
            let NewFile { name, file_type, state, bytes, modified_at, file_time, problem } = file;
            let [code, message, hint] = Problem::columns(problem);
            [
                name.into(),
                file_type.into(),
                (*state).into(),
                (*bytes).into(),
                (*modified_at).into(),
                (*file_time).into(),
                code.into(),
                message.into(),
                hint.into(),
            ]
        }),
    )
}

fn rechecked(rechecks: &[Recheck]) -> Batch {
    let columns = [
        "id",
        "attempt",
        "state",
        "file_type",
        "bytes",
        "modified_at",
        "file_time",
        "error_code",
        "error_message",
        "error_hint",
    ];
    Batch::of(
        columns,
        rechecks.iter().map(|recheck| {
            let Recheck { id, attempt, state, file_type, bytes, modified_at, file_time, problem } = recheck;
            let [code, message, hint] = Problem::columns(problem);
            [
                (*id).into(),
                (*attempt).into(),
                (*state).into(),
                file_type.into(),
                (*bytes).into(),
                (*modified_at).into(),
                (*file_time).into(),
                code.into(),
                message.into(),
                hint.into(),
            ]
        }),
    )
}
