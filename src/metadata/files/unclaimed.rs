//! Files that nobody has claimed: what a process has to know of them to decide what it loads next.
//!
//! A process reads them once and then follows its own changes. [`Metadata::unclaimed_sum`] tells it cheaply whether
//! somebody else has changed something; the other questions answer what a lost compare-and-swap leaves open.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::super::Metadata;
use super::super::error::MetadataError;
use super::super::row::Cell;
use super::super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::{FileState, Location, Problem};

/// A file whose bytes are in `incoming/` or `processing/`, as far as it matters before its claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Unclaimed {
    pub id: i64,
    pub attempt: i64,
    pub crashes: i64,
    pub name: Arc<str>,
    pub file_type: Option<String>,
    pub state: FileState,
    pub location: Location,
    pub path: Option<String>,
    pub bytes: i64,
    pub modified_at: Option<DateTime<Utc>>,
    pub file_time: Option<DateTime<Utc>>,
    /// When it was first seen.
    pub seen_at: DateTime<Utc>,
    /// Why it waits.
    pub problem: Option<Box<Problem>>,
}

const COLUMNS: &str = "files.id, files.attempt, files.crashes, files.name, files.file_type, files.state, \
     files.location, files.path, files.bytes, files.modified_at, files.file_time, files.seen_at, files.error_code, \
     files.error_message, files.error_hint";

impl FromQueryResult for Unclaimed {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let problem = match Option::<String>::read(row, "error_code")? {
            None => None,
            Some(code) => {
                let message = String::read(row, "error_message")?;
                Some(Box::new(Problem { code, message, hint: Cell::read(row, "error_hint")? }))
            }
        };
        Ok(Unclaimed {
            id: Cell::read(row, "id")?,
            attempt: Cell::read(row, "attempt")?,
            crashes: Cell::read(row, "crashes")?,
            name: String::read(row, "name")?.into(),
            file_type: Cell::read(row, "file_type")?,
            state: Cell::read(row, "state")?,
            location: Cell::read(row, "location")?,
            path: Cell::read(row, "path")?,
            bytes: Cell::read(row, "bytes")?,
            modified_at: Cell::read(row, "modified_at")?,
            file_time: Cell::read(row, "file_time")?,
            seen_at: Cell::read(row, "seen_at")?,
            problem,
        })
    }
}

/// How many files wait or are queued, and the sum of their ids: two equal sums belong to the same files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnclaimedSum {
    pub waiting: (i64, i64),
    pub queued: (i64, i64),
}

impl UnclaimedSum {
    /// Adds a file, unless it is in another state.
    pub fn add(&mut self, state: FileState, id: i64) {
        let (files, ids) = match state {
            FileState::Waiting => &mut self.waiting,
            FileState::Queued => &mut self.queued,
            FileState::Processing | FileState::Processed | FileState::Failed | FileState::Duplicate => return,
        };
        *files += 1;
        *ids += id;
    }
}

const ACT: &str = "list the files that nobody has claimed";

impl Metadata {
    /// All waiting and queued files, oldest first.
    pub async fn unclaimed(&self) -> Result<Vec<Unclaimed>, MetadataError> {
        let text = format!(
            "SELECT {COLUMNS} FROM files
             WHERE state IN ('waiting', 'queued') AND location IN ('incoming', 'processing') ORDER BY id"
        );
        Sql::new(ACT, text).all(self.read()).await
    }

    /// What [`Self::unclaimed`] would give, in two sums, from an index alone.
    pub async fn unclaimed_sum(&self) -> Result<UnclaimedSum, MetadataError> {
        let text = "SELECT state, count(*) AS files, CAST(sum(id) AS BIGINT) AS ids FROM files
                    WHERE state IN ('waiting', 'queued') AND location IN ('incoming', 'processing')
                    GROUP BY state";
        let rows = Sql::new(ACT, text).rows(self.read()).await?;
        let mut sum = UnclaimedSum::default();
        for row in &rows {
            let read = || -> Result<_, DbErr> {
                Ok((FileState::read(row, "state")?, i64::read(row, "files")?, i64::read(row, "ids")?))
            };
            let (state, files, ids) = read().map_err(|error| MetadataError::database(ACT, error))?;
            match state {
                FileState::Waiting => sum.waiting = (files, ids),
                _ => sum.queued = (files, ids),
            }
        }
        Ok(sum)
    }

    /// Those of the files with these ids that still wait or are queued.
    pub async fn unclaimed_of(&self, ids: &[i64]) -> Result<Vec<Unclaimed>, MetadataError> {
        let mut found = Vec::new();
        for part in ids.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(["id"], part.iter().map(|&id| [id.into()]));
            let text = format!(
                "SELECT {COLUMNS} FROM {{rows}} JOIN files ON files.id = r.id
                 WHERE files.state IN ('waiting', 'queued') AND files.location IN ('incoming', 'processing')"
            );
            found.extend(Sql::over(ACT, batch, text).all::<Unclaimed>(self.read()).await?);
        }
        Ok(found)
    }

    /// The files that lie in `incoming/` under these names, claimed or not.
    pub async fn incoming_of(&self, names: &[String]) -> Result<Vec<Unclaimed>, MetadataError> {
        let mut found = Vec::new();
        for part in names.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(["name"], part.iter().map(|name| [name.into()]));
            let text = format!(
                "SELECT {COLUMNS} FROM {{rows}} JOIN files ON files.name = r.name AND files.location = 'incoming'"
            );
            found.extend(Sql::over(ACT, batch, text).all::<Unclaimed>(self.read()).await?);
        }
        Ok(found)
    }

    /// The files with an id above `newest`, whatever became of them, oldest first.
    pub async fn files_after(&self, newest: i64) -> Result<Vec<Unclaimed>, MetadataError> {
        let text = format!("SELECT {COLUMNS} FROM files WHERE id > $1 ORDER BY id");
        Sql::new("list the newest files", text).bind(newest).all(self.read()).await
    }

    /// The types that have files on their way into the lake: queued, in work or not yet settled.
    pub async fn types_on_their_way(&self) -> Result<Vec<String>, MetadataError> {
        let text = "SELECT DISTINCT file_type FROM files
                    WHERE state IN ('queued', 'processing', 'processed', 'failed', 'duplicate')
                        AND location IN ('incoming', 'processing') AND file_type IS NOT NULL";
        Sql::new("list the types that are being loaded", text).column(self.read(), "file_type").await
    }
}
