//! Memory that the reading of one file takes: asked for before it is taken.
//!
//! Of each column there is its dictionary and a page in memory, and more pages when a batch of rows goes on in the next. A page
//! that asks for more than what is left fails the file, with a message, instead of the process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fault::too_large;
use crate::decode::error::DecodeError;

/// Bytes of all columns together.
const MOST: u64 = 256 << 20;

/// What the columns of a row group take.
#[derive(Debug)]
pub(super) struct Budget {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    columns: Vec<Held>,
    taken: u64,
    /// The first refusal, or whatever else went wrong below the reader: it passes on no more than texts.
    fault: Option<DecodeError>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Held {
    dictionary: u64,
    /// The page that is being read.
    page: u64,
    /// Those before it that belong to the same batch.
    before: u64,
}

impl Budget {
    pub fn new(columns: usize) -> Budget {
        let columns = vec![Held::default(); columns];
        Budget { state: Mutex::new(State { columns, taken: 0, fault: None }) }
    }

    /// Asks for the memory of a column's next page.
    ///
    /// # Errors
    /// `parquet.too_large`
    pub fn page(&self, column: usize, name: &str, bytes: u64) -> Result<(), DecodeError> {
        let mut state = self.take(name, bytes)?;
        let held = &mut state.columns[column];
        held.before += held.page;
        held.page = bytes;
        Ok(())
    }

    /// Asks for more memory for a column's page at hand.
    ///
    /// # Errors
    /// `parquet.too_large`
    pub fn more(&self, column: usize, name: &str, bytes: u64) -> Result<(), DecodeError> {
        self.take(name, bytes)?.columns[column].page += bytes;
        Ok(())
    }

    /// Asks for the memory of a column's dictionary, which stays as long as the row group.
    ///
    /// # Errors
    /// `parquet.too_large`
    pub fn dictionary(&self, column: usize, name: &str, bytes: u64) -> Result<(), DecodeError> {
        self.take(name, bytes)?.columns[column].dictionary += bytes;
        Ok(())
    }

    fn take(&self, name: &str, bytes: u64) -> Result<MutexGuard<'_, State>, DecodeError> {
        let mut state = self.state();
        let taken = state.taken.saturating_add(bytes);
        if taken > MOST {
            return Err(too_large(
                format!(
                    "column {name} asks for {bytes} bytes of memory for a page, more than what is left of {MOST} for all columns"
                ),
                "write the file again with smaller pages or row groups; a file that takes so much may also be a hostile one",
            ));
        }
        state.taken = taken;
        Ok(state)
    }

    /// A batch begins: of each column, only the dictionary and the page at hand are still needed.
    pub fn begin_batch(&self) {
        let mut state = self.state();
        let before: u64 = state.columns.iter_mut().map(|held| std::mem::take(&mut held.before)).sum();
        state.taken -= before;
    }

    /// Keeps a fault; the first one counts.
    pub fn fail(&self, fault: DecodeError) {
        self.state().fault.get_or_insert(fault);
    }

    /// The fault that was kept.
    pub fn fault(&self) -> Option<DecodeError> {
        self.state().fault.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_makes_room_for_the_next_when_a_batch_begins() {
        let budget = Budget::new(2);
        budget.dictionary(0, "a", MOST / 2).expect("room");
        budget.page(1, "b", MOST / 4).expect("room");
        budget.page(1, "b", MOST / 4).expect("room");
        assert_eq!(budget.page(1, "b", MOST / 4).expect_err("none").code, "parquet.too_large");
        budget.begin_batch();
        budget.page(1, "b", MOST / 4).expect("room");
        assert!(budget.page(0, "a", u64::MAX).is_err());
    }
}
