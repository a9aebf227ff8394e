//! After the commit: explanations first, then the move of the source file. Everything here can be repeated; the
//! ledger knows the outcome already.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::claim::{blocking, is_file, text};
use super::context::Context;
use super::fault::Fault;
use super::places::{Places, first_free, free_names};
use super::story::FileStory;
use super::write::staged_rejects_path;
use crate::alerts::FailedFile;
use crate::crash;
use crate::durable::{self, DirectorySync};
use crate::metadata::files::{FileRow, FileState, Location, Problem};
use crate::name::{FileName, own_name};

/// Moves files with a final state to where they stay and tells what became of them.
pub(super) async fn settle(
    context: &Context,
    rows: Vec<FileRow>,
    type_folder: &str,
) -> Result<Vec<FileStory>, Fault> {
    let rows: Vec<FileRow> =
        rows.into_iter().filter(|row| row.state.is_final() && is_unsettled(row)).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let targets = plan_targets(&context.places, &rows, type_folder);
    let plan: Vec<_> = rows.iter().zip(&targets).map(|(row, target)| (row.id, text(target))).collect();
    context.metadata.plan_settle(&plan).await?;
    crash::at("after-settle-plan");

    let mover = Mover { places: context.places.clone(), type_folder: type_folder.to_owned() };
    let pairs: Vec<(FileRow, PathBuf)> = rows.into_iter().zip(targets).collect();
    let settled = blocking(move || mover.move_all(pairs)).await??;
    crash::at("after-settle");
    let paths: Vec<(i64, String)> = settled.iter().map(|(row, path)| (row.id, text(path))).collect();
    context.metadata.settled(&paths).await?;
    tell(context, &settled).await;
    Ok(settled
        .iter()
        .map(|(row, path)| FileStory { path: Some(text(path)), ..FileStory::from(row) })
        .collect())
}

fn is_unsettled(row: &FileRow) -> bool {
    matches!(row.location, Location::Incoming | Location::Processing)
}

fn plan_targets(places: &Places, rows: &[FileRow], type_folder: &str) -> Vec<PathBuf> {
    let mut taken = HashSet::new();
    let mut target = |row: &FileRow| {
        // Planned before a crash: the file may be there already.
        if let Some(planned) = &row.target {
            return PathBuf::from(planned);
        }
        let folder = places.settled(row.state, type_folder);
        let free = first_free(free_names(&folder, row), |name| taken.contains(name));
        taken.insert(free.clone());
        free
    };
    rows.iter().map(&mut target).collect()
}

struct Mover {
    places: Places,
    type_folder: String,
}

impl Mover {
    fn move_all(&self, pairs: Vec<(FileRow, PathBuf)>) -> Result<Vec<(FileRow, PathBuf)>, Fault> {
        let mut directories = DirectorySync::default();
        let mut settled = Vec::with_capacity(pairs.len());
        for (row, target) in pairs {
            durable::create_directories(durable::parent(&target))
                .map_err(Fault::file("create", durable::parent(&target)))?;
            self.keep_rejects(&row, &target, &mut directories)?;
            if row.state == FileState::Failed {
                let explanation = durable::parent(&target).join(beside(&target, ".error.json"));
                durable::write_whole(&explanation, &explain(&row), &mut directories)
                    .map_err(Fault::file("write", &explanation))?;
            }
            let path = self.move_one(&row, target, &mut directories)?;
            settled.push((row, path));
            crash::at("mid-settle");
        }
        directories.sync().map_err(Fault::file("sync", &self.places.processed))?;
        Ok(settled)
    }

    /// The rejects of a committed load get their name beside those of other files of the type.
    fn keep_rejects(
        &self,
        row: &FileRow,
        target: &Path,
        directories: &mut DirectorySync,
    ) -> Result<(), Fault> {
        let Some(load_id) = row.load_id else { return Ok(()) };
        let folder = self.places.error.join(&self.type_folder);
        let staged = staged_rejects_path(&folder, load_id, row.id);
        if !is_file(&staged) {
            return Ok(());
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut names = (1..).map(|number: u32| {
            let mark = (number > 1).then(|| format!("id{}-{number}", row.id));
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

    /// Moves the source file. When it is not where it was, an earlier try has moved it.
    fn move_one(
        &self,
        row: &FileRow,
        target: PathBuf,
        directories: &mut DirectorySync,
    ) -> Result<PathBuf, Fault> {
        let from = match &row.path {
            Some(path) => PathBuf::from(path),
            None => self.places.incoming.join(FileName::from_shown(&row.name).raw()),
        };
        if from == target || (!is_file(&from) && row.target.is_some()) {
            return Ok(target);
        }
        let mut target = target;
        let folder = durable::parent(&target).to_owned();
        loop {
            match durable::move_new(&from, &target, directories) {
                Ok(()) => return Ok(target),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    target = first_free(free_names(&folder, row), |_| false);
                }
                // Someone removed it from processing/: the ledger keeps its outcome, there is nothing to move.
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

async fn tell(context: &Context, settled: &[(FileRow, PathBuf)]) {
    let failed =
        settled.iter().filter(|(row, _)| row.state == FileState::Failed).map(|(row, path)| FailedFile {
            file_id: row.id,
            name: row.name.clone(),
            file_type: row.file_type.clone().unwrap_or_default(),
            problem: Problem {
                code: row.error_code.clone().unwrap_or_default(),
                message: row.error_message.clone().unwrap_or_default(),
                hint: row.error_hint.clone(),
            },
            moved_to: text(path),
        });
    context.alarm.files_failed(&failed.collect::<Vec<_>>()).await;
    let mut rejected: HashMap<&str, Vec<&FileRow>> = HashMap::new();
    for (row, _) in
        settled.iter().filter(|(row, _)| row.state == FileState::Processed && row.records_rejected > 0)
    {
        rejected.entry(row.file_type.as_deref().unwrap_or_default()).or_default().push(row);
    }
    for (file_type, rows) in rejected {
        context.alarm.records_rejected(file_type, &rows).await;
    }
}
