//! What became of one file, for whoever asked for the load.

use crate::metadata::files::{FileRow, FileState};

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
