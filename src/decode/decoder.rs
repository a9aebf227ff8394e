//! One file → chunks of validated rows, and the records that were refused.
//!
//! For every chunk, `records_read` is the sum of its rows and its rejects. Records take the direct road
//! ([`super::columns::direct`]) as far as it leads; what it leaves takes the exact and patient road through a value
//! tree, from which every message about a bad record comes.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::chunk::{Chunk, Chunks};
use super::columns::Columns;
use super::columns::direct::Most;
use super::error::DecodeError;
use super::plan::DecodePlan;
use super::reading::{Reading, Taken};
use super::reject::Reject;
use super::segments::SegmentDecoder;

/// Reads one file, or a part of it, chunk by chunk.
#[derive(Debug)]
pub struct Decoder {
    plan: Arc<DecodePlan>,
    reading: Reading,
    columns: Columns,
    detours: Detours,
    ended: bool,
    /// What ended the file, kept back until the records before it were handed out.
    failure: Option<DecodeError>,
}

/// What a chunk holds besides its rows.
#[derive(Debug, Default)]
struct Gathered {
    rejects: Vec<Reject>,
    unknown_fields: u64,
    bytes: usize,
}

impl Decoder {
    pub(super) fn new(plan: Arc<DecodePlan>, reading: Reading, mut columns: Columns) -> Decoder {
        columns.reads_cells(matches!(reading, Reading::Csv(_)));
        Decoder { plan, reading, columns, detours: Detours::default(), ended: false, failure: None }
    }

    /// Nothing more will be read: what can be used for another file is kept.
    pub fn retire(self) {
        self.plan.keep(self.columns);
    }

    /// Members of an enclosing object that are not its records, as far as the file was read.
    pub fn envelope_members(&self) -> u64 {
        self.reading.envelope_members()
    }

    fn is_full(&self, gathered: &Gathered) -> bool {
        let limits = self.plan.options();
        self.columns.rows() >= limits.chunk_rows.max(1)
            || gathered.rejects.len() >= limits.chunk_rejects.max(1)
            || gathered.bytes >= limits.chunk_bytes.max(1)
    }

    /// Takes a run of records in, or the one record that stopped the run; false at the end of the file.
    fn step(&mut self, gathered: &mut Gathered) -> Result<bool, DecodeError> {
        if self.plan.allows_direct() && self.detours.direct_is_due() {
            let room = self.room(gathered);
            let run = self.reading.take_run(&mut self.columns, room);
            self.detours.note(run.records);
            if run.records > 0 {
                gathered.unknown_fields += run.unknown_fields;
                gathered.bytes += run.weight;
                return Ok(true);
            }
        }
        match self.reading.take_next(self.plan.judge(), &mut self.columns)? {
            None => return Ok(false),
            Some(Taken::Row(appended)) => {
                gathered.unknown_fields += appended.unknown_fields;
                gathered.bytes += appended.bytes;
            }
            Some(Taken::Refused { reject, size }) => {
                gathered.bytes += size;
                gathered.rejects.push(reject);
            }
        }
        Ok(true)
    }

    /// What still fits into the chunk.
    fn room(&self, gathered: &Gathered) -> Most {
        Most {
            records: self.plan.options().chunk_rows.max(1) - self.columns.rows(),
            weight: self.plan.options().chunk_bytes.max(1) - gathered.bytes,
            record: self.plan.options().max_record_bytes,
        }
    }

    fn chunk(&mut self, gathered: Gathered, records_read: u64) -> Result<Chunk, DecodeError> {
        let Gathered { rejects, unknown_fields, bytes: _ } = gathered;
        let batch = self.columns.finish().map_err(|refused| {
            self.ended = true;
            DecodeError::internal(format!("the columns do not fit together: {refused}"))
        })?;
        let (newcomers, unknown) = (self.columns.take_newcomers(), self.columns.take_unknown());
        let texts = self.columns.take_texts();
        let chunk = Chunk { batch, rejects, records_read, unknown_fields, newcomers, unknown, texts };
        self.plan.check(chunk).inspect_err(|_| self.ended = true)
    }
}

impl Chunks for Decoder {
    fn arrow_schema(&self) -> SchemaRef {
        self.columns.schema()
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, DecodeError> {
        let mut gathered = Gathered::default();
        while !self.ended && !self.is_full(&gathered) {
            match self.step(&mut gathered) {
                Ok(more) => self.ended = !more,
                Err(error) => {
                    self.ended = true;
                    self.failure = Some(error);
                }
            }
        }
        let records_read = (self.columns.rows() + gathered.rejects.len()) as u64;
        if records_read > 0 {
            return self.chunk(gathered, records_read).map(Some);
        }
        self.failure.take().map_or(Ok(None), Err)
    }
}

impl SegmentDecoder for Decoder {
    fn into_bytes(self: Box<Self>) -> Vec<u8> {
        let Decoder { plan, reading, columns, .. } = *self;
        plan.keep(columns);
        reading.into_text()
    }
}

/// Records of some kinds never take the direct road; it is tried less often then.
#[derive(Debug, Default)]
struct Detours {
    /// Runs in a row that took in nothing.
    misses: u32,
    /// Records until the next try.
    wait: u32,
}

impl Detours {
    const LONGEST_WAIT: u32 = 64;

    fn direct_is_due(&mut self) -> bool {
        let due = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        due
    }

    fn note(&mut self, records: u64) {
        self.misses = if records == 0 { self.misses + 1 } else { 0 };
        // The first misses cost nothing: one bad record, or the end of the bytes at hand.
        let wait = 1_u32.checked_shl(self.misses.saturating_sub(3)).unwrap_or(u32::MAX) - 1;
        self.wait = wait.min(Self::LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests;
