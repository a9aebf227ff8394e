//! Telling people: one log line for each event, one row in `alerts` for each cause, messages on channels.
//!
//! Knows nothing of how a failure happened. A row that cannot be written costs no work: the log has it. Rows are all that
//! the rest of the program makes; what people are told is found out from the rows, by the [`Dispatcher`], beside all other
//! work.

mod channel;
mod deliver;
mod dispatcher;
mod expected;
mod lifecycle;
mod message;
mod missing;
mod notify;
mod schemas;
mod sweep;
mod template;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{error, info, warn};

pub use channel::{Channel, Channels, NAMES, SendFault};
pub use dispatcher::Dispatcher;
pub use message::{Message, Notice};
pub use schemas::DriftNews;

use crate::inbox::EntryKind;
use crate::metadata::Metadata;
use crate::metadata::alerts::{AlertFilter, AlertRow, AlertRule, NewAlert, Severity};
use crate::metadata::files::{FileRow, Problem};
use crate::metadata::rejects::Backlog;
use crate::name::FileName;

/// Where alerts go.
#[derive(Debug, Clone)]
pub struct Alarm {
    metadata: Metadata,
    /// Causes that were logged and last: they are told once, then only counted.
    lasting: Arc<Mutex<BTreeMap<String, Problem>>>,
}

/// What a person needs to know of one failed file.
#[derive(Debug, Clone)]
pub struct FailedFile {
    pub file_id: i64,
    pub name: String,
    pub file_type: String,
    pub problem: Problem,
    /// Where the file lies now.
    pub moved_to: String,
}

impl Alarm {
    pub fn new(metadata: Metadata) -> Self {
        Self { metadata, lasting: Arc::default() }
    }

    /// Files that failed: a line for each, a row for each cause.
    pub async fn files_failed(&self, failed: &[FailedFile]) {
        let mut causes: BTreeMap<(&str, &str), (i64, &FailedFile)> = BTreeMap::new();
        for file in failed {
            let FailedFile { file_id, name, file_type, problem, moved_to } = file;
            let Problem { code, message, hint } = problem;
            let hint = hint.as_deref().unwrap_or_default();
            error!(file = %name, file_id, file_type = %file_type, code = %code, moved_to = %moved_to, hint = %hint,
                "file failed: {name}: {message}");
            causes.entry((file_type, code)).or_insert((0, file)).0 += 1;
        }
        for ((file_type, code), (count, example)) in causes {
            let message = format!("{}: {}", example.name, example.problem.message);
            let alert = NewAlert {
                code: code.to_owned(),
                severity: Severity::Error,
                subject: file_type.to_owned(),
                cause: format!("files of type {file_type} fail with {code}"),
                message,
                hint: example.problem.hint.clone(),
                fingerprint: fingerprint(&["file", file_type, code]),
                occurrences: count,
            };
            self.raise_as(alert, AlertRule::Files).await;
        }
    }

    /// Files that loaded without some of their records: a line for each, one row for the type.
    pub async fn records_rejected(&self, file_type: &str, files: &[&FileRow]) {
        for FileRow { name, records_rejected: rejected, records_read: read, id, .. } in files {
            warn!(file = %name, file_id = id, file_type = %file_type, rejected, read,
                "{rejected} of {read} records of {name} were refused; see `lakegate rejects list --file {id}`");
        }
        let Some(FileRow { name, records_rejected: rejected, records_read: read, .. }) = files.last() else {
            return;
        };
        let alert = NewAlert {
            code: "records.rejected".into(),
            severity: Severity::Warning,
            subject: file_type.to_owned(),
            cause: format!("records of type {file_type} are refused"),
            message: format!("{rejected} of {read} records of {name} were refused"),
            hint: Some(format!("lakegate rejects list --type {file_type}")),
            fingerprint: fingerprint(&["records", file_type]),
            occurrences: files.iter().map(|row| row.records_rejected).sum(),
        };
        self.raise_as(alert, AlertRule::Records).await;
    }

