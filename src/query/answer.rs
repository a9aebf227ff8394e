//! What a statement gives back.

use std::pin::Pin;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::error::QueryError;

/// An answer that is ready before its first bytes are shown is repeated when a file goes away; how much is held.
const HELD_BYTES: usize = 32 << 20;

/// Batches of rows, or why there are no more.
pub type Batches = Pin<Box<dyn Stream<Item = Result<RecordBatch, QueryError>> + Send>>;

/// The outcome of one statement.
pub enum Answer {
    Rows(Rows),
    /// A change to a ledger table.
    Changed {
        table: String,
        rows: u64,
    },
}

/// Rows as they come.
pub struct Rows {
    pub schema: SchemaRef,
    pub batches: Batches,
}

impl Rows {
    /// One batch that is there already.
    pub fn of(batch: RecordBatch) -> Self {
        Rows { schema: batch.schema(), batches: Box::pin(stream::iter([Ok(batch)])) }
    }

    /// Reads the beginning of `running`, so that a file that went away shows while nothing has been handed out.
    ///
    /// # Errors
    /// The first error of the part that was read.
    pub async fn begin(mut running: SendableRecordBatchStream) -> Result<Self, QueryError> {
        let schema = running.schema();
        let mut held = Vec::new();
        let mut bytes = 0;
        while bytes < HELD_BYTES
            && let Some(batch) = running.try_next().await.map_err(QueryError::running)?
        {
            bytes += batch.get_array_memory_size();
            held.push(batch);
        }
        let rest = running.map_err(QueryError::running);
        Ok(Rows { schema, batches: Box::pin(stream::iter(held.into_iter().map(Ok)).chain(rest)) })
    }

    /// All rows in memory; for answers known to be small.
    ///
    /// # Errors
    /// The first error on the way.
    pub async fn collect(self) -> Result<Vec<RecordBatch>, QueryError> {
        self.batches.try_collect().await
    }
}
