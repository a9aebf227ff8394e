//! Records that are rows of cells, straight into columns: a block of them at once, column by column, so that what kind of
//! column it is has to be asked once for many cells.
//!
//! As the rest of this road, it takes what it is sure of. The first record that is not for it ends the block.

use std::borrow::Cow;

use arrow::datatypes::ArrowNativeType;

use super::super::Columns;
use super::super::build::{Bits, Bytes, Column, Numbers};
use super::super::cell::Cell;
use super::super::plan::{Inner, Slot};
use super::guide::Guide;
use super::{Rescue, Take, Taken, admit, in_resolution, local_time, number, of_instant, scalar, time};
use crate::decode::json;
use crate::schema::field::Kind;
use crate::schema::processing_config::{OnUnknownField, Zone};
use crate::schema::rules::Swift;

/// A block of records of cells, and how its format spells values. All bytes are UTF-8.
pub(in crate::decode) trait Grid {
    fn records(&self) -> usize;

    /// The bytes of a cell, as they are.
    fn raw(&self, record: usize, column: usize) -> &[u8];

    /// What the cell of a text says.
    fn text<'g>(&'g self, raw: &'g [u8]) -> Said<'g>;

    /// What the cell of a value says that is no text.
    fn value<'g>(&'g self, raw: &'g [u8]) -> Said<'g>;

    /// The JSON literal of a number.
    fn literal<'g>(&self, value: &'g str) -> Option<Cow<'g, str>>;

    fn boolean(&self, value: &[u8]) -> Option<bool>;

    /// True when whatever can be read as a number or a time is one, and an empty cell is null.
    fn is_plain(&self) -> bool;
}

/// What a cell says, without its quotes.
pub(in crate::decode) enum Said<'g> {
    Null,
    Bytes(Cow<'g, [u8]>),
    /// Something is wrong with the cell.
    Unclear,
}

/// Which cells go where.
#[derive(Debug)]
pub(in crate::decode) struct Sources {
    /// For each field of the schema, the column that has its values.
    pub fields: Vec<Option<usize>>,
    /// Columns that are no fields, each with its name as a JSON text.
    pub unknown: Vec<(usize, String)>,
}

/// Records of a block that were taken in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) struct Block {
    pub records: usize,
    pub unknown_fields: u64,
    /// Roughly the memory that their values take, besides the text of the records.
    pub weight: usize,
}

impl Columns {
    /// Takes in records from the start of a block, each of which has a cell for every column.
    pub(in crate::decode) fn take_block(&mut self, grid: &impl Grid, sources: &Sources) -> Block {
        let plan = std::sync::Arc::clone(&self.plan);
        let mut filling = Filling { grid, zone: plan.zone, most: grid.records() };
        let slots = plan.members.slots.iter().zip(&sources.fields);
        let targets = self.columns.iter_mut().zip(&mut self.memory.guide.inner);
        for ((slot, source), (column, guide)) in slots.zip(targets) {
            filling.most = match source {
                Some(source) => filling.column(*source, slot, column, guide),
                None => filling.missing(slot, column),
            };
        }
        let mut unknown_fields = 0;
        if !sources.unknown.is_empty() {
            (filling.most, unknown_fields) = filling.unknown(sources, plan.on_unknown, self.rescued.as_mut());
        } else if let Some(rescued) = &mut self.rescued {
            (0..filling.most).for_each(|_| rescued.push_null());
        }
        let records = filling.most;
        self.rows += records;
        if records < grid.records() {
            self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
            if let Some(rescued) = &mut self.rescued {
                rescued.truncate(self.rows);
            }
        }
        let weight = records * plan.members.slots.len() * size_of::<Cell<'_>>();
        Block { records, unknown_fields, weight }
    }
}

/// A block on its way into the columns.
struct Filling<'g, G> {
    grid: &'g G,
    zone: Zone,
    /// Records that all columns so far could take.
    most: usize,
}

