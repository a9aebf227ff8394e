//! The bytes of one file: as a stream for formats that are read from start to end, at random for those that are not.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

/// A file that was opened.
pub struct Input {
    stream: Box<dyn Read + Send>,
    /// Absent when there is only a stream.
    random: Option<Random>,
}

/// Bytes that can be read in any order. Reading at random does not move the stream.
#[derive(Debug, Clone)]
pub(super) enum Random {
    Memory(Bytes),
    File(Arc<File>),
}

impl Input {
    /// A stream that notes what is read of the file, and the file itself.
    pub fn noting(stream: Box<dyn Read + Send>, file: Arc<File>) -> Input {
        Input { stream, random: Some(Random::File(file)) }
    }

    pub(super) fn into_stream(self) -> Box<dyn Read + Send> {
        self.stream
    }

    /// # Errors
    /// Reading failed; only a mere stream has to be read for this.
    pub(super) fn into_random(mut self) -> io::Result<Random> {
        match self.random {
            Some(random) => Ok(random),
            None => {
                let mut bytes = Vec::new();
                self.stream.read_to_end(&mut bytes)?;
                Ok(Random::Memory(bytes.into()))
            }
        }
    }
}

impl From<File> for Input {
    fn from(file: File) -> Input {
        let file = Arc::new(file);
        Input { stream: Box::new(Arc::clone(&file)), random: Some(Random::File(file)) }
    }
}

impl From<Vec<u8>> for Input {
    fn from(bytes: Vec<u8>) -> Input {
        Bytes::from(bytes).into()
    }
}

impl From<Bytes> for Input {
    fn from(bytes: Bytes) -> Input {
        Input { stream: Box::new(io::Cursor::new(bytes.clone())), random: Some(Random::Memory(bytes)) }
    }
}

impl From<Box<dyn Read + Send>> for Input {
    fn from(stream: Box<dyn Read + Send>) -> Input {
        Input { stream, random: None }
    }
}

impl<R: Read + Send + 'static> From<Box<R>> for Input {
    fn from(stream: Box<R>) -> Input {
        Input { stream, random: None }
    }
}

impl Random {
    pub fn length(&self) -> io::Result<u64> {
        match self {
            Random::Memory(bytes) => Ok(bytes.len() as u64),
            Random::File(file) => Ok(file.metadata()?.len()),
        }
    }

    /// Exactly these bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before; else what reading gives.
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        match self {
            Random::Memory(bytes) => {
                let start = usize::try_from(offset).ok();
                let range = start.and_then(|start| Some(start..start.checked_add(length)?));
                let range = range.filter(|range| range.end <= bytes.len());
                range.map(|range| bytes.slice(range)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Random::File(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(bytes.into())
            }
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("random", &self.random).finish_non_exhaustive()
    }
}
