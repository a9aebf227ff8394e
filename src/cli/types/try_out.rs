//! `lakegate types try`: what loading would do. Nothing is written: no row of the ledger, no file, no alert.

mod bench;
mod changes;
mod json;
mod of_ledger;
mod results;
mod text;

use std::path::{Path, PathBuf};

use clap::Args;

use super::find;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json};
use crate::cli::session::Session;
use crate::metadata::Metadata;
use crate::metadata::files::FileState;
use bench::Bench;
use results::Results;

/// `lakegate types try`
#[derive(Debug, Args)]
#[command(after_help = "\
Without --schema, files are tried under the schema that their type has now; a file of an unknown type under the
schema that would be inferred from it.

Examples:
  lakegate types try orders_20260302.ndjson
  lakegate types try --type orders ~/Downloads/export.csv
  lakegate types try --schema orders.new.json --type orders --rejected --waiting
  lakegate types try --failed --json | jq '.files[] | select(.would_be == \"processed\") | .name'")]
pub struct TryArgs {
    /// Files anywhere; they stay where they are
    #[arg(value_name = "FILE", required_unless_present_any = ["waiting", "failed", "rejected"])]
    files: Vec<PathBuf>,
    /// The type of the files, or the only type of what waits, failed or was rejected [default: by name]
    #[arg(long = "type", value_name = "TYPE")]
    file_type: Option<String>,
    /// Try this definition instead of the type's own
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Every file that waits in incoming/
    #[arg(long)]
    waiting: bool,
    /// Every file that failed
    #[arg(long)]
    failed: bool,
    /// Every open reject of a loaded file, repaired ones with their repair: as `lakegate rejects replay --dry-run`
    #[arg(long)]
    rejected: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: TryArgs, session: &Session) -> Result<Exit, Failure> {
    let metadata = ledger(session).await?;
    let bench = Bench::new(&args, metadata, session).await?;
    let mut results = Results { changes: bench.changes().await?, files: Vec::new(), rejected: Vec::new() };
    for path in &args.files {
        results.files.push(bench.file(path).await?);
    }
    if args.waiting {
        results.files.extend(bench.of_the_ledger(&[FileState::Waiting, FileState::Queued]).await?);
    }
    if args.failed {
        results.files.extend(bench.of_the_ledger(&[FileState::Failed]).await?);
    }
    if args.rejected {
        results.rejected = bench.rejected().await?;
    }
    if args.json {
        print_json(&json::of(&results))?;
    } else {
        print(&text::of(&results, session))?;
        session.terminal.say("nothing was written\n");
    }
    let fails = results
        .files
        .iter()
        .any(|file| matches!(&file.result, Ok(tried) if tried.failure.is_some()) || file.result.is_err());
    Ok(if fails { Exit::SomeFailed } else { Exit::Done })
}

/// The metadata database, if there is one: to look at nothing must not make one.
async fn ledger(session: &Session) -> Result<Option<Metadata>, Failure> {
    let url = session.settings.database.url.expose();
    let is_missing = url.strip_prefix("sqlite://").is_some_and(|path| {
        let path = path.split('?').next().unwrap_or(path);
        !Path::new(path).exists()
    });
    if is_missing { Ok(None) } else { session.metadata().await.map(Some) }
}
