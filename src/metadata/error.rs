//! What can go wrong between Lakegate and its metadata database, and who has to act on it.

use std::path::Path;
use std::time::Duration;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};
use thiserror::Error;

use super::loads::{Imbalance, LoadState};

/// Who or what can make the same call succeed. It alone decides on retries, exit codes and log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The database cannot be reached, is busy or is full: the same call may succeed later.
    Transient,
    /// Somebody else changed the rows first: read again, then decide again.
    Conflict,
    /// A value does not fit its column.
    Data,
    /// A fault of Lakegate.
    Internal,
    /// An address, a permission or a statement that a person must change.
    User,
}

#[derive(Debug, Error)]
pub enum MetadataError {
    #[error("the metadata database address {url} cannot be used: {reason}")]
    Address { url: String, reason: String, hint: &'static str },
    #[error("cannot open the metadata database {url}")]
    Open { url: String, source: Failure },
    #[error("cannot {act} in the metadata database")]
    Database { act: &'static str, source: Failure },
    #[error("the statement failed in the metadata database")]
    Statement { source: Failure },
    #[error("the metadata database was migrated by a newer Lakegate: {} is unknown here", .unknown.join(", "))]
    NewerHistory { unknown: Vec<String> },
    #[error("the ledger has no {0}")]
    UnknownName(String),
    #[error("load {load_id} must be {needed}, but {}", describe(*.found))]
    LoadState { load_id: i64, found: Option<LoadState>, needed: &'static str },
    #[error("load {load_id} does not balance: {imbalance}")]
    Unbalanced { load_id: i64, imbalance: Imbalance },
    #[error("load {load_id}: {changed} of {expected} files are no longer in this load's hands")]
    FilesChanged { load_id: i64, expected: usize, changed: usize },
    #[error("load {load_id}: {files} of its files have no outcome")]
    FilesForgotten { load_id: i64, files: i64 },
    #[error("load {load_id}: {taken} of {expected} data files to replace were already replaced")]
    DataFilesTaken { load_id: i64, expected: usize, taken: usize },
    #[error("load {load_id}: {taken} of {expected} rejected records were changed or taken by somebody else")]
    RejectsTaken { load_id: i64, expected: i64, taken: i64 },
    #[error("load {load_id}: {others} other loads have changed its table, or are about to")]
    Overtaken { load_id: i64, others: i64 },
}

impl MetadataError {
    pub fn kind(&self) -> Kind {
        match self {
            MetadataError::Open { source, .. } | MetadataError::Database { source, .. } => source.kind,
            // The database understood that the statement is wrong; whoever wrote it can put it right.
            MetadataError::Statement { source } => match source.kind {
                Kind::Transient => Kind::Transient,
                Kind::Conflict | Kind::Data | Kind::Internal | Kind::User => Kind::User,
            },
            MetadataError::Address { .. }
            | MetadataError::NewerHistory { .. }
            | MetadataError::UnknownName(_) => Kind::User,
            MetadataError::LoadState { .. }
            | MetadataError::FilesChanged { .. }
            | MetadataError::RejectsTaken { .. }
            | MetadataError::Overtaken { .. }
            | MetadataError::DataFilesTaken { .. } => Kind::Conflict,
            MetadataError::Unbalanced { .. } | MetadataError::FilesForgotten { .. } => Kind::Internal,
        }
    }

    /// What to do about it, as a sentence for the operator.
    pub fn hint(&self) -> Option<&str> {
        match self {
            MetadataError::Address { hint, .. } => Some(hint),
            MetadataError::NewerHistory { .. } => Some("run the newer version of lakegate on this database"),
            MetadataError::Open { source, .. } | MetadataError::Database { source, .. } => source.hint(),
            MetadataError::Statement { .. }
            | MetadataError::UnknownName(_)
            | MetadataError::LoadState { .. }
            | MetadataError::Unbalanced { .. }
            | MetadataError::FilesChanged { .. }
            | MetadataError::FilesForgotten { .. } => None,
            MetadataError::RejectsTaken { .. }
            | MetadataError::Overtaken { .. }
            | MetadataError::DataFilesTaken { .. } => Some(
                "nothing has changed: others were at work on the table; files are loaded again by themselves, replay and revert \
                 when less comes, or fewer records at a time (--file, --cause)",
            ),
        }
    }

    pub(super) fn database(act: &'static str, source: impl Into<Failure>) -> Self {
        MetadataError::Database { act, source: source.into() }
    }
}

fn describe(found: Option<LoadState>) -> String {
    found.map_or_else(|| "it does not exist".into(), |state| format!("it is {state}"))
}

/// What the database, its driver or the operating system said, without the layers of wrapping around it.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Failure {
    pub message: String,
    /// SQLSTATE on PostgreSQL, extended result code on SQLite.
    pub code: Option<String>,
    pub kind: Kind,
}

impl Failure {
    fn new(message: impl ToString, kind: Kind) -> Self {
        Failure { message: message.to_string(), code: None, kind }
    }

    pub(super) fn timed_out(limit: Duration) -> Self {
        let message = format!("the server did not answer within {} seconds", limit.as_secs());
        Failure::new(message, Kind::Transient)
    }

    pub(super) fn of_folder(folder: &Path, error: std::io::Error) -> Self {
        let message = format!("the folder {} cannot be made: {error}", folder.display());
        Failure { message, ..Failure::from(error) }
    }

    fn hint(&self) -> Option<&'static str> {
        let code = self.code.as_deref().unwrap_or_default();
        match code {
            "42P01" => Some("run `lakegate migrate`"),
            "42501" => {
                Some("the user needs the right to create and use tables: GRANT ALL ON SCHEMA public TO USER")
            }
            "3D000" => Some("create the database first: createdb NAME"),
            "28P01" | "28000" => Some("check user and password in DATABASE_URL"),
            "26" => Some("the file is not a SQLite database; set DATABASE_URL to another path"),
            "13" | "53100" => Some("free disk space; nothing is lost, the work is done again"),
            _ if self.message.starts_with("no such table") => Some("run `lakegate migrate`"),
            _ => None,
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => error.into(),
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => SqlxError::PoolTimedOut.into(),
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => SqlxError::PoolClosed.into(),
            other => Failure::new(other, Kind::Internal),
        }
    }
}

impl From<SqlxError> for Failure {
    fn from(error: SqlxError) -> Self {
        match error {
            SqlxError::Database(error) => {
                let code = error.code().map(|code| code.into_owned());
                let kind = code.as_deref().map_or(Kind::Internal, kind_of_code);
                Failure { message: error.message().to_owned(), code, kind }
            }
            SqlxError::Io(error) => error.into(),
            SqlxError::PoolTimedOut => {
                Failure::new("no connection became available in time; is the server up?", Kind::Transient)
            }
            SqlxError::Configuration(error) => Failure::new(error, Kind::User),
            SqlxError::Tls(error) => Failure::new(format!("TLS: {error}"), Kind::Transient),
            error @ (SqlxError::PoolClosed | SqlxError::WorkerCrashed) => {
                Failure::new(error, Kind::Transient)
            }
            other => Failure::new(other, Kind::Internal),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, PermissionDenied};
        let kind = match error.kind() {
            PermissionDenied | NotADirectory | IsADirectory | AlreadyExists => Kind::User,
            _ => Kind::Transient,
        };
        Failure::new(error, kind)
    }
}

/// SQLSTATEs have five characters, SQLite's extended result codes at most four digits.
fn kind_of_code(code: &str) -> Kind {
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => kind_of_sqlite(number),
        _ => kind_of_sqlstate(code),
    }
}

