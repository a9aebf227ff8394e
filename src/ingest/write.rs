//! Bytes → staged Parquet: the heavy half of a load.
//!
//! A function of file bytes, type specification and lake; it opens no database connection and runs on a
//! blocking thread. A file whose rows fit in memory is held there until its fate is known; a larger one goes to data
//! files of its own. So a file that fails takes none of its rows along, and none of its neighbours'.

mod budget;
mod held;
mod keys;
mod lineage;
mod rejects;

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::crash;
use crate::decode::{DecodeError, DecodeOptions, Decoder, Tail};
use crate::lake::{DataFile, Lake, LakeError, PartitionSource, TableWriter, WriterOptions, Zone};
use crate::metadata::files::Problem;
use crate::name::FileName;
use crate::owner::Lane;
use crate::registry::TypeSpec;
use crate::schema::processing_config::{self, WriteMode};

use budget::Budget;
use held::Held;
pub use keys::{Keys, ORDINAL};
use lineage::Lineage;
pub use lineage::lineage_fields;
use rejects::RejectsFile;
pub use rejects::{RejectLine, read_lines, staged_path as staged_rejects_path};

/// One claimed file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub id: i64,
    pub attempt: i64,
    pub name: FileName,
    /// Where it lies now.
    pub path: PathBuf,
    /// The time in its name.
    pub time: Option<NaiveDateTime>,
    pub modified_at: DateTime<Utc>,
    /// Its time to grow is over: a truncated document fails.
    pub last_chance: bool,
}

/// Everything that a load needs besides its files.
#[derive(Debug)]
pub struct Work {
    pub load_id: i64,
    pub spec: Arc<TypeSpec>,
    pub lake: Lake,
    /// Where rejects are gathered until the commit.
    pub rejects_folder: PathBuf,
    pub ingested_at: DateTime<Utc>,
    pub max_record_bytes: usize,
    /// Set at the end of the process.
    pub stop: CancellationToken,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its rows are among the staged ones.
    Accepted,
    /// It fails; none of its rows is staged.
    Refused(Problem),
    /// It ends too early and may still grow.
    Truncated(Problem),
    /// Reading it failed; that says nothing about its contents.
    Unreadable(Problem),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub read: u64,
    pub written: u64,
    pub rejected: u64,
    pub deduplicated: u64,
    pub unknown_fields: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    pub id: i64,
    pub fate: Fate,
    pub counts: Counts,
    /// The staged rejects, one JSON line each.
    pub rejects: Option<PathBuf>,
}

/// The manifest of a load.
#[derive(Debug, Default)]
pub struct Written {
    pub data_files: Vec<DataFile>,
    pub files: Vec<WrittenFile>,
    /// With write mode `upsert`: the keys of this load.
    pub keys: Keys,
}

/// A fault of storage or of Lakegate; the load as a whole is given up and tried again.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("cannot keep the rejected records in {}", .path.display())]
    Rejects { path: PathBuf, source: io::Error },
    #[error("stopped before the load was written")]
    Stopped,
    #[error("cannot put the rows together")]
    Rows { source: arrow::error::ArrowError },
}

impl WriteError {
    pub fn storage_fault(&self) -> Option<&io::Error> {
        match self {
            Self::Lake(error) => error.storage_fault(),
            Self::Rejects { source, .. } => Some(source),
            Self::Rows { .. } | Self::Stopped => None,
        }
    }
}

/// Decodes, validates and stages all files of a load, in their order.
///
/// # Errors
/// Faults of storage; faults of a file are its [`Fate`].
pub fn write(work: &Work, files: &[SourceFile], lane: &Lane) -> Result<Written, WriteError> {
    let mut together = TableWriter::new(&work.lake, work.load_id, writer_options(&work.spec));
    let mut written = Written { keys: Keys::for_spec(&work.spec), ..Written::default() };
    for (place, file) in files.iter().enumerate() {
        lane.reading(Some(file.id));
        crash::at_file("reading", file.name.shown());
        let loaded = FileLoad::new(work, file, place).run(&mut together, &mut written)?;
        written.files.push(loaded);
        lane.reading(None);
    }
    written.data_files.extend(together.finish()?);
    Ok(written)
}

/// Data files are closed at this size unless a type says otherwise.
const TARGET_FILE_MB: u64 = 256;

pub(super) fn writer_options(spec: &TypeSpec) -> WriterOptions {
    WriterOptions {
        zone: Zone::Raw { partition_column: spec.partition_column.clone() },
        table: spec.table.clone(),
        compression: spec.config.compression,
        target_bytes: spec.config.target_file_mb.unwrap_or(TARGET_FILE_MB).saturating_mul(1 << 20),
    }
}

/// Opens a claimed file for reading: a regular file and nothing else, whatever its name points to by now.
///
/// # Errors
/// `InvalidInput` when it is not a regular file; else what opening gives.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// One file's way through the decoder.
struct FileLoad<'a> {
    work: &'a Work,
    file: &'a SourceFile,
    /// Its place in the load, for the keys.
    place: usize,
    counts: Counts,
    rejects: RejectsFile,
}

impl<'a> FileLoad<'a> {
    fn new(work: &'a Work, file: &'a SourceFile, place: usize) -> Self {
        let rejects = RejectsFile::new(&work.rejects_folder, work.load_id, file);
        Self { work, file, place, counts: Counts::default(), rejects }
    }

