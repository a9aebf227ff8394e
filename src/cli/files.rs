//! `lakegate files`: one file's whole story, and how to load it again.

mod list;
mod retry;
mod revert;
mod show;

use std::path::PathBuf;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::session::Session;
use crate::metadata::Metadata;
use crate::metadata::files::{FileRow, FileState, Location};
use crate::settings::Paths;

#[derive(Debug, Subcommand)]
pub enum FilesCommand {
    /// Files that were ever seen, the latest first
    #[command(after_help = "\
Examples:
  lakegate files list --state failed
  lakegate files list --type orders --json")]
    List {
        /// waiting, queued, processing, processed, failed or duplicate
        #[arg(long, value_parser = state)]
        state: Option<FileState>,
        /// Only files of this type
        #[arg(long = "type", value_name = "TYPE")]
        file_type: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// What happened to a file, when and why, and where its bytes are now
    #[command(after_help = "\
Examples:
  lakegate files show 17
  lakegate files show orders_20220606.json")]
    Show {
        /// A number from `files list`, or a name; of several files of that name the latest
        #[arg(value_name = "ID|NAME")]
        file: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Move failed files back to incoming/, to be loaded again
    #[command(after_help = "\
Examples:
  lakegate files retry 17 18
  lakegate files retry --type orders
  lakegate files retry --type orders --code file.too_many_rejects")]
    Retry {
        /// Numbers from `files list`, or names
        #[arg(required_unless_present_any = ["file_type", "code"], value_name = "ID|NAME")]
        files: Vec<String>,
        /// All failed files of this type
        #[arg(long = "type", value_name = "TYPE", conflicts_with = "files")]
        file_type: Option<String>,
        /// All files that failed with this code
        #[arg(long, value_name = "CODE", conflicts_with = "files")]
        code: Option<String>,
    },
    /// Take the rows of loaded files out of their tables again
    #[command(after_help = "\
In one commit for each file, wherever merges have put the rows; summaries follow. What a file had replaced
(write_mode overwrite or upsert) does not come back. The same bytes may be loaded again.

Examples:
  lakegate files revert 17
  lakegate files revert orders_20220606.json --json")]
    Revert {
        /// Numbers from `files list`, or names; of several files of a name the latest that is loaded
        #[arg(required = true, value_name = "ID|NAME")]
        files: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

fn state(text: &str) -> Result<FileState, String> {
    text.parse().map_err(|_| "expected waiting, queued, processing, processed, failed or duplicate".into())
}

pub async fn run(command: FilesCommand, session: Session) -> Result<Exit, Failure> {
    match command {
        FilesCommand::List { state, file_type, limit, json } => {
            list::run(state, file_type, limit, json, &session).await
        }
        FilesCommand::Show { file, json } => show::run(&file, json, &session).await,
        FilesCommand::Retry { files, file_type, code } => {
            retry::run(&files, file_type, code.as_deref(), &session).await
        }
        FilesCommand::Revert { files, json } => revert::run(&files, json, session).await,
    }
}

/// The file that a person means by its number or its name.
pub(super) async fn find(metadata: &Metadata, file: &str) -> Result<FileRow, Failure> {
    let by_id = match file.parse() {
        Ok(id) => metadata.file(id).await?,
        Err(_) => None,
    };
    let found = match by_id {
        Some(row) => Some(row),
        None => metadata.files_by_name(file).await?.into_iter().next(),
    };
    found.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("no file {file:?} was ever seen"))
            .hint("`lakegate files list` shows numbers and names")
    })
}

/// Where the bytes of a file should be now; `None` when they are gone.
fn place(row: &FileRow, paths: &Paths) -> Option<PathBuf> {
    match row.location {
        Location::Incoming => Some(paths.incoming.join(crate::name::FileName::from_shown(&row.name).raw())),
        Location::Processing | Location::Settled => row.path.as_ref().map(PathBuf::from),
        Location::Gone => None,
    }
}
