//! The folders that a file passes through, and its names in them.

use std::io;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::metadata::files::FileState;
use crate::name::{FileName, own_name};

/// Where files go; each can be on a file system of its own.
#[derive(Debug, Clone)]
pub struct Places {
    pub incoming: PathBuf,
    pub processing: PathBuf,
    pub failed: PathBuf,
    pub error: PathBuf,
    pub processed: PathBuf,
}

impl Places {
    /// Creates the folders that are missing.
    ///
    /// # Errors
    /// The first folder that cannot be made.
    pub fn create(&self) -> Result<(), (PathBuf, io::Error)> {
        let Self { incoming, processing, failed, error, processed } = self;
        for folder in [incoming, processing, failed, error, processed] {
            durable::create_directories(folder).map_err(|fault| (folder.clone(), fault))?;
        }
        Ok(())
    }

    /// The folder in which a file with a final state stays.
    pub fn settled(&self, state: FileState, type_folder: &str) -> PathBuf {
        match state {
            FileState::Failed => self.failed.join(type_folder),
            FileState::Waiting
            | FileState::Queued
            | FileState::Processing
            | FileState::Processed
            | FileState::Duplicate => self.processed.join(type_folder),
        }
    }
}

/// Free names for a file in `folder`, best first: its own, then with its hash, then numbered.
pub fn free_names<'a>(
    folder: &'a Path,
    name: &'a str,
    id: i64,
    blake3: Option<&'a str>,
) -> impl Iterator<Item = PathBuf> + 'a {
    let mark = move || blake3.map_or_else(|| format!("id{id}"), |hash| hash[..8].to_owned());
    let marks = (0..).map(move |number: u64| match number {
        0 => None,
        1 => Some(mark()),
        number => Some(format!("{}-{number}", mark())),
    });
    marks.map(move |mark| folder.join(own_name(name, mark.as_deref(), "")))
}

/// The first of `names` that nothing has taken yet.
pub fn first_free(mut names: impl Iterator<Item = PathBuf>, taken: impl Fn(&Path) -> bool) -> PathBuf {
    names
        .find(|name| !taken(name) && std::fs::symlink_metadata(name).is_err())
        .expect("numbers do not run out")
}

/// Free names for a copy that comes into `incoming/`: its own, then with a mark, which detection reads over.
pub fn free_copy_names<'a>(incoming: &'a Path, name: &'a FileName) -> impl Iterator<Item = PathBuf> + 'a {
    let marked = (2u32..).map(|number| own_name(name.shown(), Some(&format!("copy{number}")), "").into());
    std::iter::once(name.raw().to_owned()).chain(marked).map(|name| incoming.join(name))
}
