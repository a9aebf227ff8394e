//! What outlives a row group: tools that are used again, and what was learned about each table.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::choice::Choices;
use super::compress::Compressor;
use super::dictionary::Table;

/// Tables that are remembered; past it all are forgotten, which costs a trial each.
const MOST_TABLES: usize = 1000;

/// One for each lake.
#[derive(Debug, Default)]
pub(in crate::lake) struct Shelf {
    tools: Mutex<Vec<Tools>>,
    tables: Mutex<HashMap<String, Arc<Choices>>>,
}

/// What one thread needs for encoding.
#[derive(Default)]
pub(in crate::lake) struct Tools {
    pub(super) compressor: Compressor,
    pub(super) table: Table,
}

impl Shelf {
    /// Does work with tools, which come back afterwards. There are never more of them than threads that work.
    pub fn with_tools<T>(&self, work: impl FnOnce(&mut Tools) -> T) -> T {
        let mut tools = lock(&self.tools).pop().unwrap_or_default();
        let done = work(&mut tools);
        lock(&self.tools).push(tools);
        done
    }

    /// The choices for the columns of a table.
    pub fn choices(&self, table: &str) -> Arc<Choices> {
        let mut tables = lock(&self.tables);
        if tables.len() >= MOST_TABLES && !tables.contains_key(table) {
            tables.clear();
        }
        Arc::clone(tables.entry(table.to_owned()).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}
