//! The driver: looks at the folder, starts loads within limits, takes note of what they became.
//!
//! One `Ingestor` lives in the daemon, or for the length of one `lakegate ingest`. It remembers only what may be
//! forgotten: looks at growing files, which tables are busy, how long to leave a faulty table alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error};

use super::batches::next_loads;
use super::claim::{blocking, panic_message, return_to_incoming};
use super::context::{Context, pause_after};
use super::fault::Fault;
use super::learn::{learn, refuse};
use super::load::{self, LoadFailure, LoadReport};
use super::plan::{Lesson, Plan, Situation, plan, to_send_back, unsupported};
use super::recover::{Background, Ours, clear_strays, recover};
use super::story::FileStory;
use crate::inbox::{Folder, Hint, Looks, Watch};
use crate::metadata::Kind;
use crate::metadata::files::{FileRow, FileState};
use crate::name::FileName;
use crate::registry::Registry;

/// What one pass left.
#[derive(Debug, Default)]
pub struct Pass {
    /// When to look again at the latest, if something is not complete yet or a pause ends.
    pub look_again: Option<Duration>,
    /// The pass changed something that the next one should look at right away.
    pub again: bool,
}

/// What a look at the folder found.
struct Seen {
    plan: Plan,
    /// The live files as they are after it.
    rows: Vec<FileRow>,
    changed: bool,
}

/// A piece of work that ended.
#[derive(Debug)]
pub struct Done(Result<Ended, JoinError>);

#[derive(Debug)]
enum Ended {
    Load(Result<LoadReport, LoadFailure>),
    Lesson(Lesson, Result<Vec<FileStory>, Fault>),
}

/// A table that is left alone after faults.
#[derive(Debug, Clone, Copy)]
struct Pause {
    failures: u32,
    until: DateTime<Utc>,
}

pub struct Ingestor {
    context: Arc<Context>,
    folder: Folder,
    watch: Option<Watch>,
    looks: Looks,
    registry: Arc<Registry>,
    registry_is_stale: bool,
    work: JoinSet<Ended>,
    busy: HashSet<String>,
    learning: HashSet<String>,
    pauses: HashMap<String, Pause>,
    oddities: BTreeSet<FileName>,
    /// Files that ended since the work last ran dry, and the codes of those that failed.
    ended: usize,
    failures: BTreeMap<String, usize>,
    stories: Vec<FileStory>,
    last_fault: Option<Fault>,
    recover_due: bool,
    /// No new work is begun.
    draining: bool,
}

impl Ingestor {
    pub fn new(context: Arc<Context>, watch: Option<Watch>) -> Self {
        Self {
            folder: Folder::new(&context.places.incoming),
            context,
            watch,
            looks: Looks::default(),
            registry: Arc::default(),
            registry_is_stale: true,
            work: JoinSet::new(),
            busy: HashSet::new(),
            learning: HashSet::new(),
            pauses: HashMap::new(),
            oddities: BTreeSet::new(),
            ended: 0,
            failures: BTreeMap::new(),
            stories: Vec::new(),
            last_fault: None,
            recover_due: true,
            draining: false,
        }
    }

    /// Names that are known to be complete.
    pub fn announce(&mut self, names: &[FileName]) {
        let now = self.context.clock.now();
        names.iter().for_each(|name| self.looks.hint(name.clone(), Hint::Renamed, now));
    }

    /// The fault of a table that has failed again and again.
    pub fn take_lasting_fault(&mut self) -> Option<Fault> {
        const AGAIN_AND_AGAIN: u32 = 3;
        let lasts = self.pauses.values().any(|pause| pause.failures >= AGAIN_AND_AGAIN);
        self.last_fault.take_if(|_| lasts)
    }

    /// The rows of `table_metadata` may have changed.
    pub fn types_changed(&mut self) {
        self.registry_is_stale = true;
    }

    /// Time for a full look: abandoned work is resumed, too.
    pub fn full_scan_due(&mut self) {
        self.recover_due = true;
        self.registry_is_stale = true;
    }

    /// True while loads or lessons run.
    pub fn is_working(&self) -> bool {
        !self.work.is_empty()
    }

    /// No new work from now on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// What became of files since the last call.
    pub fn take_stories(&mut self) -> Vec<FileStory> {
        std::mem::take(&mut self.stories)
    }

