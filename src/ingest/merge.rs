//! `overwrite` and `upsert`: what a load takes away from the table, and what of it is carried over.
//!
//! Data files are never changed. A file that loses some of its rows is written again without them, in the same
//! load, and replaced at the commit.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::departure::{Departed, Departure};
use super::write::{Keys, ORDINAL, WriteError, writer_options};
use crate::durable;
use crate::lake::facts::Facts;
use crate::lake::reshape::reshape_rows;
use crate::lake::union;
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
    /// What is left of data files that lost the rows of a departure.
    pub departed: Departed,
    /// The newest commit of the table that was looked at, if what the load brings depends on it.
    pub seen_commit: Option<i64>,
}

/// What a load brings, and what it meets.
pub(super) struct Merge<'a> {
    pub lake: &'a Lake,
    pub spec: &'a TypeSpec,
    pub load_id: i64,
    /// The data files of the table.
    pub live: &'a [Live],
    /// With `upsert`: the keys of the load.
    pub keys: &'a Keys,
    /// The rows of earlier deliveries that go.
    pub departure: Option<&'a Departure>,
}

impl Merge<'_> {
    /// The data files to publish and the ones to remove.
    ///
    /// # Errors
    /// Faults of storage.
    pub fn run(self, staged: Vec<DataFile>) -> Result<(Vec<DataFile>, Merged), WriteError> {
        match self.spec.config.write_mode {
            WriteMode::Append => {
                let departed = self.departed(&HashSet::new())?;
                Ok((staged, Merged { departed, ..Merged::default() }))
            }
            WriteMode::Overwrite => {
                let touched: HashSet<&Option<String>> = staged.iter().map(|file| &file.partition).collect();
                let replaced = self.live.iter().filter(|file| touched.contains(&file.partition));
                let removes: Vec<i64> = replaced.map(|file| file.id).collect();
                let departed = self.departed(&removes.iter().copied().collect())?;
                Ok((staged, Merged { removes, departed, ..Merged::default() }))
            }
            WriteMode::Upsert => {
                let Merge { lake, spec, load_id, live, keys, departure } = self;
                Upsert { lake, spec, load_id, keys, departure }.run(staged, live)
            }
        }
    }

    /// Takes rows out of the data files that are not `removed` as a whole.
    fn departed(&self, removed: &HashSet<i64>) -> Result<Departed, WriteError> {
        let Some(departure) = self.departure else { return Ok(Departed::default()) };
        departure.carry_out(self.lake, self.load_id, |file| !removed.contains(&file.id))
    }
}

struct Upsert<'a> {
    lake: &'a Lake,
    spec: &'a TypeSpec,
    load_id: i64,
    keys: &'a Keys,
    departure: Option<&'a Departure>,
}

