//! Rows as text: columns side by side without borders. Nothing in a cell can move the cursor.

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};

use super::terminal::Terminal;
use crate::printable::{escape, shorten};

/// A table under construction.
pub struct Columns {
    table: Table,
    bold: bool,
    /// Cells before the last one are cut after so many characters.
    widest: usize,
}

/// On a terminal one long name must not push all other columns out of sight.
const WIDEST_SHOWN: usize = 60;

impl Columns {
    /// A table for stdout. Rows are never broken into several lines: they stay whole for grep and for copying.
    pub fn new(terminal: &Terminal, header: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        if terminal.data_colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let mut columns = Columns {
            table,
            bold: terminal.data_colour,
            widest: if terminal.data { WIDEST_SHOWN } else { usize::MAX },
        };
        let header = header.iter().map(|text| columns.heading(text)).collect::<Vec<_>>();
        columns.table.set_header(header);
        columns
    }

    fn heading(&self, text: &str) -> Cell {
        let cell = Cell::new(text);
        if self.bold { cell.add_attribute(Attribute::Bold) } else { cell }
    }

    /// Adds a row. Text from outside needs no care: it is escaped here.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        let mut shown: Vec<String> =
            cells.into_iter().map(|cell| escape(cell.as_ref()).into_owned()).collect();
        if let Some((_, others)) = shown.split_last_mut() {
            others.iter_mut().for_each(|cell| *cell = shorten(cell, self.widest));
        }
        self.table.add_row(shown);
        self
    }

    /// Numbers read better when their ends meet.
    pub fn right(&mut self, columns: &[usize]) -> &mut Self {
        for &column in columns {
            if let Some(column) = self.table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self
    }

    /// The text, a line for each row, each line ended.
    pub fn render(&mut self) -> String {
        for column in self.table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        self.table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }
}

/// `1234567` as `1,234,567`.
pub fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().map(|number| number.to_string()).unwrap_or_default();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes with a unit that fits.
pub fn bytes(number: impl TryInto<u64>) -> String {
    let number = number.try_into().unwrap_or_default();
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = number as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{size:.1} {}", units[unit]) }
}

/// `1 file`, `2 files`.
pub fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piped() -> Terminal {
        Terminal::of_nobody()
    }

    #[test]
    fn columns_line_up_and_nothing_wraps_when_piped() {
        let mut table = Columns::new(&piped(), &["name", "rows"]);
        table.row(["a\u{1b}[2J", "7"]).row([&"long ".repeat(60), "1,000"]).right(&[1]);
        let text = table.render();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains(r"a\u{1b}[2J"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(plural(1, "file"), "1 file");
        assert_eq!(plural(1000, "record"), "1,000 records");
    }
}
