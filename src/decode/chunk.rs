//! What decoding gives, whatever the format: rows, and the records that are none.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::columns::Unknown;
use super::error::DecodeError;
use super::newcomers::Newcomers;
use super::reject::Reject;
use super::texts::Texts;

/// A part of a file.
#[derive(Debug)]
pub struct Chunk {
    /// The data columns of the schema, and `_rescued` when unknown fields are rescued.
    pub batch: RecordBatch,
    /// In the order of the records.
    pub rejects: Vec<Reject>,
    /// Rows and rejects together.
    pub records_read: u64,
    /// Members of the chunk's rows that are not in the schema, and were rescued or left out.
    pub unknown_fields: u64,
    /// Which these are; empty when such records are refused.
    pub newcomers: Newcomers,
    /// The same by row, while one of them may still be refused.
    pub unknown: Option<Unknown>,
    /// The texts of the rows, while one of them may still be refused.
    pub texts: Option<Texts>,
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

impl Chunk {
    /// Memory that the rows and their texts take, in bytes.
    pub fn weight(&self) -> usize {
        self.batch.get_array_memory_size() + self.texts.as_ref().map_or(0, Texts::weight)
    }

    /// The texts of the rows.
    ///
    /// # Errors
    /// They were not kept, which would be a fault of the program.
    pub fn texts_of_rows(&self) -> Result<&Texts, DecodeError> {
        let texts = self.texts.as_ref().filter(|texts| texts.len() == self.batch.num_rows());
        texts.ok_or_else(|| DecodeError::internal("the texts of the records are gone"))
    }

    /// Keeps the rows that `keep` names, and adds the rejects that the others have become, if they have.
    ///
    /// # Errors
    /// Arrow refuses to filter the batch, which would be a fault of the program.
    pub fn sort_out(&mut self, keep: &[bool], rejects: Vec<Reject>) -> Result<(), DecodeError> {
        if keep.iter().all(|keep| *keep) {
            return Ok(());
        }
        self.rejects.extend(rejects);
        self.rejects.sort_by_key(|reject| reject.record_number);
        let unfiltered =
            |refused: ArrowError| DecodeError::internal(format!("the rows cannot be filtered: {refused}"));
        let rows = BooleanArray::from(keep.to_vec());
        self.batch = filter_record_batch(&self.batch, &rows).map_err(unfiltered)?;
        if let Some(unknown) = &mut self.unknown {
            let gone = unknown.retain(&rows).map_err(unfiltered)?;
            if gone > 0 {
                self.unknown_fields = self.unknown_fields.saturating_sub(gone);
                self.newcomers = unknown.newcomers().unwrap_or_else(|| std::mem::take(&mut self.newcomers));
            }
        }
        if let Some(texts) = &mut self.texts {
            texts.retain(keep);
        }
        Ok(())
    }
}
