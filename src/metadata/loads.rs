//! Loads: the unit of work that becomes visible at once or not at all.
//!
//! `writing` → `staged` (the intent is written down, [`stage`](self)) → `committed`, or `rolled_back` from
//! either. Each step is one transaction in a file of its own.

mod commit;
mod compaction;
mod replay;
mod roll_back;
mod stage;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::Metadata;
use super::error::MetadataError;
use super::row::{ledger_row, words};
use super::statement::Sql;

pub use commit::Committed;
pub use compaction::{Compaction, MergedFile, Origin};
pub use replay::{Replay, ReplayedReject};
pub use stage::{Counts, FileOutcome, Imbalance, Intent, NewDataFile};

words! {
    pub enum LoadKind {
        Ingest = "ingest",
        Job = "job",
        Compaction = "compaction",
        Replay = "replay",
        Revert = "revert",
    }
}

words! {
    pub enum LoadState {
        /// Files are being read; nothing is promised.
        Writing = "writing",
        /// The intent is in the ledger; data files may be published.
        Staged = "staged",
        Committed = "committed",
        RolledBack = "rolled_back",
    }
}

ledger_row! {
    pub struct LoadRow in "loads" {
        pub id: i64,
        pub kind: LoadKind,
        pub table_name: String,
        pub file_type: Option<String>,
        pub schema_version: Option<i64>,
        pub state: LoadState,
        pub owner: String,
        /// Number of source files.
        pub files: i64,
        /// Rows in the data files of this load, carried ones included.
        pub rows_written: i64,
        /// Rows copied from data files that this load replaces.
        pub rows_carried: i64,
        pub bytes_written: i64,
        /// Place in the order of all commits; null until committed.
        pub commit_seq: Option<i64>,
        pub started_at: DateTime<Utc>,
        pub committed_at: Option<DateTime<Utc>>,
        /// Of a replay: records that another one with the same key replaced.
        pub records_deduplicated: i64,
    }
}

/// A load to begin.
#[derive(Debug, Clone)]
pub struct NewLoad {
    pub kind: LoadKind,
    pub table_name: String,
    pub file_type: Option<String>,
    pub schema_version: Option<i64>,
    pub owner: String,
}

impl Metadata {
    /// Begins a load in state `writing` and gives its id.
    pub async fn begin_load(&self, load: &NewLoad) -> Result<i64, MetadataError> {
        insert_load(load, self.write()).await
    }

    /// The schema of a load that is being written has changed under it: it names the version that it uses now.
    pub async fn use_schema_version(&self, load_id: i64, schema_version: i64) -> Result<(), MetadataError> {
        const ACT: &str = "name the schema of a load";
        let text = "UPDATE loads SET schema_version = $2 WHERE id = $1 AND state = 'writing'";
        let changed = Sql::new(ACT, text).bind(load_id).bind(schema_version).run(self.write()).await?;
        if changed == 1 {
            return Ok(());
        }
        let found = self.load(load_id).await?.map(|load| load.state);
        Err(MetadataError::LoadState { load_id, found, needed: "writing" })
    }

    /// The loads that have not ended, oldest first.
    pub async fn open_loads(&self) -> Result<Vec<LoadRow>, MetadataError> {
        let columns = LoadRow::COLUMNS;
        let text = format!("SELECT {columns} FROM loads WHERE state IN ('writing', 'staged') ORDER BY id");
        Sql::new("list the open loads", text).all(self.read()).await
    }

    pub async fn load(&self, id: i64) -> Result<Option<LoadRow>, MetadataError> {
        let text = format!("SELECT {} FROM loads WHERE id = $1", LoadRow::COLUMNS);
        Sql::new("look up a load", text).bind(id).one(self.read()).await
    }
}

pub(super) async fn insert_load(load: &NewLoad, on: &impl ConnectionTrait) -> Result<i64, MetadataError> {
    const ACT: &str = "begin a load";
    let NewLoad { kind, table_name, file_type, schema_version, owner } = load;
    let text = "INSERT INTO loads (kind, table_name, file_type, schema_version, owner)
                VALUES ($1, $2, $3, $4, $5) RETURNING id";
    let id = Sql::new(ACT, text)
        .bind(*kind)
        .bind(table_name)
        .bind(file_type)
        .bind(*schema_version)
        .bind(owner)
        .value(on, "id")
        .await?;
    id.ok_or_else(|| MetadataError::database(ACT, sea_orm::DbErr::RecordNotInserted))
}

/// The load as this transaction sees it, locked until its end.
async fn locked_load(
    act: &'static str,
    id: i64,
    needed: &'static str,
    on: &sea_orm::DatabaseTransaction,
) -> Result<LoadRow, MetadataError> {
    // A write that changes nothing locks the row on both databases.
    Sql::new(act, "UPDATE loads SET owner = owner WHERE id = $1").bind(id).run(on).await?;
    let text = format!("SELECT {} FROM loads WHERE id = $1", LoadRow::COLUMNS);
    let row: Option<LoadRow> = Sql::new(act, text).bind(id).one(on).await?;
    row.ok_or(MetadataError::LoadState { load_id: id, found: None, needed })
}
