//! The settings: one struct per concern, read once at start from layers of which the later win.
//!
//! Every key, its default and its meaning stand in `config/default.toml`, which is part of the binary. This module
//! reads files and an environment it is handed; it knows nothing of what the settings are for.

mod alerts;
mod check;
mod database;
mod effective;
mod environment;
mod layers;
mod paths;
mod positions;
mod secret;
mod sources;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

pub use self::alerts::{
    Alerts, EmailChannel, Gravity, LogChannel, PagerDutyChannel, SlackChannel, Tls, WebhookChannel,
};
pub use self::database::{DatabaseUrl, redact_url};
pub use self::effective::{Effective, Origin};
pub use self::paths::Paths;
pub use self::secret::{Secret, redact_hook};
pub use self::sources::{Flags, Sources};

/// `config/default.toml`: the one list of keys.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// Everything that can be set, checked and with absolute paths.
#[derive(Debug, Clone)]
pub struct Settings {
    pub paths: Paths,
    pub database: Database,
    pub ingest: Ingest,
    pub jobs: Jobs,
    pub compact: Compact,
    pub alerts: Alerts,
    pub query: Query,
    pub log: Log,
    pub storage: Storage,
    pub iceberg: Iceberg,
    effective: Vec<Effective>,
    remarks: Vec<String>,
}

/// The metadata database.
#[derive(Debug, Clone)]
pub struct Database {
    pub url: DatabaseUrl,
}

/// When a file is complete, and how much is loaded at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    pub quiet_ms: u64,
    pub max_wait_seconds: u64,
    pub control_wait_seconds: u64,
    pub scan_seconds: u64,
    /// Never ask the file system for events.
    pub polling: bool,
    pub load_max_files: usize,
    pub load_max_mb: u64,
    pub max_record_mb: u64,
    /// 0: as many as there are cores.
    pub parallel_loads: usize,
    /// 0: as many as there are cores.
    pub threads: usize,
    /// Failed files of a type in a row after which it is paused; 0: never.
    pub pause_after_failures: u64,
}

impl Ingest {
    /// How long a closed file must stay unchanged.
    pub fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms)
    }

    /// How long a truncated document may wait for its end.
    pub fn max_wait(&self) -> Duration {
        Duration::from_secs(self.max_wait_seconds)
    }

    /// How long a control file may wait for its file.
    pub fn control_wait(&self) -> Duration {
        Duration::from_secs(self.control_wait_seconds)
    }

    /// The time between two full listings.
    pub fn scan(&self) -> Duration {
        Duration::from_secs(self.scan_seconds)
    }

    /// The bytes of source files that one load takes together.
    pub fn load_max_bytes(&self) -> u64 {
        self.load_max_mb << 20
    }

    /// The longest record that is read.
    pub fn max_record_bytes(&self) -> usize {
        usize::try_from(self.max_record_mb << 20).unwrap_or(usize::MAX)
    }

    /// Loads at the same time, at least one.
    pub fn parallel_loads(&self) -> usize {
        match self.parallel_loads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            loads => loads,
        }
    }
}

/// Scheduled jobs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    pub enabled: bool,
    pub tick_seconds: u64,
}

impl Jobs {
    /// The time between two looks for jobs that are due.
    pub fn tick(&self) -> Duration {
        Duration::from_secs(self.tick_seconds)
    }
}

/// Merging of small data files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compact {
    /// By the daemon, of itself.
    pub enabled: bool,
    pub interval_seconds: u64,
    pub min_files: usize,
    pub target_file_mb: u64,
    pub keep_replaced_seconds: u64,
}

impl Compact {
    /// The time between two looks for files to merge.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds)
    }

    /// The size of a data file that is merged no more.
    pub fn target_bytes(&self) -> u64 {
        self.target_file_mb << 20
    }

    /// How long replaced files stay readable.
    pub fn keep_replaced(&self) -> Duration {
        Duration::from_secs(self.keep_replaced_seconds)
    }
}

