//! The text of `processing_config`: how files of a type become partitions of a table.
//!
//! Every key of the contract is known here. What this version cannot do is refused with a sentence that says
//! what to write instead: a row explains itself in `status_reason`, and is never treated differently in silence.

mod csv;
mod expected;
mod zone;

use thiserror::Error;

pub use self::csv::{CsvSettings, Quote};
pub use self::expected::ExpectedEvery;
use super::definition::MAX_COLUMNS;
use super::field::{Field, Kind, TableSchema};
use super::members::{self, MemberFault, Members, SyntaxFault};
use super::names;
use super::violation::named;
use crate::decode::value::Node;
pub use crate::partition::PartitionBy;
pub use crate::zone::Zone;

const KEYS: &[&str] = &[
    "format",
    "write_mode",
    "mode",
    "partition_by",
    "partition_source",
    "records_path",
    "on_unknown_field",
    "max_columns",
    "max_rejects",
    "max_reject_ratio",
    "dedupe",
    "compression",
    "timezone",
    "lenient",
    "lineage",
    "target_file_mb",
    "csv",
    "on_redelivery",
    "auto_replay",
    "pause_after_failures",
    "expected_every",
    "control",
];

/// See [`ProcessingConfig::max_columns`].
const MAX_EVOLVED_COLUMNS: usize = 2000;

/// How files of one type are processed.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessingConfig {
    pub write_mode: WriteMode,
    pub partition_by: PartitionBy,
    pub partition_source: PartitionSource,
    /// Keys from the root of a document down to the array of its records; `None`: found by itself.
    pub records_path: Option<Vec<String>>,
    pub on_unknown_field: OnUnknownField,
    /// Columns, nested ones included, past which `evolve` adds no more.
    pub max_columns: usize,
    /// Past this many rejects the whole file fails.
    pub max_rejects: u64,
    /// Past this share of rejects, 0 to 1, the whole file fails.
    pub max_reject_ratio: f64,
    /// Keep one record for each primary key of a load.
    pub dedupe: bool,
    pub compression: Compression,
    /// The zone of times that are written without an offset.
    pub timezone: Zone,
    /// Read JSON by the lenient grammar, which takes what people write by hand.
    pub lenient: bool,
    /// Add `_source_file`, `_ingested_at` and `_load_id`.
    pub lineage: bool,
    /// Aim for data files of this size; `None`: the writer's own.
    pub target_file_mb: Option<u64>,
    /// A file waits for its control file, and fails without one.
    pub control_required: bool,
    /// How CSV files are read; `None`: all of it is detected.
    pub csv: Option<CsvSettings>,
    pub on_redelivery: OnRedelivery,
    /// Load rejected records by itself when a change of the schema would accept them.
    pub auto_replay: bool,
    /// Pause the type after so many failed files in a row; 0: never; `None`: as the settings say.
    pub pause_after_failures: Option<u64>,
    /// When files must come; `None`: whenever they like.
    pub expected_every: Option<ExpectedEvery>,
}

/// What becomes of a file that was loaded when the same file, by type and time in the name, comes with other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRedelivery {
    /// Both are in the table.
    Append,
    /// Its rows go when those of the new one come.
    Replace,
    /// It stays; the new one is set aside.
    Ignore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    Append,
    /// Replace the partitions that a file touches.
    Overwrite,
    /// Merge by primary key.
    Upsert,
}

