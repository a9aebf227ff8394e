//! What a sample looks like under one dialect.

use super::Clues;
use crate::decode::csv::cell::Cell;
use crate::decode::csv::dialect::Dialect;
use crate::decode::csv::rows::{Row, Rows};
use crate::decode::csv::scan::{self, Ending, Regularity};
use crate::schema::infer::cells::looks_typed;

/// How much of a sample is cut by each candidate.
const BYTES: usize = 256 * 1024;
const RECORDS: usize = 1000;

/// Some records of a sample.
#[derive(Debug)]
pub(super) struct Survey<'t> {
    pub dialect: Dialect,
    /// The first record, empty without one.
    pub first: Vec<Cell<'t>>,
    /// Cells of the records behind it.
    pub others: Vec<Vec<Cell<'t>>>,
    /// Records of which a cell goes on behind its quotes.
    broken: usize,
    /// A quote that opens in the sample is not closed in it, although all of the text is there.
    unterminated: bool,
    /// The sample ends inside its first record.
    pub first_is_cut: bool,
}

/// How well a dialect explains a sample; the greater explains it better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Merit {
    is_whole: bool,
    known_names: usize,
    several_columns: bool,
    /// In twentieths: records with as many cells as most have.
    alike: usize,
    /// In tenths: cells that look like a number, a date and so on.
    typed: usize,
    /// Another quote than the usual one must be in use.
    other_quote: bool,
    columns: usize,
}

impl<'t> Survey<'t> {
    pub fn of(text: &'t [u8], whole: bool, dialect: Dialect) -> Survey<'t> {
        let limit = memchr::memchr2(b'\n', b'\r', text).map_or(text.len(), |end| BYTES.max(end + 1));
        let whole = whole && text.len() <= limit;
        let text = &text[..text.len().min(limit)];
        let mut separators = Vec::new();
        let ending = scan::separators(text, &dialect, Regularity::Regular, &mut separators);
        let is_open = text.last().is_some_and(|byte| !dialect.ends_record(*byte));
        let is_cut = ending != Ending::Outside || (!whole && is_open);
        let mut survey = Survey {
            dialect,
            first: Vec::new(),
            others: Vec::new(),
            broken: 0,
            unterminated: whole && ending != Ending::Outside,
            first_is_cut: false,
        };
        let rows = Rows { text, dialect: &dialect, separators: &separators };
        for row in rows.iter().take(RECORDS) {
            let cut_here = is_cut && row.first + row.cells == separators.len();
            match rows.read(row) {
                read if survey.first.is_empty() => {
                    survey.first_is_cut = cut_here;
                    survey.first = read.unwrap_or_else(|_| plain(rows, row));
                }
                _ if cut_here => break,
                Ok(cells) => survey.others.push(cells),
                Err(_) => survey.broken += 1,
            }
        }
        survey
    }

    /// Most records behind the first have so many cells.
    pub fn usual_cells(&self) -> usize {
        let mut counts: Vec<usize> = self.others.iter().map(Vec::len).collect();
        counts.sort_unstable();
        let runs = counts.chunk_by(|a, b| a == b);
        runs.max_by_key(|run| run.len()).map_or(self.first.len(), |run| run[0])
    }

    /// Records with a quoted cell.
    fn quoted(&self) -> usize {
        self.others.iter().filter(|cells| cells.iter().any(|cell| cell.quoted)).count()
    }

    /// True for a cell that is no mere text. `1,5` is a number where commas do not separate cells.
    pub fn looks_typed(&self, cell: &Cell<'_>) -> bool {
        let with_point =
            || cell.text.iter().map(|byte| if *byte == b',' { b'.' } else { *byte }).collect::<Vec<_>>();
        let has_comma = self.dialect.delimiter != b',' && cell.text.contains(&b',');
        looks_typed(&cell.text) || (has_comma && looks_typed(&with_point()))
    }

    pub fn merit(&self, clues: &Clues<'_>) -> Merit {
        let columns = self.usual_cells();
        let alike = self.others.iter().filter(|cells| cells.len() == columns).count();
        let records = self.others.len() + self.broken;
        let known = |cell: &Cell<'_>| match (clues.known, str::from_utf8(&cell.text)) {
            (Some(known), Ok(name)) => known(name.trim()),
            _ => false,
        };
        let (mut typed, mut filled) = (0, 0);
        for cell in self.others.iter().flatten().filter(|cell| !cell.text.is_empty()) {
            filled += 1;
            typed += usize::from(self.looks_typed(cell));
        }
        Merit {
            is_whole: !self.unterminated,
            known_names: self.first.iter().filter(|cell| known(cell)).count(),
            several_columns: columns > 1 && self.first.len() > 1 && 2 * alike >= records,
            alike: (20 * alike).checked_div(records).unwrap_or(20),
            typed: (10 * typed).checked_div(filled).unwrap_or(0),
            other_quote: self.dialect.quote == Some(b'\'')
                && self.broken == 0
                && 2 * self.quoted() >= records,
            columns,
        }
    }
}

/// The bytes of cells of which one goes on behind its quotes.
fn plain<'t>(rows: Rows<'t, '_>, row: Row) -> Vec<Cell<'t>> {
    rows.cells(row).map(|raw| Cell { text: raw.into(), quoted: false }).collect()
}
