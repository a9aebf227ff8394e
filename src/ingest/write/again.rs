//! Records that were judged one by one → staged Parquet, as if they had been loaded with their files.

use tokio::sync::mpsc::Receiver;

use super::file_load::FileLoad;
use super::{Fate, Keys, SourceFile, Work, WriteError, Written, writer_options};
use crate::decode::{Chunk, DecodeError};
use crate::lake::TableWriter;

/// Some records of one file.
#[derive(Debug)]
pub struct Portion<R> {
    /// The place of their file in the list of files.
    pub place: usize,
    pub records: Vec<R>,
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
    mut judge: impl FnMut(&SourceFile, Vec<R>) -> Result<Chunk, DecodeError>,
) -> Result<Written, WriteError> {
    let mut together = TableWriter::new(&work.lake, work.load_id, writer_options(&work.spec));
    let mut written = Written { keys: Keys::for_spec(&work.spec), ..Written::default() };
    let mut next = portions.blocking_recv();
    for (place, file) in files.iter().enumerate() {
        let mut load = FileLoad::new(work, file, place);
        while let Some(portion) = next.take_if(|portion| portion.place == place) {
            if work.stop.is_cancelled() {
                return Err(WriteError::Stopped);
            }
            let chunk = judge(file, portion.records).map_err(|source| WriteError::Again { source })?;
            if let Err(fate) = load.take(chunk, &mut written.keys)? {
                debug_assert!(false, "records that are valid exceed no budget: {fate:?}");
            }
            next = portions.blocking_recv();
        }
        load.finish(Fate::Accepted, None, &mut together, &mut written)?;
    }
    written.together = together.finish()?;
    Ok(written)
}
