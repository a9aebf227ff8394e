//! `lakegate types drift`: how records and schemas part, and what would bring them together.

use serde_json::{Value, json};

use super::find;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json, time};
use crate::cli::session::Session;
use crate::cli::table::{Columns, count};
use crate::drift::proposal::{self, Proposal};
use crate::metadata::Metadata;
use crate::metadata::drift::{DriftKind, DriftRow, DriftStatus};
use crate::metadata::types::TypeRow;
use crate::printable::{escape, escape_lines};
use crate::schema::definition;
use crate::schema::processing_config::ProcessingConfig;

/// One type with its drift.
struct TypeDrift {
    /// `None` for a type that was deleted.
    row: Option<TypeRow>,
    drift: Vec<(DriftRow, Proposal)>,
}

/// What to show.
pub(super) struct Wanted<'a> {
    pub name: Option<&'a str>,
    /// One field, in all types.
    pub field: Option<&'a str>,
    /// Also what is over.
    pub all: bool,
}

pub(super) async fn run(wanted: Wanted<'_>, json: bool, session: &Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let types = gather(&metadata, &wanted).await?;
    if json {
        print_json(&types.iter().flat_map(to_json).collect())?;
        return Ok(Exit::Done);
    }
    if types.is_empty() {
        session.terminal.say("no drift: the records that came go with their schemas\n");
    }
    let texts: Vec<String> =
        types.iter().map(|found| to_text(found, wanted.field.is_some(), session)).collect();
    print(&texts.join("\n"))?;
    Ok(Exit::Done)
}

async fn gather(metadata: &Metadata, wanted: &Wanted<'_>) -> Result<Vec<TypeDrift>, Failure> {
    let only = match wanted.name {
        Some(name) => Some(find(metadata, name).await?.file_type),
        None => None,
    };
    let mut types: Vec<TypeDrift> = Vec::new();
    for drift in metadata.drift(only.as_deref()).await? {
        let is_new = types
            .last()
            .and_then(|last| last.drift.first())
            .is_none_or(|(first, _)| first.file_type != drift.file_type);
        if is_new {
            let row =
                metadata.type_by(&drift.file_type).await?.filter(|row| row.file_type == drift.file_type);
            types.push(TypeDrift { row, drift: Vec::new() });
        }
        let Some(found) = types.last_mut() else { continue };
        let drift = brought_up_to_date(drift, found.row.as_ref());
        let is_wanted = wanted
            .field
            .is_none_or(|field| field.trim_start_matches('/') == drift.field.trim_start_matches('/'));
        if is_wanted && (wanted.all || drift.status == DriftStatus::Open) {
            let proposal = match &found.row {
                Some(row) => proposal::propose(row, &drift, max_columns(row)),
                None => Proposal::nothing("the type was deleted"),
            };
            found.drift.push((drift, proposal));
        }
    }
    types.retain(|found| !found.drift.is_empty());
    Ok(types)
}

/// The schema may have followed since the last load.
fn brought_up_to_date(mut drift: DriftRow, row: Option<&TypeRow>) -> DriftRow {
    let schema = row.and_then(|row| definition::compile(&row.schema_definition).ok());
    if drift.status == DriftStatus::Open && schema.is_some_and(|schema| proposal::is_settled(&drift, &schema))
    {
        drift.status = DriftStatus::Accepted;
    }
    drift
}

fn max_columns(row: &TypeRow) -> usize {
    ProcessingConfig::parse(&row.processing_config).map_or(usize::MAX, |config| config.max_columns)
}

