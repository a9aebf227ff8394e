//! The files that nobody has claimed yet, as this process knows them: a queue for each type, made once from the ledger
//! and kept by its changes. Pure; who reads and writes the ledger is [`super::look`].
//!
//! The ledger decides: every claim and every change is a compare-and-swap there, and a file whose swap was lost is
//! looked up again. So the worst that a mistake here can cost is a look too many.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::plan::UNSUPPORTED;
use crate::metadata::files::{FileState, Location, Unclaimed, UnclaimedSum};

/// A place in a queue: the time in the name, else the modification time; then the name.
pub type Place = (Option<DateTime<Utc>>, Arc<str>, i64);

#[derive(Debug, Default)]
pub struct Backlog {
    files: HashMap<i64, Arc<Unclaimed>>,
    /// Those that lie in `incoming/`; the ledger has one for each name.
    incoming: HashMap<Arc<str>, i64>,
    /// Those that were claimed once and given back, in `processing/`.
    returned: HashSet<i64>,
    /// Files to load, by type.
    queues: HashMap<String, BTreeMap<Place, Arc<Unclaimed>>>,
    /// Names in `incoming/` that somebody is loading: this process, or another one.
    in_work: HashMap<Arc<str>, i64>,
    /// Files that this process has taken for a load.
    taken: HashSet<i64>,
    /// Every row of the ledger up to this id was met.
    pub newest: i64,
}

impl Backlog {
    /// Everything anew, as the ledger has it. What this process has taken stays taken.
    pub fn refill(&mut self, files: Vec<Unclaimed>) {
        self.files.clear();
        self.incoming.clear();
        self.returned.clear();
        self.queues.clear();
        let taken = &self.taken;
        self.in_work.retain(|_, id| taken.contains(id));
        files.into_iter().for_each(|file| self.put(file));
    }

    /// A file as the ledger has it now.
    pub fn put(&mut self, file: Unclaimed) {
        self.forget(file.id);
        if self.taken.contains(&file.id) {
            return;
        }
        if !matches!(file.state, FileState::Waiting | FileState::Queued) {
            if file.location == Location::Incoming && file.state == FileState::Processing {
                self.in_work.insert(file.name.clone(), file.id);
            }
            return;
        }
        let file = Arc::new(file);
        match file.location {
            Location::Incoming => drop(self.incoming.insert(file.name.clone(), file.id)),
            Location::Processing => drop(self.returned.insert(file.id)),
            Location::Settled | Location::Gone => return,
        }
        if let (true, Some(key)) = (is_loadable(&file), &file.file_type) {
            self.queues.entry(key.clone()).or_default().insert(place(&file), file.clone());
        }
        self.files.insert(file.id, file);
    }

    /// A file that is none of ours any more.
    pub fn forget(&mut self, id: i64) {
        let Some(file) = self.files.remove(&id) else { return };
        if self.incoming.get(&file.name) == Some(&id) {
            self.incoming.remove(&file.name);
        }
        self.returned.remove(&id);
        if let Some(key) = &file.file_type
            && let Some(queue) = self.queues.get_mut(key)
        {
            queue.remove(&place(&file));
            if queue.is_empty() {
                self.queues.remove(key);
            }
        }
    }

    /// Takes files out for a load of this process. Their names are in work until [`Self::put_back`].
    pub fn take(&mut self, files: &[Arc<Unclaimed>]) {
        for file in files {
            self.forget(file.id);
            self.taken.insert(file.id);
            if file.location == Location::Incoming {
                self.in_work.insert(file.name.clone(), file.id);
            }
        }
    }

    /// The load of these files has ended; what the ledger has of them is to be [`Self::put`] again.
    pub fn put_back(&mut self, files: &[(i64, Arc<str>)]) {
        for (id, name) in files {
            self.taken.remove(id);
            if self.in_work.get(name) == Some(id) {
                self.in_work.remove(name);
            }
        }
    }

    /// Names that other processes have in work are met again if they still are.
    pub fn doubt_others(&mut self) {
        let taken = &self.taken;
        self.in_work.retain(|_, id| taken.contains(id));
    }

    pub fn get(&self, id: i64) -> Option<&Unclaimed> {
        self.files.get(&id).map(AsRef::as_ref)
    }

