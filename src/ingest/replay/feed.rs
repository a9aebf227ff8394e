//! Records from the ledger, on their way to whoever judges them: in portions, so that any number of them fits.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use tokio::sync::mpsc::Sender;

use crate::ingest::fault::Fault;
use crate::ingest::write::{Portion, SourceFile};
use crate::metadata::Metadata;
use crate::metadata::files::FileRow;
use crate::metadata::rejects::{RejectFilter, RejectRow};
use crate::name::FileName;
use crate::registry::TypeSpec;
use crate::schema::processing_config::WriteMode;

/// Records read at once: each may hold 64 KiB.
const PAGE: i64 = 200;
/// Records that are judged together, and the bytes of their texts: with unique keys, the table is searched once for all of them.
const PORTION: usize = 8192;
const PORTION_BYTES: usize = 8 << 20;

/// The files whose records one load takes: no two of one name, because rows say their file by name and load.
#[derive(Debug)]
pub(super) struct Batch {
    pub files: Vec<FileRow>,
    later: Vec<FileRow>,
}

impl Batch {
    /// The first files; `None` when there is nothing to try.
    pub async fn first(metadata: &Metadata, filter: &RejectFilter) -> Result<Option<Self>, Fault> {
        Ok(Self::of(metadata.files_to_try(filter).await?))
    }

    /// The files that were left for later.
    pub fn next(self) -> Option<Self> {
        Self::of(self.later)
    }

    fn of(files: Vec<FileRow>) -> Option<Self> {
        let mut names = HashSet::new();
        let (files, later): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| names.insert(file.name.clone()));
        (!files.is_empty()).then_some(Self { files, later })
    }

    /// The files as their load saw them: with the partition that they had.
    pub fn source_files(&self, spec: &TypeSpec) -> Vec<SourceFile> {
        let source = |row: &FileRow| SourceFile {
            id: row.id,
            attempt: row.attempt,
            name: FileName::from_shown(&row.name),
            path: row.path.as_ref().map(PathBuf::from).unwrap_or_default(),
            time: row.file_time.map(|time| time.naive_utc()),
            modified_at: row.modified_at.or(row.started_at).unwrap_or(row.seen_at),
            last_chance: true,
            bytes: u64::try_from(row.bytes).unwrap_or(0),
            // Rows that may turn out to be overwritten stay apart from those of other files.
            is_hashed: spec.config.write_mode != WriteMode::Overwrite,
            content: None,
            hash: None,
            control: None,
        };
        self.files.iter().map(source).collect()
    }
}

/// Sends the records of the files of a batch, at most so many, in the order of files and records.
///
/// # Errors
/// The ledger cannot be read.
pub(super) async fn feed(
    metadata: &Metadata,
    filter: &RejectFilter,
    batch: &Batch,
    most: u64,
    into: Sender<Portion<RejectRow>>,
) -> Result<(), Fault> {
    let places: HashMap<i64, usize> = batch.files.iter().zip(0..).map(|(file, at)| (file.id, at)).collect();
    let (mut after, mut left) = ((0, 0, 0), most);
    let (mut gathered, mut bytes) = (Vec::new(), 0);
    loop {
        let limit = PAGE.min(i64::try_from(left).unwrap_or(PAGE));
        let page = metadata.rejects_to_try(filter, after, limit).await?;
        let is_end = page.is_empty();
        if let Some(last) = page.last() {
            after = (last.file_id, last.record_number, last.id);
        }
        left -= page.len() as u64;
        bytes += page.iter().map(weight).sum::<usize>();
        gathered.extend(page);
        if !is_end && gathered.len() < PORTION && bytes < PORTION_BYTES {
            continue;
        }
        bytes = 0;
        for (place, records) in by_file(std::mem::take(&mut gathered), &places) {
            // Nobody listens any more: whoever did says why.
            if into.send(Portion { place, records }).await.is_err() {
                return Ok(());
            }
        }
        if is_end {
            return Ok(());
        }
    }
}

fn weight(reject: &RejectRow) -> usize {
    reject.raw.len() + reject.fixed.as_ref().map_or(0, String::len)
}

/// Neighbours of one file together; records of files that the batch has not are left out.
fn by_file(page: Vec<RejectRow>, places: &HashMap<i64, usize>) -> Vec<(usize, Vec<RejectRow>)> {
    let mut portions: Vec<(usize, Vec<RejectRow>)> = Vec::new();
    for reject in page {
        let Some(&place) = places.get(&reject.file_id) else { continue };
        match portions.last_mut() {
            Some((of, records)) if *of == place => records.push(reject),
            _ => portions.push((place, vec![reject])),
        }
    }
    portions
}
