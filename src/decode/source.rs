//! The raw bytes of a file → its text: decompressed, without a byte order mark, known to be UTF-8 or ASCII at
//! its start. Of a format that comes in other encodings, too: its bytes, decompressed.
//!
//! Reads forward only and buffers a fixed amount, so a decompression bomb costs time, not memory. Knows
//! nothing of records.

mod encoding;

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::DecodeError;

const BUFFER: usize = 256 * 1024;
/// Enough for every magic number and byte order mark.
const HEAD: usize = 8;

/// The text of one file, as a stream.
pub struct Source {
    stream: Box<dyn Read + Send>,
    compression: Compression,
    head: Vec<u8>,
    head_read: usize,
    skipped: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Source {
    /// Looks at the first bytes, which must be those of UTF-8. `file_name` only serves to notice a name that promises
    /// another compression.
    ///
    /// # Errors
    /// `file.compression`, `file.truncated`, `file.encoding`, or a failed read.
    pub fn open(reader: Box<dyn Read + Send>, file_name: &str) -> Result<Source, DecodeError> {
        let mut source = Source::of_any_encoding(reader, file_name)?;
        source.head_read = encoding::text_start(&source.head)?;
        source.skipped = source.head_read as u64;
        Ok(source)
    }

    /// As [`Source::open`], for whoever finds out about the encoding: byte order marks are part of the stream.
    ///
    /// # Errors
    /// `file.compression`, `file.truncated`, or a failed read.
    pub fn of_any_encoding(reader: Box<dyn Read + Send>, file_name: &str) -> Result<Source, DecodeError> {
        let mut raw = Raw(reader);
        let start = read_head(&mut raw).map_err(|error| fault(Compression::None, error))?;
        let compression = Compression::of(&start);
        compression.agrees_with(file_name, &start)?;
        let whole = Cursor::new(start).chain(raw);
        let stream: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(whole),
            Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))),
            Compression::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(BUFFER, whole))
                    .map_err(|error| fault(compression, error))?,
            ),
        };
        let mut source = Source { stream, compression, head: Vec::new(), head_read: 0, skipped: 0 };
        source.head = read_head(&mut source.stream).map_err(|error| fault(compression, error))?;
        encoding::refuse_containers(&source.head)?;
        Ok(source)
    }

    /// A source that has nothing to say.
    pub(super) fn nothing() -> Source {
        let stream = Box::new(io::empty());
        Source { stream, compression: Compression::None, head: Vec::new(), head_read: 0, skipped: 0 }
    }

    /// The same source with a text before it, as if that had not been read.
    pub(super) fn behind(self, mut text: Vec<u8>) -> Source {
        text.extend_from_slice(&self.head[self.head_read..]);
        Source { head: text, head_read: 0, ..self }
    }

    /// Bytes of the byte order mark, which the stream leaves out.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Fills the front of `into`; 0 only at the end of the file.
    ///
    /// # Errors
    /// `file.truncated`, `file.compression`, or a failed read.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, DecodeError> {
        let left = &self.head[self.head_read..];
        if !left.is_empty() {
            let count = left.len().min(into.len());
            into[..count].copy_from_slice(&left[..count]);
            self.head_read += count;
            return Ok(count);
        }
        read_on(&mut self.stream, into).map_err(|error| fault(self.compression, error))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("compression", &self.compression).finish_non_exhaustive()
    }
}

impl Compression {
    fn of(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// The compression that a file's name promises.
    fn promised_by(file_name: &str) -> Compression {
        match file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
            Some("gz" | "gzip") => Compression::Gzip,
            Some("zst" | "zstd") => Compression::Zstd,
            _ => Compression::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Compression::None => "not compressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    /// The content decides; but a name that promises another compression means that something went wrong on
    /// the way, and guessing would hide it.
    fn agrees_with(self, file_name: &str, start: &[u8]) -> Result<(), DecodeError> {
        let promised = Compression::promised_by(file_name);
        if promised == Compression::None || promised == self || start.is_empty() {
            return Ok(());
        }
        if promised.is_cut_short(start) {
            return Err(truncated(promised));
        }
        Err(DecodeError::new(
            "file.compression",
            format!("the name promises {}, but the content is {}", promised.name(), self.name()),
            "give the file the extension of its content, or compress it, and drop it again",
        ))
    }

    /// True when the whole file is the beginning of a magic number.
    fn is_cut_short(self, start: &[u8]) -> bool {
        let magic: &[u8] = match self {
            Compression::None => &[],
            Compression::Gzip => &[0x1f, 0x8b],
            Compression::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        };
        magic.starts_with(start)
    }
}

/// Up to [`HEAD`] bytes; fewer only when the stream ends.
fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while filled < HEAD {
        match read_on(stream, &mut head[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    head.truncate(filled);
    Ok(head)
}

fn read_on(stream: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A reader that claims more than it was given room for must not reach a slice index.
            Ok(count) => return Ok(count.min(into.len())),
            failed => return failed,
        }
    }
}

/// The reader below the decompressor; marks its own failures, so that they are not taken for corrupt data.
struct Raw(Box<dyn Read + Send>);

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, RawFailure(error)),
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct RawFailure(io::Error);

fn fault(compression: Compression, error: io::Error) -> DecodeError {
    if error.get_ref().is_some_and(|inner| inner.is::<RawFailure>()) {
        return DecodeError::reading(
            match error.into_inner().and_then(|inner| inner.downcast::<RawFailure>().ok()) {
                Some(failure) => failure.0,
                None => io::ErrorKind::Other.into(),
            },
        );
    }
    match (compression, error.kind()) {
        (Compression::None, _) => DecodeError::reading(error),
        (_, io::ErrorKind::UnexpectedEof) => truncated(compression),
        _ => DecodeError::new(
            "file.compression",
            format!("the {} data is damaged: {error}", compression.name()),
            "ask the sender for the file again; compare sizes or checksums with the original",
        ),
    }
}

fn truncated(compression: Compression) -> DecodeError {
    DecodeError::new(
        "file.truncated",
        format!("the {} data ends before it is complete", compression.name()),
        "the copy was cut short: send the file again, and rename it in when it is complete",
    )
}

#[cfg(test)]
mod tests;
