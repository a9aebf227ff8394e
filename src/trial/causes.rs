//! Refused records by their cause, with a few examples of each.

use std::collections::HashMap;

use crate::decode::Reject;
use crate::decode::newcomers::shortened;

const EXAMPLES: usize = 3;

/// Records that would be refused for one reason.
#[derive(Debug, Clone)]
pub struct Cause {
    /// As in the ledger.
    pub fingerprint: String,
    pub rule: String,
    pub pointer: String,
    pub records: u64,
    pub examples: Vec<Example>,
}

#[derive(Debug, Clone)]
pub struct Example {
    pub record: u64,
    pub offset: u64,
    pub message: String,
    pub raw: String,
}

/// Causes, in the order in which they first came.
#[derive(Debug, Default)]
pub(super) struct Causes {
    causes: Vec<Cause>,
    places: HashMap<String, usize>,
}

impl Causes {
    pub fn add(&mut self, reject: &Reject) {
        let at = *self.places.entry(reject.fingerprint.clone()).or_insert_with(|| {
            self.causes.push(Cause {
                fingerprint: reject.fingerprint.clone(),
                rule: reject.rule.clone(),
                pointer: reject.pointer.clone(),
                records: 0,
                examples: Vec::new(),
            });
            self.causes.len() - 1
        });
        let cause = &mut self.causes[at];
        cause.records += 1;
        if cause.examples.len() < EXAMPLES {
            cause.examples.push(Example {
                record: reject.record_number,
                offset: reject.byte_offset,
                message: reject.message.clone(),
                raw: shortened(&String::from_utf8_lossy(&reject.raw)),
            });
        }
    }

    /// The most frequent first.
    pub fn finish(mut self) -> Vec<Cause> {
        self.causes.sort_by_key(|cause| std::cmp::Reverse(cause.records));
        self.causes
    }
}
