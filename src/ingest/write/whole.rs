//! Small files: read and decoded as a whole, some of them after each other by one thread.

use std::io;
use std::sync::Arc;

use super::content::Content;
use super::open::tail_of;
use super::{SourceFile, Work};
use crate::crash;
use crate::decode::{Chunk, Chunks, DecodeError, DecodePlan};
use crate::workers::Ticket;

/// Rows of a portion in memory; a file that holds more (it was compressed, say) is decoded chunk by chunk.
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

/// Files to be decoded by one thread, one after the other.
#[derive(Default)]
pub(super) struct Portion {
    files: Vec<(SourceFile, Option<Content>)>,
    bytes: u64,
}

/// Bytes and files that are worth being handed to a thread together.
const PORTION_BYTES: u64 = 256 << 10;
const PORTION_FILES: usize = 16;

impl Portion {
    /// True when `file` is better decoded with the next portion. A compressed file may hold a lot: it is alone.
    pub fn is_full_for(&self, file: &SourceFile) -> bool {
        let is_first = self.files.is_empty();
        let alone = |file: &SourceFile| is_compressed(file.name.shown());
        let follows = self.files.last().is_some_and(|(last, _)| alone(last) || alone(file));
        follows || self.files.len() >= PORTION_FILES || (!is_first && self.bytes + file.bytes > PORTION_BYTES)
    }

    pub fn add(&mut self, file: SourceFile, content: Option<Content>) {
        self.bytes += file.bytes;
        self.files.push((file, content));
    }

    /// Has the files decoded by the pool; the results are in their order.
    pub fn submit(self, work: &Work, plan: &Arc<DecodePlan>) -> Ticket<Vec<Whole>> {
        let (owner, stop, plan) = (work.owner.clone(), work.stop.clone(), Arc::clone(plan));
        work.lake.workers().submit(move || {
            let lane = owner.lane();
            let mut weight = 0;
            let decode = |(file, content): (SourceFile, Option<Content>)| {
                let mut chunks = Vec::new();
                if stop.is_cancelled() {
                    // Nobody will look at it.
                    return Whole { chunks, failure: None };
                }
                if let Some(lane) = &lane {
                    lane.reading(Some(file.id));
                }
                crash::at_file("reading", file.name.shown());
                let failure = decode(&plan, &file, content, &mut chunks, &mut weight).err();
                Whole { chunks, failure }
            };
            self.files.into_iter().map(decode).collect()
        })
    }
}

/// A file that has grown since it was claimed is read as a large one.
fn not_read(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Failure::TooHeavy,
        _ => Failure::Opening(error),
    }
}

fn is_compressed(name: &str) -> bool {
    let ends_with = |end: &str| {
        name.len() > end.len()
            && name.as_bytes()[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
    };
    ends_with(".gz") || ends_with(".zst")
}

fn decode(
    plan: &Arc<DecodePlan>,
    file: &SourceFile,
    content: Option<Content>,
    chunks: &mut Vec<Chunk>,
    weight: &mut usize,
) -> Result<(), Failure> {
    let content = match content {
        Some(content) => content,
        None => Content::read(&file.path).map_err(not_read)?,
    };
    let before = content.fingerprint;
    let mut decoder = plan.open(content.shared(), file.name.shown(), tail_of(file))?;
    while let Some(chunk) = decoder.next_chunk()? {
        *weight += chunk.weight();
        if *weight > HEAVIEST {
            chunks.clear();
            return Err(Failure::TooHeavy);
        }
        chunks.push(chunk);
    }
    decoder.retire();
    if before.holds(&file.path).map_err(Failure::Opening)? { Ok(()) } else { Err(Failure::Changed) }
}
