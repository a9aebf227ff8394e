//! A small lake with a ledger, for tests.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use tempfile::TempDir;

use super::print::{self, Format, Room};
use super::{Answer, Engine, Limits, QueryError};
use crate::lake::{Compression, Lake, PartitionSource, Staging, TableWriter, WriterOptions, Zone, staging};
use crate::metadata::Metadata;
use crate::metadata::loads::{Intent, LoadKind, NewDataFile, NewLoad};
use crate::metadata::types::{Author, NewType, TypeStatus};
use crate::workers::Workers;

pub struct Fixture {
    /// Removed when the fixture is.
    pub folder: TempDir,
    pub metadata: Metadata,
    pub lake: Lake,
    pub engine: Engine,
}

impl Fixture {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("metadata.db").display());
        let metadata = Metadata::connect(&url).await.expect("a database");
        metadata.migrate().await.expect("tables");
        let root: PathBuf = folder.path().join("datalake");
        let limits = Limits { memory_bytes: 64 << 20, threads: 2 };
        let engine = Engine::new(metadata.clone(), root.clone(), limits).expect("an engine");
        Fixture { folder, metadata, lake: Lake::new(root, Workers::new(1)), engine }
    }

    /// Registers an active type with fields of the first dialect of `schema_definition`.
    pub async fn add_type(&self, table: &str, fields: &str) {
        let new = NewType {
            table_name: table.into(),
            file_type: table.into(),
            status: TypeStatus::Active,
            schema_definition: format!(r#"{{"fields":{fields}}}"#),
            processing_config: "{}".into(),
            partition_column: "date".into(),
            description: None,
            file_pattern: None,
            author: Author::Operator,
        };
        self.metadata.register_type(&new).await.expect("registered").expect("a new type");
    }

    /// One committed load of one batch into one partition, replacing the data files with the given ids.
    pub async fn load(
        &self,
        table: &str,
        partition: Option<&str>,
        batch: RecordBatch,
        removes: &[i64],
    ) -> i64 {
        let load = NewLoad {
            kind: LoadKind::Replay,
            table_name: table.into(),
            file_type: Some(table.into()),
            schema_version: None,
            owner: "test".into(),
        };
        let load_id = self.metadata.begin_load(&load).await.expect("a load");
        Staging::create(&self.lake, load_id).expect("a folder");
        let options = WriterOptions {
            zone: Zone::Raw { partition_column: "date".into() },
            table: table.into(),
            compression: Compression::Zstd,
            target_bytes: u64::MAX,
        };
        let mut writer = TableWriter::new(&self.lake, load_id, options);
        let source = PartitionSource::Fixed(partition.map(str::to_string));
        writer.write(&batch, &source).expect("written");
        let files = writer.finish().expect("closed");
        let rows_carried = files.iter().map(|file| file.rows as i64).sum();
        let data_files = files
            .iter()
            .map(|file| NewDataFile {
                path: file.path.clone(),
                partition_value: file.partition.clone(),
                rows: file.rows as i64,
                bytes: file.bytes as i64,
                column_ranges: file.column_ranges.clone(),
            })
            .collect();
        let intent = Intent { data_files, removes: removes.to_vec(), rows_carried, ..Intent::default() };
        self.metadata.stage(load_id, &intent).await.expect("staged");
        staging::publish(&self.lake, &files).expect("published");
        self.metadata.commit(load_id).await.expect("committed");
        Staging::of(&self.lake, load_id).clear().expect("cleared");
        load_id
    }

    /// The answer as CSV; changes as `changed N`; errors as `error: … / hint`.
    pub async fn ask(&self, sql: &str) -> String {
        match self.try_ask(sql).await {
            Ok(text) => text,
            Err(error) => match error.hint() {
                Some(hint) => format!("error: {error} / {hint}"),
                None => format!("error: {error}"),
            },
        }
    }

    pub async fn try_ask(&self, sql: &str) -> Result<String, QueryError> {
        match self.engine.run(sql).await? {
            Answer::Changed { table, rows } => Ok(format!("changed {rows} in {table}")),
            Answer::Rows(rows) => {
                let mut out = Vec::new();
                print::write(rows, Format::Csv, Room::default(), &mut out).await?;
                Ok(String::from_utf8(out).expect("text"))
            }
        }
    }
}