    /// A run that ended with failures: one line and one row for all of them.
    pub async fn run_ended(&self, files: usize, failures: &BTreeMap<String, usize>) {
        let failed: usize = failures.values().sum();
        if failed == 0 {
            return;
        }
        let by_code: Vec<String> = failures.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let message = format!("{failed} of {files} files failed: {}", by_code.join(", "));
        error!(files, failed, "run ended with failures: {message}");
        let alert = NewAlert {
            code: "run.failures".into(),
            // The alerts about its files say the same to people.
            severity: Severity::Info,
            subject: "run".into(),
            cause: "a run ended with failed files".into(),
            message,
            hint: Some("lakegate files list --state failed".into()),
            fingerprint: fingerprint(&["run.failures"]),
            occurrences: 1,
        };
        self.raise_as(alert, AlertRule::Event).await;
    }

    /// Takes up the faults that an earlier process told: the first success resolves them.
    pub async fn take_up(&self) {
        let filter = AlertFilter { live: true, severity: Some(Severity::Critical), ..AlertFilter::default() };
        let open = self.metadata.alerts(&filter).await.unwrap_or_default();
        let passing = |row: AlertRow| {
            let problem = Problem { code: row.code, message: row.message, hint: row.hint };
            // Others may have become critical since.
            let is_ours = lasting_alert(&problem, &row.subject).fingerprint == row.fingerprint;
            is_ours.then_some((row.subject, problem))
        };
        self.lasting().extend(open.into_iter().filter_map(passing));
    }

    /// A fault that passes: it is told when it begins and when it changes, and counted meanwhile.
    pub async fn transient(&self, problem: &Problem, subject: &str) {
        let Problem { code, message, hint } = problem;
        let before = self.lasting().insert(subject.to_owned(), problem.clone());
        if before.is_none_or(|before| before.code != *code) {
            let hint = hint.as_deref().unwrap_or_default();
            error!(subject = %subject, code = %code, hint = %hint, "{message}");
        }
        // While the database is away there is nowhere to write; its return is when the row is made.
        if !is_of_the_database(problem) {
            self.raise(lasting_alert(problem, subject)).await;
        }
    }

    /// The fault of `subject`, if there was one, is over.
    pub async fn recovered(&self, subject: &str) {
        let Some(problem) = self.lasting().remove(subject) else { return };
        info!(subject = %subject, code = %problem.code, "{subject} works again");
        let alert = lasting_alert(&problem, subject);
        let fingerprint = alert.fingerprint.clone();
        if is_of_the_database(&problem) {
            self.raise(alert).await;
        }
        self.resolve(&fingerprint).await;
    }

    /// A row of `table_metadata` or `jobs` that cannot be used.
    pub async fn unusable(&self, what: &str, name: &str, reason: &str) {
        warn!(%what, %name, "{what} {name} cannot be used: {reason}");
        self.raise(NewAlert {
            code: format!("{what}.unusable"),
            severity: Severity::Warning,
            subject: name.to_owned(),
            cause: format!("{what} {name} cannot be used"),
            message: reason.to_owned(),
            hint: Some(format!("mend its row; `lakegate {what}s show {name}` tells more")),
            fingerprint: fingerprint(&["unusable", what, name]),
            occurrences: 1,
        })
        .await;
    }

    pub async fn usable_again(&self, what: &str, name: &str) {
        info!(%what, %name, "{what} {name} can be used again");
        self.resolve(&fingerprint(&["unusable", what, name])).await;
        self.resolve(&fingerprint(&["paused", name])).await;
    }

    /// A type that was paused because its files fail again and again.
    pub async fn type_paused(&self, file_type: &str, reason: &str) {
        error!(file_type = %file_type, code = "type.paused", "type {file_type} is paused: {reason}");
        self.raise(NewAlert {
            code: "type.paused".into(),
            severity: Severity::Error,
            subject: file_type.to_owned(),
            cause: format!("files of type {file_type} fail again and again"),
            message: reason.to_owned(),
            hint: Some(format!("lakegate types activate {file_type}")),
            fingerprint: fingerprint(&["paused", file_type]),
            occurrences: 1,
        })
        .await;
    }

