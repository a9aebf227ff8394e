//! Rows of one table → staged Parquet files.
//!
//! Rows are gathered for each partition until they make a row group; the pool encodes row groups in parallel, and they are
//! appended to the partition's file in the order in which the rows came. At most one row group more than the pool has threads is
//! under way, so memory stays bounded however fast the rows come.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::errors::ParquetError;

use super::Compression;
use super::encode::{Encoder, RowGroup};
use super::file::{OpenFile, Syncs, encode_fault};
use super::gather::Gather;
use super::room::Taken;
use super::split::{PartitionSource, split};
use super::{Lake, LakeError, Zone};
use crate::durable;
use crate::workers::Ticket;

/// Files open at the same time; past it the largest is closed.
const MOST_OPEN: usize = 64;
/// Bytes of Arrow data that one writer may gather for all its partitions together.
const MOST_GATHERED: usize = 64 << 20;
/// A writer that holds less does not write early because others hold much.
const FAIR_SHARE: usize = 16 << 20;

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
    lake: Lake,
    options: WriterOptions,
    folder: PathBuf,
    /// Unique start of the names of this writer's files.
    prefix: String,
    count: usize,
    /// Made for the schema of the first rows.
    encoder: Option<Arc<Encoder>>,
    gathered: BTreeMap<Option<String>, Gather>,
    /// Row groups that are being encoded, oldest first.
    encoding: VecDeque<InFlight>,
    open: BTreeMap<Option<String>, OpenFile>,
    syncs: Syncs,
    closed: Vec<DataFile>,
}

#[derive(Debug)]
struct InFlight {
    partition: Option<String>,
    group: Ticket<Result<RowGroup, ParquetError>>,
    /// The memory of its rows.
    _taken: Taken,
}

impl TableWriter {
    /// A writer below the staging folder of load `load_id`, which must exist.
    pub fn new(lake: &Lake, load_id: i64, options: WriterOptions) -> Self {
        // The random part keeps names apart when a ledger was made anew over an existing lake.
        let prefix = format!("{}-{load_id}-{:08x}", options.table, fastrand::u32(..));
        Self {
            folder: lake.staging_folder(load_id),
            lake: lake.clone(),
            options,
            prefix,
            count: 0,
            encoder: None,
            gathered: BTreeMap::new(),
            encoding: VecDeque::new(),
            open: BTreeMap::new(),
            syncs: Syncs::default(),
            closed: Vec::new(),
        }
    }

