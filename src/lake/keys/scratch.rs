//! A folder outside the lake that goes with whoever made it.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// In the system's folder for temporary files; for nobody else.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new() -> io::Result<Scratch> {
        let name = format!("lakegate-keys-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let folder = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Scratch(folder))
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there costs only space.
        let _ = fs::remove_dir_all(&self.0);
    }
}
