//! What a value must be beyond its type, and what it means that is not obvious.

use std::path::Path;

use toml::Value;

use super::layers::{Entry, Merged};
use super::{Mistake, Settings, database};

/// Smallest and largest value of each number.
const BOUNDS: &[(&str, i64, i64)] = &[
    ("ingest.quiet_ms", 0, 3_600_000),
    ("ingest.max_wait_seconds", 0, 86_400),
    ("ingest.control_wait_seconds", 0, 31_536_000),
    ("ingest.scan_seconds", 1, 3_600),
    ("ingest.load_max_files", 1, 100_000),
    ("ingest.load_max_mb", 1, 1 << 20),
    ("ingest.max_record_mb", 1, 1024),
    ("ingest.parallel_loads", 0, 1024),
    ("ingest.threads", 0, 1024),
    ("ingest.pause_after_failures", 0, 1_000_000),
    ("jobs.tick_seconds", 1, 3_600),
    ("compact.interval_seconds", 1, 604_800),
    ("compact.min_files", 2, 100_000),
    ("compact.target_file_mb", 1, 1 << 20),
    ("compact.keep_replaced_seconds", 0, 604_800),
    ("alerts.error_percent", 0, 100),
    ("alerts.critical_percent", 0, 100),
    ("alerts.rate_min_files", 1, 1 << 32),
    ("alerts.rate_min_records", 1, 1 << 40),
    ("alerts.rate_seconds", 1, 2_592_000),
    ("alerts.escalate_seconds", 0, 31_536_000),
    ("alerts.resolve_seconds", 0, 31_536_000),
    ("alerts.forget_seconds", 1, 31_536_000),
    ("alerts.repeat_seconds", 0, 31_536_000),
    ("alerts.max_messages", 1, 100_000),
    ("alerts.max_messages_seconds", 1, 86_400),
    ("alerts.timeout_seconds", 1, 300),
    ("alerts.email.port", 0, 65_535),
    ("query.memory_mb", 16, 1 << 24),
];

const SEVERITIES: &[&str] = &["info", "warning", "error", "critical"];

const CHOICES: &[(&str, &[&str])] = &[
    ("log.level", &["error", "warn", "info", "debug", "trace"]),
    ("log.format", &["text", "json"]),
    ("alerts.escalate_to", SEVERITIES),
    ("alerts.log.min_severity", SEVERITIES),
    ("alerts.webhook.min_severity", SEVERITIES),
    ("alerts.slack.min_severity", SEVERITIES),
    ("alerts.pagerduty.min_severity", SEVERITIES),
    ("alerts.email.min_severity", SEVERITIES),
    ("alerts.email.tls", &["starttls", "tls", "none"]),
];

/// Settings that this version takes note of and does not use.
const UNUSED: [&str; 3] = ["storage.s3_bucket", "iceberg.catalog_uri", "iceberg.warehouse"];

/// Checks each value by itself.
pub(super) fn values(merged: &Merged, mistakes: &mut Vec<Mistake>) {
    for entry in merged.0.values() {
        let found = match &entry.value {
            Value::Integer(number) => out_of_bounds(entry, *number),
            Value::String(text) => bad_text(entry, text),
            _ => None,
        };
        if let Some((message, hint)) = found {
            mistakes.push(Mistake::new(entry.place(), message, hint));
        }
    }
}

type Finding = Option<(String, Option<String>)>;

fn out_of_bounds(entry: &Entry, number: i64) -> Finding {
    let (_, low, high) = BOUNDS.iter().find(|(key, ..)| *key == entry.key)?;
    let message = format!("`{}` is {number}, expected {low} to {high}", entry.key);
    (!(low..=high).contains(&&number)).then_some((message, None))
}

fn bad_text(entry: &Entry, text: &str) -> Finding {
    let key = &entry.key;
    if let Some((_, choices)) = CHOICES.iter().find(|(choice, _)| choice == key) {
        let message = format!("`{key}` is {text:?}, expected {}", choices.join(", "));
        return (!choices.contains(&text)).then_some((message, None));
    }
    if text.contains('\0') {
        return Some((format!("`{key}` contains a NUL byte"), None));
    }
    if key == "database.url" {
        return bad_url(text);
    }
    if key == "paths.data" && text.is_empty() {
        return Some((format!("`{key}` is empty, expected a folder"), None));
    }
    if key.starts_with("paths.") && (text == "~" || text.starts_with("~/")) {
        let hint = "write the whole path; ~ is only known to shells".to_owned();
        return Some((format!("`{key}` starts with ~"), Some(hint)));
    }
    None
}

fn bad_url(text: &str) -> Finding {
    if text.is_empty() || database::SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
        return None;
    }
    // Only the scheme is named: the rest may hold a password.
    let scheme = text.split_once(':').map_or("no scheme", |(scheme, _)| scheme);
    let hint = "write sqlite://path/to/metadata.db or postgres://user:password@host/name".to_owned();
    Some((format!("`database.url` has {scheme:?}, expected sqlite or postgres"), Some(hint)))
}

/// Folders must not lie in one another: a loaded file would be seen as a new one.
pub(super) fn folders(settings: &Settings, mistakes: &mut Vec<Mistake>) {
    let [data, places @ ..] = settings.paths.keyed();
    let mut clash = |(key, path): (&str, &Path), (other, outer): (&str, &Path), how: &str| {
        let place = settings.origin(key).map(ToString::to_string).unwrap_or_default();
        let message = format!("`{key}` ({}) {how} `{other}` ({})", path.display(), outer.display());
        mistakes.push(Mistake::new(place, message, Some("give each folder a place of its own".into())));
    };
    for (at, inner) in places.iter().enumerate() {
        if data.1.starts_with(inner.1) {
            clash(*inner, data, "is, or contains,");
        }
        for outer in &places[at + 1..] {
            if inner.1 == outer.1 {
                clash(*inner, *outer, "is the same folder as");
            } else if inner.1.starts_with(outer.1) {
                clash(*inner, *outer, "lies in");
            } else if outer.1.starts_with(inner.1) {
                clash(*outer, *inner, "lies in");
            }
        }
    }
}

/// A sentence for each setting that is set and not used.
pub(super) fn unused(merged: &Merged) -> Vec<String> {
    let is_set = |key: &&str| {
        merged.0.get(*key).filter(|entry| entry.value.as_str().is_some_and(|text| !text.is_empty()))
    };
    let sentence = |entry: &Entry| {
        format!(
            "`{}` is set ({}) and not used: this version stores Parquet on local disk",
            entry.key,
            entry.place()
        )
    };
    UNUSED.iter().filter_map(is_set).map(sentence).collect()
}