impl Upsert<'_> {
    fn run(&self, staged: Vec<DataFile>, live: &[Live]) -> Result<(Vec<DataFile>, Merged), WriteError> {
        let mut merged = Merged::default();
        let mut touched = Vec::new();
        for file in live {
            let loses_rows = self.loses_rows(file)?;
            if loses_rows || self.holds_our_keys(Source::live(self.lake, &file.path)?)? {
                merged.removes.push(file.id);
                touched.push((file, loses_rows));
            }
        }
        let mut writer = Writer {
            schema: self.common_schema(&staged, touched.iter().map(|(file, _)| *file))?,
            table: TableWriter::new(self.lake, self.load_id, writer_options(self.spec)),
        };
        for file in &staged {
            let staged = Source::at(file.staged.clone())?;
            self.copy(staged, file.partition.clone(), &mut writer, |batch| self.last_of_each_key(batch))?;
            durable::remove_if_there(&file.staged).map_err(LakeError::io("remove", &file.staged))?;
        }
        for (file, loses_rows) in touched {
            let source = Source::live(self.lake, &file.path)?;
            let others = |batch| match self.departure {
                Some(departure) if loses_rows => self.others(departure.without(batch, &file.path)?),
                _ => self.others(batch),
            };
            let carried = self.copy(source, file.partition.clone(), &mut writer, others)?;
            merged.rows_carried += carried as i64;
        }
        Ok((writer.table.finish()?, merged))
    }

    /// True for a data file with rows that depart.
    fn loses_rows(&self, file: &Live) -> Result<bool, WriteError> {
        match self.departure {
            Some(departure) if departure.may_touch(file.id) => departure.touches(self.lake, &file.path),
            _ => Ok(false),
        }
    }

    /// One schema for rows that came in under several versions of the definition.
    fn common_schema<'l>(
        &self,
        staged: &[DataFile],
        touched: impl Iterator<Item = &'l Live>,
    ) -> Result<SchemaRef, WriteError> {
        let mut now: Option<SchemaRef> = None;
        if let Some(file) = staged.first() {
            let schema = Source::at(file.staged.clone())?.schema();
            let own = schema.fields().iter().filter(|field| field.name() != ORDINAL).cloned();
            now = Some(Arc::new(Schema::new(own.collect::<Vec<_>>())));
        }
        let mut schemas: Vec<SchemaRef> = now.iter().cloned().collect();
        for file in touched {
            let mut schema = Source::live(self.lake, &file.path)?.schema();
            if let Some(now) = &now {
                let facts = self.facts(&file.path, &union::misfits(now, &schema))?;
                schema = union::without_types(&schema, &facts);
            }
            if !schemas.iter().any(|known| known.fields() == schema.fields()) {
                schemas.push(schema);
            }
        }
        Ok(union::common(&schemas))
    }

    /// Of columns whose types do not go together, those that never had a value in this file.
    fn facts(&self, path: &str, misfits: &[Vec<String>]) -> Result<Vec<Vec<String>>, WriteError> {
        if misfits.is_empty() {
            return Ok(Vec::new());
        }
        let facts = Facts::read(self.lake.root(), path).map_err(unreadable(&self.lake.place(path)))?;
        let is_empty =
            |way: &&Vec<String>| facts.has_only_nulls(&way.iter().map(String::as_str).collect::<Vec<_>>());
        Ok(misfits.iter().filter(is_empty).cloned().collect())
    }

    /// Copies the rows that `keep` keeps; how many they are.
    fn copy(
        &self,
        from: Source,
        partition: Option<String>,
        writer: &mut Writer,
        keep: impl Fn(RecordBatch) -> Result<RecordBatch, WriteError>,
    ) -> Result<usize, WriteError> {
        let source = PartitionSource::Fixed(partition);
        let mut rows = 0;
        for batch in from.rows.build().map_err(unreadable(&from.place))? {
            let kept = keep(batch.map_err(|source| WriteError::Rows { source })?)?;
            rows += kept.num_rows();
            let kept = reshape_rows(&kept, &writer.schema).map_err(|source| WriteError::Rows { source })?;
            writer.table.write(&kept, &source)?;
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

/// Where all rows of the load go, under one schema.
struct Writer {
    schema: SchemaRef,
    table: TableWriter,
}

/// A data file that is about to be read.
pub(super) struct Source {
    pub place: PathBuf,
    pub rows: ParquetRecordBatchReaderBuilder<File>,
}

impl Source {
    fn at(place: PathBuf) -> Result<Self, WriteError> {
        let file = File::open(&place).map_err(LakeError::io("open", &place))?;
        Self::of(place, file)
    }

    /// A file of the table, also when compaction has replaced it since the table was listed: the commit will tell.
    pub fn live(lake: &Lake, path: &str) -> Result<Self, WriteError> {
        let place = lake.place(path);
        let file = retired::open(lake.root(), path).map_err(LakeError::io("open", &place))?;
        Self::of(place, file)
    }

    fn schema(&self) -> SchemaRef {
        self.rows.schema().clone()
    }

    fn of(place: PathBuf, file: File) -> Result<Self, WriteError> {
        let rows = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable(&place))?;
        Ok(Self { place, rows })
    }
}

pub(super) fn unreadable(place: &Path) -> impl Fn(parquet::errors::ParquetError) -> WriteError + use<> {
    let path: PathBuf = place.to_owned();
    move |source| WriteError::Lake(LakeError::Encode { path: path.clone(), source })
}
