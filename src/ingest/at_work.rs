//! The loads that this process is working on: recovery leaves them alone.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Cheap to clone; all clones are one set.
#[derive(Debug, Clone, Default)]
pub struct AtWork {
    loads: Arc<Mutex<HashSet<i64>>>,
    beginnings: Arc<RwLock<()>>,
}

/// A load that is about to begin: from before the ledger knows of it until it is in the set.
#[derive(Debug)]
pub struct Beginning {
    all: AtWork,
    _shared: OwnedRwLockReadGuard<()>,
}

/// A load in work, until this is dropped.
#[derive(Debug)]
pub struct InWork {
    all: AtWork,
    load_id: i64,
}

/// While this is held no load begins: whatever the ledger holds of this process and the set does not is abandoned.
#[derive(Debug)]
pub struct Still {
    loads: HashSet<i64>,
    _alone: OwnedRwLockWriteGuard<()>,
}

impl AtWork {
    /// To be asked before the ledger is told of a load.
    pub async fn begin(&self) -> Beginning {
        Beginning { all: self.clone(), _shared: self.beginnings.clone().read_owned().await }
    }

    /// Waits for the loads that are just beginning.
    pub async fn still(&self) -> Still {
        let _alone = self.beginnings.clone().write_owned().await;
        Still { loads: self.loads().clone(), _alone }
    }

    /// A set of numbers is whole after any panic.
    fn loads(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beginning {
    /// The ledger has the load now.
    pub fn enter(self, load_id: i64) -> InWork {
        self.all.loads().insert(load_id);
        InWork { all: self.all, load_id }
    }
}

impl Still {
    /// The loads that were in work when it began: one that ended meanwhile is seen as it was. Loads may begin again.
    pub fn release(self) -> HashSet<i64> {
        self.loads
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
