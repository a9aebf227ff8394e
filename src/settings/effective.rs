//! What `lakegate config show` prints: every value, and who set it.

use std::fmt;

use toml::Value;

use super::database::{DatabaseUrl, redact_url};
use super::layers::Merged;
use super::paths::Paths;
use super::secret::redact_hook;

/// One setting as it is in effect. Holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// `section.key`
    pub key: String,
    /// Numbers and booleans as such; `None` when it is not set.
    pub value: Option<Value>,
    pub origin: Origin,
}

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The file as it was named.
    File(String),
    /// The name of the variable.
    Env(String),
    Flag(&'static str),
}

impl Origin {
    /// The layer, a stable word for programs.
    pub fn layer(&self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::File(_) => "file",
            Origin::Env(_) => "env",
            Origin::Flag(_) => "flag",
        }
    }

    /// The file, variable or flag; `None` for the default.
    pub fn name(&self) -> Option<&str> {
        match self {
            Origin::Default => None,
            Origin::File(name) | Origin::Env(name) => Some(name),
            Origin::Flag(name) => Some(name),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("default"))
    }
}

/// Settings that are shown as `***`.
const SECRETS: [&str; 4] = [
    "alerts.webhook.secret",
    "alerts.webhook.authorization",
    "alerts.pagerduty.routing_key",
    "alerts.email.password",
];

/// Addresses whose path is a secret.
const HOOKS: [&str; 3] = ["alerts.webhook.url", "alerts.slack.url", "alerts.pagerduty.url"];

pub(super) fn list(merged: Merged, paths: &Paths, url: &DatabaseUrl) -> Vec<Effective> {
    let resolved = |key: &str, value: Value| {
        let folder = paths.keyed().into_iter().find(|(folder, _)| *folder == key);
        match (folder, value) {
            (Some((_, path)), _) => Some(path.display().to_string().into()),
            (None, _) if key == "database.url" => Some(url.to_string().into()),
            (None, Value::String(text)) if text.is_empty() => None,
            (None, Value::String(_)) if SECRETS.contains(&key) => Some("***".into()),
            (None, Value::String(text)) if HOOKS.contains(&key) => Some(redact_hook(&text).into()),
            // Anything that looks like a URL may carry a password.
            (None, Value::String(text)) => Some(redact_url(&text).into()),
            (None, value) => Some(value),
        }
    };
    let entries = merged.0.into_values();
    entries
        .map(|entry| Effective {
            value: resolved(&entry.key, entry.value),
            key: entry.key,
            origin: entry.origin,
        })
        .collect()
}
