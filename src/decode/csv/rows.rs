//! The records of a segment, as runs of its separators.

use super::cell::{Cell, TextAfterQuote};
use super::dialect::Dialect;

/// A record: some separators in a row. Positions are those of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub start: usize,
    /// The first of its separators; each ends a cell.
    pub first: usize,
    pub cells: usize,
}

/// A segment and its separators.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'t, 'r> {
    pub text: &'t [u8],
    pub dialect: &'r Dialect,
    pub separators: &'r [u32],
}

/// How far the records of a segment have been read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    pub start: usize,
    first: usize,
}

impl<'t, 'r> Rows<'t, 'r> {
    /// The record behind the cursor. Empty lines are none.
    pub fn next(self, cursor: &mut Cursor) -> Option<Row> {
        loop {
            let rest = self.separators.get(cursor.first..).filter(|rest| !rest.is_empty())?;
            let last = rest.iter().position(|&at| self.ends_record(at)).unwrap_or(rest.len() - 1);
            let row = Row { start: cursor.start, first: cursor.first, cells: last + 1 };
            *cursor = self.behind(row);
            if row.cells > 1 || self.end(row) > row.start {
                return Some(row);
            }
        }
    }

    /// The place behind a record.
    pub fn behind(self, row: Row) -> Cursor {
        let first = row.first + row.cells;
        Cursor { start: self.separators[first - 1] as usize + 1, first }
    }

    /// The exact bytes of one of a record's cells, quotes included.
    #[inline]
    pub fn cell(self, row: Row, at: usize) -> &'t [u8] {
        let ends = &self.separators[row.first..row.first + row.cells];
        let start = if at == 0 { row.start } else { ends[at - 1] as usize + 1 };
        let end = ends[at] as usize;
        let end =
            if at + 1 == row.cells { self.dialect.without_line_end(self.text, start, end) } else { end };
        &self.text[start..end]
    }

    /// All records, in order.
    pub fn iter(self) -> impl Iterator<Item = Row> + use<'t, 'r> {
        let mut cursor = Cursor::default();
        std::iter::from_fn(move || self.next(&mut cursor))
    }

    fn ends_record(self, at: u32) -> bool {
        self.text.get(at as usize).is_none_or(|&byte| self.dialect.ends_record(byte))
    }

    /// One past the record's last byte; its line end is not part of it.
    fn end(self, row: Row) -> usize {
        let end = self.separators[row.first + row.cells - 1] as usize;
        self.dialect.without_line_end(self.text, row.start, end)
    }

    /// The exact bytes of a record.
    pub fn raw(self, row: Row) -> &'t [u8] {
        &self.text[row.start..self.end(row)]
    }

    /// The exact bytes of a record's cells, quotes included.
    pub fn cells(self, row: Row) -> impl Iterator<Item = &'t [u8]> + use<'t, 'r> {
        let ends = &self.separators[row.first..row.first + row.cells];
        let mut start = row.start;
        ends.iter().enumerate().map(move |(at, &end)| {
            let end = if at + 1 == row.cells { self.end(row) } else { end as usize };
            let cell = &self.text[start..end];
            start = end + 1;
            cell
        })
    }

    /// What a record's cells say.
    ///
    /// # Errors
    /// The first cell that goes on behind its quotes: its place in the record, and that of the byte in the cell.
    pub fn read(self, row: Row) -> Result<Vec<Cell<'t>>, (usize, TextAfterQuote)> {
        let cells = self.cells(row).enumerate();
        cells.map(|(at, raw)| Cell::of(raw, self.dialect).map_err(|bad| (at, bad))).collect()
    }
}
