//! Takes what the pool has decoded, in order, and puts it into the tables.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::warn;

use super::content::Content;
use super::feeder::{Event, Feeder};
use super::file_load::FileLoad;
use super::open::{Opened, open_large};
use super::unique::{Scope, Unique};
use super::whole::Failure;
use super::{Fate, Keys, SourceFile, Work, WriteError, Written, writer_options};
use crate::decode::segments::{Progress, Segment, Segments};
use crate::decode::{Chunk, Chunks, DecodeError, DecodeOptions, DecodePlan, Feed, Grammar};
use crate::lake::TableWriter;
use crate::registry::TypeSpec;

pub(super) struct Intake<'a> {
    work: &'a Work,
    files: &'a [SourceFile],
    contents: Vec<Option<Content>>,
    together: TableWriter,
    written: Written,
    unique: Unique<'a>,
    /// The large file in work.
    large: Option<Large<'a>>,
    /// Large files whose fate is settled although pieces of them are still under way.
    settled: HashSet<usize>,
}

struct Large<'a> {
    place: usize,
    load: FileLoad<'a>,
    opened: Opened,
    progress: Progress,
}

impl<'a> Intake<'a> {
    pub fn new(
        work: &'a Work,
        files: &'a [SourceFile],
        contents: Vec<Option<Content>>,
    ) -> Result<Self, WriteError> {
        let unique = Unique::open(Scope::of_files(work), files)?;
        let together = TableWriter::new(&work.lake, work.load_id, writer_options(&work.spec));
        let written = Written { keys: Keys::for_spec(&work.spec), ..Written::default() };
        Ok(Intake { work, files, contents, together, written, unique, large: None, settled: HashSet::new() })
    }

    pub fn run(mut self) -> Result<Written, WriteError> {
        match DecodePlan::new(decode_options(&self.work.spec, self.work.max_record_bytes)) {
            Ok(plan) => self.decode(&plan)?,
            Err(error) => self.refuse_all(&error)?,
        }
        self.written.together = self.together.finish()?;
        Ok(self.written)
    }

