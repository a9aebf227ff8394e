//! The commit of a load: one short transaction, and the only one that makes rows visible.

use sea_orm::ConnectionTrait;

use super::super::Metadata;
use super::super::error::MetadataError;
use super::super::files::{REMOVED_REJECTS, removed_files};
use super::super::row::Cell;
use super::super::statement::Sql;
use super::stage::{Counts, Imbalance, rows_imbalance};
use super::{LoadKind, LoadRow, LoadState, locked_load};

const ACT: &str = "commit a load";

/// The rows of all data files that a load is about to replace.
pub(super) const REPLACED_ROWS: &str =
    "SELECT CAST(COALESCE(SUM(rows), 0) AS BIGINT) AS total FROM data_files
     WHERE removed_by_load = $1 AND state = 'live'";

/// A committed load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    pub load_id: i64,
    /// Place in the order of all commits.
    pub commit_seq: i64,
    /// Number of source files.
    pub files: i64,
    /// Rows in its data files.
    pub rows_written: i64,
    /// It was committed before; this call changed nothing.
    pub repeated: bool,
}

impl Metadata {
    /// `staged` → `committed`. To commit again what is committed changes nothing, so a caller that lost the
    /// answer asks again.
    ///
    /// # Errors
    /// The load is in another state; the numbers do not add up; one of its files has the content of a file
    /// that was loaded meanwhile (a conflict). Nothing is changed then.
    pub async fn commit(&self, load_id: i64) -> Result<Committed, MetadataError> {
        let transaction = self.begin(ACT).await?;
        let load = locked_load(ACT, load_id, "staged", &transaction).await?;
        if let (LoadState::Committed, Some(commit_seq)) = (load.state, load.commit_seq) {
            return Ok(committed(&load, commit_seq, true));
        }
        if load.state != LoadState::Staged {
            return Err(MetadataError::LoadState { load_id, found: Some(load.state), needed: "staged" });
        }
        check_balance(&load, &transaction).await?;
        publish(&load, &transaction).await?;
        let commit_seq = next_commit_seq(&transaction).await?;
        let text =
            "UPDATE loads SET state = 'committed', commit_seq = $2, committed_at = {now} WHERE id = $1";
        Sql::new(ACT, text).bind(load_id).bind(commit_seq).run(&transaction).await?;
        super::super::commit(ACT, transaction).await?;
        Ok(committed(&load, commit_seq, false))
    }
}

fn committed(load: &LoadRow, commit_seq: i64, repeated: bool) -> Committed {
    let LoadRow { id, files, rows_written, .. } = *load;
    Committed { load_id: id, commit_seq, files, rows_written, repeated }
}

/// The promise of the ledger, checked on what is stored and not on what a caller says.
async fn check_balance(load: &LoadRow, on: &impl ConnectionTrait) -> Result<(), MetadataError> {
    let load_id = load.id;
    if let Some(imbalance) = unbalanced_file(load_id, on).await? {
        return Err(MetadataError::Unbalanced { load_id, imbalance });
    }
    let written = match load.kind {
        LoadKind::Replay => replayed_rows(load, on).await?,
        LoadKind::Ingest | LoadKind::Job | LoadKind::Compaction | LoadKind::Revert => {
            let text = "SELECT CAST(COALESCE(SUM(records_written), 0) AS BIGINT) AS total FROM files
                        WHERE load_id = $1 AND state = 'processing' AND outcome = 'processed'";
            total(text, load_id, on).await?
        }
    };
    let stored = "SELECT CAST(COALESCE(SUM(rows), 0) AS BIGINT) AS total FROM data_files
                  WHERE load_id = $1 AND state = 'pending'";
    let stored = total(stored, load_id, on).await?;
    let carried = match load.kind {
        // What a compaction carries over is all that it replaces.
        LoadKind::Compaction => total(REPLACED_ROWS, load_id, on).await?,
        LoadKind::Ingest | LoadKind::Job | LoadKind::Replay | LoadKind::Revert => load.rows_carried,
    };
    match rows_imbalance(load.kind, written, carried, stored) {
        None => Ok(()),
        Some(imbalance) => Err(MetadataError::Unbalanced { load_id, imbalance }),
    }
}

