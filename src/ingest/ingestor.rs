//! The driver: looks at the folder, starts loads within limits, takes note of what they became.
//!
//! One `Ingestor` lives in the daemon, or for the length of one `lakegate ingest`. It remembers only what may be
//! forgotten: what is in the ledger, looks at growing files, how long to leave a faulty table alone.

mod second_chances;
mod types;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error};

use super::batches::{Batch, has_loads, next_loads};
use super::breaker;
use super::claim::panic_message;
use super::context::{Context, pause_after};
use super::fault::Fault;
use super::learn::learn;
use super::load::{self, LoadFailure, LoadReport};
use super::look::{Lookout, Seen};
use super::plan::Lesson;
use super::recover::{Background, clear_strays, recover};
use super::story::FileStory;
use super::turns::Turns;
use crate::inbox::Watch;
use crate::metadata::Kind;
use crate::metadata::files::FileState;
use crate::name::FileName;
use crate::registry::Registry;
use crate::schema::processing_config::OnRedelivery;
use second_chances::{Reconsideration, Reconsidered};

/// Loads of one table at the same time: one is written while the next is prepared, or the last one settles.
const LOADS_OF_A_TABLE: usize = 2;

/// What one pass left.
#[derive(Debug, Default)]
pub struct Pass {
    /// When to look again at the latest, if something is not complete yet or a pause ends.
    pub look_again: Option<Duration>,
    /// The pass changed something that the next one should look at right away.
    pub again: bool,
}

/// A piece of work that ended.
#[derive(Debug)]
pub struct Done(Result<Ended, JoinError>);

#[derive(Debug)]
enum Ended {
    Load(Result<LoadReport, LoadFailure>),
    Lesson(Lesson, Result<Vec<FileStory>, Fault>),
    Reconsidered(Reconsidered),
}

/// A table that is left alone after faults.
#[derive(Debug, Clone, Copy)]
struct Pause {
    failures: u32,
    until: DateTime<Utc>,
}

pub struct Ingestor {
    context: Arc<Context>,
    lookout: Lookout,
    registry: Arc<Registry>,
    registry_is_stale: bool,
    /// By type: the table and the version of the schema that was found to go with its rows.
    vetted: HashMap<String, (String, i64)>,
    work: JoinSet<Ended>,
    turns: Turns,
    learning: HashSet<String>,
    pauses: HashMap<String, Pause>,
    /// When the first pause ends that has begun since the last full look.
    end_of_pause: Option<DateTime<Utc>>,
    /// Files that ended since the work last ran dry, and the codes of those that failed.
    ended: usize,
    failures: BTreeMap<String, usize>,
    stories: Vec<FileStory>,
    last_fault: Option<Fault>,
    recover_due: bool,
    /// No new work is begun.
    draining: bool,
    /// Whether changes of types lead to another look at rejected records.
    reconsideration: Option<Reconsideration>,
}

impl Ingestor {
    pub fn new(context: Arc<Context>, watch: Option<Watch>) -> Self {
        Self {
            lookout: Lookout::new(context.clone(), watch),
            context,
            registry: Arc::default(),
            registry_is_stale: true,
            vetted: HashMap::new(),
            work: JoinSet::new(),
            turns: Turns::default(),
            learning: HashSet::new(),
            pauses: HashMap::new(),
            end_of_pause: None,
            ended: 0,
            failures: BTreeMap::new(),
            stories: Vec::new(),
            last_fault: None,
            recover_due: true,
            draining: false,
            reconsideration: None,
        }
    }

    /// Rejected records of a type are looked at again whenever the type changes.
    pub fn reconsidering(mut self) -> Self {
        self.reconsideration = Some(Reconsideration::default());
        self
    }

