//! Taking files for a load: first in the ledger, then on disk.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::at_work::InWork;
use super::batches::Batch;
use super::context::Context;
use super::control::{Control, take_along, take_back};
use super::fault::Fault;
use super::places::{first_free, free_names};
use super::plan::time_to_grow;
use super::write::SourceFile;
use crate::crash;
use crate::durable::{self, DirectorySync};
use crate::inbox::control::beside;
use crate::metadata::files::{Claim, FileState, Location, Problem, Release, Unclaimed};
use crate::metadata::loads::NewLoad;
use crate::name::FileName;

/// Begins a load, claims the files of a batch for it and moves them to `processing/`. Files that somebody else took or
/// that are gone are left out. `begun` holds the load as soon as it is in the ledger.
pub(super) async fn claim(
    context: &Context,
    batch: &Batch,
    load: &NewLoad,
    begun: &mut Option<InWork>,
) -> Result<Vec<SourceFile>, Fault> {
    let folder = context.places.processing.join(&batch.spec.folder);
    let files = batch.files.clone();
    let wanted = blocking(move || plan_moves(&folder, files)).await??;
    let claims = wanted.iter().map(|Wanted { file, target }| Claim {
        id: file.id,
        attempt: file.attempt,
        target: target.as_deref().map(text),
    });
    let beginning = context.at_work.begin().await;
    let (load_id, claimed) = context.metadata.begin_load_with(load, claims.collect()).await?;
    *begun = Some(beginning.enter(load_id));
    crash::at("after-claim");
    let claimed: HashSet<i64> = claimed.into_iter().collect();
    let wanted = wanted.into_iter().filter(|wanted| claimed.contains(&wanted.file.id)).collect();
    let moved = move_in(context, load_id, wanted).await?;
    let files = moved.into_iter().map(|(file, path)| source_file(context, &file, path)).collect();
    with_controls(context, files).await
}

/// Reads the control files that came along, and has the ledger remember what they say.
async fn with_controls(context: &Context, files: Vec<SourceFile>) -> Result<Vec<SourceFile>, Fault> {
    let incoming = context.places.incoming.clone();
    let read = move |file: SourceFile| {
        let control = Control::of_claimed(&file.path, &incoming.join(file.name.raw()))
            .map_err(Fault::file("read the control file of", &file.path))?;
        Ok(SourceFile { control, ..file })
    };
    let files = blocking(move || files.into_iter().map(read).collect::<Result<Vec<_>, Fault>>()).await??;
    let said: Vec<(i64, i64, String)> = files
        .iter()
        .filter_map(|file| Some((file.id, file.attempt, file.control.as_ref()?.for_ledger())))
        .collect();
    context.metadata.remember_controls(&said).await?;
    Ok(files)
}

fn source_file(context: &Context, file: &Unclaimed, path: PathBuf) -> SourceFile {
    let now = context.clock.now();
    let modified_at = file.modified_at.unwrap_or(now);
    SourceFile {
        id: file.id,
        attempt: file.attempt + 1,
        name: FileName::from_shown(&file.name),
        path,
        time: file.file_time.map(|time| time.naive_utc()),
        modified_at,
        last_chance: is_last_chance(modified_at, now, context),
        bytes: u64::try_from(file.bytes).unwrap_or(0),
        is_hashed: false,
        content: None,
        hash: None,
        control: None,
    }
}

fn is_last_chance(modified_at: DateTime<Utc>, now: DateTime<Utc>, context: &Context) -> bool {
    time_to_grow(modified_at, now, context.patience.max_wait).is_none()
}

/// A file to claim, and where it goes; nowhere when it is in `processing/` already.
struct Wanted {
    file: Arc<Unclaimed>,
    target: Option<PathBuf>,
}

fn plan_moves(folder: &Path, files: Vec<Arc<Unclaimed>>) -> Result<Vec<Wanted>, Fault> {
    durable::create_directories(folder).map_err(Fault::file("create", folder))?;
    let mut taken = HashSet::new();
    let mut target = |file: &Unclaimed| {
        let free = first_free(free_names(folder, &file.name, file.id, None), |name| taken.contains(name));
        taken.insert(free.clone());
        free
    };
    let plan = |file: Arc<Unclaimed>| {
        let target = (file.location == Location::Incoming).then(|| target(&file));
        Wanted { file, target }
    };
    Ok(files.into_iter().map(plan).collect())
}

