//! The loads that this process is working on: recovery leaves them alone.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Cheap to clone; all clones are one set.
#[derive(Debug, Clone, Default)]
pub struct AtWork {
    loads: Arc<Mutex<HashSet<i64>>>,
}

/// A load in work, until this is dropped.
#[derive(Debug)]
pub struct InWork {
    all: AtWork,
    load_id: i64,
}

impl AtWork {
    pub fn enter(&self, load_id: i64) -> InWork {
        self.loads().insert(load_id);
        InWork { all: self.clone(), load_id }
    }

    /// The loads in work at this moment.
    pub fn now(&self) -> HashSet<i64> {
        self.loads().clone()
    }

    /// A set of numbers is whole after any panic.
    fn loads(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InWork {
    pub fn load_id(&self) -> i64 {
        self.load_id
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.all.loads().remove(&self.load_id);
    }
}
