//! Tables with unique keys, as the ledger knows them.

use super::fault::Fault;
use super::write::{KeyedTable, checked_unique_keys};
use crate::lake::keys::LiveFile;
use crate::metadata::Metadata;
use crate::metadata::data_files::LiveDataFile;
use crate::registry::TypeSpec;

/// The table of a type whose unique keys are checked; of another nothing is looked up.
pub(super) async fn keyed_table(metadata: &Metadata, spec: &TypeSpec) -> Result<KeyedTable, Fault> {
    if checked_unique_keys(spec).is_empty() {
        return Ok(KeyedTable::default());
    }
    // Before the list: a commit between the two is noticed.
    let seen_commit = Some(metadata.newest_commit(&spec.table).await?);
    let live = metadata.live_data_files(&spec.table).await?;
    let file = |live: LiveDataFile| LiveFile { path: live.file.path, partition: live.file.partition_value };
    Ok(KeyedTable { live: live.into_iter().map(file).collect(), seen_commit, ..KeyedTable::default() })
}
