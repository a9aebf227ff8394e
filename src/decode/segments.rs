//! A large text in segments that are decoded at the same time.
//!
//! Where records end is guessed from a few bytes ([`Layout::cut`]), and a segment that was decoded says whether the guess
//! was right: it must end exactly with a record. When it was wrong, or anything else about a segment is not as it
//! should be, the rest of the text is decoded in sequence from there on ([`Segments::resume`]): so a wrong guess costs time,
//! never a record, and every error is found and worded by the one road that knows the whole text before it.

use std::fmt;
use std::sync::Arc;

use super::chunk::{Chunk, Chunks};
use super::error::{DecodeError, Position};
use super::source::Source;

/// Text of one segment: large enough that cutting costs nothing, small enough to stay in the caches.
const SEGMENT: usize = 1 << 20;
/// A segment grows up to this while no end of a record is in sight.
const LARGEST: usize = 16 << 20;
/// A segment whose rows take more than this memory is decoded in sequence, chunk by chunk.
const HEAVIEST: usize = 32 << 20;

/// How the records of a file lie in its text: what a format says about cutting it.
pub(super) trait Layout: Send + Sync {
    /// The largest part of `text`, which starts where a segment starts, that seems to end with a record.
    fn cut(&self, text: &[u8]) -> Option<usize>;

    /// Reads a segment from its start. It must end without an error exactly when the segment consists of whole records.
    ///
    /// # Errors
    /// The text is given back: the segment cannot be read by itself.
    fn decoder(&self, text: Text) -> Result<Box<dyn SegmentDecoder>, Text>;

    /// Reads the rest of a text, from a place where a segment starts.
    ///
    /// # Errors
    /// Those of opening a file.
    fn resume(&self, rest: Rest) -> Result<Box<dyn Chunks>, DecodeError>;
}

/// The chunks of one segment.
pub(super) trait SegmentDecoder: Chunks {
    /// The text, as it was.
    fn into_bytes(self: Box<Self>) -> Vec<u8>;
}

/// The text of one segment.
pub(super) struct Text {
    pub bytes: Vec<u8>,
    /// Place of the first byte in the file.
    pub offset: u64,
    /// The segment starts with the file.
    pub first: bool,
    /// The segment ends with the file.
    pub last: bool,
}

/// The text of a file from some segment on.
pub(super) struct Rest {
    pub source: Source,
    pub place: Position,
    /// Records before.
    pub records: u64,
    pub first: bool,
}

/// Cuts the text of a file.
pub struct Segments {
    layout: Arc<dyn Layout>,
    source: Source,
    /// Read, but not part of a segment yet: the start of a record.
    carry: Vec<u8>,
    /// Place of `carry` in the file.
    offset: u64,
    first: bool,
    ended: bool,
    /// Bytes of a segment.
    size: usize,
    /// Place of the first segment.
    start: Position,
}

/// Whole records, as far as one can tell by their ends.
pub struct Segment {
    layout: Arc<dyn Layout>,
    text: Text,
    /// Place of the first segment of the file.
    start: Position,
}

/// What a segment holds.
pub struct Decoded {
    pub chunks: Vec<Chunk>,
    /// False: the chunks mean nothing, and the text is to be decoded in sequence from this segment on.
    pub fits: bool,
    segment: Segment,
}

/// Where a sequence of segments stands: what was decoded before the next one.
#[derive(Debug, Clone)]
pub struct Progress {
    /// `None` before the first segment.
    place: Option<Position>,
    records: u64,
}

impl Segments {
    /// `carry` is the start of the text, `source` the rest of it.
    pub(super) fn new(layout: Arc<dyn Layout>, source: Source, carry: Vec<u8>, start: Position) -> Segments {
        Segments {
            layout,
            source,
            carry,
            offset: start.offset,
            first: true,
            ended: false,
            size: SEGMENT,
            start,
        }
    }

    /// Cuts segments of about so many bytes.
    #[cfg(any(test, fuzzing))]
    pub(super) fn of_size(self, size: usize) -> Segments {
        Segments { size, ..self }
    }

    /// True when all of the text was cut.
    pub fn is_at_end(&self) -> bool {
        self.ended && self.carry.is_empty()
    }

    /// The next segment; `None` at the end of the text, or when no end of a record is in sight.
    ///
    /// # Errors
    /// Reading failed.
    #[expect(clippy::should_implement_trait, reason = "an error is not the end of the text")]
    pub fn next(&mut self) -> Result<Option<Segment>, DecodeError> {
        let mut wanted = self.size;
        loop {
            self.read_up_to(wanted)?;
            if self.ended && self.carry.len() <= wanted {
                return Ok((!self.carry.is_empty()).then(|| self.take(self.carry.len(), true)));
            }
            if let Some(length) = self.layout.cut(&self.carry[..self.carry.len().min(wanted)]) {
                return Ok(Some(self.take(length, false)));
            }
            if wanted >= LARGEST {
                return Ok(None);
            }
            wanted *= 4;
        }
    }

