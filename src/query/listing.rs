//! The data files of a table as one query sees them: a list from the ledger, never from a directory.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use crate::metadata::data_files::{DataFileRow, LiveDataFile};
use crate::metadata::origins::OriginRow;

/// One live data file.
#[derive(Debug, Clone, Default)]
pub struct LakeFile {
    /// Key in the ledger.
    pub id: i64,
    pub load_id: i64,
    /// The newest commit that brought rows of it: that of its load, unless compaction has merged it.
    pub commit_seq: i64,
    /// The oldest of them.
    pub first_seq: i64,
    /// Compaction made it of others.
    pub is_merged: bool,
    /// Relative to the root of the lake, with `/`.
    pub path: String,
    pub partition_value: Option<String>,
    pub rows: u64,
    pub bytes: u64,
    /// JSON: `{"column": [least, greatest]}`, for the columns whose range is known.
    pub column_ranges: Option<String>,
    /// Where the rows of a merged file come from, in their order; filled in only where [`with_origins`] did. Empty:
    /// they came with the file itself.
    pub origins: Arc<[OriginRow]>,
}

impl From<LiveDataFile> for LakeFile {
    fn from(LiveDataFile { file, commit_seq }: LiveDataFile) -> Self {
        LakeFile::new(file, commit_seq)
    }
}

impl LakeFile {
    /// A ledger row, with the place of its load in the order of commits.
    pub fn new(row: DataFileRow, commit_seq: i64) -> Self {
        LakeFile {
            id: row.id,
            load_id: row.load_id,
            commit_seq: row.last_commit_seq.unwrap_or(commit_seq),
            first_seq: row.first_commit_seq.unwrap_or(commit_seq),
            is_merged: row.first_commit_seq.is_some(),
            path: row.path,
            partition_value: row.partition_value,
            rows: u64::try_from(row.rows).unwrap_or_default(),
            bytes: u64::try_from(row.bytes).unwrap_or_default(),
            column_ranges: row.column_ranges,
            origins: Arc::default(),
        }
    }

    /// How many of its rows came with commits after `commit_seq`.
    pub fn rows_after(&self, commit_seq: i64) -> u64 {
        if self.commit_seq <= commit_seq {
            return 0;
        }
        if self.first_seq > commit_seq {
            return self.rows;
        }
        let later = self.origins.iter().filter(|origin| origin.commit_seq > commit_seq);
        later.map(|origin| u64::try_from(origin.rows).unwrap_or_default()).sum()
    }

    /// First and last UTC day of a time column in this file, when the ledger knows them.
    pub fn days_of(&self, column: &str) -> Option<(NaiveDate, NaiveDate)> {
        let ranges: Value = serde_json::from_str(self.column_ranges.as_deref()?).ok()?;
        let range = ranges.get(column)?;
        let (first, last) = (day_of(range.get(0)?)?, day_of(range.get(1)?)?);
        (first <= last).then_some((first, last))
    }
}

/// A date, or a time with offset, as text; anything else is not understood and therefore not used.
fn day_of(value: &Value) -> Option<NaiveDate> {
    let text = value.as_str()?;
    super::partitions::date(text)
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc).date_naive()))
}

/// Puts files into the order of their first rows: by commit, then by ledger key.
pub fn in_commit_order(mut files: Vec<LakeFile>) -> Vec<LakeFile> {
    files.sort_by_key(|file| (file.first_seq, file.id));
    files
}

/// Gives each merged file its origins, which come file by file. `None` when some are missing: the file was replaced
/// between the two looks at the ledger.
pub fn with_origins(files: Vec<LakeFile>, origins: Vec<OriginRow>) -> Option<Vec<LakeFile>> {
    let mut by_file: HashMap<i64, Vec<OriginRow>> = HashMap::new();
    for origin in origins {
        by_file.entry(origin.data_file_id).or_default().push(origin);
    }
    let fill = |mut file: LakeFile| {
        let Some(own) = by_file.remove(&file.id) else { return (!file.is_merged).then_some(file) };
        let rows: i64 = own.iter().map(|origin| origin.rows).sum();
        file.origins = own.into();
        (u64::try_from(rows) == Ok(file.rows)).then_some(file)
    };
    files.into_iter().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_time_column_gives_its_days() {
        let file = |ranges: &str| LakeFile { column_ranges: Some(ranges.into()), ..LakeFile::default() };
        let day = |text: &str| super::super::partitions::date(text).expect("a date");
        assert_eq!(
            file(r#"{"t":["2025-01-01T23:30:00-01:00","2025-01-03T00:00:00Z"]}"#).days_of("t"),
            Some((day("2025-01-02"), day("2025-01-03")))
        );
        assert_eq!(
            file(r#"{"t":["2025-01-01","2025-01-01"]}"#).days_of("t"),
            Some((day("2025-01-01"), day("2025-01-01")))
        );
        for unknown in [r#"{"t":[null,null]}"#, r#"{"t":[1,2]}"#, "{", r#"{"u":["2025-01-01","2025-01-01"]}"#]
        {
            assert_eq!(file(unknown).days_of("t"), None, "{unknown}");
        }
    }
}
