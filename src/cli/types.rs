//! `lakegate types`: which files are loaded, under which schema.

mod add;
mod infer;
mod list;
mod rejects;
mod show;
mod status;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::{Exit, Failure};
use super::session::Session;
use crate::metadata::Metadata;
use crate::metadata::types::{TypeRow, TypeStatus};

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
