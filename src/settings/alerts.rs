//! When alerts become graver and when they end, and whom to tell about them.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::secret::Secret;
use super::{empty_is_no_path, empty_is_none};

/// The section `[alerts]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    pub enabled: bool,
    /// The name of this installation in messages.
    #[serde(deserialize_with = "empty_is_none")]
    pub source: Option<String>,
    pub error_percent: u8,
    pub critical_percent: u8,
    pub rate_min_files: i64,
    pub rate_min_records: i64,
    pub rate_seconds: u64,
    /// 0: never.
    pub escalate_seconds: u64,
    pub escalate_to: Gravity,
    pub resolve_seconds: u64,
    pub forget_seconds: u64,
    /// 0: never.
    pub repeat_seconds: u64,
    pub max_messages: i64,
    pub max_messages_seconds: u64,
    pub timeout_seconds: u64,
    pub log: LogChannel,
    pub webhook: WebhookChannel,
    pub slack: SlackChannel,
    pub pagerduty: PagerDutyChannel,
    pub email: EmailChannel,
}

/// How grave an alert is, as the settings write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    Info,
    Warning,
    Error,
    Critical,
}

/// Lines of the program's own log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogChannel {
    pub min_severity: Gravity,
    pub template: String,
}

/// JSON to an address of the operator's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookChannel {
    pub url: Secret,
    #[serde(deserialize_with = "empty_is_no_path")]
    pub url_file: Option<PathBuf>,
    /// The key of the signature.
    pub secret: Secret,
    #[serde(deserialize_with = "empty_is_no_path")]
    pub secret_file: Option<PathBuf>,
    /// The value of the header `Authorization`.
    pub authorization: Secret,
    #[serde(deserialize_with = "empty_is_no_path")]
    pub authorization_file: Option<PathBuf>,
    pub allow_private: bool,
    pub min_severity: Gravity,
    pub template: String,
}

/// A Slack incoming webhook, or one that speaks like it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackChannel {
    pub url: Secret,
    #[serde(deserialize_with = "empty_is_no_path")]
    pub url_file: Option<PathBuf>,
    pub allow_private: bool,
    pub min_severity: Gravity,
    pub template: String,
}

/// PagerDuty, Events API v2.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagerDutyChannel {
    pub routing_key: Secret,
    #[serde(deserialize_with = "empty_is_no_path")]
    pub routing_key_file: Option<PathBuf>,
    pub url: String,
    pub allow_private: bool,
    pub min_severity: Gravity,
    pub template: String,
}

/// Mail through an SMTP server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailChannel {
    #[serde(deserialize_with = "empty_is_none")]
    pub host: Option<String>,
    /// 0: what is usual for `tls`.
    pub port: u16,
    pub tls: Tls,
    #[serde(deserialize_with = "empty_is_none")]
    pub username: Option<String>,
    pub password: Secret,
    #[serde(deserialize_with = "empty_is_no_path")]
    pub password_file: Option<PathBuf>,
    #[serde(deserialize_with = "empty_is_none")]
    pub from: Option<String>,
    /// Separated by commas.
    #[serde(deserialize_with = "empty_is_none")]
    pub to: Option<String>,
    pub min_severity: Gravity,
    pub subject: String,
    pub template: String,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Encrypted before anything is said about the message; never without.
    Starttls,
    /// Encrypted from the first byte.
    Tls,
    None,
}

impl Alerts {
    /// The time over which failure rates are computed.
    pub fn rate_window(&self) -> Duration {
        Duration::from_secs(self.rate_seconds)
    }

    /// How long an alert waits for someone before it becomes graver.
    pub fn escalate_after(&self) -> Option<Duration> {
        (self.escalate_seconds > 0).then(|| Duration::from_secs(self.escalate_seconds))
    }

    /// How long nothing more must be counted before a later good file ends an alert.
    pub fn resolve_after(&self) -> Duration {
        Duration::from_secs(self.resolve_seconds)
    }

    /// How long nothing more must be counted before an alert ends by itself.
    pub fn forget_after(&self) -> Duration {
        Duration::from_secs(self.forget_seconds)
    }

    /// The time between two messages about the growing count of one alert.
    pub fn repeat_after(&self) -> Option<Duration> {
        (self.repeat_seconds > 0).then(|| Duration::from_secs(self.repeat_seconds))
    }

    /// How long one message may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}
