//! Files: one row for each file ever seen, and what may be asked about them.
//!
//! The steps of a file's life are next door: `arrivals` (seen in `incoming/`), `unclaimed` (waiting or queued),
//! `claims` (taken for a load, and given back), `settling` (moved to where it stays), `deliveries` (earlier versions of
//! it). The commit of a load, in [`super::loads`], is the
//! only other place that changes a file's state.

mod arrivals;
mod claims;
mod controls;
mod deliveries;
mod settling;
mod unclaimed;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::Metadata;
use super::error::MetadataError;
use super::row::{Cell, ledger_row, words};
use super::statement::{Batch, ROWS_PER_BATCH, Sql, like};

pub use arrivals::{NewFile, Recheck};
pub use claims::{Claim, Finish, Release};
pub(super) use claims::{give_back, give_back_rest};
pub use deliveries::Delivery;
pub(super) use deliveries::{REMOVED_REJECTS, removed_files, reserve_files};
pub use unclaimed::{Unclaimed, UnclaimedSum};

words! {
    /// What became of a file.
    pub enum FileState {
        /// Complete or not, it cannot be loaded now.
        Waiting = "waiting",
        /// Complete, of an active type, to be loaded.
        Queued = "queued",
        /// Claimed by an owner.
        Processing = "processing",
        Processed = "processed",
        Failed = "failed",
        Duplicate = "duplicate",
    }
}

impl FileState {
    /// True when nothing but the move of the file follows.
    pub fn is_final(self) -> bool {
        match self {
            FileState::Waiting | FileState::Queued | FileState::Processing => false,
            FileState::Processed | FileState::Failed | FileState::Duplicate => true,
        }
    }
}

words! {
    /// Where the bytes of a file are.
    pub enum Location {
        Incoming = "incoming",
        Processing = "processing",
        /// In `processed/` or `source_data/failed/`.
        Settled = "settled",
        /// Its sender took it away before it was claimed.
        Gone = "gone",
    }
}

words! {
    /// How a load ended for one of its files.
    pub enum Outcome {
        Processed = "processed",
        Failed = "failed",
        Duplicate = "duplicate",
    }
}

impl From<Outcome> for FileState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Processed => FileState::Processed,
            Outcome::Failed => FileState::Failed,
            Outcome::Duplicate => FileState::Duplicate,
        }
    }
}

ledger_row! {
    pub struct FileRow in "files" {
        pub id: i64,
        pub name: String,
        pub file_type: Option<String>,
        pub state: FileState,
        pub location: Location,
        /// Where the file is; set from the first move on.
        pub path: Option<String>,
        /// Where it is on its way to: written down before each move, so that recovery knows where to look.
        pub target: Option<String>,
        /// How its load ends for it; the state follows at the commit.
        pub outcome: Option<Outcome>,
        pub bytes: i64,
        pub modified_at: Option<DateTime<Utc>>,
        /// BLAKE3 of the bytes, in hex.
        pub blake3: Option<String>,
        /// The time in the file's name.
        pub file_time: Option<DateTime<Utc>>,
        /// Raised by each claim, before the file is opened.
        pub attempt: i64,
        /// Deaths of the process while it read this file.
        pub crashes: i64,
        pub owner: Option<String>,
        pub load_id: Option<i64>,
        /// The file that was loaded with the same bytes.
        pub duplicate_of: Option<i64>,
        pub records_read: i64,
        pub records_written: i64,
        pub records_rejected: i64,
        pub records_deduplicated: i64,
        pub records_filtered: i64,
        /// Of the rejected records, those that a replay has loaded since.
        pub records_replayed: i64,
        pub unknown_fields: i64,
        /// What its control file says, as JSON.
        pub control: Option<String>,
        pub error_code: Option<String>,
        pub error_message: Option<String>,
        pub error_hint: Option<String>,
        pub seen_at: DateTime<Utc>,
        pub started_at: Option<DateTime<Utc>>,
        pub finished_at: Option<DateTime<Utc>>,
        pub updated_at: DateTime<Utc>,
        /// The load that takes its rows out of the table again, from the moment that load is staged.
        pub removed_by_load: Option<i64>,
    }
}

ledger_row! {
    /// One change of a file's state, written by a trigger.
    pub struct FileEventRow in "file_events" {
        pub id: i64,
        pub file_id: i64,
        pub from_state: Option<FileState>,
        pub to_state: FileState,
        pub attempt: i64,
        pub load_id: Option<i64>,
        pub code: Option<String>,
        pub message: Option<String>,
        pub created_at: DateTime<Utc>,
    }
}

/// Why a file waits or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable, for instance `json.syntax`.
    pub code: String,
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Problem {
    fn code(problem: &Option<Problem>) -> Option<&str> {
        problem.as_ref().map(|problem| problem.code.as_str())
    }

    fn message(problem: &Option<Problem>) -> Option<&str> {
        problem.as_ref().map(|problem| problem.message.as_str())
    }

    fn hint(problem: &Option<Problem>) -> Option<&str> {
        problem.as_ref().and_then(|problem| problem.hint.as_deref())
    }

    /// The values of `error_code`, `error_message` and `error_hint`.
    pub(super) fn columns(problem: &Option<Problem>) -> [Option<&str>; 3] {
        [Self::code(problem), Self::message(problem), Self::hint(problem)]
    }
}

