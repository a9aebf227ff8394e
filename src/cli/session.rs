//! What every command is given.

use std::error::Error;

use super::args::Command;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::app::AppError;
use crate::clock::Clock;
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::settings::{Level, Origin, Settings};

/// One run of the program.
pub struct Session {
    pub settings: Settings,
    pub terminal: Terminal,
    pub clock: Clock,
}

impl Session {
    /// The metadata database with all its tables, for commands that need nothing else.
    ///
    /// # Errors
    /// It cannot be reached, or its tables cannot be created.
    pub async fn metadata(&self) -> Result<Metadata, Failure> {
        let metadata = Metadata::connect(self.settings.database.url.expose()).await?;
        metadata.migrate().await?;
        Ok(metadata)
    }

    /// Says on stderr what is set and does not do what one would expect.
    pub fn say_remarks(&self) {
        for remark in self.settings.remarks() {
            self.terminal.say(&format!("warning: {}\n", crate::printable::escape(remark)));
        }
    }
}

/// Directives of a command that says itself what there is to say: the tour does without log lines, unless asked.
pub(super) fn log_directives(settings: &Settings, command: &Command) -> Option<String> {
    let quiet = matches!(command, Command::Demo(_)) && settings.origin("log.level") == Some(&Origin::Default);
    quiet.then(|| "off".to_owned())
}

/// The daemon reports; a command that a person waits for only warns, unless asked to say more.
pub(super) fn log_level(settings: &Settings, command: &Command) -> Level {
    let chosen = settings.origin("log.level").is_some_and(|origin| *origin != Origin::Default);
    match command {
        Command::Run => settings.log.level,
        _ if chosen => settings.log.level,
        _ => Level::Warn,
    }
}

impl From<MetadataError> for Failure {
    fn from(error: MetadataError) -> Self {
        by_kind(&error, error.kind(), error.hint())
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        by_kind(&error, error.kind(), error.hint().as_deref())
    }
}

pub(super) fn by_kind(error: &dyn Error, kind: Kind, hint: Option<&str>) -> Failure {
    let exit = match kind {
        Kind::Transient => Exit::Unavailable,
        Kind::User => Exit::Usage,
        Kind::Conflict | Kind::Data | Kind::Internal => Exit::SomeFailed,
    };
    let failure = Failure::of(exit, error);
    match (hint, exit) {
        (Some(hint), _) => failure.hint(hint),
        (None, Exit::Unavailable) => failure.hint("`lakegate doctor` says what is reachable and what is not"),
        (None, _) => failure,
    }
}
