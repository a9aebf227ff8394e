//! The order in which the rows of a table came in, by commits, data files and rows. Pure.
//!
//! A file that compaction has merged holds runs of rows that came in at other times; each run keeps its place. So
//! merging files, in whatever grouping, moves no row in this order.

use std::collections::{BTreeSet, HashMap};

use datafusion::error::{DataFusionError, Result};

use super::listing::LakeFile;

/// Rows of one file are numbered in the low bits: 2^40 rows in each of 2^23 files.
const ROW_BITS: u32 = 40;

/// The positions of all rows of some files.
#[derive(Debug)]
pub struct RowOrder {
    /// By the id of a data file, in the order of its rows.
    runs: HashMap<i64, Vec<Run>>,
    /// The commits of the data files in which rows came in, in their order.
    commits: Vec<i64>,
}

/// Neighbouring rows of a file whose positions count up by one.
#[derive(Debug, Clone, Copy)]
struct Run {
    at_row: i64,
    end: i64,
    /// The position of its first row.
    position: i64,
}

/// A data file in which rows came in: its commit, then its id.
type Arrival = (i64, i64);

impl RowOrder {
    /// # Errors
    /// More files than can be numbered.
    pub fn of(files: &[LakeFile]) -> Result<Self> {
        let arrivals: BTreeSet<Arrival> = files.iter().flat_map(arrivals).collect();
        if arrivals.len() >= 1 << (63 - ROW_BITS) {
            let message = "the table has more files than can be numbered";
            return Err(DataFusionError::Execution(message.into()));
        }
        let places: HashMap<Arrival, i64> = arrivals.iter().copied().zip(0..).collect();
        let runs = files.iter().map(|file| (file.id, runs(file, &places))).collect();
        Ok(RowOrder { runs, commits: arrivals.into_iter().map(|(commit, _)| commit).collect() })
    }

    /// The lowest position that a row of a commit after `commit_seq` can have.
    pub fn first_after(&self, commit_seq: i64) -> i64 {
        let before = self.commits.partition_point(|commit| *commit <= commit_seq);
        (before as i64) << ROW_BITS
    }

    /// The positions of rows of a data file, given by their ascending numbers in it.
    ///
    /// # Errors
    /// The file has more rows than the ledger says.
    pub fn positions(&self, file_id: i64, rows: &[i64]) -> Result<Vec<i64>> {
        let runs = self.runs.get(&file_id).map(Vec::as_slice).unwrap_or_default();
        let mut positions = Vec::with_capacity(rows.len());
        let mut at = rows.first().map_or(0, |first| runs.partition_point(|run| run.end <= *first));
        for row in rows {
            while runs.get(at).is_some_and(|run| run.end <= *row) {
                at += 1;
            }
            let run = runs.get(at).ok_or_else(|| {
                DataFusionError::Internal(format!("data file {file_id} has more rows than the ledger says"))
            })?;
            positions.push(run.position + (row - run.at_row));
        }
        Ok(positions)
    }
}

fn arrivals(file: &LakeFile) -> Vec<Arrival> {
    if file.origins.is_empty() {
        return vec![(file.commit_seq, file.id)];
    }
    file.origins.iter().map(|origin| (origin.commit_seq, origin.origin_id)).collect()
}

fn runs(file: &LakeFile, places: &HashMap<Arrival, i64>) -> Vec<Run> {
    let position = |arrival: Arrival| places.get(&arrival).copied().unwrap_or_default() << ROW_BITS;
    if file.origins.is_empty() {
        return vec![Run { at_row: 0, end: i64::MAX, position: position((file.commit_seq, file.id)) }];
    }
    let run = |origin: &crate::metadata::origins::OriginRow| Run {
        at_row: origin.at_row,
        end: origin.at_row + origin.rows,
        position: position((origin.commit_seq, origin.origin_id)) + origin.first_row,
    };
    file.origins.iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::origins::OriginRow;

    fn file(id: i64, commit_seq: i64) -> LakeFile {
        LakeFile { id, commit_seq, first_seq: commit_seq, ..LakeFile::default() }
    }

    /// `(origin, commit, first row, rows)`
    fn merged(id: i64, origins: &[(i64, i64, i64, i64)]) -> LakeFile {
        let mut at_row = 0;
        let row = |&(origin_id, commit_seq, first_row, rows): &(i64, i64, i64, i64)| {
            at_row += rows;
            let at_row = at_row - rows;
            OriginRow { id: 0, data_file_id: id, origin_id, load_id: 0, commit_seq, at_row, first_row, rows }
        };
        LakeFile { origins: origins.iter().map(row).collect(), ..file(id, 9) }
    }

    #[test]
    fn merging_moves_no_row() {
        let before = RowOrder::of(&[file(1, 1), file(2, 1), file(3, 2), file(4, 2)]).expect("few files");
        // Files 1 and 3 were merged, and cut anew inside file 3; file 2 lies between them.
        let after = RowOrder::of(&[
            merged(7, &[(1, 1, 0, 2), (3, 2, 0, 1)]),
            merged(8, &[(3, 2, 1, 4)]),
            file(2, 1),
            file(4, 2),
        ])
        .expect("few files");
        let old = |id, rows: &[i64]| before.positions(id, rows).expect("rows");
        let new = |id, rows: &[i64]| after.positions(id, rows).expect("rows");
        assert_eq!(new(7, &[0, 1]), old(1, &[0, 1]));
        assert_eq!(new(7, &[2]), old(3, &[0]));
        assert_eq!(new(8, &[0, 1, 2, 3]), old(3, &[1, 2, 3, 4]));
        assert_eq!(new(8, &[2]), old(3, &[3]), "a reader may begin anywhere");
        assert_eq!(new(2, &[0, 5]), old(2, &[0, 5]));
        assert_eq!(new(4, &[0]), old(4, &[0]));
        assert!(after.positions(8, &[4]).is_err(), "more rows than the ledger knows");
    }

    #[test]
    fn rows_of_later_commits_are_told_apart_inside_a_merged_file() {
        let order = RowOrder::of(&[merged(7, &[(1, 3, 0, 2), (2, 5, 0, 2)]), file(4, 4)]).expect("few files");
        let bound = order.first_after(4);
        let later = |id, rows: &[i64]| -> Vec<bool> {
            order.positions(id, rows).expect("rows").into_iter().map(|position| position >= bound).collect()
        };
        assert_eq!(later(7, &[0, 1, 2, 3]), [false, false, true, true]);
        assert_eq!(later(4, &[0]), [false]);
        assert_eq!(order.first_after(0), 0);
    }
}