/// Where the time of a partition comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionSource {
    Filename,
    Column(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknownField {
    /// Keep the field in the column `_rescued`.
    Rescue,
    Ignore,
    Reject,
    /// Add a column for it; what cannot become a column is kept in `_rescued`.
    Evolve,
}

impl OnUnknownField {
    /// True when tables of such types have the column `_rescued`.
    pub fn keeps(self) -> bool {
        match self {
            OnUnknownField::Rescue | OnUnknownField::Evolve => true,
            OnUnknownField::Ignore | OnUnknownField::Reject => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Zstd,
    Snappy,
    Gzip,
    Lz4,
    None,
}

/// Why a configuration cannot be used. The message is complete in itself: an operator reads it in `status_reason`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    #[error("processing_config is {0}")]
    Syntax(#[from] SyntaxFault),
    #[error("processing_config: {0}")]
    Member(#[from] MemberFault),
    #[error("processing_config: this version {does}; {instead}")]
    Unsupported { does: &'static str, instead: &'static str },
    #[error("processing_config: \"mode\" is a synonym of \"write_mode\"; keep one of them")]
    TwoModes,
    #[error(
        "processing_config: \"records_path\" cannot be \"{path}\", which is neither a JSON pointer (/data/items) nor a dotted name (data.items)"
    )]
    RecordsPath { path: String },
    #[error(
        "processing_config: \"csv\" gives one character two meanings; delimiter, quote and escape must differ"
    )]
    CsvMarks,
    #[error("processing_config: unknown timezone \"{name}\"; {suggestion}")]
    Timezone { name: String, suggestion: String },
    #[error(
        "processing_config: \"expected_every\": {fault}; write for instance \"0 6 * * *\", every day at six"
    )]
    ExpectedEvery { fault: String },
    #[error(
        "processing_config: {feature} works by primary key, and the schema has none; add \"primary_key\": [\"…\"] to schema_definition"
    )]
    NoPrimaryKey { feature: &'static str },
    #[error(
        "processing_config: \"on_redelivery\": \"replace\" finds the rows of a file by _source_file and _load_id; leave \"lineage\": false out"
    )]
    NoLineage,
    #[error(
        "processing_config: write_mode upsert replaces rows by primary key, so that the unique key ({key}) cannot be promised; take it out of schema_definition, make it the primary key, or append"
    )]
    UniqueWithUpsert { key: String },
    #[error("processing_config: partition_source names \"{name}\", which is no column; {suggestion}")]
    UnknownSource { name: String, suggestion: String },
    #[error(
        "processing_config: partition_source names \"{name}\", which is of type {kind}; partitions need a date or a timestamp"
    )]
    UntimelySource { name: String, kind: String },
    #[error(
        "partition_column \"{name}\" cannot name a folder; use letters, digits and _, starting with a letter"
    )]
    PartitionName { name: String },
    #[error(
        "partition_column \"{name}\" is also the name of a field; set partition_column to a name of its own, for instance load_date"
    )]
    PartitionCollision { name: String },
}

impl ProcessingConfig {
    /// Reads the text of the column; `{}` gives the defaults.
    ///
    /// # Errors
    /// The first mistake, as a sentence that stands alone.
    pub fn parse(text: &str) -> Result<ProcessingConfig, ConfigError> {
        let value = members::parse(text)?;
        let config = Members::of(&value)?;
        config.only(KEYS)?;
        check_supported(config)?;
        let timezone = config.text("timezone")?.map(zone::parse).transpose()?.unwrap_or(Zone::UTC);
        let expected = config.get("expected_every");
        Ok(ProcessingConfig {
            write_mode: write_mode(config)?,
            partition_by: config.choice("partition_by", &PARTITIONS)?.unwrap_or(PartitionBy::Date),
            partition_source: partition_source(config)?,
            records_path: config.text("records_path")?.map(records_path).transpose()?,
            on_unknown_field: on_unknown_field(config)?,
            max_columns: max_columns(config)?,
            max_rejects: config.count("max_rejects")?.unwrap_or(10_000),
            max_reject_ratio: ratio(config)?.unwrap_or(0.5),
            dedupe: config.flag("dedupe")?.unwrap_or(false),
            compression: config.choice("compression", &COMPRESSIONS)?.unwrap_or(Compression::Zstd),
            timezone,
            lenient: config.flag("lenient")?.unwrap_or(false),
            lineage: config.flag("lineage")?.unwrap_or(true),
            target_file_mb: target_file_mb(config)?,
            control_required: config
                .choice("control", &[("optional", false), ("required", true)])?
                .unwrap_or(false),
            csv: config.get("csv").map(CsvSettings::parse).transpose()?,
            on_redelivery: config.choice("on_redelivery", &REDELIVERIES)?.unwrap_or(OnRedelivery::Append),
            auto_replay: config.flag("auto_replay")?.unwrap_or(false),
            pause_after_failures: config.count("pause_after_failures")?,
            expected_every: expected.map(|value| ExpectedEvery::parse(value, timezone)).transpose()?,
        })
    }

