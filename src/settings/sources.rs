//! What the settings are read from, as a value: a test hands over another world.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// The world that [`Settings::load`](super::Settings::load) sees.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The working directory, absolute: relative paths and `config/` start here.
    pub cwd: PathBuf,
    pub env: BTreeMap<OsString, OsString>,
    pub flags: Flags,
}

/// Settings given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`: a file that must exist.
    pub config: Option<PathBuf>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--database`
    pub database: Option<String>,
    /// `-v`, `-q`: a level by name.
    pub log_level: Option<&'static str>,
    /// `--log-format`
    pub log_format: Option<&'static str>,
}

impl Sources {
    /// The real world.
    ///
    /// # Errors
    /// The working directory is gone.
    pub fn of_process(flags: Flags) -> io::Result<Sources> {
        Ok(Sources { cwd: std::env::current_dir()?, env: std::env::vars_os().collect(), flags })
    }
}
