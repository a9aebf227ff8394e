//! The log of this program. What failed has its own line at level ERROR already, so most lines here are warnings.

use tracing::{error, info, warn};

use super::Opening;
use crate::alerts::message::{Message, Notice};
use crate::alerts::template::Template;
use crate::metadata::alerts::{Severity, Word};
use crate::settings::LogChannel;

#[derive(Debug)]
pub struct Log {
    pub min_severity: Severity,
    template: Template,
}

impl Log {
    pub(super) fn open(settings: &LogChannel, opening: &mut Opening<'_>) -> Option<Log> {
        let LogChannel { min_severity, template } = settings;
        let template = opening.template("alerts.log.template", template)?;
        Some(Log { min_severity: (*min_severity).into(), template })
    }

    pub fn send(&self, message: &Message, source: &str) -> String {
        match message {
            Message::One(notice) => self.line(notice, source),
            Message::Summary(_) => warn!("{}", message.lines().join("; ")),
        }
        "written".into()
    }

    fn line(&self, notice: &Notice, source: &str) {
        let text = notice.fill(&self.template, source);
        let (alert, severity) = (notice.alert.id, notice.alert.severity.as_str());
        match notice.word {
            Word::Escalated => error!(alert, severity, "{text}"),
            Word::Opened | Word::Repeated if notice.alert.severity != Severity::Info => {
                warn!(alert, severity, "{text}");
            }
            _ => info!(alert, severity, "{text}"),
        }
    }
}