    /// One pass: compare the folder with the ledger, then begin what can be begun. The loads of this process's
    /// `background` work are not abandoned.
    ///
    /// # Errors
    /// The folder or the metadata database cannot be used now. Nothing is lost; the next pass tries again.
    pub async fn pass(&mut self, background: Background) -> Result<Pass, Fault> {
        // 1. Who is there: types, and work that nobody does any more.
        if self.registry_is_stale {
            self.read_types().await?;
        }
        if self.recover_due {
            let ours = Ours { tables: &self.busy, background };
            recover(&self.context, &self.registry, ours).await?;
            if self.busy.is_empty() && !background.jobs && !background.compaction {
                clear_strays(&self.context).await?;
            }
            self.recover_due = false;
        }
        // 2. What is there: the folder against the ledger.
        let Seen { plan, rows, changed } = self.look().await?;
        // 3. What to begin.
        if !self.draining {
            self.begin_lessons(plan.learn);
            self.begin_loads(&rows);
        }
        self.end_run_if_idle().await;
        self.tell_oddities(plan.oddities).await;
        self.context.alarm.recovered("metadata").await;
        self.context.alarm.recovered("incoming").await;
        Ok(Pass { look_again: sooner(plan.look_again, self.end_of_pause()), again: changed })
    }

    /// Waits for one piece of work to end; `None` when there is none. Can be cancelled; what it gives must go to
    /// [`Self::take_note`].
    pub async fn next_done(&mut self) -> Option<Done> {
        self.work.join_next().await.map(Done)
    }

    /// Takes note of what became of a piece of work.
    pub async fn take_note(&mut self, done: Done) {
        match done.0 {
            Ok(Ended::Load(Ok(report))) => self.load_done(report).await,
            Ok(Ended::Load(Err(failure))) => self.load_failed(failure).await,
            Ok(Ended::Lesson(lesson, result)) => self.lesson_done(lesson, result).await,
            // Loads catch the panics of their writers; one in the driver itself leaves rows that recovery finds.
            Err(error) => {
                error!(code = "internal.panic", "a load ended unexpectedly: {}", panic_message(error));
                self.busy.clear();
                self.learning.clear();
                self.recover_due = true;
            }
        }
        self.end_run_if_idle().await;
    }

    async fn read_types(&mut self) -> Result<(), Fault> {
        let rows = self.context.metadata.types().await?;
        let registry = Registry::build(rows, &self.registry);
        for known in registry.types() {
            let reason = known.spec.as_ref().err();
            if known.row.status_reason.as_ref() != reason {
                let key = &known.row.file_type;
                self.context.metadata.set_status_reason(known.row.id, reason.map(String::as_str)).await?;
                match reason {
                    Some(reason) => self.context.alarm.unusable("type", key, reason).await,
                    None => self.context.alarm.usable_again("type", key).await,
                }
            }
        }
        self.registry = Arc::new(registry);
        self.registry_is_stale = false;
        Ok(())
    }

    /// Compares folder and ledger, and writes down what changed.
    async fn look(&mut self) -> Result<Seen, Fault> {
        let context = self.context.clone();
        let _still = context.folder.lock().await;
        self.take_hints();
        let newest = context.metadata.newest_file().await?;
        // The ledger first: a file that is claimed in between is missing from the listing, and its row says why.
        let mut rows = context.metadata.live_files().await?;
        let back = to_send_back(&rows, &self.registry);
        if !back.is_empty() {
            return_to_incoming(&context, &back).await?;
            rows = context.metadata.live_files().await?;
        }
        let folder = self.folder.clone();
        let listing =
            blocking(move || folder.list()).await?.map_err(Fault::file("list", self.folder.path()))?;
        let now = context.clock.now();
        let completeness = self.looks.judge(&listing, context.patience, now);
        let plan = plan(Situation {
            listing: &listing,
            completeness: &completeness,
            rows: &rows,
            registry: &self.registry,
            now,
            max_wait: context.patience.max_wait,
        });
        let found = context.metadata.discover_after(&plan.discover, newest).await?;
        let rechecked = context.metadata.update_waiting(&plan.recheck).await?;
        context.metadata.vanish(&plan.vanish).await?;
        for (id, attempt, type_key) in &plan.refuse {
            let stories = refuse(&context, &[(*id, *attempt)], type_key, unsupported()).await?;
            self.note(stories);
        }
        let changed = !found.is_empty() || !rechecked.is_empty();
        if changed || !plan.vanish.is_empty() || !plan.refuse.is_empty() {
            rows = context.metadata.live_files().await?;
        }
        debug!(
            listed = listing.len(),
            found = found.len(),
            rechecked = rechecked.len(),
            "looked at incoming/"
        );
        Ok(Seen { plan, rows, changed })
    }