impl<G: Grid> Filling<'_, G> {
    /// Fills one column; the number of records that it could take.
    fn column(&self, source: usize, slot: &Slot, column: &mut Column, guide: &mut Guide) -> usize {
        let swift = &slot.swift;
        let whole = |value: i128| match swift {
            Swift::Always => true,
            Swift::Whole(rule) => rule.admits(value),
            _ => false,
        };
        let real = |value: f64| match swift {
            Swift::Always => true,
            Swift::Real(rule) => rule.admits(value),
            _ => false,
        };
        match (column, &slot.field.kind) {
            (Column::Long(into), _) => {
                self.numbers(source, slot, into, number::long, |value| whole(i128::from(value)))
            }
            (Column::Double(into), _) => self.numbers(source, slot, into, number::double, real),
            (Column::Int(into), _) => self.numbers(source, slot, into, int, |value| whole(i128::from(value))),
            (Column::Float(into), _) => {
                self.numbers(source, slot, into, number::float, |value| real(f64::from(value)))
            }
            (Column::Decimal(into, _), &Kind::Decimal { precision, scale }) => {
                let parse = |text: &[u8]| number::decimal(text, precision, scale);
                self.numbers(source, slot, into, parse, whole)
            }
            (Column::Date(into), _) => {
                self.times(source, slot, into, time::date, |value| whole(i128::from(value)))
            }
            (Column::Micros(into) | Column::Nanos(into), kind) => {
                let parse = |text: &[u8]| self.timestamp(text, kind);
                self.times(source, slot, into, parse, |value| whole(i128::from(value)))
            }
            (Column::Boolean(into), _) => self.booleans(source, slot, into),
            (Column::Binary(into), _) => self.binaries(source, slot, into),
            (Column::Text(into), Kind::String) if matches!(swift, Swift::Always) => {
                self.texts(source, slot, into)
            }
            (column, kind) => (0..self.most)
                .find(|&record| self.other(record, source, slot, column, kind, guide).is_none())
                .unwrap_or(self.most),
        }
    }

    /// A column that the records do not have.
    fn missing(&self, slot: &Slot, column: &mut Column) -> usize {
        for _ in 0..self.most {
            match &slot.default {
                Some(default) => column.push(default),
                None if slot.field.nullable => column.push_null(),
                None => return 0,
            }
        }
        self.most
    }

    /// `parse` gives the value and the bytes that it took from the start of the text.
    fn numbers<T: ArrowNativeType>(
        &self,
        source: usize,
        slot: &Slot,
        into: &mut Numbers<T>,
        parse: impl Fn(&[u8]) -> Option<(T, usize)>,
        admits: impl Fn(T) -> bool,
    ) -> usize {
        let exactly = |text: &[u8]| match parse(text) {
            Some((value, length)) if length == text.len() => Some(value),
            _ => None,
        };
        let spelled = |text: &[u8]| {
            exactly(text).or_else(|| exactly(self.grid.literal(str::from_utf8(text).ok()?)?.as_bytes()))
        };
        self.values(source, slot, into, exactly, spelled, admits)
    }

    fn times<T: ArrowNativeType>(
        &self,
        source: usize,
        slot: &Slot,
        into: &mut Numbers<T>,
        parse: impl Fn(&[u8]) -> Option<T>,
        admits: impl Fn(T) -> bool,
    ) -> usize {
        self.values(source, slot, into, &parse, &parse, admits)
    }

    /// `parse` reads the usual spelling, `spelled` any.
    #[inline]
    fn values<T: ArrowNativeType>(
        &self,
        source: usize,
        slot: &Slot,
        into: &mut Numbers<T>,
        parse: impl Fn(&[u8]) -> Option<T>,
        spelled: impl Fn(&[u8]) -> Option<T>,
        admits: impl Fn(T) -> bool,
    ) -> usize {
        let is_plain = self.grid.is_plain();
        for record in 0..self.most {
            let raw = self.grid.raw(record, source);
            let read = match is_plain.then(|| parse(raw)).flatten() {
                Some(value) => Some(value),
                None if raw.is_empty() && is_plain => None,
                None => match self.grid.value(raw) {
                    Said::Null => None,
                    Said::Unclear => return record,
                    Said::Bytes(text) => match spelled(&text) {
                        Some(value) => Some(value),
                        None => return record,
                    },
                },
            };
            match read {
                Some(value) if admits(value) => into.push(value),
                None if slot.field.nullable => into.push_null(),
                _ => return record,
            }
        }
        self.most
    }

    fn timestamp(&self, text: &[u8], kind: &Kind) -> Option<i64> {
        let Kind::Timestamp { resolution, epoch } = *kind else { return None };
        let Some(instant) = time::instant(text) else {
            let literal = self.grid.literal(str::from_utf8(text).ok()?)?;
            let (count, length) = number::long(literal.as_bytes())?;
            let nanos = i128::from(count) * scalar::nanos_of(epoch?);
            return if length == literal.len() { in_resolution(nanos, resolution) } else { None };
        };
        if instant.has_offset || self.zone == Zone::UTC {
            return of_instant(instant, resolution);
        }
        let clock = i128::from(instant.seconds) * 1_000_000_000 + i128::from(instant.nanos);
        in_resolution(local_time::instant(self.zone, clock).ok()?, resolution)
    }

    fn booleans(&self, source: usize, slot: &Slot, into: &mut Bits) -> usize {
        for record in 0..self.most {
            let read = match self.grid.value(self.grid.raw(record, source)) {
                Said::Null => None,
                Said::Unclear => return record,
                Said::Bytes(text) => match self.grid.boolean(&text) {
                    Some(flag) => Some(flag),
                    None => return record,
                },
            };
            let admits = |flag: bool| match &slot.swift {
                Swift::Always => true,
                Swift::Boolean(allowed) => allowed[usize::from(flag)],
                _ => false,
            };
            match read {
                Some(flag) if admits(flag) => into.push(flag),
                None if slot.field.nullable => into.push_null(),
                _ => return record,
            }
        }
        self.most
    }

    fn texts(&self, source: usize, slot: &Slot, into: &mut Bytes) -> usize {
        for record in 0..self.most {
            match self.grid.text(self.grid.raw(record, source)) {
                Said::Bytes(text) => into.push(&text),
                Said::Null if slot.field.nullable => into.push_null(),
                Said::Null | Said::Unclear => return record,
            }
        }
        self.most
    }

    fn binaries(&self, source: usize, slot: &Slot, into: &mut Bytes) -> usize {
        if !matches!(slot.swift, Swift::Always) {
            return 0;
        }
        for record in 0..self.most {
            match self.grid.text(self.grid.raw(record, source)) {
                Said::Bytes(text) => {
                    let decoded = str::from_utf8(&text).ok().and_then(crate::base64::decoded);
                    match decoded {
                        Some(bytes) => into.push(&bytes),
                        None => return record,
                    }
                }
                Said::Null if slot.field.nullable => into.push_null(),
                Said::Null | Said::Unclear => return record,
            }
        }
        self.most
    }

    /// Texts with rules, JSON, and what is nested.
    fn other(
        &self,
        record: usize,
        source: usize,
        slot: &Slot,
        column: &mut Column,
        kind: &Kind,
        guide: &mut Guide,
    ) -> Option<()> {
        let raw = self.grid.raw(record, source);
        let said = if matches!(kind, Kind::String) { self.grid.text(raw) } else { self.grid.value(raw) };
        let text = match said {
            Said::Bytes(text) => text,
            Said::Null => return slot.field.nullable.then(|| column.push_null()),
            Said::Unclear => return None,
        };
        match (&mut *column, kind) {
            (Column::Text(into), Kind::String) => into.push(&text),
            (Column::Text(into), Kind::Json) => {
                let value = json::parse(&text).ok()?;
                // A null is no JSON text but no value at all.
                if value.node == crate::decode::value::Node::Null {
                    return None;
                }
                into.push(&text);
            }
            _ => return self.nested(&text, slot, column, guide),
        }
        match &slot.swift {
            Swift::Always => Some(()),
            swift => admit::newest(swift, column, guide).then_some(()),
        }
    }

    fn nested(&self, text: &[u8], slot: &Slot, column: &mut Column, guide: &mut Guide) -> Option<()> {
        if matches!(slot.inner, Inner::Nothing) {
            return None;
        }
        let mut reader = super::Reader::new(text, false);
        let mut take = Take {
            reader: &mut reader,
            // Unknown members would have to be rescued below the name of the column.
            on_unknown: OnUnknownField::Reject,
            zone: self.zone,
            rescued: None::<Rescue<'_>>,
            is_root: false,
            taken: Taken::default(),
        };
        take.value(slot, column, guide)?;
        (reader.at == text.len()).then_some(())
    }

    /// Columns that are no fields: their cells as texts of one JSON object.
    fn unknown(
        &self,
        sources: &Sources,
        on_unknown: OnUnknownField,
        mut rescued: Option<&mut Bytes>,
    ) -> (usize, u64) {
        let mut unknown_fields = 0;
        for record in 0..self.most {
            let mut found = 0;
            for (source, name) in &sources.unknown {
                let text = match self.grid.text(self.grid.raw(record, *source)) {
                    Said::Null => continue,
                    Said::Bytes(text) if on_unknown != OnUnknownField::Reject => text,
                    Said::Bytes(_) | Said::Unclear => return (record, unknown_fields),
                };
                if let Some(rescued) = &mut rescued {
                    let object = rescued.open();
                    object.push(if found == 0 { b'{' } else { b',' });
                    object.extend_from_slice(name.as_bytes());
                    object.push(b':');
                    push_json_text(&text, object);
                }
                found += 1;
            }
            unknown_fields += found;
            match &mut rescued {
                Some(rescued) if found > 0 => {
                    rescued.open().push(b'}');
                    rescued.close();
                }
                Some(rescued) => rescued.push_null(),
                None => {}
            }
        }
        (self.most, unknown_fields)
    }
}

fn int(text: &[u8]) -> Option<(i32, usize)> {
    let (value, length) = number::long(text)?;
    Some((i32::try_from(value).ok()?, length))
}

fn push_json_text(text: &[u8], into: &mut Vec<u8>) {
    if text.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        let value = serde_json::Value::String(String::from_utf8_lossy(text).into_owned());
        into.extend_from_slice(value.to_string().as_bytes());
    } else {
        into.push(b'"');
        into.extend_from_slice(text);
        into.push(b'"');
    }
}
