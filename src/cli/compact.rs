//! `lakegate compact`: few large data files out of many small ones.

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, Failure};
use super::output::{print, print_json};
use super::session::{Session, by_kind};
use super::table::{Columns, bytes, count, plural};
use super::terminal::Terminal;
use crate::app::App;
use crate::compact::{CompactError, Eagerness, PartitionReport, TableReport};
use crate::metadata::Kind;
use crate::printable::escape_lines;

/// `lakegate compact`
#[derive(Debug, Args)]
#[command(after_help = "\
Data files of a partition that are smaller than half of the target become one. The target is
compact.target_file_mb, or target_file_mb of the type. Rows, their order and all that queries
see stay the same; the new files are read again and compared before the old ones go. Safe while
a daemon runs, which does the same by itself.

Examples:
  lakegate compact --dry-run
  lakegate compact vehicle_events
  lakegate compact --json | jq '.tables[].partitions[]'")]
pub struct CompactArgs {
    /// Only this table [default: all tables]
    #[arg(value_name = "TABLE")]
    table: Option<String>,
    /// Say what would be merged, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: CompactArgs, session: Session) -> Result<Exit, Failure> {
    let CompactArgs { table, dry_run, json } = args;
    session.say_remarks();
    let terminal = session.terminal.clone();
    let app = App::open(session.settings).await?;
    let tables = match table {
        Some(table) => vec![table],
        None => app.compactor.tables().await?,
    };
    let reports = match dry_run {
        true => look(&app, &tables).await?,
        false => {
            app.resume().await?;
            merge(&app, &tables, &terminal).await?
        }
    };
    if json {
        print_json(&to_json(&reports, dry_run))?;
    } else {
        print(&to_text(&reports, dry_run, &terminal))?;
    }
    tell_problems(&reports, &terminal);
    Ok(reports.iter().map(exit_of).max().unwrap_or(Exit::Done))
}

async fn look(app: &App, tables: &[String]) -> Result<Vec<TableReport>, Failure> {
    let mut reports = Vec::new();
    for table in tables {
        reports.push(app.compactor.look(table, Eagerness::Asked).await?);
    }
    Ok(reports)
}

async fn merge(app: &App, tables: &[String], terminal: &Terminal) -> Result<Vec<TableReport>, Failure> {
    let stop = stop_on_interrupt();
    let bar = terminal.progress(0, "files merged");
    let mut reports = Vec::new();
    for table in tables {
        bar.set_message(table.clone());
        let told = |merge: &crate::compact::Merge| bar.inc(merge.files_before as u64);
        reports.push(app.compactor.compact(table, Eagerness::Asked, &stop, told).await?);
    }
    bar.finish_and_clear();
    Ok(reports)
}

/// Ctrl-C gives up the merge that is under way and keeps those that are done.
fn stop_on_interrupt() -> CancellationToken {
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    stop
}

fn exit_of(report: &TableReport) -> Exit {
    let failed = report.failures.iter().map(|(_, error)| match error.kind() {
        Kind::Transient => Exit::Unavailable,
        Kind::User => Exit::Usage,
        Kind::Conflict | Kind::Data | Kind::Internal => Exit::SomeFailed,
    });
    // Somebody else at work is no failure; to be interrupted is one.
    let stopped = matches!(report.left, Some(CompactError::Stopped)).then_some(Exit::SomeFailed);
    failed.chain(stopped).max().unwrap_or(Exit::Done)
}

fn to_text(reports: &[TableReport], dry_run: bool, terminal: &Terminal) -> String {
    if reports.iter().all(|report| report.partitions.is_empty()) {
        if reports.iter().all(|report| report.failures.is_empty() && report.left.is_none()) {
            terminal.say("nothing to do: no partition has several small data files\n");
        }
        return String::new();
    }
    let header: &[&str] = match dry_run {
        true => &["table", "partition", "files", "would be", "size", "rows"],
        false => &["table", "partition", "files", "now", "size", "now", "rows"],
    };
    let mut table = Columns::new(terminal, header);
    for report in reports {
        for partition in &report.partitions {
            table.row(cells(&report.table, partition));
        }
    }
    let numbers: Vec<usize> = (2..header.len()).collect();
    table.right(&numbers).render() + &total(reports, dry_run)
}

