//! The folder of the tour. It is marked, so that the next tour knows what it may clear away; any other folder that
//! holds something is left alone.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::cli::exit::{Exit, Failure};
use crate::durable;
use crate::owner;
use crate::settings::Paths;

const MARKER: &str = ".lakegate-demo";
const MARKER_TEXT: &str = "`lakegate demo` made this folder; the next tour clears data/ and outbox/ in it.\n";

/// A folder that is ours for the time of the tour.
pub(super) struct Place {
    dir: PathBuf,
    /// Two tours at once would trip over each other.
    _lock: File,
}

impl Place {
    /// Makes the folder, or clears what an earlier tour left in it.
    pub(super) fn prepare(dir: &Path) -> Result<Place, Failure> {
        let fault = |cause: io::Error| {
            Failure::because(Exit::Unavailable, format!("cannot use the folder {}", dir.display()), &cause)
                .hint("choose another one with --dir DIR")
        };
        fs::create_dir_all(dir).map_err(fault)?;
        let marker = dir.join(MARKER);
        let ours = fs::symlink_metadata(&marker).is_ok_and(|found| found.is_file());
        if !ours && fs::read_dir(dir).map_err(fault)?.next().is_some() {
            return Err(refusal(dir, "holds something that no tour made")
                .hint("nothing in it was touched; choose a new folder with --dir DIR"));
        }
        if !ours {
            fs::write(&marker, MARKER_TEXT).map_err(fault)?;
        }
        let lock = File::open(&marker).map_err(fault)?;
        let busy = flock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive).is_err();
        if busy || owner::is_anyone_working(&Paths::under(&dir.join("data")).owners()) {
            return Err(refusal(dir, "is in use by a Lakegate that is running")
                .hint("stop it first, or choose another folder with --dir DIR"));
        }
        let place = Place { dir: dir.to_owned(), _lock: lock };
        for folder in [dir.join("data"), place.outbox()] {
            remove_folder(&folder).map_err(fault)?;
        }
        durable::create_directories(&dir.join("data")).map_err(fault)?;
        Ok(place)
    }

    /// Where the senders of the tour keep their files.
    pub(super) fn outbox(&self) -> PathBuf {
        self.dir.join("outbox")
    }

    /// Makes it the working directory, as the reader is told to: relative paths in commands start here.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        std::env::set_current_dir(&self.dir).map_err(|cause| {
            Failure::because(Exit::Unavailable, format!("cannot enter {}", self.dir.display()), &cause)
        })
    }
}

fn refusal(dir: &Path, why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("the folder {} {why}", dir.display()))
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}
