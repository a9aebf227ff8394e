//! Rejects as a worklist: those that may be tried again, and what became of the try.

use super::super::error::MetadataError;
use super::super::files::FileRow;
use super::super::statement::{Batch, Sql};
use super::super::{Metadata, commit};
use super::{LONGEST_TEXT, RejectFilter, RejectRow, raw};

/// Rejects that may be tried again belong to files that are loaded; the others follow their file.
const READY: &str = "status = 'open' AND replay_load_id IS NULL AND EXISTS
     (SELECT 1 FROM files AS loaded WHERE loaded.id = rejects.file_id AND loaded.state = 'processed'
         AND loaded.removed_by_load IS NULL)";

const MATCHES: &str = "($1 IS NULL OR file_type = $1) AND ($2 IS NULL OR file_id = $2)
     AND ($3 IS NULL OR fingerprint = $3)";

/// Refusals per statement.
const REFUSALS_PER_BATCH: usize = 500;

/// Where the next page of rejects begins: behind this file, record and id.
pub type WorkItem = (i64, i64, i64);

/// Open rejects, by whether they can be tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Of files that are loaded.
    pub ready: i64,
    /// Of files that failed as a whole: those are loaded again, not their rejects.
    pub of_failed_files: i64,
}

/// Why a rejected record still cannot be loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub id: i64,
    pub pointer: String,
    pub rule: String,
    pub value: Option<String>,
    pub message: String,
    pub fingerprint: String,
}

impl Metadata {
    /// Open rejects that may be tried again, in the order of files and records, from behind `after` on.
    pub async fn rejects_to_try(
        &self,
        filter: &RejectFilter,
        after: WorkItem,
        limit: i64,
    ) -> Result<Vec<RejectRow>, MetadataError> {
        let RejectFilter { file_type, file_id, fingerprint, status: _, limit: _ } = filter;
        let text = format!(
            "SELECT {} FROM rejects WHERE {MATCHES} AND {READY}
                 AND (file_id, record_number, id) > ($4, $5, $6)
             ORDER BY file_id, record_number, id LIMIT $7",
            RejectRow::COLUMNS
        );
        let (file, record, id) = after;
        let sql = Sql::new("list the rejected records to try again", text);
        let sql = sql.bind(file_type).bind(*file_id).bind(fingerprint).bind(file).bind(record).bind(id);
        sql.bind(limit).all(self.read()).await
    }

    /// The files of the open rejects that may be tried again, in their order.
    pub async fn files_to_try(&self, filter: &RejectFilter) -> Result<Vec<FileRow>, MetadataError> {
        let RejectFilter { file_type, file_id, fingerprint, .. } = filter;
        let text = format!(
            "SELECT {} FROM files WHERE id IN
                 (SELECT file_id FROM rejects WHERE {MATCHES} AND {READY}) ORDER BY id",
            FileRow::COLUMNS
        );
        let sql = Sql::new("list the files of rejected records", text);
        sql.bind(file_type).bind(*file_id).bind(fingerprint).all(self.read()).await
    }

    /// How many open rejects match.
    pub async fn reject_backlog(&self, filter: &RejectFilter) -> Result<Backlog, MetadataError> {
        const ACT: &str = "count the rejected records";
        let RejectFilter { file_type, file_id, fingerprint, .. } = filter;
        let count = |condition: &str| {
            let text = format!("SELECT count(*) AS rejects FROM rejects WHERE {MATCHES} AND {condition}");
            Sql::new(ACT, text).bind(file_type).bind(*file_id).bind(fingerprint)
        };
        let failed = "status = 'open' AND EXISTS
            (SELECT 1 FROM files WHERE files.id = rejects.file_id AND files.state <> 'processed')";
        Ok(Backlog {
            ready: count(READY).value(self.read(), "rejects").await?.unwrap_or(0),
            of_failed_files: count(failed).value(self.read(), "rejects").await?.unwrap_or(0),
        })
    }

    /// The types that have open rejects of loaded files.
    pub async fn types_with_rejects(&self, filter: &RejectFilter) -> Result<Vec<String>, MetadataError> {
        let RejectFilter { file_type, file_id, fingerprint, .. } = filter;
        let text = format!(
            "SELECT DISTINCT file_type FROM rejects WHERE {MATCHES} AND status = 'open' ORDER BY file_type"
        );
        let sql = Sql::new("list the types with rejected records", text);
        sql.bind(file_type).bind(*file_id).bind(fingerprint).column(self.read(), "file_type").await
    }

    /// Gives rejects that were tried again their new reason. Those that are no longer open keep theirs.
    pub async fn refuse_again(&self, refusals: &[Refusal]) -> Result<(), MetadataError> {
        const ACT: &str = "tell why records are still refused";
        if refusals.is_empty() {
            return Ok(());
        }
        let transaction = self.begin(ACT).await?;
        for part in refusals.chunks(REFUSALS_PER_BATCH) {
            let rows = part.iter().map(|refusal| {
                let Refusal { id, pointer, rule, value, message, fingerprint } = refusal;
                [
                    (*id).into(),
                    raw::beginning(pointer, LONGEST_TEXT).into(),
                    rule.into(),
                    value.as_deref().map(|value| raw::beginning(value, LONGEST_TEXT)).into(),
                    raw::beginning(message, LONGEST_TEXT).into(),
                    fingerprint.into(),
                ]
            });
            let columns = ["id", "pointer", "rule", "found", "message", "fingerprint"];
            // One that has its reason already is not written again: `updated_at` says when it changed.
            let text = "UPDATE rejects SET pointer = r.pointer, rule = r.rule, value = r.found,
                            message = r.message, fingerprint = r.fingerprint
                        FROM {rows}
                        WHERE rejects.id = r.id AND rejects.status = 'open' AND rejects.replay_load_id IS NULL
                            AND (rejects.message <> r.message OR rejects.fingerprint <> r.fingerprint
                                OR rejects.pointer <> r.pointer)";
            Sql::over(ACT, Batch::of(columns, rows), text).run(&transaction).await?;
        }
        commit(ACT, transaction).await
    }
}
