//! What a replay did, for people.

use std::collections::BTreeMap;

use super::trial::Judged;
use crate::metadata::rejects::Backlog;
use crate::registry::TypeSpec;

/// The records of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeReport {
    pub file_type: String,
    pub table: String,
    /// None for a rehearsal, or when no record is valid; more than one only for files of one name.
    pub load_ids: Vec<i64>,
    pub tried: u64,
    /// Records that are valid now: loaded, or to be loaded. Those deduplicated are among them.
    pub valid: u64,
    /// Records whose key another record has, which stays.
    pub deduplicated: u64,
    /// Why the others are still refused, the most frequent first.
    pub causes: Vec<Cause>,
    /// Records that were not kept as a whole and were not repaired.
    pub incomplete: u64,
    /// Open rejects of files that failed as a whole: those wait for `lakegate files retry`.
    pub of_failed_files: u64,
    /// All that could be tried when it began.
    pub ready: u64,
}

/// Records that are refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub fingerprint: String,
    pub records: u64,
    /// The reason of the first of them.
    pub message: String,
}

/// What one load of a replay did.
pub(super) struct Loaded {
    pub load_id: Option<i64>,
    pub deduplicated: u64,
    pub judged: Judged,
}

impl TypeReport {
    pub(super) fn new(spec: &TypeSpec, backlog: Backlog) -> Self {
        Self {
            file_type: spec.file_type.clone(),
            table: spec.table.clone(),
            load_ids: Vec::new(),
            tried: 0,
            valid: 0,
            deduplicated: 0,
            causes: Vec::new(),
            incomplete: 0,
            of_failed_files: backlog.of_failed_files.unsigned_abs(),
            ready: backlog.ready.unsigned_abs(),
        }
    }

    /// Records that stay open.
    pub fn refused(&self) -> u64 {
        self.tried - self.valid
    }

    pub(super) fn add(&mut self, loaded: Loaded) {
        self.load_ids.extend(loaded.load_id);
        self.deduplicated += loaded.deduplicated;
        self.would(loaded.judged);
    }

    pub(super) fn would(&mut self, judged: Judged) {
        self.tried += judged.tried();
        self.valid += judged.valid.len() as u64;
        self.incomplete += judged.incomplete;
        let known = std::mem::take(&mut self.causes);
        let mut causes: BTreeMap<String, (u64, String)> = judged.causes();
        for Cause { fingerprint, records, message } in known {
            let cause = causes.entry(fingerprint).or_insert((0, message.clone()));
            *cause = (cause.0 + records, message);
        }
        let cause = |(fingerprint, (records, message))| Cause { fingerprint, records, message };
        self.causes = causes.into_iter().map(cause).collect();
        self.causes.sort_by_key(|cause| std::cmp::Reverse(cause.records));
    }
}
