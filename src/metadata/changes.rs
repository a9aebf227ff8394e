//! The feed of changes: wakes a reader when somebody may have changed a type or a job.
//!
//! A change is a hint without contents; the reader reads the tables again. A task of its own watches the
//! database, so that waiting can be cancelled at any moment without losing a change.

use std::convert::Infallible;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::Metadata;
use super::address::Address;
use super::pools::{postgres_options, sqlite_reader};

/// How often SQLite is asked: one `PRAGMA`, answered from shared memory.
const POLL: Duration = Duration::from_millis(200);
/// How long a silent PostgreSQL connection is trusted; a broken network says nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long PostgreSQL may take to connect, or to answer after a silence.
const ANSWER: Duration = Duration::from_secs(3);
/// What the triggers notify.
const CHANNEL: &str = "lakegate_metadata";
/// Pauses between attempts to connect again, growing from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// See [`Metadata::changes`].
#[derive(Debug)]
pub struct Changes {
    news: watch::Receiver<()>,
    watcher: AbortHandle,
}

impl Metadata {
    /// Watches `table_metadata` and `jobs`. Must be called inside a tokio runtime.
    pub fn changes(&self) -> Changes {
        let (sender, news) = watch::channel(());
        let feed = match &self.inner.address {
            Address::Sqlite(path) => Feed::Sqlite(Box::new(sqlite_reader(path))),
            Address::Postgres(options) => Feed::Postgres(Box::new(postgres_options(options))),
        };
        let watcher = tokio::spawn(feed.watch(sender)).abort_handle();
        Changes { news, watcher }
    }
}

impl Changes {
    /// Waits until types or jobs may have changed since the last call. Resolves once at the beginning and
    /// once after every outage, because nobody knows what happened before. Safe to cancel.
    pub async fn next(&mut self) {
        if self.news.changed().await.is_err() {
            // Only at the end of the runtime is there no watcher any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

enum Feed {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Feed {
    /// Watches for ever: connects again after each failure, and logs each outage once.
    async fn watch(self, news: watch::Sender<()>) {
        let mut pause = FIRST_PAUSE;
        let mut down = false;
        loop {
            let mut connected = || {
                pause = FIRST_PAUSE;
                if std::mem::take(&mut down) {
                    info!("the metadata database is back; types and jobs are read again");
                }
                news.send_replace(());
            };
            let Err(error) = match &self {
                Feed::Sqlite(options) => watch_sqlite(options, &news, &mut connected).await,
                Feed::Postgres(options) => watch_postgres(options, &news, &mut connected).await,
            };
            if !std::mem::replace(&mut down, true) {
                warn!(%error, "the metadata database is not reachable; changes of types and jobs wait");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

type Lost = Box<dyn std::error::Error + Send + Sync>;

/// Announces every change that a trigger counted. Returns when the connection fails.
async fn watch_sqlite(
    options: &SqliteConnectOptions,
    news: &watch::Sender<()>,
    connected: &mut impl FnMut(),
) -> Result<Infallible, Lost> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    let mut version = data_version(&mut connection).await?;
    let mut changes = counted_changes(&mut connection).await?;
    connected();
    loop {
        tokio::time::sleep(POLL).await;
        let seen = data_version(&mut connection).await?;
        if seen == version {
            continue;
        }
        version = seen;
        // Every commit moves data_version, also those of loads; only the counter tells who must look.
        let counted = counted_changes(&mut connection).await?;
        if counted != changes {
            changes = counted;
            news.send_replace(());
        }
    }
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await
}

async fn counted_changes(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let text = "SELECT value FROM counters WHERE name = 'metadata_changes'";
    sqlx::query_scalar(text).fetch_one(connection).await
}

/// Announces every notification. Returns when the connection fails.
async fn watch_postgres(
    options: &PgConnectOptions,
    news: &watch::Sender<()>,
    connected: &mut impl FnMut(),
) -> Result<Infallible, Lost> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(ANSWER)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    connected();
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => {
                // What arrived together is read together.
                while listener.next_buffered().is_some() {}
                news.send_replace(());
            }
            Ok(Ok(None)) => return Err("the server closed the connection".into()),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                tokio::time::timeout(ANSWER, listener.execute("SELECT 1")).await??;
            }
        }
    }
}
