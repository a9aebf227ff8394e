//! Files that are named on the command line. A daemon beside us may take them first; whoever named them is told all the
//! same what became of them.

use std::time::Duration;

use super::{App, AppError, PassReport};
use crate::ingest::{FileStory, Ingestor};
use crate::metadata::files::FileState;
use crate::name::FileName;

/// Between two looks at what another process does.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// After so many looks, work of processes that have died is resumed.
const LOOKS_FOR_A_SCAN: u32 = 50;
/// So long a type is about to be learned.
const LOOKS_FOR_A_LESSON: u32 = 50;

/// What was copied into `incoming/`.
#[derive(Debug, Default)]
pub struct Delivered {
    pub names: Vec<FileName>,
    /// The newest row of the ledger before that.
    pub newest: i64,
}

/// The looks at delivered files that another process has taken.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    looks: u32,
}

impl Elsewhere {
    /// True while another process is at work on a delivered file. What has ended goes to the report.
    pub async fn is_at_work(
        &mut self,
        app: &App,
        ingestor: &mut Ingestor,
        delivered: &Delivered,
        report: &mut PassReport,
    ) -> Result<bool, AppError> {
        let mut is_at_work = false;
        for name in &delivered.names {
            for row in app.metadata.files_by_name(name.shown()).await? {
                if row.id <= delivered.newest || report.files.iter().any(|story| story.id == row.id) {
                    continue;
                }
                match row.state {
                    FileState::Queued | FileState::Processing => is_at_work = true,
                    // It has not heard of the type yet, or learns it.
                    FileState::Waiting if row.error_code.as_deref() == Some("type.unknown") => {
                        is_at_work |= self.looks < LOOKS_FOR_A_LESSON;
                        ingestor.types_changed();
                    }
                    // Listed with all that waits.
                    FileState::Waiting => {}
                    FileState::Processed | FileState::Failed | FileState::Duplicate => {
                        report.files.push(FileStory::from(&row));
                    }
                }
            }
        }
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS_FOR_A_SCAN) {
            ingestor.full_scan_due();
        }
        Ok(is_at_work)
    }
}
