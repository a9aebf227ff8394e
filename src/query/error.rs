//! What can go wrong between a query and its rows, said so that the person who asked can act on it.

use std::error::Error as StdError;
use std::sync::Arc;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use thiserror::Error;

use super::names;
use crate::metadata::{Kind, MetadataError};

/// Why a query gave no answer.
#[derive(Debug, Error)]
pub enum QueryError {
    #[error("there is no statement to run")]
    Empty,
    #[error("the statement is not valid SQL: {0}")]
    Syntax(String),
    #[error("{what}")]
    Refused { what: String, hint: String },
    #[error("there is no table \"{name}\"")]
    UnknownTable { name: String, near: Vec<String>, known_but: Option<String> },
    #[error("there is no column \"{name}\"")]
    UnknownColumn { name: String, near: Vec<String> },
    #[error("the query cannot be planned: {0}")]
    Plan(String),
    #[error("the query failed while it ran: {0}")]
    Execution(String),
    #[error("the query needs more memory than query.memory_mb allows")]
    Memory(String),
    #[error("a data file was replaced while the query read it")]
    FilesChanged,
    #[error("data file {path} cannot be read")]
    DataFile {
        path: String,
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    #[error("the metadata database did not answer")]
    Metadata(#[from] MetadataError),
    #[error("the answer cannot be written")]
    Output(#[from] std::io::Error),
    #[error("the query engine cannot be set up")]
    SetUp(#[source] Box<dyn StdError + Send + Sync>),
}

impl QueryError {
    /// What decides the exit code, the HTTP status and whether to try again.
    pub fn kind(&self) -> Kind {
        match self {
            QueryError::Empty
            | QueryError::Syntax(_)
            | QueryError::Refused { .. }
            | QueryError::UnknownTable { .. }
            | QueryError::UnknownColumn { .. }
            | QueryError::Plan(_)
            | QueryError::Memory(_) => Kind::User,
            QueryError::Execution(_) | QueryError::DataFile { .. } => Kind::Data,
            QueryError::FilesChanged => Kind::Transient,
            QueryError::Metadata(source) => source.kind(),
            QueryError::Output(_) | QueryError::SetUp(_) => Kind::Internal,
        }
    }

    /// What to do next, when there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            QueryError::Refused { hint, .. } => Some(hint.clone()),
            QueryError::UnknownTable { known_but: Some(why), .. } => Some(why.clone()),
            QueryError::UnknownTable { near, .. } if near.is_empty() => {
                Some("SHOW TABLES lists every table".into())
            }
            QueryError::UnknownTable { near, .. } => {
                Some(format!("did you mean {}? SHOW TABLES lists every table", either(near)))
            }
            QueryError::UnknownColumn { near, .. } if near.is_empty() => {
                Some("DESCRIBE <table> lists the columns of a table".into())
            }
            QueryError::UnknownColumn { near, .. } => Some(format!(
                "did you mean {}? A name with capitals or signs is written in double quotes",
                either(near)
            )),
            QueryError::Memory(_) => {
                Some("raise query.memory_mb, or read fewer columns, rows or days at once".into())
            }
            QueryError::FilesChanged => Some("run the query again".into()),
            QueryError::DataFile { .. } => {
                Some("the ledger names this file; restore it, or load its sources again".into())
            }
            QueryError::Empty
            | QueryError::Syntax(_)
            | QueryError::Plan(_)
            | QueryError::Execution(_)
            | QueryError::Metadata(_)
            | QueryError::Output(_)
            | QueryError::SetUp(_) => None,
        }
    }

    /// An error of DataFusion while it planned.
    pub(crate) fn planning(error: DataFusionError) -> Self {
        classify(error, QueryError::Plan)
    }

    /// An error of DataFusion while it read and computed.
    pub(crate) fn running(error: DataFusionError) -> Self {
        classify(error, QueryError::Execution)
    }
}

fn either(names: &[String]) -> String {
    names.iter().map(|name| names::shown(name)).collect::<Vec<_>>().join(" or ")
}

fn classify(error: DataFusionError, otherwise: fn(String) -> QueryError) -> QueryError {
    if file_is_missing(&error) {
        return QueryError::FilesChanged;
    }
    let error = match own_error(error) {
        Ok(own) => return own,
        Err(error) => error,
    };
    match error.find_root() {
        DataFusionError::ResourcesExhausted(detail) => QueryError::Memory(detail.clone()),
        DataFusionError::SQL(parse, _) => QueryError::Syntax(clean(&parse.to_string())),
        DataFusionError::SchemaError(schema, _) => {
            unknown_column(schema).unwrap_or_else(|| otherwise(clean(&schema.to_string())))
        }
        root => otherwise(clean(&root.strip_backtrace())),
    }
}

/// Takes an error of ours out of the wrappers in which it went through DataFusion.
fn own_error(error: DataFusionError) -> Result<QueryError, DataFusionError> {
    match error {
        DataFusionError::External(source) => match source.downcast::<QueryError>() {
            Ok(own) => Ok(*own),
            Err(source) => Err(DataFusionError::External(source)),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => own_error(*inner),
        DataFusionError::Collection(mut errors) if !errors.is_empty() => own_error(errors.swap_remove(0)),
        DataFusionError::Shared(inner) => match Arc::try_unwrap(inner) {
            Ok(inner) => own_error(inner),
            Err(shared) => Err(DataFusionError::Shared(shared)),
        },
        other => Err(other),
    }
}

fn unknown_column(error: &SchemaError) -> Option<QueryError> {
    let SchemaError::FieldNotFound { field, valid_fields } = error else { return None };
    let candidates = valid_fields.iter().map(|column| column.name.as_str());
    let mut near = names::nearest(&field.name, candidates);
    near.dedup();
    Some(QueryError::UnknownColumn { name: field.name.clone(), near })
}

/// True when the cause, however deep, is a file that is not there any more.
fn file_is_missing(error: &DataFusionError) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(this) = cause {
        if this.downcast_ref::<QueryError>().is_some_and(|own| matches!(own, QueryError::FilesChanged)) {
            return true;
        }
        if matches!(this.downcast_ref(), Some(object_store::Error::NotFound { .. })) {
            return true;
        }
        if this.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound) {
            return true;
        }
        cause = this.source();
    }
    false
}

/// A message of DataFusion without the parts that only its authors can use.
fn clean(message: &str) -> String {
    let mut text = message.trim();
    loop {
        let before = text;
        for prefix in NOISE {
            text = text.strip_prefix(prefix).unwrap_or(text);
        }
        if text == before {
            break;
        }
    }
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text);
    let text = text.split("This issue was likely caused by a bug").next().unwrap_or(text);
    text.trim().trim_end_matches('.').to_string()
}

const NOISE: &[&str] = &[
    "Error during planning: ",
    "Schema error: ",
    "SQL error: ",
    "sql parser error: ",
    "This feature is not implemented: ",
    "Execution error: ",
    "Arrow error: ",
    "Parquet error: ",
    "External error: ",
    "Internal error: ",
    "type_coercion\ncaused by\n",
    "Optimizer rule 'simplify_expressions' failed\ncaused by\n",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_own_prefixes_do_not_reach_the_user() {
        assert_eq!(
            clean("type_coercion\ncaused by\nError during planning: Cannot coerce Utf8 to Int64"),
            "Cannot coerce Utf8 to Int64"
        );
    }

    #[test]
    fn a_missing_file_is_recognised_through_its_wrappers() {
        let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
        let wrapped = DataFusionError::External(Box::new(gone)).context("scan");
        assert!(matches!(QueryError::running(wrapped), QueryError::FilesChanged));
    }
}
