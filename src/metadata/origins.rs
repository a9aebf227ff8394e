//! Origins: for each merged data file, which rows of it came in with which load, and in which data file.
//!
//! They keep what merging would lose: the order in which rows came in, and where the rows of a load are now.

use super::Metadata;
use super::data_files::DataFileRow;
use super::error::MetadataError;
use super::row::ledger_row;
use super::statement::Sql;

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
}
