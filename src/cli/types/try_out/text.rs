//! What a dry run found, for people.

use super::results::{FileResult, RejectedResult, Results};
use crate::cli::rejects::remarks_of;
use crate::cli::session::Session;
use crate::cli::table::{Columns, count, plural};
use crate::metadata::types::TypeStatus;
use crate::printable::{escape, escape_lines, shorten};
use crate::trial::{Cause, Tried};

pub(super) fn of(results: &Results, session: &Session) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !results.changes.is_empty() {
        let lines: String =
            results.changes.iter().map(|line| format!("  {}\n", escape_lines(line))).collect();
        parts.push(format!("With this schema:\n{lines}"));
    }
    parts.extend(results.files.iter().map(|file| file_text(file, session)));
    parts.extend(results.rejected.iter().map(rejected_text));
    parts.join("\n")
}

fn file_text(file: &FileResult, session: &Session) -> String {
    let name = escape(&file.name);
    let tried = match &file.result {
        Err(why) => return format!("{name} cannot be tried: {}\n", escape_lines(why)),
        Ok(tried) => tried,
    };
    let kind = file.file_type.as_deref().unwrap_or("?");
    let under = match (file.schema_version, file.is_new_type) {
        (Some(version), _) => format!("{kind}, version {version} of its schema"),
        (None, true) => format!("{kind}, which is not registered yet"),
        (None, false) => format!("{kind}, under the schema that is tried"),
    };
    let mut text = format!("{name}: {under}\n  would be {}", file.would_be());
    if let Some(of) = file.duplicate_of {
        text += &format!(": the same bytes as file {of}; no row would be added");
    }
    if let Some(problem) = &tried.failure {
        text += &format!(": {}: {}", problem.code, escape_lines(&problem.message));
    }
    text += &format!(
        "\n  {} read = {} written + {} rejected{}\n",
        count(tried.read),
        count(tried.written),
        count(tried.rejected),
        if tried.deduplicated > 0 {
            format!(" + {} deduplicated", count(tried.deduplicated))
        } else {
            String::new()
        }
    );
    if file.status != TypeStatus::Active {
        text += &format!("  the type is {}: its files wait until it is activated\n", file.status);
    }
    text += &partitions(tried, session);
    text += &drift(file, tried, session);
    text + &causes(&tried.causes, session)
}

fn partitions(tried: &Tried, session: &Session) -> String {
    if tried.partitions.is_empty() {
        return String::new();
    }
    let mut table = Columns::new(&session.terminal, &["  partition", "rows"]);
    for (value, rows) in &tried.partitions {
        table.row([format!("  {}", value.as_deref().unwrap_or("(none)")), count(*rows)]);
    }
    format!("\n{}", table.right(&[1]).render())
}

fn drift(file: &FileResult, tried: &Tried, session: &Session) -> String {
    if tried.drift.is_empty() {
        return String::new();
    }
    let mut table =
        Columns::new(&session.terminal, &["  field", "has", "in the schema", "found", "records", "then"]);
    for field in &tried.drift {
        table.row([
            format!("  {}", field.place),
            field.kind.to_string(),
            field.declared.clone().unwrap_or_else(|| "-".into()),
            field.found.as_ref().map_or_else(|| "-".into(), |kind| kind.name()),
            count(field.records),
            file.then(tried, field),
        ]);
    }
    let mut text = format!("\n{}", table.right(&[4]).render());
    if let Some(why) = &tried.not_added {
        text += &format!("  the schema would not evolve: {}\n", escape_lines(why));
    }
    text
}

fn causes(causes: &[Cause], session: &Session) -> String {
    if causes.is_empty() {
        return String::new();
    }
    let mut table =
        Columns::new(&session.terminal, &["  rejected", "rule", "record", "byte", "for instance"]);
    for cause in causes {
        for (at, example) in cause.examples.iter().enumerate() {
            table.row([
                if at == 0 { format!("  {}", count(cause.records)) } else { String::new() },
                if at == 0 { cause.rule.clone() } else { String::new() },
                count(example.record),
                count(example.offset),
                shorten(&example.message, 100),
            ]);
        }
    }
    format!("\n{}", table.right(&[2, 3]).render())
}

fn rejected_text(rejected: &RejectedResult) -> String {
    let kind = escape(&rejected.file_type);
    let report = match &rejected.result {
        Err(why) => return format!("rejected records of {kind} cannot be tried: {}\n", escape_lines(why)),
        Ok(report) => report,
    };
    let mut text = format!(
        "{kind}: of {}, {} would be accepted and {} rejected again\n",
        plural(report.tried, "rejected record"),
        count(report.valid),
        count(report.refused())
    );
    for remark in remarks_of(report) {
        text += &format!("  {remark}");
    }
    text
}