    fn run(mut self, together: &mut TableWriter, written: &mut Written) -> Result<WrittenFile, WriteError> {
        let mut held = Held::new(self.work, partition_source(&self.work.spec, self.file));
        let fate = match self.decode(&mut held, &mut written.keys) {
            Ok(fate) => fate,
            Err(Stop::Fate(fate)) => fate,
            Err(Stop::Fault(fault)) => return Err(fault),
        };
        if fate == Fate::Accepted {
            written.data_files.extend(held.keep(together)?);
            for earlier in written.keys.accept() {
                // The later record of a key replaces the earlier one, of this file or of one before.
                let counts =
                    if earlier == self.place { &mut self.counts } else { &mut written.files[earlier].counts };
                counts.written -= 1;
                counts.deduplicated += 1;
            }
        } else {
            held.discard()?;
            written.keys.refuse();
            self.counts.written = 0;
        }
        let rejects = self.rejects.finish()?;
        Ok(WrittenFile { id: self.file.id, fate, counts: self.counts, rejects })
    }

    fn decode(&mut self, held: &mut Held<'_>, keys: &mut Keys) -> Result<Fate, Stop> {
        let lineage = Lineage::new(self.work, self.file);
        let mut decoder = self.open()?;
        let budget = Budget::of(&self.work.spec);
        let before = self.fingerprint()?;
        while let Some(chunk) = decoder.next_chunk().map_err(|error| self.stop(error))? {
            if self.work.stop.is_cancelled() {
                return Err(Stop::Fault(WriteError::Stopped));
            }
            self.counts.read += chunk.records_read;
            self.counts.rejected += chunk.rejects.len() as u64;
            self.counts.unknown_fields += chunk.unknown_fields;
            self.rejects.write(&chunk.rejects).map_err(Stop::Fault)?;
            if let Some(problem) = budget.exceeded_by(&self.counts) {
                return Ok(Fate::Refused(problem));
            }
            let batch = keys.observe(chunk.batch, self.place).map_err(Stop::rows)?;
            self.counts.deduplicated += batch.dropped;
            self.counts.written += batch.kept.num_rows() as u64;
            let rows = lineage.add(batch.kept).map_err(Stop::rows)?;
            held.add(rows).map_err(Stop::Fault)?;
        }
        if before != self.fingerprint()? {
            return Ok(Fate::Truncated(changed_while_read()));
        }
        Ok(budget.exceeded_at_end(&self.counts).map_or(Fate::Accepted, Fate::Refused))
    }

    fn open(&self) -> Result<Decoder, Stop> {
        let file = open_regular(&self.file.path).map_err(|error| unreadable(&error))?;
        let spec = &self.work.spec;
        let options = DecodeOptions {
            on_unknown: spec.config.on_unknown_field,
            timezone: spec.config.timezone,
            records_path: spec.config.records_path.clone(),
            tail: if self.file.last_chance { Tail::Final } else { Tail::Growing },
            max_record_bytes: self.work.max_record_bytes,
            ..DecodeOptions::new(spec.schema.clone(), self.file.name.shown(), &spec.file_type)
        };
        Decoder::new(Box::new(file), options).map_err(|error| self.stop(error))
    }

    /// Size and time of the file: the same before and after, or it was written to while being read.
    fn fingerprint(&self) -> Result<(u64, i64, i64), Stop> {
        let found = std::fs::metadata(&self.file.path).map_err(|error| unreadable(&error))?;
        Ok((found.len(), found.mtime(), found.mtime_nsec()))
    }

    /// What a fault of the whole file means for it.
    fn stop(&self, error: DecodeError) -> Stop {
        let problem = Problem {
            code: error.code.to_owned(),
            message: error.to_string(),
            hint: Some(error.hint.to_string()),
        };
        Stop::Fate(match error {
            error if error.is_io() => Fate::Unreadable(problem),
            error if error.is_truncation() && !self.file.last_chance => Fate::Truncated(problem),
            _ => Fate::Refused(problem),
        })
    }
}

/// Why a file is not read to its end.
enum Stop {
    Fate(Fate),
    Fault(WriteError),
}

impl Stop {
    fn rows(source: arrow::error::ArrowError) -> Self {
        Self::Fault(WriteError::Rows { source })
    }
}

fn unreadable(error: &io::Error) -> Stop {
    let problem = |code: &str, hint: &str| Problem {
        code: code.into(),
        message: format!("it cannot be opened: {error}"),
        hint: Some(hint.into()),
    };
    Stop::Fate(match error.kind() {
        io::ErrorKind::InvalidInput => Fate::Refused(problem(
            "file.not_regular",
            "deliver a regular file, not a link, a pipe or a directory",
        )),
        _ => {
            Fate::Unreadable(problem("file.read", "check permissions and the disk; the file is tried again"))
        }
    })
}

fn changed_while_read() -> Problem {
    Problem {
        code: "file.truncated".into(),
        message: "the file changed while it was being read".into(),
        hint: Some("deliver under a hidden or .tmp name and rename when complete".into()),
    }
}

fn partition_source(spec: &TypeSpec, file: &SourceFile) -> PartitionSource {
    let by = spec.config.partition_by;
    match &spec.config.partition_source {
        processing_config::PartitionSource::Column(name) => PartitionSource::Column {
            name: name.clone(),
            by,
            drop: name.eq_ignore_ascii_case(&spec.partition_column),
        },
        // A name without a time: the day of its last change, which stays the same when it is tried again.
        processing_config::PartitionSource::Filename => {
            PartitionSource::Fixed(by.value(file.time.unwrap_or_else(|| file.modified_at.naive_utc())))
        }
    }
}

/// True when rows of earlier loads may have to go.
pub fn replaces_rows(spec: &TypeSpec) -> bool {
    match spec.config.write_mode {
        WriteMode::Append => false,
        WriteMode::Overwrite | WriteMode::Upsert => true,
    }
}
