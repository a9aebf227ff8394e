//! Which queued files form which load. Pure.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::backlog::{Backlog, Place, place};
use crate::metadata::files::Unclaimed;
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
    /// Oldest first.
    pub files: Vec<Arc<Unclaimed>>,
    /// No more files fit.
    pub is_full: bool,
}

/// The next load of each table that can take one, oldest files first; the table whose file waited longest comes first.
pub fn next_loads(
    backlog: &Backlog,
    registry: &Registry,
    unavailable: &HashSet<String>,
    limits: LoadLimits,
) -> Vec<Batch> {
    let next = |(key, queue): (&str, &BTreeMap<Place, Arc<Unclaimed>>)| {
        let spec = registry.active(key).filter(|spec| !unavailable.contains(&spec.table))?;
        let files = first_files(queue, limits);
        let is_full = files.len() >= limits.files || files.len() < queue.len();
        (!files.is_empty()).then(|| Batch { spec: spec.clone(), files, is_full })
    };
    let mut batches: Vec<Batch> = backlog.queues().filter_map(next).collect();
    batches.sort_by_cached_key(|batch| place(&batch.files[0]));
    batches
}

/// True when there is something to load, whoever is busy.
pub fn has_loads(backlog: &Backlog, registry: &Registry) -> bool {
    backlog.queues().any(|(key, _)| registry.active(key).is_some())
}

fn first_files(queue: &BTreeMap<Place, Arc<Unclaimed>>, limits: LoadLimits) -> Vec<Arc<Unclaimed>> {
    let Some(first) = queue.values().next() else { return Vec::new() };
    // A file that was open when a process died is loaded alone, so that it cannot take others along again.
    if first.crashes > 0 {
        return vec![first.clone()];
    }
    let mut bytes = 0;
    let fits = |file: &&Arc<Unclaimed>| {
        bytes += u64::try_from(file.bytes).unwrap_or(0);
        file.crashes == 0 && bytes <= limits.bytes
    };
    let mut files: Vec<_> = queue.values().take(limits.files).take_while(fits).cloned().collect();
    if files.is_empty() {
        files.push(first.clone());
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::backlog::tests::{backlog, file};
    use crate::metadata::files::FileState;
    use crate::metadata::types::TypeStatus;
    use crate::registry::tests::{registry, row as type_row};

    const LIMITS: LoadLimits = LoadLimits { files: 3, bytes: 25 };

    fn queued(id: i64, file_type: &str, modified: i64) -> Unclaimed {
        file(id, &format!("{file_type}_{id}.json"), file_type, FileState::Queued, modified)
    }

    fn loads(files: &[Unclaimed], busy: &[&str]) -> Vec<Vec<i64>> {
        let registry = registry(vec![
            type_row("orders", TypeStatus::Active),
            type_row("events", TypeStatus::Active),
            type_row("idle", TypeStatus::Paused),
        ]);
        let busy = busy.iter().map(|table| (*table).to_owned()).collect();
        let loads = next_loads(&backlog(files), &registry, &busy, LIMITS);
        loads.into_iter().map(|batch| batch.files.iter().map(|file| file.id).collect()).collect()
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
        let rows = [Unclaimed { bytes: 1000, ..queued(1, "orders", 10) }, queued(2, "orders", 11)];
        assert_eq!(loads(&rows, &[]), [[1]]);
    }

    #[test]
    fn a_file_suspected_of_a_crash_is_loaded_alone() {
        let rows = [
            Unclaimed { crashes: 1, ..queued(1, "orders", 10) },
            queued(2, "orders", 11),
            queued(3, "orders", 12),
        ];
        assert_eq!(loads(&rows, &[]), [[1]]);
        let rows = [queued(2, "orders", 9), Unclaimed { crashes: 1, ..queued(1, "orders", 10) }];
        assert_eq!(loads(&rows, &[]), [[2]]);
    }
}
