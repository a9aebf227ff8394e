//! What is told: one notice about one alert, or many in one message.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::template::{Placeholder, Template};
use crate::metadata::alerts::{AlertRow, AlertRule, AlertStatus, Severity, Word};
use crate::printable::shorten;

/// More of one text does not help anyone, and some channels refuse it.
const LONGEST_TEXT: usize = 2000;
/// So many alerts are named in a message that sums up.
const NAMED: usize = 50;

/// Something to tell about one alert.
#[derive(Debug, Clone)]
pub struct Notice {
    pub word: Word,
    pub alert: AlertRow,
    /// Sent to see whether the channel works.
    pub test: bool,
}

/// One message of a channel.
#[derive(Debug, Clone)]
pub enum Message {
    One(Box<Notice>),
    /// All that was left to say when the rate limit was reached.
    Summary(Vec<Notice>),
}

impl Notice {
    /// A notice that says that it is a test.
    pub fn test(severity: Severity, now: DateTime<Utc>) -> Notice {
        let alert = AlertRow {
            id: 0,
            code: "alerts.test".into(),
            severity,
            subject: "alerts".into(),
            cause: "this is a test".into(),
            message: "`lakegate alerts test` was run; nothing is wrong".into(),
            hint: None,
            fingerprint: format!("test-{}", now.timestamp_millis()),
            occurrences: 1,
            status: AlertStatus::Open,
            first_seen_at: now,
            last_seen_at: now,
            resolved_at: None,
            rule: AlertRule::Event,
            escalated_at: None,
            settled_at: None,
        };
        Notice { word: Word::Opened, alert, test: true }
    }

    /// What happened, a stable word for programs.
    pub fn event(&self) -> &'static str {
        if self.test { "test" } else { self.word.as_str() }
    }

    /// The name of the alert, from its opening to its end: another one than that of any alert of another lake.
    pub fn thread(&self) -> String {
        let Self { alert, .. } = self;
        format!("{}-{}-{:x}", alert.id, alert.fingerprint, alert.first_seen_at.timestamp_millis())
    }

    /// The name of what is said, the same when it is said twice. An alert can escalate without a new occurrence.
    pub fn identity(&self) -> String {
        let Self { alert, word, .. } = self;
        format!("{}-{word}-{}-{}", self.thread(), alert.severity.as_str(), alert.occurrences)
    }

    /// True when the alert is over.
    pub fn is_over(&self) -> bool {
        matches!(self.word, Word::Resolved | Word::Passed)
    }

    /// The value of one word of a template, without control characters other than line breaks.
    pub fn value(&self, word: Placeholder, source: &str) -> String {
        let alert = &self.alert;
        match word {
            Placeholder::Event => self.event().to_owned(),
            Placeholder::Severity => alert.severity.to_string(),
            Placeholder::Code => shown(&alert.code),
            Placeholder::Subject => shown(&alert.subject),
            Placeholder::Cause => shown(&alert.cause),
            Placeholder::Message => shown(&alert.message),
            Placeholder::Hint => alert.hint.as_deref().map(shown).unwrap_or_default(),
            Placeholder::Occurrences => alert.occurrences.to_string(),
            Placeholder::Id => alert.id.to_string(),
            Placeholder::Source => shown(source),
            Placeholder::FirstSeen => time(alert.first_seen_at),
            Placeholder::LastSeen => time(alert.last_seen_at),
            Placeholder::Resolved => alert.resolved_at.map_or_else(|| "not yet".into(), time),
        }
    }

    pub fn fill(&self, template: &Template, source: &str) -> String {
        template.fill(|word| self.value(word, source))
    }

    /// One line for a message that sums up.
    fn line(&self) -> String {
        let alert = &self.alert;
        let cause = shorten(&alert.cause, 200);
        format!("{} ({}, {}×, alert {}): {cause}", self.event(), alert.severity, alert.occurrences, alert.id)
    }

    /// Everything that is known about the alert.
    pub fn to_json(&self) -> Value {
        let AlertRow {
            id,
            code,
            severity,
            subject,
            cause,
            message,
            hint,
            fingerprint,
            occurrences,
            status,
            first_seen_at,
            last_seen_at,
            resolved_at,
            rule: _,
            escalated_at,
            settled_at: _,
        } = &self.alert;
        json!({
            "event": self.event(),
            "alert": {
                "id": id,
                "code": code,
                "severity": severity.as_str(),
                "status": status.as_str(),
                "subject": shorten(subject, LONGEST_TEXT),
                "cause": shorten(cause, LONGEST_TEXT),
                "message": shorten(message, LONGEST_TEXT),
                "hint": hint.as_deref().map(|hint| shorten(hint, LONGEST_TEXT)),
                "fingerprint": fingerprint,
                "occurrences": occurrences,
                "first_seen_at": time(*first_seen_at),
                "last_seen_at": time(*last_seen_at),
                "escalated_at": escalated_at.map(time),
                "resolved_at": resolved_at.map(time),
            },
        })
    }
}

impl Message {
    /// The gravest severity in it.
    pub fn severity(&self) -> Severity {
        let all = self.notices().iter().map(|notice| notice.alert.severity);
        all.max_by_key(|severity| severity.rank()).unwrap_or(Severity::Info)
    }

    pub fn notices(&self) -> &[Notice] {
        match self {
            Message::One(notice) => std::slice::from_ref(notice),
            Message::Summary(notices) => notices,
        }
    }

    /// `12 alerts: 9 opened, 3 resolved`.
    pub fn headline(&self) -> String {
        let notices = self.notices();
        let words = Word::ALL.iter().filter_map(|word| {
            let count = notices.iter().filter(|notice| notice.word == *word).count();
            (count > 0).then(|| format!("{count} {word}"))
        });
        format!("{} alerts in one message: {}", notices.len(), words.collect::<Vec<_>>().join(", "))
    }

    /// The headline and a line for each alert, the gravest first; how many are not named is said.
    pub fn lines(&self) -> Vec<String> {
        let notices = self.notices();
        let mut lines = vec![self.headline()];
        lines.extend(notices.iter().take(NAMED).map(Notice::line));
        if notices.len() > NAMED {
            lines.push(format!("and {} more; see `lakegate alerts list`", notices.len() - NAMED));
        }
        lines
    }
}

/// RFC 3339 in UTC, whole seconds.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn shown(text: &str) -> String {
    shorten(text, LONGEST_TEXT)
}
