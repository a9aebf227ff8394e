//! What merging did, or would do, to the partitions of a table.

use std::collections::BTreeMap;

use super::error::CompactError;
use super::plan::folder_of;
use crate::query::listing::LakeFile;

/// One merge that was committed.
#[derive(Debug, Clone)]
pub struct Merge {
    pub folder: String,
    pub load_id: i64,
    pub files_before: usize,
    pub files_after: usize,
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub rows: u64,
}

/// A partition in which something was or would be merged. Counts are of all its data files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionReport {
    /// The value of the partition; `None` in a table without partitions.
    pub partition: Option<String>,
    /// Relative to the root of the lake.
    pub folder: String,
    pub files_before: usize,
    pub files_after: usize,
    pub bytes_before: u64,
    /// `None` while it is only planned.
    pub bytes_after: Option<u64>,
    /// Rows in the files that are merged.
    pub rows: u64,
    pub load_ids: Vec<i64>,
}

/// One table.
#[derive(Debug, Default)]
pub struct TableReport {
    pub table: String,
    pub partitions: Vec<PartitionReport>,
    /// What could not be merged, by folder.
    pub failures: Vec<(String, CompactError)>,
    /// Why something was left for the next time: others were at work.
    pub left: Option<CompactError>,
}

impl TableReport {
    pub(super) fn of_plan<'a>(
        table: &str,
        live: &[LakeFile],
        groups: impl Iterator<Item = (&'a str, &'a [LakeFile])>,
    ) -> Self {
        let mut partitions: BTreeMap<String, PartitionReport> = BTreeMap::new();
        for (folder, files) in groups {
            let report = partitions.entry(folder.to_owned()).or_insert_with(|| before(folder, live));
            report.files_after = report.files_after + 1 - files.len();
            report.rows += files.iter().map(|file| file.rows).sum::<u64>();
        }
        TableReport {
            table: table.to_owned(),
            partitions: partitions.into_values().collect(),
            ..TableReport::default()
        }
    }

    pub(super) fn of_merges(table: &str, live: &[LakeFile], merges: &[Merge]) -> Self {
        let mut partitions: BTreeMap<&str, PartitionReport> = BTreeMap::new();
        for merge in merges {
            let report = partitions.entry(&merge.folder).or_insert_with(|| before(&merge.folder, live));
            report.files_after = (report.files_after + merge.files_after).saturating_sub(merge.files_before);
            let bytes = report.bytes_after.unwrap_or(report.bytes_before);
            report.bytes_after = Some((bytes + merge.bytes_after).saturating_sub(merge.bytes_before));
            report.rows += merge.rows;
            report.load_ids.push(merge.load_id);
        }
        TableReport {
            table: table.to_owned(),
            partitions: partitions.into_values().collect(),
            ..TableReport::default()
        }
    }
}

/// The partition as it was, with nothing done yet.
fn before(folder: &str, live: &[LakeFile]) -> PartitionReport {
    let files: Vec<&LakeFile> = live.iter().filter(|file| folder_of(&file.path) == folder).collect();
    PartitionReport {
        partition: files.first().and_then(|file| file.partition_value.clone()),
        folder: folder.to_owned(),
        files_before: files.len(),
        files_after: files.len(),
        bytes_before: files.iter().map(|file| file.bytes).sum(),
        ..PartitionReport::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &str, bytes: u64) -> LakeFile {
        LakeFile { path: format!("{folder}/x.parquet"), bytes, rows: 1, ..LakeFile::default() }
    }

    #[test]
    fn a_partition_counts_the_files_that_stay_too() {
        let live = [file("a", 10), file("a", 10), file("a", 500), file("b", 7)];
        let planned = TableReport::of_plan("t", &live, [("a", &live[..2])].into_iter());
        let counts = |report: &PartitionReport| (report.files_before, report.files_after, report.bytes_after);
        assert_eq!(planned.partitions.iter().map(counts).collect::<Vec<_>>(), [(3, 2, None)]);
        let merge = Merge {
            folder: "a".into(),
            load_id: 9,
            files_before: 2,
            files_after: 1,
            bytes_before: 20,
            bytes_after: 15,
            rows: 2,
        };
        let done = TableReport::of_merges("t", &live, &[merge]);
        assert_eq!(done.partitions.iter().map(counts).collect::<Vec<_>>(), [(3, 2, Some(515))]);
        assert_eq!((done.partitions[0].rows, done.partitions[0].load_ids.as_slice()), (2, &[9][..]));
    }
}