/// With `bold`, changes that give values another kind are part of the statement.
fn to_text(found: &TypeDrift, bold: bool, session: &Session) -> String {
    let header =
        ["type", "field", "has", "in the schema", "found", "records", "share", "first file", "for instance"];
    let mut table = Columns::new(&session.terminal, &header);
    let mut hints = String::new();
    for (drift, proposal) in &found.drift {
        table.row([
            drift.file_type.clone(),
            drift.field.clone(),
            match drift.status {
                DriftStatus::Open => drift.kind.to_string(),
                status => format!("{} ({status})", drift.kind),
            },
            drift.declared_type.clone().unwrap_or_else(|| "-".into()),
            drift.found_type.clone().unwrap_or_else(|| "-".into()),
            count(drift.records),
            share(drift),
            drift.first_file.clone(),
            examples(drift).join(", "),
        ]);
        hints += &format!("  {}: {}\n", escape(&drift.field), escape(&proposal.says));
    }
    let mut text = table.right(&[5, 6]).render() + "\n" + &hints;
    if let Some(row) = &found.row {
        let rows: Vec<DriftRow> =
            found.drift.iter().map(|(drift, _)| drift.clone()).filter(is_open).collect();
        if let Some(definition) = proposal::combined(row, &rows, max_columns(row), bold) {
            let statement = proposal::statement(row, &definition);
            text += &format!("\nThe SQL that accepts it:\n\n{}\n", escape_lines(&statement));
        }
        text += &notes(found, bold, row);
    }
    text
}

/// What the statement leaves out, and what else there is to do.
fn notes(found: &TypeDrift, bold: bool, row: &TypeRow) -> String {
    let open = || found.drift.iter().filter(|(drift, _)| is_open(drift));
    let mut text = String::new();
    if let Some((drift, _)) = open().find(|(_, proposal)| proposal.is_bold && !bold) {
        text += &format!(
            "\nNot in it is what gives values another kind, which a few bad values are no reason for:\n\
             `lakegate types drift {} --field {}` prints it for one field.\n",
            row.file_type,
            escape(&drift.field)
        );
    }
    // Where unknown fields are not kept, the rows that are there have nothing to fill it with.
    let keeps =
        ProcessingConfig::parse(&row.processing_config).is_ok_and(|config| config.on_unknown_field.keeps());
    if let Some((drift, _)) = open().find(|(drift, _)| keeps && drift.kind == DriftKind::Appeared) {
        text += &format!(
            "\n`lakegate types promote {} {}` also fills the column for the rows that are there.\n",
            row.table_name,
            escape(&drift.field)
        );
    }
    text
}

fn is_open(drift: &DriftRow) -> bool {
    drift.status == DriftStatus::Open
}

/// Of the records of the files that show it.
fn share(drift: &DriftRow) -> String {
    let share = drift.records as f64 * 100.0 / drift.records_read.max(1) as f64;
    match share {
        share if share > 0.0 && share < 0.1 => "< 0.1 %".into(),
        share => format!("{share:.1} %"),
    }
}

fn examples(drift: &DriftRow) -> Vec<String> {
    serde_json::from_str(&drift.examples).unwrap_or_default()
}

fn to_json(found: &TypeDrift) -> Vec<Value> {
    let one = |(drift, proposal): &(DriftRow, Proposal)| {
        let sql = match (&found.row, &proposal.definition) {
            (Some(row), Some(definition)) if is_open(drift) => Some(proposal::statement(row, definition)),
            _ => None,
        };
        json!({
            "file_type": drift.file_type,
            "field": drift.field,
            "kind": drift.kind.as_str(),
            "status": drift.status.as_str(),
            "declared_type": drift.declared_type,
            "found_type": drift.found_type,
            "records": drift.records,
            "records_read": drift.records_read,
            "share": drift.records as f64 / drift.records_read.max(1) as f64,
            "files": drift.files,
            "first_file": drift.first_file,
            "first_file_id": drift.first_file_id,
            "last_file": drift.last_file,
            "examples": examples(drift),
            "schema_version": drift.schema_version,
            "first_seen_at": time(drift.first_seen_at),
            "last_seen_at": time(drift.last_seen_at),
            "proposal": proposal.says,
            "sql": sql,
        })
    };
    found.drift.iter().map(one).collect()
}
