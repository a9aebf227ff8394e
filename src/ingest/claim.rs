//! Taking files for a load: first in the ledger, then on disk.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::batches::Batch;
use super::context::Context;
use super::fault::Fault;
use super::places::{first_free, free_names};
use super::plan::time_to_grow;
use super::write::SourceFile;
use crate::crash;
use crate::durable::{self, DirectorySync};
use crate::metadata::files::{FileRow, FileState, Location, Problem, Release};
use crate::name::FileName;

/// Claims the files of a batch for load `load_id` and moves them to `processing/`. Files that somebody else took
/// or that are gone are left out.
pub(super) async fn claim(context: &Context, load_id: i64, batch: &Batch) -> Result<Vec<SourceFile>, Fault> {
    let wanted: Vec<(i64, i64)> = batch.files.iter().map(|row| (row.id, row.attempt)).collect();
    let claimed = context.metadata.claim(load_id, context.owner.id(), &wanted).await?;
    let claimed: HashSet<i64> = claimed.into_iter().collect();
    crash::at("after-claim");
    let rows: Vec<FileRow> = batch.files.iter().filter(|row| claimed.contains(&row.id)).cloned().collect();
    let moved = move_in(context, &batch.spec.folder, rows).await?;
    Ok(moved.into_iter().map(|(row, path)| source_file(context, &row, path)).collect())
}

fn source_file(context: &Context, row: &FileRow, path: PathBuf) -> SourceFile {
    let now = context.clock.now();
    let modified_at = row.modified_at.unwrap_or(now);
    SourceFile {
        id: row.id,
        attempt: row.attempt + 1,
        name: FileName::from_shown(&row.name),
        path,
        time: row.file_time.map(|time| time.naive_utc()),
        modified_at,
        last_chance: is_last_chance(modified_at, now, context),
        bytes: u64::try_from(row.bytes).unwrap_or(0),
        is_hashed: false,
    }
}

fn is_last_chance(modified_at: DateTime<Utc>, now: DateTime<Utc>, context: &Context) -> bool {
    time_to_grow(modified_at, now, context.patience.max_wait).is_none()
}

/// Moves claimed files (rows as they were before the claim) into `processing/<folder>/`. Those that cannot be moved
/// are given back.
pub(super) async fn move_in(
    context: &Context,
    folder: &str,
    rows: Vec<FileRow>,
) -> Result<Vec<(FileRow, PathBuf)>, Fault> {
    let folder = context.places.processing.join(folder);
    durable::create_directories(&folder).map_err(Fault::file("create", &folder))?;
    let (here, incoming): (Vec<FileRow>, Vec<FileRow>) =
        rows.into_iter().partition(|row| row.location == Location::Processing);
    let mut taken = HashSet::new();
    let targets: Vec<PathBuf> = incoming
        .iter()
        .map(|row| {
            let target = first_free(free_names(&folder, row), |name| taken.contains(name));
            taken.insert(target.clone());
            target
        })
        .collect();
    let plan: Vec<_> = incoming.iter().zip(&targets).map(|(row, target)| (row.id, text(target))).collect();
    context.metadata.plan_move(&plan).await?;

    let source_folder = context.places.incoming.clone();
    let pairs: Vec<(FileRow, PathBuf)> = incoming.into_iter().zip(targets).collect();
    let results = blocking(move || rename_all(&source_folder, pairs)).await?;
    crash::at("after-move");

    let mut moved: Vec<(FileRow, PathBuf)> =
        here.into_iter().filter_map(|row| row.path.clone().map(|path| (row, PathBuf::from(path)))).collect();
    let mut lost = Vec::new();
    let mut new_paths = Vec::new();
    for (row, result) in results {
        match result {
            Ok(path) => {
                new_paths.push((row.id, text(&path)));
                moved.push((row, path));
            }
            Err(error) => lost.push((row, error)),
        }
    }
    context.metadata.moved(&new_paths).await?;
    // With nothing to load, the fault makes the table pause; otherwise the next load meets it.
    if let (Some(fault), true) = (give_back_unmoved(context, lost).await?, moved.is_empty()) {
        return Err(fault);
    }
    // The order of the batch: oldest first.
    moved.sort_by(|(a, _), (b, _)| {
        (a.file_time.or(a.modified_at), &a.name).cmp(&(b.file_time.or(b.modified_at), &b.name))
    });
    Ok(moved)
}