    fn decode(&mut self, plan: &Arc<DecodePlan>) -> Result<(), WriteError> {
        let contents = std::mem::take(&mut self.contents);
        let mut feeder = Feeder::new(self.work, plan, self.files, contents);
        while let Some(event) = feeder.next() {
            if self.work.stop.is_cancelled() {
                return Err(WriteError::Stopped);
            }
            match event {
                Event::Wholes { place, ticket } => {
                    for (place, whole) in (place..).zip(ticket.wait()) {
                        match whole.failure {
                            Some(Failure::TooHeavy) => self.open_again(plan, place)?,
                            failure => self.take_whole(place, whole.chunks, failure)?,
                        }
                    }
                }
                Event::Failed { place, failure } => match self.large.take_if(|large| large.place == place) {
                    Some(large) => self.end(large, Some(failure))?,
                    None => self.take_whole(place, Vec::new(), Some(failure))?,
                },
                Event::Opened { place, opened } => self.large = Some(self.begin(place, opened)),
                Event::Stream { place, chunks } => self.take_stream(place, chunks)?,
                Event::Segment { place, .. } | Event::Cut { place, .. } if self.settled.contains(&place) => {}
                Event::Segment { place, ticket } => {
                    let decoded = ticket.wait();
                    if decoded.fits {
                        let progress = self.large.as_mut().map(|large| &mut large.progress);
                        let chunks = progress.map(|progress| decoded.follow(progress)).unwrap_or_default();
                        self.take_chunks(place, chunks)?;
                    } else {
                        self.resume(&mut feeder, place, decoded.into_segment())?;
                    }
                }
                Event::Cut { place, segments, failure } => {
                    self.take_rest(place, Vec::new(), segments, failure)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&self, place: usize, opened: Opened) -> Large<'a> {
        let load = FileLoad::new(self.work, &self.files[place], place);
        Large { place, load, opened, progress: Progress::start() }
    }

    fn take_whole(
        &mut self,
        place: usize,
        chunks: Vec<Chunk>,
        failure: Option<Failure>,
    ) -> Result<(), WriteError> {
        let mut load = FileLoad::new(self.work, &self.files[place], place);
        let mut fate = None;
        for chunk in chunks {
            if let Err(end) = load.take(chunk, &mut self.written.keys, &mut self.unique)? {
                fate = Some(end);
                break;
            }
        }
        let fate = fate.unwrap_or_else(|| match failure {
            Some(failure) => load.fate_of(failure),
            None => load.fate_at_end(),
        });
        let fate = load.held_to_control(fate, None);
        load.finish(fate, None, &mut self.together, &mut self.written, &mut self.unique)
    }

    /// A small file that holds too much for memory: as a large one, in sequence.
    fn open_again(&mut self, plan: &Arc<DecodePlan>, place: usize) -> Result<(), WriteError> {
        match open_large(self.work, plan, &self.files[place]) {
            Err(failure) => self.take_whole(place, Vec::new(), Some(failure)),
            Ok((opened, feed)) => {
                let large = self.begin(place, opened);
                match feed {
                    Err(error) => self.end(large, Some(error.into())),
                    Ok(Feed::Stream(chunks)) => {
                        self.large = Some(large);
                        self.take_stream(place, chunks)
                    }
                    Ok(Feed::Segments(segments)) => {
                        self.large = Some(large);
                        self.take_rest(place, Vec::new(), segments, None)
                    }
                }
            }
        }
    }

    /// Adds chunks to the large file; true while more of it is wanted.
    fn take_chunks(&mut self, place: usize, chunks: Vec<Chunk>) -> Result<bool, WriteError> {
        for chunk in chunks {
            let Some(large) = &mut self.large else { return Ok(false) };
            if let Err(fate) = large.load.take(chunk, &mut self.written.keys, &mut self.unique)? {
                self.settled.insert(place);
                if let Some(large) = self.large.take() {
                    self.settle(large, fate)?;
                }
                return Ok(false);
            }
        }
        Ok(self.large.is_some())
    }

    /// Reads a file, or the rest of one, in sequence.
    fn take_stream(&mut self, place: usize, mut chunks: Box<dyn Chunks>) -> Result<(), WriteError> {
        let failure = loop {
            if self.work.stop.is_cancelled() {
                return Err(WriteError::Stopped);
            }
            match chunks.next_chunk() {
                Ok(Some(chunk)) => {
                    if !self.take_chunks(place, vec![chunk])? {
                        return Ok(());
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error.into()),
            }
        };
        match self.large.take() {
            Some(large) => self.end(large, failure),
            None => Ok(()),
        }
    }

    /// A segment does not fit: everything from it on in sequence.
    fn resume(&mut self, feeder: &mut Feeder<'_>, place: usize, misfit: Segment) -> Result<(), WriteError> {
        let Some((under_way, segments, failure)) = feeder.withdraw(place) else {
            return Ok(());
        };
        let unread = std::iter::once(misfit).chain(under_way).collect();
        self.take_rest(place, unread, segments, failure)
    }

    /// What is left of a file behind its last segment that fits; nothing, usually.
    fn take_rest(
        &mut self,
        place: usize,
        unread: Vec<Segment>,
        segments: Segments,
        failure: Option<DecodeError>,
    ) -> Result<(), WriteError> {
        let Some(large) = &self.large else { return Ok(()) };
        if let (true, Some(failure)) = (unread.is_empty(), failure) {
            return match self.large.take() {
                Some(large) => self.end(large, Some(failure.into())),
                None => Ok(()),
            };
        }
        if unread.is_empty() && segments.is_at_end() {
            return match self.large.take() {
                Some(large) => self.end(large, None),
                None => Ok(()),
            };
        }
        // A read that failed fails again.
        match segments.resume(unread, &large.progress) {
            Ok(chunks) => self.take_stream(place, chunks),
            Err(error) => match self.large.take() {
                Some(large) => self.end(large, Some(error.into())),
                None => Ok(()),
            },
        }
    }

    /// The large file was read to its end, or as far as it can be.
    fn end(&mut self, large: Large<'a>, failure: Option<Failure>) -> Result<(), WriteError> {
        let fate = match failure {
            Some(failure) => large.load.fate_of(failure),
            None => match large.opened.is_unchanged(&large.load.file().path) {
                Ok(true) => large.load.fate_at_end(),
                Ok(false) => large.load.fate_of(Failure::Changed),
                Err(error) => large.load.fate_of(Failure::Opening(error)),
            },
        };
        self.settle(large, fate)
    }

    fn settle(&mut self, large: Large<'a>, fate: Fate) -> Result<(), WriteError> {
        let (fate, hash) = match large.opened.hash() {
            Ok(hash) => (fate, hash),
            Err(error) => (large.load.fate_of(Failure::Opening(error)), None),
        };
        let fate = large.load.held_to_control(fate, hash.as_deref());
        large.load.finish(fate, hash, &mut self.together, &mut self.written, &mut self.unique)
    }

    fn refuse_all(&mut self, error: &DecodeError) -> Result<(), WriteError> {
        for (place, file) in self.files.iter().enumerate() {
            let load = FileLoad::new(self.work, file, place);
            let fate = Fate::Refused(super::Problem {
                code: error.code.to_owned(),
                message: error.to_string(),
                hint: Some(error.hint.to_string()),
            });
            load.finish(fate, None, &mut self.together, &mut self.written, &mut self.unique)?;
        }
        Ok(())
    }
}

/// How files of a type are decoded.
pub fn decode_options(spec: &TypeSpec, max_record_bytes: usize) -> DecodeOptions {
    DecodeOptions {
        on_unknown: spec.config.on_unknown_field,
        timezone: spec.config.timezone,
        records_path: spec.config.records_path.clone(),
        grammar: if spec.config.lenient { Grammar::Lenient } else { Grammar::Strict },
        csv: spec.config.csv.clone(),
        on_doubt: |file, doubt| warn!(file, "{doubt}"),
        max_record_bytes,
        ..DecodeOptions::new(spec.schema.clone(), "", &spec.file_type)
    }
}
