//! `lakegate types list`

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json};
use crate::cli::session::Session;
use crate::cli::table::{Columns, count};
use crate::metadata::files::FileState;
use crate::metadata::types::TypeRow;
use crate::schema::definition;

pub(super) async fn run(json: bool, session: &Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let types = metadata.types().await?;
    let mut waiting: BTreeMap<String, u64> = BTreeMap::new();
    for file in metadata.live_files().await? {
        if matches!(file.state, FileState::Waiting | FileState::Queued) {
            *waiting.entry(file.file_type.unwrap_or_default()).or_default() += 1;
        }
    }
    let waiting = |row: &TypeRow| waiting.get(&row.file_type).copied().unwrap_or_default();
    if json {
        let rows = types.iter().map(|row| {
            json!({
                "file_type": row.file_type,
                "table_name": row.table_name,
                "status": row.status.as_str(),
                "schema_version": row.schema_version,
                "columns": columns(row),
                "waiting_files": waiting(row),
                "status_reason": row.status_reason,
            })
        });
        print_json(&rows.collect())?;
        return Ok(Exit::Done);
    }
    let header = ["type", "table", "status", "version", "columns", "waiting", "reason"];
    let mut table = Columns::new(&session.terminal, &header);
    for row in &types {
        table.row([
            row.file_type.clone(),
            row.table_name.clone(),
            row.status.to_string(),
            row.schema_version.to_string(),
            columns(row).map_or_else(|| "?".into(), |columns| columns.to_string()),
            count(waiting(row)),
            row.status_reason.clone().unwrap_or_default(),
        ]);
    }
    print(&table.right(&[3, 4, 5]).render())?;
    if types.is_empty() {
        session.terminal.say("no types yet: drop a file into incoming/, or try `lakegate generate`\n");
    }
    Ok(Exit::Done)
}

/// `None` when the definition is broken; `status_reason` says why.
fn columns(row: &TypeRow) -> Option<usize> {
    definition::compile(&row.schema_definition).ok().map(|schema| schema.fields.len())
}
