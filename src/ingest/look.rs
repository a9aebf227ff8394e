//! Looking: the folder against the ledger, and what changed written down.
//!
//! A full look lists `incoming/` and decides everything anew: at start, at every full scan, when types changed, when
//! events were lost. In between events name the files to look at, so that a pass costs what is new.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::debug;

use super::backlog::Backlog;
use super::claim::{blocking, return_to_incoming};
use super::context::Context;
use super::control::tidy_alone;
use super::fault::Fault;
use super::learn::refuse;
use super::plan::{Lesson, Plan, Scope, Situation, plan, to_send_back, unsupported};
use super::story::FileStory;
use crate::arrival::is_in_progress;
use crate::inbox::control::{self, Controls};
use crate::inbox::{Entry, EntryKind, Folder, Hint, Looks, Watch};
use crate::metadata::files::{Location, NewFile, Recheck, Unclaimed};
use crate::name::FileName;
use crate::registry::Registry;

/// While loads run, what they have just taken counts neither here nor there; so many full looks put up with that.
const MOST_UNVERIFIED: u32 = 12;

pub struct Lookout {
    context: Arc<Context>,
    folder: Folder,
    watch: Option<Watch>,
    looks: Looks,
    pub backlog: Backlog,
    /// Names to look at next.
    names: BTreeSet<FileName>,
    /// New files that were found and are still to be written down.
    found: Found,
    /// Files that were not complete at the last look.
    incomplete: BTreeSet<FileName>,
    /// Names that were met while a file of this name was being loaded.
    in_work: HashSet<FileName>,
    oddities: BTreeSet<FileName>,
    /// The next look is a full one.
    full: bool,
    /// The backlog is read again before the next look.
    stale: bool,
    /// Full looks since the backlog was compared with the ledger.
    unverified: u32,
    /// The next full look is also one after control files whose files are not here.
    lone_controls_due: bool,
}

/// New files that a look has found. They are written down in portions, so that the first of them load meanwhile.
#[derive(Debug, Default)]
struct Found {
    files: VecDeque<NewFile>,
    /// The newest row of the ledger before the look.
    newest: i64,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Seen {
    pub learn: Vec<Lesson>,
    /// What became of files that no type will ever load.
    pub refused: Vec<FileStory>,
    /// Names that are no files, new since the look before.
    pub oddities: Vec<(FileName, EntryKind)>,
    pub look_again: Option<Duration>,
    /// Look again right away.
    pub again: bool,
}

impl Lookout {
    pub fn new(context: Arc<Context>, watch: Option<Watch>) -> Self {
        Self {
            folder: Folder::new(&context.places.incoming),
            context,
            watch,
            looks: Looks::default(),
            backlog: Backlog::default(),
            names: BTreeSet::new(),
            found: Found::default(),
            incomplete: BTreeSet::new(),
            in_work: HashSet::new(),
            oddities: BTreeSet::new(),
            full: true,
            stale: true,
            unverified: 0,
            lone_controls_due: true,
        }
    }

    /// Names that are known to be complete.
    pub fn announce(&mut self, names: &[FileName]) {
        let now = self.context.clock.now();
        names.iter().for_each(|name| self.looks.hint(name.clone(), Hint::Renamed, now));
        self.names.extend(names.iter().cloned());
    }

    /// True when events tell what is new.
    pub fn is_told(&self) -> bool {
        self.watch.is_some()
    }

    /// The next look decides everything anew.
    pub fn look_at_all(&mut self) {
        self.full = true;
    }

    /// The next full look is also one after control files whose files are not here.
    pub fn look_for_lone_controls(&mut self) {
        self.lone_controls_due = true;
    }

    /// The ledger was changed behind the back of the backlog.
    pub fn doubt(&mut self) {
        self.stale = true;
        self.full = true;
    }

