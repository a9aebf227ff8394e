//! The keys of a table's data files, in files beside the lake that can be made again at any time.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::Wanted;
use super::columns::KeyColumns;
use super::filter::Room;
use super::merge::Sorter;
use super::run::Run;
use super::scratch::Scratch;
use crate::durable;
use crate::lake::{Lake, LakeError, retired};
use crate::partition::NULL_PARTITION;

const FOLDER: &str = ".keys";
/// Entries that are sorted in memory while the keys of a data file are gathered: 24 MB.
const SORTED_IN_MEMORY: usize = 1 << 20;

/// Half a list that has not grown for so long was left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// A data file of the table.
#[derive(Debug, Clone)]
pub struct LiveFile {
    /// Relative to the lake's root.
    pub path: String,
    pub partition: Option<String>,
}

/// A wanted key that a data file has, by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The caller's number for it.
    pub wanted: usize,
    /// Place of the data file in the order in which they were added.
    pub file: usize,
    /// Row in the data file.
    pub row: u64,
}

/// One unique key of a table: which data files have which keys.
#[derive(Debug)]
pub struct KeyIndex {
    lake: Lake,
    folder: PathBuf,
    columns: KeyColumns,
    /// Its values are in the paths of the data files, and not in them.
    partition_column: String,
    files: Vec<(LiveFile, Run)>,
    room: Room,
    /// The lists that are missing are made here, and not kept.
    scratch: Option<Scratch>,
}

impl KeyIndex {
    pub fn new(
        lake: &Lake,
        table: &str,
        columns: KeyColumns,
        partition_column: &str,
        room: &Room,
    ) -> KeyIndex {
        KeyIndex {
            lake: lake.clone(),
            folder: folder(lake, table),
            columns,
            partition_column: partition_column.to_owned(),
            files: Vec::new(),
            room: room.clone(),
            scratch: None,
        }
    }

    /// As [`Self::new`]; nothing is written to the lake.
    ///
    /// # Errors
    /// There is no place for what is missing.
    pub fn reading_only(self) -> Result<KeyIndex, LakeError> {
        let scratch = Scratch::new().map_err(LakeError::io("create a folder in", &std::env::temp_dir()))?;
        Ok(KeyIndex { scratch: Some(scratch), ..self })
    }

    /// Adds a data file: opens the list of its keys, or makes it.
    ///
    /// # Errors
    /// Faults of storage.
    pub fn add(&mut self, file: &LiveFile) -> Result<(), LakeError> {
        let run = self.list(file)?;
        self.files.push((file.clone(), run));
        Ok(())
    }

    /// The list of a data file's keys; it is made if there is none.
    fn list(&self, file: &LiveFile) -> Result<Run, LakeError> {
        let path = self.path_of(file);
        let open = |path: &Path| Run::open(path).map_err(LakeError::io("open", path));
        if let Some(run) = open(&path)? {
            return Ok(run);
        }
        let path = match (&self.scratch, path.file_name()) {
            (Some(scratch), Some(name)) => scratch.folder().join(name),
            _ => path,
        };
        self.build(file, &path)?;
        let gone = || LakeError::io("read", &path)(io::ErrorKind::UnexpectedEof.into());
        open(&path)?.ok_or_else(gone)
    }

