//! The bytes of a small file, read at once.

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;

use super::feeder::SMALL;
use super::open::{Fingerprint, open_regular};

/// Cheap to clone; all clones share the bytes.
#[derive(Debug, Clone)]
pub struct Content {
    bytes: Bytes,
    /// What the file was when its bytes were read.
    pub(super) fingerprint: Fingerprint,
}

impl Content {
    /// Reads a regular file to its end.
    ///
    /// # Errors
    /// `InvalidInput` when it is not a regular file, `FileTooLarge` when it is not small by now; else what opening and
    /// reading give.
    pub fn read(path: &Path) -> io::Result<Self> {
        let (file, found) = open_regular(path)?;
        if found.len() > SMALL {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // One byte more: the end shows without another allocation, and growth shows by the fingerprint.
        let length = found.len() + 1;
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes)?;
        Ok(Self { bytes: bytes.into(), fingerprint: Fingerprint::of(&found) })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes themselves, not a copy.
    pub fn shared(&self) -> Bytes {
        self.bytes.clone()
    }
}