    /// Adds rows; all batches of one writer have the same schema.
    ///
    /// # Errors
    /// Storage and encoding faults, also of rows that were added before. The writer is of no use afterwards.
    pub fn write(&mut self, batch: &RecordBatch, source: &PartitionSource) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        for (partition, part) in split(batch, source)? {
            self.gather(partition, part)?;
        }
        self.limit_memory()
    }

    fn gather(&mut self, partition: Option<String>, part: RecordBatch) -> Result<(), LakeError> {
        let gather = match self.gathered.get_mut(&partition) {
            Some(gather) => gather,
            None => self.gathered.entry(partition.clone()).or_insert(Gather::new(&self.lake.room)),
        };
        gather.add(part).map_err(|source| LakeError::Split { source })?;
        if gather.is_due(self.options.target_bytes) { self.encode(&partition) } else { Ok(()) }
    }

    /// Hands the gathered rows of a partition to the pool.
    fn encode(&mut self, partition: &Option<String>) -> Result<(), LakeError> {
        let Some(gather) = self.gathered.remove(partition) else { return Ok(()) };
        while self.encoding.len() > self.lake.workers.threads() {
            self.append_oldest()?;
        }
        let (batches, taken) = gather.into_parts();
        let Some(first) = batches.first() else { return Ok(()) };
        let encoder = self.encoder(first.schema())?;
        let shelf = Arc::clone(&self.lake.shelf);
        let group =
            self.lake.workers.submit(move || shelf.with_tools(|tools| encoder.encode(batches, tools)));
        self.encoding.push_back(InFlight { partition: partition.clone(), group, _taken: taken });
        Ok(())
    }

    fn encoder(&mut self, schema: SchemaRef) -> Result<Arc<Encoder>, LakeError> {
        if let Some(encoder) = &self.encoder {
            return Ok(Arc::clone(encoder));
        }
        let choices = self.lake.shelf.choices(&self.options.table);
        let encoder = Encoder::new(schema, self.options.compression, choices)
            .map_err(|source| encode_fault(&self.folder, source))?;
        Ok(Arc::clone(self.encoder.insert(Arc::new(encoder))))
    }

    /// Waits for the oldest row group and appends it to the file of its partition.
    fn append_oldest(&mut self) -> Result<(), LakeError> {
        let Some(InFlight { partition, group, _taken }) = self.encoding.pop_front() else {
            return Ok(());
        };
        let group = group.wait().map_err(|source| encode_fault(&self.folder, source))?;
        let mut file = match self.open.remove(&partition) {
            Some(file) => file,
            None => self.create(partition.clone())?,
        };
        file.append(group)?;
        if file.bytes() >= self.options.target_bytes {
            self.close(file)
        } else {
            self.open.insert(partition, file);
            Ok(())
        }
    }

    fn create(&mut self, partition: Option<String>) -> Result<OpenFile, LakeError> {
        if self.open.len() >= MOST_OPEN {
            self.close_largest()?;
        }
        let name = format!("{}-{}.parquet", self.prefix, self.count);
        self.count += 1;
        let folder = Lake::folder(&self.options.zone, &self.options.table, partition.as_deref());
        let staged = self.folder.join(format!("{name}.tmp"));
        let encoder = self.encoder.as_ref().expect("rows were encoded before they get a file");
        OpenFile::create(staged, format!("{folder}/{name}"), partition, encoder)
    }

    /// Writes early when too much is held: own row groups first, then the largest partition before it makes a full one.
    fn limit_memory(&mut self) -> Result<(), LakeError> {
        while self.lake.room.is_full() && !self.encoding.is_empty() {
            self.append_oldest()?;
        }
        loop {
            let gathered: usize = self.gathered.values().map(Gather::bytes).sum();
            let most = if self.lake.room.is_full() { FAIR_SHARE } else { MOST_GATHERED };
            let largest = self.gathered.iter().max_by_key(|(_, gather)| gather.bytes());
            match largest.map(|(partition, _)| partition.clone()) {
                Some(partition) if gathered > most => self.encode(&partition)?,
                _ => return Ok(()),
            }
        }
    }

    fn close_largest(&mut self) -> Result<(), LakeError> {
        let largest = self.open.iter().max_by_key(|(_, file)| file.rows());
        let largest = largest.map(|(partition, _)| partition.clone());
        match largest.and_then(|partition| self.open.remove(&partition)) {
            Some(file) => self.close(file),
            None => Ok(()),
        }
    }

    fn close(&mut self, file: OpenFile) -> Result<(), LakeError> {
        let closed = file.close(&mut self.syncs)?;
        self.closed.push(closed);
        Ok(())
    }

    /// Closes a file that gets no more rows, so that its way to the disk begins.
    fn close_if_complete(&mut self, partition: &Option<String>) -> Result<(), LakeError> {
        let awaits = self.encoding.iter().any(|group| group.partition == *partition);
        match self.open.remove(partition) {
            Some(file) if awaits || self.gathered.contains_key(partition) => {
                self.open.insert(partition.clone(), file);
                Ok(())
            }
            Some(file) => self.close(file),
            None => Ok(()),
        }
    }

    /// Writes what is left, closes and syncs all files.
    ///
    /// # Errors
    /// Storage and encoding faults.
    pub fn finish(mut self) -> Result<Vec<DataFile>, LakeError> {
        while let Some(partition) = self.gathered.keys().next().cloned() {
            self.encode(&partition)?;
        }
        while let Some(partition) = self.encoding.front().map(|group| group.partition.clone()) {
            self.append_oldest()?;
            self.close_if_complete(&partition)?;
        }
        for (_, file) in std::mem::take(&mut self.open) {
            self.close(file)?;
        }
        self.syncs.finish()?;
        durable::sync_directory(&self.folder).map_err(LakeError::io("sync", &self.folder))?;
        Ok(self.closed)
    }
}

#[cfg(test)]
mod tests;
