//! Which rows have a value, and where lists begin: Parquet's definition and repetition levels of one column.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, BooleanBufferBuilder};
use arrow::buffer::BooleanBuffer;

use super::bits::width_of;
use super::hybrid;

#[derive(Debug)]
pub(super) enum Levels {
    /// Each row has a value.
    Required { rows: usize },
    /// A column that is not nested and may be null.
    Optional { valid: BooleanBuffer },
    /// One pair for each entry; an entry at `max_definition` has a value.
    Nested { definition: Vec<u16>, repetition: Vec<u16>, max_definition: u16, max_repetition: u16 },
}

/// What one page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// Positions among the entries.
    pub entries: Range<usize>,
    /// Positions among the values, which are the entries that are not null.
    pub values: Range<usize>,
    pub rows: usize,
}

impl Span {
    pub fn nulls(&self) -> usize {
        self.entries.len() - self.values.len()
    }
}

impl Levels {
    /// The levels of a column that is not nested.
    pub fn flat(chunks: &[ArrayRef], nullable: bool) -> Self {
        let rows = chunks.iter().map(|chunk| chunk.len()).sum();
        if !nullable {
            return Self::Required { rows };
        }
        let mut valid = BooleanBufferBuilder::new(rows);
        for chunk in chunks {
            match chunk.nulls() {
                Some(nulls) => valid.append_buffer(nulls.inner()),
                None => valid.append_n(chunk.len(), true),
            }
        }
        Self::Optional { valid: valid.finish() }
    }

    pub fn entries(&self) -> usize {
        match self {
            Self::Required { rows } => *rows,
            Self::Optional { valid } => valid.len(),
            Self::Nested { definition, .. } => definition.len(),
        }
    }

    /// Cuts the column into so many pages, or fewer: pages begin where rows begin.
    pub fn spans(&self, pages: usize) -> Vec<Span> {
        let entries = self.entries();
        let step = entries.div_ceil(pages.max(1)).max(1);
        let (mut spans, mut from, mut value) = (Vec::new(), 0, 0);
        while from < entries {
            let to = self.row_start(from.saturating_add(step).min(entries));
            let values = value..value + self.values_in(from..to);
            value = values.end;
            spans.push(Span { entries: from..to, values, rows: self.rows_in(from..to) });
            from = to;
        }
        spans
    }

    /// The first start of a row from here on.
    fn row_start(&self, entry: usize) -> usize {
        match self {
            Self::Nested { repetition, max_repetition: 1.., .. } => {
                let rest = repetition.iter().skip(entry);
                entry + rest.take_while(|level| **level > 0).count()
            }
            _ => entry,
        }
    }

    fn values_in(&self, entries: Range<usize>) -> usize {
        match self {
            Self::Required { .. } => entries.len(),
            Self::Optional { valid } => valid.slice(entries.start, entries.len()).count_set_bits(),
            Self::Nested { definition, max_definition, .. } => {
                definition[entries].iter().filter(|level| *level == max_definition).count()
            }
        }
    }

    fn rows_in(&self, entries: Range<usize>) -> usize {
        match self {
            Self::Nested { repetition, max_repetition: 1.., .. } => {
                repetition[entries].iter().filter(|level| **level == 0).count()
            }
            _ => entries.len(),
        }
    }

    /// Appends the levels of one page in the form of a page of version 1: each kind after its length.
    pub fn put(&self, span: &Span, out: &mut Vec<u8>) {
        match self {
            Self::Required { .. } => {}
            Self::Optional { valid } => after_its_length(out, |out| put_validity(valid, span, out)),
            Self::Nested { definition, repetition, max_definition, max_repetition } => {
                for (levels, max) in [(repetition, max_repetition), (definition, max_definition)] {
                    if *max > 0 {
                        let width = width_of(u64::from(*max));
                        after_its_length(out, |out| {
                            hybrid::encode(&levels[span.entries.clone()], width, out);
                        });
                    }
                }
            }
        }
    }
}

fn put_validity(valid: &BooleanBuffer, span: &Span, out: &mut Vec<u8>) {
    if span.nulls() == 0 {
        hybrid::put_run(1_u8, span.entries.len(), 1, out);
    } else if span.values.is_empty() {
        hybrid::put_run(0_u8, span.entries.len(), 1, out);
    } else {
        // Arrow's bitmap is a packed run of the hybrid, bit for bit.
        hybrid::put_packed_head(span.entries.len(), out);
        put_bits(&valid.slice(span.entries.start, span.entries.len()), out);
    }
}

/// Appends bits, lowest first; the last byte is filled with zeros.
pub(super) fn put_bits(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    let bytes = bits.len().div_ceil(8);
    out.extend_from_slice(&bits.sliced().as_slice()[..bytes]);
    if let (Some(last), used @ 1..) = (out.last_mut(), bits.len() % 8) {
        *last &= (1 << used) - 1;
    }
}

fn after_its_length(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    put(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}
