//! After the commit: explanations first, then the move of the source file. Everything here can be repeated; the
//! ledger knows the outcome already.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::claim::{blocking, is_file, text};
use super::context::Context;
use super::control::take_along;
use super::fault::Fault;
use super::places::{Places, first_free, free_names};
use super::story::FileStory;
use super::write::{SourceFile, staged_rejects_path};
use crate::alerts::FailedFile;
use crate::crash;
use crate::durable::{self, DirectorySync};
use crate::metadata::files::{FileRow, FileState, Location, Problem};
use crate::metadata::loads::FileOutcome;
use crate::name::{FileName, own_name};

/// A file with an outcome that was not moved to where it stays yet.
#[derive(Debug)]
pub(super) struct Ended {
    /// With the path where it lies now.
    story: FileStory,
    blake3: Option<String>,
    load_id: Option<i64>,
    /// It came with a control file.
    is_controlled: bool,
    /// Where it stays; planned before a crash, the file may be there already.
    pub target: Option<PathBuf>,
}

impl Ended {
    /// As the commit of load `load_id` will leave it.
    pub fn of_outcome(outcome: &FileOutcome, source: &SourceFile, file_type: &str, load_id: i64) -> Self {
        let FileOutcome { id, outcome, blake3, counts, problem, target, .. } = outcome;
        let told = |part: fn(&Problem) -> Option<String>| problem.as_ref().and_then(part);
        let story = FileStory {
            id: *id,
            name: source.name.shown().to_owned(),
            file_type: Some(file_type.to_owned()),
            state: (*outcome).into(),
            records_read: counts.read,
            records_written: counts.written,
            records_rejected: counts.rejected,
            records_deduplicated: counts.deduplicated,
            code: told(|problem| Some(problem.code.clone())),
            message: told(|problem| Some(problem.message.clone())),
            hint: told(|problem| problem.hint.clone()),
            path: Some(text(&source.path)),
        };
        let target = target.as_ref().map(PathBuf::from);
        let is_controlled = source.control.is_some();
        Self { story, blake3: blake3.clone(), load_id: Some(load_id), is_controlled, target }
    }
}

impl From<FileRow> for Ended {
    fn from(row: FileRow) -> Self {
        let target = row.target.as_ref().map(PathBuf::from);
        let is_controlled = row.control.is_some();
        Self { story: FileStory::from(&row), load_id: row.load_id, is_controlled, blake3: row.blake3, target }
    }
}

/// Moves the files of a committed load to where its intent says, and tells what became of them.
pub(super) async fn settle_load(
    context: &Context,
    load_id: i64,
    files: Vec<Ended>,
    type_folder: &str,
) -> Result<Vec<FileStory>, Fault> {
    crash::at("after-settle-plan");
    let told = told_of(context, &files).await?;
    let planned: Vec<Option<PathBuf>> = files.iter().map(|file| file.target.clone()).collect();
    let settled = move_all(context, files, &told, type_folder).await?;
    let elsewhere = settled.iter().zip(planned).filter(|((_, path), planned)| planned.as_ref() != Some(path));
    let elsewhere: Vec<(i64, String)> =
        elsewhere.map(|((file, path), _)| (file.story.id, text(path))).collect();
    context.metadata.settled(&elsewhere).await?;
    context.metadata.settled_load(load_id).await?;
    Ok(finish(context, settled, &told).await)
}

/// Moves files with a final state to where they stay and tells what became of them.
pub(super) async fn settle(
    context: &Context,
    rows: Vec<FileRow>,
    type_folder: &str,
) -> Result<Vec<FileStory>, Fault> {
    let unsettled = rows.into_iter().filter(|row| row.state.is_final() && is_unsettled(row));
    let mut files: Vec<Ended> = unsettled.map(Ended::from).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    plan_targets(&context.places, &mut files, type_folder);
    let target = |file: &Ended| Some((file.story.id, text(file.target.as_deref()?)));
    context.metadata.plan_settle(&files.iter().filter_map(target).collect::<Vec<_>>()).await?;
    crash::at("after-settle-plan");
    let told = told_of(context, &files).await?;
    let settled = move_all(context, files, &told, type_folder).await?;
    let paths: Vec<(i64, String)> = settled.iter().map(|(file, path)| (file.story.id, text(path))).collect();
    context.metadata.settled(&paths).await?;
    Ok(finish(context, settled, &told).await)
}

