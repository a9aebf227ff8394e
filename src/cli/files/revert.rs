//! `lakegate files revert`: the rows of a loaded file leave its table again.

use serde_json::{Value, json};

use super::find;
use crate::app::App;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::print_json;
use crate::cli::session::Session;
use crate::cli::table::plural;
use crate::ingest::revert::Reverted;
use crate::metadata::Metadata;
use crate::metadata::files::{FileRow, FileState};
use crate::printable::escape;

pub(super) async fn run(files: &[String], json: bool, session: Session) -> Result<Exit, Failure> {
    session.say_remarks();
    let terminal = session.terminal.clone();
    let app = App::open(session.settings).await?;
    // All are looked up first: a slip in the last name changes nothing.
    let mut rows = Vec::with_capacity(files.len());
    for file in files {
        rows.push(loaded(&app.metadata, file).await?);
    }
    app.resume().await?;
    let (mut exit, mut done) = (Exit::Done, Vec::new());
    for row in rows {
        match revert(&app, &row).await {
            Ok(reverted) => {
                if !json {
                    terminal.say(&told(&row, &reverted));
                }
                done.push(to_json(&row, &reverted));
            }
            // One file that cannot be reverted does not hold up the others.
            Err(failure) => {
                failure.tell(&terminal);
                exit = exit.max(failure.exit());
            }
        }
    }
    if json {
        print_json(&Value::Array(done))?;
    }
    Ok(exit)
}

async fn revert(app: &App, row: &FileRow) -> Result<Reverted, Failure> {
    app.revert(row.id).await?.ok_or_else(|| {
        Failure::new(Exit::SomeFailed, format!("{} is not loaded, or not at rest yet", row.name))
            .hint(format!("`lakegate files show {}` says what became of it", row.id))
    })
}

/// The file that a person means; of several of one name the latest that is loaded.
async fn loaded(metadata: &Metadata, file: &str) -> Result<FileRow, Failure> {
    let found = find(metadata, file).await?;
    if found.state == FileState::Processed {
        return Ok(found);
    }
    let of_name = metadata.files_by_name(file).await?;
    of_name.into_iter().find(|row| row.state == FileState::Processed).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{} is {}, not processed", found.name, found.state))
            .hint("only the rows of loaded files can be taken out again")
    })
}

fn told(row: &FileRow, reverted: &Reverted) -> String {
    let Reverted { load_id, table, rows, .. } = reverted;
    let name = escape(&row.name);
    format!("{name}: {} taken out of {table} by load {load_id}\n", plural(*rows, "row"))
}

fn to_json(row: &FileRow, reverted: &Reverted) -> Value {
    let Reverted { load_id, table, rows, data_files } = reverted;
    json!({
        "file_id": row.id,
        "name": row.name,
        "table_name": table,
        "load_id": load_id,
        "rows": rows,
        "data_files": data_files,
    })
}
