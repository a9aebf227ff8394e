//! Undoing a load that was not committed.

use super::super::error::MetadataError;
use super::super::files::{Release, give_back, give_back_rest};
use super::super::statement::Sql;
use super::super::{Metadata, commit};
use super::{LoadState, locked_load};

const ACT: &str = "roll back a load";
const NEEDED: &str = "writing or staged";

impl Metadata {
    /// `writing` or `staged` → `rolled_back`. Its pending data files and rejects are forgotten, so whoever
    /// published some of them deletes them first. Files are given back as `releases` says; the others of this
    /// load go back to `queued`. The ids of all files given back. To roll back again changes nothing.
    ///
    /// # Errors
    /// The load is committed or does not exist.
    pub async fn roll_back(&self, load_id: i64, releases: &[Release]) -> Result<Vec<i64>, MetadataError> {
        let transaction = self.begin(ACT).await?;
        let load = locked_load(ACT, load_id, NEEDED, &transaction).await?;
        match load.state {
            LoadState::RolledBack => return Ok(Vec::new()),
            LoadState::Committed => {
                return Err(MetadataError::LoadState { load_id, found: Some(load.state), needed: NEEDED });
            }
            LoadState::Writing | LoadState::Staged => {}
        }
        for text in [
            "DELETE FROM data_file_origins WHERE data_file_id IN
                 (SELECT id FROM data_files WHERE load_id = $1 AND state = 'pending')",
            "DELETE FROM data_files WHERE load_id = $1 AND state = 'pending'",
            "DELETE FROM rejects WHERE load_id = $1 AND status = 'pending'",
            "UPDATE data_files SET removed_by_load = NULL WHERE removed_by_load = $1 AND state = 'live'",
            "UPDATE rejects SET replay_load_id = NULL WHERE replay_load_id = $1 AND status <> 'replayed'",
            "UPDATE files SET removed_by_load = NULL WHERE removed_by_load = $1 AND state = 'processed'",
            "UPDATE loads SET state = 'rolled_back' WHERE id = $1",
        ] {
            Sql::new(ACT, text).bind(load_id).run(&transaction).await?;
        }
        let mut ids = give_back(ACT, releases, &transaction).await?;
        ids.extend(give_back_rest(ACT, load_id, &transaction).await?);
        commit(ACT, transaction).await?;
        Ok(ids)
    }
}
