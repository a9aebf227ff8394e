//! The environment as a layer: `LAKEGATE__SECTION__KEY`, and the names that work as they are.

use std::ffi::OsStr;

use super::Mistake;
use super::effective::Origin;
use super::layers::{Entry, Keys, nearest};
use super::sources::Sources;

const PREFIX: &str = "LAKEGATE__";

/// Names from the time before the prefix, part of the product's public face.
const BARE: [(&str, &str); 9] = [
    ("LAKEGATE_DATA", "paths.data"),
    ("INCOMING_FOLDER", "paths.incoming"),
    ("SOURCE_DATA_BASE", "paths.source_data"),
    ("PROCESSED_FOLDER", "paths.processed"),
    ("DATALAKE_BASE", "paths.datalake"),
    ("DATABASE_URL", "database.url"),
    ("S3_BUCKET", "storage.s3_bucket"),
    ("ICEBERG_CATALOG_URI", "iceberg.catalog_uri"),
    ("ICEBERG_WAREHOUSE", "iceberg.warehouse"),
];

/// The name of the environment, which names a configuration file.
pub(super) enum Environment {
    Named(String),
    /// Not a plain name. POSIX shells keep the path of a start-up file in `ENV`, so this is no mistake.
    Unusable(String),
}

pub(super) fn name(sources: &Sources) -> Environment {
    let Some(value) = sources.env.get(OsStr::new("ENV")).filter(|value| !value.is_empty()) else {
        return Environment::Named("development".into());
    };
    let value = value.to_string_lossy();
    if value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        Environment::Named(value.into_owned())
    } else {
        Environment::Unusable(value.into_owned())
    }
}

/// What the environment sets. The prefixed form of a key wins over its bare name.
pub(super) fn entries(sources: &Sources, keys: &Keys, mistakes: &mut Vec<Mistake>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, key) in BARE {
        // An empty variable is how a compose file says "not set".
        if let Some(value) = sources.env.get(OsStr::new(name)).filter(|value| !value.is_empty()) {
            entries.extend(entry(name, key, value, keys, mistakes));
        }
    }
    for (name, value) in &sources.env {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.to_lowercase().replace("__", ".");
        if keys.contains_key(&key) {
            entries.extend(entry(&name, &key, value, keys, mistakes));
        } else {
            mistakes.push(unknown(&name, &key, keys));
        }
    }
    entries
}

fn entry(name: &str, key: &str, value: &OsStr, keys: &Keys, mistakes: &mut Vec<Mistake>) -> Option<Entry> {
    let parsed = match value.to_str() {
        None => Err("the value is not UTF-8".to_owned()),
        Some(text) => parse(text, keys.get(key)?),
    };
    match parsed {
        Ok(value) => {
            Some(Entry { key: key.to_owned(), value, origin: Origin::Env(name.to_owned()), line: None })
        }
        Err(message) => {
            mistakes.push(Mistake::new(name, message, None));
            None
        }
    }
}

/// The text as a value of the same kind as the default.
fn parse(text: &str, default: &toml::Value) -> Result<toml::Value, String> {
    match default {
        toml::Value::Boolean(_) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true.into()),
            "false" | "0" | "no" | "off" => Ok(false.into()),
            _ => Err(format!("{text:?} is not true or false")),
        },
        toml::Value::Integer(_) => match text.trim().parse::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(format!("{text:?} is not a whole number")),
        },
        _ => Ok(text.into()),
    }
}

fn unknown(name: &str, key: &str, keys: &Keys) -> Mistake {
    let hint = nearest(key, keys)
        .map(|near| format!("did you mean {PREFIX}{}?", near.to_uppercase().replace('.', "__")));
    Mistake::new(name, "there is no such setting", hint)
}
