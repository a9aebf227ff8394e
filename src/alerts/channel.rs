//! The channels: what each of them makes of a message, and how it is sent.
//!
//! Built from the settings once, when every address, template and secret is checked. Knows nothing of the database.

mod address;
mod email;
mod http;
mod log;
mod pagerduty;
mod scrub;
mod slack;
mod webhook;

use std::time::Duration;

use thiserror::Error;

use self::email::Email;
use self::log::Log;
use self::pagerduty::PagerDuty;
use self::slack::Slack;
use self::webhook::Webhook;
use super::message::Message;
use super::template::Template;
use crate::metadata::alerts::Severity;
use crate::settings::{Mistake, Secret, Settings, SettingsError};

/// One way to reach people.
#[derive(Debug)]
pub enum Channel {
    Log(Log),
    Webhook(Webhook),
    Slack(Slack),
    PagerDuty(PagerDuty),
    Email(Box<Email>),
}

/// The names of all channels.
pub const NAMES: [&str; 5] = ["log", "webhook", "slack", "pagerduty", "email"];

/// The channels that are in use.
#[derive(Debug)]
pub struct Channels {
    pub all: Vec<Channel>,
    /// The name of this installation in messages.
    pub source: String,
}

/// Why a message did not arrive. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SendFault {
    pub message: String,
    /// The pause that the other side asked for.
    pub wish: Option<Duration>,
}

impl SendFault {
    fn new(message: impl Into<String>) -> Self {
        SendFault { message: message.into(), wish: None }
    }
}

impl Channel {
    pub fn name(&self) -> &'static str {
        match self {
            Channel::Log(_) => "log",
            Channel::Webhook(_) => "webhook",
            Channel::Slack(_) => "slack",
            Channel::PagerDuty(_) => "pagerduty",
            Channel::Email(_) => "email",
        }
    }

    pub fn min_severity(&self) -> Severity {
        match self {
            Channel::Log(channel) => channel.min_severity,
            Channel::Webhook(channel) => channel.min_severity,
            Channel::Slack(channel) => channel.min_severity,
            Channel::PagerDuty(channel) => channel.min_severity,
            Channel::Email(channel) => channel.min_severity,
        }
    }

    /// Many notices may be put into one message. Incidents are opened and resolved one by one, lines stay lines.
    pub fn sums_up(&self) -> bool {
        !matches!(self, Channel::PagerDuty(_) | Channel::Log(_))
    }

    /// It has a rate limit.
    pub fn is_limited(&self) -> bool {
        !matches!(self, Channel::Log(_))
    }

    /// Sends a message; says in a few words what became of it.
    ///
    /// # Errors
    /// It did not arrive, as far as can be told.
    pub async fn send(&self, message: &Message, source: &str) -> Result<String, SendFault> {
        match self {
            Channel::Log(channel) => Ok(channel.send(message, source)),
            Channel::Webhook(channel) => channel.send(message, source).await,
            Channel::Slack(channel) => channel.send(message, source).await,
            Channel::PagerDuty(channel) => channel.send(message, source).await,
            Channel::Email(channel) => channel.send(message, source).await,
        }
    }
}

impl Channels {
    /// Builds every channel that is set up.
    ///
    /// # Errors
    /// All mistakes in their settings, secrets that cannot be read included.
    pub fn open(settings: &Settings) -> Result<Channels, SettingsError> {
        let mut desk = Opening { settings, mistakes: Vec::new() };
        let alerts = &settings.alerts;
        let timeout = alerts.timeout();
        let found = [
            Log::open(&alerts.log, &mut desk).map(Channel::Log),
            Webhook::open(&alerts.webhook, timeout, &mut desk).map(Channel::Webhook),
            Slack::open(&alerts.slack, timeout, &mut desk).map(Channel::Slack),
            PagerDuty::open(&alerts.pagerduty, timeout, &mut desk).map(Channel::PagerDuty),
            Email::open(&alerts.email, timeout, &mut desk).map(|email| Channel::Email(Box::new(email))),
        ];
        let mistakes = desk.mistakes;
        if !mistakes.is_empty() {
            return Err(SettingsError { mistakes });
        }
        let all = if alerts.enabled { found.into_iter().flatten().collect() } else { Vec::new() };
        Ok(Channels { all, source: alerts.source.clone().unwrap_or_else(host_name) })
    }

    /// All but the log.
    #[must_use]
    pub fn without_log(mut self) -> Channels {
        self.all.retain(|channel| !matches!(channel, Channel::Log(_)));
        self
    }

    pub fn named(&self, name: &str) -> Option<&Channel> {
        self.all.iter().find(|channel| channel.name() == name)
    }
}

/// The settings while channels are built from them, and what is wrong with them.
struct Opening<'s> {
    settings: &'s Settings,
    mistakes: Vec<Mistake>,
}

impl Opening<'_> {
    /// Notes a mistake in the setting `key`. The message holds no secret.
    fn mistake(&mut self, key: &str, message: impl AsRef<str>, hint: Option<String>) {
        let place = self.settings.origin(key).map(ToString::to_string).unwrap_or_default();
        self.mistakes.push(Mistake::new(place, format!("`{key}` {}", message.as_ref()), hint));
    }

    fn template(&mut self, key: &str, text: &str) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(fault) => {
                self.mistake(key, fault.to_string(), fault.hint());
                None
            }
        }
    }

    /// A secret that is written down, or the one that its file holds; an empty one when there is neither.
    fn secret(&mut self, key: &str, written: &Secret, file: Option<&std::path::Path>) -> Secret {
        let Some(file) = file else { return written.clone() };
        let file_key = format!("{key}_file");
        if !written.is_empty() {
            self.mistake(&file_key, format!("and `{key}` are both set"), Some("keep one of them".into()));
            return Secret::default();
        }
        match read_secret(file) {
            Ok(secret) => secret,
            Err(why) => {
                self.mistake(&file_key, format!("({}) {why}", file.display()), None);
                Secret::default()
            }
        }
    }
}

/// No secret is longer.
const LONGEST_SECRET: u64 = 16 * 1024;

fn read_secret(file: &std::path::Path) -> Result<Secret, String> {
    use std::io::Read;
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|cause| format!("cannot be read: {cause}"))?;
    opened
        .take(LONGEST_SECRET + 1)
        .read_to_string(&mut text)
        .map_err(|cause| format!("cannot be read: {cause}"))?;
    if text.len() as u64 > LONGEST_SECRET {
        return Err("is too long for a secret".into());
    }
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err("is empty".into()) } else { Ok(Secret::new(secret)) }
}

/// The name of this machine.
fn host_name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| "lakegate".into())
}
