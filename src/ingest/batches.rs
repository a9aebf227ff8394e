//! Which queued files form which load. Pure.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::plan::UNSUPPORTED;
use crate::metadata::files::{FileRow, FileState};
use crate::registry::{Registry, TypeSpec};

/// Limits of one load.
#[derive(Debug, Clone, Copy)]
pub struct LoadLimits {
    pub files: usize,
    /// Bytes on disk; one larger file is a load of its own.
    pub bytes: u64,
}

/// Files of one type that load together.
#[derive(Debug)]
pub struct Batch {
    pub spec: Arc<TypeSpec>,
    pub files: Vec<FileRow>,
}

/// The next load of each table that has none in work, oldest files first; the table whose file waited longest
/// comes first.
pub fn next_loads(
    rows: &[FileRow],
    registry: &Registry,
    busy_tables: &HashSet<String>,
    limits: LoadLimits,
) -> Vec<Batch> {
    let mut queues: BTreeMap<&str, Vec<&FileRow>> = BTreeMap::new();
    let loadable =
        |row: &&FileRow| row.state == FileState::Queued && row.error_code.as_deref() != Some(UNSUPPORTED);
    for row in rows.iter().filter(loadable) {
        if let Some(key) = &row.file_type {
            queues.entry(key).or_default().push(row);
        }
    }
    let mut batches: Vec<Batch> = queues
        .into_iter()
        .filter_map(|(key, mut queue)| {
            let spec = registry.active(key).filter(|spec| !busy_tables.contains(&spec.table))?;
            queue.sort_by(|a, b| order(a).cmp(&order(b)));
            Some(Batch { spec: spec.clone(), files: first_files(&queue, limits) })
        })
        .collect();
    batches.sort_by(|a, b| order(&a.files[0]).cmp(&order(&b.files[0])));
    batches
}

/// The time in the name, else the modification time; then the name.
fn order(row: &FileRow) -> (Option<DateTime<Utc>>, &str, i64) {
    (row.file_time.or(row.modified_at), &row.name, row.id)
}

fn first_files(queue: &[&FileRow], limits: LoadLimits) -> Vec<FileRow> {
    // A file that was open when a process died is loaded alone, so that it cannot take others along again.
    if queue[0].crashes > 0 {
        return vec![queue[0].clone()];
    }
    let mut bytes = 0;
    let fits = |row: &&&FileRow| {
        bytes += u64::try_from(row.bytes).unwrap_or(0);
        row.crashes == 0 && bytes <= limits.bytes
    };
    let mut files: Vec<FileRow> =
        queue.iter().take(limits.files).take_while(fits).map(|&row| row.clone()).collect();
    if files.is_empty() {
        files.push(queue[0].clone());
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::plan::tests::file_row;
    use crate::metadata::types::TypeStatus;
    use crate::registry::tests::{registry, row as type_row};

    const LIMITS: LoadLimits = LoadLimits { files: 3, bytes: 25 };

    fn queued(id: i64, file_type: &str, modified: i64) -> FileRow {
        file_row(id, &format!("{file_type}_{id}.json"), file_type, FileState::Queued, modified)
    }

    fn loads(rows: &[FileRow], busy: &[&str]) -> Vec<Vec<i64>> {
        let registry = registry(vec![
            type_row("orders", TypeStatus::Active),
            type_row("events", TypeStatus::Active),
            type_row("idle", TypeStatus::Paused),
        ]);
        let busy = busy.iter().map(|table| (*table).to_owned()).collect();
        let loads = next_loads(rows, &registry, &busy, LIMITS);
        loads.into_iter().map(|batch| batch.files.iter().map(|row| row.id).collect()).collect()
    }

    #[test]
    fn files_load_oldest_first_within_the_limits() {
        let rows: Vec<_> = (1..=4).map(|id| queued(id, "orders", 100 - id)).collect();
        assert_eq!(loads(&rows, &[]), [[4, 3]]);
    }

    #[test]
    fn each_table_has_one_load_and_the_longest_wait_goes_first() {
        let rows = [queued(1, "orders", 20), queued(2, "events", 10), queued(3, "idle", 1)];
        assert_eq!(loads(&rows, &[]), [[2], [1]]);
        assert_eq!(loads(&rows, &["events"]), [[1]]);
    }

    #[test]
    fn a_large_file_is_a_load_of_its_own() {
        let rows = [FileRow { bytes: 1000, ..queued(1, "orders", 10) }, queued(2, "orders", 11)];
        assert_eq!(loads(&rows, &[]), [[1]]);
    }

    #[test]
    fn a_file_suspected_of_a_crash_is_loaded_alone() {
        let rows = [
            FileRow { crashes: 1, ..queued(1, "orders", 10) },
            queued(2, "orders", 11),
            queued(3, "orders", 12),
        ];
        assert_eq!(loads(&rows, &[]), [[1]]);
        let rows = [queued(2, "orders", 9), FileRow { crashes: 1, ..queued(1, "orders", 10) }];
        assert_eq!(loads(&rows, &[]), [[2]]);
    }
}
