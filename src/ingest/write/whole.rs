//! Small files: read and decoded as a whole, each by one thread.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use super::open::{Fingerprint, open_regular, tail_of};
use super::{SourceFile, Work};
use crate::crash;
use crate::decode::{Chunk, Chunks, DecodeError, DecodePlan};
use crate::workers::Ticket;

/// Rows of a small file in memory; one that holds more (it was compressed, say) is decoded chunk by chunk.
const HEAVIEST: usize = 32 << 20;

/// Why a file was not decoded to its end.
#[derive(Debug)]
pub(super) enum Failure {
    Opening(io::Error),
    Content(DecodeError),
    /// It was written to while it was read.
    Changed,
    /// Its rows are more than fit; nothing of it was kept.
    TooHeavy,
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Failure::Content(error)
    }
}

/// All that a small file holds.
pub(super) struct Whole {
    pub chunks: Vec<Chunk>,
    pub failure: Option<Failure>,
}

/// Has a file decoded by the pool.
pub(super) fn submit(work: &Work, plan: &Arc<DecodePlan>, file: &SourceFile) -> Ticket<Whole> {
    let (owner, stop) = (work.owner.clone(), work.stop.clone());
    let (plan, file) = (Arc::clone(plan), file.clone());
    work.lake.workers().submit(move || {
        let mut chunks = Vec::new();
        if stop.is_cancelled() {
            // Nobody will look at it.
            return Whole { chunks, failure: None };
        }
        let lane = owner.lane();
        if let Some(lane) = &lane {
            lane.reading(Some(file.id));
        }
        crash::at_file("reading", file.name.shown());
        let failure = decode(&plan, &file, &mut chunks).err();
        Whole { chunks, failure }
    })
}

fn decode(plan: &Arc<DecodePlan>, file: &SourceFile, chunks: &mut Vec<Chunk>) -> Result<(), Failure> {
    let mut opened = open_regular(&file.path).map_err(Failure::Opening)?;
    let before = Fingerprint::of(&file.path).map_err(Failure::Opening)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.bytes).unwrap_or(0) + 1);
    opened.read_to_end(&mut bytes).map_err(Failure::Opening)?;
    let reader = Box::new(Cursor::new(bytes));
    let mut decoder = plan.open(reader, file.name.shown(), tail_of(file))?;
    let mut weight = 0;
    while let Some(chunk) = decoder.next_chunk()? {
        weight += chunk.batch.get_array_memory_size();
        if weight > HEAVIEST {
            chunks.clear();
            return Err(Failure::TooHeavy);
        }
        chunks.push(chunk);
    }
    decoder.retire();
    if before == Fingerprint::of(&file.path).map_err(Failure::Opening)? {
        Ok(())
    } else {
        Err(Failure::Changed)
    }
}
