//! The intent of a compaction: data files that hold the rows of others, and where each row comes from.

use sea_orm::ConnectionTrait;

use super::super::error::MetadataError;
use super::super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::super::{Metadata, commit};
use super::commit::REPLACED_ROWS;
use super::stage::{add_data_files, reserve_removals};
use super::{Imbalance, LoadState, NewDataFile, locked_load};

const ACT: &str = "stage a compaction";

/// What a compaction is about to make true.
#[derive(Debug, Clone, Default)]
pub struct Compaction {
    pub merged: Vec<MergedFile>,
    /// Ids of the live data files whose rows they hold.
    pub removes: Vec<i64>,
}

/// A data file that holds the rows of others.
#[derive(Debug, Clone)]
pub struct MergedFile {
    pub file: NewDataFile,
    /// Covers all its rows, in their order, without gaps.
    pub origins: Vec<Origin>,
}

/// Rows of a merged data file that once were neighbours in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The data file in which they came into the lake.
    pub origin_id: i64,
    /// The load that brought them.
    pub load_id: i64,
    /// The place of that load in the order of commits.
    pub commit_seq: i64,
    /// Where they begin in the merged file.
    pub at_row: i64,
    /// Where they began in the origin.
    pub first_row: i64,
    pub rows: i64,
}

impl MergedFile {
    /// The number of rows that the origins cover from the first on without a gap.
    fn covered(&self) -> i64 {
        let next = |end: i64, origin: &Origin| (origin.at_row == end).then_some(end + origin.rows);
        self.origins.iter().try_fold(0, next).unwrap_or(-1)
    }
}

impl Compaction {
    fn stored_rows(&self) -> i64 {
        self.merged.iter().map(|merged| merged.file.rows).sum()
    }
}

/// The first merged file whose origins do not cover it.
pub(super) fn uncovered(merged: &[MergedFile]) -> Option<Imbalance> {
    let gap = merged.iter().find(|merged| merged.covered() != merged.file.rows)?;
    Some(Imbalance::Rows { written: 0, carried: gap.covered(), stored: gap.file.rows })
}

impl Metadata {
    /// `writing` → `staged`, in one transaction: the merged files `pending` with their origins, the replaced ones
    /// reserved.
    ///
    /// # Errors
    /// The rows do not add up; a data file to replace was replaced by somebody else (a conflict). Nothing is changed
    /// then.
    pub async fn stage_compaction(&self, load_id: i64, compaction: &Compaction) -> Result<(), MetadataError> {
        let transaction = self.begin(ACT).await?;
        let load = locked_load(ACT, load_id, "writing", &transaction).await?;
        if load.state != LoadState::Writing {
            let found = Some(load.state);
            return Err(MetadataError::LoadState { load_id, found, needed: "writing" });
        }
        if let Some(imbalance) = uncovered(&compaction.merged) {
            return Err(MetadataError::Unbalanced { load_id, imbalance });
        }
        let files: Vec<NewDataFile> = compaction.merged.iter().map(|merged| merged.file.clone()).collect();
        add_data_files(load_id, &load.table_name, &files, &transaction).await?;
        reserve_removals(load_id, &load.table_name, &compaction.removes, &transaction).await?;
        check_rows(load_id, compaction.stored_rows(), &transaction).await?;
        remember_origins(load_id, &compaction.merged, &transaction).await?;
        mark_staged(load_id, &files, &transaction).await?;
        commit(ACT, transaction).await
    }
}

/// Against the ledger's own numbers of the replaced files, not against what the caller has counted.
async fn check_rows(load_id: i64, stored: i64, on: &impl ConnectionTrait) -> Result<(), MetadataError> {
    let carried: i64 = Sql::new(ACT, REPLACED_ROWS).bind(load_id).value(on, "total").await?.unwrap_or(0);
    if carried == stored {
        return Ok(());
    }
    Err(MetadataError::Unbalanced { load_id, imbalance: Imbalance::Rows { written: 0, carried, stored } })
}

/// Where the rows of merged files, which are in the ledger, come from.
pub(super) async fn remember_origins(
    load_id: i64,
    merged: &[MergedFile],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    name_commits(load_id, merged, on).await?;
    add_origins(merged, on).await
}

async fn name_commits(
    load_id: i64,
    merged: &[MergedFile],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let text = "UPDATE data_files SET first_commit_seq = $2, last_commit_seq = $3
                WHERE load_id = $1 AND path = $4";
    for MergedFile { file, origins } in merged {
        let seqs = || origins.iter().map(|origin| origin.commit_seq);
        let act = Sql::new(ACT, text).bind(load_id).bind(seqs().min()).bind(seqs().max());
        act.bind(&file.path).run(on).await?;
    }
    Ok(())
}

async fn add_origins(merged: &[MergedFile], on: &impl ConnectionTrait) -> Result<(), MetadataError> {
    for MergedFile { file, origins } in merged {
        for part in origins.chunks(ROWS_PER_BATCH) {
            let rows = part.iter().map(|origin| {
                let Origin { origin_id, load_id, commit_seq, at_row, first_row, rows } = *origin;
                [
                    origin_id.into(),
                    load_id.into(),
                    commit_seq.into(),
                    at_row.into(),
                    first_row.into(),
                    rows.into(),
                ]
            });
            let columns = ["origin_id", "load_id", "commit_seq", "at_row", "first_row", "row_count"];
            let text = "INSERT INTO data_file_origins
                            (data_file_id, origin_id, load_id, commit_seq, at_row, first_row, rows)
                        SELECT (SELECT id FROM data_files WHERE path = $2),
                            r.origin_id, r.load_id, r.commit_seq, r.at_row, r.first_row, r.row_count FROM {rows}";
            Sql::over(ACT, Batch::of(columns, rows), text).bind(&file.path).run(on).await?;
        }
    }
    Ok(())
}

async fn mark_staged(
    load_id: i64,
    files: &[NewDataFile],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let rows: i64 = files.iter().map(|file| file.rows).sum();
    let bytes: i64 = files.iter().map(|file| file.bytes).sum();
    let text = "UPDATE loads SET state = 'staged', rows_written = $2, rows_carried = $2, bytes_written = $3
                WHERE id = $1";
    Sql::new(ACT, text).bind(load_id).bind(rows).bind(bytes).run(on).await.map(drop)
}
