//! What became of one file, for whoever asked for the load.

use crate::metadata::files::{FileRow, FileState, Unclaimed};

#[derive(Debug, Clone)]
pub struct FileStory {
    pub id: i64,
    pub name: String,
    pub file_type: Option<String>,
    pub state: FileState,
    pub records_read: i64,
    pub records_written: i64,
    pub records_rejected: i64,
    pub records_deduplicated: i64,
    pub code: Option<String>,
    pub message: Option<String>,
    pub hint: Option<String>,
    /// Where the file lies now.
    pub path: Option<String>,
}

impl From<&FileRow> for FileStory {
    fn from(row: &FileRow) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            file_type: row.file_type.clone(),
            state: row.state,
            records_read: row.records_read,
            records_written: row.records_written,
            records_rejected: row.records_rejected,
            records_deduplicated: row.records_deduplicated,
            code: row.error_code.clone(),
            message: row.error_message.clone(),
            hint: row.error_hint.clone(),
            path: row.path.clone(),
        }
    }
}

impl From<&Unclaimed> for FileStory {
    fn from(file: &Unclaimed) -> Self {
        let problem = file.problem.as_deref();
        Self {
            id: file.id,
            name: file.name.to_string(),
            file_type: file.file_type.clone(),
            state: file.state,
            records_read: 0,
            records_written: 0,
            records_rejected: 0,
            records_deduplicated: 0,
            code: problem.map(|problem| problem.code.clone()),
            message: problem.map(|problem| problem.message.clone()),
            hint: problem.and_then(|problem| problem.hint.clone()),
            path: file.path.clone(),
        }
    }
}
