//! From staged to published, and back.
//!
//! A load's files lie in `.staging/load-<id>/` until its intent is in the ledger. Publishing is a rename of each
//! file; whoever resumes after a crash needs only the ledger's list of paths.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{DataFile, Lake, LakeError};
use crate::crash;
use crate::durable::{self, DirectorySync};

/// The staging folder of one load.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
}

impl Staging {
    /// Creates the folder of a load; leftovers of a ledger that was made anew are cleared away.
    ///
    /// # Errors
    /// Storage faults.
    pub fn create(lake: &Lake, load_id: i64) -> Result<Self, LakeError> {
        let staging = Self { folder: lake.staging_folder(load_id) };
        staging.clear()?;
        durable::create_directories(&staging.folder).map_err(LakeError::io("create", &staging.folder))?;
        Ok(staging)
    }

    /// The folder of a load that may or may not exist.
    pub fn of(lake: &Lake, load_id: i64) -> Self {
        Self { folder: lake.staging_folder(load_id) }
    }

    /// Removes the folder with all that is in it.
    ///
    /// # Errors
    /// Storage faults, except that there is nothing to remove.
    pub fn clear(&self) -> Result<(), LakeError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(LakeError::io("clear", &self.folder)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Gives staged files their final names, durably.
///
/// # Errors
/// Storage faults, among them a name that is taken. Some files may be published then.
pub fn publish(lake: &Lake, files: &[DataFile]) -> Result<(), LakeError> {
    let mut directories = DirectorySync::default();
    for file in files {
        let place = lake.place(&file.path);
        let folder = durable::parent(&place);
        durable::create_directories(folder).map_err(LakeError::io("create", folder))?;
        durable::rename_new(&file.staged, &place).map_err(LakeError::io("publish", &place))?;
        directories.mark(folder);
        crash::at("mid-publish");
    }
    directories.sync().map_err(LakeError::io("sync", lake.root()))
}

/// True when each file is at its place with the size that the ledger names.
pub fn all_in_place<'a>(lake: &Lake, files: impl IntoIterator<Item = (&'a str, u64)>) -> bool {
    files.into_iter().all(|(path, bytes)| {
        fs::metadata(lake.place(path)).is_ok_and(|found| found.is_file() && found.len() == bytes)
    })
}

/// Removes data files that no snapshot of the ledger names any more, and folders that are empty then.
///
/// # Errors
/// Storage faults, except for files that are gone already.
pub fn remove<'a>(lake: &Lake, paths: impl IntoIterator<Item = &'a str>) -> Result<(), LakeError> {
    let mut folders = BTreeSet::new();
    for path in paths {
        let place = lake.place(path);
        durable::remove_if_there(&place).map_err(LakeError::io("remove", &place))?;
        folders.insert(durable::parent(&place).to_owned());
    }
    let mut directories = DirectorySync::default();
    for folder in folders {
        // Fails while other files are in it, which is the usual case.
        if fs::remove_dir(&folder).is_err() && folder.is_dir() {
            directories.mark(&folder);
        }
    }
    directories.sync().map_err(LakeError::io("sync", lake.root()))
}
