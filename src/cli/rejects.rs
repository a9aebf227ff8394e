//! `lakegate rejects`: what was refused, cause by cause, down to the exact text; and how it is loaded after all.

mod replay;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::files;
use super::output::{print, print_json, time};
use super::session::Session;
use super::table::{Columns, count, plural};
use crate::metadata::Metadata;
use crate::metadata::rejects::{RejectCause, RejectFilter, RejectRow};
use crate::printable::{escape, escape_lines, shorten};
pub(super) use replay::{remarks_of, report_json};

#[derive(Debug, Subcommand)]
pub enum RejectsCommand {
    /// Causes, the most frequent first
    #[command(after_help = "\
Examples:
  lakegate rejects list
  lakegate rejects list --type orders --json")]
    List {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refused records: source text, position, rule, message
    #[command(after_help = "\
Examples:
  lakegate rejects show 42
  lakegate rejects show --cause 5f0e1a2b3c4d5e6f --limit 3
  lakegate rejects show --file orders_20220606.json --json | jq -r '.[].raw'")]
    Show {
        /// One record, by its number
        #[arg(required_unless_present_any = ["cause", "file", "file_type"])]
        id: Option<i64>,
        /// Records refused for this cause (from `rejects list`)
        #[arg(long, value_name = "CAUSE")]
        cause: Option<String>,
        #[command(flatten)]
        which: Which,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Judge refused records again and load those that are valid now
    #[command(after_help = "\
After a change of the schema, or with a repaired record:
  lakegate sql \"UPDATE rejects SET fixed = '{\\\"id\\\": 4}' WHERE id = 42\"
Records are loaded as if they had come with their files, each once, in one commit. What still fails stays open
with its new reason.

Examples:
  lakegate rejects replay --dry-run
  lakegate rejects replay --type orders
  lakegate rejects replay --cause 5f0e1a2b3c4d5e6f
  lakegate rejects replay --file orders_20220606.json --json")]
    Replay {
        /// Only records refused for this cause (from `rejects list`)
        #[arg(long, value_name = "CAUSE")]
        cause: Option<String>,
        #[command(flatten)]
        which: Which,
        /// Say what would be loaded, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which rejects to look at.
#[derive(Debug, Args)]
pub struct Which {
    /// Only records of this type
    #[arg(long = "type", value_name = "TYPE")]
    file_type: Option<String>,
    /// Only records of this file
    #[arg(long, value_name = "ID|NAME")]
    file: Option<String>,
}

impl Which {
    async fn filter(self, metadata: &Metadata) -> Result<RejectFilter, Failure> {
        let file_id = match self.file {
            Some(file) => Some(files::find(metadata, &file).await?.id),
            None => None,
        };
        Ok(RejectFilter { file_type: self.file_type, file_id, ..RejectFilter::default() })
    }
}

pub async fn run(command: RejectsCommand, session: Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    match command {
        RejectsCommand::List { which, json } => {
            let filter = which.filter(&metadata).await?;
            let causes = metadata.reject_causes(&filter).await?;
            if json {
                print_json(&causes.iter().map(cause_json).collect())?;
            } else {
                print(&causes_text(&causes, &session))?;
            }
        }
        RejectsCommand::Show { id, cause, which, limit, json } => {
            let rows = match id {
                Some(id) => vec![one(&metadata, id).await?],
                None => {
                    let filter = which.filter(&metadata).await?;
                    metadata.reject_rows(&RejectFilter { fingerprint: cause, limit, ..filter }).await?
                }
            };
            if json {
                print_json(&rows.iter().map(row_json).collect())?;
            } else {
                print(&rows.iter().map(row_text).collect::<Vec<_>>().join("\n"))?;
            }
        }
        RejectsCommand::Replay { cause, which, dry_run, json } => {
            let filter = RejectFilter { fingerprint: cause, ..which.filter(&metadata).await? };
            return replay::run(&filter, dry_run, json, session).await;
        }
    }
    Ok(Exit::Done)
}

async fn one(metadata: &Metadata, id: i64) -> Result<RejectRow, Failure> {
    metadata.reject(id).await?.ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no rejected record {id}"))
            .hint("`lakegate rejects list` shows the causes, `rejects show --cause CAUSE` the records")
    })
}

fn causes_text(causes: &[RejectCause], session: &Session) -> String {
    if causes.is_empty() {
        session.terminal.say("nothing was rejected\n");
    }
    let header = ["cause", "records", "files", "repaired", "type", "rule", "at", "for instance", "last"];
    let mut table = Columns::new(&session.terminal, &header);
    for cause in causes {
        table.row([
            cause.fingerprint.clone(),
            count(cause.rejects),
            count(cause.files),
            count(cause.repaired),
            cause.file_type.clone(),
            cause.rule.clone(),
            cause.pointer.clone(),
            shorten(&cause.message, 100),
            time(cause.last_at),
        ]);
    }
    summary(causes) + &table.right(&[1, 2, 3]).render()
}

/// The whole list in a sentence, where it says more than the table.
fn summary(causes: &[RejectCause]) -> String {
    let records = plural(causes.iter().map(|cause| cause.rejects.unsigned_abs()).sum(), "record");
    match causes {
        [] => String::new(),
        [one] => format!("{records}, one cause: {}\n\n", escape(&one.message)),
        [first, ..] => {
            let (most, message) = (count(first.rejects), escape(&first.message));
            format!("{records}, {} causes; {most} of them: {message}\n\n", count(causes.len()))
        }
    }
}

fn row_text(row: &RejectRow) -> String {
    let mut text = format!(
        "reject {}: file {}, record {}, byte {}\n",
        row.id, row.file_id, row.record_number, row.byte_offset
    );
    let replayed = row.replay_load_id.map(|load| format!("load {load}"));
    let lines = [
        ("type", Some(row.file_type.as_str())),
        ("rule", Some(row.rule.as_str())),
        ("at", Some(row.pointer.as_str()).filter(|pointer| !pointer.is_empty())),
        ("value", row.value.as_deref()),
        ("message", Some(row.message.as_str())),
        ("cause", Some(row.fingerprint.as_str())),
        ("status", Some(row.status.as_str())),
        ("loaded by", replayed.as_deref()),
        ("source is", Some(row.raw_encoding.as_str()).filter(|encoding| *encoding != "text")),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            text += &format!("  {label:<10} {}\n", escape(value));
        }
    }
    text += &format!("{}\n", escape_lines(&row.raw));
    match &row.fixed {
        Some(fixed) => text + &format!("  repaired\n{}\n", escape_lines(fixed)),
        None => text,
    }
}

/// A cause as `--json` prints it.
pub(super) fn cause_json(cause: &RejectCause) -> Value {
    json!({
        "fingerprint": cause.fingerprint,
        "rejects": cause.rejects,
        "files": cause.files,
        "repaired": cause.repaired,
        "file_type": cause.file_type,
        "rule": cause.rule,
        "pointer": cause.pointer,
        "message": cause.message,
        "first_at": time(cause.first_at),
        "last_at": time(cause.last_at),
    })
}

/// A rejected record under the names of the ledger's columns.
fn row_json(row: &RejectRow) -> Value {
    json!({
        "id": row.id,
        "file_id": row.file_id,
        "load_id": row.load_id,
        "file_type": row.file_type,
        "record_number": row.record_number,
        "byte_offset": row.byte_offset,
        "raw": row.raw,
        "raw_encoding": row.raw_encoding.as_str(),
        "pointer": row.pointer,
        "rule": row.rule,
        "value": row.value,
        "message": row.message,
        "fingerprint": row.fingerprint,
        "status": row.status.as_str(),
        "fixed": row.fixed,
        "replay_load_id": row.replay_load_id,
        "created_at": time(row.created_at),
    })
}