    /// Compares folder and ledger, and writes down what changed.
    ///
    /// # Errors
    /// The folder or the ledger cannot be used; the next look is a full one.
    pub async fn look(&mut self, registry: &Registry) -> Result<Seen, Fault> {
        if !self.found.files.is_empty() {
            return self.go_on().await;
        }
        self.take_hints();
        if !self.full && self.names.is_empty() && self.incomplete.is_empty() {
            return Ok(Seen::default());
        }
        let seen = self.compare(registry).await;
        if seen.is_err() {
            self.doubt();
        }
        seen
    }

    /// Writes down more of what the last look has found; the next one comes after that.
    async fn go_on(&mut self) -> Result<Seen, Fault> {
        let gone_on = self.discover().await;
        if gone_on.is_err() {
            self.found.files.clear();
            self.doubt();
        }
        gone_on.map(|()| Seen { again: true, ..Seen::default() })
    }

    /// These files leave the folder for a load of this process.
    pub fn take(&mut self, files: &[Arc<Unclaimed>]) {
        for file in files.iter().filter(|file| file.location == Location::Incoming) {
            self.looks.forget(&FileName::from_shown(&file.name));
        }
        self.backlog.take(files);
    }

    /// A load has ended, or was not begun; `left` are those of its files that may have to be loaded again.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn load_ended(&mut self, files: &[(i64, Arc<str>)], left: &[i64]) -> Result<(), Fault> {
        self.backlog.put_back(files);
        self.names.extend(self.in_work.drain());
        if left.is_empty() {
            return Ok(());
        }
        for file in self.context.metadata.unclaimed_of(left).await? {
            if file.location == Location::Incoming {
                self.names.insert(FileName::from_shown(&file.name));
            }
            self.backlog.put(file);
        }
        Ok(())
    }

    fn take_hints(&mut self) {
        let Some(watch) = &self.watch else { return };
        let hints = watch.take();
        if hints.overflow {
            self.looks.distrust_hints();
            self.full = true;
        }
        let now = self.context.clock.now();
        for (name, hint) in hints.names {
            if !is_in_progress(name.shown()) {
                self.looks.hint(name.clone(), hint, now);
                self.names.insert(name);
            }
        }
    }

    async fn compare(&mut self, registry: &Registry) -> Result<Seen, Fault> {
        let context = self.context.clone();
        let _still = context.folder.lock().await;
        // The ledger first: a file that is claimed in between is missing from the listing, and its row says why.
        self.catch_up().await?;
        self.send_back(registry).await?;
        let names = if self.full { None } else { Some(self.names_to_look_at()) };
        let folder = self.folder.clone();
        let (listing, names) = blocking(move || {
            let listing = names.as_ref().map_or_else(|| folder.list(), |names| folder.look_at(names));
            (listing, names)
        })
        .await?;
        let mut listing = listing.map_err(Fault::file("list", self.folder.path()))?;
        let now = context.clock.now();
        let (scope, mut completeness) = match &names {
            None => (Scope::Folder, self.looks.judge(&listing, context.patience, now)),
            Some(names) => {
                (Scope::Names(names), self.looks.judge_some(names, &listing, context.patience, now))
            }
        };
        let controls = Controls::take_from(&mut listing, &mut completeness);
        self.tidy(&controls, &listing, names.is_none()).await;
        let mut plan = plan(Situation {
            scope,
            listing: &listing,
            completeness: &completeness,
            controls: &controls,
            backlog: &self.backlog,
            registry,
            now,
            max_wait: context.patience.max_wait,
        });
        if let Some(after) = controls.look_again() {
            plan.look_again = Some(plan.look_again.map_or(after, |sooner| sooner.min(after)));
            plan.incomplete.extend(controls.incomplete());
        }
        debug!(
            listed = listing.len(),
            full = names.is_none(),
            found = plan.discover.len(),
            "looked at incoming/"
        );
        self.carry_out(plan, names.is_none()).await
    }