    /// Checks what only configuration and schema together can tell.
    ///
    /// # Errors
    /// The first contradiction, as a sentence that stands alone.
    pub fn check(&self, schema: &TableSchema, partition_column: &str) -> Result<(), ConfigError> {
        let keyless = schema.primary_key.is_empty();
        if keyless && self.write_mode == WriteMode::Upsert {
            return Err(ConfigError::NoPrimaryKey { feature: "write_mode upsert" });
        }
        if keyless && self.dedupe {
            return Err(ConfigError::NoPrimaryKey { feature: "dedupe" });
        }
        if !self.lineage && self.on_redelivery == OnRedelivery::Replace {
            return Err(ConfigError::NoLineage);
        }
        if self.write_mode == WriteMode::Upsert {
            let holds_key = |key: &Vec<usize>| schema.primary_key.iter().all(|column| key.contains(column));
            if let Some(key) = schema.unique.iter().find(|key| !holds_key(key)) {
                return Err(ConfigError::UniqueWithUpsert { key: named(&schema.names(key).join(", ")) });
            }
        }
        let source = self.check_source(schema)?;
        if self.partition_by == PartitionBy::None {
            return Ok(());
        }
        check_folder_name(partition_column)?;
        let folded = names::folded(partition_column);
        let collides = schema.fields.iter().find(|field| names::folded(&field.name) == folded);
        match collides {
            Some(field) if !self.is_partition_itself(field, source) => {
                Err(ConfigError::PartitionCollision { name: named(partition_column) })
            }
            _ => Ok(()),
        }
    }

    fn check_source<'s>(&self, schema: &'s TableSchema) -> Result<Option<&'s Field>, ConfigError> {
        let PartitionSource::Column(name) = &self.partition_source else {
            return Ok(None);
        };
        let Some(field) = schema.fields.iter().find(|field| field.name == *name) else {
            let known: Vec<_> = ["filename"]
                .into_iter()
                .chain(schema.fields.iter().map(|field| field.name.as_str()))
                .collect();
            let suggestion = names::suggestion(name, &known);
            return Err(ConfigError::UnknownSource { name: named(name), suggestion });
        };
        match field.kind {
            Kind::Date | Kind::Timestamp { .. } => Ok(Some(field)),
            _ => Err(ConfigError::UntimelySource { name: named(name), kind: field.kind.name() }),
        }
    }

    /// True when the field is the day by which the table is partitioned: its value then lives in the path only.
    fn is_partition_itself(&self, field: &Field, source: Option<&Field>) -> bool {
        self.partition_by == PartitionBy::Date
            && matches!(field.kind, Kind::Date)
            && source.is_some_and(|source| source.name == field.name)
    }
}

const PARTITIONS: [(&str, PartitionBy); 4] = [
    ("date", PartitionBy::Date),
    ("hour", PartitionBy::Hour),
    ("month", PartitionBy::Month),
    ("none", PartitionBy::None),
];

const REDELIVERIES: [(&str, OnRedelivery); 3] =
    [("append", OnRedelivery::Append), ("replace", OnRedelivery::Replace), ("ignore", OnRedelivery::Ignore)];

const COMPRESSIONS: [(&str, Compression); 5] = [
    ("zstd", Compression::Zstd),
    ("snappy", Compression::Snappy),
    ("gzip", Compression::Gzip),
    ("lz4", Compression::Lz4),
    ("none", Compression::None),
];

/// Refuses what the contract names and this version does not do.
fn check_supported(config: Members<'_, '_>) -> Result<(), ConfigError> {
    if config.choice("format", &[("parquet", false), ("iceberg", true)])? == Some(true) {
        return Err(ConfigError::Unsupported {
            does: "writes Parquet only",
            instead: "write \"format\": \"parquet\", or leave the key out",
        });
    }
    Ok(())
}