    fn read_up_to(&mut self, wanted: usize) -> Result<(), DecodeError> {
        let mut filled = self.carry.len();
        if filled >= wanted || self.ended {
            return Ok(());
        }
        self.carry.resize(wanted, 0);
        while filled < wanted && !self.ended {
            let count = match self.source.read(&mut self.carry[filled..]) {
                Ok(count) => count,
                Err(error) => {
                    self.carry.truncate(filled);
                    return Err(error);
                }
            };
            filled += count;
            self.ended = count == 0;
        }
        self.carry.truncate(filled);
        Ok(())
    }

    fn take(&mut self, length: usize, last: bool) -> Segment {
        let mut rest = Vec::with_capacity(SEGMENT + 64 * 1024);
        rest.extend_from_slice(&self.carry[length..]);
        let mut bytes = std::mem::replace(&mut self.carry, rest);
        bytes.truncate(length);
        let (offset, first) = (self.offset, std::mem::replace(&mut self.first, false));
        self.offset += length as u64;
        Segment {
            layout: Arc::clone(&self.layout),
            text: Text { bytes, offset, first, last },
            start: self.start,
        }
    }

    /// Everything from a segment on that did not fit, or from where [`Segments::next`] gave up: `segments` are those that were
    /// cut and not used.
    ///
    /// # Errors
    /// Those of opening a file.
    pub fn resume(self, segments: Vec<Segment>, progress: &Progress) -> Result<Box<dyn Chunks>, DecodeError> {
        let first = segments.first().map_or(self.first, |segment| segment.text.first);
        let place = progress.place.unwrap_or(self.start);
        let mut before = Vec::new();
        for segment in segments {
            before.extend_from_slice(&segment.text.bytes);
        }
        before.extend_from_slice(&self.carry);
        let source = self.source.behind(before);
        self.layout.resume(Rest { source, place, records: progress.records, first })
    }
}

impl Segment {
    /// Decodes the segment by itself.
    pub fn decode(self) -> Decoded {
        let Segment { layout, text, start } = self;
        let Text { offset, first, last, .. } = text;
        let mut decoder = match layout.decoder(text) {
            Ok(decoder) => decoder,
            Err(text) => {
                return Decoded { chunks: Vec::new(), fits: false, segment: Segment { layout, text, start } };
            }
        };
        let chunks = all_chunks(decoder.as_mut());
        let text = Text { bytes: decoder.into_bytes(), offset, first, last };
        let fits = chunks.is_some();
        Decoded { chunks: chunks.unwrap_or_default(), fits, segment: Segment { layout, text, start } }
    }
}

/// `None` for a segment that does not end with a record, or holds too much.
fn all_chunks(decoder: &mut dyn SegmentDecoder) -> Option<Vec<Chunk>> {
    let (mut chunks, mut weight) = (Vec::new(), 0);
    while let Some(chunk) = decoder.next_chunk().ok()? {
        weight += chunk.weight();
        chunks.push(chunk);
        if weight > HEAVIEST {
            return None;
        }
    }
    Some(chunks)
}

impl Progress {
    /// At the start of a file.
    pub fn start() -> Progress {
        Progress { place: None, records: 0 }
    }
}

impl Decoded {
    /// Takes note of a segment that fits; the numbers of its rejects, which counted from its own start, count from the start of the file
    /// afterwards.
    pub fn follow(mut self, progress: &mut Progress) -> Vec<Chunk> {
        for chunk in &mut self.chunks {
            chunk.rejects.iter_mut().for_each(|reject| reject.record_number += progress.records);
            chunk.texts.iter_mut().for_each(|texts| texts.follow(progress.records));
        }
        progress.records += self.chunks.iter().map(|chunk| chunk.records_read).sum::<u64>();
        progress.place = Some(progress.place.unwrap_or(self.segment.start).behind(&self.segment.text.bytes));
        self.chunks
    }

    /// The segment as it was.
    pub fn into_segment(self) -> Segment {
        self.segment
    }
}

impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segments")
            .field("offset", &self.offset)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("offset", &self.text.offset)
            .field("bytes", &self.text.bytes.len())
            .field("last", &self.text.last)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded")
            .field("fits", &self.fits)
            .field("segment", &self.segment)
            .finish_non_exhaustive()
    }
}