/// Bounds on one query or job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    pub memory_mb: usize,
}

impl Query {
    /// Memory before a query spills to disk.
    pub fn memory_bytes(&self) -> usize {
        self.memory_mb.saturating_mul(1 << 20)
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub level: Level,
    pub format: LogFormat,
}

/// From the gravest to the most talkative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl Level {
    /// The name in a configuration file.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Object storage, which this version does not use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    #[serde(deserialize_with = "empty_is_none")]
    pub s3_bucket: Option<String>,
}

/// An Iceberg catalogue, which this version does not use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Iceberg {
    #[serde(deserialize_with = "empty_is_none")]
    pub catalog_uri: Option<String>,
    #[serde(deserialize_with = "empty_is_none")]
    pub warehouse: Option<String>,
}

/// All that is wrong with the settings, not only the first of it.
#[derive(Debug, Error)]
#[error("{} in the settings", if mistakes.len() == 1 { "a mistake" } else { "several mistakes" })]
pub struct SettingsError {
    /// At least one.
    pub mistakes: Vec<Mistake>,
}

/// One thing that is wrong, where it stands, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {message}")]
pub struct Mistake {
    /// A file with its line, the name of a variable, or a flag.
    pub place: String,
    pub message: String,
    pub hint: Option<String>,
}

/// The merged table, before paths are resolved. Its shape is that of `config/default.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    paths: paths::Written,
    database: database::Written,
    ingest: Ingest,
    jobs: Jobs,
    compact: Compact,
    alerts: Alerts,
    query: Query,
    log: Log,
    storage: Storage,
    iceberg: Iceberg,
}

impl Settings {
    /// Reads all layers and checks them.
    ///
    /// # Errors
    /// Every mistake in every layer: unknown keys, wrong types, values out of bounds, files that cannot be read.
    pub fn load(sources: &Sources) -> Result<Settings, SettingsError> {
        let mut mistakes = Vec::new();
        let mut remarks = Vec::new();
        let merged = layers::merge(sources, &mut mistakes, &mut remarks);
        check::values(&merged, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(SettingsError { mistakes });
        }
        let written: Written = merged.to_table().try_into().map_err(|cause: toml::de::Error| {
            let mistake = Mistake::new("the settings", cause.message().to_owned(), None);
            SettingsError { mistakes: vec![mistake] }
        })?;
        let settings = resolve(written, merged, remarks, sources);
        check::folders(&settings, &mut mistakes);
        if mistakes.is_empty() { Ok(settings) } else { Err(SettingsError { mistakes }) }
    }

    /// Every setting with its value and where it came from, secrets hidden, in the order of the keys.
    pub fn effective(&self) -> &[Effective] {
        &self.effective
    }

    /// Where the value of `key` (`section.key`) came from.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.effective.iter().find(|entry| entry.key == key).map(|entry| &entry.origin)
    }

    /// What is set but does not do what one would expect, as whole sentences.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

impl Mistake {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>, hint: Option<String>) -> Self {
        Mistake { place: place.into(), message: message.into(), hint }
    }
}

fn resolve(
    written: Written,
    merged: layers::Merged,
    mut remarks: Vec<String>,
    sources: &Sources,
) -> Settings {
    let Written { paths, database, ingest, jobs, compact, alerts, query, log, storage, iceberg } = written;
    let paths = paths.resolve(&sources.cwd);
    let url = database.resolve(&paths);
    remarks.extend(check::unused(&merged));
    let effective = effective::list(merged, &paths, &url);
    Settings {
        paths,
        database: Database { url },
        ingest,
        jobs,
        compact,
        alerts,
        query,
        log,
        storage,
        iceberg,
        effective,
        remarks,
    }
}

fn empty_is_none<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(reader)?).filter(|text| !text.is_empty()))
}

fn empty_is_no_path<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(empty_is_none(reader)?.map(PathBuf::from))
}

#[cfg(test)]
mod tests;
