//! File operations that survive a power failure and never overwrite anything.
//!
//! A rename is only as durable as the directory that holds it, and a name is only as good as the bytes behind
//! it: files are fsynced before they get their name, directories after.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Renames `from` to `to`, which must not exist.
///
/// # Errors
/// `AlreadyExists` when the name is taken; `CrossesDevices` when the two lie on different file systems.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // File systems without RENAME_NOREPLACE (some network and FUSE ones): a hard link refuses as well.
        Err(Errno::INVAL | Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Moves `from` to `to`, which must not exist, across file systems when it has to. Both directories are marked
/// in `dirs` to be synced.
///
/// # Errors
/// As [`rename_new`], without `CrossesDevices`.
pub fn move_new(from: &Path, to: &Path, dirs: &mut DirectorySync) -> io::Result<()> {
    match rename_new(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let partial = with_suffix(to, ".part");
            copy_synced(from, &partial)?;
            if let Err(taken) = rename_new(&partial, to) {
                fs::remove_file(&partial)?;
                return Err(taken);
            }
            sync_directory(parent(to))?;
            if let Err(fixed) = fs::remove_file(from) {
                // It cannot leave its place: then it must not be in two.
                fs::remove_file(to)?;
                return Err(fixed);
            }
        }
        other => other?,
    }
    dirs.mark(parent(from));
    dirs.mark(parent(to));
    Ok(())
}

/// Copies a file's bytes and syncs them. An older half-made copy is replaced.
///
/// # Errors
/// Whatever reading or writing gives.
pub fn copy_synced(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Writes a new file under its final name: all of it, or nothing. An existing file of that name is replaced, so
/// this is for files that are ours and can be made again.
///
/// # Errors
/// Whatever writing gives.
pub fn write_whole(path: &Path, bytes: &[u8], dirs: &mut DirectorySync) -> io::Result<()> {
    let partial = with_suffix(path, ".part");
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    dirs.mark(parent(path));
    Ok(())
}

/// Creates a directory and its parents, and syncs the parents of those that are new.
///
/// # Errors
/// Whatever creating gives.
pub fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    if above != path {
        create_directories(above)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(above),
    }
}

/// Makes the names in a directory durable.
///
/// # Errors
/// Whatever opening or syncing gives.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a file; one that is gone already is fine.
///
/// # Errors
/// Whatever removing gives, except `NotFound`.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The directory of a path; `.` for a bare name.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => path,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    // A leading dot and a hash keep the working name hidden and short enough, whatever the final name is.
    let name = path.file_name().unwrap_or_default();
    let hash = blake3::hash(name.as_encoded_bytes()).to_hex();
    path.with_file_name(format!(".{}{suffix}", &hash[..16]))
}

/// Directories whose names changed, to be synced once each.
#[derive(Debug, Default)]
pub struct DirectorySync {
    marked: BTreeSet<PathBuf>,
}

impl DirectorySync {
    pub fn mark(&mut self, directory: &Path) {
        if !self.marked.contains(directory) {
            self.marked.insert(directory.to_owned());
        }
    }

    /// Syncs every marked directory.
    ///
    /// # Errors
    /// The first failure; that directory and those after it stay marked.
    pub fn sync(&mut self) -> io::Result<()> {
        while let Some(directory) = self.marked.first().cloned() {
            sync_directory(&directory)?;
            self.marked.remove(&directory);
        }
        Ok(())
    }
}
