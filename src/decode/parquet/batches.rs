//! The row groups of a file, one after the other, in batches of rows.

use std::sync::Arc;

use arrow::array::ArrayRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups};
use parquet::column::page::PageIterator;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::budget::Budget;
use super::contained::contained;
use super::fault::damaged;
use super::footer;
use super::pages::{OneChunk, Pages, width};
use super::source::{Shape, Source};
use crate::decode::error::DecodeError;
use crate::decode::input::Random;

/// Rows that are read at once.
const ROWS: u64 = 8192;
/// Bytes that their values may take, texts not counted.
const BYTES: u64 = 16 << 20;

/// A file of which the footer was read.
pub(super) struct Batches {
    file: Random,
    metadata: Arc<ParquetMetaData>,
    shape: Shape,
    /// The next row group.
    next: usize,
    current: Option<Reading>,
}

/// A row group that is being read.
struct Reading {
    reader: ParquetRecordBatchReader,
    budget: Arc<Budget>,
    number: usize,
    offset: u64,
    rows_left: u64,
}

/// Some rows of a row group.
pub(super) struct Batch {
    /// One for each column of the file.
    pub columns: Vec<ArrayRef>,
    pub rows: usize,
    /// First byte of the row group in the file.
    pub offset: u64,
}

impl Batches {
    /// # Errors
    /// Those of [`footer::read`] and [`Shape::of`].
    pub fn open(file: Random) -> Result<Batches, DecodeError> {
        let metadata = Arc::new(footer::read(&file)?);
        let shape = Shape::of(metadata.file_metadata().schema_descr())?;
        Ok(Batches { file, metadata, shape, next: 0, current: None })
    }

    pub fn columns(&self) -> &[(String, Source)] {
        &self.shape.columns
    }

    /// Rows of the whole file.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or(0)
    }

    /// The next rows, or `None` at the end of the file.
    ///
    /// # Errors
    /// `parquet.damaged`, `parquet.too_large`, or a failed read. Nothing more can be read then.
    pub fn next(&mut self) -> Result<Option<Batch>, DecodeError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                return Ok(None);
            }
            let Some(reading) = &mut self.current else { continue };
            match reading.next() {
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => self.current = None,
                Err(fault) => {
                    self.current = None;
                    self.next = self.metadata.num_row_groups();
                    return Err(fault);
                }
            }
        }
    }

    /// False when there is no row group left.
    fn open_next(&mut self) -> Result<bool, DecodeError> {
        let Some(group) = self.metadata.row_groups().get(self.next) else { return Ok(false) };
        let number = self.next;
        self.next += 1;
        let budget = Arc::new(Budget::new(group.num_columns()));
        let offset = group.columns().iter().filter_map(footer::range).map(|(start, _)| start).min();
        let rows = rows_at_once(group);
        let chunks = Chunks {
            file: self.file.clone(),
            metadata: Arc::clone(&self.metadata),
            number,
            budget: Arc::clone(&budget),
            rows,
        };
        let levels = &self.shape.levels;
        let reader =
            contained(|| ParquetRecordBatchReader::try_new_with_row_groups(levels, &chunks, rows, None));
        let reader = reader.map_err(|fault| budget.fault().unwrap_or(fault))?;
        let rows_left = u64::try_from(group.num_rows()).unwrap_or(0);
        self.current = Some(Reading { reader, budget, number, offset: offset.unwrap_or(0), rows_left });
        Ok(true)
    }
}

impl Reading {
    fn next(&mut self) -> Result<Option<Batch>, DecodeError> {
        self.budget.begin_batch();
        let Reading { reader, budget, .. } = self;
        let batch = contained(|| reader.next().transpose());
        let batch = batch.map_err(|fault| budget.fault().unwrap_or(fault))?;
        let rows = batch.as_ref().map_or(0, arrow::array::RecordBatch::num_rows);
        match batch {
            Some(batch) if rows > 0 && rows as u64 <= self.rows_left => {
                self.rows_left -= rows as u64;
                Ok(Some(Batch { columns: batch.columns().to_vec(), rows, offset: self.offset }))
            }
            None if self.rows_left == 0 => Ok(None),
            _ => Err(damaged(format!(
                "row group {} has {} rows than the footer says",
                self.number + 1,
                if (rows as u64) < self.rows_left { "fewer" } else { "more" }
            ))),
        }
    }
}

/// As many rows as fit; of lists, as many items as there are on average.
fn rows_at_once(group: &RowGroupMetaData) -> usize {
    let rows = u64::try_from(group.num_rows()).unwrap_or(0).max(1);
    let of = |column: &parquet::file::metadata::ColumnChunkMetaData| {
        let each = width(column.column_type(), column.column_descr().type_length());
        let values = u64::try_from(column.num_values()).unwrap_or(0);
        (each + 4).saturating_mul(values.div_ceil(rows).max(1))
    };
    let row = group.columns().iter().fold(0_u64, |sum, column| sum.saturating_add(of(column)));
    (BYTES / row.max(1)).clamp(1, ROWS) as usize
}

/// The column chunks of one row group, as the reader wants them.
struct Chunks {
    file: Random,
    metadata: Arc<ParquetMetaData>,
    number: usize,
    budget: Arc<Budget>,
    rows: usize,
}

impl RowGroups for Chunks {
    fn num_rows(&self) -> usize {
        usize::try_from(self.metadata.row_group(self.number).num_rows()).unwrap_or(0)
    }

    fn column_chunks(&self, column: usize) -> ParquetResult<Box<dyn PageIterator>> {
        let chunk = self.metadata.row_group(self.number).column(column);
        let pages = Pages::new(self.file.clone(), Arc::clone(&self.budget), chunk, column, self.rows)
            .map_err(|fault| ParquetError::General(fault.to_string()))?;
        Ok(Box::new(OneChunk(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.metadata.row_group(self.number)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}