    /// Files and control files are looked at together.
    fn names_to_look_at(&self) -> Vec<FileName> {
        let told = self.names.union(&self.incomplete);
        let partner = |name: &FileName| control::subject(name).unwrap_or_else(|| control::name_of(name));
        let both: BTreeSet<FileName> = told.flat_map(|name| [partner(name), name.clone()]).collect();
        both.into_iter().collect()
    }

    /// Puts control files away whose files are not here: at once where an event told of one, else when it is time.
    async fn tidy(&mut self, controls: &Controls, listing: &[Entry], full: bool) {
        if full && !self.lone_controls_due {
            return;
        }
        let listed: HashSet<&str> = listing.iter().map(|entry| entry.name.shown()).collect();
        tidy_alone(&self.context, controls, &listed).await;
        if full {
            self.lone_controls_due = controls.look_again().is_some();
        }
    }

    /// Brings the backlog up to what the ledger says.
    async fn catch_up(&mut self) -> Result<(), Fault> {
        let metadata = &self.context.metadata;
        if !self.stale {
            for file in metadata.files_after(self.backlog.newest).await? {
                self.backlog.newest = file.id;
                self.backlog.put(file);
            }
        }
        if self.full && !self.stale {
            self.backlog.doubt_others();
            self.unverified += 1;
            if !self.backlog.is_anything_taken() || self.unverified > MOST_UNVERIFIED {
                self.unverified = 0;
                self.stale = metadata.unclaimed_sum().await? != self.backlog.sum();
            }
        }
        if self.stale {
            let newest = metadata.newest_file().await?;
            self.backlog.refill(metadata.unclaimed().await?);
            self.backlog.newest = newest;
            self.stale = false;
        }
        Ok(())
    }

    async fn send_back(&mut self, registry: &Registry) -> Result<(), Fault> {
        let back = to_send_back(&self.backlog, registry);
        if back.is_empty() {
            return Ok(());
        }
        return_to_incoming(&self.context, &back).await?;
        let ids: Vec<i64> = back.iter().map(|(id, ..)| *id).collect();
        self.names.extend(back.into_iter().map(|(_, name, _)| name));
        self.look_up(&ids).await
    }

    async fn carry_out(&mut self, plan: Plan, full: bool) -> Result<Seen, Fault> {
        let Plan {
            discover,
            recheck,
            vanish,
            learn,
            refuse,
            oddities,
            look_again,
            incomplete,
            again,
            in_work,
        } = plan;
        self.found = Found { files: discover.into(), newest: self.backlog.newest };
        self.discover().await?;
        let mut lost = self.recheck(recheck).await?;
        lost.extend(self.vanish(vanish).await?);
        let refused = self.refuse(refuse).await?;
        let lost_names: Vec<FileName> = self.names_of(&lost);
        self.look_up(&lost).await?;
        self.full = false;
        self.names = again.into_iter().chain(lost_names).collect();
        self.incomplete = incomplete.into_iter().collect();
        self.in_work.extend(in_work);
        let oddities = self.new_oddities(oddities, full);
        Ok(Seen {
            learn,
            refused,
            oddities,
            look_again,
            again: !self.names.is_empty() || !self.found.files.is_empty(),
        })
    }

    async fn discover(&mut self) -> Result<(), Fault> {
        // As many as two loads take.
        let portion = self.found.files.len().min(2 * self.context.limits.files);
        let files: Vec<NewFile> = self.found.files.drain(..portion).collect();
        if files.is_empty() {
            return Ok(());
        }
        let metadata = &self.context.metadata;
        let found = metadata.discover_after(&files, self.found.newest).await?;
        // Nobody else has written in between: these rows need not be read again.
        let newest = self.backlog.newest;
        if found.iter().map(|(id, _)| *id).eq((newest + 1..).take(found.len())) {
            self.backlog.newest += found.len() as i64;
        }
        let ids: HashMap<String, i64> = found.into_iter().map(|(id, name)| (name, id)).collect();
        let mut others = Vec::new();
        let now = self.context.clock.now();
        for file in files {
            match ids.get(&file.name) {
                Some(&id) => self.backlog.put(discovered(id, file, now)),
                None => others.push(file.name),
            }
        }
        if !others.is_empty() {
            // Another process was first.
            for file in metadata.incoming_of(&others).await? {
                self.backlog.put(file);
            }
        }
        Ok(())
    }

