//! Applying the migrations: once, whoever else starts at the same moment.

use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend};

use super::error::MetadataError;
use super::statement::Sql;
use super::{Metadata, commit};

const ACT: &str = "apply the migrations";

/// The key of the advisory lock under which PostgreSQL is migrated: "lakegate" in ASCII.
const LOCK: i64 = 0x6c61_6b65_6761_7465;

/// Marks a SQLite file as a Lakegate ledger ("lkgt"), which `file` can show.
const MARK: &str = "PRAGMA application_id = 1818978164";

impl Metadata {
    /// Applies every migration that the database lacks, all in one transaction, and says which.
    ///
    /// Several processes may call this at once: one does the work, the others wait for it.
    ///
    /// # Errors
    /// A newer Lakegate migrated this database, or a statement failed; then nothing was applied.
    pub async fn migrate(&self) -> Result<Vec<String>, MetadataError> {
        if self.pending().await?.is_empty() {
            return Ok(Vec::new());
        }
        let begun = sea_orm::TransactionTrait::begin(self.write()).await;
        let transaction = begun.map_err(|error| MetadataError::database(ACT, error))?;
        // Both take the lock that the others wait for; on SQLite any write does, and this one is harmless.
        if self.is_sqlite() {
            Sql::new(ACT, MARK).run(&transaction).await?;
        } else {
            Sql::new(ACT, "SELECT pg_advisory_xact_lock($1)").bind(LOCK).rows(&transaction).await?;
        }
        let pending = missing(&transaction).await?;
        if !pending.is_empty() {
            let applied = Migrator::up(&transaction, None).await;
            applied.map_err(|error| MetadataError::database(ACT, error))?;
        }
        commit(ACT, transaction).await?;
        Ok(pending)
    }

    /// The migrations that the database lacks, oldest first. Changes nothing.
    ///
    /// # Errors
    /// A newer Lakegate migrated this database, or it cannot be read.
    pub async fn pending(&self) -> Result<Vec<String>, MetadataError> {
        missing(self.read()).await
    }
}

async fn missing(on: &impl ConnectionTrait) -> Result<Vec<String>, MetadataError> {
    let applied = applied(on).await?;
    let known = migrations::names();
    let unknown: Vec<_> = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    if !unknown.is_empty() {
        return Err(MetadataError::NewerHistory { unknown });
    }
    Ok(known.into_iter().filter(|name| !applied.contains(name)).collect())
}

async fn applied(on: &impl ConnectionTrait) -> Result<Vec<String>, MetadataError> {
    const ACT: &str = "read the list of migrations";
    let exists = match on.get_database_backend() {
        DbBackend::Sqlite => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
        _ => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
    };
    if Sql::new(ACT, exists).rows(on).await?.is_empty() {
        return Ok(Vec::new());
    }
    Sql::new(ACT, "SELECT version FROM seaql_migrations ORDER BY version").column(on, "version").await
}