/// Moves claimed files into `processing/`. Those that cannot be moved are given back.
async fn move_in(
    context: &Context,
    load_id: i64,
    wanted: Vec<Wanted>,
) -> Result<Vec<(Arc<Unclaimed>, PathBuf)>, Fault> {
    let source_folder = context.places.incoming.clone();
    let results = blocking(move || rename_all(&source_folder, wanted)).await?;
    crash::at("after-move");
    let mut moved = Vec::with_capacity(results.len());
    let mut lost = Vec::new();
    for (file, result) in results {
        match result {
            Ok(path) => moved.push((file, path)),
            Err(error) => lost.push((file, error)),
        }
    }
    // Before the others are written down: all that the load still holds then has been moved.
    let refused = give_back_unmoved(context, lost).await?;
    if !moved.is_empty() {
        context.metadata.moved_in(load_id).await?;
    }
    // With nothing to load, the fault makes the table pause; otherwise the next load meets it.
    if let (Some(fault), true) = (refused, moved.is_empty()) {
        return Err(fault);
    }
    Ok(moved)
}

type Renamed = (Arc<Unclaimed>, io::Result<PathBuf>);

/// The files in their order, each with the place where it lies now.
fn rename_all(incoming: &Path, wanted: Vec<Wanted>) -> Vec<Renamed> {
    let mut directories = DirectorySync::default();
    let mut results: Vec<Renamed> = Vec::with_capacity(wanted.len());
    for Wanted { file, target } in wanted {
        let from = incoming.join(FileName::from_shown(&file.name).raw());
        let Some(target) = target else {
            let lies_at = file.path.as_ref().map(PathBuf::from).ok_or(io::ErrorKind::NotFound.into());
            let lies_at = lies_at.and_then(|path| follow_late(&from, &path, &mut directories).map(|()| path));
            results.push((file, lies_at));
            continue;
        };
        let moved = move_with_control(&from, &target, &mut directories).map(|()| target);
        results.push((file, moved));
        crash::at("mid-move");
    }
    // Durability of this step is a courtesy: the ledger finds the file at either end.
    let _ = directories.sync();
    results
}

/// Both or none.
fn move_with_control(from: &Path, to: &Path, directories: &mut DirectorySync) -> io::Result<()> {
    durable::move_new(from, to, directories)?;
    crash::at("mid-move-control");
    take_along(from, to, directories).inspect_err(|_| {
        // If that fails as well, the ledger finds the file at either end.
        let _ = durable::move_new(to, from, directories);
    })
}

/// A control file that was left behind when a process died between the move of its file and its own. Another file of the
/// name would have a control file of its own.
fn follow_late(from: &Path, to: &Path, directories: &mut DirectorySync) -> io::Result<()> {
    if is_file(&beside(to)) || is_file(from) {
        return Ok(());
    }
    take_along(from, to, directories)
}

/// A file that could not be moved is not loaded now: it is gone, or the folder does not allow it, which is a fault.
async fn give_back_unmoved(
    context: &Context,
    lost: Vec<(Arc<Unclaimed>, io::Error)>,
) -> Result<Option<Fault>, Fault> {
    if lost.is_empty() {
        return Ok(None);
    }
    let releases: Vec<Release> = lost
        .iter()
        .map(|(file, error)| Release {
            id: file.id,
            attempt: file.attempt + 1,
            state: FileState::Waiting,
            problem: (error.kind() != io::ErrorKind::NotFound).then(|| cannot_take(error)),
            crashed: false,
        })
        .collect();
    context.metadata.release(&releases).await?;
    let refused = lost.into_iter().find(|(_, error)| error.kind() != io::ErrorKind::NotFound);
    Ok(refused.map(|(file, source)| {
        let path = context.places.incoming.join(FileName::from_shown(&file.name).raw());
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
        let returned = durable::rename_new(path, &place);
        if returned.is_ok() {
            crash::at("after-return");
        }
        let moved = match &returned {
            Err(error) => error.kind() == io::ErrorKind::NotFound && !is_file(path),
            Ok(()) => true,
        };
        if moved {
            take_back(path, &place, &mut DirectorySync::default())
                .map_err(Fault::file("put back the control file of", &place))?;
        }
        match returned {
            Ok(()) => back.push((*id, String::new())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // An earlier try, or another process, has moved it. What is true shows at the next look into incoming/.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_file(path) => {
                back.push((*id, String::new()));
            }
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let mut directories = DirectorySync::default();
                durable::move_new(path, &place, &mut directories)
                    .and_then(|()| take_back(path, &place, &mut directories))
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
