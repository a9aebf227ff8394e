//! Records that were judged one by one → staged Parquet, as if they had been loaded with their files.

use tokio::sync::mpsc::Receiver;

use super::file_load::FileLoad;
use super::unique::{KeyedTable, Scope, Unique};
use super::{Fate, Keys, SourceFile, Work, WriteError, Written, writer_options};
use crate::decode::{Chunk, DecodeError, Reject};
use crate::lake::{Lake, TableWriter};
use crate::registry::TypeSpec;

/// Some records of one file.
#[derive(Debug)]
pub struct Portion<R> {
    /// The place of their file in the list of files.
    pub place: usize,
    pub records: Vec<R>,
}

/// Judges records one by one.
pub trait Judge<R> {
    /// The rows of those records of a file that are valid.
    ///
    /// # Errors
    /// A fault of the program.
    fn rows(&mut self, file: &SourceFile, records: Vec<R>) -> Result<Chunk, DecodeError>;

    /// Some of those are refused after all: their keys were there before.
    fn refuse(&mut self, rejects: Vec<Reject>);
}

/// Stages the rows of records that come in portions, in the order of their files. `judge` makes rows of those that are
/// valid. The manifest has one entry for each file, in their order.
///
/// # Errors
/// Faults of storage.
pub fn write_again<R>(
    work: &Work,
    files: &[SourceFile],
    mut portions: Receiver<Portion<R>>,
    judge: &mut impl Judge<R>,
) -> Result<Written, WriteError> {
    let mut together = TableWriter::new(&work.lake, work.load_id, writer_options(&work.spec));
    let mut written = Written { keys: Keys::for_spec(&work.spec), ..Written::default() };
    let mut unique = Unique::open(Scope::of_records(work), files)?;
    let mut next = portions.blocking_recv();
    for (place, file) in files.iter().enumerate() {
        let mut load = FileLoad::new(work, file, place);
        while let Some(portion) = next.take_if(|portion| portion.place == place) {
            if work.stop.is_cancelled() {
                return Err(WriteError::Stopped);
            }
            let mut chunk = judge.rows(file, portion.records).map_err(WriteError::judging)?;
            load.judge(&mut chunk, &mut written.keys, &mut unique)?;
            chunk.records_read -= chunk.rejects.len() as u64;
            judge.refuse(std::mem::take(&mut chunk.rejects));
            if let Err(fate) = load.keep(chunk, &mut written.keys, &unique)? {
                debug_assert!(false, "records that are valid exceed no budget: {fate:?}");
            }
            next = portions.blocking_recv();
        }
        load.finish(Fate::Accepted, None, &mut together, &mut written, &mut unique)?;
    }
    written.together = together.finish()?;
    Ok(written)
}

/// As [`write_again`], but nothing is kept of the rows.
///
/// # Errors
/// Faults of storage.
pub fn judge_again<R>(
    (lake, spec, keyed): (&Lake, &TypeSpec, &KeyedTable),
    files: &[SourceFile],
    mut portions: Receiver<Portion<R>>,
    judge: &mut impl Judge<R>,
) -> Result<(), WriteError> {
    let mut unique = Unique::open(Scope::rehearsal(lake, spec, keyed), files)?;
    let mut keys = Keys::for_spec(spec);
    while let Some(Portion { place, records }) = portions.blocking_recv() {
        let mut chunk = judge.rows(&files[place], records).map_err(WriteError::judging)?;
        unique.judge(&mut chunk, place, &mut keys)?;
        judge.refuse(chunk.rejects);
    }
    Ok(())
}
