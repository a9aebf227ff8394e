//! Origins: for each merged data file, which rows of it came in with which load, and in which data file.
//!
//! They keep what merging would lose: the order in which rows came in, and where the rows of a load are now.

use std::collections::HashMap;

use super::Metadata;
use super::data_files::{DataFileRow, LiveDataFile};
use super::error::MetadataError;
use super::row::{Cell, ledger_row};
use super::statement::{Batch, Sql};

ledger_row! {
    /// A run of rows of a merged data file.
    pub struct OriginRow in "data_file_origins" {
        pub id: i64,
        /// The merged file.
        pub data_file_id: i64,
        /// The data file in which the rows came into the lake; the ledger may have forgotten it.
        pub origin_id: i64,
        pub load_id: i64,
        pub commit_seq: i64,
        /// Where the rows begin in the merged file.
        pub at_row: i64,
        /// Where they began in the origin.
        pub first_row: i64,
        pub rows: i64,
    }
}

impl Metadata {
    /// The origins of all live merged data files of a table, file by file, in the order of their rows.
    pub async fn origins_of_table(&self, table: &str) -> Result<Vec<OriginRow>, MetadataError> {
        let columns = OriginRow::COLUMNS;
        let text = format!(
            "SELECT {columns} FROM data_file_origins
             WHERE data_file_id IN (SELECT id FROM data_files WHERE table_name = $1 AND state = 'live')
             ORDER BY data_file_id, at_row"
        );
        Sql::new("list the origins of merged data files", text).bind(table).all(self.read()).await
    }

    /// The live data files that hold rows of a load: its own, and those into which compaction has merged them.
    pub async fn data_files_with_rows_of(&self, load_id: i64) -> Result<Vec<DataFileRow>, MetadataError> {
        let columns = DataFileRow::COLUMNS;
        let text = format!(
            "SELECT {columns} FROM data_files
             WHERE state = 'live' AND (load_id = $1
                 OR id IN (SELECT data_file_id FROM data_file_origins WHERE load_id = $1))
             ORDER BY id"
        );
        Sql::new("list the data files that hold rows of a load", text).bind(load_id).all(self.read()).await
    }

    /// The live data files of a table that may hold rows of one of these loads, in the order of their commits: their own,
    /// those into which compaction merged them, and those of every load that carried rows over from others.
    pub async fn data_files_that_may_hold(
        &self,
        table: &str,
        loads: &[i64],
    ) -> Result<Vec<LiveDataFile>, MetadataError> {
        let columns = DataFileRow::COLUMNS;
        let text = format!(
            "WITH holders AS (
                 SELECT r.id FROM {{rows}} UNION
                 SELECT loads.id FROM loads
                 WHERE loads.table_name = $2 AND loads.state = 'committed' AND loads.rows_carried > 0
             )
             SELECT {columns}, (SELECT commit_seq FROM loads WHERE loads.id = data_files.load_id) AS commit_seq
             FROM data_files
             WHERE table_name = $2 AND state = 'live' AND (load_id IN (SELECT id FROM holders)
                 OR id IN (SELECT data_file_id FROM data_file_origins WHERE load_id IN (SELECT id FROM holders)))
             ORDER BY commit_seq, id"
        );
        let batch = Batch::of(["id"], loads.iter().map(|&id| [id.into()]));
        let sql = Sql::over("list the data files that may hold rows of a file", batch, text);
        sql.bind(table).all(self.read()).await
    }

    /// The place of the newest commit of a table, 0 before the first.
    pub async fn newest_commit(&self, table: &str) -> Result<i64, MetadataError> {
        let text = "SELECT COALESCE(max(commit_seq), 0) AS newest FROM loads WHERE table_name = $1";
        let sql = Sql::new("look for the newest commit of a table", text).bind(table);
        Ok(sql.value(self.read(), "newest").await?.unwrap_or(0))
    }

    /// By load, its place in the order of the commits of a table.
    pub async fn commits_of_table(&self, table: &str) -> Result<HashMap<i64, i64>, MetadataError> {
        const ACT: &str = "list the commits of a table";
        let text = "SELECT id, commit_seq FROM loads WHERE table_name = $1 AND commit_seq IS NOT NULL";
        let rows = Sql::new(ACT, text).bind(table).rows(self.read()).await?;
        let pair = |row| Ok((i64::read(row, "id")?, i64::read(row, "commit_seq")?));
        let pairs: Result<_, sea_orm::DbErr> = rows.iter().map(pair).collect();
        pairs.map_err(|error| MetadataError::database(ACT, error))
    }

    /// By partition, the newest commit of a load of files whose rows are in it.
    pub async fn newest_ingests(&self, table: &str) -> Result<HashMap<Option<String>, i64>, MetadataError> {
        const ACT: &str = "look for the newest loads of partitions";
        let text = "SELECT partition_value, max(newest) AS newest FROM (
                        SELECT d.partition_value AS partition_value, l.commit_seq AS newest
                        FROM data_files AS d JOIN loads AS l ON l.id = d.load_id
                        WHERE d.table_name = $1 AND d.state = 'live' AND l.kind = 'ingest'
                        UNION ALL
                        SELECT d.partition_value, o.commit_seq
                        FROM data_files AS d JOIN data_file_origins AS o ON o.data_file_id = d.id
                            JOIN loads AS l ON l.id = o.load_id
                        WHERE d.table_name = $1 AND d.state = 'live' AND l.kind = 'ingest'
                    ) AS found GROUP BY partition_value";
        let rows = Sql::new(ACT, text).bind(table).rows(self.read()).await?;
        let pair = |row| Ok((Option::<String>::read(row, "partition_value")?, i64::read(row, "newest")?));
        let pairs: Result<_, sea_orm::DbErr> = rows.iter().map(pair).collect();
        pairs.map_err(|error| MetadataError::database(ACT, error))
    }
}