/// Each record of a replay became a row, or was replaced by another one with its key.
async fn replayed_rows(load: &LoadRow, on: &impl ConnectionTrait) -> Result<i64, MetadataError> {
    let text = "SELECT count(*) AS total FROM rejects WHERE replay_load_id = $1";
    Ok(total(text, load.id, on).await? - load.records_deduplicated)
}

async fn unbalanced_file(
    load_id: i64,
    on: &impl ConnectionTrait,
) -> Result<Option<Imbalance>, MetadataError> {
    let text =
        "SELECT id, records_read, records_written, records_rejected, records_deduplicated, records_filtered
                FROM files
                WHERE load_id = $1 AND state = 'processing' AND (
                    (outcome = 'processed' AND records_read
                        <> records_written + records_rejected + records_deduplicated + records_filtered)
                    OR (outcome <> 'processed' AND records_written <> 0)) LIMIT 1";
    let rows = Sql::new(ACT, text).bind(load_id).rows(on).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let read = |column| i64::read(row, column).map_err(|error| MetadataError::database(ACT, error));
    let counts = Counts {
        read: read("records_read")?,
        written: read("records_written")?,
        rejected: read("records_rejected")?,
        deduplicated: read("records_deduplicated")?,
        filtered: read("records_filtered")?,
        unknown_fields: 0,
    };
    Ok(Some(Imbalance::File { file_id: read("id")?, counts }))
}

async fn total(text: &str, load_id: i64, on: &impl ConnectionTrait) -> Result<i64, MetadataError> {
    Ok(Sql::new(ACT, text).bind(load_id).value(on, "total").await?.unwrap_or(0))
}

/// Makes everything of the load visible.
async fn publish(load: &LoadRow, on: &impl ConnectionTrait) -> Result<(), MetadataError> {
    let removed_files = removed_files(load.kind);
    let any = [
        "UPDATE data_files SET state = 'live' WHERE load_id = $1 AND state = 'pending'",
        "UPDATE data_files SET state = 'removed' WHERE removed_by_load = $1 AND state = 'live'",
    ];
    let own: &[&str] = match load.kind {
        LoadKind::Job | LoadKind::Compaction => &[],
        LoadKind::Ingest => &[OLD_REJECTS, FILES, REJECTS, REMOVED_REJECTS, &removed_files],
        LoadKind::Replay => &[REPLAYED_REJECTS, REPLAYED_FILES],
        LoadKind::Revert => &[REMOVED_REJECTS, &removed_files],
    };
    for text in own.iter().chain(&any) {
        Sql::new(ACT, *text).bind(load.id).run(on).await?;
    }
    Ok(())
}

const FILES: &str = "UPDATE files SET state = outcome, finished_at = {now}, updated_at = {now}
     WHERE load_id = $1 AND state = 'processing'";

const REJECTS: &str =
    "UPDATE rejects SET status = 'open', updated_at = {now} WHERE load_id = $1 AND status = 'pending'";

/// What an earlier attempt on the same file refused, this one has read again.
const OLD_REJECTS: &str = "UPDATE rejects SET status = 'discarded', updated_at = {now}
     WHERE status = 'open' AND load_id <> $1
         AND file_id IN (SELECT id FROM files WHERE load_id = $1 AND attempt > 1)";

const REPLAYED_REJECTS: &str =
    "UPDATE rejects SET status = 'replayed', updated_at = {now} WHERE replay_load_id = $1";

const REPLAYED_FILES: &str = "UPDATE files SET records_replayed = records_replayed +
         (SELECT count(*) FROM rejects WHERE rejects.file_id = files.id AND rejects.replay_load_id = $1)
     WHERE id IN (SELECT file_id FROM rejects WHERE replay_load_id = $1)";

/// Last in the transaction, because its row is locked until the end: the order of the numbers is the order of
/// the commits, and whoever reads the counter sees every load up to it.
async fn next_commit_seq(on: &impl ConnectionTrait) -> Result<i64, MetadataError> {
    let text = "UPDATE counters SET value = value + 1 WHERE name = 'commit_seq' RETURNING value";
    let value = Sql::new(ACT, text).value(on, "value").await?;
    let missing = || sea_orm::DbErr::RecordNotFound("the counter commit_seq".into());
    value.ok_or_else(|| MetadataError::database(ACT, missing()))
}