/// Which files to list; the default is the newest hundred.
#[derive(Debug, Clone)]
pub struct FileFilter {
    pub state: Option<FileState>,
    pub file_type: Option<String>,
    /// Part of the name, or a pattern with `*` and `?`; case does not matter.
    pub name_like: Option<String>,
    pub limit: i64,
    /// Only files with a smaller id: the next page.
    pub before_id: Option<i64>,
}

impl Default for FileFilter {
    fn default() -> Self {
        FileFilter { state: None, file_type: None, name_like: None, limit: 100, before_id: None }
    }
}

/// How many files of one type are in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCount {
    pub file_type: Option<String>,
    pub state: FileState,
    pub files: i64,
}

impl FromQueryResult for FileCount {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(FileCount {
            file_type: Cell::read(row, "file_type")?,
            state: Cell::read(row, "state")?,
            files: Cell::read(row, "files")?,
        })
    }
}

/// A batch of (id, attempt): the rows as their caller last saw them.
fn keys(files: &[(i64, i64)]) -> Batch {
    Batch::of(["id", "attempt"], files.iter().map(|&(id, attempt)| [id.into(), attempt.into()]))
}

fn select(condition: &str) -> String {
    format!("SELECT {} FROM files WHERE {condition}", FileRow::COLUMNS)
}

impl Metadata {
    /// The files whose bytes are in `incoming/` or `processing/`, oldest first.
    pub async fn live_files(&self) -> Result<Vec<FileRow>, MetadataError> {
        let text = select("location IN ('incoming', 'processing') ORDER BY id");
        Sql::new("list the live files", text).all(self.read()).await
    }

    /// The files that some owner claims to be loading.
    pub async fn processing_rows(&self) -> Result<Vec<FileRow>, MetadataError> {
        let text = select("state = 'processing' AND location IN ('incoming', 'processing') ORDER BY id");
        Sql::new("list the files in work", text).all(self.read()).await
    }

    /// Which of these contents were loaded for a type before: hash → id of the loaded file.
    pub async fn find_loaded(
        &self,
        file_type: &str,
        hashes: &[String],
    ) -> Result<HashMap<String, i64>, MetadataError> {
        const ACT: &str = "look for contents that were loaded before";
        let mut found = HashMap::new();
        for part in hashes.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(["blake3"], part.iter().map(|hash| [hash.into()]));
            let text = "SELECT files.id, files.blake3 FROM {rows} JOIN files ON files.blake3 = r.blake3
                        WHERE files.file_type = $2 AND files.state = 'processed'";
            let rows = Sql::over(ACT, batch, text).bind(file_type).rows(self.read()).await?;
            for row in rows {
                let pair = String::read(&row, "blake3").and_then(|hash| Ok((hash, i64::read(&row, "id")?)));
                let (hash, id) = pair.map_err(|error| MetadataError::database(ACT, error))?;
                found.insert(hash, id);
            }
        }
        Ok(found)
    }

    /// Files that match, newest first.
    pub async fn list_files(&self, filter: &FileFilter) -> Result<Vec<FileRow>, MetadataError> {
        let FileFilter { state, file_type, name_like, limit, before_id } = filter;
        let text = select(
            "($1 IS NULL OR state = $1) AND ($2 IS NULL OR file_type = $2)
             AND ($3 IS NULL OR lower(name) LIKE lower($3) ESCAPE '\\')
             AND ($4 IS NULL OR id < $4) ORDER BY id DESC LIMIT $5",
        );
        Sql::new("list files", text)
            .bind(*state)
            .bind(file_type)
            .bind(&name_like.as_deref().map(like))
            .bind(*before_id)
            .bind(*limit)
            .all(self.read())
            .await
    }

    pub async fn file(&self, id: i64) -> Result<Option<FileRow>, MetadataError> {
        Sql::new("look up a file", select("id = $1")).bind(id).one(self.read()).await
    }

    /// The files with these ids, oldest first.
    pub async fn files_of(&self, ids: &[i64]) -> Result<Vec<FileRow>, MetadataError> {
        let mut found = Vec::with_capacity(ids.len());
        for part in ids.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(["id"], part.iter().map(|&id| [id.into()]));
            let text = select("id IN (SELECT r.id FROM {rows}) ORDER BY id");
            found.extend(Sql::over("look up files", batch, text).all::<FileRow>(self.read()).await?);
        }
        Ok(found)
    }

    /// Every file that ever had this name, newest first.
    pub async fn files_by_name(&self, name: &str) -> Result<Vec<FileRow>, MetadataError> {
        let text = select("name = $1 ORDER BY id DESC");
        Sql::new("look up a file by its name", text).bind(name).all(self.read()).await
    }

    /// The files of one load.
    pub async fn files_of_load(&self, load_id: i64) -> Result<Vec<FileRow>, MetadataError> {
        let text = select("load_id = $1 ORDER BY id");
        Sql::new("list the files of a load", text).bind(load_id).all(self.read()).await
    }

    /// Every change of a file's state, oldest first.
    pub async fn file_events(&self, file_id: i64) -> Result<Vec<FileEventRow>, MetadataError> {
        let columns = FileEventRow::COLUMNS;
        let text = format!("SELECT {columns} FROM file_events WHERE file_id = $1 ORDER BY id");
        Sql::new("list the events of a file", text).bind(file_id).all(self.read()).await
    }

    /// How many files there are, for each type and state.
    pub async fn file_counts(&self) -> Result<Vec<FileCount>, MetadataError> {
        let text = "SELECT file_type, state, count(*) AS files FROM files
                    GROUP BY file_type, state ORDER BY file_type, state";
        Sql::new("count the files", text).all(self.read()).await
    }
}
