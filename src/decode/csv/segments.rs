//! A large file in segments that are read at the same time.

use std::sync::Arc;

use super::cutter;
use super::dialect::LineEnds;
use super::records::{CsvFile, CsvRecords, OpenedCsv};
use super::scan::{self, Regularity};
use super::text;
use crate::decode::chunk::Chunks;
use crate::decode::decoder::Decoder;
use crate::decode::error::DecodeError;
use crate::decode::plan::DecodePlan;
use crate::decode::reading::Reading;
use crate::decode::segments::{Layout, Rest, SegmentDecoder, Segments, Text};

/// A text whose records can be found from any record on. Nothing is guessed: a segment begins with a record, and so the
/// quotes in it can be counted.
struct CsvLayout {
    plan: Arc<DecodePlan>,
    file: Arc<CsvFile>,
}

impl OpenedCsv {
    /// Cuts the text into segments, if it goes on behind its first part and has not to be decoded on its way.
    pub fn split(self, plan: &Arc<DecodePlan>) -> Result<Segments, Box<OpenedCsv>> {
        let OpenedCsv { file, text, place } = self;
        let (_, whole) = text.sample();
        // Places are counted in lines that end in a newline. Tests cut small texts, too.
        let is_large = !whole || cfg!(any(test, fuzzing));
        if !is_large || file.dialect.lines == LineEnds::Any {
            return Err(Box::new(OpenedCsv { file, text, place }));
        }
        match text.into_utf8() {
            Err(text) => Err(Box::new(OpenedCsv { file, text: *text, place })),
            Ok((carry, source)) => {
                let layout = CsvLayout { plan: Arc::clone(plan), file };
                Ok(Segments::new(Arc::new(layout), source, carry, place))
            }
        }
    }
}

impl Layout for CsvLayout {
    fn cut(&self, text: &[u8]) -> Option<usize> {
        scan::last_boundary(text, &self.file.dialect).0
    }

    fn decoder(&self, text: Text) -> Result<Box<dyn SegmentDecoder>, Text> {
        let Ok(columns) = self.plan.columns() else {
            return Err(text);
        };
        let Text { bytes, offset, first, last } = text;
        let is_open = last && !bytes.ends_with(b"\n");
        let segment = cutter::Segment { bytes, offset, regularity: Regularity::Regular, is_open };
        let header_due = first && self.file.has_header;
        let records = CsvRecords::segment(Arc::clone(&self.file), segment, header_due);
        Ok(Box::new(Decoder::new(Arc::clone(&self.plan), Reading::Csv(Box::new(records)), columns)))
    }

    fn resume(&self, rest: Rest) -> Result<Box<dyn Chunks>, DecodeError> {
        let Rest { source, place, records, first } = rest;
        let header_due = first && self.file.has_header;
        let text = text::Text::rest(source);
        let records = CsvRecords::rest(Arc::clone(&self.file), text, place, header_due, records);
        Ok(Box::new(self.plan.decoder(Reading::Csv(Box::new(records)))?))
    }
}