    /// Names that are known to be complete.
    pub fn announce(&mut self, names: &[FileName]) {
        self.lookout.announce(names);
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
        self.lookout.look_at_all();
        self.lookout.look_for_lone_controls();
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

    /// One pass: compare the folder with the ledger, as far as there is news, then begin what can be begun. The loads of
    /// this process's `background` work are not abandoned.
    ///
    /// # Errors
    /// The folder or the metadata database cannot be used now. Nothing is lost; the next pass tries again.
    pub async fn pass(&mut self, background: Background) -> Result<Pass, Fault> {
        // 1. Who is there: types, and work that nobody does any more.
        if self.registry_is_stale {
            self.read_types().await?;
        }
        if self.recover_due {
            if recover(&self.context, &self.registry, background).await? {
                self.lookout.doubt();
            }
            if self.turns.tables().len() == 0 && !background.jobs && !background.compaction {
                clear_strays(&self.context).await?;
            }
            self.recover_due = false;
        }
        // 2. What is there: the folder against the ledger.
        self.look_after_pauses();
        let Seen { learn, refused, oddities, look_again, again } = self.lookout.look(&self.registry).await?;
        self.note(refused);
        // 3. What to begin.
        if !self.draining {
            self.begin_lessons(learn);
            self.begin_loads();
            self.begin_replays();
        }
        self.end_run_if_idle().await;
        for (name, kind) in oddities {
            self.context.alarm.oddity(&name, kind).await;
        }
        self.context.alarm.recovered("metadata").await;
        self.context.alarm.recovered("incoming").await;
        Ok(Pass { look_again: sooner(look_again, self.rest_of_pause()), again })
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
            Ok(Ended::Reconsidered(done)) => self.reconsidered(done).await,
            // Loads catch the panics of their writers; one in the driver itself leaves rows that recovery finds.
            Err(error) => {
                error!(code = "internal.panic", "a load ended unexpectedly: {}", panic_message(error));
                self.turns.clear();
                self.learning.clear();
                self.lookout.backlog.put_all_back();
                self.lookout.doubt();
                self.recover_due = true;
            }
        }
        if self.work.is_empty() && !self.lookout.is_told() {
            // Files may have come meanwhile, and nobody has said so.
            self.lookout.look_at_all();
        }
        self.end_run_if_idle().await;
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

    fn begin_loads(&mut self) {
        let mut has_begun = true;
        while has_begun {
            let mut unavailable: HashSet<String> = self.turns.tables().cloned().collect();
            unavailable.retain(|table| self.turns.loads_of(table) >= LOADS_OF_A_TABLE);
            unavailable.extend(self.pauses.keys().filter(|table| self.is_paused(table)).cloned());
            has_begun = false;
            for batch in next_loads(&self.lookout.backlog, &self.registry, &unavailable, self.context.limits)
            {
                if self.has_room_for(&batch) {
                    self.begin_load(batch);
                    has_begun = true;
                }
            }
        }
    }

    /// A load behind another one of its table is worth while only when no more files fit into it: those that arrive in the
    /// meantime load together. Deliveries of one file come one after the other, also those that a load gives back.
    fn has_room_for(&self, batch: &Batch) -> bool {
        match self.turns.loads_of(&batch.spec.table) {
            0 => self.turns.tables().len() < self.context.parallel,
            _ => batch.is_full && batch.spec.config.on_redelivery == OnRedelivery::Append,
        }
    }

    fn begin_load(&mut self, batch: Batch) {
        self.lookout.take(&batch.files);
        let turn = self.turns.take(&batch.spec.table);
        let context = self.context.clone();
        self.work.spawn(async move { Ended::Load(load::run(context, batch, turn).await) });
    }

    async fn load_done(&mut self, report: LoadReport) {
        let LoadReport { table, files, stories, schema_changed, .. } = report;
        self.turns.ended(&table);
        self.pauses.remove(&table);
        self.registry_is_stale |= schema_changed;
        self.context.alarm.recovered(&table).await;
        let settled: HashSet<i64> = stories.iter().map(|story| story.id).collect();
        let left: Vec<i64> = files.iter().map(|(id, _)| *id).filter(|id| !settled.contains(id)).collect();
        if let Err(fault) = self.lookout.load_ended(&files, &left).await {
            debug!("the backlog is read again: {}", fault.whole_message());
            self.lookout.doubt();
        }
        self.trip_breakers(&stories).await;
        self.note(stories);
    }

    /// Pauses types whose files fail again and again.
    async fn trip_breakers(&mut self, stories: &[FileStory]) {
        let failed = stories.iter().filter(|story| story.state == FileState::Failed);
        let types: BTreeSet<&str> = failed.filter_map(|story| story.file_type.as_deref()).collect();
        for file_type in types {
            let Some(known) = self.registry.get(file_type) else { continue };
            match breaker::trip_if_due(&self.context, known).await {
                Ok(tripped) => self.registry_is_stale |= tripped,
                // The files have failed, whatever becomes of this; the next failure looks again.
                Err(fault) => {
                    debug!(file_type, "the failures could not be counted: {}", fault.whole_message())
                }
            }
        }
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
        if self.ended == 0 || !self.work.is_empty() || has_loads(&self.lookout.backlog, &self.registry) {
            return;
        }
        self.context.alarm.run_ended(self.ended, &self.failures).await;
        self.context.drift.flush(false).await;
        self.ended = 0;
        self.failures.clear();
    }

    async fn load_failed(&mut self, failure: LoadFailure) {
        let LoadFailure { table, load_id, files, fault } = failure;
        self.turns.ended(&table);
        self.lookout.backlog.put_back(&files);
        self.lookout.doubt();
        self.recover_due = true;
        if matches!(fault, Fault::Overtaken) {
            debug!(load_id, table = %table, "{fault}");
            return;
        }
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
        self.end_of_pause = Some(self.end_of_pause.map_or(until, |sooner| sooner.min(until)));
    }

    /// What was left alone during a pause is met again after it.
    fn look_after_pauses(&mut self) {
        let now = self.context.clock.now();
        if self.end_of_pause.is_some_and(|end| end <= now) {
            self.lookout.look_at_all();
            self.end_of_pause = self.pauses.values().map(|pause| pause.until).filter(|end| *end > now).min();
        }
    }

    fn is_paused(&self, name: &str) -> bool {
        self.pauses.get(name).is_some_and(|pause| pause.until > self.context.clock.now())
    }

    fn rest_of_pause(&self) -> Option<Duration> {
        let now = self.context.clock.now();
        self.pauses.values().filter_map(|pause| (pause.until - now).to_std().ok()).min()
    }
}

fn sooner(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
