//! What decoding gives, whatever the format: rows, and the records that are none.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::error::DecodeError;
use super::newcomers::Newcomers;
use super::reject::Reject;

/// A part of a file.
#[derive(Debug)]
pub struct Chunk {
    /// The data columns of the schema, and `_rescued` when unknown fields are rescued.
    pub batch: RecordBatch,
    pub rejects: Vec<Reject>,
    /// Rows and rejects together.
    pub records_read: u64,
    /// Members of the chunk's rows that are not in the schema, and were rescued or left out.
    pub unknown_fields: u64,
    /// Which these are; empty when such records are refused.
    pub newcomers: Newcomers,
}

/// The records of a file or of a part of it, chunk by chunk.
pub trait Chunks: Send {
    /// The schema of every batch.
    fn arrow_schema(&self) -> SchemaRef;

    /// The next chunk, or `None` at the end. An error comes after the records before it, and is the end.
    ///
    /// # Errors
    /// The file as a whole cannot be read on.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, DecodeError>;
}
