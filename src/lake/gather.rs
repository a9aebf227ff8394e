//! The rows of one partition until they make a row group.

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::error::ArrowError;

use super::room::{Room, Taken};

/// Rows of a row group: enough for dictionaries to pay, few enough for readers to share a file among their cores.
const MOST_ROWS: usize = 128 << 10;
/// Bytes of Arrow data of a row group.
const MOST_BYTES: usize = 32 << 20;

/// Batches with fewer rows are put together, so many at a time: what each batch costs by itself would add up.
const SMALL: usize = 1024;
const SMALL_BATCHES: usize = 64;
/// What the arrays of a column take besides their values.
const COLUMN_OVERHEAD: usize = 256;

#[derive(Debug)]
pub(super) struct Gather {
    batches: Vec<RecordBatch>,
    rows: usize,
    /// The last so many batches are small.
    small: usize,
    taken: Taken,
}

impl Gather {
    pub fn new(room: &Room) -> Self {
        Self { batches: Vec::new(), rows: 0, small: 0, taken: room.take() }
    }

    pub fn add(&mut self, batch: RecordBatch) -> Result<(), ArrowError> {
        self.rows += batch.num_rows();
        self.taken.grow(bytes_of(&batch));
        self.small = if batch.num_rows() < SMALL { self.small + 1 } else { 0 };
        self.batches.push(batch);
        if self.small == SMALL_BATCHES {
            self.small = 0;
            let tail = self.batches.split_off(self.batches.len() - SMALL_BATCHES);
            self.batches.push(concat_batches(&tail[0].schema(), &tail)?);
        }
        Ok(())
    }

    pub fn bytes(&self) -> usize {
        self.taken.bytes()
    }

    /// True when the rows make a row group of a file that is closed at `target_bytes`.
    pub fn is_due(&self, target_bytes: u64) -> bool {
        let most = usize::try_from(target_bytes).map_or(MOST_BYTES, |target| target.min(MOST_BYTES));
        self.rows >= MOST_ROWS || self.bytes() >= most
    }

    pub fn into_parts(self) -> (Vec<RecordBatch>, Taken) {
        (self.batches, self.taken)
    }
}

/// What the rows of a batch take. Several batches may be slices of the same arrays; each counts for its own rows.
fn bytes_of(batch: &RecordBatch) -> usize {
    let column = |array: &dyn Array| {
        let values = array.to_data().get_slice_memory_size();
        values.unwrap_or_else(|_| array.get_array_memory_size()) + COLUMN_OVERHEAD
    };
    batch.columns().iter().map(|array| column(array.as_ref())).sum()
}
