//! A migrated metadata database for one test, and the steps that most tests begin with.

use std::process::Command;

use lakegate::metadata::Metadata;
use lakegate::metadata::files::{FileState, NewFile};
use lakegate::metadata::loads::{Counts, FileOutcome, Intent, LoadKind, NewDataFile, NewLoad};
use tempfile::TempDir;

use super::cluster::{Cluster, psql, run};

pub use lakegate::metadata::files::Outcome;

/// Declares tests that run once on SQLite and once on PostgreSQL.
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($fixture:ident) $body:block)+) => {
        $($(#[$doc])* async fn $name($fixture: crate::metadata::fixture::Fixture) $body)+

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::metadata::fixture::Fixture::sqlite().await).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::metadata::fixture::Fixture::postgres().await).await;
            })+
        }
    };
}

pub(crate) use on_both;

pub struct Fixture {
    pub metadata: Metadata,
    pub url: String,
    _folder: TempDir,
}

impl Fixture {
    pub async fn sqlite() -> Self {
        let fixture = Self::empty_sqlite().await;
        fixture.metadata.migrate().await.expect("migrated");
        fixture
    }

    pub async fn postgres() -> Self {
        let fixture = Self::at(Cluster::shared().database()).await;
        fixture.metadata.migrate().await.expect("migrated");
        fixture
    }

    pub async fn empty_sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("made/on/demand/metadata.db").display());
        Fixture { metadata: Metadata::connect(&url).await.expect("connected"), url, _folder: folder }
    }

    pub async fn at(url: String) -> Self {
        let metadata = Metadata::connect(&url).await.expect("connected");
        Fixture { metadata, url, _folder: TempDir::new().expect("a temporary folder") }
    }

    /// The same database as another process sees it.
    pub async fn another(&self) -> Metadata {
        Metadata::connect(&self.url).await.expect("connected")
    }

    /// Runs SQL with `sqlite3` or `psql` and gives what it prints, columns separated by `|`.
    pub fn by_hand(&self, sql: &str) -> String {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => run(Command::new("sqlite3").args(["-batch", "-cmd", ".timeout 5000", path, sql])),
            None => psql(&self.url, sql),
        }
    }

    /// Puts files into `incoming/`, queued and of type `orders`.
    pub async fn queued(&self, names: &[&str]) -> Vec<i64> {
        let files: Vec<_> = names.iter().map(|name| queued_file(name)).collect();
        self.metadata.discover(&files).await.expect("discovered")
    }

    /// Begins a load of `orders` for an owner.
    pub async fn begin(&self, owner: &str) -> i64 {
        self.metadata.begin_load(&new_load(LoadKind::Ingest, owner)).await.expect("begun")
    }

    /// A load of these files, each with one record, staged as one data file.
    pub async fn staged(&self, names: &[&str], path: &str) -> (i64, Vec<i64>) {
        let ids = self.queued(names).await;
        let load = self.begin("owner-1").await;
        let keys: Vec<_> = ids.iter().map(|id| (*id, 0)).collect();
        let claimed = self.metadata.claim(load, "owner-1", &keys).await.expect("claimed");
        assert_eq!(claimed, ids);
        let files = ids.iter().zip(names).map(|(id, name)| processed(*id, &format!("hash of {name}"), 1));
        let intent = Intent { files: files.collect(), ..Intent::default() };
        let intent = Intent { data_files: vec![data_file(path, ids.len() as i64)], ..intent };
        self.metadata.stage(load, &intent).await.expect("staged");
        (load, ids)
    }

    pub async fn state(&self, id: i64) -> FileState {
        self.metadata.file(id).await.expect("read").expect("there").state
    }
}

pub fn queued_file(name: &str) -> NewFile {
    NewFile {
        name: name.into(),
        file_type: Some("orders".into()),
        state: FileState::Queued,
        bytes: 10,
        modified_at: None,
        file_time: None,
        problem: None,
    }
}

pub fn new_load(kind: LoadKind, owner: &str) -> NewLoad {
    NewLoad {
        kind,
        table_name: "orders".into(),
        file_type: Some("orders".into()),
        schema_version: Some(1),
        owner: owner.into(),
    }
}

/// A processed file on its first attempt, all records written.
pub fn processed(id: i64, hash: &str, records: i64) -> FileOutcome {
    FileOutcome {
        id,
        attempt: 1,
        outcome: Outcome::Processed,
        blake3: Some(hash.into()),
        duplicate_of: None,
        counts: Counts { read: records, written: records, ..Counts::default() },
        problem: None,
        target: None,
    }
}

pub fn data_file(path: &str, rows: i64) -> NewDataFile {
    NewDataFile {
        path: path.into(),
        partition_value: Some("2024-05-01".into()),
        rows,
        bytes: 100,
        column_ranges: None,
    }
}
