//! `lakegate types add`: everything is checked before anything is written.

use std::io::Read;
use std::path::Path;

use regex::Regex;

use super::AddArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::metadata::types::{Author, NewType, TypeStatus};
use crate::schema::definition;
use crate::schema::processing_config::ProcessingConfig;

pub(super) async fn run(args: AddArgs, session: &Session) -> Result<Exit, Failure> {
    let definition = read(&args.schema)?;
    let new = check(args, definition)?;
    let metadata = session.metadata().await?;
    let Some(row) = metadata.register_type(&new).await? else {
        return Err(Failure::new(Exit::Usage, format!("the type {} is already registered", new.file_type))
            .hint("change it with SQL, for instance: UPDATE table_metadata SET schema_definition = '…'"));
    };
    let mut told = format!("{} is registered and {}; table {}", row.file_type, row.status, row.table_name);
    if row.table_name != new.table_name {
        told += &format!(" ({} was taken)", new.table_name);
    }
    session.terminal.say(&format!("{told}\n"));
    Ok(Exit::Done)
}

pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|cause| Failure::because(Exit::Usage, format!("cannot read {}", path.display()), &cause))
}

fn check(args: AddArgs, schema_definition: String) -> Result<NewType, Failure> {
    let AddArgs { name, schema, table, processing_config, pattern, partition_column, description, inactive } =
        args;
    let table_name = table.unwrap_or_else(|| name.clone());
    for text in [&name, &table_name] {
        if !is_key(text) {
            return Err(Failure::new(Exit::Usage, format!("{text:?} cannot be a type or a table"))
                .hint("begin with a letter; a to z, digits and _ only; at most 63 characters"));
        }
    }
    let refused = |what: String, cause: &dyn std::error::Error| Failure::because(Exit::Usage, what, cause);
    let compiled = definition::compile(&schema_definition)
        .map_err(|cause| refused(format!("{} is no usable schema", schema.display()), &cause))?;
    ProcessingConfig::parse(&processing_config)
        .and_then(|parsed| parsed.check(&compiled, &partition_column))
        .map_err(|cause| refused("the processing config is not usable".into(), &cause))?;
    if let Some(pattern) = &pattern {
        Regex::new(pattern)
            .map_err(|cause| refused("the pattern is no regular expression".into(), &cause))?;
    }
    let status = if inactive { TypeStatus::Inactive } else { TypeStatus::Active };
    Ok(NewType {
        table_name,
        file_type: name,
        status,
        schema_definition,
        processing_config,
        partition_column,
        description,
        file_pattern: pattern,
        author: Author::Operator,
    })
}

fn is_key(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