async fn move_all(
    context: &Context,
    files: Vec<Ended>,
    told: &[FileRow],
    type_folder: &str,
) -> Result<Vec<(Ended, PathBuf)>, Fault> {
    let failed = told.iter().filter(|row| row.state == FileState::Failed);
    let explanations = failed.map(|row| (row.id, explain(row))).collect();
    let mover = Mover { places: context.places.clone(), type_folder: type_folder.to_owned(), explanations };
    let settled = blocking(move || mover.move_all(files)).await??;
    crash::at("after-settle");
    Ok(settled)
}

async fn finish(context: &Context, settled: Vec<(Ended, PathBuf)>, told: &[FileRow]) -> Vec<FileStory> {
    let now_at = |(file, path): (Ended, PathBuf)| FileStory { path: Some(text(&path)), ..file.story };
    let stories: Vec<FileStory> = settled.into_iter().map(now_at).collect();
    tell(context, told, &stories).await;
    stories
}

fn is_unsettled(row: &FileRow) -> bool {
    matches!(row.location, Location::Incoming | Location::Processing)
}

/// Finds a place to stay for each file that has none.
pub(super) fn plan_targets(places: &Places, files: &mut [Ended], type_folder: &str) {
    let mut taken = HashSet::new();
    for file in files.iter_mut().filter(|file| file.target.is_none()) {
        let folder = places.settled(file.story.state, type_folder);
        let free = first_free(file.free_names(&folder), |name| taken.contains(name));
        taken.insert(free.clone());
        file.target = Some(free);
    }
}

impl Ended {
    fn free_names<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        free_names(folder, &self.story.name, self.story.id, self.blake3.as_deref())
    }
}

struct Mover {
    places: Places,
    type_folder: String,
    /// Why files failed, by their ids.
    explanations: HashMap<i64, Vec<u8>>,
}

impl Mover {
    fn move_all(&self, files: Vec<Ended>) -> Result<Vec<(Ended, PathBuf)>, Fault> {
        let mut directories = DirectorySync::default();
        let mut created = HashSet::new();
        let mut settled = Vec::with_capacity(files.len());
        for mut file in files {
            let Some(target) = file.target.take() else { continue };
            let folder = durable::parent(&target);
            if !created.contains(folder) {
                durable::create_directories(folder).map_err(Fault::file("create", folder))?;
                created.insert(folder.to_owned());
            }
            if file.story.records_rejected > 0 {
                self.keep_rejects(&file, &target, &mut directories)?;
            }
            if let Some(why) = self.explanations.get(&file.story.id) {
                let explanation = folder.join(beside(&target, ".error.json"));
                durable::write_whole(&explanation, why, &mut directories)
                    .map_err(Fault::file("write", &explanation))?;
            }
            let path = self.move_one(&file, target, &mut directories)?;
            crash::at("mid-settle-control");
            self.move_control(&file, &path, &mut directories)?;
            settled.push((file, path));
            crash::at("mid-settle");
        }
        directories.sync().map_err(Fault::file("sync", &self.places.processed))?;
        Ok(settled)
    }

    /// The rejects of a committed load get their name beside those of other files of the type.
    fn keep_rejects(
        &self,
        file: &Ended,
        target: &Path,
        directories: &mut DirectorySync,
    ) -> Result<(), Fault> {
        let (id, Some(load_id)) = (file.story.id, file.load_id) else { return Ok(()) };
        let folder = self.places.error.join(&self.type_folder);
        let staged = staged_rejects_path(&folder, load_id, id);
        if !is_file(&staged) {
            return Ok(());
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut names = (1..).map(|number: u32| {
            let mark = (number > 1).then(|| format!("id{id}-{number}"));
            folder.join(own_name(&name, mark.as_deref(), ".rejects.ndjson"))
        });
        loop {
            let place = first_free(&mut names, |_| false);
            match durable::move_new(&staged, &place, directories) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other.map_err(Fault::file("keep rejects in", &place)),
            }
        }
    }

