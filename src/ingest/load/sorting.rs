//! Which files of a load its commit decides, and which are given back.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use tracing::warn;

use super::super::claim::{blocking, return_to_incoming};
use super::super::fault::Fault;
use super::super::write::{self, Fate, SourceFile, Written, WrittenFile, open_regular};
use super::Journey;
use super::redelivery::redelivered;
use crate::crash;
use crate::durable;
use crate::metadata::files::{FileState, Outcome, Problem, Release};
use crate::metadata::loads::{Counts, FileOutcome};
use crate::name::FileName;
use crate::workers::{Ticket, Workers};

/// The files of a load after a look at their contents.
#[derive(Default)]
pub(super) struct Hashed {
    pub fresh: Vec<SourceFile>,
    pub hashes: HashMap<i64, String>,
    /// With the id of the file that was loaded before.
    pub duplicates: Vec<(SourceFile, i64)>,
    /// Later deliveries of a file that was loaded and stays: with its id.
    pub ignored: Vec<(SourceFile, i64)>,
}

/// Larger files are hashed while they are decoded, to read them once only.
const HASHED_BEFORE: u64 = 32 << 20;
/// Bytes of small files that a load keeps between hashing and decoding them.
const MOST_KEPT: u64 = 48 << 20;
/// Files that one thread hashes at a time.
const PORTION: usize = 32;

/// A file after it was read for its hash; what cannot be read, and what is hashed while it is decoded, has none.
pub(super) type Read = (Option<String>, SourceFile);

impl Journey<'_> {
    /// Reads the files for their hashes, side by side. The bytes of small ones are kept, so that they are read only once.
    pub(super) async fn read(&self, files: Vec<SourceFile>) -> Result<Vec<Read>, Fault> {
        // Records that were dropped for the sake of a duplicate's keys could not be brought back.
        let late = !write::looks_at_keys(&self.spec);
        let workers = self.context.lake.workers().clone();
        blocking(move || hash_files(&workers, files, late)).await
    }

    /// Sets those files aside that were loaded before. Same bytes twice in one load: the second waits for the next load,
    /// which knows what became of the first.
    pub(super) async fn set_duplicates_aside(&self, hashed: Vec<Read>) -> Result<Hashed, Fault> {
        let mut found = Hashed::default();
        let mut twins = Vec::new();
        let mut seen = HashSet::new();
        for (hash, mut file) in hashed {
            file.hash.clone_from(&hash);
            // What cannot be read has no hash; the decoder meets the same fault and says why.
            if let Some(hash) = hash {
                if !seen.insert(hash.clone()) {
                    twins.push(file);
                    continue;
                }
                found.hashes.insert(file.id, hash);
            }
            found.fresh.push(file);
        }
        let all: Vec<String> = found.hashes.values().cloned().collect();
        let loaded = self.context.metadata.find_loaded(&self.spec.file_type, &all).await?;
        let (known, fresh) = found.fresh.into_iter().partition::<Vec<_>, _>(|file| {
            found.hashes.get(&file.id).is_some_and(|hash| loaded.contains_key(hash))
        });
        found.fresh = fresh;
        found.duplicates = known
            .into_iter()
            .map(|file| (loaded[&found.hashes[&file.id]], file))
            .map(|(of, file)| (file, of))
            .collect();
        self.give_back(&twins, FileState::Queued, |_| None).await?;
        Ok(found)
    }

    /// As [`Self::set_duplicates_aside`], for the files that were hashed while they were decoded: what was written of a duplicate goes
    /// again.
    pub(super) async fn sort_late_duplicates(
        &self,
        hashed: &mut Hashed,
        written: &mut Written,
    ) -> Result<(), Fault> {
        let late: HashMap<i64, String> =
            written.files.iter().filter_map(|file| Some((file.id, file.hash.clone()?))).collect();
        if late.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = late.values().cloned().collect();
        let loaded = self.context.metadata.find_loaded(&self.spec.file_type, &all).await?;
        let mut seen: HashSet<String> = hashed.hashes.values().cloned().collect();
        let (mut kept, mut gone, mut twins) = (Vec::new(), Vec::new(), Vec::new());
        for file in std::mem::take(&mut written.files) {
            let source = hashed.fresh.iter().find(|source| source.id == file.id);
            match (late.get(&file.id), source) {
                (Some(hash), Some(source)) if loaded.contains_key(hash) => {
                    hashed.duplicates.push((source.clone(), loaded[hash]));
                    gone.push(file);
                }
                (Some(hash), Some(source)) if !seen.insert(hash.clone()) => {
                    twins.push(source.clone());
                    gone.push(file);
                }
                _ => kept.push(file),
            }
        }
        written.files = kept;
        hashed.hashes.extend(late);
        blocking(move || discard(&gone)).await??;
        self.give_back(&twins, FileState::Queued, |_| None).await
    }

    /// The outcome of each file that the commit decides; the others are given back.
    pub(super) async fn sort_out(
        &self,
        hashed: &Hashed,
        written: &Written,
    ) -> Result<Vec<FileOutcome>, Fault> {
        let by_id: HashMap<i64, &SourceFile> = hashed.fresh.iter().map(|file| (file.id, file)).collect();
        let mut outcomes = Vec::with_capacity(written.files.len() + hashed.duplicates.len());
        let (mut growing, mut unreadable) = (Vec::new(), Vec::new());
        for file in &written.files {
            let source = by_id[&file.id];
            match &file.fate {
                Fate::Accepted => outcomes.push(self.outcome(source, file, hashed, None)),
                Fate::Refused(problem) => {
                    outcomes.push(self.outcome(source, file, hashed, Some(problem.clone())))
                }
                Fate::Truncated(problem) => growing.push((source.clone(), problem.clone())),
                Fate::Unreadable(problem) => unreadable.push((source.clone(), problem.clone())),
            }
        }
        for (file, of) in &hashed.duplicates {
            outcomes.push(duplicate(file, *of, hashed.hashes.get(&file.id).cloned()));
        }
        for (file, of) in &hashed.ignored {
            let outcome = duplicate(file, *of, hashed.hashes.get(&file.id).cloned());
            outcomes.push(FileOutcome { problem: Some(redelivered(*of)), ..outcome });
        }
        self.give_back_growing(growing).await?;
        self.give_back_unreadable(unreadable).await?;
        Ok(outcomes)
    }

    fn outcome(
        &self,
        source: &SourceFile,
        file: &WrittenFile,
        hashed: &Hashed,
        problem: Option<Problem>,
    ) -> FileOutcome {
        let write::Counts { read, written, rejected, deduplicated, unknown_fields } = file.counts;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        FileOutcome {
            id: source.id,
            attempt: source.attempt,
            outcome: if problem.is_some() { Outcome::Failed } else { Outcome::Processed },
            blake3: hashed.hashes.get(&source.id).cloned(),
            duplicate_of: None,
            counts: Counts {
                read: number(read),
                written: number(written),
                rejected: number(rejected),
                deduplicated: number(deduplicated),
                filtered: 0,
                unknown_fields: number(unknown_fields),
            },
            problem,
            target: None,
        }
    }

    /// A truncated document goes back to `incoming/`, where its sender may finish it.
    async fn give_back_growing(&self, files: Vec<(SourceFile, Problem)>) -> Result<(), Fault> {
        if files.is_empty() {
            return Ok(());
        }
        let _still = self.context.folder.lock().await;
        let problems: HashMap<i64, Problem> =
            files.iter().map(|(file, problem)| (file.id, problem.clone())).collect();
        let files: Vec<SourceFile> = files.into_iter().map(|(file, _)| file).collect();
        self.give_back(&files, FileState::Waiting, |file| problems.get(&file.id).cloned()).await?;
        crash::at("mid-return");
        let back: Vec<(i64, FileName, PathBuf)> =
            files.into_iter().map(|file| (file.id, file.name, file.path)).collect();
        return_to_incoming(self.context, &back).await
    }

    async fn give_back_unreadable(&self, files: Vec<(SourceFile, Problem)>) -> Result<(), Fault> {
        for (file, problem) in files {
            warn!(file = %file.name.shown(), code = %problem.code, "{}: {}", file.name.shown(), problem.message);
            self.context.alarm.transient(&problem, &self.spec.file_type).await;
            self.give_back(&[file], FileState::Queued, |_| Some(problem.clone())).await?;
        }
        Ok(())
    }

    pub(super) async fn give_back(
        &self,
        files: &[SourceFile],
        state: FileState,
        problem: impl Fn(&SourceFile) -> Option<Problem>,
    ) -> Result<(), Fault> {
        let release = |file: &SourceFile| Release {
            id: file.id,
            attempt: file.attempt,
            state,
            problem: problem(file),
            crashed: false,
        };
        let releases: Vec<Release> = files.iter().map(release).collect();
        if !releases.is_empty() {
            self.context.metadata.release(&releases).await?;
        }
        Ok(())
    }
}

