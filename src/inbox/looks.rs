//! When is a file complete? Pure: listings, hints and the time are arguments.
//!
//! A file is complete when it was renamed in, or closed and then unchanged for a short quiet time. Where no event
//! tells (found at start, or on a file system without events), two equal looks with the quiet time between them, or an
//! old modification time, have to do.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::folder::{Entry, EntryKind};
use crate::name::FileName;

/// What an event said about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Moved into the folder under this name: whole by definition.
    Renamed,
    /// Created or written to; its writer may still have it open.
    Writing,
    /// Closed by a writer.
    Closed,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Unchanged for this long after closing is complete.
    pub quiet: Duration,
    /// Open, but unchanged for this long, is taken as complete: the closing event was lost.
    pub max_wait: Duration,
}

/// The answer for one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    /// Look again after this time.
    LookAgain(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Look {
    bytes: u64,
    modified_at: DateTime<Utc>,
    inode: u64,
    unchanged_since: DateTime<Utc>,
    hint: Option<Hint>,
    complete: bool,
}

/// What is remembered of each name from one listing to the next.
#[derive(Debug, Default)]
pub struct Looks {
    seen: HashMap<FileName, Look>,
    /// Hints for names that no listing has shown yet.
    early: HashMap<FileName, Hint>,
}

impl Looks {
    /// Takes note of an event.
    pub fn hint(&mut self, name: FileName, hint: Hint, now: DateTime<Utc>) {
        match self.seen.get_mut(&name) {
            Some(look) => {
                look.hint = Some(hint);
                look.unchanged_since = now;
                look.complete = false;
            }
            None => {
                self.early.insert(name, hint);
            }
        }
    }

    /// Forgets all hints: events were lost, only looks count now.
    pub fn distrust_hints(&mut self) {
        self.early.clear();
        self.seen.values_mut().for_each(|look| look.hint = None);
    }

    /// Forgets a file that leaves the folder: the next one of its name is another one.
    pub fn forget(&mut self, name: &FileName) {
        self.seen.remove(name);
    }

    /// Compares a listing of the folder with the one before and says for each entry whether it is complete.
    pub fn judge(&mut self, listing: &[Entry], patience: Patience, now: DateTime<Utc>) -> Vec<Completeness> {
        let before = std::mem::replace(&mut self.seen, HashMap::with_capacity(listing.len()));
        let answers = self.judge_against(before, listing, patience, now);
        self.early.clear();
        answers
    }

    /// As [`Self::judge`], of a look at `names` alone; the entries are those of them that are there.
    pub fn judge_some(
        &mut self,
        names: &[FileName],
        entries: &[Entry],
        patience: Patience,
        now: DateTime<Utc>,
    ) -> Vec<Completeness> {
        let before = names.iter().filter_map(|name| self.seen.remove_entry(name)).collect();
        let answers = self.judge_against(before, entries, patience, now);
        for name in names {
            self.early.remove(name);
        }
        answers
    }

    fn judge_against(
        &mut self,
        mut before: HashMap<FileName, Look>,
        entries: &[Entry],
        patience: Patience,
        now: DateTime<Utc>,
    ) -> Vec<Completeness> {
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            let hint = self.early.remove(&entry.name);
            let known = before.remove_entry(&entry.name);
            let (name, mut look) = match known {
                Some((name, look)) => (name, look.again(entry, hint, now)),
                None => (entry.name.clone(), Look::first(entry, hint, patience, now)),
            };
            let answer = look.judge(entry.kind, patience, now);
            look.complete = answer == Completeness::Complete;
            self.seen.insert(name, look);
            answers.push(answer);
        }
        answers
    }
}

impl Look {
    fn first(entry: &Entry, hint: Option<Hint>, patience: Patience, now: DateTime<Utc>) -> Self {
        // An old file that no one announced lay here before we looked.
        let long_quiet = (patience.quiet * 4).max(Duration::from_secs(2));
        let old = now - entry.modified_at >= delta(long_quiet);
        Self {
            bytes: entry.bytes,
            modified_at: entry.modified_at,
            inode: entry.inode,
            unchanged_since: now,
            hint,
            complete: hint.is_none() && old,
        }
    }

    fn again(self, entry: &Entry, hint: Option<Hint>, now: DateTime<Utc>) -> Self {
        let replaced = self.inode != entry.inode;
        let changed = replaced || self.bytes != entry.bytes || self.modified_at != entry.modified_at;
        let hint = hint.or(self.hint.filter(|_| !replaced));
        if !changed {
            return Self { hint, ..self };
        }
        // A renamed-in file that changes afterwards is being written to after all.
        let hint = if hint == Some(Hint::Renamed) && !replaced { None } else { hint };
        Self {
            bytes: entry.bytes,
            modified_at: entry.modified_at,
            inode: entry.inode,
            unchanged_since: now,
            hint,
            complete: false,
        }
    }

