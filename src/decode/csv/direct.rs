//! Usual records straight into columns. What is usual, [`crate::decode::columns::direct`] decides; here is how CSV
//! spells it.

use std::borrow::Cow;

use super::cell::Cell;
use super::mapping::Mapping;
use super::rows::{Cursor, Row, Rows};
use super::spelling::{self, Nulls};
use crate::decode::columns::Columns;
use crate::decode::columns::direct::cells::{Grid, Said, Sources};
use crate::decode::columns::direct::{Most, Run};
use crate::decode::texts::Origin;
use crate::schema::field::TableSchema;

/// Records that are taken in together: enough to make each column's turn worth it, few enough that their text stays in the
/// nearest cache.
const BLOCK: usize = 64;

/// Which cells go where.
pub(super) fn sources(mapping: &Mapping, schema: &TableSchema) -> Sources {
    let column_of = |field: usize| mapping.columns.iter().position(|column| column.field == Some(field));
    let unknown = mapping.columns.iter().enumerate().filter(|(_, column)| column.field.is_none());
    Sources {
        fields: (0..schema.fields.len()).map(column_of).collect(),
        unknown: unknown
            .map(|(at, column)| (at, serde_json::Value::from(column.name.as_str()).to_string()))
            .collect(),
    }
}

/// Takes in records from the cursor on, up to the first that is not usual or ends behind `clean`, and moves the cursor.
pub(super) fn take_run(
    rows: Rows<'_, '_>,
    cursor: &mut Cursor,
    clean: usize,
    reading: (&Mapping, &Sources, &Nulls),
    columns: &mut Columns,
    most: Most,
) -> Run {
    let (mapping, sources, nulls) = reading;
    let mut run = Run::default();
    let mut block = Vec::with_capacity(BLOCK);
    while run.weight < most.weight {
        let room = most.records.saturating_sub(usize::try_from(run.records).unwrap_or(usize::MAX));
        gather(&mut block, rows, *cursor, room.min(BLOCK), |row| {
            let length = rows.raw(row).len();
            row.cells == mapping.columns.len() && row.start + length <= clean && length <= most.record
        });
        let (Some(first), found) = (block.first().copied(), block.len()) else { break };
        let grid = CsvGrid { rows, block: &block, nulls };
        let taken = columns.take_block(&grid, sources);
        let Some(last) = taken.records.checked_sub(1).and_then(|last| block.get(last)) else { break };
        *cursor = rows.behind(*last);
        if columns.keeps_texts() {
            for (number, row) in (run.records + 1..).zip(&block[..taken.records]) {
                columns.keep_text(Origin { number, offset: row.start as u64, raw: rows.raw(*row) });
            }
        }
        run.records += taken.records as u64;
        run.unknown_fields += taken.unknown_fields;
        run.weight += taken.weight + cursor.start - first.start;
        if taken.records < found {
            break;
        }
    }
    run
}

/// The next records for which `fits` holds.
fn gather(
    block: &mut Vec<Row>,
    rows: Rows<'_, '_>,
    mut cursor: Cursor,
    most: usize,
    fits: impl Fn(Row) -> bool,
) {
    block.clear();
    while block.len() < most
        && let Some(row) = rows.next(&mut cursor)
        && fits(row)
    {
        block.push(row);
    }
}

/// A block of records.
struct CsvGrid<'t, 'r> {
    rows: Rows<'t, 'r>,
    block: &'r [Row],
    nulls: &'r Nulls,
}

impl CsvGrid<'_, '_> {
    fn is_quoted(&self, raw: &[u8]) -> bool {
        raw.first().is_some_and(|first| Some(*first) == self.rows.dialect.quote)
    }
}

impl Grid for CsvGrid<'_, '_> {
    fn records(&self) -> usize {
        self.block.len()
    }

    #[inline]
    fn raw(&self, record: usize, column: usize) -> &[u8] {
        self.rows.cell(self.block[record], column)
    }

    #[inline]
    fn text<'g>(&'g self, raw: &'g [u8]) -> Said<'g> {
        if !self.is_quoted(raw) {
            return if self.nulls.holds_text(raw, false) {
                Said::Null
            } else {
                Said::Bytes(Cow::Borrowed(raw))
            };
        }
        match Cell::of(raw, self.rows.dialect) {
            Ok(cell) => Said::Bytes(cell.text),
            Err(_) => Said::Unclear,
        }
    }

    fn value<'g>(&'g self, raw: &'g [u8]) -> Said<'g> {
        let Ok(cell) = Cell::of(raw, self.rows.dialect) else { return Said::Unclear };
        let text = match cell.text {
            Cow::Borrowed(text) => Cow::Borrowed(spelling::trimmed(text)),
            Cow::Owned(text) => Cow::Owned(spelling::trimmed(&text).to_vec()),
        };
        if self.nulls.holds_value(&text) { Said::Null } else { Said::Bytes(text) }
    }

    fn literal<'g>(&self, value: &'g str) -> Option<Cow<'g, str>> {
        spelling::number(value)
    }

    fn boolean(&self, value: &[u8]) -> Option<bool> {
        spelling::boolean(value)
    }

    fn is_plain(&self) -> bool {
        self.nulls.is_plain()
    }
}
