//! The metadata database: which types exist, what became of every file, and which data files are live.
//!
//! Owns the connection to SQLite or PostgreSQL, the migrations, the feed of changes, and one file per group
//! of tables. Every change of state is one compare-and-swap statement that says which rows it really changed.
//! Knows nothing of the modules above it: no file is opened here, no clock is read (the database stamps its
//! rows), and nothing is decided that a caller could decide.

pub mod alerts;
pub mod changes;
pub mod data_files;
pub mod drift;
pub mod expectations;
pub mod files;
pub mod jobs;
pub mod ledger;
pub mod loads;
pub mod origins;
pub mod rejects;
pub mod types;

mod address;
mod error;
mod history;
mod pools;
mod row;
mod statement;

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};

pub use error::{Failure, Kind, MetadataError};
pub use row::{ColumnKind, LedgerColumn, LedgerTable, UnknownWord};
pub use statement::kept;

use address::Address;
use pools::Pools;
use statement::Sql;

use crate::settings::redact_url;

/// An open metadata database. Cheap to clone; all clones share the connections.
#[derive(Debug, Clone)]
pub struct Metadata {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    address: Address,
    url: String,
    pools: Pools,
}

impl Metadata {
    /// Opens the database at `sqlite://path` or `postgres://user:password@host/database`.
    ///
    /// A SQLite file is created when it is missing, with its folder. The tables are not: see
    /// [`Self::migrate`].
    ///
    /// # Errors
    /// The address is malformed, or nothing answers there.
    pub async fn connect(url: &str) -> Result<Self, MetadataError> {
        let address: Address = url.parse()?;
        let url = redact_url(url);
        let opened = pools::open(&address).await;
        let pools = opened.map_err(|source| MetadataError::Open { url: url.clone(), source })?;
        Ok(Metadata { inner: Arc::new(Inner { address, url, pools }) })
    }

    /// The address, without its password.
    pub fn redacted_url(&self) -> &str {
        &self.inner.url
    }

    /// True on SQLite, false on PostgreSQL.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.inner.address, Address::Sqlite(_))
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// It gives none.
    pub async fn ping(&self) -> Result<(), MetadataError> {
        Sql::new("reach the tables", "SELECT 1").rows(self.read()).await.map(drop)
    }

    /// Closes all connections. SQLite folds its write-ahead log into the file when the last one closes.
    pub async fn close(&self) {
        self.inner.pools.close().await;
    }

    /// Where statements that only read run.
    fn read(&self) -> &DatabaseConnection {
        &self.inner.pools.read
    }

    /// Where single statements that write run.
    fn write(&self) -> &DatabaseConnection {
        &self.inner.pools.write
    }

    /// A transaction that may write. It is rolled back when it is dropped before [`commit`].
    async fn begin(&self, act: &'static str) -> Result<DatabaseTransaction, MetadataError> {
        let begun = self.write().begin().await;
        let transaction = begun.map_err(|error| MetadataError::database(act, error))?;
        let first = if self.is_sqlite() {
            // SQLite takes the write lock at the first write. A transaction that reads first and writes later
            // fails at once with SQLITE_BUSY_SNAPSHOT when another process has committed in between, and
            // no busy timeout covers that. So the first statement is a write that changes nothing.
            "DELETE FROM counters WHERE 0"
        } else {
            // A batch meets a table that statistics may not know yet, or that holds millions of rows. Looking each row
            // of the batch up by an index is right for both: without this the planner reads the whole table, once for
            // the batch or once for each of its rows (23 seconds for 10,000 files).
            "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
                 set_config('enable_mergejoin', 'off', true)"
        };
        Sql::new(act, first).run(&transaction).await?;
        Ok(transaction)
    }
}

/// Ends a transaction that [`Metadata::begin`] began.
async fn commit(act: &'static str, transaction: DatabaseTransaction) -> Result<(), MetadataError> {
    transaction.commit().await.map_err(|error| MetadataError::database(act, error))
}
