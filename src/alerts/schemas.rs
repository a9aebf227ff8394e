//! Alerts about schemas that records have left behind.

use tracing::warn;

use super::{Alarm, fingerprint};
use crate::metadata::alerts::{NewAlert, Severity};

/// A field that does not go with its schema.
#[derive(Debug, Clone)]
pub struct DriftNews<'a> {
    pub file_type: &'a str,
    /// `appeared`, `vanished` or `changed`.
    pub kind: &'a str,
    /// Where it is in a record.
    pub field: &'a str,
    /// One sentence.
    pub message: String,
}

impl Alarm {
    /// A field that appeared, vanished or changed its type: told once, until it is over. A field that appeared is for
    /// information: its values are kept, or left out because somebody has said so, or their records have an alert.
    pub async fn drifted(&self, news: DriftNews<'_>) {
        let DriftNews { file_type, kind, field, message } = news;
        warn!(file_type, field, "type {file_type}: {message}; see `lakegate types drift {file_type}`");
        self.raise(NewAlert {
            code: format!("field.{kind}"),
            severity: if kind == "appeared" { Severity::Info } else { Severity::Warning },
            subject: file_type.to_owned(),
            cause: format!("{field} has {kind} in files of type {file_type}"),
            message,
            hint: Some(format!("lakegate types drift {file_type} prints the SQL that accepts it")),
            fingerprint: fingerprint(&["drift", file_type, kind, field]),
            occurrences: 1,
        })
        .await;
    }

    pub async fn drift_ended(&self, file_type: &str, kind: &str, field: &str) {
        self.resolve(&fingerprint(&["drift", file_type, kind, field])).await;
    }

    /// New fields that did not become columns, although the type evolves.
    pub async fn not_evolved(&self, file_type: &str, reason: &str) {
        warn!(
            file_type,
            "the schema of {file_type} does not evolve: {reason}; the new fields are in _rescued"
        );
        self.raise(NewAlert {
            code: "schema.not_evolved".into(),
            severity: Severity::Warning,
            subject: file_type.to_owned(),
            cause: format!("the schema of {file_type} does not evolve"),
            message: format!("{reason}; the new fields are kept in _rescued"),
            hint: Some(
                "raise \"max_columns\" in processing_config, or give the object with many keys the type json or map in \
                 schema_definition; `lakegate types promote` fills columns from _rescued later"
                    .into(),
            ),
            fingerprint: fingerprint(&["not_evolved", file_type]),
            occurrences: 1,
        })
        .await;
    }

    /// The schema of a type that evolves has room again.
    pub async fn evolves(&self, file_type: &str) {
        self.resolve(&fingerprint(&["not_evolved", file_type])).await;
    }
}
