//! Opening claimed files, and knowing whether they stayed the same while they were read.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::whole::Failure;
use super::{SourceFile, Work};
use crate::crash;
use crate::decode::{DecodeError, DecodePlan, Feed, Input, Tail};
use crate::owner::Lane;

/// Opens a claimed file for reading: a regular file and nothing else, whatever its name points to by now. With what it
/// was at this moment.
///
/// # Errors
/// `InvalidInput` when it is not a regular file; else what opening gives.
pub fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let found = file.metadata()?;
    if found.is_file() {
        Ok((file, found))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Size and time of a file: the same before and after, or it was written to while being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u64, i64, i64);

impl Fingerprint {
    pub fn of(found: &Metadata) -> Fingerprint {
        Fingerprint(found.len(), found.mtime(), found.mtime_nsec())
    }

    /// True when the file at `path` still is what it was.
    pub fn holds(self, path: &Path) -> io::Result<bool> {
        Ok(Fingerprint::of(&std::fs::metadata(path)?) == self)
    }
}

/// How a file is read: what its sender may still do to it.
pub(super) fn tail_of(file: &SourceFile) -> Tail {
    if file.last_chance { Tail::Final } else { Tail::Growing }
}

/// A large file while it is read.
pub(super) struct Opened {
    before: Fingerprint,
    /// The file with the hash of what was read, when nobody has hashed it before.
    hashing: Option<Arc<Mutex<Hashing>>>,
    /// Names the file if the process dies over it.
    _lane: Option<Lane>,
}

impl Opened {
    /// True when nothing has happened to the file.
    pub fn is_unchanged(&self, path: &Path) -> io::Result<bool> {
        self.before.holds(path)
    }

    /// The hash of the whole file, in hexadecimal; reads the rest of it when the decoder did not.
    pub fn hash(&self) -> io::Result<Option<String>> {
        let Some(hashing) = &self.hashing else { return Ok(None) };
        let mut hashing = hashing.lock().unwrap_or_else(PoisonError::into_inner);
        let Hashing { file, hasher } = &mut *hashing;
        hasher.update_reader(file)?;
        Ok(Some(hasher.finalize().to_hex().to_string()))
    }
}

/// A file that is hashed as it is read.
struct Hashing {
    file: Arc<File>,
    hasher: blake3::Hasher,
}

/// The reader's end of [`Hashing`].
struct Shared(Arc<Mutex<Hashing>>);

impl Read for Shared {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut hashing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = hashing.file.read(into)?;
        hashing.hasher.update(&into[..count]);
        Ok(count)
    }
}

/// Opens a file that is not small. The inner error is one of its contents.
pub(super) fn open_large(
    work: &Work,
    plan: &Arc<DecodePlan>,
    file: &SourceFile,
) -> Result<(Opened, Result<Feed, DecodeError>), Failure> {
    let lane = work.owner.lane();
    if let Some(lane) = &lane {
        lane.reading(Some(file.id));
    }
    crash::at_file("reading", file.name.shown());
    let (opened, found) = open_regular(&file.path).map_err(Failure::Opening)?;
    let before = Fingerprint::of(&found);
    let mut hashing = None;
    let input = if file.is_hashed {
        Input::from(opened)
    } else {
        let opened = Arc::new(opened);
        let shared = Hashing { file: Arc::clone(&opened), hasher: blake3::Hasher::new() };
        let shared = Arc::new(Mutex::new(shared));
        hashing = Some(Arc::clone(&shared));
        Input::noting(Box::new(Shared(shared)), opened)
    };
    let feed = plan.open_large(input, file.name.shown(), tail_of(file));
    Ok((Opened { before, hashing, _lane: lane }, feed))
}
