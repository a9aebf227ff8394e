//! Refused records on their way to the ledger and to `<name>.rejects.ndjson`.
//!
//! They are written to disk as they occur, so that a file full of garbage costs no memory, and read back in
//! portions for the ledger.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{SourceFile, WriteError};
use crate::decode::reject::Reject;
use crate::durable;

/// One line of a rejects file. `raw` is the record's text, or its bytes in hexadecimal when they are no UTF-8.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RejectLine {
    pub file: String,
    pub record: u64,
    pub offset: u64,
    pub pointer: String,
    pub rule: String,
    pub value: Option<String>,
    pub message: String,
    pub fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub raw_hex: Option<String>,
}

impl RejectLine {
    fn new(file: &str, reject: &Reject) -> Self {
        let Reject { record_number, byte_offset, raw, pointer, rule, value, message, fingerprint } = reject;
        let text = String::from_utf8(raw.clone()).ok();
        let raw_hex = text.is_none().then(|| raw.iter().map(|byte| format!("{byte:02x}")).collect());
        Self {
            file: file.to_owned(),
            record: *record_number,
            offset: *byte_offset,
            pointer: pointer.clone(),
            rule: rule.clone(),
            value: value.clone(),
            message: message.clone(),
            fingerprint: fingerprint.clone(),
            raw: text,
            raw_hex,
        }
    }

    /// The record's exact bytes.
    pub fn raw_bytes(&self) -> Vec<u8> {
        if let Some(text) = &self.raw {
            return text.clone().into_bytes();
        }
        let hex = self.raw_hex.as_deref().unwrap_or_default();
        hex.as_bytes()
            .chunks_exact(2)
            .filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    }
}

/// The staged rejects of one file; created with the first of them.
pub(super) struct RejectsFile {
    path: PathBuf,
    source_name: String,
    out: Option<BufWriter<File>>,
}

impl RejectsFile {
    pub fn new(folder: &Path, load_id: i64, file: &SourceFile) -> Self {
        let path = staged_path(folder, load_id, file.id);
        Self { path, source_name: file.name.shown().to_owned(), out: None }
    }

    pub fn write(&mut self, rejects: &[Reject]) -> Result<(), WriteError> {
        let written = rejects.iter().try_for_each(|reject| self.write_one(reject));
        written.map_err(|source| WriteError::Rejects { path: self.path.clone(), source })
    }

    fn write_one(&mut self, reject: &Reject) -> io::Result<()> {
        let out = match &mut self.out {
            Some(out) => out,
            None => {
                durable::create_directories(durable::parent(&self.path))?;
                self.out.insert(BufWriter::new(File::create(&self.path)?))
            }
        };
        serde_json::to_writer(&mut *out, &RejectLine::new(&self.source_name, reject))?;
        out.write_all(b"\n")
    }

    /// Syncs the file; `None` when no record was refused.
    pub fn finish(self) -> Result<Option<PathBuf>, WriteError> {
        let Self { path, out, .. } = self;
        let Some(out) = out else { return Ok(None) };
        let synced =
            out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        match synced {
            Ok(()) => Ok(Some(path)),
            Err(source) => Err(WriteError::Rejects { path, source }),
        }
    }
}

/// Where the rejects of a file are until its load is settled: the same after a crash.
pub fn staged_path(folder: &Path, load_id: i64, file_id: i64) -> PathBuf {
    folder.join(format!(".load-{load_id}-file-{file_id}.rejects.part"))
}

/// Reads a staged rejects file in portions.
///
/// # Errors
/// Whatever reading gives; a line that is not ours is `InvalidData`.
pub fn read_lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<RejectLine>> + use<>> {
    let lines = BufReader::new(File::open(path)?).lines();
    Ok(lines.map(|line| serde_json::from_str(&line?).map_err(io::Error::from)))
}