type Renamed = (FileRow, io::Result<PathBuf>);

fn rename_all(incoming: &Path, pairs: Vec<(FileRow, PathBuf)>) -> Vec<Renamed> {
    let mut directories = DirectorySync::default();
    let mut results: Vec<Renamed> = Vec::with_capacity(pairs.len());
    for (row, target) in pairs {
        let from = incoming.join(FileName::from_shown(&row.name).raw());
        let moved = durable::move_new(&from, &target, &mut directories).map(|()| target);
        results.push((row, moved));
        crash::at("mid-move");
    }
    // Durability of this step is a courtesy: the ledger finds the file at either end.
    let _ = directories.sync();
    results
}

/// A file that could not be moved is not loaded now: it is gone, or the folder does not allow it, which is a fault.
async fn give_back_unmoved(
    context: &Context,
    lost: Vec<(FileRow, io::Error)>,
) -> Result<Option<Fault>, Fault> {
    if lost.is_empty() {
        return Ok(None);
    }
    let releases: Vec<Release> = lost
        .iter()
        .map(|(row, error)| Release {
            id: row.id,
            attempt: row.attempt + 1,
            state: FileState::Waiting,
            problem: (error.kind() != io::ErrorKind::NotFound).then(|| cannot_take(error)),
            crashed: false,
        })
        .collect();
    context.metadata.release(&releases).await?;
    let refused = lost.into_iter().find(|(_, error)| error.kind() != io::ErrorKind::NotFound);
    Ok(refused.map(|(row, source)| {
        let path = context.places.incoming.join(FileName::from_shown(&row.name).raw());
        Fault::File { act: "take", path, source }
    }))
}

fn cannot_take(error: &io::Error) -> Problem {
    Problem {
        code: "storage.not_writable".into(),
        message: format!("the file cannot be moved out of incoming/: {error}"),
        hint: Some("give Lakegate write access to incoming/; the file is tried again".into()),
    }
}

/// Puts released files back into `incoming/`, where their sender may go on writing to them. One whose name was
/// taken meanwhile stays where it is.
pub(super) async fn return_to_incoming(
    context: &Context,
    files: &[(i64, FileName, PathBuf)],
) -> Result<(), Fault> {
    let mut back = Vec::new();
    for (id, name, path) in files {
        let place = context.places.incoming.join(name.raw());
        match durable::rename_new(path, &place) {
            Ok(()) => {
                crash::at("after-return");
                back.push((*id, String::new()));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // An earlier try, or another process, has moved it. What is true shows at the next look into incoming/.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_file(path) => {
                back.push((*id, String::new()));
            }
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                durable::move_new(path, &place, &mut DirectorySync::default())
                    .map_err(Fault::file("put back", &place))?;
                back.push((*id, String::new()));
            }
            Err(error) => return Err(Fault::file("put back", &place)(error)),
        }
    }
    context.metadata.returned(&back).await?;
    Ok(())
}

/// A path as the ledger keeps it. Our own folders and names are UTF-8.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Runs file operations off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::Panic { cause: panic_message(error) })
}

pub(super) fn panic_message(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => {
                panic.downcast_ref::<&str>().map_or_else(|| "a panic".to_owned(), |text| (*text).to_owned())
            }
        },
        Err(_) => "the task was cancelled".to_owned(),
    }
}

/// True when a regular file lies at `path`.
pub(super) fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}
