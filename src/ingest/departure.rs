//! Rows that leave a table: those of source files that are taken out again, or replaced by a later delivery.
//!
//! Which file a row came from, the row itself says (`_source_file`, `_load_id`), through every merge and every carrying
//! over. Data files are never changed: one that loses rows is written again without them, and replaced by the commit.
//! What stays keeps its place in the order of commits, so no job takes it for new.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{SlicesIterator, cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use parquet::arrow::ProjectionMask;

use super::fault::Fault;
use super::merge::{Source, unreadable};
use super::write::{Rows, WriteError, lineage_fields};
use crate::compact::{folder_of, origins_of_kept, zone_of};
use crate::lake::{Compression, DataFile, Lake, PartitionSource, TableWriter, WriterOptions};
use crate::metadata::files::FileRow;
use crate::metadata::loads::{MergedFile, Origin};
use crate::metadata::{Metadata, MetadataError};
use crate::query::listing::{LakeFile, with_origins};

/// A data file that loses rows stays one file.
const TARGET_BYTES: u64 = 1 << 40;

/// The rows of some files, and where they may be.
#[derive(Debug, Clone)]
pub struct Departure {
    table: String,
    /// Loads and names of the files.
    leaving: Arc<Rows>,
    suspects: Arc<[LakeFile]>,
    /// The files, with their replayed records as they were seen.
    pub files: Vec<(i64, i64)>,
}

/// What becomes of the data files that held the rows.
#[derive(Debug, Default)]
pub struct Departed {
    pub removes: Vec<i64>,
    /// What is left of them, staged, with its origins.
    pub carried: Vec<(DataFile, Vec<Origin>)>,
    pub rows_carried: i64,
    /// Rows that are gone.
    pub rows_gone: i64,
}

impl Departed {
    /// All staged data files.
    pub fn data_files(&self) -> impl Iterator<Item = &DataFile> {
        self.carried.iter().map(|(file, _)| file)
    }

    pub fn intents(&self) -> Vec<MergedFile> {
        let intent = |(file, origins): &(DataFile, Vec<Origin>)| MergedFile {
            file: super::new_data_file(file),
            origins: origins.clone(),
        };
        self.carried.iter().map(intent).collect()
    }
}

/// Loads and names by which the rows of loaded files are known, those of replayed records among them.
pub(super) async fn rows_of(metadata: &Metadata, files: &[FileRow]) -> Result<Rows, Fault> {
    let mut rows = Rows::new();
    for file in files {
        for load_id in metadata.loads_of_file(file).await? {
            rows.insert((load_id, file.name.clone()));
        }
    }
    Ok(rows)
}

impl Departure {
    /// Looks up where the rows of loaded files may be.
    ///
    /// # Errors
    /// The ledger cannot be read; two of the files came with one load under one name, so that nobody can tell their rows
    /// apart.
    pub async fn of(metadata: &Metadata, table: &str, files: &[FileRow]) -> Result<Self, Fault> {
        for file in files {
            if let Some(other) = metadata.namesake(file).await? {
                return Err(Fault::Inseparable { name: file.name.clone(), file_id: file.id, other });
            }
        }
        let leaving = rows_of(metadata, files).await?;
        let loads: HashSet<i64> = leaving.iter().map(|(load_id, _)| *load_id).collect();
        let loads: Vec<i64> = loads.into_iter().collect();
        let found = metadata.data_files_that_may_hold(table, &loads).await?;
        let origins = metadata.origins_of_table(table).await?;
        let suspects = with_origins(found.into_iter().map(LakeFile::from).collect(), origins);
        // Between the two looks somebody has replaced a file.
        let suspects = suspects.ok_or(MetadataError::DataFilesTaken { load_id: 0, expected: 1, taken: 1 })?;
        Ok(Self {
            table: table.to_owned(),
            leaving: Arc::new(leaving),
            suspects: suspects.into(),
            files: files.iter().map(|file| (file.id, file.records_replayed)).collect(),
        })
    }

