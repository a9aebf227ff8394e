//! `lakegate types`: which files are loaded, under which schema.

mod add;
mod drift;
mod infer;
mod list;
mod promote;
mod rejects;
mod show;
mod status;
mod try_out;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::{Exit, Failure};
use super::session::Session;
use crate::metadata::Metadata;
use crate::metadata::types::{TypeRow, TypeStatus};
use crate::promote::Wish;

#[derive(Debug, Subcommand)]
pub enum TypesCommand {
    /// Every type, its state and what waits for it
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// A type's columns, settings, history, and the SQL that recreates it
    #[command(after_help = "Example:\n  lakegate types show vehicle_events")]
    Show {
        /// File type or table name
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Register a type
    Add(AddArgs),
    /// Load files of these types, those that wait included
    #[command(after_help = "Example:\n  lakegate types activate orders customers")]
    Activate {
        #[arg(required = true, value_name = "TYPE")]
        names: Vec<String>,
    },
    /// Let files of these types wait
    Deactivate {
        #[arg(required = true, value_name = "TYPE")]
        names: Vec<String>,
    },
    /// Let files of these types wait for a while
    Pause {
        #[arg(required = true, value_name = "TYPE")]
        names: Vec<String>,
    },
    /// Fields that appear, vanish or change their type, and the SQL that accepts them
    #[command(after_help = "\
The statement takes effect only while the schema is the one that it was made from. A field that nobody wants:
  lakegate sql \"UPDATE schema_drift SET status = 'dismissed' WHERE field = '/debug'\"

Examples:
  lakegate types drift
  lakegate types drift orders --field /id
  lakegate types drift orders --json | jq -r '.[].sql'")]
    Drift {
        /// File type or table name
        #[arg(value_name = "TYPE")]
        name: Option<String>,
        /// Only this field, with the SQL that accepts it whatever it takes
        #[arg(long, value_name = "POINTER")]
        field: Option<String>,
        /// Also what was accepted, has ended or was dismissed
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a column of a field that was kept in _rescued, and fill it for the rows that are there
    #[command(after_help = "\
The schema gets the field if it does not have it. Values that do not fit stay in _rescued and are counted.

Examples:
  lakegate types promote orders coupon
  lakegate types promote orders customer.vip --type boolean
  lakegate types promote orders /odd.key")]
    Promote {
        /// Table name or file type
        table: String,
        /// A key, a dotted way to a nested one, or a JSON pointer
        field: String,
        /// Its type [default: what all its values are]
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what loading would do; nothing is written
    Try(try_out::TryArgs),
    /// Print the schema that a file's records have, without registering anything
    #[command(after_help = "\
Examples:
  lakegate types infer orders_20220606.json > orders.schema.json
  lakegate types add orders --schema orders.schema.json")]
    Infer { file: PathBuf },
}

/// `lakegate types add`
#[derive(Debug, Args)]
#[command(after_help = "\
The schema is either {\"fields\": [{\"name\": \"id\", \"type\": \"long\", \"nullable\": false}, …]} or a JSON Schema.

Examples:
  lakegate types add orders --schema orders.schema.json
  lakegate types add orders --schema orders.schema.json --processing-config '{\"dedupe\": true}'
  lakegate types infer sample.json | lakegate types add orders --schema -")]
pub struct AddArgs {
    /// The type key: a to z, digits and _, as in the names of its files
    #[arg(value_name = "TYPE")]
    name: String,
    /// The schema definition; - reads standard input
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// The table's name [default: TYPE]
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Write mode, partitions, limits and so on
    #[arg(long, value_name = "JSON", default_value = "{}")]
    processing_config: String,
    /// Files whose names match this regular expression belong to the type
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
    /// The partition column
    #[arg(long, value_name = "COLUMN", default_value = "date")]
    partition_column: String,
    /// What the type is, for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Register only; files wait until it is activated
    #[arg(long)]
    inactive: bool,
}

pub async fn run(command: TypesCommand, session: &Session) -> Result<Exit, Failure> {
    match command {
        TypesCommand::List { json } => list::run(json, session).await,
        TypesCommand::Show { name, json } => show::run(&name, json, session).await,
        TypesCommand::Add(args) => add::run(args, session).await,
        TypesCommand::Activate { names } => status::run(&names, TypeStatus::Active, session).await,
        TypesCommand::Deactivate { names } => status::run(&names, TypeStatus::Inactive, session).await,
        TypesCommand::Pause { names } => status::run(&names, TypeStatus::Paused, session).await,
        TypesCommand::Drift { name, field, all, json } => {
            let wanted = drift::Wanted { name: name.as_deref(), field: field.as_deref(), all };
            drift::run(wanted, json, session).await
        }
        TypesCommand::Promote { table, field, kind, json } => {
            let wish = Wish { table, field, kind };
            promote::run(wish, json, session).await
        }
        TypesCommand::Try(args) => try_out::run(args, session).await,
        TypesCommand::Infer { file } => infer::run(&file, &session.terminal),
    }
}

/// The type that a person means by its key or its table.
async fn find(metadata: &Metadata, name: &str) -> Result<TypeRow, Failure> {
    if let Some(row) = metadata.type_by(name).await? {
        return Ok(row);
    }
    let known: Vec<String> = metadata.types().await?.into_iter().map(|row| row.file_type).collect();
    Err(unknown("type", name, known.iter().map(String::as_str)))
}

/// "There is no such …", with the nearest name that there is.
pub(super) fn unknown<'n>(noun: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("there is no {noun} {name:?}"));
    let near = known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3);
    match near {
        Some((_, near)) => failure.hint(format!("did you mean {near}?")),
        None => failure.hint(format!("`lakegate {noun}s list` shows what there is")),
    }
}