    fn judge(&self, kind: EntryKind, patience: Patience, now: DateTime<Utc>) -> Completeness {
        if self.complete || self.hint == Some(Hint::Renamed) || kind != EntryKind::File {
            return Completeness::Complete;
        }
        let wait = match self.hint {
            Some(Hint::Writing) => patience.max_wait,
            Some(Hint::Closed | Hint::Renamed) | None => patience.quiet,
        };
        let quiet_for = (now - self.unchanged_since).to_std().unwrap_or_default();
        match wait.checked_sub(quiet_for) {
            Some(rest) if !rest.is_zero() => Completeness::LookAgain(rest),
            _ => Completeness::Complete,
        }
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { quiet: Duration::from_millis(500), max_wait: Duration::from_secs(30) };

    struct Scene {
        looks: Looks,
        start: DateTime<Utc>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                looks: Looks::default(),
                start: DateTime::from_timestamp(1_700_000_000, 0).expect("a time"),
            }
        }

        fn at(&self, millis: i64) -> DateTime<Utc> {
            self.start + TimeDelta::milliseconds(millis)
        }

        fn hint(&mut self, millis: i64, hint: Hint) {
            self.looks.hint(FileName::from_raw("a.json"), hint, self.at(millis));
        }

        /// One entry of `bytes` bytes, changed at `modified`, looked at `now`.
        fn complete(&mut self, now: i64, bytes: u64, modified: i64) -> bool {
            let entry = Entry {
                name: FileName::from_raw("a.json"),
                kind: EntryKind::File,
                bytes,
                modified_at: self.at(modified),
                inode: 1,
            };
            self.looks.judge(&[entry], PATIENCE, self.at(now)) == [Completeness::Complete]
        }
    }

    #[test]
    fn a_renamed_file_is_complete_at_once() {
        let mut scene = Scene::new();
        scene.hint(0, Hint::Renamed);
        assert!(scene.complete(1, 10, 0));
    }

    #[test]
    fn a_closed_file_waits_for_the_quiet_time() {
        let mut scene = Scene::new();
        scene.hint(0, Hint::Closed);
        assert!(!scene.complete(1, 10, 0));
        assert!(!scene.complete(400, 10, 0));
        assert!(scene.complete(501, 10, 0));
    }

    #[test]
    fn a_growing_file_is_not_complete() {
        let mut scene = Scene::new();
        scene.hint(0, Hint::Writing);
        for step in 0..20 {
            assert!(!scene.complete(step * 1000, step as u64, step * 1000));
        }
        scene.hint(20_000, Hint::Closed);
        assert!(!scene.complete(20_001, 20, 19_000));
        assert!(scene.complete(20_600, 20, 19_000));
    }

    #[test]
    fn an_open_file_whose_close_was_missed_is_taken_after_max_wait() {
        let mut scene = Scene::new();
        scene.hint(0, Hint::Writing);
        assert!(!scene.complete(0, 10, 0));
        assert!(!scene.complete(29_000, 10, 0));
        assert!(scene.complete(30_000, 10, 0));
    }

    #[test]
    fn without_events_two_equal_looks_count() {
        let mut scene = Scene::new();
        assert!(!scene.complete(0, 10, -100));
        assert!(!scene.complete(300, 20, 250));
        assert!(!scene.complete(700, 20, 250));
        assert!(scene.complete(900, 20, 250));
    }

    #[test]
    fn an_old_file_found_at_start_is_complete_at_the_first_look() {
        let mut scene = Scene::new();
        assert!(scene.complete(0, 10, -60_000));
    }

    #[test]
    fn a_file_that_changes_after_its_rename_loses_its_credit() {
        let mut scene = Scene::new();
        scene.hint(0, Hint::Renamed);
        assert!(scene.complete(1, 10, 0));
        assert!(!scene.complete(100, 20, 90));
        assert!(scene.complete(700, 20, 90));
    }

    #[test]
    fn a_look_at_some_names_keeps_what_is_known_of_others() {
        let mut scene = Scene::new();
        assert!(!scene.complete(0, 10, -100));
        let other = FileName::from_raw("b.json");
        scene.looks.hint(other.clone(), Hint::Renamed, scene.at(100));
        assert!(scene.looks.judge_some(&[other], &[], PATIENCE, scene.at(100)).is_empty());
        assert!(scene.complete(501, 10, -100));
        let known = FileName::from_raw("a.json");
        assert!(scene.looks.judge_some(&[known], &[], PATIENCE, scene.at(600)).is_empty());
        assert!(!scene.complete(700, 10, -100), "it went away in between");
    }

    #[test]
    fn a_namesake_of_a_file_that_left_is_judged_by_its_own_hint() {
        let mut scene = Scene::new();
        scene.hint(0, Hint::Renamed);
        assert!(scene.complete(1, 10, 0));
        let name = FileName::from_raw("a.json");
        scene.looks.forget(&name);
        scene.hint(100, Hint::Renamed);
        let modified_at = scene.at(90);
        let namesake = Entry { name: name.clone(), kind: EntryKind::File, bytes: 7, modified_at, inode: 2 };
        let now = scene.at(101);
        assert_eq!(scene.looks.judge_some(&[name], &[namesake], PATIENCE, now), [Completeness::Complete]);
    }
}
