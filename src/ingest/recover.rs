//! What resumes after a crash. The ordinary path at every pass, not a special one at start: rows whose owner is gone,
//! or whose work this process no longer does, are brought to a state from which loading goes on.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::claim::{blocking, is_file};
use super::context::Context;
use super::fault::Fault;
use super::learn::refuse;
use super::load::clear_removed;
use super::settle::settle;
use super::write::staged_rejects_path;
use crate::compact::{purge_retired, retire_replaced};
use crate::durable;
use crate::lake::{Staging, staging};
use crate::metadata::MetadataError;
use crate::metadata::files::{FileRow, FileState, Location, Problem, Release};
use crate::metadata::loads::{LoadKind, LoadRow, LoadState};
use crate::name::FileName;
use crate::owner::{Gone, LastWords};
use crate::registry::Registry;

/// Deaths of the process by its own doing, after which a file is parked.
const OWN_DEATHS: i64 = 2;
/// Deaths from outside say little about a file: only so many in a row do.
const DEATHS_FROM_OUTSIDE: i64 = 5;

/// What is to be done with an open load that nobody works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// Everything was published: only the commit is missing.
    RollForward,
    RollBack,
}

/// Decides from the state of the load and from what is on disk.
pub fn resume(state: LoadState, all_in_place: bool) -> Option<Resumption> {
    match state {
        LoadState::Staged if all_in_place => Some(Resumption::RollForward),
        LoadState::Staged | LoadState::Writing => Some(Resumption::RollBack),
        LoadState::Committed | LoadState::RolledBack => None,
    }
}

/// True when a file is parked after one more death while it was read.
pub fn is_poison(crashes: i64, own_fault: bool) -> bool {
    crashes >= if own_fault { OWN_DEATHS } else { DEATHS_FROM_OUTSIDE }
}

/// Work of this process that is not begun by looking at `incoming/`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Background {
    /// It runs jobs.
    pub jobs: bool,
    /// It merges data files.
    pub compaction: bool,
}

/// Resumes whatever nobody works on; true when there was something.
pub async fn recover(context: &Context, registry: &Registry, background: Background) -> Result<bool, Fault> {
    let gone =
        context.owner.gone().map_err(Fault::file("look for ended processes in", context.owner.folder()))?;
    let suspects: HashMap<i64, bool> = gone.iter().flat_map(|gone| suspects_of(&gone.last_words)).collect();
    let ended = Ended { context, held: gone.iter().map(Gone::id).collect() };
    let mut charged = HashSet::new();
    let mut resumed = !suspects.is_empty();
    let still = context.at_work.still().await;
    let open = context.metadata.open_loads().await?;
    let ours = Ours { loads: still.release(), background };
    for load in open {
        if is_abandoned(&ended, &load, &ours) {
            resumed = true;
            charged.extend(resume_load(context, registry, &load, &suspects).await?);
        }
    }
    charge_others(context, &suspects, &charged).await?;
    resumed |= settle_rest(&ended, registry).await?;
    clear_removed(&context.metadata, &context.lake).await;
    tidy_after_compaction(context).await;
    for gone in gone {
        gone.forget().map_err(Fault::file("forget an ended process in", context.owner.folder()))?;
    }
    Ok(resumed)
}

/// What this process is working on.
struct Ours {
    loads: HashSet<i64>,
    background: Background,
}

fn suspects_of(words: &LastWords) -> impl Iterator<Item = (i64, bool)> {
    words.reading.iter().map(|&id| (id, words.own_fault))
}

/// Who has ended. Those whose lock files we hold look alive to anyone who asks for the lock, to ourselves too.
struct Ended<'a> {
    context: &'a Context,
    held: HashSet<&'a str>,
}

impl Ended<'_> {
    fn contains(&self, owner: &str) -> bool {
        self.held.contains(owner) || self.context.owner.is_gone(owner)
    }
}

fn is_abandoned(ended: &Ended<'_>, load: &LoadRow, ours: &Ours) -> bool {
    if load.owner != ended.context.owner.id() {
        return ended.contains(&load.owner);
    }
    !match load.kind {
        LoadKind::Job => ours.background.jobs,
        LoadKind::Compaction => ours.background.compaction,
        LoadKind::Ingest | LoadKind::Replay | LoadKind::Revert => ours.loads.contains(&load.id),
    }
}

