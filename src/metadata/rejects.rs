//! Rejected records: each kept with everything that someone needs to understand and repair it.

mod raw;
mod worklist;

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::error::MetadataError;
use super::loads::LoadState;
use super::row::{Cell, ledger_row, words};
use super::statement::{Batch, Param, Sql};
use super::{Metadata, commit};

pub use worklist::{Backlog, Refusal, WorkItem};

words! {
    pub enum RejectStatus {
        /// Its load is not committed. Set by Lakegate alone.
        Pending = "pending",
        /// Somebody should do something about it.
        Open = "open",
        /// Its record was loaded later. Set by Lakegate alone, in the commit of that load.
        Replayed = "replayed",
        /// Nobody wants it: an operator said so, or its file was loaded again, replaced or taken out.
        Discarded = "discarded",
    }
}

words! {
    /// How the text in `raw` stands for the bytes of the record.
    pub enum RawEncoding {
        Text = "text",
        /// The bytes are not text.
        Base64 = "base64",
        /// The beginning of a record over 64 KiB; what is not UTF-8 in it is replaced.
        Truncated = "truncated",
    }
}

ledger_row! {
    pub struct RejectRow in "rejects" {
        pub id: i64,
        pub file_id: i64,
        pub load_id: i64,
        pub file_type: String,
        pub record_number: i64,
        pub byte_offset: i64,
        pub raw: String,
        pub raw_encoding: RawEncoding,
        pub pointer: String,
        pub rule: String,
        pub value: Option<String>,
        pub message: String,
        pub fingerprint: String,
        pub status: RejectStatus,
        /// The repaired record, once somebody has written one.
        pub fixed: Option<String>,
        pub created_at: DateTime<Utc>,
        pub updated_at: DateTime<Utc>,
        /// The load that brings the record into its table after all, from the moment that load is staged.
        pub replay_load_id: Option<i64>,
    }
}

/// A rejected record to keep.
#[derive(Debug, Clone, Copy)]
pub struct NewReject<'a> {
    pub file_id: i64,
    pub file_type: &'a str,
    pub record_number: i64,
    pub byte_offset: i64,
    /// The exact bytes of the record.
    pub raw: &'a [u8],
    pub pointer: &'a str,
    pub rule: &'a str,
    pub value: Option<&'a str>,
    pub message: &'a str,
    pub fingerprint: &'a str,
}

/// Which rejects to look at; the default is every open one.
#[derive(Debug, Clone)]
pub struct RejectFilter {
    pub file_type: Option<String>,
    pub file_id: Option<i64>,
    pub fingerprint: Option<String>,
    /// `None` for all of them.
    pub status: Option<RejectStatus>,
    pub limit: i64,
}

impl Default for RejectFilter {
    fn default() -> Self {
        let status = Some(RejectStatus::Open);
        RejectFilter { file_type: None, file_id: None, fingerprint: None, status, limit: 100 }
    }
}

/// Rejects with one cause, with the first of them as a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectCause {
    pub file_type: String,
    pub fingerprint: String,
    pub rejects: i64,
    pub files: i64,
    /// Those for which somebody has written a repaired record.
    pub repaired: i64,
    /// Id of the sample.
    pub sample_id: i64,
    pub pointer: String,
    pub rule: String,
    pub message: String,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

impl FromQueryResult for RejectCause {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(RejectCause {
            file_type: Cell::read(row, "file_type")?,
            fingerprint: Cell::read(row, "fingerprint")?,
            rejects: Cell::read(row, "rejects")?,
            files: Cell::read(row, "files")?,
            repaired: Cell::read(row, "repaired")?,
            sample_id: Cell::read(row, "sample_id")?,
            pointer: Cell::read(row, "pointer")?,
            rule: Cell::read(row, "rule")?,
            message: Cell::read(row, "message")?,
            first_at: Cell::read(row, "first_at")?,
            last_at: Cell::read(row, "last_at")?,
        })
    }
}

/// Rejects per statement: each may carry 64 KiB.
const REJECTS_PER_BATCH: usize = 100;
/// Pointers, values and messages repeat names out of the file, which may be of any length.
const LONGEST_TEXT: usize = 4096;

const MATCHES: &str = "($1 IS NULL OR file_type = $1) AND ($2 IS NULL OR file_id = $2)
     AND ($3 IS NULL OR fingerprint = $3) AND ($4 IS NULL OR status = $4)";

