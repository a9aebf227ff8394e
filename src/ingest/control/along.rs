//! A control file goes where its file goes.

use std::io;
use std::path::{Path, PathBuf};

use crate::durable::{self, DirectorySync};
use crate::inbox::control::{SUFFIX, beside};
use crate::name::{LONGEST, own_name};

/// Moves the control file of a file that moves, or has moved, from `from` to `to`; nothing when there is none, or
/// when it has followed already. What else may lie there under its name is no control file and stays.
///
/// # Errors
/// The move failed; it can be repeated.
pub fn take_along(from: &Path, to: &Path, directories: &mut DirectorySync) -> io::Result<()> {
    let control = beside(from);
    if from == to || !is_there(&control) {
        return Ok(());
    }
    // An older one may lie there: nothing is overwritten.
    for place in places(to) {
        match durable::move_new(&control, &place, directories) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_there(&control) => return Ok(()),
            other => return other,
        }
    }
    Ok(())
}

/// As [`take_along`], for a file that goes back to `incoming/`. A newer control file that lies there counts, and the
/// older one, of which the ledger knows what it said, goes.
///
/// # Errors
/// The move failed; it can be repeated.
pub fn take_back(from: &Path, to: &Path, directories: &mut DirectorySync) -> io::Result<()> {
    let control = beside(from);
    if from == to || !is_there(&control) {
        return Ok(());
    }
    match durable::move_new(&control, &beside(to), directories) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            durable::remove_if_there(&control).map(drop)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_there(&control) => Ok(()),
        other => other,
    }
}

fn is_there(control: &Path) -> bool {
    std::fs::symlink_metadata(control).is_ok_and(|found| found.is_file())
}

/// Names for the control file of a file, best first: beside it.
fn places(file: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = durable::parent(file).to_owned();
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fits = name.len() + SUFFIX.len() <= LONGEST;
    let first = if fits { beside(file) } else { folder.join(own_name(&name, None, SUFFIX)) };
    let numbered =
        (2_u32..).map(move |number| folder.join(own_name(&name, Some(&number.to_string()), SUFFIX)));
    std::iter::once(first).chain(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_once_and_overwrites_nothing() {
        let root = tempfile::tempdir().expect("a folder");
        let (from, to) = (root.path().join("a.json"), root.path().join("there").join("a.id7.json"));
        std::fs::create_dir(root.path().join("there")).expect("a folder");
        let go = || take_along(&from, &to, &mut DirectorySync::default()).expect("moved");
        go();
        for text in ["first", "second"] {
            std::fs::write(beside(&from), text).expect("written");
            go();
            go();
        }
        assert!(!beside(&from).exists());
        assert_eq!(std::fs::read_to_string(beside(&to)).expect("there"), "first");
        let second = root.path().join("there").join("a.2.id7.json.ctl.json");
        assert_eq!(std::fs::read_to_string(second).expect("there"), "second");
    }

    #[test]
    fn a_newer_one_counts_when_a_file_goes_back() {
        let root = tempfile::tempdir().expect("a folder");
        let (from, to) = (root.path().join("a.json"), root.path().join("b.json"));
        std::fs::write(beside(&from), "older").expect("written");
        std::fs::write(beside(&to), "newer").expect("written");
        take_back(&from, &to, &mut DirectorySync::default()).expect("moved");
        assert!(!beside(&from).exists());
        assert_eq!(std::fs::read_to_string(beside(&to)).expect("there"), "newer");
    }
}
