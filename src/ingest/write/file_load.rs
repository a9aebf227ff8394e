//! One file's rows on their way into the tables, and what became of them.

use super::super::control;
use super::budget::Budget;
use super::held::Held;
use super::keys::{Kept, Keys};
use super::lineage::Lineage;
use super::rejects::RejectsFile;
use super::unique::Unique;
use super::whole::Failure;
use super::{Counts, Fate, SourceFile, Work, WriteError, Written, WrittenFile, partition_source};
use crate::decode::{Chunk, DecodeError};
use crate::drift::Seen;
use crate::lake::TableWriter;
use crate::metadata::files::Problem;

/// A file in work.
pub(super) struct FileLoad<'a> {
    work: &'a Work,
    file: &'a SourceFile,
    /// Its place in the load, for the keys.
    place: usize,
    counts: Counts,
    rejects: RejectsFile,
    held: Held<'a>,
    budget: Budget,
    seen: Seen,
}

impl<'a> FileLoad<'a> {
    pub fn new(work: &'a Work, file: &'a SourceFile, place: usize) -> Self {
        let source = partition_source(&work.spec, file);
        let held = if file.is_hashed { Held::new(work, source) } else { Held::apart(work, source) };
        let rejects = RejectsFile::new(&work.rejects_folder, work.load_id, file);
        let budget = Budget::of(&work.spec);
        Self { work, file, place, counts: Counts::default(), rejects, held, budget, seen: Seen::default() }
    }

    pub fn file(&self) -> &'a SourceFile {
        self.file
    }

    /// Takes a chunk in; `Err` with the fate of the file when nothing more of it is wanted.
    pub fn take(
        &mut self,
        mut chunk: Chunk,
        keys: &mut Keys,
        unique: &mut Unique<'_>,
    ) -> Result<Result<(), Fate>, WriteError> {
        self.judge(&mut chunk, keys, unique)?;
        self.keep(chunk, keys, unique)
    }

    /// Refuses the records of a chunk that repeat a unique key.
    pub fn judge(
        &mut self,
        chunk: &mut Chunk,
        keys: &mut Keys,
        unique: &mut Unique<'_>,
    ) -> Result<(), WriteError> {
        self.counts.deduplicated += unique.judge(chunk, self.place, keys)?;
        Ok(())
    }

    /// Takes a chunk in that was judged.
    pub fn keep(
        &mut self,
        mut chunk: Chunk,
        keys: &mut Keys,
        unique: &Unique<'_>,
    ) -> Result<Result<(), Fate>, WriteError> {
        self.seen.add(&mut chunk, &self.work.spec.schema);
        self.counts.read += chunk.records_read;
        self.counts.rejected += chunk.rejects.len() as u64;
        self.counts.unknown_fields += chunk.unknown_fields;
        self.rejects.write(&chunk.rejects)?;
        if let Some(problem) = self.budget.exceeded_by(&self.counts) {
            return Ok(Err(Fate::Refused(problem)));
        }
        let rows = |source| WriteError::Rows { source };
        // Unique keys have been judged together with those of `dedupe`.
        let batch = if unique.is_empty() {
            keys.observe(chunk.batch, self.place).map_err(rows)?
        } else {
            Kept { kept: chunk.batch, dropped: 0 }
        };
        self.counts.deduplicated += batch.dropped;
        self.counts.written += batch.kept.num_rows() as u64;
        let lineage = Lineage::new(self.work, self.file);
        self.held.add(lineage.add(batch.kept).map_err(rows)?)?;
        Ok(Ok(()))
    }

    /// The fate of a file that was read to its end.
    pub fn fate_at_end(&self) -> Fate {
        self.budget.exceeded_at_end(&self.counts).map_or(Fate::Accepted, Fate::Refused)
    }

    /// What a failure means for the file.
    pub fn fate_of(&self, failure: Failure) -> Fate {
        match failure {
            Failure::Opening(error) => unreadable(&error),
            Failure::Content(error) => self.fate_of_content(error),
            Failure::Changed | Failure::TooHeavy => Fate::Truncated(changed_while_read()),
        }
    }

    fn fate_of_content(&self, error: DecodeError) -> Fate {
        let problem = Problem {
            code: error.code.to_owned(),
            message: error.to_string(),
            hint: Some(error.hint.to_string()),
        };
        match error {
            error if error.is_io() => Fate::Unreadable(problem),
            error if error.is_truncation() && !self.file.last_chance => Fate::Truncated(problem),
            _ => Fate::Refused(problem),
        }
    }

    /// Only a file that agrees with its control file is accepted.
    pub fn held_to_control(&self, fate: Fate, late_hash: Option<&str>) -> Fate {
        let control = match (&fate, &self.file.control) {
            (Fate::Accepted, Some(control)) => control,
            (Fate::Accepted, None) if self.work.spec.config.control_required => {
                return Fate::Refused(control::missing());
            }
            _ => return fate,
        };
        let bytes = match std::fs::metadata(&self.file.path) {
            Ok(found) => found.len(),
            Err(error) => return self.fate_of(Failure::Opening(error)),
        };
        if let (Some(problem), false) = (control.incomplete(bytes), self.file.last_chance) {
            return Fate::Truncated(problem);
        }
        let blake3 = late_hash.or(self.file.hash.as_deref());
        let found = control::Found { records: self.counts.read, bytes, blake3 };
        control.disagreement(found).map_or(fate, Fate::Refused)
    }

    /// The file is done: its rows are kept or not, by its fate.
    pub fn finish(
        mut self,
        fate: Fate,
        hash: Option<String>,
        together: &mut TableWriter,
        written: &mut Written,
        unique: &mut Unique<'_>,
    ) -> Result<(), WriteError> {
        let mut data_files = Vec::new();
        if fate == Fate::Accepted {
            data_files = self.held.keep(together)?;
            unique.accept(self.place);
            for earlier in written.keys.accept() {
                // The later record of a key replaces the earlier one, of this file or of one before.
                let counts =
                    if earlier == self.place { &mut self.counts } else { &mut written.files[earlier].counts };
                counts.written -= 1;
                counts.deduplicated += 1;
            }
        } else {
            self.held.discard()?;
            written.keys.refuse();
            unique.refuse(self.place);
            self.counts.written = 0;
        }
        let rejects = self.rejects.finish()?;
        let (id, counts, seen) = (self.file.id, self.counts, self.seen);
        written.files.push(WrittenFile { id, fate, counts, rejects, hash, data_files, seen });
        Ok(())
    }
}

fn unreadable(error: &std::io::Error) -> Fate {
    let problem = |code: &str, hint: &str| Problem {
        code: code.into(),
        message: format!("it cannot be opened: {error}"),
        hint: Some(hint.into()),
    };
    match error.kind() {
        std::io::ErrorKind::InvalidInput => Fate::Refused(problem(
            "file.not_regular",
            "deliver a regular file, not a link, a pipe or a directory",
        )),
        _ => {
            Fate::Unreadable(problem("file.read", "check permissions and the disk; the file is tried again"))
        }
    }
}

fn changed_while_read() -> Problem {
    Problem {
        code: "file.truncated".into(),
        message: "the file changed while it was being read".into(),
        hint: Some("deliver under a hidden or .tmp name and rename when complete".into()),
    }
}
