//! Rows of one table → staged Parquet files, one open file for each partition.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::ranges::Ranges;
use super::split::{PartitionSource, split};
use super::{Compression, encode};
use super::{Lake, LakeError, Zone};
use crate::durable;

/// Files open at the same time; past it the largest is closed.
const MOST_OPEN: usize = 64;
/// Bytes that all open row groups of one writer may hold together.
const MOST_BUFFERED: usize = 96 << 20;

/// What one staged file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Where it lies until it is published.
    pub staged: PathBuf,
    /// Its final place, relative to the lake's root.
    pub path: String,
    pub partition: Option<String>,
    pub rows: u64,
    pub bytes: u64,
    /// Lowest and highest value of each date and time column, as JSON.
    pub column_ranges: Option<String>,
}

#[derive(Debug, Clone)]
pub struct WriterOptions {
    pub zone: Zone,
    pub table: String,
    pub compression: Compression,
    /// A data file is closed when it has this many bytes.
    pub target_bytes: u64,
}

/// Writes batches of one table into the staging folder of one load.
#[derive(Debug)]
pub struct TableWriter {
    options: WriterOptions,
    properties: WriterProperties,
    folder: PathBuf,
    /// Unique start of the names of this writer's files.
    prefix: String,
    count: usize,
    open: BTreeMap<Option<String>, OpenFile>,
    closed: Vec<DataFile>,
}

#[derive(Debug)]
struct OpenFile {
    writer: ArrowWriter<File>,
    staged: PathBuf,
    path: String,
    partition: Option<String>,
    rows: u64,
    ranges: Ranges,
}

impl TableWriter {
    /// A writer below the staging folder of load `load_id`, which must exist.
    pub fn new(lake: &Lake, load_id: i64, options: WriterOptions) -> Self {
        // The random part keeps names apart when a ledger was made anew over an existing lake.
        let prefix = format!("{}-{load_id}-{:08x}", options.table, fastrand::u32(..));
        Self {
            properties: encode::properties(options.compression),
            folder: lake.staging_folder(load_id),
            options,
            prefix,
            count: 0,
            open: BTreeMap::new(),
            closed: Vec::new(),
        }
    }

    /// Adds rows; all batches of one writer have the same schema.
    ///
    /// # Errors
    /// Storage and encoding faults. The writer is of no use afterwards.
    pub fn write(&mut self, batch: &RecordBatch, source: &PartitionSource) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        for (partition, part) in split(batch, source)? {
            self.write_part(partition, &part)?;
        }
        self.limit_memory()
    }

    fn write_part(&mut self, partition: Option<String>, part: &RecordBatch) -> Result<(), LakeError> {
        let mut file = match self.open.remove(&partition) {
            Some(file) => file,
            None => self.create(partition, part.schema())?,
        };
        file.writer.write(part).map_err(|source| encode_fault(&file.staged, source))?;
        file.ranges.observe(part.columns());
        file.rows += part.num_rows() as u64;
        if file.writer.bytes_written() as u64 >= self.options.target_bytes {
            self.close(file)
        } else {
            self.open.insert(file.partition.clone(), file);
            Ok(())
        }
    }

    fn create(&mut self, partition: Option<String>, schema: SchemaRef) -> Result<OpenFile, LakeError> {
        if self.open.len() >= MOST_OPEN {
            self.close_largest()?;
        }
        let name = format!("{}-{}.parquet", self.prefix, self.count);
        self.count += 1;
        let folder = Lake::folder(&self.options.zone, &self.options.table, partition.as_deref());
        let staged = self.folder.join(format!("{name}.tmp"));
        let file = File::create_new(&staged).map_err(LakeError::io("create", &staged))?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(self.properties.clone()))
            .map_err(|source| encode_fault(&staged, source))?;
        Ok(OpenFile {
            writer,
            staged,
            path: format!("{folder}/{name}"),
            partition,
            rows: 0,
            ranges: Ranges::new(schema),
        })
    }

    fn limit_memory(&mut self) -> Result<(), LakeError> {
        let buffered: usize = self.open.values().map(|file| file.writer.memory_size()).sum();
        if buffered > MOST_BUFFERED
            && let Some(largest) = self.open.values_mut().max_by_key(|file| file.writer.memory_size())
        {
            largest.writer.flush().map_err(|source| encode_fault(&largest.staged, source))?;
        }
        Ok(())
    }

    fn close_largest(&mut self) -> Result<(), LakeError> {
        let largest =
            self.open.iter().max_by_key(|(_, file)| file.rows).map(|(partition, _)| partition.clone());
        match largest.and_then(|partition| self.open.remove(&partition)) {
            Some(file) => self.close(file),
            None => Ok(()),
        }
    }

    fn close(&mut self, file: OpenFile) -> Result<(), LakeError> {
        let OpenFile { mut writer, staged, path, partition, rows, ranges } = file;
        let footer = writer.finish().map_err(|source| encode_fault(&staged, source))?;
        let on_disk = writer.inner();
        on_disk.sync_all().map_err(LakeError::io("sync", &staged))?;
        let bytes = on_disk.metadata().map_err(LakeError::io("look at", &staged))?.len();
        debug_assert_eq!(footer.file_metadata().num_rows(), rows as i64);
        let column_ranges = ranges.to_json();
        self.closed.push(DataFile { staged, path, partition, rows, bytes, column_ranges });
        Ok(())
    }

    /// Closes and syncs all files.
    ///
    /// # Errors
    /// Storage and encoding faults.
    pub fn finish(mut self) -> Result<Vec<DataFile>, LakeError> {
        for (_, file) in std::mem::take(&mut self.open) {
            self.close(file)?;
        }
        durable::sync_directory(&self.folder).map_err(LakeError::io("sync", &self.folder))?;
        Ok(self.closed)
    }
}

fn encode_fault(path: &std::path::Path, source: ParquetError) -> LakeError {
    LakeError::Encode { path: path.to_owned(), source }
}