impl Metadata {
    /// Keeps rejected records of a load in state `writing`. They are `pending` until its commit.
    pub async fn add_rejects(&self, load_id: i64, rejects: &[NewReject<'_>]) -> Result<(), MetadataError> {
        const ACT: &str = "keep rejected records";
        if rejects.is_empty() {
            return Ok(());
        }
        let transaction = self.begin(ACT).await?;
        let text = "SELECT state FROM loads WHERE id = $1";
        let found: Option<LoadState> = Sql::new(ACT, text).bind(load_id).value(&transaction, "state").await?;
        if found != Some(LoadState::Writing) {
            return Err(MetadataError::LoadState { load_id, found, needed: "writing" });
        }
        for part in rejects.chunks(REJECTS_PER_BATCH) {
            let text = "INSERT INTO rejects (file_id, load_id, file_type, record_number, byte_offset, raw,
                            raw_encoding, pointer, rule, value, message, fingerprint, status)
                        SELECT r.file_id, $2, r.file_type, r.record_number, r.byte_offset, r.raw, r.raw_encoding,
                            r.pointer, r.rule, r.found, r.message, r.fingerprint, 'pending'
                        FROM {rows}";
            Sql::over(ACT, batch(part), text).bind(load_id).run(&transaction).await?;
        }
        commit(ACT, transaction).await
    }

    /// Rejects grouped by their cause, the most frequent first.
    pub async fn reject_causes(&self, filter: &RejectFilter) -> Result<Vec<RejectCause>, MetadataError> {
        let text = format!(
            "SELECT c.file_type, c.fingerprint, c.rejects, c.files, c.repaired, c.sample_id, c.first_at, c.last_at,
                 s.pointer, s.rule, s.message
             FROM (
                 SELECT file_type, fingerprint, count(*) AS rejects, count(DISTINCT file_id) AS files,
                     count(fixed) AS repaired, min(id) AS sample_id, min(created_at) AS first_at, max(created_at) AS last_at
                 FROM rejects WHERE {MATCHES} GROUP BY file_type, fingerprint
             ) AS c JOIN rejects AS s ON s.id = c.sample_id
             ORDER BY c.rejects DESC, c.sample_id LIMIT $5"
        );
        filter.bind_to(Sql::new("group rejected records", text)).all(self.read()).await
    }

    /// Rejects one by one, in the order of their records.
    pub async fn reject_rows(&self, filter: &RejectFilter) -> Result<Vec<RejectRow>, MetadataError> {
        let columns = RejectRow::COLUMNS;
        let text = format!(
            "SELECT {columns} FROM rejects WHERE {MATCHES} ORDER BY file_id, record_number, id LIMIT $5"
        );
        filter.bind_to(Sql::new("list rejected records", text)).all(self.read()).await
    }

    pub async fn reject(&self, id: i64) -> Result<Option<RejectRow>, MetadataError> {
        let text = format!("SELECT {} FROM rejects WHERE id = $1", RejectRow::COLUMNS);
        Sql::new("look up a rejected record", text).bind(id).one(self.read()).await
    }
}

impl RejectFilter {
    fn bind_to(&self, sql: Sql) -> Sql {
        let RejectFilter { file_type, file_id, fingerprint, status, limit } = self;
        sql.bind(file_type).bind(*file_id).bind(fingerprint).bind(*status).bind(*limit)
    }
}

fn batch(rejects: &[NewReject<'_>]) -> Batch {
    let columns = [
        "file_id",
        "file_type",
        "record_number",
        "byte_offset",
        "raw",
        "raw_encoding",
        "pointer",
        "rule",
        "found",
        "message",
        "fingerprint",
    ];
    let rows = rejects.iter().map(|reject| {
        let NewReject { file_id, file_type, record_number, byte_offset, raw, .. } = *reject;
        let NewReject { pointer, rule, value, message, fingerprint, .. } = *reject;
        let (raw, encoding) = raw::stored(raw);
        [
            file_id.into(),
            file_type.into(),
            record_number.into(),
            byte_offset.into(),
            Param::from(&*raw),
            encoding.into(),
            raw::beginning(pointer, LONGEST_TEXT).into(),
            rule.into(),
            value.map(|value| raw::beginning(value, LONGEST_TEXT)).into(),
            raw::beginning(message, LONGEST_TEXT).into(),
            fingerprint.into(),
        ]
    });
    Batch::of(columns, rows)
}
