//! Refused records on their way from the staged file to the ledger.

use super::super::fault::Fault;
use super::super::write::{self, Fate, WrittenFile};
use super::Journey;
use crate::metadata::rejects::NewReject;

impl Journey<'_> {
    /// Rejects become `pending` rows, in portions; the commit opens them.
    pub(super) async fn keep_rejects(&self, files: &[WrittenFile]) -> Result<(), Fault> {
        const PORTION: usize = 200;
        for file in files.iter().filter(|file| matches!(file.fate, Fate::Accepted | Fate::Refused(_))) {
            let Some(path) = &file.rejects else { continue };
            let mut lines = write::read_lines(path).map_err(Fault::file("read", path))?.peekable();
            while lines.peek().is_some() {
                let portion: Vec<write::RejectLine> = lines
                    .by_ref()
                    .take(PORTION)
                    .collect::<Result<_, _>>()
                    .map_err(Fault::file("read", path))?;
                let raws: Vec<Vec<u8>> = portion.iter().map(write::RejectLine::raw_bytes).collect();
                let rejects: Vec<NewReject<'_>> = portion
                    .iter()
                    .zip(&raws)
                    .map(|(line, raw)| self.new_reject(file.id, line, raw))
                    .collect();
                self.context.metadata.add_rejects(self.id, &rejects).await?;
            }
        }
        Ok(())
    }

    fn new_reject<'r>(&'r self, file_id: i64, line: &'r write::RejectLine, raw: &'r [u8]) -> NewReject<'r> {
        NewReject {
            file_id,
            file_type: &self.spec.file_type,
            record_number: line.record as i64,
            byte_offset: line.offset as i64,
            raw,
            pointer: &line.pointer,
            rule: &line.rule,
            value: line.value.as_deref(),
            message: &line.message,
            fingerprint: &line.fingerprint,
        }
    }
}
