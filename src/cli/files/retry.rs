//! `lakegate files retry`: a failed file goes back to `incoming/` and takes the ordinary way again.

use std::io;
use std::path::{Path, PathBuf};

use super::{find, place};
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::durable::{self, DirectorySync};
use crate::ingest::take_back;
use crate::metadata::Metadata;
use crate::metadata::files::{FileFilter, FileRow, FileState, Location};
use crate::name::{FileName, own_name};
use crate::printable::escape;

pub(super) async fn run(
    files: &[String],
    file_type: Option<String>,
    code: Option<&str>,
    session: &Session,
) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let mut rows = Vec::with_capacity(files.len());
    for file in files {
        rows.push(meant(&metadata, file).await?);
    }
    if files.is_empty() {
        rows = failed(&metadata, file_type, code).await?;
        if rows.is_empty() {
            session.terminal.say("no such file has failed\n");
        }
    }
    let mut exit = Exit::Done;
    for row in rows {
        match retry(&metadata, &row, session).await {
            Ok(()) => {
                session.terminal.say(&format!("{} is back in incoming/\n", escape(&row.name)));
            }
            // One file that cannot go back does not hold up the others.
            Err(failure) => {
                failure.tell(&session.terminal);
                exit = exit.max(failure.exit());
            }
        }
    }
    Ok(exit)
}

/// The file that a person means; of several of one name the latest that has failed.
async fn meant(metadata: &Metadata, file: &str) -> Result<FileRow, Failure> {
    let found = find(metadata, file).await?;
    if found.state == FileState::Failed {
        return Ok(found);
    }
    let of_name = metadata.files_by_name(file).await?;
    Ok(of_name.into_iter().find(|row| row.state == FileState::Failed).unwrap_or(found))
}

/// All failed files that can be loaded again, oldest first. Those whose rows were taken out on purpose are left, unless
/// they are asked for by their code.
async fn failed(
    metadata: &Metadata,
    file_type: Option<String>,
    code: Option<&str>,
) -> Result<Vec<FileRow>, Failure> {
    const ON_PURPOSE: [&str; 2] = ["file.reverted", "file.replaced"];
    let filter =
        FileFilter { state: Some(FileState::Failed), file_type, limit: i64::MAX, ..FileFilter::default() };
    let is_meant = |row: &FileRow| match (code, row.error_code.as_deref()) {
        (Some(wanted), found) => found == Some(wanted),
        (None, found) => !found.is_some_and(|found| ON_PURPOSE.contains(&found)),
    };
    let mut rows = metadata.list_files(&filter).await?;
    rows.retain(|row| row.location == Location::Settled && is_meant(row));
    rows.reverse();
    Ok(rows)
}

async fn retry(metadata: &Metadata, row: &FileRow, session: &Session) -> Result<(), Failure> {
    let from = bytes_of(row, session)?;
    let to = session.settings.paths.incoming.join(FileName::from_shown(&row.name).raw());
    give_back(&from, &to).map_err(|cause| {
        let failure = Failure::because(
            Exit::SomeFailed,
            format!("cannot move {} to {}", from.display(), to.display()),
            &cause,
        );
        match cause.kind() {
            io::ErrorKind::AlreadyExists => {
                failure.hint("a file of that name waits there: let it load first")
            }
            _ => failure,
        }
    })?;
    // When nothing was changed, a running daemon has seen the file already and follows it under a row of its own.
    metadata.requeue_failed(row.id, row.attempt).await?;
    // It told why the file failed; the next attempt writes its own. Nothing depends on it.
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    let _ = durable::remove_if_there(&from.with_file_name(own_name(&name, None, ".error.json")));
    Ok(())
}

fn give_back(from: &Path, to: &Path) -> io::Result<()> {
    let mut folders = DirectorySync::default();
    durable::create_directories(durable::parent(to))?;
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // First what the file is held against, so that a running daemon meets both.
    take_back(from, to, &mut folders)?;
    durable::move_new(from, to, &mut folders)?;
    folders.sync()
}

fn bytes_of(row: &FileRow, session: &Session) -> Result<PathBuf, Failure> {
    if row.state != FileState::Failed {
        return Err(Failure::new(Exit::Usage, format!("{} is {}, not failed", row.name, row.state))
            .hint("only failed files are loaded again; the same bytes are never loaded twice"));
    }
    if row.location != Location::Settled {
        return Err(Failure::new(Exit::SomeFailed, format!("{} is not at rest yet", row.name))
            .hint("`lakegate files show` says where it is; try again in a moment"));
    }
    place(row, &session.settings.paths).filter(|path| path.is_file()).ok_or_else(|| {
        Failure::new(Exit::SomeFailed, format!("the bytes of {} are no longer where they were put", row.name))
            .hint("ask its sender for the file and drop it into incoming/")
    })
}
