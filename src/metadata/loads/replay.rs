//! The intent of a replay: rejected records that become rows after all.

use sea_orm::ConnectionTrait;

use super::super::error::MetadataError;
use super::super::statement::{Batch, Sql};
use super::super::{Metadata, commit};
use super::stage::{add_data_files, refuse_if_overtaken, reserve_removals, rows_imbalance};
use super::{LoadKind, LoadState, NewDataFile, locked_load};

const ACT: &str = "stage a replay";

/// Rejects per statement: each may bring its repaired text along.
const REJECTS_PER_BATCH: usize = 500;

/// What a replay is about to make true.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    pub data_files: Vec<NewDataFile>,
    /// Ids of live data files that this load replaces.
    pub removes: Vec<i64>,
    /// Rows copied from the replaced data files into the new ones.
    pub rows_carried: i64,
    pub rejects: Vec<ReplayedReject>,
    /// Records of these that another one with the same key replaced.
    pub deduplicated: i64,
    /// As in an [`Intent`](super::Intent).
    pub seen_commit: Option<i64>,
}

/// A rejected record that is valid now, as it was read.
#[derive(Debug, Clone)]
pub struct ReplayedReject {
    pub id: i64,
    pub file_id: i64,
    pub fixed: Option<String>,
}

impl Metadata {
    /// `writing` → `staged`, in one transaction: data files `pending`, replaced ones and rejects reserved.
    ///
    /// # Errors
    /// The rows do not add up; one of the rejects was changed, is not open any more or belongs to another replay; its
    /// file is no longer loaded; a data file was replaced by somebody else. Nothing is changed then.
    pub async fn stage_replay(&self, load_id: i64, replay: &Replay) -> Result<(), MetadataError> {
        let transaction = self.begin(ACT).await?;
        let load = locked_load(ACT, load_id, "writing", &transaction).await?;
        if load.state != LoadState::Writing {
            let found = Some(load.state);
            return Err(MetadataError::LoadState { load_id, found, needed: "writing" });
        }
        let written = replay.rejects.len() as i64 - replay.deduplicated;
        let stored = replay.data_files.iter().map(|file| file.rows).sum();
        if let Some(imbalance) = rows_imbalance(LoadKind::Replay, written, replay.rows_carried, stored) {
            return Err(MetadataError::Unbalanced { load_id, imbalance });
        }
        refuse_if_overtaken(ACT, &load, replay.seen_commit, &transaction).await?;
        add_data_files(load_id, &load.table_name, &replay.data_files, &transaction).await?;
        reserve_removals(load_id, &load.table_name, &replay.removes, &transaction).await?;
        let files = lock_files(replay, &transaction).await?;
        reserve_rejects(load_id, &replay.rejects, &transaction).await?;
        let bytes: i64 = replay.data_files.iter().map(|file| file.bytes).sum();
        let text = "UPDATE loads SET state = 'staged', files = $2, rows_written = $3, rows_carried = $4,
                        bytes_written = $5, records_deduplicated = $6 WHERE id = $1";
        let staged = Sql::new(ACT, text).bind(load_id).bind(files).bind(stored).bind(replay.rows_carried);
        staged.bind(bytes).bind(replay.deduplicated).run(&transaction).await?;
        commit(ACT, transaction).await
    }
}

/// Locks the files of the records, so that nobody takes the rows of one out meanwhile; how many they are.
async fn lock_files(replay: &Replay, on: &impl ConnectionTrait) -> Result<i64, MetadataError> {
    let mut ids: Vec<i64> = replay.rejects.iter().map(|reject| reject.file_id).collect();
    ids.sort_unstable();
    ids.dedup();
    for part in ids.chunks(REJECTS_PER_BATCH) {
        let batch = Batch::of(["id"], part.iter().map(|&id| [id.into()]));
        let text = "UPDATE files SET owner = owner FROM {rows} WHERE files.id = r.id";
        Sql::over(ACT, batch, text).run(on).await?;
    }
    Ok(ids.len() as i64)
}

async fn reserve_rejects(
    load_id: i64,
    rejects: &[ReplayedReject],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let mut reserved = 0;
    for part in rejects.chunks(REJECTS_PER_BATCH) {
        let rows = part.iter().map(|reject| [reject.id.into(), (&reject.fixed).into()]);
        let text = "UPDATE rejects SET replay_load_id = $2 FROM {rows}
                    WHERE rejects.id = r.id AND rejects.status = 'open' AND rejects.replay_load_id IS NULL
                        AND rejects.fixed IS NOT DISTINCT FROM r.fixed
                        AND EXISTS (SELECT 1 FROM files WHERE files.id = rejects.file_id
                                        AND files.state = 'processed' AND files.removed_by_load IS NULL)";
        reserved +=
            Sql::over(ACT, Batch::of(["id", "fixed"], rows), text).bind(load_id).run(on).await? as i64;
    }
    let expected = rejects.len() as i64;
    if reserved == expected {
        Ok(())
    } else {
        Err(MetadataError::RejectsTaken { load_id, expected, taken: expected - reserved })
    }
}
