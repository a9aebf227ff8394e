//! Keys in a file, sorted by hash, each with a number: written once, searched with few reads.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::filter::{Filter, Room};
use super::{Entry, KeyHash, Wanted};

const MAGIC: &[u8; 8] = b"LGKEYS01";
/// The mark and the number of entries.
const HEADER: u64 = 16;
/// A hash, highest byte first, and a number, lowest byte first.
const ENTRY: usize = 24;
/// Entries that one read fetches: a page of the disk.
const PAGE: u64 = 170;
/// A run that was asked for one key in so many of its own is read once as a whole, for a filter.
const WORTH_A_FILTER: u64 = 128;

/// A sorted file.
#[derive(Debug)]
pub(super) struct Run {
    path: PathBuf,
    entries: u64,
    /// Keys that were looked for so far.
    probes: u64,
    filter: Option<Filter>,
}

impl Run {
    /// Writes entries that come in order.
    pub fn write(
        path: &Path,
        entries: impl IntoIterator<Item = io::Result<Entry>>,
        durable: bool,
    ) -> io::Result<Run> {
        let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
        out.write_all(&[0; HEADER as usize])?;
        let mut count = 0_u64;
        for entry in entries {
            let (hash, number) = entry?;
            out.write_all(&hash.to_be_bytes())?;
            out.write_all(&number.to_le_bytes())?;
            count += 1;
        }
        // The mark comes last: a file without it is not whole.
        out.seek(SeekFrom::Start(0))?;
        out.write_all(MAGIC)?;
        out.write_all(&count.to_le_bytes())?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        if durable {
            file.sync_all()?;
        }
        Ok(Run { path: path.to_owned(), entries: count, probes: 0, filter: None })
    }

    /// A run that was written before; `None` when there is none, or it is not whole.
    pub fn open(path: &Path) -> io::Result<Option<Run>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut header = [0; HEADER as usize];
        let length = file.metadata()?.len();
        if length < HEADER || file.read_exact_at(&mut header, 0).is_err() || &header[..8] != MAGIC {
            return Ok(None);
        }
        let entries = (length - HEADER) / ENTRY as u64;
        let told = u64::from_le_bytes(*header.last_chunk().expect("a header has 16 bytes"));
        let is_whole = told == entries && (length - HEADER).is_multiple_of(ENTRY as u64);
        Ok(is_whole.then(|| Run { path: path.to_owned(), entries, probes: 0, filter: None }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All entries, in order.
    pub fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<Entry>> + use<>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(HEADER))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut left = self.entries;
        Ok(std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let mut bytes = [0; ENTRY];
            Some(reader.read_exact(&mut bytes).map(|()| entry(&bytes)))
        }))
    }

    /// Tells `found` each entry whose hash is wanted. `wanted` is sorted by hash.
    pub fn find(
        &mut self,
        wanted: &[Wanted],
        room: &Room,
        mut found: impl FnMut(usize, u64),
    ) -> io::Result<()> {
        let filter = self.filter.as_ref();
        let asked: Vec<Wanted> = wanted
            .iter()
            .filter(|(_, hash)| filter.is_none_or(|filter| filter.may_hold(*hash)))
            .copied()
            .collect();
        if asked.is_empty() || self.entries == 0 {
            return Ok(());
        }
        self.probes += asked.len() as u64;
        let worth_a_filter = self.filter.is_none() && self.probes > self.entries / WORTH_A_FILTER;
        let filter = if worth_a_filter { Filter::for_keys(self.entries, room) } else { None };
        if filter.is_some() || asked.len() as u64 * PAGE >= self.entries {
            return self.find_by_reading(&asked, filter, found);
        }
        let file = File::open(&self.path)?;
        let mut search = Search { file: &file, entries: self.entries, page: Vec::new(), first: 0 };
        for (row, hash) in asked {
            search.find(hash, |number| found(row, number))?;
        }
        Ok(())
    }

    fn find_by_reading(
        &mut self,
        wanted: &[Wanted],
        mut filter: Option<Filter>,
        mut found: impl FnMut(usize, u64),
    ) -> io::Result<()> {
        let mut wanted = wanted;
        for entry in self.entries()? {
            let (hash, number) = entry?;
            if let Some(filter) = &mut filter {
                filter.add(hash);
            }
            while let [(_, first), rest @ ..] = wanted
                && *first < hash
            {
                wanted = rest;
            }
            wanted.iter().take_while(|(_, first)| *first == hash).for_each(|(row, _)| found(*row, number));
            if wanted.is_empty() && filter.is_none() {
                break;
            }
        }
        if filter.is_some() {
            self.filter = filter;
        }
        Ok(())
    }
}

fn entry(bytes: &[u8; ENTRY]) -> Entry {
    let (hash, number) = bytes.split_at(16);
    let hash = KeyHash::from_be_bytes(hash.try_into().expect("16 bytes"));
    (hash, u64::from_le_bytes(number.try_into().expect("8 bytes")))
}

/// A search in a run that reads a page at a time.
struct Search<'f> {
    file: &'f File,
    entries: u64,
    page: Vec<Entry>,
    /// Place of the page's first entry.
    first: u64,
}

