//! Tables with unique keys, as the ledger knows them.

use chrono::NaiveDateTime;

use super::departure::rows_of;
use super::fault::Fault;
use super::write::{KeyedTable, checked_unique_keys};
use crate::lake::keys::LiveFile;
use crate::metadata::Metadata;
use crate::metadata::data_files::LiveDataFile;
use crate::metadata::files::Delivery;
use crate::registry::TypeSpec;
use crate::schema::processing_config::OnRedelivery;

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

/// As [`keyed_table`], for a dry run of one file. Its own id is 0; rows that came with the same bytes, and those of earlier
/// deliveries that it would replace, are on their way out.
pub(crate) async fn keyed_for_trial(
    metadata: &Metadata,
    spec: &TypeSpec,
    name: &str,
    time: Option<NaiveDateTime>,
    duplicate_of: Option<i64>,
) -> Result<KeyedTable, Fault> {
    let mut keyed = keyed_table(metadata, spec).await?;
    if keyed.seen_commit.is_none() {
        return Ok(keyed);
    }
    let mut leaving = match spec.config.on_redelivery {
        OnRedelivery::Replace => {
            metadata.earlier_deliveries(&spec.file_type, &[Delivery::by(name, time)]).await?
        }
        OnRedelivery::Append | OnRedelivery::Ignore => Vec::new(),
    };
    if let Some(id) = duplicate_of {
        leaving.extend(metadata.file(id).await?);
    }
    keyed.leaving.insert(0, rows_of(metadata, &leaving).await?);
    Ok(keyed)
}
