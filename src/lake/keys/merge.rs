//! Many entries in any order → sorted ones, with little memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::{Path, PathBuf};

use super::Entry;
use super::run::Run;
use crate::durable;

/// Sorts entries by way of files in a folder.
pub(super) struct Sorter {
    folder: PathBuf,
    name: String,
    /// Entries that are sorted in memory.
    most: usize,
    entries: Vec<Entry>,
    parts: Vec<Run>,
}

impl Sorter {
    /// Its files are called `<name>.<number>.part`.
    pub fn new(folder: &Path, name: &str, most: usize) -> Sorter {
        Sorter {
            folder: folder.to_owned(),
            name: name.to_owned(),
            most,
            entries: Vec::new(),
            parts: Vec::new(),
        }
    }

    pub fn add(&mut self, entry: Entry) -> io::Result<()> {
        self.entries.push(entry);
        if self.entries.len() < self.most {
            return Ok(());
        }
        self.entries.sort_unstable();
        let path = self.folder.join(format!("{}.{}.part", self.name, self.parts.len()));
        self.parts.push(Run::write(&path, self.entries.drain(..).map(Ok), false)?);
        Ok(())
    }

    /// Writes all entries to one run, durably and under its name only when it is whole.
    pub fn finish(mut self, path: &Path) -> io::Result<()> {
        self.entries.sort_unstable();
        let whole = self.folder.join(format!("{}.whole.part", self.name));
        let rest = std::mem::take(&mut self.entries);
        if self.parts.is_empty() {
            Run::write(&whole, rest.into_iter().map(Ok), true)?;
        } else {
            let last: Box<dyn Iterator<Item = io::Result<Entry>>> = Box::new(rest.into_iter().map(Ok));
            let mut sources = vec![last];
            for part in &self.parts {
                sources.push(Box::new(part.entries()?));
            }
            Run::write(&whole, merged(sources)?, true)?;
        }
        std::fs::rename(&whole, path)
    }
}

impl Drop for Sorter {
    fn drop(&mut self) {
        for part in &self.parts {
            // What cannot be removed now goes with its folder, or when the index is cleared.
            let _ = durable::remove_if_there(part.path());
        }
    }
}

/// Makes one run of several, which go.
pub(super) fn merge(runs: Vec<Run>, path: &Path) -> io::Result<Run> {
    let mut sources: Vec<Box<dyn Iterator<Item = io::Result<Entry>>>> = Vec::with_capacity(runs.len());
    for run in &runs {
        sources.push(Box::new(run.entries()?));
    }
    let whole = Run::write(path, merged(sources)?, false)?;
    for run in &runs {
        durable::remove_if_there(run.path())?;
    }
    Ok(whole)
}

/// Sorted sources as one.
fn merged<'s>(
    mut sources: Vec<Box<dyn Iterator<Item = io::Result<Entry>> + 's>>,
) -> io::Result<impl Iterator<Item = io::Result<Entry>> + 's> {
    let mut heads = BinaryHeap::with_capacity(sources.len());
    for (at, source) in sources.iter_mut().enumerate() {
        if let Some(first) = source.next() {
            heads.push(Reverse((first?, at)));
        }
    }
    Ok(std::iter::from_fn(move || {
        let Reverse((entry, at)) = heads.pop()?;
        match sources[at].next() {
            Some(Ok(next)) => heads.push(Reverse((next, at))),
            Some(Err(error)) => return Some(Err(error)),
            None => {}
        }
        Some(Ok(entry))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_sorted_however_many_parts_there_were() {
        let folder = tempfile::tempdir().expect("a folder");
        for most in [3, 1000] {
            let mut sorter = Sorter::new(folder.path(), "x", most);
            for number in [5_u64, 1, 9, 3, 3, 7, 2, 8, 0] {
                sorter.add((u128::from(number), number)).expect("written");
            }
            let path = folder.path().join("keys");
            sorter.finish(&path).expect("written");
            let run = Run::open(&path).expect("readable").expect("whole");
            let found: Vec<u64> =
                run.entries().expect("entries").map(|entry| entry.expect("an entry").1).collect();
            assert_eq!(found, [0, 1, 2, 3, 3, 5, 7, 8, 9]);
            assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        }
    }
}