fn duplicate(file: &SourceFile, of: i64, hash: Option<String>) -> FileOutcome {
    FileOutcome {
        id: file.id,
        attempt: file.attempt,
        outcome: Outcome::Duplicate,
        blake3: hash,
        duplicate_of: Some(of),
        counts: Counts::default(),
        problem: None,
        target: None,
    }
}

/// Hashes files side by side; those that are to be hashed while they are decoded get none.
fn hash_files(workers: &Workers, files: Vec<SourceFile>, late: bool) -> Vec<Read> {
    let mut tickets = Vec::new();
    let mut kept = 0;
    let mut files = files.into_iter().peekable();
    while files.peek().is_some() {
        let portion: Vec<(SourceFile, bool)> = files
            .by_ref()
            .take(PORTION)
            .map(|mut file| {
                file.is_hashed = !late || file.bytes <= HASHED_BEFORE;
                let keep = write::is_small(&file) && kept + file.bytes <= MOST_KEPT;
                kept += if keep { file.bytes } else { 0 };
                (file, keep)
            })
            .collect();
        let hash = |(file, keep): (SourceFile, bool)| match file.is_hashed {
            true if keep => hash_kept(file),
            true => (hash_file(&file), file),
            false => (None, file),
        };
        tickets.push(workers.submit(move || portion.into_iter().map(hash).collect::<Vec<_>>()));
    }
    tickets.into_iter().flat_map(Ticket::wait).collect()
}

fn hash_kept(mut file: SourceFile) -> Read {
    match write::Content::read(&file.path) {
        Ok(content) => {
            let hash = blake3::hash(content.bytes()).to_hex().to_string();
            file.content = Some(content);
            (Some(hash), file)
        }
        // It may have grown; what it is by now shows when it is decoded.
        Err(_) => (hash_file(&file), file),
    }
}

fn hash_file(file: &SourceFile) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(open_regular(&file.path).ok()?.0).ok()?;
    Some(hasher.finalize().to_hex().to_string())
}

/// Removes what was staged of files that are not loaded after all.
fn discard(files: &[WrittenFile]) -> Result<(), Fault> {
    for file in files {
        let staged = file.data_files.iter().map(|data| &data.staged).chain(&file.rejects);
        for path in staged {
            durable::remove_if_there(path).map_err(Fault::file("remove", path))?;
        }
    }
    Ok(())
}
