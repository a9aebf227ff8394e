//! The work: old data files, row group by row group, into new ones, and the proof that the new ones hold the same.
//!
//! Opens no database connection. Memory stays bounded: a batch at a time is read, and the writer has its own bounds.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::RowGroupMetaData;
use tokio_util::sync::CancellationToken;

use super::digest::{Digest, Sum};
use super::error::CompactError;
use crate::crash;
use crate::lake::{DataFile, Lake, LakeError, PartitionSource, Staging, TableWriter, WriterOptions, retired};
use crate::query::listing::LakeFile;

/// Most rows of a batch, and what its values may take roughly.
const BATCH_ROWS: usize = 8_192;
const BATCH_BYTES: u64 = 4 << 20;

/// Files of one folder and one shape that become new ones.
pub struct Rewrite {
    pub lake: Lake,
    pub load_id: i64,
    pub files: Vec<LakeFile>,
    pub options: WriterOptions,
    pub stop: CancellationToken,
}

impl Rewrite {
    /// Writes the new files into the staging folder and reads them again.
    ///
    /// # Errors
    /// A file cannot be read or does not hold what the ledger says; faults of storage; the new files differ.
    pub fn run(&self) -> Result<Vec<DataFile>, CompactError> {
        Staging::create(&self.lake, self.load_id)?;
        let (written, before) = self.write()?;
        crash::at("compact-after-write");
        let after = self.read_again(&written)?;
        if before != after {
            return Err(CompactError::Differs { rows_read: before.rows, rows_written: after.rows });
        }
        crash::at("compact-after-verify");
        Ok(written)
    }

    fn write(&self) -> Result<(Vec<DataFile>, Sum), CompactError> {
        let mut writer = TableWriter::new(&self.lake, self.load_id, self.options.clone());
        let mut digest: Option<Digest> = None;
        for file in &self.files {
            let partition = PartitionSource::Fixed(file.partition_value.clone());
            let rows = self.open(file)?;
            let place = self.lake.place(&file.path);
            let mut found = 0;
            for batch in batches(rows, &place)? {
                self.go_on()?;
                let batch = batch?;
                add(&mut digest, &batch)?;
                found += batch.num_rows() as u64;
                writer.write(&batch, &partition)?;
            }
            if found != file.rows {
                return Err(CompactError::RowCount { path: place, expected: file.rows, found });
            }
            crash::at("compact-mid-write");
        }
        Ok((writer.finish()?, sum(digest)?))
    }

    fn open(&self, file: &LakeFile) -> Result<File, CompactError> {
        retired::open(self.lake.root(), &file.path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CompactError::Gone { path: self.lake.place(&file.path) },
            _ => LakeError::io("open", &self.lake.place(&file.path))(source).into(),
        })
    }

    fn read_again(&self, written: &[DataFile]) -> Result<Sum, CompactError> {
        let mut digest = None;
        for file in written {
            let rows = File::open(&file.staged).map_err(LakeError::io("open", &file.staged))?;
            for batch in batches(rows, &file.staged)? {
                self.go_on()?;
                add(&mut digest, &batch?)?;
            }
        }
        sum(digest)
    }

    fn go_on(&self) -> Result<(), CompactError> {
        if self.stop.is_cancelled() { Err(CompactError::Stopped) } else { Ok(()) }
    }
}

fn add(digest: &mut Option<Digest>, batch: &RecordBatch) -> Result<(), CompactError> {
    let rows = |source| CompactError::Rows { source };
    if digest.is_none() {
        *digest = Some(Digest::new(&batch.schema()).map_err(rows)?);
    }
    digest.as_mut().map_or(Ok(()), |digest| digest.add(batch).map_err(rows))
}

fn sum(digest: Option<Digest>) -> Result<Sum, CompactError> {
    let empty = || Digest::new(&SchemaRef::new(arrow::datatypes::Schema::empty()));
    let digest = digest.map_or_else(empty, Ok).map_err(|source| CompactError::Rows { source })?;
    Ok(digest.sum())
}

fn batches(
    file: File,
    place: &Path,
) -> Result<impl Iterator<Item = Result<RecordBatch, CompactError>>, CompactError> {
    let unreadable = |place: PathBuf| {
        move |source: parquet::errors::ParquetError| CompactError::Unreadable { path: place.clone(), source }
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable(place.to_owned()))?;
    let rows = builder.metadata().row_groups().iter().map(batch_rows).min().unwrap_or(BATCH_ROWS);
    let reader: ParquetRecordBatchReader =
        builder.with_batch_size(rows).build().map_err(unreadable(place.to_owned()))?;
    let place = place.to_owned();
    Ok(reader.map(move |batch| {
        batch.map_err(|source| CompactError::Unreadable { path: place.clone(), source: source.into() })
    }))
}

/// Few rows at a time where they are long. Texts count as they are in memory, not as a dictionary packs them.
fn batch_rows(group: &RowGroupMetaData) -> usize {
    let texts = group.columns().iter().filter_map(|column| column.unencoded_byte_array_data_bytes());
    let texts: u64 = texts.map(i64::unsigned_abs).sum();
    let bytes = texts.max(group.total_byte_size().unsigned_abs());
    let rows = group.num_rows().unsigned_abs().max(1);
    let fitting = BATCH_BYTES / (bytes / rows).max(1);
    usize::try_from(fitting).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS)
}
