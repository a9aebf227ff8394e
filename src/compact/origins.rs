//! Where the rows of new files come from, when old files were written one after the other into new ones. Pure.

use crate::metadata::loads::Origin;
use crate::query::listing::LakeFile;

/// The origins of each new file, given the old files in the order in which they were read and the rows of the new ones
/// in the order in which they were written.
pub fn origins_of(old: &[LakeFile], new: &[i64]) -> Vec<Vec<Origin>> {
    cut(old.iter().flat_map(runs_of), new)
}

/// As [`origins_of`], of one file of which only the rows in `kept` (from, to; ascending) were written.
pub fn origins_of_kept(old: &LakeFile, kept: &[(usize, usize)], new: &[i64]) -> Vec<Vec<Origin>> {
    let runs = runs_of(old);
    let part = |from: i64, to: i64, run: &Origin| {
        let (start, end) = (from.max(run.at_row), to.min(run.at_row + run.rows));
        (start < end).then(|| Origin {
            first_row: run.first_row + (start - run.at_row),
            rows: end - start,
            ..*run
        })
    };
    let kept = kept
        .iter()
        .flat_map(|(from, to)| runs.iter().filter_map(move |run| part(*from as i64, *to as i64, run)));
    cut(kept.collect::<Vec<_>>(), new)
}

/// Gives each new file its part of the runs, which follow one another.
fn cut(runs: impl IntoIterator<Item = Origin>, new: &[i64]) -> Vec<Vec<Origin>> {
    let mut runs = runs.into_iter().filter(|run| run.rows > 0);
    let mut rest: Option<Origin> = None;
    let mut of_file = |rows: i64| {
        let mut origins = Vec::new();
        let mut at_row = 0;
        while at_row < rows {
            let Some(run) = rest.take().or_else(|| runs.next()) else { break };
            let taken = run.rows.min(rows - at_row);
            origins.push(Origin { at_row, rows: taken, ..run });
            at_row += taken;
            rest = (taken < run.rows).then_some(Origin {
                first_row: run.first_row + taken,
                rows: run.rows - taken,
                ..run
            });
        }
        origins
    };
    new.iter().map(|rows| of_file(*rows)).collect()
}

/// A file that is merged itself hands on what it was made of.
fn runs_of(file: &LakeFile) -> Vec<Origin> {
    if file.origins.is_empty() {
        let rows = i64::try_from(file.rows).unwrap_or(i64::MAX);
        let LakeFile { id: origin_id, load_id, commit_seq, .. } = *file;
        return vec![Origin { origin_id, load_id, commit_seq, at_row: 0, first_row: 0, rows }];
    }
    let run = |row: &crate::metadata::origins::OriginRow| Origin {
        origin_id: row.origin_id,
        load_id: row.load_id,
        commit_seq: row.commit_seq,
        at_row: row.at_row,
        first_row: row.first_row,
        rows: row.rows,
    };
    file.origins.iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metadata::origins::OriginRow;

    fn file(id: i64, rows: u64) -> LakeFile {
        LakeFile { id, load_id: 10 + id, commit_seq: 20 + id, rows, ..LakeFile::default() }
    }

    fn merged(id: i64, origins: &[Origin]) -> LakeFile {
        let row = |origin: &Origin| OriginRow {
            id: 0,
            data_file_id: id,
            origin_id: origin.origin_id,
            load_id: origin.load_id,
            commit_seq: origin.commit_seq,
            at_row: origin.at_row,
            first_row: origin.first_row,
            rows: origin.rows,
        };
        let rows = origins.iter().map(|origin| origin.rows.unsigned_abs()).sum();
        LakeFile { origins: origins.iter().map(row).collect(), ..file(id, rows) }
    }

    /// Each row by where it came in.
    fn rows(files: &[LakeFile]) -> Vec<(i64, i64)> {
        let of_run =
            |run: Origin| (run.first_row..run.first_row + run.rows).map(move |row| (run.origin_id, row));
        files.iter().flat_map(runs_of).flat_map(of_run).collect()
    }

    #[test]
    fn a_cut_inside_a_file_leaves_both_parts_with_their_place() {
        let found = origins_of(&[file(1, 2), file(2, 0), file(3, 4)], &[3, 3]);
        let short = |origin: &Origin| (origin.origin_id, origin.at_row, origin.first_row, origin.rows);
        let found: Vec<Vec<_>> = found.iter().map(|origins| origins.iter().map(short).collect()).collect();
        assert_eq!(found, [vec![(1, 0, 0, 2), (3, 2, 0, 1)], vec![(3, 0, 1, 3)]]);
    }

    #[test]
    fn rows_that_go_leave_the_others_with_their_place() {
        let old = merged(9, &origins_of(&[file(1, 4), file(2, 3)], &[7])[0]);
        let found = origins_of_kept(&old, &[(1, 2), (3, 6)], &[3, 1]);
        let short = |origin: &Origin| (origin.origin_id, origin.at_row, origin.first_row, origin.rows);
        let found: Vec<Vec<_>> = found.iter().map(|origins| origins.iter().map(short).collect()).collect();
        assert_eq!(found, [vec![(1, 0, 1, 1), (1, 1, 3, 1), (2, 2, 0, 1)], vec![(2, 0, 1, 1)]]);
        assert!(origins_of_kept(&old, &[], &[]).is_empty());
    }

    proptest! {
        #[test]
        fn merging_again_and_again_never_loses_where_a_row_came_from(
            sizes in prop::collection::vec(0u64..20, 1..12),
            first in prop::collection::vec(1i64..30, 1..8),
            second in prop::collection::vec(1i64..50, 1..8),
        ) {
            let old: Vec<LakeFile> = sizes.iter().zip(1..).map(|(rows, id)| file(id, *rows)).collect();
            let all = rows(&old);
            let mut files = old;
            for cuts in [first, second] {
                let mut left = all.len() as i64;
                let mut sizes: Vec<i64> = Vec::new();
                for cut in cuts {
                    sizes.push(cut.min(left));
                    left -= cut.min(left);
                }
                sizes.push(left);
                let origins = origins_of(&files, &sizes);
                for (origins, size) in origins.iter().zip(&sizes) {
                    prop_assert_eq!(origins.iter().map(|origin| origin.rows).sum::<i64>(), *size);
                    let mut end = 0;
                    for origin in origins {
                        prop_assert_eq!(origin.at_row, end);
                        end += origin.rows;
                    }
                }
                files = origins.iter().zip(100..).filter(|(origins, _)| !origins.is_empty())
                    .map(|(origins, id)| merged(id, origins)).collect();
                prop_assert_eq!(rows(&files), all.clone());
            }
        }
    }
}
