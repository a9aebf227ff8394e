//! The exact bytes of rejected records. The ledger has all but the longest; those are in the rejects file of their source.

use std::path::{Path, PathBuf};

use crate::ingest::write::{RejectLine, SourceFile, read_lines};
use crate::metadata::rejects::RejectRow;
use crate::name::own_name;

/// Rejects files that one source file may have, one for each time that it was loaded.
const MOST_FILES: u32 = 9;

/// The rule of records of which nobody has kept more than the beginning.
const TOO_LARGE: &str = "record.too_large";

/// Finds bytes. Records are asked for in the order of files and records, mostly.
pub(super) struct Originals {
    folder: PathBuf,
    open: Option<OpenRejects>,
}

struct OpenRejects {
    path: PathBuf,
    lines: Box<dyn Iterator<Item = std::io::Result<RejectLine>> + Send>,
}

impl Originals {
    /// `folder` holds the rejects files of the type.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, open: None }
    }

    /// The bytes of a record; `None` when they were not kept as a whole.
    pub fn bytes(&mut self, file: &SourceFile, reject: &RejectRow) -> Option<Vec<u8>> {
        if reject.rule == TOO_LARGE {
            return None;
        }
        reject.raw_bytes().or_else(|| self.read_from_disk(file, reject))
    }

    fn read_from_disk(&mut self, file: &SourceFile, reject: &RejectRow) -> Option<Vec<u8>> {
        self.candidates(file).find_map(|path| {
            self.go_on(&path, reject).or_else(|| {
                // Behind the place that was read last, or not there.
                self.open = None;
                self.go_on(&path, reject)
            })
        })
    }

    /// Under the names that settling gives them.
    fn candidates(&self, file: &SourceFile) -> impl Iterator<Item = PathBuf> + use<> {
        let settled = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (folder, id) = (self.folder.clone(), file.id);
        (1..=MOST_FILES).map(move |number| {
            let mark = (number > 1).then(|| format!("id{id}-{number}"));
            folder.join(own_name(&settled, mark.as_deref(), ".rejects.ndjson"))
        })
    }

    /// Reads on in a rejects file until the record.
    fn go_on(&mut self, path: &Path, reject: &RejectRow) -> Option<Vec<u8>> {
        if self.open.as_ref().is_none_or(|open| open.path != path) {
            let lines = Box::new(read_lines(path).ok()?);
            self.open = Some(OpenRejects { path: path.to_owned(), lines });
        }
        let wanted = u64::try_from(reject.record_number).ok()?;
        let lines = &mut self.open.as_mut()?.lines;
        let found = lines.map_while(Result::ok).find(|line| line.record >= wanted)?;
        let is_it = found.record == wanted
            && i64::try_from(found.offset) == Ok(reject.byte_offset)
            && reject.starts(&found.raw_bytes());
        is_it.then(|| found.raw_bytes())
    }
}
