//! The connections: one writer and some readers on SQLite, one pool on PostgreSQL.

use std::path::Path;
use std::time::Duration;

use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};

use super::address::Address;
use super::error::Failure;

/// How long a statement waits for another process's write on SQLite.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call waits for a connection to PostgreSQL before it gives up.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one look at an idle connection may wait: longer than any statement waits for the lock.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(30);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;

#[derive(Debug)]
pub(super) struct Pools {
    pub(super) read: DatabaseConnection,
    /// The same pool as `read` on PostgreSQL; a single connection on SQLite, which has one writer anyway and
    /// hands its lock out by chance, while a pool queues in order.
    pub(super) write: DatabaseConnection,
}

impl Pools {
    pub(super) async fn close(&self) {
        // Closing reports only that the pool was closed before.
        let _ = self.read.close_by_ref().await;
        let _ = self.write.close_by_ref().await;
    }
}

pub(super) async fn open(address: &Address) -> Result<Pools, Failure> {
    match address {
        Address::Sqlite(path) => open_sqlite(path).await,
        Address::Postgres(options) => open_postgres(options).await,
    }
}

/// Options of a connection that only reads.
pub(super) fn sqlite_reader(path: &Path) -> SqliteConnectOptions {
    sqlite_options(path).pragma("query_only", "ON")
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging()
}

async fn open_sqlite(path: &Path) -> Result<Pools, Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::of_folder(folder, error))?;
    }
    let writer = sqlite_options(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    first_connection(&writer).await?;
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(QUEUE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        // After an error such as a full disk SQLite may have ended the transaction by itself. The driver
        // would then go on counting from one, take the next BEGIN for a savepoint, and a "commit" would
        // commit nothing. The ping carries out a queued rollback; a connection that still counts is thrown
        // away.
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_lazy_with(writer);
    let read = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(QUEUE_TIMEOUT)
        .connect_lazy_with(sqlite_reader(path));
    Ok(Pools {
        read: SqlxSqliteConnector::from_sqlx_sqlite_pool(read),
        write: SqlxSqliteConnector::from_sqlx_sqlite_pool(write),
    })
}

/// Creates the file and switches it to WAL. While another process does the same, SQLite reports a lock
/// without waiting for it (the busy timeout does not cover the change of the journal mode), so this waits by
/// itself.
async fn first_connection(options: &SqliteConnectOptions) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + BUSY_TIMEOUT;
    loop {
        match SqliteConnection::connect_with(options).await {
            Ok(connection) => return Ok(connection.close().await?),
            Err(error) => {
                let failure = Failure::from(error);
                let busy = failure.message.contains("locked");
                if !busy || tokio::time::Instant::now() >= deadline {
                    return Err(failure);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Options of every connection to PostgreSQL.
pub(super) fn postgres_options(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .application_name("lakegate")
        // Migrations ask for tables that exist already; the notices about it are of no use to anyone.
        .options([("client_min_messages", "warning")])
        .disable_statement_logging()
}

async fn open_postgres(options: &PgConnectOptions) -> Result<Pools, Failure> {
    let options = postgres_options(options);
    // Asked directly, the server says why it refuses; a pool would only say that time is up.
    let asked = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await;
    let connection = asked.map_err(|_| Failure::timed_out(ACQUIRE_TIMEOUT))??;
    // The answer was enough; how this connection ends does not matter.
    let _ = connection.close().await;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options);
    let pool = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    Ok(Pools { read: pool.clone(), write: pool })
}
