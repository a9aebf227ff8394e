//! Data files: which Parquet files make up a table. This list, not a folder, is what Lakegate's readers
//! follow.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::error::MetadataError;
use super::row::{Cell, ledger_row, words};
use super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::{Metadata, commit};

words! {
    pub enum DataFileState {
        /// Part of a load that is not committed.
        Pending = "pending",
        /// Part of its table.
        Live = "live",
        /// Replaced; still on disk until somebody deletes it.
        Removed = "removed",
    }
}

ledger_row! {
    pub struct DataFileRow in "data_files" {
        pub id: i64,
        pub load_id: i64,
        pub table_name: String,
        pub path: String,
        pub partition_value: Option<String>,
        pub rows: i64,
        pub bytes: i64,
        /// JSON: smallest and largest value of some columns.
        pub column_ranges: Option<String>,
        pub state: DataFileState,
        /// The load that replaces it, from the moment that load is staged.
        pub removed_by_load: Option<i64>,
        /// The oldest commit whose rows a merged file holds; null for a file that is not merged.
        pub first_commit_seq: Option<i64>,
        /// The newest of them.
        pub last_commit_seq: Option<i64>,
        pub created_at: DateTime<Utc>,
    }
}

/// A data file of a table, with the place of its load in the order of commits.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveDataFile {
    pub file: DataFileRow,
    pub commit_seq: i64,
}

impl FromQueryResult for LiveDataFile {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(LiveDataFile {
            file: DataFileRow::from_query_result(row, prefix)?,
            commit_seq: Cell::read(row, "commit_seq")?,
        })
    }
}

impl Metadata {
    /// The data files of a table, in the order of their commits.
    pub async fn live_data_files(&self, table: &str) -> Result<Vec<LiveDataFile>, MetadataError> {
        self.live_since(table, 0).await
    }

    /// The data files of a table whose loads were committed after `from_seq`, in the order of their commits.
    pub async fn live_since(&self, table: &str, from_seq: i64) -> Result<Vec<LiveDataFile>, MetadataError> {
        let text = format!(
            "SELECT {}, (SELECT commit_seq FROM loads WHERE loads.id = data_files.load_id) AS commit_seq
             FROM data_files
             WHERE table_name = $1 AND state = 'live'
                 AND load_id IN (SELECT id FROM loads WHERE table_name = $1 AND commit_seq > $2)
             ORDER BY commit_seq, id",
            DataFileRow::COLUMNS
        );
        Sql::new("list the data files of a table", text).bind(table).bind(from_seq).all(self.read()).await
    }

    /// The live data files of a table that hold rows which came in under one version of a type's schema.
    pub async fn data_files_of_version(
        &self,
        table: &str,
        file_type: &str,
        schema_version: i64,
    ) -> Result<Vec<DataFileRow>, MetadataError> {
        const LOADS: &str =
            "SELECT id FROM loads WHERE table_name = $1 AND file_type = $2 AND schema_version = $3";
        let text = format!(
            "SELECT {} FROM data_files
             WHERE table_name = $1 AND state = 'live' AND (load_id IN ({LOADS})
                 OR id IN (SELECT data_file_id FROM data_file_origins WHERE load_id IN ({LOADS})))
             ORDER BY id",
            DataFileRow::COLUMNS
        );
        let act = Sql::new("list the data files of a version of a schema", text);
        act.bind(table).bind(file_type).bind(schema_version).all(self.read()).await
    }

    /// The tables that have data files.
    pub async fn lake_tables(&self) -> Result<Vec<String>, MetadataError> {
        let text = "SELECT DISTINCT table_name FROM data_files WHERE state = 'live' ORDER BY table_name";
        Sql::new("list the tables of the lake", text).column(self.read(), "table_name").await
    }

    /// The data files that a load in state `staged` has published or is about to publish.
    pub async fn pending_data_files(&self, load_id: i64) -> Result<Vec<DataFileRow>, MetadataError> {
        let columns = DataFileRow::COLUMNS;
        let text =
            format!("SELECT {columns} FROM data_files WHERE load_id = $1 AND state = 'pending' ORDER BY id");
        Sql::new("list the data files of a load", text).bind(load_id).all(self.read()).await
    }

    /// The data files whose rows were replaced and that can be deleted from disk.
    pub async fn removed_data_files(&self) -> Result<Vec<DataFileRow>, MetadataError> {
        self.removed("NOT IN").await
    }

    /// The data files whose rows a compaction wrote into others. No day of a job changes when they go.
    pub async fn compacted_data_files(&self) -> Result<Vec<DataFileRow>, MetadataError> {
        self.removed("IN").await
    }

    async fn removed(&self, by_compaction: &str) -> Result<Vec<DataFileRow>, MetadataError> {
        let columns = DataFileRow::COLUMNS;
        let text = format!(
            "SELECT {columns} FROM data_files
             WHERE state = 'removed' AND removed_by_load IS NOT NULL AND removed_by_load {by_compaction}
                 (SELECT loads.id FROM loads WHERE loads.id = removed_by_load AND loads.kind = 'compaction')
             ORDER BY id"
        );
        Sql::new("list the replaced data files", text).all(self.read()).await
    }

    /// Forgets replaced data files that are no longer on disk; how many were forgotten.
    pub async fn forget_data_files(&self, ids: &[i64]) -> Result<u64, MetadataError> {
        const ACT: &str = "forget replaced data files";
        let mut forgotten = 0;
        for part in ids.chunks(ROWS_PER_BATCH) {
            let transaction = self.begin(ACT).await?;
            let batch = || Batch::of(["id"], part.iter().map(|&id| [id.into()]));
            let origins = "DELETE FROM data_file_origins WHERE data_file_id IN
                (SELECT id FROM data_files WHERE state = 'removed' AND id IN (SELECT r.id FROM {rows}))";
            Sql::over(ACT, batch(), origins).run(&transaction).await?;
            let files = "DELETE FROM data_files WHERE state = 'removed' AND id IN (SELECT r.id FROM {rows})";
            forgotten += Sql::over(ACT, batch(), files).run(&transaction).await?;
            commit(ACT, transaction).await?;
        }
        Ok(forgotten)
    }

    /// The number of the last commit, 0 before the first. Every load up to it is visible.
    pub async fn max_commit_seq(&self) -> Result<i64, MetadataError> {
        let text = "SELECT value FROM counters WHERE name = 'commit_seq'";
        let value = Sql::new("read the number of the last commit", text).value(self.read(), "value").await?;
        Ok(value.unwrap_or(0))
    }
}
