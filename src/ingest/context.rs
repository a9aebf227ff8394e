//! What every step of a load may use.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::alerts::Alarm;
use crate::clock::Clock;
use crate::drift::Recorder;
use crate::inbox::Patience;
use crate::ingest::at_work::AtWork;
use crate::ingest::batches::LoadLimits;
use crate::ingest::places::Places;
use crate::lake::Lake;
use crate::metadata::Metadata;
use crate::owner::Owner;

/// Built once, in `app`, and shared by all loads.
#[derive(Debug)]
pub struct Context {
    pub metadata: Metadata,
    pub lake: Lake,
    pub places: Places,
    pub owner: Owner,
    pub clock: Clock,
    pub alarm: Alarm,
    /// What is known of fields that do not go with their schemas.
    pub drift: Recorder,
    pub patience: Patience,
    pub limits: LoadLimits,
    pub max_record_bytes: usize,
    /// Tables that are loaded at the same time.
    pub parallel: usize,
    pub at_work: AtWork,
    /// How long a control file may wait for its file.
    pub control_wait: Duration,
    /// Failed files in a row after which a type is paused, unless it says so itself; 0: never.
    pub pause_after_failures: u64,
    /// How long data files stay readable that compaction has replaced.
    pub keep_replaced: Duration,
    /// Held while the folder is compared with the ledger, and while a file goes back into it: a file must not be
    /// seen between the two halves of its way back.
    pub folder: tokio::sync::Mutex<()>,
    /// Set at the end of the process: loads stop where they are and are given back.
    pub stop_reading: CancellationToken,
}

impl Context {
    /// Where the rejects of a type are kept.
    pub fn rejects_folder(&self, type_folder: &str) -> PathBuf {
        self.places.error.join(type_folder)
    }
}

/// How long to leave a table alone after its `failures`th fault in a row: 1 s, doubling, at most a minute.
pub fn pause_after(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(Duration::from_secs(60))
}
