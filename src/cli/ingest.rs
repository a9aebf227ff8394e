//! `lakegate ingest`: one pass over `incoming/`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output::{print, print_json};
use super::session::Session;
use super::table::{Columns, count, plural};
use super::terminal::Terminal;
use crate::alerts::Channels;
use crate::app::{App, Delivered, PassReport, Progress};
use crate::ingest::FileStory;
use crate::metadata::files::FileState;
use crate::printable::escape_lines;

/// `lakegate ingest`
#[derive(Debug, Args)]
#[command(after_help = "\
Files of unknown or inactive types stay in incoming/ and are listed as waiting.

Examples:
  lakegate ingest
  lakegate ingest ~/Downloads/orders_20220606.json
  lakegate ingest --json | jq '.files[] | select(.state == \"failed\")'")]
pub struct IngestArgs {
    /// Copied into incoming/ first; the originals stay where they are
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: IngestArgs, session: Session) -> Result<Exit, Failure> {
    let IngestArgs { files, json } = args;
    files.iter().try_for_each(|file| check(file))?;
    session.say_remarks();
    let terminal = session.terminal.clone();
    // Who runs this sees what the log would say.
    let channels = Channels::open(&session.settings)?.without_log();
    let app = App::open(session.settings).await?;
    let delivered = app.copy_in(&files).await?;
    let report = pass(&app, &delivered, &terminal).await?;
    if json {
        print_json(&to_json(&report))?;
    } else {
        print(&to_text(&report, &terminal))?;
        tell_problems(&report, &terminal);
    }
    app.tell_alerts(channels).await;
    let failed = report.files.iter().any(|file| file.state == FileState::Failed);
    Ok(if failed { Exit::SomeFailed } else { Exit::Done })
}

fn check(file: &Path) -> Result<(), Failure> {
    let told = format!("cannot read {}", file.display());
    match std::fs::metadata(file) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(Failure::new(Exit::Usage, format!("{} is not a file", file.display()))),
        Err(cause) => Err(Failure::because(Exit::Usage, told, &cause)),
    }
}

async fn pass(app: &App, delivered: &Delivered, terminal: &Terminal) -> Result<PassReport, Failure> {
    let bar = terminal.progress(0, "files");
    let report = app
        .ingest_once(delivered, |progress: Progress| {
            bar.set_position(progress.files);
            bar.set_message(plural(progress.records, "record"));
        })
        .await;
    bar.finish_and_clear();
    Ok(report?)
}

fn to_text(report: &PassReport, terminal: &Terminal) -> String {
    if report.files.is_empty() {
        terminal.say("nothing to do: incoming/ is empty\n");
        return String::new();
    }
    // Few types leave duplicates of a key out; then the numbers must still add up before the reader's eyes.
    let deduplicated = report.files.iter().any(|file| file.records_deduplicated > 0);
    let mut header = vec!["file", "type", "state", "read", "written", "rejected", "why"];
    if deduplicated {
        header.insert(6, "deduplicated");
    }
    let mut table = Columns::new(terminal, &header);
    for file in &report.files {
        let mut row = vec![
            file.name.clone(),
            file.file_type.clone().unwrap_or_default(),
            file.state.to_string(),
            count(file.records_read),
            count(file.records_written),
            count(file.records_rejected),
            file.code.clone().unwrap_or_default(),
        ];
        if deduplicated {
            row.insert(6, count(file.records_deduplicated));
        }
        table.row(row);
    }
    table.right(if deduplicated { &[3, 4, 5, 6] } else { &[3, 4, 5] }).render()
}

/// Messages and hints are sentences: they do not fit into a table.
fn tell_problems(report: &PassReport, terminal: &Terminal) {
    for file in &report.files {
        if let Some(message) = &file.message {
            terminal.say(&format!("{}: {}\n", escape_lines(&file.name), escape_lines(message)));
        }
        if let Some(hint) = &file.hint {
            terminal.say(&format!("  hint: {}\n", escape_lines(hint)));
        }
    }
}

fn to_json(report: &PassReport) -> Value {
    let file = |file: &FileStory| {
        json!({
            "id": file.id,
            "name": file.name,
            "file_type": file.file_type,
            "state": file.state.as_str(),
            "records_read": file.records_read,
            "records_written": file.records_written,
            "records_rejected": file.records_rejected,
            "records_deduplicated": file.records_deduplicated,
            "path": file.path,
            "error_code": file.code,
            "error_message": file.message,
            "error_hint": file.hint,
        })
    };
    let sum = |part: fn(&FileStory) -> i64| report.files.iter().map(part).sum::<i64>();
    json!({
        "files": report.files.iter().map(file).collect::<Vec<_>>(),
        "records_read": sum(|file| file.records_read),
        "records_written": sum(|file| file.records_written),
        "records_rejected": sum(|file| file.records_rejected),
        "records_deduplicated": sum(|file| file.records_deduplicated),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(deduplicated: i64) -> FileStory {
        FileStory {
            id: 1,
            name: "customers_20260301.ndjson".into(),
            file_type: Some("customers".into()),
            state: FileState::Processed,
            records_read: 3,
            records_written: 3 - deduplicated,
            records_rejected: 0,
            records_deduplicated: deduplicated,
            code: None,
            message: None,
            hint: None,
            path: None,
        }
    }

    #[test]
    fn the_numbers_of_a_file_add_up_before_the_reader_s_eyes() {
        let text =
            |deduplicated| to_text(&PassReport { files: vec![story(deduplicated)] }, &Terminal::of_nobody());
        assert!(!text(0).contains("deduplicated"));
        insta::assert_snapshot!(text(1), @r"
        file                       type       state      read  written  rejected  deduplicated  why
        customers_20260301.ndjson  customers  processed     3        2         0             1
        ");
    }
}
