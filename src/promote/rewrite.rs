//! Data files, one by one: what they have to fill, and the same rows with it filled.
//!
//! Opens no database connection. A batch at a time is in memory.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::fill::{Filled, Filler, value_of};
use super::{PromoteError, Subject};
use crate::compact::zone_of;
use crate::decode::columns::RESCUED;
use crate::decode::value::Node;
use crate::decode::{Format, json};
use crate::lake::{
    Compression, DataFile, Lake, LakeError, PartitionSource, Staging, TableWriter, WriterOptions, retired,
};
use crate::query::listing::LakeFile;
use crate::registry;
use crate::schema::field::{Field, Kind};
use crate::schema::infer::Glimpse;
use crate::schema::place::{Place, Step};

const BATCH_ROWS: usize = 4096;
/// Says from which file a row came, where rows have it.
const SOURCE: &str = "_source_file";

/// Files that are written again.
pub(super) struct Rewrite {
    pub lake: Lake,
    pub load_id: i64,
    pub subject: std::sync::Arc<Subject>,
    pub files: Vec<LakeFile>,
}

/// The new form of one file.
pub(super) struct Rewritten {
    pub data: DataFile,
    pub filled: Filled,
}

impl Rewrite {
    /// Writes each file again into the staging folder, with all its rows in their order.
    pub fn run(&self) -> Result<Vec<Rewritten>, PromoteError> {
        Staging::create(&self.lake, self.load_id)?;
        self.files.iter().map(|file| self.rewrite(file)).collect()
    }

    fn rewrite(&self, file: &LakeFile) -> Result<Rewritten, PromoteError> {
        let place = self.lake.place(&file.path);
        let rows = |source| PromoteError::Rows { path: place.clone(), source };
        let mut writer = TableWriter::new(&self.lake, self.load_id, self.options(file)?);
        let partition = PartitionSource::Fixed(file.partition_value.clone());
        let mut filler = Filler::new(&self.subject).map_err(unusable)?;
        let mut filled = Filled::default();
        for batch in batches(&self.lake, &file.path, None)? {
            let batch = batch?;
            let texts = rescued(&batch).ok_or_else(|| PromoteError::FilesChanged)?;
            let taken = filler.read(&texts, |row| is_cells(&batch, row), &mut filled).map_err(rows)?;
            let batch = taken.put_into(&batch, &self.subject.column.name).map_err(rows)?;
            writer.write(&batch, &partition)?;
        }
        let mut data = writer.finish()?;
        match (data.pop(), data.is_empty()) {
            (Some(data), true) => Ok(Rewritten { data, filled }),
            _ => Err(PromoteError::Folder { path: file.path.clone() }),
        }
    }

    /// One file becomes one file, however large it is.
    fn options(&self, file: &LakeFile) -> Result<WriterOptions, PromoteError> {
        let table = &self.subject.row.table_name;
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let zone = zone_of(folder, table).ok_or_else(|| PromoteError::Folder { path: file.path.clone() })?;
        let compression =
            registry::compile(&self.subject.row).map_or(Compression::Zstd, |spec| spec.config.compression);
        Ok(WriterOptions { zone, table: table.clone(), compression, target_bytes: u64::MAX })
    }
}

/// What filling the column from a file would do.
pub(super) fn look(lake: &Lake, file: &LakeFile, subject: &Subject) -> Result<Filled, PromoteError> {
    let mut filled = Filled::default();
    let mut filler = Filler::new(subject).map_err(unusable)?;
    let place = lake.place(&file.path);
    for batch in batches(lake, &file.path, Some(&[RESCUED, SOURCE]))? {
        let batch = batch?;
        let Some(texts) = rescued(&batch).filter(|texts| texts.null_count() < texts.len()) else { continue };
        filler
            .read(&texts, |row| is_cells(&batch, row), &mut filled)
            .map_err(|source| PromoteError::Rows { path: place.clone(), source })?;
    }
    Ok(filled)
}

/// Takes in the rescued values of a field that no schema has yet; `None` stays while no row has it.
pub(super) fn observe(
    lake: &Lake,
    file: &LakeFile,
    place: &Place,
    seen: &mut Option<Glimpse>,
) -> Result<(), PromoteError> {
    let Some(column) = any_column(place.steps()) else { return Ok(()) };
    let depth = place.steps().len();
    for batch in batches(lake, &file.path, Some(&[RESCUED, SOURCE]))? {
        let batch = batch?;
        let Some(texts) = rescued(&batch) else { continue };
        for (row, text) in texts.iter().enumerate() {
            let Some(Ok(record)) = text.map(json::parse_text) else { continue };
            let Some(value) = value_of(&record, &column, depth) else { continue };
            let seen = seen.get_or_insert_default();
            match &value.node {
                Node::String(cell) if depth == 1 && is_cells(&batch, row) => seen.observe_cell(cell),
                _ => seen.observe(value),
            }
        }
    }
    Ok(())
}

/// The way to a place, as if each name on it were a field.
fn any_column(steps: &[Step]) -> Option<Field> {
    let (Step::Member(name), rest) = steps.split_first()? else { return None };
    let kind = any_column(rest).map_or(Kind::Json, |inner| Kind::Struct(vec![inner]));
    Some(Field::plain(name, kind))
}

fn rescued(batch: &RecordBatch) -> Option<StringArray> {
    batch.column_by_name(RESCUED)?.as_string_opt::<i32>().cloned()
}

/// True for a row that came from a CSV file.
fn is_cells(batch: &RecordBatch, row: usize) -> bool {
    let names = batch.column_by_name(SOURCE).and_then(|column| column.as_string_opt::<i32>());
    names.is_some_and(|names| names.is_valid(row) && Format::of_name(names.value(row)) == Some(Format::Csv))
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, PromoteError>>>;

/// The rows of a data file, or some of their columns; none when it has no rescued members at all.
fn batches(lake: &Lake, path: &str, columns: Option<&[&str]>) -> Result<Batches, PromoteError> {
    let place = lake.place(path);
    let file = retired::open(lake.root(), path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => PromoteError::FilesChanged,
        _ => LakeError::io("open", &place)(source).into(),
    })?;
    let unreadable = |place: &Path| {
        let path = place.to_owned();
        move |source: ParquetError| PromoteError::Unreadable { path: path.clone(), source }
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable(&place))?;
    if builder.schema().index_of(RESCUED).is_err() {
        return Ok(Box::new(std::iter::empty()));
    }
    let mask = match columns {
        Some(columns) => ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied()),
        None => ProjectionMask::all(),
    };
    let reader =
        builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(unreadable(&place))?;
    let failed = unreadable(&place);
    Ok(Box::new(reader.map(move |batch| batch.map_err(|source| failed(source.into())))))
}

fn unusable(bad: crate::decode::columns::Unusable) -> PromoteError {
    PromoteError::CannotAdd { field: "the field".into(), reason: bad.to_string() }
}

/// Runs work on files off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PromoteError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|stopped| PromoteError::Panic { cause: stopped.to_string() })
}
