//! Primary keys within one load: `dedupe` keeps the first record of a key, `upsert` the last.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

use crate::lake::keys::{KeyColumns, KeyHash};
use crate::registry::TypeSpec;
use crate::schema::processing_config::WriteMode;

/// A column of staged files only, with `upsert`: the place of a record among all records of the load.
pub const ORDINAL: &str = "__lakegate_ordinal";

/// Bits of an ordinal that count records; those above name the file.
pub(super) const RECORD_BITS: u32 = 40;

/// What the load does about records with the same key.
#[derive(Debug, Default, Clone)]
pub struct Keys {
    columns: KeyColumns,
    mode: Mode,
    /// Keys of the file in work with their ordinals.
    current: Vec<(KeyHash, i64)>,
    /// Keys with the ordinal of their valid record.
    accepted: Arc<HashMap<KeyHash, i64>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    #[default]
    Ignore,
    KeepFirst,
    KeepLast,
}

/// A batch after duplicates were taken out.
pub(crate) struct Kept {
    pub kept: RecordBatch,
    pub dropped: u64,
}

impl Keys {
    pub fn for_spec(spec: &TypeSpec) -> Self {
        let mode = match (spec.config.write_mode, spec.config.dedupe) {
            (WriteMode::Upsert, _) => Mode::KeepLast,
            (_, true) => Mode::KeepFirst,
            (_, false) => Mode::Ignore,
        };
        let columns = KeyColumns::of(spec.schema.primary_key.iter().map(|&at| &spec.schema.fields[at]));
        Self { columns, mode, ..Self::default() }
    }

    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.names()
    }

    /// Hashes of the keys in `batch`. A data file that is older than a key column has no such keys: nulls.
    ///
    /// # Errors
    /// When a key column has a type that cannot be encoded.
    pub fn hashes(&self, batch: &RecordBatch) -> Result<Vec<KeyHash>, ArrowError> {
        self.columns.hashes(batch)
    }

    /// Takes note of the keys in a batch of the file at `place` of the load. With `upsert` the batch gets its
    /// ordinals along.
    ///
    /// # Errors
    /// As [`Self::hashes`].
    pub(crate) fn observe(&mut self, batch: RecordBatch, place: usize) -> Result<Kept, ArrowError> {
        match self.mode {
            Mode::Ignore => Ok(Kept { kept: batch, dropped: 0 }),
            Mode::KeepFirst => self.keep_first(batch, place),
            Mode::KeepLast => self.number(batch, place),
        }
    }

    fn keep_first(&mut self, batch: RecordBatch, place: usize) -> Result<Kept, ArrowError> {
        let hashes = self.hashes(&batch)?;
        let mut dropped = 0;
        let mut new = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let is_new = !self.knows(&hash);
            if is_new {
                self.learn(hash, place);
            } else {
                dropped += 1;
            }
            new.push(is_new);
        }
        let kept = if dropped == 0 { batch } else { filter_record_batch(&batch, &BooleanArray::from(new))? };
        Ok(Kept { kept, dropped })
    }

    /// With `dedupe`: hashes of the keys in `batch`.
    ///
    /// # Errors
    /// As [`Self::hashes`].
    pub(super) fn firsts(&self, batch: &RecordBatch) -> Result<Option<Vec<KeyHash>>, ArrowError> {
        match self.mode {
            Mode::KeepFirst => self.hashes(batch).map(Some),
            Mode::Ignore | Mode::KeepLast => Ok(None),
        }
    }

    /// True for the key of an earlier record of the load.
    pub(super) fn knows(&self, hash: &KeyHash) -> bool {
        self.accepted.contains_key(hash)
    }

    /// The key is known from now on; [`Self::refuse`] takes it back.
    pub(super) fn learn(&mut self, hash: KeyHash, place: usize) {
        let ordinal = (place as i64) << RECORD_BITS;
        Arc::make_mut(&mut self.accepted).insert(hash, ordinal);
        self.current.push((hash, ordinal));
    }

    fn number(&mut self, batch: RecordBatch, place: usize) -> Result<Kept, ArrowError> {
        let first = ((place as i64) << RECORD_BITS) + self.current.len() as i64;
        let hashes = self.hashes(&batch)?;
        self.current.extend(hashes.into_iter().zip(first..));
        let ordinals = Int64Array::from_iter_values(first..first + batch.num_rows() as i64);
        let mut fields = batch.schema().fields().to_vec();
        fields.push(Arc::new(Field::new(ORDINAL, DataType::Int64, false)));
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(ordinals));
        Ok(Kept { kept: RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?, dropped: 0 })
    }

    /// The file in work is accepted. With `upsert`: for each record that a later one replaces, the place of the
    /// file that holds it.
    pub(crate) fn accept(&mut self) -> Vec<usize> {
        let current = std::mem::take(&mut self.current);
        match self.mode {
            Mode::Ignore | Mode::KeepFirst => Vec::new(),
            Mode::KeepLast => {
                let accepted = Arc::make_mut(&mut self.accepted);
                let replaced =
                    current.into_iter().filter_map(|(hash, ordinal)| accepted.insert(hash, ordinal));
                replaced.map(|ordinal| (ordinal >> RECORD_BITS) as usize).collect()
            }
        }
    }

    /// The file in work is refused: its keys never were.
    pub(super) fn refuse(&mut self) {
        let current = std::mem::take(&mut self.current);
        if self.mode == Mode::KeepFirst {
            let accepted = Arc::make_mut(&mut self.accepted);
            current.iter().for_each(|(hash, _)| {
                accepted.remove(hash);
            });
        }
    }

    /// True when a key was accepted in this load.
    pub fn contains(&self, hash: &KeyHash) -> bool {
        self.accepted.contains_key(hash)
    }

    /// The place of the file whose record of a key is valid in this load.
    pub fn place_of(&self, hash: &KeyHash) -> Option<usize> {
        self.accepted.get(hash).map(|ordinal| (ordinal >> RECORD_BITS) as usize)
    }

    /// Gives a key up: rows of the table that have it stay, and the record of this load goes.
    pub fn give_up(&mut self, hash: &KeyHash) {
        Arc::make_mut(&mut self.accepted).remove(hash);
    }

    /// True for the last record of its key.
    pub fn is_last(&self, hash: &KeyHash, ordinal: i64) -> bool {
        self.accepted.get(hash) == Some(&ordinal)
    }
}
