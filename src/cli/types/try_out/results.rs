//! What a dry run found.

use crate::drift::Sighting;
use crate::ingest::replay::TypeReport;
use crate::metadata::types::TypeStatus;
use crate::schema::processing_config::OnUnknownField;
use crate::trial::Tried;

pub(super) struct Results {
    /// What the schema that was tried changes.
    pub changes: Vec<String>,
    pub files: Vec<FileResult>,
    pub rejected: Vec<RejectedResult>,
}

pub(super) struct FileResult {
    pub name: String,
    pub file_type: Option<String>,
    /// `None` under a schema that is no version.
    pub schema_version: Option<i64>,
    pub is_new_type: bool,
    pub keeps_unknown: OnUnknownField,
    pub status: TypeStatus,
    /// The file that was loaded with the same bytes.
    pub duplicate_of: Option<i64>,
    /// Or why it could not be tried.
    pub result: Result<Box<Tried>, String>,
}

/// Rejected records of one type.
pub(super) struct RejectedResult {
    pub file_type: String,
    /// Or why the type cannot be used.
    pub result: Result<TypeReport, String>,
}

impl FileResult {
    pub fn untried(name: &str, file_type: Option<String>, why: String) -> FileResult {
        FileResult {
            name: name.to_owned(),
            file_type,
            schema_version: None,
            is_new_type: false,
            keeps_unknown: OnUnknownField::Rescue,
            status: TypeStatus::Inactive,
            duplicate_of: None,
            result: Err(why),
        }
    }

    pub fn would_be(&self) -> &'static str {
        match &self.result {
            Err(_) => "untried",
            Ok(_) if self.duplicate_of.is_some() => "duplicate",
            Ok(tried) if tried.failure.is_some() => "failed",
            Ok(_) => "processed",
        }
    }
    /// What becomes of a field.
    pub fn then(&self, tried: &Tried, field: &Sighting) -> String {
        if let Some(added) = tried.added.iter().find(|added| added.place == field.place) {
            return format!("becomes the column {} ({})", added.name, added.kind);
        }
        match (&field.declared, self.keeps_unknown) {
            (Some(_), _) | (None, OnUnknownField::Reject) => "those records are rejected".into(),
            (None, OnUnknownField::Ignore) => "is left out".into(),
            (None, OnUnknownField::Rescue | OnUnknownField::Evolve) => "is kept in _rescued".into(),
        }
    }
}
