//! `lakegate files list`

use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json, time};
use crate::cli::session::Session;
use crate::cli::table::{Columns, bytes, count};
use crate::metadata::files::{FileFilter, FileRow, FileState};

pub(super) async fn run(
    state: Option<FileState>,
    file_type: Option<String>,
    limit: i64,
    json: bool,
    session: &Session,
) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let filter = FileFilter { state, file_type, limit, ..FileFilter::default() };
    let files = metadata.list_files(&filter).await?;
    if json {
        print_json(&files.iter().map(to_json).collect())?;
        return Ok(Exit::Done);
    }
    let header = ["id", "name", "type", "state", "size", "read", "written", "rejected", "seen", "error"];
    let mut table = Columns::new(&session.terminal, &header);
    for file in &files {
        table.row([
            file.id.to_string(),
            file.name.clone(),
            file.file_type.clone().unwrap_or_default(),
            file.state.to_string(),
            bytes(file.bytes),
            count(file.records_read),
            count(file.records_written),
            count(file.records_rejected),
            time(file.seen_at),
            file.error_code.clone().unwrap_or_default(),
        ]);
    }
    print(&table.right(&[0, 4, 5, 6, 7]).render())?;
    if files.is_empty() {
        session.terminal.say("no such file was ever seen\n");
    }
    if i64::try_from(files.len()) == Ok(limit) {
        session.terminal.say(&format!("the latest {limit}; --limit N shows more\n"));
    }
    Ok(Exit::Done)
}

/// What a control file says, as JSON.
fn control(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// A file under the names of the ledger's columns.
pub(super) fn to_json(file: &FileRow) -> Value {
    json!({
        "id": file.id,
        "name": file.name,
        "file_type": file.file_type,
        "state": file.state.as_str(),
        "location": file.location.as_str(),
        "bytes": file.bytes,
        "blake3": file.blake3,
        "attempt": file.attempt,
        "load_id": file.load_id,
        "duplicate_of": file.duplicate_of,
        "records_read": file.records_read,
        "records_written": file.records_written,
        "records_rejected": file.records_rejected,
        "records_deduplicated": file.records_deduplicated,
        "records_filtered": file.records_filtered,
        "records_replayed": file.records_replayed,
        "unknown_fields": file.unknown_fields,
        "control": file.control.as_deref().map(control),
        "error_code": file.error_code,
        "error_message": file.error_message,
        "error_hint": file.error_hint,
        "seen_at": time(file.seen_at),
        "started_at": file.started_at.map(time),
        "finished_at": file.finished_at.map(time),
    })
}