    /// The control file follows; also one that came to `incoming/` while its file was in work.
    fn move_control(&self, file: &Ended, path: &Path, directories: &mut DirectorySync) -> Result<(), Fault> {
        let first = self.places.incoming.join(FileName::from_shown(&file.story.name).raw());
        let fault = || Fault::file("move the control file of", path);
        if let Some(from) = &file.story.path {
            take_along(Path::new(from), path, directories).map_err(fault())?;
        }
        // A second control file, or one beside a file that has taken the name meanwhile, is that of the next delivery.
        if file.is_controlled || is_file(&first) {
            return Ok(());
        }
        take_along(&first, path, directories).map_err(fault())
    }

    /// Moves the source file. When it is not where it was, an earlier try has moved it; or someone removed it from
    /// processing/, and there is nothing to move: the ledger keeps its outcome.
    fn move_one(
        &self,
        file: &Ended,
        target: PathBuf,
        directories: &mut DirectorySync,
    ) -> Result<PathBuf, Fault> {
        let from = match &file.story.path {
            Some(path) => PathBuf::from(path),
            None => self.places.incoming.join(FileName::from_shown(&file.story.name).raw()),
        };
        if from == target {
            return Ok(target);
        }
        let mut target = target;
        let folder = durable::parent(&target).to_owned();
        loop {
            match durable::move_new(&from, &target, directories) {
                Ok(()) => return Ok(target),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    target = first_free(file.free_names(&folder), |_| false);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_file(&from) => {
                    return Ok(target);
                }
                Err(error) => return Err(Fault::file("move", &from)(error)),
            }
        }
    }
}

/// The name of an explanation beside a settled file.
fn beside(target: &Path, suffix: &str) -> String {
    own_name(&target.file_name().unwrap_or_default().to_string_lossy(), None, suffix)
}

/// `<name>.error.json`.
fn explain(row: &FileRow) -> Vec<u8> {
    let explanation = json!({
        "file": row.name,
        "file_id": row.id,
        "file_type": row.file_type,
        "state": row.state.to_string(),
        "code": row.error_code,
        "message": row.error_message,
        "hint": row.error_hint,
        "bytes": row.bytes,
        "blake3": row.blake3,
        "attempt": row.attempt,
        "records_read": row.records_read,
        "records_rejected": row.records_rejected,
        "load_id": row.load_id,
        "failed_at": row.finished_at.map(|time| time.to_rfc3339()),
        "retry": format!("lakegate files retry {}", row.id),
    });
    let mut text = serde_json::to_vec_pretty(&explanation).expect("a value without maps of odd keys is JSON");
    text.push(b'\n');
    text
}

/// The rows of files that somebody has to be told of: failed ones, and those that lost records.
async fn told_of(context: &Context, files: &[Ended]) -> Result<Vec<FileRow>, Fault> {
    let of = files.iter().filter(|Ended { story, .. }| {
        story.state == FileState::Failed || story.state == FileState::Processed && story.records_rejected > 0
    });
    Ok(context.metadata.files_of(&of.map(|file| file.story.id).collect::<Vec<_>>()).await?)
}

async fn tell(context: &Context, rows: &[FileRow], stories: &[FileStory]) {
    let moved_to: HashMap<i64, &str> =
        stories.iter().filter_map(|story| Some((story.id, story.path.as_deref()?))).collect();
    let settled = rows.iter().filter_map(|row| Some((row, *moved_to.get(&row.id)?)));
    let failed = settled.clone().filter(|(row, _)| row.state == FileState::Failed);
    let failed = failed.map(|(row, moved_to)| FailedFile {
        file_id: row.id,
        name: row.name.clone(),
        file_type: row.file_type.clone().unwrap_or_default(),
        problem: Problem {
            code: row.error_code.clone().unwrap_or_default(),
            message: row.error_message.clone().unwrap_or_default(),
            hint: row.error_hint.clone(),
        },
        moved_to: moved_to.to_owned(),
    });
    context.alarm.files_failed(&failed.collect::<Vec<_>>()).await;
    let mut rejected: HashMap<&str, Vec<&FileRow>> = HashMap::new();
    for (row, _) in settled.filter(|(row, _)| row.state == FileState::Processed) {
        rejected.entry(row.file_type.as_deref().unwrap_or_default()).or_default().push(row);
    }
    for (file_type, rows) in rejected {
        context.alarm.records_rejected(file_type, &rows).await;
    }
}
