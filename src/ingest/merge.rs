//! `overwrite` and `upsert`: what a load takes away from the table, and what of it is carried over.
//!
//! Data files are never changed. A file that loses some of its rows is written again without them, in the same
//! load, and replaced at the commit.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::write::{Keys, ORDINAL, WriteError, writer_options};
use crate::durable;
use crate::lake::{DataFile, Lake, LakeError, PartitionSource, TableWriter, retired};
use crate::metadata::data_files::DataFileRow;
use crate::registry::TypeSpec;
use crate::schema::processing_config::WriteMode;

/// A data file of the table before this load.
#[derive(Debug, Clone)]
pub struct Live {
    pub id: i64,
    pub path: String,
    pub partition: Option<String>,
}

impl From<DataFileRow> for Live {
    fn from(row: DataFileRow) -> Self {
        Self { id: row.id, path: row.path, partition: row.partition_value }
    }
}

/// What the intent says about earlier data files.
#[derive(Debug, Default)]
pub struct Merged {
    pub removes: Vec<i64>,
    pub rows_carried: i64,
}

/// The data files to publish and the ones to remove.
///
/// # Errors
/// Faults of storage.
pub(super) fn merge(
    lake: &Lake,
    spec: &TypeSpec,
    load_id: i64,
    staged: Vec<DataFile>,
    live: &[Live],
    keys: &Keys,
) -> Result<(Vec<DataFile>, Merged), WriteError> {
    match spec.config.write_mode {
        WriteMode::Append => Ok((staged, Merged::default())),
        WriteMode::Overwrite => {
            let touched: HashSet<&Option<String>> = staged.iter().map(|file| &file.partition).collect();
            let replaced = live.iter().filter(|file| touched.contains(&file.partition));
            let removes = replaced.map(|file| file.id).collect();
            Ok((staged, Merged { removes, rows_carried: 0 }))
        }
        WriteMode::Upsert => Upsert { lake, spec, load_id, keys }.run(staged, live),
    }
}

struct Upsert<'a> {
    lake: &'a Lake,
    spec: &'a TypeSpec,
    load_id: i64,
    keys: &'a Keys,
}

impl Upsert<'_> {
    fn run(&self, staged: Vec<DataFile>, live: &[Live]) -> Result<(Vec<DataFile>, Merged), WriteError> {
        let mut writer = TableWriter::new(self.lake, self.load_id, writer_options(self.spec));
        for file in &staged {
            let staged = Source::at(file.staged.clone())?;
            self.copy(staged, file.partition.clone(), &mut writer, |batch| self.last_of_each_key(batch))?;
            durable::remove_if_there(&file.staged).map_err(LakeError::io("remove", &file.staged))?;
        }
        let mut merged = Merged::default();
        for file in live {
            if self.holds_our_keys(Source::live(self.lake, &file.path)?)? {
                let source = Source::live(self.lake, &file.path)?;
                let carried =
                    self.copy(source, file.partition.clone(), &mut writer, |batch| self.others(batch))?;
                merged.rows_carried += carried as i64;
                merged.removes.push(file.id);
            }
        }
        Ok((writer.finish()?, merged))
    }

    /// Copies the rows that `keep` keeps; how many they are.
    fn copy(
        &self,
        from: Source,
        partition: Option<String>,
        writer: &mut TableWriter,
        keep: impl Fn(RecordBatch) -> Result<RecordBatch, WriteError>,
    ) -> Result<usize, WriteError> {
        let source = PartitionSource::Fixed(partition);
        let mut rows = 0;
        for batch in from.rows.build().map_err(unreadable(&from.place))? {
            let kept = keep(batch.map_err(|source| WriteError::Rows { source })?)?;
            rows += kept.num_rows();
            writer.write(&kept, &source)?;
        }
        Ok(rows)
    }

    /// Of each key the record that was read last, without its ordinal.
    fn last_of_each_key(&self, mut batch: RecordBatch) -> Result<RecordBatch, WriteError> {
        let at = batch.schema().index_of(ORDINAL).map_err(|source| WriteError::Rows { source })?;
        let ordinals = batch.remove_column(at);
        let ordinals = ordinals.as_primitive::<Int64Type>();
        let hashes = self.hashes(&batch)?;
        let last: BooleanArray = hashes
            .iter()
            .zip(ordinals.values())
            .map(|(hash, ordinal)| Some(self.keys.is_last(hash, *ordinal)))
            .collect();
        filter_record_batch(&batch, &last).map_err(|source| WriteError::Rows { source })
    }

    /// The rows whose key is not in this load.
    fn others(&self, batch: RecordBatch) -> Result<RecordBatch, WriteError> {
        let other: BooleanArray =
            self.hashes(&batch)?.iter().map(|hash| Some(!self.keys.contains(hash))).collect();
        filter_record_batch(&batch, &other).map_err(|source| WriteError::Rows { source })
    }

    fn hashes(&self, batch: &RecordBatch) -> Result<Vec<u128>, WriteError> {
        self.keys.hashes(batch).map_err(|source| WriteError::Rows { source })
    }

    fn holds_our_keys(&self, Source { place, rows }: Source) -> Result<bool, WriteError> {
        let columns: Vec<&str> = self.keys.columns().collect();
        let mask = parquet::arrow::ProjectionMask::columns(rows.parquet_schema(), columns);
        for batch in rows.with_projection(mask).build().map_err(unreadable(&place))? {
            let batch = batch.map_err(|source| WriteError::Rows { source })?;
            if self.hashes(&batch)?.iter().any(|hash| self.keys.contains(hash)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A data file that is about to be read.
struct Source {
    place: PathBuf,
    rows: ParquetRecordBatchReaderBuilder<File>,
}

impl Source {
    fn at(place: PathBuf) -> Result<Self, WriteError> {
        let file = File::open(&place).map_err(LakeError::io("open", &place))?;
        Self::of(place, file)
    }

    /// A file of the table, also when compaction has replaced it since the table was listed: the commit will tell.
    fn live(lake: &Lake, path: &str) -> Result<Self, WriteError> {
        let place = lake.place(path);
        let file = retired::open(lake.root(), path).map_err(LakeError::io("open", &place))?;
        Self::of(place, file)
    }

    fn of(place: PathBuf, file: File) -> Result<Self, WriteError> {
        let rows = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable(&place))?;
        Ok(Self { place, rows })
    }
}

fn unreadable(place: &Path) -> impl Fn(parquet::errors::ParquetError) -> WriteError + use<> {
    let path: PathBuf = place.to_owned();
    move |source| WriteError::Lake(LakeError::Encode { path: path.clone(), source })
}