    /// True while loads of this process hold files.
    pub fn is_anything_taken(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Nothing is taken any more.
    pub fn put_all_back(&mut self) {
        self.taken.clear();
        self.in_work.clear();
    }

    /// The file that lies in `incoming/` under this name.
    pub fn at(&self, name: &str) -> Option<&Arc<Unclaimed>> {
        self.files.get(self.incoming.get(name)?)
    }

    /// True when somebody is loading a file of this name.
    pub fn is_in_work(&self, name: &str) -> bool {
        self.in_work.contains_key(name)
    }

    /// The files in `incoming/`.
    pub fn incoming(&self) -> impl Iterator<Item = &Arc<Unclaimed>> {
        self.incoming.values().filter_map(|id| self.files.get(id))
    }

    /// The files that were given back and lie in `processing/`.
    pub fn returned(&self) -> impl Iterator<Item = &Arc<Unclaimed>> {
        self.returned.iter().filter_map(|id| self.files.get(id))
    }

    /// The types that have files to load, each with its queue, oldest first.
    pub fn queues(&self) -> impl Iterator<Item = (&str, &BTreeMap<Place, Arc<Unclaimed>>)> {
        self.queues.iter().map(|(key, queue)| (key.as_str(), queue))
    }

    /// To be compared with what the ledger says. Files that were taken and not yet claimed are in neither.
    pub fn sum(&self) -> UnclaimedSum {
        let mut sum = UnclaimedSum::default();
        self.files.values().for_each(|file| sum.add(file.state, file.id));
        sum
    }
}

/// The place of a file in the queue of its type.
pub fn place(file: &Unclaimed) -> Place {
    (file.file_time.or(file.modified_at), file.name.clone(), file.id)
}

fn is_loadable(file: &Unclaimed) -> bool {
    file.state == FileState::Queued && file.problem.as_ref().is_none_or(|problem| problem.code != UNSUPPORTED)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file of ten bytes that lies in `incoming/`, as an earlier look wrote it down.
    pub(crate) fn file(id: i64, name: &str, file_type: &str, state: FileState, modified: i64) -> Unclaimed {
        Unclaimed {
            id,
            attempt: 0,
            crashes: 0,
            name: name.into(),
            file_type: Some(file_type.into()),
            state,
            location: Location::Incoming,
            path: None,
            bytes: 10,
            modified_at: DateTime::from_timestamp(modified, 0),
            file_time: None,
            seen_at: DateTime::from_timestamp(modified, 0).unwrap_or_default(),
            problem: None,
        }
    }

    pub(crate) fn backlog(files: &[Unclaimed]) -> Backlog {
        let mut backlog = Backlog::default();
        backlog.refill(files.to_vec());
        backlog
    }

    fn queued(id: i64) -> Unclaimed {
        file(id, &format!("orders_{id}.json"), "orders", FileState::Queued, 100 - id)
    }

    fn queue(backlog: &Backlog) -> Vec<i64> {
        backlog.queues().flat_map(|(_, queue)| queue.values().map(|file| file.id)).collect()
    }

    #[test]
    fn a_queue_is_ordered_by_age() {
        assert_eq!(queue(&backlog(&[queued(1), queued(3), queued(2)])), [3, 2, 1]);
    }

    #[test]
    fn what_is_taken_is_in_work_until_its_load_has_ended() {
        let mut backlog = backlog(&[queued(1), queued(2)]);
        let first = backlog.at("orders_1.json").cloned().expect("known");
        backlog.take(std::slice::from_ref(&first));
        assert_eq!(queue(&backlog), [2]);
        assert!(backlog.is_in_work("orders_1.json") && backlog.at("orders_1.json").is_none());
        // The ledger has not heard of the claim when it is read again.
        backlog.refill(vec![queued(1), queued(2)]);
        assert_eq!(queue(&backlog), [2]);
        assert!(backlog.is_in_work("orders_1.json"));
        backlog.put_back(&[(1, first.name.clone())]);
        assert!(!backlog.is_in_work("orders_1.json"));
        backlog.put(queued(1));
        assert_eq!(queue(&backlog), [2, 1]);
    }

    #[test]
    fn a_file_changes_its_place_with_its_row() {
        let mut backlog = backlog(&[queued(1), queued(2)]);
        backlog.put(Unclaimed { state: FileState::Waiting, ..queued(2) });
        assert_eq!(queue(&backlog), [1]);
        backlog.put(Unclaimed { location: Location::Processing, ..queued(2) });
        assert_eq!((queue(&backlog), backlog.returned().count()), (vec![2, 1], 1));
        assert!(backlog.at("orders_2.json").is_none());
        backlog.put(Unclaimed { state: FileState::Processed, ..queued(2) });
        assert_eq!((queue(&backlog), backlog.returned().count()), (vec![1], 0));
    }

    #[test]
    fn equal_sums_belong_to_equal_files() {
        let mut ledger = UnclaimedSum::default();
        for id in [1, 2, 3] {
            ledger.add(FileState::Queued, id);
        }
        let mut backlog = backlog(&[queued(1), queued(2), queued(3)]);
        assert_eq!(backlog.sum(), ledger);
        backlog.put(Unclaimed { state: FileState::Waiting, ..queued(2) });
        assert_ne!(backlog.sum(), ledger);
    }

    #[test]
    fn a_name_that_another_process_loads_is_in_work() {
        let mut backlog = backlog(&[]);
        backlog.put(Unclaimed { state: FileState::Processing, ..queued(1) });
        assert!(backlog.is_in_work("orders_1.json"));
        backlog.doubt_others();
        assert!(!backlog.is_in_work("orders_1.json"));
    }
}
