//! The keys of the load in work: the newest in memory, the others in sorted files of its staging folder.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::filter::Room;
use super::merge::merge;
use super::run::Run;
use super::{KeyHash, Wanted};

/// Keys in memory: some 60 MB.
const MOST: usize = 1 << 20;
/// Files that are searched one by one; past it they become one.
const MOST_RUNS: usize = 16;

/// Keys with a number each.
#[derive(Debug)]
pub struct Seen {
    recent: HashMap<KeyHash, u64>,
    most: usize,
    runs: Vec<Run>,
    /// `None`: everything stays in memory.
    folder: Option<PathBuf>,
    name: String,
    written: usize,
    room: Room,
}

impl Seen {
    /// Its files go to `folder`, if there is one, and are called `<name>.<number>`.
    pub fn new(folder: Option<&Path>, name: String, room: &Room) -> Seen {
        Seen {
            recent: HashMap::new(),
            most: MOST,
            runs: Vec::new(),
            folder: folder.map(Path::to_owned),
            name,
            written: 0,
            room: room.clone(),
        }
    }

    /// The number of a key that is in memory.
    pub fn recent(&self, hash: KeyHash) -> Option<u64> {
        self.recent.get(&hash).copied()
    }

    /// Tells `found` the numbers of the wanted keys that are not in memory any more; a key may have several. `wanted` is sorted by hash.
    ///
    /// # Errors
    /// Reading failed.
    pub fn find_older(&mut self, wanted: &[Wanted], mut found: impl FnMut(usize, u64)) -> io::Result<()> {
        self.runs.iter_mut().try_for_each(|run| run.find(wanted, &self.room, &mut found))
    }

    /// Adds a key, or gives it another number.
    pub fn insert(&mut self, hash: KeyHash, number: u64) {
        self.recent.insert(hash, number);
    }

    /// Moves keys out of memory when there are many; what [`Seen::find_older`] said before does not count afterwards.
    ///
    /// # Errors
    /// Writing failed.
    pub fn make_room(&mut self) -> io::Result<()> {
        let Some(folder) = self.folder.clone().filter(|_| self.recent.len() >= self.most) else {
            return Ok(());
        };
        let mut entries: Vec<_> = self.recent.drain().collect();
        entries.sort_unstable();
        let path = self.next_path(&folder);
        self.runs.push(Run::write(&path, entries.into_iter().map(Ok), false)?);
        if self.runs.len() >= MOST_RUNS {
            let path = self.next_path(&folder);
            let whole = merge(std::mem::take(&mut self.runs), &path)?;
            self.runs.push(whole);
        }
        Ok(())
    }

    /// Where its files lie, for messages.
    pub fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or(Path::new(""))
    }

    fn next_path(&mut self, folder: &Path) -> PathBuf {
        self.written += 1;
        folder.join(format!("{}.{}", self.name, self.written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_in_memory_and_beyond() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut seen =
            Seen { most: 10, ..Seen::new(Some(folder.path()), "keys".into(), &Room::new(1 << 20)) };
        let key = |number: u64| u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        for number in 0..1000 {
            seen.insert(key(number), number);
            seen.make_room().expect("written");
        }
        seen.insert(key(3), 5000);
        assert!(seen.runs.len() < MOST_RUNS && seen.recent.len() <= 10);
        let mut wanted: Vec<Wanted> = (0..1200).map(|number| (number as usize, key(number))).collect();
        wanted.sort_unstable_by_key(|(_, hash)| *hash);
        let mut found = vec![None; 1200];
        seen.find_older(&wanted, |row, number| found[row] = Some(number)).expect("read");
        for (row, older) in found.into_iter().enumerate() {
            let known = seen.recent(key(row as u64)).or(older);
            let expected = if row == 3 { Some(5000) } else { (row < 1000).then_some(row as u64) };
            assert_eq!(known, expected, "{row}");
        }
    }
}
