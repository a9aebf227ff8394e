//! Which files of a table become which new file. Pure.
//!
//! Files of one folder (a partition) and one shape (their columns) are put together in the order in which their rows
//! came in. A file that has reached half of the target stays as it is.

use std::collections::BTreeMap;

use crate::query::listing::LakeFile;

/// How eager to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Size of a data file that needs no merging any more, roughly.
    pub target_bytes: u64,
    /// Fewer files than this are left alone, unless together they fill half of a target.
    pub min_files: usize,
    /// Leave a file out that is much larger than what would be added to it: over time every byte would be written
    /// again and again.
    pub thrifty: bool,
}

/// Files that become one.
#[derive(Debug, Clone)]
pub struct Group {
    pub folder: String,
    /// At least two, in the order in which their rows came in.
    pub files: Vec<LakeFile>,
}

/// A file is left out when it is so many times larger than all others of its group together.
const MUCH_LARGER: u64 = 4;

/// Files that merging could concern.
pub fn is_small(file: &LakeFile, target_bytes: u64) -> bool {
    file.bytes < target_bytes / 2
}

/// The folder of a data file, relative to the root of the lake.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Puts files together. `files` are in commit order, each with its shape.
pub fn groups<S: Ord>(files: &[(LakeFile, S)], bounds: Bounds) -> Vec<Group> {
    let mut alike: BTreeMap<(&str, &S), Vec<&LakeFile>> = BTreeMap::new();
    for (file, shape) in files.iter().filter(|(file, _)| is_small(file, bounds.target_bytes)) {
        alike.entry((folder_of(&file.path), shape)).or_default().push(file);
    }
    let mut groups = Vec::new();
    for ((folder, _), files) in alike {
        for files in pack(files, bounds).into_iter().filter_map(|files| worthwhile(files, bounds)) {
            let files = files.into_iter().cloned().collect();
            groups.push(Group { folder: folder.to_owned(), files });
        }
    }
    groups
}

/// Cuts a row of files where the next one would not fit any more.
fn pack(files: Vec<&LakeFile>, bounds: Bounds) -> Vec<Vec<&LakeFile>> {
    let mut packed: Vec<Vec<&LakeFile>> = Vec::new();
    let mut room = 0;
    for file in files {
        match packed.last_mut().filter(|_| file.bytes <= room) {
            Some(open) => {
                room -= file.bytes;
                open.push(file);
            }
            None => {
                room = bounds.target_bytes.saturating_sub(file.bytes);
                packed.push(vec![file]);
            }
        }
    }
    packed
}

/// What is left of a group when only that is merged for which it pays.
fn worthwhile(mut files: Vec<&LakeFile>, bounds: Bounds) -> Option<Vec<&LakeFile>> {
    let total = |files: &[&LakeFile]| files.iter().map(|file| file.bytes).sum::<u64>();
    let is_full = |files: &[&LakeFile]| total(files) >= bounds.target_bytes / 2;
    while bounds.thrifty && !is_full(&files) {
        let (at, largest) = files.iter().enumerate().max_by_key(|(_, file)| file.bytes)?;
        if largest.bytes <= MUCH_LARGER.saturating_mul(total(&files) - largest.bytes) {
            break;
        }
        files.remove(at);
    }
    let enough = files.len() >= bounds.min_files || is_full(&files);
    (enough && files.len() > 1).then_some(files)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(id: i64, folder: &str, bytes: u64) -> LakeFile {
        LakeFile { id, path: format!("{folder}/{id}.parquet"), bytes, ..LakeFile::default() }
    }

    fn files(sizes: &[u64]) -> Vec<(LakeFile, u8)> {
        sizes.iter().zip(1..).map(|(bytes, id)| (file(id, "p", *bytes), 0)).collect()
    }

    fn ids(groups: &[Group]) -> Vec<Vec<i64>> {
        groups.iter().map(|group| group.files.iter().map(|file| file.id).collect()).collect()
    }

    const BY_HAND: Bounds = Bounds { target_bytes: 100, min_files: 2, thrifty: false };
    const BY_ITSELF: Bounds = Bounds { target_bytes: 100, min_files: 3, thrifty: true };

    #[test]
    fn small_files_are_put_together_in_order_up_to_the_target() {
        for (sizes, expected) in [
            (vec![], vec![]),
            (vec![1], vec![]),
            (vec![60, 70], vec![]),
            (vec![10, 60, 20], vec![vec![1, 3]]),
            (vec![40, 40, 40, 40], vec![vec![1, 2], vec![3, 4]]),
            (vec![40, 40, 40], vec![vec![1, 2]]),
            (vec![0, 0, 49], vec![vec![1, 2, 3]]),
        ] {
            assert_eq!(ids(&groups(&files(&sizes), BY_HAND)), expected, "{sizes:?}");
        }
    }

    #[test]
    fn nothing_crosses_a_folder_or_a_shape() {
        let mixed = [
            (file(1, "raw_data/t/date=2025-01-01", 1), 0),
            (file(2, "raw_data/t/date=2025-01-02", 1), 0),
            (file(3, "raw_data/t/date=2025-01-01", 1), 1),
            (file(4, "raw_data/t/date=2025-01-01", 1), 0),
            (file(5, "raw_data/t/date=2025-01-01", 1), 1),
        ];
        assert_eq!(ids(&groups(&mixed, BY_HAND)), [vec![1, 4], vec![3, 5]]);
    }

    #[test]
    fn by_itself_it_waits_for_enough_and_spares_what_is_large_already() {
        for (sizes, expected) in [
            (vec![1, 1], vec![]),
            (vec![1, 1, 1], vec![vec![1, 2, 3]]),
            // Full with two.
            (vec![30, 30], vec![vec![1, 2]]),
            // 40 would be written again for 3 bytes more.
            (vec![40, 1, 1, 1], vec![vec![2, 3, 4]]),
            (vec![40, 1, 1], vec![]),
            (vec![12, 1, 1, 1], vec![vec![1, 2, 3, 4]]),
            (vec![0, 0, 0], vec![vec![1, 2, 3]]),
        ] {
            assert_eq!(ids(&groups(&files(&sizes), BY_ITSELF)), expected, "{sizes:?}");
        }
    }

    proptest! {
        #[test]
        fn each_file_is_in_one_group_at_most_and_groups_keep_the_order(
            sizes in prop::collection::vec((0u64..120, 0u8..3, 0u8..2), 0..60),
            min_files in 2usize..5,
            thrifty: bool,
        ) {
            let files: Vec<(LakeFile, u8)> = sizes.iter().zip(1..)
                .map(|((bytes, folder, shape), id)| (file(id, &format!("p{folder}"), *bytes), *shape)).collect();
            let groups = groups(&files, Bounds { target_bytes: 100, min_files, thrifty });
            let mut seen = std::collections::BTreeSet::new();
            for group in &groups {
                prop_assert!(group.files.len() > 1);
                prop_assert!(group.files.is_sorted_by_key(|file| file.id));
                prop_assert!(group.files.iter().map(|file| file.bytes).sum::<u64>() <= 100);
                let shape = |file: &LakeFile| files[file.id as usize - 1].1;
                prop_assert!(group.files.iter().all(|file| shape(file) == shape(&group.files[0])));
                for file in &group.files {
                    prop_assert!(is_small(file, 100) && seen.insert(file.id));
                    prop_assert_eq!(folder_of(&file.path), &group.folder);
                }
            }
        }
    }
}
