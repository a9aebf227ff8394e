//! Keeps the pool busy: opens the files of a load in their order, and submits them, whole or in segments, some way
//! ahead of whoever takes the results.

use std::collections::VecDeque;
use std::sync::Arc;

use super::content::Content;
use super::open::{Opened, open_large};
use super::whole::{self, Portion, Whole};
use super::{SourceFile, Work};
use crate::decode::segments::{Decoded, Segment, Segments};
use crate::decode::{Chunks, DecodeError, DecodePlan, Feed};
use crate::workers::Ticket;

/// Files of up to so many bytes are decoded whole.
pub(super) const SMALL: u64 = 1 << 20;
/// Pieces of work under way, for each thread: one that it does, and those that wait for it or for being taken.
const AHEAD: usize = 3;

/// True for a file that is read and decoded as a whole.
pub fn is_small(file: &SourceFile) -> bool {
    file.bytes <= SMALL
}

/// What comes next; results come in the order of the files and of their records.
pub(super) enum Event {
    /// Small files from this place on.
    Wholes {
        place: usize,
        ticket: Ticket<Vec<Whole>>,
    },
    /// A large file begins.
    Opened {
        place: usize,
        opened: Opened,
    },
    Segment {
        place: usize,
        ticket: Ticket<Decoded>,
    },
    /// All segments of the file were cut, or the rest of it cannot be cut, or reading it failed.
    Cut {
        place: usize,
        segments: Segments,
        failure: Option<DecodeError>,
    },
    /// A file that is to be read from its start to its end.
    Stream {
        place: usize,
        chunks: Box<dyn Chunks>,
    },
    /// A file that could not be opened.
    Failed {
        place: usize,
        failure: whole::Failure,
    },
}

pub(super) struct Feeder<'a> {
    work: &'a Work,
    plan: &'a Arc<DecodePlan>,
    files: &'a [SourceFile],
    /// What was read of them before.
    contents: Vec<Option<Content>>,
    /// The next file to be opened.
    next: usize,
    /// The file that is being cut.
    cutting: Option<(usize, Segments)>,
    queue: VecDeque<Event>,
}

impl<'a> Feeder<'a> {
    /// With what was read of each file before, if anything.
    pub fn new(
        work: &'a Work,
        plan: &'a Arc<DecodePlan>,
        files: &'a [SourceFile],
        contents: Vec<Option<Content>>,
    ) -> Self {
        Feeder { work, plan, files, contents, next: 0, cutting: None, queue: VecDeque::new() }
    }

    /// The next result to be taken; submits more work before.
    pub fn next(&mut self) -> Option<Event> {
        let most = AHEAD * self.work.lake.workers().threads();
        while self.queue.len() < most && self.feed() {}
        self.queue.pop_front()
    }

    /// Cuts a segment or opens a file; false when there is nothing left.
    fn feed(&mut self) -> bool {
        if let Some((place, mut segments)) = self.cutting.take() {
            let event = match segments.next() {
                Ok(Some(segment)) => {
                    self.cutting = Some((place, segments));
                    Event::Segment { place, ticket: self.submit(segment) }
                }
                Ok(None) => Event::Cut { place, segments, failure: None },
                Err(failure) => Event::Cut { place, segments, failure: Some(failure) },
            };
            self.queue.push_back(event);
            return true;
        }
        let Some(file) = self.files.get(self.next) else {
            return false;
        };
        if is_small(file) {
            self.submit_small();
        } else {
            self.next += 1;
            self.open(self.next - 1, file);
        }
        true
    }

    /// Submits the next file and as many small ones after it as make a portion.
    fn submit_small(&mut self) {
        let place = self.next;
        let mut portion = Portion::default();
        let files = &self.files[place..];
        for file in files.iter().take_while(|file| is_small(file)) {
            if portion.is_full_for(file) {
                break;
            }
            portion.add(file.clone(), self.contents[self.next].take());
            self.next += 1;
        }
        let ticket = portion.submit(self.work, self.plan);
        self.queue.push_back(Event::Wholes { place, ticket });
    }

    fn open(&mut self, place: usize, file: &SourceFile) {
        match open_large(self.work, self.plan, file) {
            Err(failure) => self.queue.push_back(Event::Failed { place, failure }),
            Ok((opened, feed)) => {
                self.queue.push_back(Event::Opened { place, opened });
                match feed {
                    Ok(Feed::Stream(chunks)) => self.queue.push_back(Event::Stream { place, chunks }),
                    Ok(Feed::Segments(segments)) => self.cutting = Some((place, segments)),
                    Err(failure) => {
                        self.queue.push_back(Event::Failed { place, failure: failure.into() });
                    }
                }
            }
        }
    }

    fn submit(&self, segment: Segment) -> Ticket<Decoded> {
        self.work.lake.workers().submit(move || segment.decode())
    }

    /// Takes a file back whose segments do not fit: those that are under way, and what was not cut yet.
    pub fn withdraw(&mut self, wanted: usize) -> Option<(Vec<Segment>, Segments, Option<DecodeError>)> {
        let mut withdrawn = Vec::new();
        let mut rest =
            self.cutting.take_if(|(place, _)| *place == wanted).map(|(_, segments)| (segments, None));
        let queue = std::mem::take(&mut self.queue);
        for event in queue {
            match event {
                Event::Segment { place, ticket } if place == wanted => {
                    withdrawn.push(ticket.wait().into_segment());
                }
                Event::Cut { place, segments, failure } if place == wanted => {
                    rest = Some((segments, failure))
                }
                other => self.queue.push_back(other),
            }
        }
        rest.map(|(segments, failure)| (withdrawn, segments, failure))
    }
}