/// Finishes what compactions left after their commits.
async fn tidy_after_compaction(context: &Context) {
    let now = context.clock.now();
    let tidied = async {
        retire_replaced(&context.metadata, &context.lake, now.into()).await?;
        purge_retired(&context.lake, (now - context.keep_replaced).into()).await
    };
    if let Err(error) = tidied.await {
        warn!("data files that were merged are still on disk: {}", error.whole_message());
    }
}

/// The ids of the files that were charged with the death of their process.
async fn resume_load(
    context: &Context,
    registry: &Registry,
    load: &LoadRow,
    suspects: &HashMap<i64, bool>,
) -> Result<Vec<i64>, Fault> {
    let pending = context.metadata.pending_data_files(load.id).await?;
    let in_place = staging::all_in_place(
        &context.lake,
        pending.iter().map(|file| (file.path.as_str(), file.bytes as u64)),
    );
    match resume(load.state, in_place) {
        Some(Resumption::RollForward) => match context.metadata.commit(load.id).await {
            Ok(committed) => {
                info!(load_id = load.id, table = %load.table_name, rows = committed.rows_written, "load resumed: committed");
                Staging::of(&context.lake, load.id).clear()?;
                let folder = folder_of(registry, load.file_type.as_deref());
                settle(context, context.metadata.files_of_load(load.id).await?, &folder).await?;
                Ok(Vec::new())
            }
            // Its contents were loaded by somebody else meanwhile.
            Err(MetadataError::Database { source, .. }) if source.kind == crate::metadata::Kind::Conflict => {
                roll_back(context, registry, load, &pending_paths(&pending), suspects).await
            }
            // Somebody has changed the ledger by hand. What was staged is made anew.
            Err(error @ MetadataError::Unbalanced { .. }) => {
                warn!(load_id = load.id, table = %load.table_name, "{error}: it is rolled back");
                roll_back(context, registry, load, &pending_paths(&pending), suspects).await
            }
            Err(error) => Err(error.into()),
        },
        Some(Resumption::RollBack) => {
            roll_back(context, registry, load, &pending_paths(&pending), suspects).await
        }
        None => Ok(Vec::new()),
    }
}

fn pending_paths(pending: &[crate::metadata::data_files::DataFileRow]) -> Vec<String> {
    pending.iter().map(|file| file.path.clone()).collect()
}

async fn roll_back(
    context: &Context,
    registry: &Registry,
    load: &LoadRow,
    published: &[String],
    suspects: &HashMap<i64, bool>,
) -> Result<Vec<i64>, Fault> {
    let files = context.metadata.files_of_load(load.id).await?;
    let files: Vec<FileRow> = files.into_iter().filter(|row| row.state == FileState::Processing).collect();
    // Nothing of the load may stay visible before the ledger forgets its names.
    staging::remove(&context.lake, published.iter().map(String::as_str))?;
    Staging::of(&context.lake, load.id).clear()?;
    let folder = folder_of(registry, load.file_type.as_deref());
    for row in &files {
        let rejects = staged_rejects_path(&context.rejects_folder(&folder), load.id, row.id);
        durable::remove_if_there(&rejects).map_err(Fault::file("remove", &rejects))?;
    }
    find_moved(context, &files).await?;
    // Only reading blames a file; a death during the commit does not.
    let blamed = |row: &FileRow| load.state == LoadState::Writing && suspects.contains_key(&row.id);
    let poisoned: Vec<&FileRow> =
        files.iter().filter(|row| blamed(row) && is_poison(row.crashes + 1, suspects[&row.id])).collect();
    for row in &poisoned {
        refuse(context, &[(row.id, row.attempt)], &folder, poison(row.crashes + 1)).await?;
    }
    let releases: Vec<Release> = files
        .iter()
        .filter(|row| !poisoned.iter().any(|p| p.id == row.id))
        .map(|row| Release {
            id: row.id,
            attempt: row.attempt,
            state: FileState::Queued,
            problem: None,
            crashed: blamed(row),
        })
        .collect();
    context.metadata.roll_back(load.id, &releases).await?;
    let after = if files.is_empty() { "nothing has changed" } else { "its files are queued again" };
    warn!(load_id = load.id, table = %load.table_name, kind = %load.kind, files = files.len(),
        "load {} was not finished: rolled back, {after}", load.id);
    Ok(files.iter().filter(|row| blamed(row)).map(|row| row.id).collect())
}

