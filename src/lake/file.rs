//! One staged data file while row groups are appended to it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::encode::{Encoder, RowGroup};
use super::ranges::Ranges;
use super::{DataFile, LakeError};

/// Bytes that go to the system at once.
const BUFFER: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct OpenFile {
    writer: Writer,
    staged: PathBuf,
    path: String,
    partition: Option<String>,
    rows: u64,
    bytes: u64,
    ranges: Ranges,
}

struct Writer(SerializedFileWriter<BufWriter<File>>);

impl OpenFile {
    pub fn create(
        staged: PathBuf,
        path: String,
        partition: Option<String>,
        encoder: &Encoder,
    ) -> Result<Self, LakeError> {
        let file = File::create_new(&staged).map_err(LakeError::io("create", &staged))?;
        let writer = encoder
            .file(BufWriter::with_capacity(BUFFER, file))
            .map_err(|source| encode_fault(&staged, source))?;
        let ranges = Ranges::new(encoder.schema());
        Ok(Self { writer: Writer(writer), staged, path, partition, rows: 0, bytes: 0, ranges })
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the row groups so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn append(&mut self, group: RowGroup) -> Result<(), LakeError> {
        self.rows += group.rows;
        self.bytes += group.bytes;
        self.ranges.observe(group.metadata());
        let Writer(writer) = &mut self.writer;
        let append = || {
            let mut into = writer.next_row_group()?;
            group.append_to(&mut into)?;
            into.close().map(drop)
        };
        append().map_err(|source| encode_fault(&self.staged, source))
    }

    /// Writes the footer. The file is durable when `syncs` say so.
    pub fn close(self, syncs: &mut Syncs) -> Result<DataFile, LakeError> {
        let Self { writer: Writer(writer), staged, path, partition, rows, bytes: _, ranges } = self;
        let appended = writer.flushed_row_groups().iter().map(|group| group.num_rows());
        debug_assert_eq!(appended.sum::<i64>(), rows as i64);
        let mut sink = writer.into_inner().map_err(|source| encode_fault(&staged, source))?;
        sink.flush().map_err(LakeError::io("write", &staged))?;
        let file = sink.into_inner().map_err(|error| LakeError::io("write", &staged)(error.into_error()))?;
        let bytes = file.metadata().map_err(LakeError::io("look at", &staged))?.len();
        syncs.begin(file, staged.clone())?;
        Ok(DataFile { staged, path, partition, rows, bytes, column_ranges: ranges.to_json() })
    }
}

/// Files on their way to the disk, while the next ones are encoded. Waiting for a disk is no work for a core, so it has
/// threads of its own.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    running: VecDeque<(PathBuf, JoinHandle<io::Result<()>>)>,
}

/// Files that are synced at the same time.
const MOST_SYNCS: usize = 4;

impl Syncs {
    fn begin(&mut self, file: File, staged: PathBuf) -> Result<(), LakeError> {
        if self.running.len() >= MOST_SYNCS {
            self.wait_for_oldest()?;
        }
        let sync = move || file.sync_all();
        let thread = thread::Builder::new().name("sync".into()).spawn(sync);
        let thread = thread.map_err(LakeError::io("start syncing", &staged))?;
        self.running.push_back((staged, thread));
        Ok(())
    }

    fn wait_for_oldest(&mut self) -> Result<(), LakeError> {
        let Some((staged, thread)) = self.running.pop_front() else { return Ok(()) };
        let synced = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        synced.map_err(LakeError::io("sync", &staged))
    }

    /// Waits until all files are on disk.
    pub fn finish(&mut self) -> Result<(), LakeError> {
        while !self.running.is_empty() {
            self.wait_for_oldest()?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

pub(super) fn encode_fault(path: &Path, source: ParquetError) -> LakeError {
    LakeError::Encode { path: path.to_owned(), source }
}
