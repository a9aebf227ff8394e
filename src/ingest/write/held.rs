//! The rows of one file until its fate is known.

use arrow::array::RecordBatch;

use super::{Work, WriteError, writer_options};
use crate::durable;
use crate::lake::{DataFile, LakeError, PartitionSource, TableWriter};

/// Rows held in memory for one file; past it they go to data files of their own.
const MOST_IN_MEMORY: usize = 32 << 20;

pub(super) struct Held<'a> {
    work: &'a Work,
    source: PartitionSource,
    batches: Vec<RecordBatch>,
    bytes: usize,
    own: Option<TableWriter>,
}

impl<'a> Held<'a> {
    pub fn new(work: &'a Work, source: PartitionSource) -> Self {
        Self { work, source, batches: Vec::new(), bytes: 0, own: None }
    }

    /// For a file whose rows stay apart from those of others: it may turn out to be a duplicate.
    pub fn apart(work: &'a Work, source: PartitionSource) -> Self {
        let own = TableWriter::new(&work.lake, work.load_id, writer_options(&work.spec));
        Self { own: Some(own), ..Self::new(work, source) }
    }

    pub fn add(&mut self, batch: RecordBatch) -> Result<(), WriteError> {
        if let Some(own) = &mut self.own {
            return Ok(own.write(&batch, &self.source)?);
        }
        self.bytes += batch.get_array_memory_size();
        self.batches.push(batch);
        if self.bytes > MOST_IN_MEMORY {
            let mut own =
                TableWriter::new(&self.work.lake, self.work.load_id, writer_options(&self.work.spec));
            for batch in self.batches.drain(..) {
                own.write(&batch, &self.source)?;
            }
            self.own = Some(own);
        }
        Ok(())
    }

    /// The file is accepted: its rows join the others, or its own data files are finished.
    pub fn keep(self, together: &mut TableWriter) -> Result<Vec<DataFile>, WriteError> {
        for batch in &self.batches {
            together.write(batch, &self.source)?;
        }
        Ok(self.own.map(TableWriter::finish).transpose()?.unwrap_or_default())
    }

    /// The file is refused: nothing of it stays.
    pub fn discard(self) -> Result<(), WriteError> {
        let Some(own) = self.own else { return Ok(()) };
        for file in own.finish()? {
            durable::remove_if_there(&file.staged).map_err(|source| {
                WriteError::Lake(LakeError::Io { act: "remove", path: file.staged.clone(), source })
            })?;
        }
        Ok(())
    }
}