fn cells(table: &str, report: &PartitionReport) -> Vec<String> {
    let PartitionReport { partition, files_before, files_after, bytes_before, bytes_after, rows, .. } =
        report;
    let mut cells = vec![
        table.to_owned(),
        partition.clone().unwrap_or_default(),
        count(*files_before as u64),
        count(*files_after as u64),
        bytes(*bytes_before),
    ];
    cells.extend(bytes_after.map(bytes));
    cells.push(count(*rows));
    cells
}

fn total(reports: &[TableReport], dry_run: bool) -> String {
    let partitions = || reports.iter().flat_map(|report| &report.partitions);
    let sum = |part: fn(&PartitionReport) -> usize| partitions().map(part).sum::<usize>() as u64;
    let files = (sum(|report| report.files_before), sum(|report| report.files_after));
    let verb = if dry_run { "would become" } else { "became" };
    let places = plural(partitions().count() as u64, "partition");
    format!("\n{} of {places} {verb} {}\n", plural(files.0, "file"), count(files.1))
}

/// Messages and hints are sentences: they do not fit into a table.
fn tell_problems(reports: &[TableReport], terminal: &Terminal) {
    for report in reports {
        for (folder, error) in &report.failures {
            terminal.say(&format!("{}: {}\n", escape_lines(folder), escape_lines(&error.whole_message())));
            if let Some(hint) = error.hint() {
                terminal.say(&format!("  hint: {}\n", escape_lines(&hint)));
            }
        }
        if let Some(left) = &report.left {
            let what = escape_lines(&left.whole_message()).into_owned();
            terminal
                .say(&format!("{}: some files are left as they were: {what}\n", escape_lines(&report.table)));
        }
    }
}

fn to_json(reports: &[TableReport], dry_run: bool) -> Value {
    let partition = |report: &PartitionReport| {
        let PartitionReport {
            partition,
            folder,
            files_before,
            files_after,
            bytes_before,
            bytes_after,
            rows,
            load_ids,
        } = report;
        json!({
            "partition": partition,
            "folder": folder,
            "files_before": files_before,
            "files_after": files_after,
            "bytes_before": bytes_before,
            "bytes_after": bytes_after,
            "rows": rows,
            "load_ids": load_ids,
        })
    };
    let failure = |(folder, error): &(String, CompactError)| {
        let problem = error.problem();
        json!({
            "folder": folder,
            "error_code": problem.code,
            "error_message": problem.message,
            "error_hint": problem.hint,
        })
    };
    let table = |report: &TableReport| {
        json!({
            "table": report.table,
            "partitions": report.partitions.iter().map(partition).collect::<Vec<_>>(),
            "failures": report.failures.iter().map(failure).collect::<Vec<_>>(),
            "left": report.left.as_ref().map(CompactError::whole_message),
        })
    };
    json!({ "dry_run": dry_run, "tables": reports.iter().map(table).collect::<Vec<_>>() })
}

impl From<CompactError> for Failure {
    fn from(error: CompactError) -> Self {
        by_kind(&error, error.kind(), error.hint().as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(bytes_after: Option<u64>) -> TableReport {
        let partition = PartitionReport {
            partition: Some("2026-03-01".into()),
            folder: "raw_data/orders/date=2026-03-01".into(),
            files_before: 1_200,
            files_after: 1,
            bytes_before: 5 << 20,
            bytes_after,
            rows: 120_000,
            load_ids: vec![7],
        };
        TableReport { table: "orders".into(), partitions: vec![partition], ..TableReport::default() }
    }

    #[test]
    fn the_table_says_what_was_or_would_be() {
        let nobody = Terminal::of_nobody();
        insta::assert_snapshot!(to_text(&[report(Some(1 << 20))], false, &nobody), @r"
table   partition   files  now     size      now     rows
orders  2026-03-01  1,200    1  5.0 MiB  1.0 MiB  120,000

1,200 files of 1 partition became 1
");
        insta::assert_snapshot!(to_text(&[report(None)], true, &nobody), @r"
table   partition   files  would be     size     rows
orders  2026-03-01  1,200         1  5.0 MiB  120,000

1,200 files of 1 partition would become 1
");
    }

    #[test]
    fn others_at_work_are_no_failure() {
        let left = |left| exit_of(&TableReport { left: Some(left), ..TableReport::default() });
        assert_eq!(left(CompactError::Busy { table: "t".into() }), Exit::Done);
        assert_eq!(left(CompactError::Stopped), Exit::SomeFailed);
        let failures = vec![("f".into(), CompactError::Differs { rows_read: 2, rows_written: 1 })];
        assert_eq!(exit_of(&TableReport { failures, ..TableReport::default() }), Exit::SomeFailed);
    }
}