    /// The files that hold the lists.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, run)| run.path())
    }

    pub fn file(&self, at: usize) -> &LiveFile {
        &self.files[at].0
    }

    /// Where the wanted keys are in the table, by their hashes. `wanted` is sorted by hash.
    ///
    /// # Errors
    /// Faults of storage.
    pub fn find(&mut self, wanted: &[Wanted]) -> Result<Vec<Hit>, LakeError> {
        let mut hits = Vec::new();
        for file in 0..self.files.len() {
            match self.find_in(file, wanted, &mut hits) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Another process took it for a list that nobody needs.
                    let (live, _) = &self.files[file];
                    self.files[file].1 = self.list(&live.clone())?;
                    self.find_in(file, wanted, &mut hits)
                }
                found => found,
            }
            .map_err(LakeError::io("search", self.files[file].1.path()))?;
        }
        Ok(hits)
    }

    fn find_in(&mut self, file: usize, wanted: &[Wanted], hits: &mut Vec<Hit>) -> io::Result<()> {
        let run = &mut self.files[file].1;
        run.find(wanted, &self.room, |wanted, row| hits.push(Hit { wanted, file, row }))
    }

    /// Some rows of a data file, which are sorted and each named once: their keys, and `further` columns as far as the file has them.
    ///
    /// # Errors
    /// Faults of storage.
    pub fn rows(&self, file: usize, rows: &[u64], further: &[&str]) -> Result<RecordBatch, LakeError> {
        let file = &self.files[file].0;
        let place = self.lake.place(&file.path);
        let wanted: Vec<&str> = self.columns.names().chain(further.iter().copied()).collect();
        let mut batches = Vec::new();
        for batch in self.read(file, &wanted, Some(rows))? {
            batches.push(self.with_partition(batch.map_err(|source| rows_fault(&place, source))?, file)?);
        }
        let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
        arrow::compute::concat_batches(&schema, &batches).map_err(|source| rows_fault(&place, source))
    }

    fn path_of(&self, file: &LiveFile) -> PathBuf {
        let name = &blake3::hash(file.path.as_bytes()).to_hex()[..32];
        self.folder.join(format!("{name}-{}.keys", self.columns.fingerprint()))
    }

    /// Reads the keys of a data file and writes them down, sorted. Null keys are equal to nothing, and left out.
    fn build(&self, file: &LiveFile, path: &Path) -> Result<(), LakeError> {
        let folder = path.parent().unwrap_or(&self.folder);
        durable::create_directories(folder).map_err(LakeError::io("create", folder))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Two processes may be at it at the same time.
        let name = format!("{name}.{:016x}", fastrand::u64(..));
        let mut sorter = Sorter::new(folder, &name, SORTED_IN_MEMORY);
        let place = self.lake.place(&file.path);
        let mut first = 0;
        let names: Vec<&str> = self.columns.names().collect();
        for batch in self.read(file, &names, None)? {
            let batch = self.with_partition(batch.map_err(|source| rows_fault(&place, source))?, file)?;
            let keys = self.columns.encode(&batch).map_err(|source| rows_fault(&place, source))?;
            for row in 0..keys.len() {
                if let Some(hash) = keys.comparable(row) {
                    sorter.add((hash, first + row as u64)).map_err(LakeError::io("write", path))?;
                }
            }
            first += batch.num_rows() as u64;
        }
        sorter.finish(path).map_err(LakeError::io("write", path))
    }

    fn read(
        &self,
        file: &LiveFile,
        columns: &[&str],
        rows: Option<&[u64]>,
    ) -> Result<ParquetRecordBatchReader, LakeError> {
        let place = self.lake.place(&file.path);
        let unreadable = |source| LakeError::Read { path: place.clone(), source };
        // Also when compaction has replaced it since the table was listed: its rows are the same elsewhere.
        let opened: File =
            retired::open(self.lake.root(), &file.path).map_err(LakeError::io("open", &place))?;
        let mut builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(unreadable)?;
        let fields = builder.parquet_schema().root_schema().get_fields();
        let wanted = (0..fields.len()).filter(|at| columns.contains(&fields[*at].name()));
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.collect::<Vec<_>>());
        if let Some(rows) = rows {
            let total = builder.metadata().file_metadata().num_rows().unsigned_abs() as usize;
            let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
            builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(ranges, total));
        }
        builder.with_projection(mask).build().map_err(unreadable)
    }

    /// A day that is a column of the key and lives in the path alone, put back.
    fn with_partition(&self, batch: RecordBatch, file: &LiveFile) -> Result<RecordBatch, LakeError> {
        let name = &self.partition_column;
        let is_missing = |key: &&str| key.eq_ignore_ascii_case(name) && batch.column_by_name(key).is_none();
        let Some(key) = self.columns.names().find(is_missing) else { return Ok(batch) };
        let value = file.partition.as_deref().filter(|value| *value != NULL_PARTITION);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![value; batch.num_rows()]));
        let put_back = || -> Result<RecordBatch, ArrowError> {
            let mut fields = batch.schema().fields().to_vec();
            fields.push(Arc::new(Field::new(key, DataType::Date32, true)));
            let mut columns = batch.columns().to_vec();
            columns.push(cast(&texts, &DataType::Date32)?);
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        };
        put_back().map_err(|source| rows_fault(&self.lake.place(&file.path), source))
    }
}

fn rows_fault(place: &Path, source: ArrowError) -> LakeError {
    LakeError::Read { path: place.to_owned(), source: source.into() }
}

fn folder(lake: &Lake, table: &str) -> PathBuf {
    lake.place(FOLDER).join(table)
}

/// Removes the lists of a table that are not among these: those of data files that are gone, and of keys that are none any more.
///
/// # Errors
/// Faults of storage.
pub fn keep_only(lake: &Lake, table: &str, paths: &HashSet<PathBuf>) -> Result<(), LakeError> {
    let folder = folder(lake, table);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(LakeError::io("list", &folder))?,
    };
    for entry in entries {
        let path = entry.map_err(LakeError::io("list", &folder))?.path();
        if !paths.contains(&path) && !is_in_work(&path) {
            durable::remove_if_there(&path).map_err(LakeError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// A list that another process may be making.
fn is_in_work(path: &Path) -> bool {
    let changed = || fs::metadata(path).and_then(|found| found.modified()).ok();
    path.extension().is_some_and(|extension| extension == "part")
        && changed().is_some_and(|changed| changed + LEFT_BEHIND > SystemTime::now())
}

/// Removes all lists of a table that has no unique keys.
///
/// # Errors
/// Faults of storage.
pub fn forget(lake: &Lake, table: &str) -> Result<(), LakeError> {
    let folder = folder(lake, table);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LakeError::io("remove", &folder)(error)),
        _ => Ok(()),
    }
}