fn on_unknown_field(config: Members<'_, '_>) -> Result<OnUnknownField, ConfigError> {
    let choices = [
        ("rescue", OnUnknownField::Rescue),
        ("ignore", OnUnknownField::Ignore),
        ("reject", OnUnknownField::Reject),
        ("evolve", OnUnknownField::Evolve),
    ];
    Ok(config.choice("on_unknown_field", &choices)?.unwrap_or(OnUnknownField::Rescue))
}

/// How far a schema may grow by itself.
fn max_columns(config: Members<'_, '_>) -> Result<usize, ConfigError> {
    let most = config.count("max_columns")?.unwrap_or(MAX_EVOLVED_COLUMNS as u64);
    match usize::try_from(most) {
        Ok(most @ 1..=MAX_COLUMNS) => Ok(most),
        _ => {
            let found = format!("{most} (number)");
            Err(MemberFault::Wrong { key: "max_columns".into(), expected: "a number from 1 to 10000", found }
                .into())
        }
    }
}

fn write_mode(config: Members<'_, '_>) -> Result<WriteMode, ConfigError> {
    let choices =
        [("append", WriteMode::Append), ("overwrite", WriteMode::Overwrite), ("upsert", WriteMode::Upsert)];
    match (config.choice("write_mode", &choices)?, config.choice("mode", &choices)?) {
        (Some(_), Some(_)) => Err(ConfigError::TwoModes),
        (mode, synonym) => Ok(mode.or(synonym).unwrap_or(WriteMode::Append)),
    }
}

fn partition_source(config: Members<'_, '_>) -> Result<PartitionSource, ConfigError> {
    Ok(match config.text("partition_source")? {
        None | Some("filename") => PartitionSource::Filename,
        Some(column) => PartitionSource::Column(column.into()),
    })
}

fn ratio(config: Members<'_, '_>) -> Result<Option<f64>, ConfigError> {
    let Some(value) = config.get("max_reject_ratio") else {
        return Ok(None);
    };
    let ratio = match &value.node {
        Node::Number(literal) => literal.parse::<f64>().ok(),
        _ => None,
    };
    match ratio.filter(|ratio| (0.0..=1.0).contains(ratio)) {
        Some(ratio) => Ok(Some(ratio)),
        None => Err(members::wrong("max_reject_ratio", "a number from 0 to 1", value).into()),
    }
}

fn target_file_mb(config: Members<'_, '_>) -> Result<Option<u64>, ConfigError> {
    match config.count("target_file_mb")? {
        Some(0) => {
            let found = "0 (number)".to_owned();
            Err(MemberFault::Wrong { key: "target_file_mb".into(), expected: "1 or more", found }.into())
        }
        size => Ok(size),
    }
}

/// A JSON pointer, or keys joined by dots. The root itself is the empty path.
fn records_path(path: &str) -> Result<Vec<String>, ConfigError> {
    let fault = || ConfigError::RecordsPath { path: named(path) };
    if path.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(pointer) = path.strip_prefix('/') {
        return pointer.split('/').map(|segment| unescaped(segment).ok_or_else(fault)).collect();
    }
    let keys: Vec<_> = path.split('.').map(str::to_owned).collect();
    if keys.iter().any(String::is_empty) { Err(fault()) } else { Ok(keys) }
}

/// `~0` and `~1` are the only escapes of RFC 6901.
fn unescaped(segment: &str) -> Option<String> {
    let mut parts = segment.split('~');
    let mut key = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = (part.get(..1)?, part.get(1..)?);
        key.push(match escape {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        key.push_str(rest);
    }
    Some(key)
}

/// The name becomes part of a path, `date=2024-01-01`; readers skip folders that start with `_` or a dot.
fn check_folder_name(name: &str) -> Result<(), ConfigError> {
    let mut characters = name.chars();
    let starts_well = characters.next().is_some_and(char::is_alphabetic);
    if starts_well && characters.all(|c| c.is_alphanumeric() || c == '_') && name.len() <= 128 {
        return Ok(());
    }
    Err(ConfigError::PartitionName { name: named(name) })
}

#[cfg(test)]
mod tests;
