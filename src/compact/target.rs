//! What a table's new data files should be like: size, compression, place.

use super::error::CompactError;
use super::plan::Group;
use super::{Compactor, Inner};
use crate::lake::{Compression, WriterOptions, Zone};
use crate::registry;
use crate::schema::processing_config::WriteMode;

/// One table, as its type wants it.
#[derive(Debug, Clone)]
pub struct Target {
    pub table: String,
    pub target_bytes: u64,
    compression: Compression,
    /// Loads of this table may replace data files that are there.
    pub is_replaced: bool,
}

impl Compactor {
    /// A table without a usable type (a summary, or one whose type was deleted) gets the defaults.
    pub(super) async fn target(&self, table: &str) -> Result<Target, CompactError> {
        let Inner { metadata, target_bytes, .. } = self.inner.as_ref();
        let rows = metadata.types().await?;
        let row = rows.iter().find(|row| row.table_name == table);
        let config = row.and_then(|row| registry::compile(row).ok()).map(|spec| spec.config);
        let wanted = config.as_ref().and_then(|config| config.target_file_mb);
        Ok(Target {
            table: table.to_owned(),
            target_bytes: wanted.map_or(*target_bytes, |mb| mb.saturating_mul(1 << 20)),
            compression: config.as_ref().map_or(Compression::Zstd, |config| config.compression),
            is_replaced: config.is_none_or(|config| config.write_mode != WriteMode::Append),
        })
    }
}

impl Target {
    pub fn options(&self, group: &Group) -> Result<WriterOptions, CompactError> {
        let zone = zone_of(&group.folder, &self.table)
            .ok_or_else(|| CompactError::Folder { path: group.files[0].path.clone() })?;
        Ok(WriterOptions {
            zone,
            table: self.table.clone(),
            compression: self.compression,
            target_bytes: self.target_bytes,
        })
    }
}

/// The zone of a data folder, relative to the root, of a table. The folder says how it came about: the type may partition differently today, or be gone.
pub fn zone_of(folder: &str, table: &str) -> Option<Zone> {
    let (zone, rest) = folder.split_once('/')?;
    let below = rest.strip_prefix(table)?;
    let partition = match below.strip_prefix('/') {
        Some(partition) if !partition.contains('/') => partition,
        None if below.is_empty() => "",
        _ => return None,
    };
    match zone {
        "summary" => Some(Zone::Summary),
        "raw_data" => {
            let column = partition.split_once('=').map(|(column, _)| column);
            let partition_column = if partition.is_empty() { "" } else { column? }.to_owned();
            Some(Zone::Raw { partition_column })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_says_which_zone_and_column_it_belongs_to() {
        let raw = |column: &str| Some(Zone::Raw { partition_column: column.into() });
        for (folder, expected) in [
            ("raw_data/t/date=2025-01-01", raw("date")),
            ("raw_data/t/load_date=__HIVE_DEFAULT_PARTITION__", raw("load_date")),
            ("raw_data/t", raw("")),
            ("summary/t/2025-01-01", Some(Zone::Summary)),
            ("summary/t", Some(Zone::Summary)),
            ("raw_data/tt/date=2025-01-01", None),
            ("raw_data/t/date=1/more=2", None),
            ("raw_data/t/plain", None),
            ("elsewhere/t", None),
            ("", None),
        ] {
            assert_eq!(zone_of(folder, "t"), expected, "{folder}");
        }
    }
}