impl Search<'_> {
    fn find(&mut self, hash: KeyHash, mut found: impl FnMut(u64)) -> io::Result<()> {
        let mut at = self.lower_bound(hash)?;
        while at < self.entries {
            if !self.holds(at) {
                self.read(at)?;
            }
            match self.page[(at - self.first) as usize] {
                (same, number) if same == hash => found(number),
                _ => return Ok(()),
            }
            at += 1;
        }
        Ok(())
    }

    /// The first entry that is not below `hash`. Hashes are spread evenly, so its place can be guessed; each page that is read
    /// makes the guess better.
    fn lower_bound(&mut self, hash: KeyHash) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.entries);
        let mut guess = place(hash, self.entries);
        let mut rounds = 0;
        while low < high {
            let at = if rounds < 8 { guess.clamp(low, high - 1) } else { low + (high - low) / 2 };
            if !self.holds(at) {
                self.read(at.saturating_sub(PAGE / 2).max(low))?;
            }
            let last = self.first + self.page.len() as u64;
            let (Some(&(first_hash, _)), Some(&(last_hash, _))) = (self.page.first(), self.page.last())
            else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if first_hash >= hash && self.first > low {
                high = self.first;
                guess = self.first.saturating_sub(place(first_hash - hash, self.entries) + 1);
            } else if last_hash < hash {
                low = last;
                guess = last + place(hash - last_hash, self.entries);
            } else {
                let within = self.page.partition_point(|(known, _)| *known < hash);
                return Ok(self.first + within as u64);
            }
            rounds += 1;
        }
        Ok(low)
    }

    fn holds(&self, at: u64) -> bool {
        (self.first..self.first + self.page.len() as u64).contains(&at)
    }

    fn read(&mut self, first: u64) -> io::Result<()> {
        let count = (self.entries - first).min(PAGE) as usize;
        let mut bytes = vec![0; count * ENTRY];
        self.file.read_exact_at(&mut bytes, HEADER + first * ENTRY as u64)?;
        self.page.clear();
        self.page.extend(bytes.as_chunks::<ENTRY>().0.iter().map(entry));
        self.first = first;
        Ok(())
    }
}

/// Where a hash lies among so many that are spread evenly.
fn place(hash: KeyHash, entries: u64) -> u64 {
    (((hash >> 64) * u128::from(entries)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash(number: u64) -> KeyHash {
        KeyHash::from_be_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes().first_chunk().expect("16"))
    }

    fn run(folder: &Path, keys: impl Iterator<Item = (KeyHash, u64)>) -> Run {
        let mut entries: Vec<Entry> = keys.collect();
        entries.sort_unstable();
        Run::write(&folder.join("run"), entries.into_iter().map(Ok), false).expect("written")
    }

    fn find(run: &mut Run, keys: &[KeyHash], room: usize) -> Vec<(usize, u64)> {
        let mut wanted: Vec<Wanted> = keys.iter().copied().enumerate().collect();
        wanted.sort_unstable_by_key(|(_, hash)| *hash);
        let mut found = Vec::new();
        run.find(&wanted, &Room::new(room), |row, number| found.push((row, number))).expect("read");
        found.sort_unstable();
        found
    }

    #[test]
    fn every_key_is_found_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut run = run(folder.path(), (0..50_000).map(|number| (hash(number), number)));
        for room in [0, 1 << 20] {
            for number in (0..50_000).step_by(331).chain([49_999]) {
                assert_eq!(find(&mut run, &[hash(number)], room), [(0, number)]);
                assert_eq!(find(&mut run, &[hash(number + 50_000)], room), []);
            }
            let many: Vec<KeyHash> = (40_000..60_000).map(hash).collect();
            assert_eq!(find(&mut run, &many, room).len(), 10_000);
        }
        assert!(run.filter.is_some());
        let again = Run::open(run.path()).expect("readable").expect("whole");
        assert_eq!(again.entries, 50_000);
    }

    #[test]
    fn a_file_that_is_not_whole_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = run(folder.path(), (0..100).map(|number| (hash(number), number)));
        let bytes = std::fs::read(run.path()).expect("bytes");
        for damaged in [
            &bytes[..bytes.len() - 1],
            &bytes[..bytes.len() - ENTRY],
            &bytes[..10],
            b"",
            &[&[0; 16], &bytes[16..]].concat(),
        ] {
            std::fs::write(run.path(), damaged).expect("written");
            assert!(Run::open(run.path()).expect("readable").is_none());
        }
        assert!(Run::open(&folder.path().join("none")).expect("readable").is_none());
    }

    proptest! {
        #[test]
        fn a_search_agrees_with_a_scan_even_when_hashes_crowd(
            keys in prop::collection::vec(prop_oneof![0_u128..50, u128::MAX - 50..u128::MAX, any::<u128>()], 0..2000),
            others in prop::collection::vec(prop_oneof![0_u128..60, any::<u128>()], 1..20),
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let mut run = run(folder.path(), keys.iter().copied().zip(0..));
            for wanted in keys.iter().take(20).chain(&others) {
                let mut expected: Vec<(usize, u64)> =
                    (0..).zip(&keys).filter(|(_, key)| *key == wanted).map(|(number, _)| (0, number)).collect();
                expected.sort_unstable();
                prop_assert_eq!(find(&mut run, &[*wanted], 0), expected);
            }
        }
    }
}
