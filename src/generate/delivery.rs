//! Sample files into `incoming/`, as a careful sender does it: written under a hidden name, then renamed, never over
//! another file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::SampleFile;
use crate::durable;

#[derive(Debug, Error)]
pub enum DeliveryError {
    #[error("cannot create the folder {path}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot rename {from} to {to}")]
    Rename { from: PathBuf, to: PathBuf, source: io::Error },
}

/// Writes `file` into `folder`, which is created if need be. A taken name gets a number; returns the path.
///
/// # Errors
/// The folder cannot be created or written.
pub fn deliver(folder: &Path, file: &SampleFile) -> Result<PathBuf, DeliveryError> {
    fs::create_dir_all(folder).map_err(|source| DeliveryError::Folder { path: folder.to_owned(), source })?;
    let hidden = folder.join(format!(".{}.{}.tmp", file.name, std::process::id()));
    let delivered = write(&hidden, &file.text).and_then(|()| publish(folder, &hidden, &file.name));
    if delivered.is_err() {
        // What could not be delivered must not stay behind; the error that matters is the first one.
        let _ = fs::remove_file(&hidden);
    }
    delivered
}

fn write(path: &Path, text: &str) -> Result<(), DeliveryError> {
    let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| DeliveryError::Write { path: path.to_owned(), source })
}

fn publish(folder: &Path, hidden: &Path, name: &str) -> Result<PathBuf, DeliveryError> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "json"));
    let mut number = 1;
    loop {
        let to = match number {
            1 => folder.join(name),
            number => folder.join(format!("{stem}_{number}.{extension}")),
        };
        match durable::rename_new(hidden, &to) {
            Ok(()) => return Ok(to),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(DeliveryError::Rename { from: hidden.to_owned(), to, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let incoming = folder.path().join("incoming");
        let file = |text: &str| SampleFile { name: "a_1.json".into(), text: text.into() };
        deliver(&incoming, &file("one")).unwrap();
        let second = deliver(&incoming, &file("two")).unwrap();
        assert_eq!(second, incoming.join("a_1_2.json"));
        assert_eq!(fs::read_to_string(incoming.join("a_1.json")).unwrap(), "one");
        assert_eq!(fs::read_dir(&incoming).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let incoming = folder.path().join("incoming");
        fs::write(&incoming, "").unwrap();
        let file = SampleFile { name: "a.json".into(), text: String::new() };
        let error = deliver(&incoming, &file).unwrap_err();
        assert!(error.to_string().contains("incoming"), "{error}");
    }
}
