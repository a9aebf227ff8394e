//! The ledger as SQL users see it: its tables, page by page, and single statements that write.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

use super::alerts::{AlertRow, ChannelRow, DeliveryRow};
use super::data_files::DataFileRow;
use super::drift::DriftRow;
use super::error::{Failure, MetadataError};
use super::expectations::ExpectationRow;
use super::files::{FileEventRow, FileRow};
use super::jobs::{JobRow, JobRunRow};
use super::loads::LoadRow;
use super::origins::OriginRow;
use super::rejects::RejectRow;
use super::row::{Cell, ColumnKind, LedgerColumn, LedgerTable};
use super::statement::Sql;
use super::types::{SchemaVersionRow, TypeRow};
use super::{Metadata, commit};

const TABLES: &[LedgerTable] = &[
    TypeRow::TABLE,
    SchemaVersionRow::TABLE,
    DriftRow::TABLE,
    FileRow::TABLE,
    FileEventRow::TABLE,
    LoadRow::TABLE,
    DataFileRow::TABLE,
    OriginRow::TABLE,
    RejectRow::TABLE,
    JobRow::TABLE,
    JobRunRow::TABLE,
    AlertRow::TABLE,
    DeliveryRow::TABLE,
    ChannelRow::TABLE,
    ExpectationRow::TABLE,
];

/// Tables that are there for the machinery alone.
const INTERNAL: &[&str] = &["counters", "field_counts", "seaql_migrations"];

/// The tables of the ledger that SQL users may read.
pub fn ledger_tables() -> &'static [LedgerTable] {
    TABLES
}

/// True for names that no table of the lake may have.
pub fn is_reserved(table_name: &str) -> bool {
    TABLES
        .iter()
        .map(|table| table.name)
        .chain(INTERNAL.iter().copied())
        .any(|name| name.eq_ignore_ascii_case(table_name))
}

/// One value of a ledger table.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerValue {
    Null,
    Text(String),
    Integer(i64),
    Time(DateTime<Utc>),
}

/// Some rows of a ledger table, in the order of their ids.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerPage {
    /// Values in the order of the columns that were asked for.
    pub rows: Vec<Vec<LedgerValue>>,
    /// Where the next page begins; `None` when the table had no more rows.
    pub last_id: Option<i64>,
}

impl Metadata {
    /// Reads at most `limit` rows with an id above `after_id` (0 for the first page).
    ///
    /// # Errors
    /// The ledger has no such table or column, or it cannot be read.
    pub async fn read_table(
        &self,
        table: &str,
        columns: &[&str],
        after_id: i64,
        limit: usize,
    ) -> Result<LedgerPage, MetadataError> {
        const ACT: &str = "read a ledger table";
        let table = find_table(table)?;
        let columns = columns.iter().map(|name| find_column(table, name)).collect::<Result<Vec<_>, _>>()?;
        // Only names that are compiled in get into the text.
        let list: String = columns.iter().map(|column| format!(", {}", column.name)).collect();
        let text = format!("SELECT id{list} FROM {} WHERE id > $1 ORDER BY id LIMIT $2", table.name);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = Sql::new(ACT, text).bind(after_id).bind(limit).rows(self.read()).await?;
        page(&rows, &columns).map_err(|error| MetadataError::database(ACT, error))
    }

    /// Runs one statement of an operator that changes the ledger, and counts the rows that it changed.
    ///
    /// # Errors
    /// The database refused it; then nothing was changed.
    pub async fn execute_dml(&self, sql: &str) -> Result<u64, MetadataError> {
        const ACT: &str = "run a statement";
        let transaction = self.begin(ACT).await?;
        let statement = Statement::from_string(transaction.get_database_backend(), sql);
        let done = transaction.execute(statement).await;
        let done = done.map_err(|error| MetadataError::Statement { source: Failure::from(error) })?;
        commit(ACT, transaction).await?;
        Ok(done.rows_affected())
    }
}

fn find_table(name: &str) -> Result<&'static LedgerTable, MetadataError> {
    let found = TABLES.iter().find(|table| table.name == name);
    found.ok_or_else(|| MetadataError::UnknownName(format!("table '{name}'")))
}

fn find_column(table: &'static LedgerTable, name: &str) -> Result<&'static LedgerColumn, MetadataError> {
    let found = table.columns.iter().find(|column| column.name == name);
    found.ok_or_else(|| MetadataError::UnknownName(format!("column '{name}' in table '{}'", table.name)))
}

fn page(rows: &[QueryResult], columns: &[&LedgerColumn]) -> Result<LedgerPage, DbErr> {
    let last_id = rows.last().map(|row| i64::read(row, "id")).transpose()?;
    let read_row = |row| columns.iter().map(|column| value(row, column)).collect();
    Ok(LedgerPage { rows: rows.iter().map(read_row).collect::<Result<_, _>>()?, last_id })
}

fn value(row: &QueryResult, column: &LedgerColumn) -> Result<LedgerValue, DbErr> {
    let value = match column.kind {
        ColumnKind::Text => Option::read(row, column.name)?.map(LedgerValue::Text),
        ColumnKind::Integer => Option::read(row, column.name)?.map(LedgerValue::Integer),
        ColumnKind::Time => Option::read(row, column.name)?.map(LedgerValue::Time),
    };
    Ok(value.unwrap_or(LedgerValue::Null))
}