    /// Rejected records that the type as it is now would accept, of so many that were looked at.
    pub async fn rejects_acceptable(&self, file_type: &str, acceptable: u64, of: u64) {
        let command = format!("lakegate rejects replay --type {file_type}");
        let message =
            format!("{acceptable} of {of} rejected records of type {file_type} would be accepted now");
        info!(file_type = %file_type, acceptable, of, "{message}: `{command}`");
        self.raise(NewAlert {
            code: "rejects.acceptable".into(),
            severity: Severity::Info,
            subject: file_type.to_owned(),
            cause: format!("type {file_type} has changed and would accept records that it refused"),
            message,
            hint: Some(format!(
                "{command} loads them; \"auto_replay\": true in processing_config does it by itself"
            )),
            fingerprint: fingerprint(&["acceptable", file_type]),
            occurrences: 1,
        })
        .await;
    }

    /// Rejected records were tried again; `left` are still open.
    pub async fn records_replayed(&self, file_type: &str, left: Backlog) {
        self.resolve(&fingerprint(&["acceptable", file_type])).await;
        if left == Backlog::default() {
            self.resolve(&fingerprint(&["records", file_type])).await;
        }
    }

    /// Something in `incoming/` that is no file.
    pub async fn oddity(&self, name: &FileName, kind: EntryKind) {
        let (name, noun) = (name.shown(), kind.noun());
        let message = format!("{name} in incoming/ is a {noun}; it is left alone");
        warn!(file = %name, code = "file.not_regular", "{message}");
        let alert = NewAlert {
            code: "file.not_regular".into(),
            severity: Severity::Warning,
            subject: "incoming".into(),
            cause: format!("a {noun} lies in incoming/"),
            message,
            hint: Some("deliver regular files; remove it from incoming/".into()),
            fingerprint: fingerprint(&["oddity", noun]),
            occurrences: 1,
        };
        self.raise_as(alert, AlertRule::Event).await;
    }

    /// A control file whose file did not come.
    pub async fn control_alone(&self, name: &FileName, moved_to: &Path) {
        let folder = crate::durable::parent(moved_to).display();
        let message =
            format!("control file {} has waited for its file in vain; it is in {folder}", name.shown());
        warn!(file = %name.shown(), code = "control.alone", "{message}");
        self.raise(NewAlert {
            code: "control.alone".into(),
            severity: Severity::Warning,
            subject: "incoming".into(),
            cause: "control files come without their files".into(),
            message,
            hint: Some("the control file of a file is called like it, with .ctl.json behind".into()),
            fingerprint: fingerprint(&["control.alone"]),
            occurrences: 1,
        })
        .await;
    }

    async fn raise(&self, alert: NewAlert) {
        self.raise_as(alert, AlertRule::Condition).await;
    }

    async fn raise_as(&self, alert: NewAlert, rule: AlertRule) {
        if let Err(fault) = self.metadata.raise_as(&alert, rule).await {
            warn!(code = %alert.code, "the alert could not be written to the metadata database: {fault}");
        }
    }

    async fn resolve(&self, fingerprint: &str) {
        if let Err(fault) = self.metadata.resolve(fingerprint).await {
            warn!("an alert could not be resolved in the metadata database: {fault}");
        }
    }

    fn lasting(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Problem>> {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of_the_database(problem: &Problem) -> bool {
    problem.code.starts_with("metadata.")
}

fn lasting_alert(problem: &Problem, subject: &str) -> NewAlert {
    let Problem { code, message, hint } = problem;
    NewAlert {
        code: code.clone(),
        severity: Severity::Critical,
        subject: subject.to_owned(),
        cause: format!("{code} at {subject}"),
        message: message.clone(),
        hint: hint.clone(),
        fingerprint: fingerprint(&["transient", subject, code]),
        occurrences: 1,
    }
}

fn fingerprint(parts: &[&str]) -> String {
    blake3::hash(parts.join("\0").as_bytes()).to_hex()[..16].to_owned()
}
