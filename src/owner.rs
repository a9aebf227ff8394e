//! Who is working: one lock file for each running process, and its last words.
//!
//! The kernel frees the lock however the process ends, so another process knows at once, and for certain, that
//! an owner is gone. The file also says which source file was being read: what a crash may be blamed on.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};

/// Bytes of one line of the lock file. Fixed, so that each fact has its place and is written at once.
const LINE: u64 = 64;
/// Line 0 says who, line 1 whether the process aborted, the others which file each lane reads.
const FIRST_LANE: u64 = 2;
const LANES: u64 = 64;

/// This process, registered.
#[derive(Debug, Clone)]
pub struct Owner {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: String,
    folder: PathBuf,
    file: File,
    lanes_in_use: Mutex<u64>,
}

/// What a dead owner left behind.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LastWords {
    /// Ids of the files that were open for reading.
    pub reading: Vec<i64>,
    /// It died by its own doing: it aborted, or the system killed a process for lack of memory meanwhile.
    pub own_fault: bool,
}

impl Owner {
    /// Registers this process below `folder`.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn register(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let id = format!("{}-{:08x}", std::process::id(), fastrand::u32(..));
        // Locked before it has its name: no one can take it for the file of a dead owner.
        let unnamed = folder.join(format!(".{id}.new"));
        let file = File::options().create_new(true).read(true).write(true).open(&unnamed)?;
        flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive)?;
        let oom_kills = oom_kills().unwrap_or(0);
        write_line(&file, 0, &format!("lakegate {id} oom_kills {oom_kills}"))?;
        for line in 1..FIRST_LANE + LANES {
            write_line(&file, line, "-")?;
        }
        fs::rename(&unnamed, lock_path(folder, &id))?;
        note_abort(&file)?;
        Ok(Self {
            shared: Arc::new(Shared { id, folder: folder.to_owned(), file, lanes_in_use: Mutex::new(0) }),
        })
    }

    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// True when the process behind `id` has ended.
    pub fn is_gone(&self, id: &str) -> bool {
        id != self.id() && has_ended(&self.shared.folder, id)
    }

    /// Where the lock files are.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The owners that ended without taking their leave, each held so that no other process looks into it too.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn gone(&self) -> io::Result<Vec<Gone>> {
        let mut gone = Vec::new();
        for found in fs::read_dir(&self.shared.folder)? {
            let path = found?.path();
            if path.extension().is_some_and(|end| end == "lock")
                && path != lock_path(&self.shared.folder, self.id())
            {
                gone.extend(Gone::hold(path)?);
            }
        }
        Ok(gone)
    }

    /// A lane for one load; `None` when all are in use.
    pub fn lane(&self) -> Option<Lane> {
        let mut in_use = self.shared.lanes_in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = in_use.trailing_ones();
        if u64::from(lane) >= LANES {
            return None;
        }
        *in_use |= 1 << lane;
        Some(Lane { owner: self.clone(), lane })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A leftover is tidied away by the next process.
        let _ = fs::remove_file(lock_path(&self.folder, &self.id));
    }
}

/// An ended owner in our hands.
#[derive(Debug)]
pub struct Gone {
    path: PathBuf,
    _lock: File,
    pub last_words: LastWords,
}

