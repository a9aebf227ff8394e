//! Where the metadata database is: reads `DATABASE_URL`, and shows it without its secrets.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::error::MetadataError;
use crate::settings::redact_url;

const FORMS: &str = "use sqlite://path/to/metadata.db or postgres://user:password@host:5432/database";

/// A checked address.
#[derive(Debug, Clone)]
pub(super) enum Address {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl FromStr for Address {
    type Err = MetadataError;

    fn from_str(url: &str) -> Result<Self, MetadataError> {
        let refuse = |reason: String, hint| MetadataError::Address { url: redact_url(url), reason, hint };
        match url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            Some("sqlite") => sqlite(url).map_err(|reason| refuse(reason, SQLITE_FORM)).map(Address::Sqlite),
            Some("postgres" | "postgresql") => match PgConnectOptions::from_str(url) {
                Ok(options) => Ok(Address::Postgres(Box::new(options))),
                Err(error) => Err(refuse(plain(&error), FORMS)),
            },
            _ => Err(refuse("it begins with neither sqlite: nor postgres:".into(), FORMS)),
        }
    }
}

const SQLITE_FORM: &str = "use a file: sqlite://path/to/metadata.db";

fn sqlite(url: &str) -> Result<PathBuf, String> {
    let rest = &url["sqlite:".len()..];
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split('?').next().unwrap_or_default();
    if path == ":memory:" || rest.contains("mode=memory") {
        return Err("a ledger in memory would forget which files were loaded".into());
    }
    if path.is_empty() {
        return Err("it names no file".into());
    }
    if rest.contains('?') {
        return Err("parameters after '?' are not supported".into());
    }
    let options = SqliteConnectOptions::from_str(&format!("sqlite://{path}")).map_err(|e| plain(&e))?;
    Ok(options.get_filename().to_owned())
}

/// The innermost message of a driver error.
fn plain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Result<String, String> {
        match url.parse() {
            Ok(Address::Sqlite(path)) => Ok(path.display().to_string()),
            Ok(Address::Postgres(_)) => Ok("postgres".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (url, expected) in [
            ("sqlite://data/metadata.db", "data/metadata.db"),
            ("sqlite:///var/lib/metadata.db", "/var/lib/metadata.db"),
            ("sqlite:metadata.db", "metadata.db"),
            ("sqlite://with%20space.db", "with space.db"),
            ("postgres://u:p@localhost/lake", "postgres"),
            ("postgresql://u@localhost:5433/lake?sslmode=disable", "postgres"),
        ] {
            assert_eq!(path(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn addresses_without_a_lasting_place_are_refused() {
        for url in [
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://x.db?mode=memory",
            "sqlite://",
            "mysql://localhost/x",
            "metadata.db",
            "",
        ] {
            assert!(path(url).is_err(), "{url}");
        }
    }
}
