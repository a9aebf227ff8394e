//! The address of the metadata database: a secret may be in it.

use std::fmt;

use serde::Deserialize;

use super::paths::Paths;

/// The schemes that are understood.
pub(super) const SCHEMES: [&str; 3] = ["sqlite:", "postgres://", "postgresql://"];

/// A database URL. Shown without its password, whoever prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Takes a URL as written.
    pub fn new(url: impl Into<String>) -> Self {
        DatabaseUrl(url.into())
    }

    /// The URL to connect with, password included.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True for SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact_url(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The address without its secrets: the password, and every parameter whose name speaks of one.
///
/// Works on any text, well-formed or not, and rather hides too much than too little.
pub fn redact_url(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (place, parameters) = match rest.split_once('?') {
        // A '?' before the last '@' belongs to a password that was not percent-encoded.
        Some((place, parameters)) if !parameters.contains('@') => (place, Some(parameters)),
        _ => (rest, None),
    };
    let place = match place.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            let secret = if login.contains(':') { ":***" } else { "" };
            format!("{user}{secret}@{host}")
        }
        None => place.to_owned(),
    };
    let parameters = parameters.map_or_else(String::new, |parameters| {
        let shown: Vec<_> = parameters.split('&').map(redacted_parameter).collect();
        format!("?{}", shown.join("&"))
    });
    format!("{scheme}{place}{parameters}")
}

fn redacted_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}=***"),
        _ => parameter.to_owned(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(deserialize_with = "super::empty_is_none")]
    url: Option<String>,
}

impl Written {
    pub(super) fn resolve(self, paths: &Paths) -> DatabaseUrl {
        DatabaseUrl(self.url.unwrap_or_else(|| sqlite_url(paths)))
    }
}

/// The characters with a meaning in a URL are encoded, so that a data root may be called `50% ?`.
fn sqlite_url(paths: &Paths) -> String {
    let path = paths.metadata();
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("postgres://u:secret@host/db", "postgres://u:***@host/db"),
            ("postgres://u:se@cr?t@host/db", "postgres://u:***@host/db"),
            ("postgres://host/db?user=u&password=secret", "postgres://host/db?user=u&password=***"),
            ("postgres://u@host/db", "postgres://u@host/db"),
            ("sqlite:///srv/a@b/metadata.db", "sqlite:///srv/a@b/metadata.db"),
        ] {
            assert_eq!(redact_url(url), shown);
            assert_eq!(format!("{:?}", DatabaseUrl::new(url)), shown);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        for (url, shown) in [
            ("postgres://u:secret@h:5432/d", "postgres://u:***@h:5432/d"),
            ("postgres://u:se@cr/et?@h/d", "postgres://u:***@h/d"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres://h/d?password=secret&sslmode=require", "postgres://h/d?password=***&sslmode=require"),
            ("postgres:/u:secret@h", "postgres:***@h"),
            ("sqlite://data/metadata.db", "sqlite://data/metadata.db"),
        ] {
            assert_eq!(redact_url(url), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_password_never_survives(secret in "[a-zA-Z0-9/?:#&=%]{12,20}") {
            let url = format!("postgres://user:{secret}@host/db");
            proptest::prop_assert!(!redact_url(&url).contains(&secret));
        }
    }
}
