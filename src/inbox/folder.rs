//! Listing the incoming folder.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::arrival::is_in_progress;
use crate::name::FileName;

/// The incoming folder on local disk.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// One name in the folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub name: FileName,
    pub kind: EntryKind,
    pub bytes: u64,
    pub modified_at: DateTime<Utc>,
    /// Tells a file from another one that took its name.
    pub inode: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Directory,
    SymbolicLink,
    /// A pipe, a socket or a device.
    Special,
}

impl EntryKind {
    pub fn noun(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::SymbolicLink => "symbolic link",
            Self::Special => "pipe, socket or device",
        }
    }
}

impl Folder {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn place(&self, name: &FileName) -> PathBuf {
        self.path.join(name.raw())
    }

    /// All names but hidden ones and those still in progress. Links are not followed, nothing is opened.
    ///
    /// # Errors
    /// When the folder itself cannot be read.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in fs::read_dir(&self.path)? {
            let found = found?;
            let name = found.file_name();
            if is_in_progress(&name.to_string_lossy()) {
                continue;
            }
            match found.metadata() {
                Ok(metadata) => entries.push(entry(FileName::from_raw(name), &metadata)),
                // Taken away since the listing began.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Those of `names` that are there, as [`Self::list`] gives them.
    ///
    /// # Errors
    /// When one of them cannot be looked at.
    pub fn look_at(&self, names: &[FileName]) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(names.len());
        for name in names.iter().filter(|name| !is_in_progress(&name.raw().to_string_lossy())) {
            match fs::symlink_metadata(self.place(name)) {
                Ok(metadata) => entries.push(entry(name.clone(), &metadata)),
                // A name that is too long is that of no file.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }
}

fn entry(name: FileName, metadata: &fs::Metadata) -> Entry {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => EntryKind::File,
        kind if kind.is_dir() => EntryKind::Directory,
        kind if kind.is_symlink() => EntryKind::SymbolicLink,
        _ => EntryKind::Special,
    };
    let nanos = u32::try_from(metadata.mtime_nsec()).unwrap_or(0);
    // Whole milliseconds: what every metadata database can give back unchanged.
    let millis = metadata.mtime().saturating_mul(1000).saturating_add(i64::from(nanos / 1_000_000));
    let modified_at = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    Entry { name, kind, bytes: metadata.len(), modified_at, inode: metadata.ino() }
}