    /// Writes the data files that lose rows again, into the staging folder of load `load_id`, which must exist. Those for
    /// which `is_ours` is false are left to somebody else.
    ///
    /// # Errors
    /// Faults of storage; a data file without the columns that say where its rows come from.
    pub fn carry_out(
        &self,
        lake: &Lake,
        load_id: i64,
        is_ours: impl Fn(&LakeFile) -> bool,
    ) -> Result<Departed, WriteError> {
        let mut departed = Departed::default();
        for file in self.suspects.iter().filter(|file| is_ours(file)) {
            if self.touches(lake, &file.path)? {
                self.rewrite(lake, load_id, file, &mut departed)?;
            }
        }
        Ok(departed)
    }

    /// False for data files that cannot hold rows that leave.
    pub(super) fn may_touch(&self, data_file_id: i64) -> bool {
        self.suspects.iter().any(|file| file.id == data_file_id)
    }

    /// The rows that stay.
    pub(super) fn without(&self, batch: RecordBatch, path: &str) -> Result<RecordBatch, WriteError> {
        let stays = self.staying(&batch, path)?;
        filter_record_batch(&batch, &stays).map_err(|source| WriteError::Rows { source })
    }

    /// True when a data file holds rows that leave.
    pub(super) fn touches(&self, lake: &Lake, path: &str) -> Result<bool, WriteError> {
        let Source { place, rows } = Source::live(lake, path)?;
        let lineage = lineage_fields();
        let columns = lineage.iter().map(|field| field.name().as_str());
        let mask = ProjectionMask::columns(rows.parquet_schema(), columns);
        for batch in rows.with_projection(mask).build().map_err(unreadable(&place))? {
            let batch = batch.map_err(|source| WriteError::Rows { source })?;
            if self.staying(&batch, path)?.false_count() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True for each row that stays.
    fn staying(&self, batch: &RecordBatch, path: &str) -> Result<BooleanArray, WriteError> {
        let column = |name: &str, kind: &DataType| match batch.column_by_name(name) {
            Some(column) => cast(column, kind).map_err(|source| WriteError::Rows { source }),
            None => Err(WriteError::NoLineage { path: path.to_owned() }),
        };
        let (names, loads) =
            (column("_source_file", &DataType::Utf8)?, column("_load_id", &DataType::Int64)?);
        let (names, loads) = (names.as_string::<i32>(), loads.as_primitive::<Int64Type>());
        let ids: HashSet<i64> = self.leaving.iter().map(|(load_id, _)| *load_id).collect();
        let stays = |(name, load_id): (Option<&str>, Option<i64>)| match (name, load_id) {
            (Some(name), Some(id)) if ids.contains(&id) => !self.leaving.contains(&(id, name.to_owned())),
            _ => true,
        };
        Ok(names.iter().zip(loads.iter()).map(stays).map(Some).collect())
    }

    fn rewrite(
        &self,
        lake: &Lake,
        load_id: i64,
        file: &LakeFile,
        departed: &mut Departed,
    ) -> Result<(), WriteError> {
        let mut writer = TableWriter::new(lake, load_id, self.options(file)?);
        let partition = PartitionSource::Fixed(file.partition_value.clone());
        let Source { place, rows } = Source::live(lake, &file.path)?;
        let (mut at, mut kept) = (0, Vec::new());
        for batch in rows.build().map_err(unreadable(&place))? {
            let batch = batch.map_err(|source| WriteError::Rows { source })?;
            let stays = self.staying(&batch, &file.path)?;
            kept.extend(SlicesIterator::new(&stays).map(|(from, to)| (at + from, at + to)));
            at += batch.num_rows();
            let rest = filter_record_batch(&batch, &stays).map_err(|source| WriteError::Rows { source })?;
            writer.write(&rest, &partition)?;
        }
        let written = writer.finish()?;
        let rows: Vec<i64> = written.iter().map(|file| file.rows as i64).collect();
        let carried: i64 = rows.iter().sum();
        departed.rows_carried += carried;
        departed.rows_gone += at as i64 - carried;
        departed.removes.push(file.id);
        departed.carried.extend(written.into_iter().zip(origins_of_kept(file, &kept, &rows)));
        Ok(())
    }

    /// As the data file was written: the type may be another today, or gone.
    fn options(&self, file: &LakeFile) -> Result<WriterOptions, WriteError> {
        let zone = zone_of(folder_of(&file.path), &self.table);
        Ok(WriterOptions {
            zone: zone.ok_or_else(|| WriteError::Astray { path: file.path.clone() })?,
            table: self.table.clone(),
            compression: Compression::Zstd,
            target_bytes: TARGET_BYTES,
        })
    }
}
