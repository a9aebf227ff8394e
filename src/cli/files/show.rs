//! `lakegate files show`: everything the ledger knows of one file.

use serde_json::{Value, json};

use super::list::to_json as file_json;
use super::{find, place};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json, time};
use crate::cli::session::Session;
use crate::cli::table::{Columns, bytes, count};
use crate::metadata::Metadata;
use crate::metadata::data_files::DataFileRow;
use crate::metadata::files::{FileEventRow, FileRow, FileState};
use crate::metadata::loads::LoadRow;
use crate::metadata::rejects::{RejectCause, RejectFilter};
use crate::printable::{escape, shorten};

/// A file with all that hangs on it.
struct Story {
    file: FileRow,
    events: Vec<FileEventRow>,
    load: Option<LoadRow>,
    /// Live data files that hold rows of its load.
    data_files: Vec<DataFileRow>,
    causes: Vec<RejectCause>,
    /// Where the bytes are, and whether they are really there.
    place: Option<(String, bool)>,
}

pub(super) async fn run(file: &str, json: bool, session: &Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let row = find(&metadata, file).await?;
    let story = gather(&metadata, row, session).await?;
    if json {
        print_json(&to_json(&story))?;
    } else {
        print(&to_text(&story, session))?;
    }
    Ok(Exit::Done)
}

async fn gather(metadata: &Metadata, file: FileRow, session: &Session) -> Result<Story, Failure> {
    let events = metadata.file_events(file.id).await?;
    let load = match file.load_id {
        Some(id) => metadata.load(id).await?,
        None => None,
    };
    let data_files = match &load {
        Some(load) => metadata.data_files_with_rows_of(load.id).await?,
        None => Vec::new(),
    };
    let filter = RejectFilter { file_id: Some(file.id), ..RejectFilter::default() };
    let causes = metadata.reject_causes(&filter).await?;
    let place = place(&file, &session.settings.paths)
        .map(|path| (path.display().to_string(), path.symlink_metadata().is_ok()));
    Ok(Story { file, events, load, data_files, causes, place })
}

fn to_text(story: &Story, session: &Session) -> String {
    let mut text = head(story);
    let mut events = Columns::new(&session.terminal, &["when", "state", "attempt", "why"]);
    for event in &story.events {
        let why = [event.code.as_deref(), event.message.as_deref()];
        events.row([
            time(event.created_at),
            event.to_state.to_string(),
            event.attempt.to_string(),
            why.into_iter().flatten().collect::<Vec<_>>().join(": "),
        ]);
    }
    text += &format!("\n{}", events.right(&[2]).render());
    if !story.data_files.is_empty() {
        let mut files =
            Columns::new(&session.terminal, &["data file with rows of its load", "rows", "size", "state"]);
        for file in &story.data_files {
            files.row([file.path.clone(), count(file.rows), bytes(file.bytes), file.state.to_string()]);
        }
        text += &format!("\n{}", files.right(&[1, 2]).render());
    }
    if !story.causes.is_empty() {
        let mut causes = Columns::new(&session.terminal, &["rejected", "cause", "rule", "for instance"]);
        for cause in &story.causes {
            let example = shorten(&cause.message, 100);
            let cells = [count(cause.rejects), cause.fingerprint.clone(), cause.rule.clone(), example];
            causes.row(cells);
        }
        text += &format!("\n{}", causes.right(&[0]).render());
        text += &format!("\n`lakegate rejects show --file {}` shows the records.\n", story.file.id);
    }
    text
}

/// The records of a file: where each went, or, of a file that is in no table (any more), that none of them is there.
fn records(file: &FileRow) -> String {
    let (read, rejected) = (count(file.records_read), count(file.records_rejected));
    if file.state == FileState::Failed {
        return format!("{read} read, {rejected} of them rejected; none is in a table");
    }
    let replayed = match file.records_replayed {
        0 => String::new(),
        records => format!("; {} of the rejected loaded since", count(records)),
    };
    format!(
        "{read} read = {} written + {rejected} rejected + {} deduplicated + {} filtered{replayed}",
        count(file.records_written),
        count(file.records_deduplicated),
        count(file.records_filtered)
    )
}

fn head(story: &Story) -> String {
    let file = &story.file;
    let mut text = format!("{} is {}\n", escape(&file.name), file.state);
    let place = story
        .place
        .as_ref()
        .map(|(path, there)| if *there { path.clone() } else { format!("{path} (not there any more)") });
    let counts = records(file);
    let load = story.load.as_ref().map(|load| {
        let under = load.schema_version.map(|version| format!(", under version {version} of its schema"));
        format!("{} into {}, {}{}", load.id, load.table_name, load.state, under.unwrap_or_default())
    });
    let lines = [
        ("id", Some(file.id.to_string())),
        ("type", file.file_type.clone()),
        ("size", Some(bytes(file.bytes))),
        ("blake3", file.blake3.clone()),
        ("is now", place.or_else(|| Some("gone".into()))),
        ("attempt", Some(file.attempt.to_string())),
        ("load", load),
        ("records", (file.records_read > 0).then_some(counts)),
        ("unknown", unknown(file.unknown_fields)),
        ("control file", file.control.as_ref().map(|said| format!("says {said}"))),
        ("same as file", file.duplicate_of.map(|id| id.to_string())),
        ("error", file.error_code.clone()),
        ("message", file.error_message.clone()),
        ("hint", file.error_hint.clone()),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            text += &format!("  {label:<13} {}\n", escape(&value));
        }
    }
    text
}

fn unknown(members: i64) -> Option<String> {
    let noun = if members == 1 { "member" } else { "members" };
    (members > 0).then(|| format!("{} {noun} that the schema does not have", count(members)))
}

fn to_json(story: &Story) -> Value {
    let Story { file, events, load, data_files, causes, place } = story;
    let mut whole = file_json(file);
    let event = |event: &FileEventRow| {
        json!({
            "created_at": time(event.created_at),
            "from_state": event.from_state.map(FileState::as_str),
            "to_state": event.to_state.as_str(),
            "attempt": event.attempt,
            "load_id": event.load_id,
            "code": event.code,
            "message": event.message,
        })
    };
    let data_file = |file: &DataFileRow| {
        json!({
            "path": file.path,
            "partition_value": file.partition_value,
            "rows": file.rows,
            "bytes": file.bytes,
            "state": file.state.as_str(),
        })
    };
    whole["path"] = json!(place.as_ref().map(|(path, _)| path));
    whole["exists"] = json!(place.as_ref().is_some_and(|(_, there)| *there));
    whole["events"] = events.iter().map(event).collect();
    whole["load"] = json!(load.as_ref().map(|load| {
        json!({
            "id": load.id,
            "table_name": load.table_name,
            "schema_version": load.schema_version,
            "state": load.state.as_str(),
            "commit_seq": load.commit_seq,
            "committed_at": load.committed_at.map(time),
        })
    }));
    whole["data_files"] = data_files.iter().map(data_file).collect();
    whole["reject_causes"] = causes.iter().map(crate::cli::rejects::cause_json).collect();
    whole
}