/// <https://www.sqlite.org/rescode.html>
fn kind_of_sqlite(code: u32) -> Kind {
    match (code & 0xff, code) {
        // BUSY, LOCKED, NOMEM, IOERR, FULL, CANTOPEN, PROTOCOL
        (5 | 6 | 7 | 10 | 13 | 14 | 15, _) => Kind::Transient,
        // PERM, READONLY, AUTH, NOTADB
        (3 | 8 | 23 | 26, _) => Kind::User,
        // CONSTRAINT_PRIMARYKEY, CONSTRAINT_UNIQUE, CONSTRAINT_ROWID
        (19, 1555 | 2067 | 2579) => Kind::Conflict,
        // other constraints, TOOBIG, MISMATCH
        (18..=20, _) => Kind::Data,
        _ => Kind::Internal,
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn kind_of_sqlstate(code: &str) -> Kind {
    match code {
        "23505" => Kind::Conflict,
        // serialization failure, deadlock, lock not available, statement timeout, read-only after a failover
        "40001" | "40P01" | "55P03" | "57014" | "25006" => Kind::Transient,
        // unknown database, insufficient privilege
        "3D000" | "42501" => Kind::User,
        _ => match code.get(..2).unwrap_or_default() {
            // connection, insufficient resources, operator intervention, system error
            "08" | "53" | "57" | "58" => Kind::Transient,
            "22" | "23" => Kind::Data,
            "28" => Kind::User,
            _ => Kind::Internal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_who_can_act() {
        for (code, kind) in [
            ("5", Kind::Transient),
            ("517", Kind::Transient),
            ("13", Kind::Transient),
            ("778", Kind::Transient),
            ("2067", Kind::Conflict),
            ("1555", Kind::Conflict),
            ("275", Kind::Data),
            ("1299", Kind::Data),
            ("26", Kind::User),
            ("1", Kind::Internal),
            ("57P01", Kind::Transient),
            ("57P03", Kind::Transient),
            ("53300", Kind::Transient),
            ("53100", Kind::Transient),
            ("08006", Kind::Transient),
            ("40P01", Kind::Transient),
            ("23505", Kind::Conflict),
            ("23514", Kind::Data),
            ("22P02", Kind::Data),
            ("28P01", Kind::User),
            ("3D000", Kind::User),
            ("42601", Kind::Internal),
        ] {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }
}
