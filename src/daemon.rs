//! The loop: asks what is due, starts work within limits, drains at the end.
//!
//! Everything that happens outside (events, changed rows, timers) only wakes it; what is to be done is found out by a
//! pass. Knows neither formats nor SQL.

mod compactions;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, sleep, sleep_until, timeout};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use compactions::Compactions;
use compactions::Schedule;

use crate::alerts::Dispatcher;
use crate::ingest::{Background, Context, Fault, Ingestor, Pass};
use crate::jobs::{Due, Runner};

/// Time for what was begun to end by itself after a request to stop.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(6);
/// Time to give back what did not.
const TIME_TO_GIVE_BACK: Duration = Duration::from_secs(3);
/// Longest pause between two passes while the folder or the database cannot be used.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Files that arrived while nobody watched are known after this time, even when some of them still grow.
const TIME_TO_SEE_THE_FOLDER: Duration = Duration::from_secs(30);
/// Time between two looks at whether it is some table's turn to be compacted.
const COMPACTION_TICK: Duration = Duration::from_secs(1);

#[derive(Debug, Error)]
#[error(transparent)]
pub struct ScheduleFault(#[from] JobSchedulerError);

/// What the loop needs.
pub struct Daemon {
    pub context: Arc<Context>,
    /// `None` when jobs are switched off.
    pub runner: Option<Runner>,
    pub polling: bool,
    /// Time between two full scans.
    pub scan: Duration,
    /// Time between two looks at the jobs.
    pub job_tick: Duration,
    /// `None` when compaction is switched off.
    pub compactions: Option<Compactions>,
}

/// Why the loop was woken.
#[derive(Debug, Default)]
struct Signals {
    wake: Arc<Notify>,
    types_changed: Arc<AtomicBool>,
    full_scan: Arc<AtomicBool>,
    /// What lay in `incoming/` when the daemon started is in the ledger.
    folder_seen: CancellationToken,
}

impl Daemon {
    /// Runs until `shutdown`; ends at most ten seconds later. The dispatcher works beside it.
    ///
    /// # Errors
    /// The timers cannot be started.
    pub async fn run(self, dispatcher: Dispatcher, shutdown: CancellationToken) -> Result<(), ScheduleFault> {
        let signals = Signals::default();
        let watch = crate::app::watch(&self.context.places, self.polling, &signals.wake);
        let mut timer = start_hourly_scan(&signals).await?;
        let changes = tokio::spawn(follow_changes(self.context.clone(), signals.share()));
        let mut ingestor = Ingestor::new(self.context.clone(), watch).reconsidering();
        info!(incoming = %self.context.places.incoming.display(), database = %self.context.metadata.redacted_url(),
            owner = self.context.owner.id(), "watching {}", self.context.places.incoming.display());
        let mut background = BackgroundWork {
            jobs: Jobs::new(self.runner.clone()),
            merges: Schedule::new(self.compactions.clone()),
        };
        let telling = tokio::spawn(dispatcher.run(signals.folder_seen.clone(), shutdown.clone()));
        self.work(&mut ingestor, &mut background, &signals, &shutdown).await;
        changes.abort();
        if let Err(fault) = timer.shutdown().await {
            warn!("the timer did not stop in order: {fault}");
        }
        self.drain(ingestor, background).await;
        // It began to end when loading did, and is not waited for longer.
        let _ = timeout(TIME_TO_GIVE_BACK, telling).await;
        Ok(())
    }

    async fn work(
        &self,
        ingestor: &mut Ingestor,
        background: &mut BackgroundWork,
        signals: &Signals,
        shutdown: &CancellationToken,
    ) {
        let mut scan = ticker(self.scan);
        let mut job_tick = ticker(self.job_tick);
        let mut compaction_tick = ticker(COMPACTION_TICK);
        let mut faults = 0;
        let started = Instant::now();
        while !shutdown.is_cancelled() {
            if signals.types_changed.swap(false, Ordering::Relaxed) {
                ingestor.types_changed();
            }
            if signals.full_scan.swap(false, Ordering::Relaxed) {
                ingestor.full_scan_due();
            }
            let began = Instant::now();
            let look_again = match ingestor.pass(background.at_work()).await {
                Ok(Pass { again: true, .. }) => Some(Duration::ZERO),
                Ok(pass) => {
                    faults = 0;
                    if pass.look_again.is_none() || started.elapsed() > TIME_TO_SEE_THE_FOLDER {
                        signals.folder_seen.cancel();
                    }
                    pass.look_again
                }
                Err(fault) => {
                    faults += 1;
                    self.tell(&fault).await;
                    Some(crate::ingest::context::pause_after(faults).min(LONGEST_PAUSE))
                }
            };
            // A storm of events costs at most half of the time.
            let calm = sleep((began.elapsed()).max(Duration::from_millis(5)));
            let wake = async {
                match (faults, look_again) {
                    (1.., Some(pause)) => sleep(pause).await,
                    (_, Some(pause)) => drop(timeout(pause, signals.wake.notified()).await),
                    (_, None) => signals.wake.notified().await,
                }
                calm.await;
            };
            tokio::pin!(wake);
            loop {
                tokio::select! {
                    () = &mut wake => break,
                    Some(done) = ingestor.next_done() => break ingestor.take_note(done).await,
                    _ = scan.tick() => break ingestor.full_scan_due(),
                    // Jobs do not touch incoming/: they are no reason to look at it.
                    _ = job_tick.tick() => background.jobs.begin_due(&self.context).await,
                    _ = compaction_tick.tick() => background.merges.begin_due(&self.context).await,
                    Some(()) = background.next_done() => {}
                    () = shutdown.cancelled() => break,
                }
            }
        }
    }

    /// A fault of the folder or of the database: told once while it lasts.
    async fn tell(&self, fault: &Fault) {
        let subject = if matches!(fault, Fault::Metadata(_)) { "metadata" } else { "incoming" };
        self.context.alarm.transient(&fault.problem(), subject).await;
    }

    /// Lets what was begun end; what does not end in time is given back, and the next start loads it.
    async fn drain(&self, mut ingestor: Ingestor, mut background: BackgroundWork) {
        ingestor.drain();
        background.merges.stop();
        let deadline = Instant::now() + PATIENCE_AT_THE_END;
        while ingestor.is_working() || background.is_at_work() {
            tokio::select! {
                Some(done) = ingestor.next_done() => ingestor.take_note(done).await,
                Some(()) = background.next_done() => {}
                () = sleep_until(deadline) => break,
            }
        }
        if ingestor.is_working() || background.is_at_work() {
            warn!(
                "stopping before all loads have ended; what was begun is given back and loaded after the next start"
            );
            self.context.stop_reading.cancel();
            let rest = async {
                while let Some(done) = ingestor.next_done().await {
                    ingestor.take_note(done).await;
                }
                ingestor.full_scan_due();
                if let Err(fault) = ingestor.pass(background.at_work()).await {
                    warn!("not everything could be given back now: {}", fault.whole_message());
                }
            };
            let _ = timeout(TIME_TO_GIVE_BACK, rest).await;
        }
        self.context.drift.flush(true).await;
        info!("stopped");
    }
}

fn ticker(period: Duration) -> tokio::time::Interval {
    let mut ticker = tokio::time::interval(period.max(Duration::from_millis(10)));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

impl Signals {
    fn share(&self) -> Self {
        let Self { wake, types_changed, full_scan, folder_seen } = self;
        Self {
            wake: wake.clone(),
            types_changed: types_changed.clone(),
            full_scan: full_scan.clone(),
            folder_seen: folder_seen.clone(),
        }
    }
}

/// At every full hour everything is looked at, whatever events and timers did.
async fn start_hourly_scan(signals: &Signals) -> Result<JobScheduler, ScheduleFault> {
    let timer = JobScheduler::new().await?;
    let Signals { wake, full_scan, .. } = signals.share();
    timer
        .add(Job::new("0 0 * * * *", move |_, _| {
            full_scan.store(true, Ordering::Relaxed);
            wake.notify_one();
        })?)
        .await?;
    timer.start().await?;
    Ok(timer)
}

async fn follow_changes(context: Arc<Context>, signals: Signals) {
    let mut changes = context.metadata.changes();
    loop {
        changes.next().await;
        signals.types_changed.store(true, Ordering::Relaxed);
        signals.wake.notify_one();
    }
}

/// What runs beside loading.
struct BackgroundWork {
    jobs: Jobs,
    merges: Schedule,
}

impl BackgroundWork {
    fn at_work(&self) -> Background {
        Background { jobs: self.jobs.are_at_work(), compaction: self.merges.is_at_work() }
    }

    fn is_at_work(&self) -> bool {
        self.jobs.are_at_work() || self.merges.is_at_work()
    }

    /// Waits for a part of it to end; `None` when nothing runs.
    async fn next_done(&mut self) -> Option<()> {
        tokio::select! {
            Some(()) = self.jobs.next_done() => Some(()),
            Some(()) = self.merges.next_done() => Some(()),
            else => None,
        }
    }
}

/// The jobs that run now.
struct Jobs {
    runner: Option<Runner>,
    at_work: JoinSet<()>,
}

impl Jobs {
    fn new(runner: Option<Runner>) -> Self {
        Self { runner, at_work: JoinSet::new() }
    }

    fn are_at_work(&self) -> bool {
        !self.at_work.is_empty()
    }

    async fn next_done(&mut self) -> Option<()> {
        self.at_work.join_next().await.map(drop)
    }

    /// Begins the jobs whose time has come, one after the other.
    async fn begin_due(&mut self, context: &Context) {
        let Some(runner) = self.runner.clone().filter(|_| self.at_work.is_empty()) else { return };
        match runner.due(context.clock.now()).await {
            Ok(due) if due.is_empty() => {}
            Ok(due) => drop(self.at_work.spawn(run_all(runner, due))),
            // The pass meets the same fault, and tells it.
            Err(fault) => tracing::debug!("cannot look for jobs that are due: {fault}"),
        }
    }
}

async fn run_all(runner: Runner, due: Vec<Due>) {
    for Due { job, trigger } in due {
        if let Err(fault) = runner.run(&job, trigger, None).await {
            error!(job = %job, "job {job} failed: {}", crate::ingest::whole_message(&fault));
        }
    }
}
