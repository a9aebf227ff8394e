//! Rows as a table for people: aligned, without frames, control characters escaped.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use super::{Room, Sink, value};
use crate::printable::{escape, shorten};

/// Rows laid out together; later blocks keep at least the widths of the earlier ones.
const BLOCK_ROWS: usize = 5_000;

pub struct TableSink {
    header: Vec<String>,
    right: Vec<bool>,
    /// Least width of each column, in characters.
    widths: Vec<u16>,
    block: Vec<Vec<String>>,
    width: Option<usize>,
    /// Rows that may still be shown.
    left: Option<u64>,
    header_written: bool,
}

impl TableSink {
    pub fn new(schema: &SchemaRef, room: Room) -> Self {
        let header: Vec<String> =
            schema.fields().iter().map(|field| escape(field.name()).into_owned()).collect();
        TableSink {
            right: schema.fields().iter().map(|field| field.data_type().is_numeric()).collect(),
            widths: vec![0; header.len()],
            header,
            block: Vec::new(),
            width: room.width,
            left: room.rows,
            header_written: false,
        }
    }

    fn cell(&self, text: Option<String>) -> String {
        match (text, self.width) {
            (None, _) => "NULL".to_string(),
            (Some(text), Some(width)) => shorten(&text, width),
            (Some(text), None) => escape(&text).into_owned(),
        }
    }

    fn flush_block(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.header.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_preset("                   ").set_content_arrangement(ContentArrangement::Disabled);
        if !self.header_written {
            table.add_row(&self.header);
        }
        for row in self.block.drain(..) {
            table.add_row(row);
        }
        for (column, (width, right)) in table.column_iter_mut().zip(self.widths.iter().zip(&self.right)) {
            column.set_cell_alignment(if *right { CellAlignment::Right } else { CellAlignment::Left });
            column.set_padding((0, 2));
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*width)));
        }
        self.widths = table
            .column_max_content_widths()
            .iter()
            .zip(&self.widths)
            .map(|(new, old)| *new.max(old))
            .collect();
        for (at, line) in table.lines().enumerate() {
            writeln!(out, "{}", line.trim_end())?;
            if at == 0 && !self.header_written {
                self.header_written = true;
                let rule: Vec<String> =
                    self.widths.iter().map(|width| "─".repeat(usize::from(*width))).collect();
                writeln!(out, "{}", rule.join("  "))?;
            }
        }
        Ok(())
    }
}

impl Sink for TableSink {
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            match &mut self.left {
                Some(0) => return Ok(()),
                Some(left) => *left -= 1,
                None => {}
            }
            let cells =
                batch.columns().iter().map(|column| self.cell(value::text(column.as_ref(), row))).collect();
            self.block.push(cells);
            if self.block.len() == BLOCK_ROWS {
                self.flush_block(out)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.header_written || !self.block.is_empty() {
            self.flush_block(out)?;
        }
        Ok(())
    }
}
