//! The folders, absolute. Their names under the data root are part of the product's public face.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where everything lies. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The data root.
    pub data: PathBuf,
    /// Files are dropped here.
    pub incoming: PathBuf,
    /// Holds [`processing`](Paths::processing), [`failed`](Paths::failed) and [`error`](Paths::error).
    pub source_data: PathBuf,
    /// Loaded files end here.
    pub processed: PathBuf,
    /// The tables.
    pub datalake: PathBuf,
}

impl Paths {
    /// Everything in its usual place under `data`, which must be absolute.
    pub fn under(data: &Path) -> Paths {
        Paths {
            data: data.to_owned(),
            incoming: data.join("incoming"),
            source_data: data.join("source_data"),
            processed: data.join("processed"),
            datalake: data.join("datalake"),
        }
    }

    /// Claimed files, in a folder for each type.
    pub fn processing(&self) -> PathBuf {
        self.source_data.join("processing")
    }

    /// Files that could not be loaded, in a folder for each type.
    pub fn failed(&self) -> PathBuf {
        self.source_data.join("failed")
    }

    /// Records that failed validation, in a folder for each type.
    pub fn error(&self) -> PathBuf {
        self.source_data.join("error")
    }

    /// Lakegate's own small files: owner locks, the history of the SQL shell.
    pub fn private(&self) -> PathBuf {
        self.data.join(".lakegate")
    }

    /// One lock file for each running process.
    pub fn owners(&self) -> PathBuf {
        self.private().join("owners")
    }

    /// The metadata database, when it is SQLite and not placed elsewhere.
    pub fn metadata(&self) -> PathBuf {
        self.data.join("metadata.db")
    }

    /// Each folder with the key that places it.
    pub fn keyed(&self) -> [(&'static str, &Path); 5] {
        [
            ("paths.data", &self.data),
            ("paths.incoming", &self.incoming),
            ("paths.source_data", &self.source_data),
            ("paths.processed", &self.processed),
            ("paths.datalake", &self.datalake),
        ]
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    data: PathBuf,
    #[serde(deserialize_with = "super::empty_is_no_path")]
    incoming: Option<PathBuf>,
    #[serde(deserialize_with = "super::empty_is_no_path")]
    source_data: Option<PathBuf>,
    #[serde(deserialize_with = "super::empty_is_no_path")]
    processed: Option<PathBuf>,
    #[serde(deserialize_with = "super::empty_is_no_path")]
    datalake: Option<PathBuf>,
}

impl Written {
    pub(super) fn resolve(self, cwd: &Path) -> Paths {
        let usual = Paths::under(&absolute(cwd, &self.data));
        let place = |path: Option<PathBuf>, usual: PathBuf| path.map_or(usual, |path| absolute(cwd, &path));
        Paths {
            incoming: place(self.incoming, usual.incoming),
            source_data: place(self.source_data, usual.source_data),
            processed: place(self.processed, usual.processed),
            datalake: place(self.datalake, usual.datalake),
            data: usual.data,
        }
    }
}

/// Joined to the working directory, without `.` components; `..` is left to the file system, which knows symlinks.
fn absolute(cwd: &Path, path: &Path) -> PathBuf {
    cwd.join(path).components().collect()
}
