//! Data files whose rows a compaction has written into others.
//!
//! They leave the table's folders at once, so that whoever lists a folder does not read their rows a second time. For a
//! while they lie in `.removed/`, where readers of ours find them that listed them before: the rows are the same.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Lake, LakeError};
use crate::crash;
use crate::durable::{self, DirectorySync};

const FOLDER: &str = ".removed";

/// Where a retired data file lies, relative to the root. The name does not end like that of a data file: a pattern over
/// the whole lake must not find it.
pub fn path_of(path: &str) -> String {
    format!("{FOLDER}/{}.old", &blake3::hash(path.as_bytes()).to_hex()[..32])
}

/// Opens a data file where it belongs, or else where it lies since it was retired.
///
/// # Errors
/// `NotFound` when it is in neither place; else what opening gives.
pub fn open(root: &Path, path: &str) -> io::Result<File> {
    match File::open(root.join(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(root.join(path_of(path))),
        opened => opened,
    }
}

/// Takes data files out of their folders. Those that are gone already are fine.
///
/// # Errors
/// Storage faults; some files may be retired then.
pub fn retire<'a>(
    lake: &Lake,
    paths: impl IntoIterator<Item = &'a str>,
    now: SystemTime,
) -> Result<(), LakeError> {
    let folder = lake.place(FOLDER);
    durable::create_directories(&folder).map_err(LakeError::io("create", &folder))?;
    let mut directories = DirectorySync::default();
    for path in paths {
        let place = lake.place(path);
        match retire_one(&place, &lake.place(&path_of(path)), now) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(LakeError::io("retire", &place))?,
        }
        // Also for a file that is gone: who took it away may have died before this.
        if durable::parent(&place).is_dir() {
            directories.mark(durable::parent(&place));
        }
        crash::at("compact-mid-retire");
    }
    directories.sync().map_err(LakeError::io("sync", lake.root()))
}

/// The time of its retirement is the file's own, so that nobody has to remember it.
fn retire_one(place: &Path, target: &Path, now: SystemTime) -> io::Result<()> {
    File::options().append(true).open(place)?.set_modified(now)?;
    fs::rename(place, target)
}

/// Deletes retired data files for good that were retired before `then`; how many there were.
///
/// # Errors
/// Storage faults.
pub fn purge(lake: &Lake, then: SystemTime) -> Result<usize, LakeError> {
    let folder = lake.place(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other.map_err(LakeError::io("list", &folder))?,
    };
    let mut purged = 0;
    for entry in entries {
        let path: PathBuf = entry.map_err(LakeError::io("list", &folder))?.path();
        let retired = fs::metadata(&path).and_then(|found| found.modified());
        if retired.is_ok_and(|retired| retired < then) {
            durable::remove_if_there(&path).map_err(LakeError::io("remove", &path))?;
            purged += 1;
        }
    }
    Ok(purged)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use super::*;
    use crate::workers::Workers;

    #[test]
    fn a_retired_file_leaves_its_folder_and_can_be_read_for_a_while() {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = Lake::new(folder.path(), Workers::new(1));
        let path = "raw_data/t/date=2025-01-01/a.parquet";
        fs::create_dir_all(durable::parent(&lake.place(path))).expect("a folder");
        fs::write(lake.place(path), b"rows").expect("a file");
        let now = SystemTime::now();
        for _ in 0..2 {
            retire(&lake, [path, "raw_data/t/gone.parquet"], now).expect("retired");
            assert!(!lake.place(path).exists());
            let mut bytes = String::new();
            open(lake.root(), path).expect("still there").read_to_string(&mut bytes).expect("text");
            assert_eq!(bytes, "rows");
        }
        assert_eq!(purge(&lake, now - Duration::from_secs(1)).expect("listed"), 0);
        assert_eq!(purge(&lake, now + Duration::from_secs(1)).expect("listed"), 1);
        let gone = open(lake.root(), path).expect_err("deleted");
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }
}