impl Gone {
    /// The id under which it was registered.
    pub fn id(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// `None` while the owner lives, or when another process holds it already.
    fn hold(path: PathBuf) -> io::Result<Option<Self>> {
        let lock = match File::open(&path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if flock(lock.as_fd(), FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        let last_words = read_last_words(&fs::read_to_string(&path).unwrap_or_default());
        Ok(Some(Self { path, _lock: lock, last_words }))
    }

    /// Everything that it left was resumed.
    ///
    /// # Errors
    /// When the lock file cannot be removed.
    pub fn forget(self) -> io::Result<()> {
        crate::durable::remove_if_there(&self.path)
    }
}

/// One load's place in the lock file.
#[derive(Debug)]
pub struct Lane {
    owner: Owner,
    lane: u32,
}

impl Lane {
    /// Says that file `file_id` is about to be opened, or that none is any more.
    pub fn reading(&self, file_id: Option<i64>) {
        let text = file_id.map_or_else(|| "-".to_owned(), |id| format!("reading {id}"));
        // The page cache outlives the process; a fault here costs only the name of a suspect.
        let _ = write_line(&self.owner.shared.file, FIRST_LANE + u64::from(self.lane), &text);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.reading(None);
        let mut in_use = self.owner.shared.lanes_in_use.lock().unwrap_or_else(PoisonError::into_inner);
        *in_use &= !(1 << self.lane);
    }
}

/// True when a process that registered below `folder` is running.
pub fn is_anyone_working(folder: &Path) -> bool {
    let locks = fs::read_dir(folder).into_iter().flatten().flatten().map(|found| found.path());
    locks.filter(|path| path.extension().is_some_and(|end| end == "lock")).any(|path| !is_unlocked(&path))
}

/// True when no process holds the lock file of owner `id` below `folder`.
pub fn has_ended(folder: &Path, id: &str) -> bool {
    is_unlocked(&lock_path(folder, id))
}

fn lock_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.lock"))
}

fn is_unlocked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn write_line(file: &File, line: u64, text: &str) -> io::Result<()> {
    let width = LINE as usize - 1;
    file.write_all_at(format!("{text:<width$.width$}\n").as_bytes(), line * LINE)
}

fn read_last_words(text: &str) -> LastWords {
    let mut lines = text.lines().map(str::trim);
    let kills_at_start = lines.next().and_then(|who| who.rsplit(' ').next()?.parse::<u64>().ok());
    let aborted = lines.next().is_some_and(|line| line == "aborted");
    let ran_out_of_memory = match (kills_at_start, oom_kills()) {
        (Some(before), Some(now)) => now > before,
        _ => false,
    };
    let reading = lines.filter_map(|line| line.strip_prefix("reading ")?.parse().ok()).collect();
    LastWords { reading, own_fault: aborted || ran_out_of_memory }
}

/// How many processes the kernel has killed for lack of memory since it started.
fn oom_kills() -> Option<u64> {
    let statistics = fs::read_to_string("/proc/vmstat").ok()?;
    statistics.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

/// From now on an abort (a stack overflow, a failed allocation, a panic while panicking) leaves a note.
#[expect(unsafe_code, reason = "a signal handler; it only writes a constant to an open file")]
fn note_abort(file: &File) -> io::Result<()> {
    const SIGABRT: i32 = 6;
    let note = file.try_clone()?;
    // SAFETY: `write_at` is one pwrite(2) with a constant buffer: async-signal-safe, no allocation, no lock.
    unsafe {
        signal_hook_registry::register(SIGABRT, move || {
            let _ = note.write_at(b"aborted\n", LINE);
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_owner_is_not_gone_and_a_dropped_one_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let watcher = Owner::register(folder.path()).expect("registered");
        let other = Owner::register(folder.path()).expect("registered");
        let id = other.id().to_owned();
        assert!(!watcher.is_gone(&id) && !has_ended(folder.path(), &id));
        assert!(is_anyone_working(folder.path()));
        drop(other);
        assert!(watcher.is_gone("4711-00000000"));
        drop(watcher);
        assert!(!is_anyone_working(folder.path()));
    }

    #[test]
    fn last_words_name_the_files_in_work() {
        let folder = tempfile::tempdir().expect("a folder");
        let owner = Owner::register(folder.path()).expect("registered");
        let (first, second) = (owner.lane().expect("a lane"), owner.lane().expect("a lane"));
        first.reading(Some(7));
        second.reading(Some(8));
        drop(first);
        let text = fs::read_to_string(lock_path(folder.path(), owner.id())).expect("a lock file");
        assert_eq!(read_last_words(&text), LastWords { reading: vec![8], own_fault: false });
        assert!(owner.gone().expect("a list").is_empty());
        assert!(owner.lane().is_some());
        drop(second);
    }
}