    /// The ids of files that had changed.
    async fn recheck(&mut self, rechecks: Vec<Recheck>) -> Result<Vec<i64>, Fault> {
        let changed: HashSet<i64> =
            self.context.metadata.update_waiting(&rechecks).await?.into_iter().collect();
        let mut lost = Vec::new();
        for recheck in rechecks {
            match self.backlog.get(recheck.id) {
                Some(file) if changed.contains(&recheck.id) => {
                    let file = rechecked(file, recheck);
                    self.backlog.put(file);
                }
                _ => lost.push(recheck.id),
            }
        }
        Ok(lost)
    }

    /// The ids of files that had changed.
    async fn vanish(&mut self, files: Vec<(i64, i64)>) -> Result<Vec<i64>, Fault> {
        let vanished: HashSet<i64> = self.context.metadata.vanish(&files).await?.into_iter().collect();
        vanished.iter().for_each(|&id| self.backlog.forget(id));
        Ok(files.into_iter().map(|(id, _)| id).filter(|id| !vanished.contains(id)).collect())
    }

    async fn refuse(&mut self, files: Vec<(i64, i64, String)>) -> Result<Vec<FileStory>, Fault> {
        let mut by_type: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        for (id, attempt, type_key) in files {
            by_type.entry(type_key).or_default().push((id, attempt));
        }
        let mut stories = Vec::new();
        for (type_key, files) in by_type {
            stories.extend(refuse(&self.context, &files, &type_key, unsupported()).await?);
            files.iter().for_each(|&(id, _)| self.backlog.forget(id));
        }
        Ok(stories)
    }

    fn names_of(&self, ids: &[i64]) -> Vec<FileName> {
        let files = ids.iter().filter_map(|&id| self.backlog.get(id));
        files.map(|file| FileName::from_shown(&file.name)).collect()
    }

    /// Puts files into the backlog as the ledger has them now.
    async fn look_up(&mut self, ids: &[i64]) -> Result<(), Fault> {
        ids.iter().for_each(|&id| self.backlog.forget(id));
        for file in self.context.metadata.unclaimed_of(ids).await? {
            self.backlog.put(file);
        }
        Ok(())
    }

    fn new_oddities(&mut self, found: Vec<(FileName, EntryKind)>, full: bool) -> Vec<(FileName, EntryKind)> {
        let mut before = std::mem::take(&mut self.oddities);
        self.oddities = found.iter().map(|(name, _)| name.clone()).collect();
        let new = found.into_iter().filter(|(name, _)| !before.contains(name)).collect();
        if !full {
            self.oddities.append(&mut before);
        }
        new
    }
}

fn discovered(id: i64, file: NewFile, seen_at: DateTime<Utc>) -> Unclaimed {
    let NewFile { name, file_type, state, bytes, modified_at, file_time, problem } = file;
    Unclaimed {
        id,
        attempt: 0,
        crashes: 0,
        name: name.into(),
        file_type,
        state,
        location: Location::Incoming,
        path: None,
        bytes,
        modified_at,
        file_time,
        seen_at,
        problem: problem.map(Box::new),
    }
}

fn rechecked(before: &Unclaimed, recheck: Recheck) -> Unclaimed {
    let Recheck { id, attempt, state, file_type, bytes, modified_at, file_time, problem } = recheck;
    let problem = problem.map(Box::new);
    let Unclaimed { crashes, name, location, path, seen_at, .. } = before.clone();
    Unclaimed {
        id,
        attempt,
        crashes,
        name,
        file_type,
        state,
        location,
        path,
        bytes,
        modified_at,
        file_time,
        seen_at,
        problem,
    }
}
