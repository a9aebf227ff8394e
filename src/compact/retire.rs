//! After the commit: replaced files leave the folders, and the ledger forgets them.
//!
//! Their rows are in other files, so no job has to hear that they went: they need not be remembered.

use std::time::SystemTime;

use crate::lake::{Lake, LakeError, retired};
use crate::metadata::Metadata;

use super::error::CompactError;

/// Retires every file that a committed compaction has replaced; how many there were. Can be repeated, by anybody.
///
/// # Errors
/// The ledger or the storage is at fault; what was not done is done the next time.
pub async fn retire_replaced(
    metadata: &Metadata,
    lake: &Lake,
    now: SystemTime,
) -> Result<usize, CompactError> {
    let replaced = metadata.compacted_data_files().await?;
    if replaced.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = replaced.iter().map(|file| file.id).collect();
    let lake = lake.clone();
    let retiring = tokio::task::spawn_blocking(move || {
        retired::retire(&lake, replaced.iter().map(|file| file.path.as_str()), now)
    });
    retiring.await.map_err(|stopped| CompactError::Panic { cause: stopped.to_string() })??;
    crate::crash::at("compact-after-retire");
    metadata.forget_data_files(&ids).await?;
    Ok(ids.len())
}

/// Deletes files for good that were retired before `then`.
///
/// # Errors
/// The storage is at fault.
pub async fn purge_retired(lake: &Lake, then: SystemTime) -> Result<usize, CompactError> {
    let lake = lake.clone();
    let purging = tokio::task::spawn_blocking(move || retired::purge(&lake, then));
    let purged: Result<usize, LakeError> =
        purging.await.map_err(|stopped| CompactError::Panic { cause: stopped.to_string() })?;
    Ok(purged?)
}
