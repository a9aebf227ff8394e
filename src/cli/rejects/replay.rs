//! `lakegate rejects replay`: refused records are judged again, and loaded when they are valid now.

use serde_json::{Value, json};

use crate::app::{App, Replayed};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json};
use crate::cli::session::Session;
use crate::cli::table::{Columns, count, plural};
use crate::cli::terminal::Terminal;
use crate::ingest::replay::{Cause, TypeReport};
use crate::metadata::rejects::RejectFilter;
use crate::printable::{escape, escape_lines};

pub(super) async fn run(
    filter: &RejectFilter,
    dry_run: bool,
    json: bool,
    session: Session,
) -> Result<Exit, Failure> {
    session.say_remarks();
    let terminal = session.terminal.clone();
    let app = App::open(session.settings).await?;
    if !dry_run {
        app.resume().await?;
    }
    let replayed = app.replay(filter, dry_run).await?;
    if json {
        print_json(&to_json(&replayed, dry_run))?;
    } else {
        print(&to_text(&replayed, dry_run, &terminal))?;
        remarks(&replayed).iter().for_each(|remark| terminal.say(remark));
    }
    Ok(if replayed.iter().any(is_left) { Exit::SomeFailed } else { Exit::Done })
}

/// True when records of the type are still refused.
fn is_left(replayed: &Replayed) -> bool {
    match replayed {
        Replayed::Tried(report) => report.refused() > 0,
        Replayed::Left { .. } => true,
    }
}

fn reports(replayed: &[Replayed]) -> impl Iterator<Item = &TypeReport> {
    replayed.iter().filter_map(|one| match one {
        Replayed::Tried(report) => Some(report),
        Replayed::Left { .. } => None,
    })
}

fn to_text(replayed: &[Replayed], dry_run: bool, terminal: &Terminal) -> String {
    if reports(replayed).all(|report| report.tried == 0) {
        terminal.say("no record is open that could be tried again\n");
        return String::new();
    }
    let deduplicated = reports(replayed).any(|report| report.deduplicated > 0);
    let loaded = if dry_run { "would load" } else { "loaded" };
    let mut header = vec!["type", "tried", loaded, "still refused", "load"];
    if deduplicated {
        header.insert(3, "deduplicated");
    }
    let mut table = Columns::new(terminal, &header);
    for report in reports(replayed) {
        let loads: Vec<String> = report.load_ids.iter().map(ToString::to_string).collect();
        let mut row = vec![
            report.file_type.clone(),
            count(report.tried),
            count(report.valid - report.deduplicated),
            count(report.refused()),
            loads.join(", "),
        ];
        if deduplicated {
            row.insert(3, count(report.deduplicated));
        }
        table.row(row);
    }
    table.right(if deduplicated { &[1, 2, 3, 4] } else { &[1, 2, 3] }).render()
}

/// What a table does not tell: why records are still refused, and what to do about them.
fn remarks(replayed: &[Replayed]) -> Vec<String> {
    let mut remarks = Vec::new();
    for one in replayed {
        match one {
            Replayed::Left { file_type, why, hint } => {
                remarks.push(format!("{}: {}\n", escape(file_type), escape_lines(why)));
                remarks.extend(hint.iter().map(|hint| format!("  hint: {}\n", escape_lines(hint))));
            }
            Replayed::Tried(report) => remarks.extend(remarks_of(report)),
        }
    }
    remarks
}

/// Why records of a type stay open.
pub(in crate::cli) fn remarks_of(report: &TypeReport) -> Vec<String> {
    let key = escape(&report.file_type);
    let cause = |cause: &Cause| {
        let Cause { fingerprint, records, message } = cause;
        format!("{}: {} [{fingerprint}]\n", plural(*records, "record"), escape(message))
    };
    let mut remarks: Vec<String> = report.causes.iter().map(cause).collect();
    if report.incomplete > 0 {
        remarks.push(format!(
            "{} of type {key} cannot be read again as a whole; write what it should be into `fixed`, as a JSON object, or deliver it anew\n",
            plural(report.incomplete, "record")
        ));
    }
    if report.of_failed_files > 0 {
        remarks.push(format!(
            "{} of files that failed as a whole; `lakegate files retry --type {key}` loads those again\n",
            plural(report.of_failed_files, "record")
        ));
    }
    remarks
}

fn to_json(replayed: &[Replayed], dry_run: bool) -> Value {
    let one = |one: &Replayed| match one {
        Replayed::Tried(report) => report_json(report),
        Replayed::Left { file_type, why, hint } => {
            json!({"file_type": file_type, "left_because": why, "hint": hint})
        }
    };
    json!({"dry_run": dry_run, "types": replayed.iter().map(one).collect::<Vec<_>>()})
}

pub(in crate::cli) fn report_json(report: &TypeReport) -> Value {
    let cause = |cause: &Cause| json!({"fingerprint": cause.fingerprint, "records": cause.records, "message": cause.message});
    json!({
        "file_type": report.file_type,
        "table_name": report.table,
        "load_ids": report.load_ids,
        "tried": report.tried,
        "valid": report.valid,
        "deduplicated": report.deduplicated,
        "still_refused": report.refused(),
        "incomplete": report.incomplete,
        "of_failed_files": report.of_failed_files,
        "causes": report.causes.iter().map(cause).collect::<Vec<_>>(),
    })
}