    fn take_hints(&mut self) {
        let Some(watch) = &self.watch else { return };
        let hints = watch.take();
        if hints.overflow {
            self.looks.distrust_hints();
        }
        let now = self.context.clock.now();
        for (name, hint) in hints.names {
            self.looks.hint(name, hint, now);
        }
    }

    fn begin_lessons(&mut self, lessons: Vec<Lesson>) {
        for lesson in lessons {
            if self.is_paused(&lesson.type_key) || !self.learning.insert(lesson.type_key.clone()) {
                continue;
            }
            let context = self.context.clone();
            self.work.spawn(async move {
                let result = learn(&context, lesson.clone()).await;
                Ended::Lesson(lesson, result)
            });
        }
    }

    fn begin_loads(&mut self, rows: &[FileRow]) {
        let mut unavailable = self.busy.clone();
        unavailable.extend(self.pauses.keys().filter(|table| self.is_paused(table)).cloned());
        for batch in next_loads(rows, &self.registry, &unavailable, self.context.limits) {
            if self.busy.len() >= self.context.parallel {
                break;
            }
            self.busy.insert(batch.spec.table.clone());
            let context = self.context.clone();
            self.work.spawn(async move { Ended::Load(load::run(context, batch).await) });
        }
    }

    async fn load_done(&mut self, report: LoadReport) {
        self.busy.remove(&report.table);
        self.pauses.remove(&report.table);
        self.context.alarm.recovered(&report.table).await;
        self.note(report.stories);
    }

    /// Counts files that ended, for the summary of the run and for whoever asks.
    fn note(&mut self, stories: Vec<FileStory>) {
        self.ended += stories.len();
        for story in &stories {
            if let (FileState::Failed, Some(code)) = (story.state, &story.code) {
                *self.failures.entry(code.clone()).or_default() += 1;
            }
        }
        self.stories.extend(stories);
    }

    /// A run ends when there is nothing left to do. One that had failures says so once.
    async fn end_run_if_idle(&mut self) {
        if self.ended == 0 || !self.work.is_empty() || self.has_more().await {
            return;
        }
        self.context.alarm.run_ended(self.ended, &self.failures).await;
        self.ended = 0;
        self.failures.clear();
    }

    async fn load_failed(&mut self, failure: LoadFailure) {
        let LoadFailure { table, load_id, fault } = failure;
        self.busy.remove(&table);
        self.recover_due = true;
        // Somebody else was quicker: decide again from what is true now.
        if fault.kind() == Kind::Conflict {
            debug!(load_id, table = %table, "{}", fault.whole_message());
        } else {
            self.context.alarm.transient(&fault.problem(), &table).await;
            self.last_fault = Some(fault);
        }
        self.pause(&table);
    }

    async fn lesson_done(&mut self, lesson: Lesson, result: Result<Vec<FileStory>, Fault>) {
        self.learning.remove(&lesson.type_key);
        self.registry_is_stale = true;
        match result {
            Ok(stories) => {
                self.note(stories);
                self.pauses.remove(&lesson.type_key);
                self.context.alarm.recovered(&lesson.type_key).await;
            }
            Err(fault) => {
                self.context.alarm.transient(&fault.problem(), &lesson.type_key).await;
                self.last_fault = Some(fault);
                self.pause(&lesson.type_key);
            }
        }
    }

    fn pause(&mut self, name: &str) {
        let failures = self.pauses.get(name).map_or(1, |pause| pause.failures + 1);
        let until = self.context.clock.now() + TimeDelta::from_std(pause_after(failures)).unwrap_or_default();
        self.pauses.insert(name.to_owned(), Pause { failures, until });
    }

    fn is_paused(&self, name: &str) -> bool {
        self.pauses.get(name).is_some_and(|pause| pause.until > self.context.clock.now())
    }

    fn end_of_pause(&self) -> Option<Duration> {
        let now = self.context.clock.now();
        self.pauses.values().filter_map(|pause| (pause.until - now).to_std().ok()).min()
    }

    async fn has_more(&self) -> bool {
        let rows = self.context.metadata.live_files().await.unwrap_or_default();
        !next_loads(&rows, &self.registry, &HashSet::new(), self.context.limits).is_empty()
    }

    async fn tell_oddities(&mut self, oddities: Vec<(FileName, crate::inbox::EntryKind)>) {
        let before = std::mem::take(&mut self.oddities);
        for (name, kind) in oddities {
            if !before.contains(&name) {
                self.context.alarm.oddity(&name, kind).await;
            }
            self.oddities.insert(name);
        }
    }
}

fn sooner(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