/// A claim that was interrupted between the move and the ledger: find out where each file is.
pub(super) async fn find_moved(context: &Context, files: &[FileRow]) -> Result<(), Fault> {
    let in_between = files.iter().filter(|row| row.location == Location::Incoming);
    let moved: Vec<(i64, String)> = in_between
        .filter_map(|row| {
            let target = row.target.as_deref()?;
            let still_there = is_file(&context.places.incoming.join(FileName::from_shown(&row.name).raw()));
            (!still_there && is_file(Path::new(target))).then(|| (row.id, target.to_owned()))
        })
        .collect();
    if !moved.is_empty() {
        context.metadata.moved(&moved).await?;
    }
    Ok(())
}

/// Deaths while a schema was inferred from a file: no load knows of them.
async fn charge_others(
    context: &Context,
    suspects: &HashMap<i64, bool>,
    charged: &HashSet<i64>,
) -> Result<(), Fault> {
    for (&id, &own_fault) in suspects.iter().filter(|(id, _)| !charged.contains(id)) {
        let Some(row) = context.metadata.file(id).await? else { continue };
        if !matches!(row.state, FileState::Waiting | FileState::Queued) || row.attempt > 0 {
            continue;
        }
        if is_poison(row.crashes + 1, own_fault) {
            let folder = row.file_type.clone().unwrap_or_default();
            refuse(context, &[(row.id, row.attempt)], &folder, poison(row.crashes + 1)).await?;
        } else {
            context.metadata.charge(row.id, row.attempt).await?;
        }
    }
    Ok(())
}

fn poison(deaths: i64) -> Problem {
    Problem {
        code: "file.poison".into(),
        message: format!("the process died {deaths} times while reading this file; it is parked"),
        hint: Some(
            "look at the file and at the log before the last start; then `lakegate files retry`".into(),
        ),
    }
}

/// Files whose outcome is in the ledger, but which were not moved to where they stay.
/// True when there were any.
async fn settle_rest(ended: &Ended<'_>, registry: &Registry) -> Result<bool, Fault> {
    let context = ended.context;
    let mut by_type: HashMap<Option<String>, Vec<FileRow>> = HashMap::new();
    let still = context.at_work.still().await;
    let unsettled = context.metadata.unsettled().await?;
    let ours = still.release();
    for row in unsettled {
        let is_ours = row.owner.as_deref().is_none_or(|owner| owner == context.owner.id());
        let is_gone = row.owner.as_deref().is_none_or(|owner| ended.contains(owner));
        let in_work = if is_ours { row.load_id.is_some_and(|load| ours.contains(&load)) } else { !is_gone };
        if !in_work {
            by_type.entry(row.file_type.clone()).or_default().push(row);
        }
    }
    let any = !by_type.is_empty();
    for (file_type, rows) in by_type {
        settle(context, rows, &folder_of(registry, file_type.as_deref())).await?;
    }
    Ok(any)
}

/// The folder of a type, which may have been deleted meanwhile.
fn folder_of(registry: &Registry, file_type: Option<&str>) -> String {
    let key = file_type.unwrap_or("unknown");
    let spec = registry.get(key).and_then(|known| known.spec.as_ref().ok());
    spec.map_or_else(|| crate::arrival::slug(key), |spec| spec.folder.clone())
}

/// Staging folders of loads that the ledger does not know as open: leftovers of a ledger that was replaced.
pub async fn clear_strays(context: &Context) -> Result<(), Fault> {
    let folder: PathBuf = context.lake.root().join(".staging");
    // The folders first: one that another process makes from now on belongs to a load that the ledger has already.
    let found: Vec<PathBuf> = blocking(move || match std::fs::read_dir(&folder) {
        Ok(found) => found.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    })
    .await?;
    let open = context.metadata.open_loads().await?;
    let open: HashSet<PathBuf> = open.iter().map(|load| context.lake.staging_folder(load.id)).collect();
    // A stray costs only space.
    blocking(move || {
        found.iter().filter(|path| !open.contains(*path)).for_each(|path| drop(std::fs::remove_dir_all(path)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_goes_forward_only_when_all_of_it_is_published() {
        for (state, all_in_place, expected) in [
            (LoadState::Staged, true, Some(Resumption::RollForward)),
            (LoadState::Staged, false, Some(Resumption::RollBack)),
            (LoadState::Writing, true, Some(Resumption::RollBack)),
            (LoadState::Committed, true, None),
            (LoadState::RolledBack, false, None),
        ] {
            assert_eq!(resume(state, all_in_place), expected, "{state:?}");
        }
    }

    #[test]
    fn a_death_of_its_own_doing_counts_more_than_one_from_outside() {
        assert!(!is_poison(1, true) && is_poison(2, true));
        assert!(!is_poison(4, false) && is_poison(5, false));
    }
}
