//! Composition: builds the parts from the settings, once, and hands them down. Knows no detail of any part.

mod delivered;
mod second_chances;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::alerts::{Alarm, Channels, Dispatcher};
use crate::clock::Clock;
use crate::compact::Compactor;
use crate::daemon::{self, Compactions, Daemon};
use crate::drift::Recorder;
use crate::durable::{self, DirectorySync};
use crate::inbox::control;
use crate::inbox::{Patience, Watch};
use crate::ingest::batches::LoadLimits;
use crate::ingest::places::{first_free, free_copy_names};
use crate::ingest::{AtWork, Background, Context, Fault, FileStory, Ingestor, Places, recover};
use crate::jobs::Runner;
use crate::lake::Lake;
use crate::metadata::files::FileState;
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::name::FileName;
use crate::owner::Owner;
use crate::promote::Promoter;
use crate::query::{Engine, Limits, QueryError};
use crate::registry::Registry;
use crate::settings::Settings;
use crate::workers::Workers;
pub use delivered::Delivered;
use delivered::Elsewhere;
pub use second_chances::Replayed;

/// All parts, connected.
pub struct App {
    pub settings: Settings,
    pub metadata: Metadata,
    pub engine: Engine,
    pub runner: Runner,
    pub compactor: Compactor,
    pub promoter: Promoter,
    context: Arc<Context>,
}

#[derive(Debug, Error)]
pub enum AppError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("cannot use the folder {}", .path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot copy {} into incoming/", .path.display())]
    CopyIn { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Ingest(#[from] Fault),
    #[error("cannot start the scheduler")]
    Scheduler(#[from] daemon::ScheduleFault),
}

impl AppError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Metadata(error) => error.kind(),
            Self::Query(error) => error.kind(),
            Self::Folder { .. } | Self::CopyIn { .. } => Kind::Transient,
            Self::Ingest(fault) => fault.kind(),
            Self::Scheduler(_) => Kind::Internal,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Metadata(error) => error.hint().map(str::to_owned),
            Self::Query(error) => error.hint(),
            Self::Folder { .. } => {
                Some("check its permissions, or place it elsewhere: see `lakegate config show`".to_owned())
            }
            Self::CopyIn { .. } => Some("check permissions and free space".to_owned()),
            Self::Ingest(fault) => fault.problem().hint,
            Self::Scheduler(_) => None,
        }
    }
}

/// How far one pass over the folder has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    pub files: u64,
    pub records: u64,
}

/// What one pass did.
#[derive(Debug, Default)]
pub struct PassReport {
    pub files: Vec<FileStory>,
}

impl App {
    /// Connects to everything and creates what is missing.
    ///
    /// # Errors
    /// The first part that cannot be used.
    pub async fn open(settings: Settings) -> Result<Self, AppError> {
        Self::open_at(settings, Clock::system()).await
    }

