//! Which days a run must recompute: those that loads touched since the last success. Pure.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::query::DayRange;
use crate::query::listing::LakeFile;

/// Removed files whose days span more than this are not counted out; everything is recomputed.
const MAX_SPAN: usize = 4_000;

/// What changed in the source since a run.
#[derive(Debug, Default)]
pub struct Changes {
    /// Live files with rows that are new; the time column of those rows must be read.
    pub new_files: Vec<LakeFile>,
    /// Days that removed files may have held.
    pub removed_days: BTreeSet<NaiveDate>,
    /// Nothing less than everything will do: the first run, or a removed file of unknown days.
    pub everything: bool,
}

/// Compares the source with what the last success, at `from_seq`, had seen. `removed` are files that loads after
/// `from_seq` took away; they may be gone from the disk, so only what the ledger says about them is used.
pub fn changes(live: &[LakeFile], removed: &[LakeFile], from_seq: i64, time_column: &str) -> Changes {
    let mut changes = Changes { everything: from_seq == 0, ..Changes::default() };
    // A file that came and went since then was never in a summary.
    for file in removed.iter().filter(|file| file.first_seq <= from_seq) {
        match file
            .days_of(time_column)
            .map(|(first, last)| first.iter_days().take_while(move |day| *day <= last))
        {
            Some(days) if days.clone().nth(MAX_SPAN).is_none() => changes.removed_days.extend(days),
            _ => changes.everything = true,
        }
    }
    changes.new_files = match changes.everything {
        true => live.to_vec(),
        false => live.iter().filter(|file| file.commit_seq > from_seq).cloned().collect(),
    };
    changes
}

/// Days as runs of consecutive days, so that a long history is a short predicate.
pub fn ranges(days: &BTreeSet<NaiveDate>) -> Vec<DayRange> {
    let mut ranges: Vec<DayRange> = Vec::new();
    for &day in days {
        match ranges.last_mut() {
            Some(range) if range.last.succ_opt() == Some(day) => range.last = day,
            _ => ranges.push(DayRange { first: day, last: day }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn file(id: i64, commit_seq: i64, days: Option<(&str, &str)>) -> LakeFile {
        let column_ranges =
            days.map(|(first, last)| format!(r#"{{"t":["{first}T00:00:00Z","{last}T12:00:00Z"]}}"#));
        LakeFile { id, commit_seq, first_seq: commit_seq, column_ranges, ..LakeFile::default() }
    }

    fn ids(files: &[LakeFile]) -> Vec<i64> {
        files.iter().map(|file| file.id).collect()
    }

    #[test]
    fn only_files_after_the_last_success_are_read() {
        let live = [file(1, 5, None), file(2, 6, None), file(3, 9, None)];
        let found = changes(&live, &[], 6, "t");
        assert_eq!((ids(&found.new_files), found.everything), (vec![3], false));
        let first = changes(&live, &[], 0, "t");
        assert_eq!((ids(&first.new_files), first.everything), (vec![1, 2, 3], true));
    }

    #[test]
    fn a_removed_file_touches_the_days_it_held() {
        let removed = [file(1, 2, Some(("2025-01-01", "2025-01-03"))), file(2, 8, None)];
        let found = changes(&[], &removed, 5, "t");
        assert_eq!(found.removed_days, ["2025-01-01", "2025-01-02", "2025-01-03"].map(day).into());
        assert!(!found.everything, "file 2 came and went after the last success");
    }

    #[test]
    fn a_removed_file_of_unknown_or_endless_days_touches_everything() {
        let live = [file(1, 1, None)];
        for days in [None, Some(("1900-01-01", "2025-01-01"))] {
            let found = changes(&live, &[file(2, 3, days)], 5, "t");
            assert_eq!((ids(&found.new_files), found.everything), (vec![1], true));
        }
    }

    #[test]
    fn consecutive_days_are_one_range() {
        let days = ["2025-01-31", "2025-02-01", "2025-02-03"].map(day).into();
        assert_eq!(
            ranges(&days),
            [
                DayRange { first: day("2025-01-31"), last: day("2025-02-01") },
                DayRange { first: day("2025-02-03"), last: day("2025-02-03") },
            ]
        );
    }
}
