//! The data files of a table as one query sees them: a list from the ledger, never from a directory.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use crate::metadata::data_files::{DataFileRow, LiveDataFile};

/// One live data file.
#[derive(Debug, Clone, Default)]
pub struct LakeFile {
    /// Key in the ledger.
    pub id: i64,
    pub load_id: i64,
    /// Place of its load in the order of commits.
    pub commit_seq: i64,
    /// Relative to the root of the lake, with `/`.
    pub path: String,
    pub partition_value: Option<String>,
    pub rows: u64,
    pub bytes: u64,
    /// JSON: `{"column": [least, greatest]}`, for the columns whose range is known.
    pub column_ranges: Option<String>,
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
            commit_seq,
            path: row.path,
            partition_value: row.partition_value,
            rows: u64::try_from(row.rows).unwrap_or_default(),
            bytes: u64::try_from(row.bytes).unwrap_or_default(),
            column_ranges: row.column_ranges,
        }
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

/// Puts files into the order in which their rows count as "first": by commit, then by ledger key.
pub fn in_commit_order(mut files: Vec<LakeFile>) -> Vec<LakeFile> {
    files.sort_by_key(|file| (file.commit_seq, file.id));
    files
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