    /// As [`Self::open`], with a clock of the caller's.
    ///
    /// # Errors
    /// The first part that cannot be used.
    pub async fn open_at(settings: Settings, clock: Clock) -> Result<Self, AppError> {
        let metadata = Metadata::connect(settings.database.url.expose()).await?;
        metadata.migrate().await?;
        let places = places(&settings);
        places.create().map_err(|(path, source)| AppError::Folder { path, source })?;
        let lake = Lake::new(&settings.paths.datalake, Workers::new(settings.ingest.threads));
        durable::create_directories(lake.root()).map_err(folder_fault(lake.root()))?;
        let owners = settings.paths.data.join(".lakegate").join("owners");
        let owner = Owner::register(&owners).map_err(folder_fault(&owners))?;
        let limits = Limits {
            memory_bytes: settings.query.memory_mb << 20,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let engine = Engine::new(metadata.clone(), lake.root().to_owned(), limits)?;
        let runner = Runner::new(engine.clone(), metadata.clone(), lake.clone(), owner.clone(), clock.now());
        let compactor = Compactor::new(
            engine.clone(),
            metadata.clone(),
            lake.clone(),
            owner.clone(),
            clock.clone(),
            settings.compact.target_bytes(),
        );
        let promoter = Promoter::new(metadata.clone(), lake.clone(), owner.clone());
        let context = context(&settings, metadata.clone(), lake, places, owner, clock);
        context.alarm.take_up().await;
        Ok(Self { settings, metadata, engine, runner, compactor, promoter, context: Arc::new(context) })
    }

    /// Runs the daemon until `shutdown`, and tells about alerts on `channels`.
    ///
    /// # Errors
    /// Only what prevents its start; everything later is told and tried again.
    pub async fn run(&self, channels: Channels, shutdown: CancellationToken) -> Result<(), AppError> {
        let daemon = Daemon {
            context: self.context.clone(),
            runner: self.settings.jobs.enabled.then(|| self.runner.clone()),
            polling: self.settings.ingest.polling,
            scan: self.settings.ingest.scan(),
            job_tick: self.settings.jobs.tick(),
            compactions: self.settings.compact.enabled.then(|| Compactions {
                compactor: self.compactor.clone(),
                interval: self.settings.compact.interval(),
                min_files: self.settings.compact.min_files,
            }),
        };
        Ok(daemon.run(self.dispatcher(channels), shutdown).await?)
    }

    /// Tells about alerts as far as that is possible in a short time, for a command that ends.
    pub async fn tell_alerts(&self, channels: Channels) {
        self.dispatcher(channels).run_once(self.settings.alerts.timeout()).await;
    }

    fn dispatcher(&self, channels: Channels) -> Dispatcher {
        let context = &self.context;
        let (settings, metadata) = (self.settings.alerts.clone(), self.metadata.clone());
        Dispatcher::new(settings, channels, metadata, context.owner.clone(), context.clock.clone())
    }

    /// Resumes what processes left that have ended.
    ///
    /// # Errors
    /// The metadata database or the storage cannot be used.
    pub async fn resume(&self) -> Result<(), AppError> {
        let registry = Registry::build(self.metadata.types().await?, &Registry::default());
        recover(&self.context, &registry, Background::default()).await?;
        Ok(())
    }

    /// Copies files into `incoming/`, whole and under a free name.
    ///
    /// # Errors
    /// The first file that cannot be copied; those before it are in.
    pub async fn copy_in(&self, files: &[PathBuf]) -> Result<Delivered, AppError> {
        let newest = self.metadata.newest_file().await?;
        // A control file goes with its file, whatever the name that gets.
        let goes_along = |file: &&PathBuf| {
            files.iter().any(|other| control::beside(other) == **file && control::beside(other).is_file())
        };
        let mut names = Vec::with_capacity(files.len());
        for file in files.iter().filter(|file| !goes_along(file)) {
            names.extend(self.copy_one(file)?);
        }
        Ok(Delivered { names, newest })
    }

    /// The names of a file and of the control file beside it, which comes in first.
    fn copy_one(&self, file: &Path) -> Result<Vec<FileName>, AppError> {
        let fault = |source| AppError::CopyIn { path: file.to_owned(), source };
        let incoming = &self.context.places.incoming;
        let name = FileName::from_raw(file.file_name().unwrap_or_default());
        let hidden = self.copy_hidden(file)?;
        let said = control::beside(file);
        let hidden_control = said.is_file().then(|| self.copy_hidden(&said)).transpose()?;
        let move_in = |from: &Path, to: &Path| durable::move_new(from, to, &mut DirectorySync::default());
        let mut names = free_copy_names(incoming, &name);
        let moved = loop {
            let place = first_free(&mut names, |_| false);
            let beside = control::beside(&place);
            let controlled = hidden_control.as_deref().map_or(Ok(()), |from| move_in(from, &beside));
            match controlled.and_then(|()| move_in(&hidden, &place)) {
                Ok(()) => break Ok((place, beside)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // It was the file's name that was taken: its control file tries again with it.
                    if let Some(from) = hidden_control.as_deref().filter(|from| !from.exists()) {
                        move_in(&beside, from).map_err(fault)?;
                    }
                }
                Err(error) => break Err(error),
            }
        };
        for left in [Some(&hidden), hidden_control.as_ref()].into_iter().flatten() {
            durable::remove_if_there(left).map_err(fault)?;
        }
        let (place, beside) = moved.map_err(fault)?;
        let come = std::iter::once(place).chain(hidden_control.map(|_| beside));
        Ok(come.map(|path| FileName::from_raw(path.file_name().unwrap_or_default())).collect())
    }

    /// A copy in `incoming/` that nobody looks at yet.
    fn copy_hidden(&self, file: &Path) -> Result<PathBuf, AppError> {
        let hidden = self.context.places.incoming.join(format!(".{:016x}.part", fastrand::u64(..)));
        durable::copy_synced(file, &hidden)
            .map_err(|source| AppError::CopyIn { path: file.to_owned(), source })?;
        Ok(hidden)
    }

    /// One pass over `incoming/`: everything that can be loaded now is loaded. What was `delivered` is complete, and is
    /// waited for when another process has taken it.
    ///
    /// # Errors
    /// The metadata database or the storage stay unavailable.
    pub async fn ingest_once(
        &self,
        delivered: &Delivered,
        progress: impl Fn(Progress),
    ) -> Result<PassReport, AppError> {
        let mut ingestor = Ingestor::new(self.context.clone(), None);
        ingestor.announce(&delivered.names);
        let mut elsewhere = Elsewhere::default();
        let mut report = PassReport::default();
        let mut counted = Progress::default();
        loop {
            let pass = ingestor.pass(Background::default()).await?;
            let done = if pass.again { None } else { ingestor.next_done().await };
            let worked = done.is_some();
            if let Some(done) = done {
                ingestor.take_note(done).await;
            }
            for story in ingestor.take_stories() {
                counted.files += 1;
                counted.records += story.records_read.unsigned_abs();
                report.files.push(story);
            }
            progress(counted);
            if worked || pass.again {
                continue;
            }
            if let Some(fault) = ingestor.take_lasting_fault() {
                return Err(fault.into());
            }
            match pass.look_again.filter(|after| *after <= self.longest_look()) {
                Some(after) => tokio::time::sleep(after).await,
                None if elsewhere.is_at_work(self, &mut ingestor, delivered, &mut report).await? => {
                    tokio::time::sleep(delivered::PAUSE).await;
                }
                None => break,
            }
        }
        self.context.drift.flush(true).await;
        report.files.extend(self.waiting().await?);
        if let Err(left) = self.runner.sweep_removed().await {
            tracing::warn!("replaced data files are left for the next sweep: {left}");
        }
        Ok(report)
    }

    /// Looks again at files that may still be written to, and after short pauses; a truncated document is not waited for.
    fn longest_look(&self) -> Duration {
        (self.context.patience.quiet * 2).max(Duration::from_secs(4))
    }

    async fn waiting(&self) -> Result<Vec<FileStory>, AppError> {
        let files = self.metadata.unclaimed().await?;
        Ok(files.iter().filter(|file| file.state == FileState::Waiting).map(FileStory::from).collect())
    }
}

fn folder_fault(path: &Path) -> impl FnOnce(io::Error) -> AppError {
    let path = path.to_owned();
    move |source| AppError::Folder { path, source }
}

fn places(settings: &Settings) -> Places {
    let paths = &settings.paths;
    Places {
        incoming: paths.incoming.clone(),
        processing: paths.processing(),
        failed: paths.failed(),
        error: paths.error(),
        processed: paths.processed.clone(),
    }
}

fn context(
    settings: &Settings,
    metadata: Metadata,
    lake: Lake,
    places: Places,
    owner: Owner,
    clock: Clock,
) -> Context {
    let ingest = &settings.ingest;
    let alarm = Alarm::new(metadata.clone());
    Context {
        drift: Recorder::new(metadata.clone(), alarm.clone()),
        alarm,
        metadata,
        lake,
        places,
        owner,
        clock,
        patience: Patience { quiet: ingest.quiet(), max_wait: ingest.max_wait() },
        limits: LoadLimits { files: ingest.load_max_files.max(1), bytes: ingest.load_max_bytes() },
        max_record_bytes: ingest.max_record_bytes(),
        parallel: ingest.parallel_loads(),
        at_work: AtWork::default(),
        control_wait: ingest.control_wait(),
        pause_after_failures: ingest.pause_after_failures,
        keep_replaced: settings.compact.keep_replaced(),
        folder: tokio::sync::Mutex::default(),
        stop_reading: CancellationToken::new(),
    }
}

/// Watches `incoming/`; without events the listing does all the work.
pub(crate) fn watch(places: &Places, polling: bool, wake: &Arc<Notify>) -> Option<Watch> {
    if polling {
        return None;
    }
    match Watch::start(&places.incoming, wake.clone()) {
        Ok(watch) => Some(watch),
        Err(fault) => {
            tracing::warn!(
                "incoming/ cannot be watched and is only listed: {fault}; `lakegate doctor` says more"
            );
            None
        }
    }
}
