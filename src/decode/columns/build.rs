//! Columns under construction: buffers that grow value by value, and can be cut back when a record turns out unfit
//! half-way.
//!
//! They take only what was checked, so pushing cannot fail.

mod buffer;
mod extend;

use std::sync::Arc;

use arrow::array::NullBufferBuilder;
use arrow::array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, FieldRef, Fields, TimeUnit};
use arrow::error::ArrowError;

pub(in crate::decode) use self::buffer::{Bits, Bytes, Numbers};
pub(in crate::decode) use self::extend::Values;
use super::cell::Cell;
use crate::schema::field::{Field, Kind, Resolution};

/// A column under construction.
#[derive(Debug)]
pub(in crate::decode) enum Column {
    Boolean(Bits),
    Int(Numbers<i32>),
    Long(Numbers<i64>),
    Float(Numbers<f32>),
    Double(Numbers<f64>),
    /// The digits, scaled by the column's scale.
    Decimal(Numbers<i128>, DataType),
    /// Days since 1970-01-01.
    Date(Numbers<i32>),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Micros(Numbers<i64>),
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Nanos(Numbers<i64>),
    Text(Bytes),
    Binary(Bytes),
    Struct(Members),
    List(Runs),
    Map(Entries),
}

/// The members of nested objects, each a column as long as the outer one.
#[derive(Debug)]
pub(in crate::decode) struct Members {
    pub columns: Vec<Column>,
    fields: Fields,
    nulls: NullBufferBuilder,
}

/// Lists: all their items in one column.
#[derive(Debug)]
pub(in crate::decode) struct Runs {
    pub items: Box<Column>,
    item: FieldRef,
    /// Ends of the lists, behind a leading zero.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

/// Maps: all their keys and values in two columns.
#[derive(Debug)]
pub(in crate::decode) struct Entries {
    pub keys: Bytes,
    pub values: Box<Column>,
    entry: FieldRef,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Column {
    pub fn of(field: &Field) -> Result<Column, ArrowError> {
        let kind = field.kind.arrow();
        Ok(match &field.kind {
            Kind::String | Kind::Json => Column::Text(Bytes::default()),
            Kind::Boolean => Column::Boolean(Bits::default()),
            Kind::Int => Column::Int(Numbers::default()),
            Kind::Long => Column::Long(Numbers::default()),
            Kind::Float => Column::Float(Numbers::default()),
            Kind::Double => Column::Double(Numbers::default()),
            Kind::Decimal { .. } => Column::Decimal(Numbers::default(), kind),
            Kind::Date => Column::Date(Numbers::default()),
            Kind::Timestamp { resolution: Resolution::Micros, .. } => Column::Micros(Numbers::default()),
            Kind::Timestamp { resolution: Resolution::Nanos, .. } => Column::Nanos(Numbers::default()),
            Kind::Binary => Column::Binary(Bytes::default()),
            Kind::Struct(members) => Column::Struct(Members {
                columns: members.iter().map(Column::of).collect::<Result<_, _>>()?,
                fields: members.iter().map(Field::arrow).collect(),
                nulls: NullBufferBuilder::new(0),
            }),
            Kind::List(item) => Column::List(Runs {
                items: Box::new(Column::of(item)?),
                item: inner_field(&kind)?,
                ends: vec![0],
                nulls: NullBufferBuilder::new(0),
            }),
            Kind::Map(value) => Column::Map(Entries {
                keys: Bytes::default(),
                values: Box::new(Column::of(value)?),
                entry: inner_field(&kind)?,
                ends: vec![0],
                nulls: NullBufferBuilder::new(0),
            }),
        })
    }

    /// Values so far, nulls included.
    pub fn len(&self) -> usize {
        match self {
            Column::Boolean(bits) => bits.len(),
            Column::Int(numbers) | Column::Date(numbers) => numbers.len(),
            Column::Long(numbers) | Column::Micros(numbers) | Column::Nanos(numbers) => numbers.len(),
            Column::Float(numbers) => numbers.len(),
            Column::Double(numbers) => numbers.len(),
            Column::Decimal(numbers, _) => numbers.len(),
            Column::Text(bytes) | Column::Binary(bytes) => bytes.len(),
            Column::Struct(members) => members.nulls.len(),
            Column::List(runs) => runs.ends.len() - 1,
            Column::Map(entries) => entries.ends.len() - 1,
        }
    }

    /// Forgets all values from this one on.
    pub fn truncate(&mut self, length: usize) {
        match self {
            Column::Boolean(bits) => bits.truncate(length),
            Column::Int(numbers) | Column::Date(numbers) => numbers.truncate(length),
            Column::Long(numbers) | Column::Micros(numbers) | Column::Nanos(numbers) => {
                numbers.truncate(length);
            }
            Column::Float(numbers) => numbers.truncate(length),
            Column::Double(numbers) => numbers.truncate(length),
            Column::Decimal(numbers, _) => numbers.truncate(length),
            Column::Text(bytes) | Column::Binary(bytes) => bytes.truncate(length),
            // Members and items may have grown although their object or array is not closed yet.
            Column::Struct(members) => {
                members.columns.iter_mut().for_each(|column| column.truncate(length));
                members.nulls.truncate(length);
            }
            Column::List(runs) => {
                runs.ends.truncate(length + 1);
                runs.nulls.truncate(length);
                runs.items.truncate(last(&runs.ends));
            }
            Column::Map(entries) => {
                entries.ends.truncate(length + 1);
                entries.nulls.truncate(length);
                entries.keys.truncate(last(&entries.ends));
                entries.values.truncate(last(&entries.ends));
            }
        }
    }

    /// Appends a cell; the check has made it one of this column. Null otherwise, which is never seen.
    pub fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Column::Boolean(bits), Cell::Boolean(value)) => bits.push(*value),
            (Column::Int(numbers), Cell::Int(value)) => numbers.push(*value),
            (Column::Long(numbers), Cell::Long(value)) => numbers.push(*value),
            (Column::Float(numbers), Cell::Float(value)) => numbers.push(*value),
            (Column::Double(numbers), Cell::Double(value)) => numbers.push(*value),
            (Column::Decimal(numbers, _), Cell::Decimal(value)) => numbers.push(*value),
            (Column::Date(numbers), Cell::Date(value)) => numbers.push(*value),
            (Column::Micros(numbers) | Column::Nanos(numbers), Cell::Timestamp(value)) => {
                numbers.push(*value);
            }
            (Column::Text(bytes), Cell::Text(value)) => bytes.push(value.as_bytes()),
            (Column::Binary(bytes), Cell::Bytes(value)) => bytes.push(value),
            (Column::Struct(members), Cell::Struct(cells)) => {
                members.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
                members.close();
            }
            (Column::List(runs), Cell::List(cells)) => {
                cells.iter().for_each(|cell| runs.items.push(cell));
                runs.close();
            }
            (Column::Map(entries), Cell::Map(cells)) => {
                for (key, cell) in cells {
                    entries.keys.push(key.as_bytes());
                    entries.values.push(cell);
                }
                entries.close();
            }
            (column, cell) => {
                debug_assert!(matches!(cell, Cell::Null), "the check makes cells of their columns");
                column.push_null();
            }
        }
    }

    pub fn push_null(&mut self) {
        match self {
            Column::Boolean(bits) => bits.push_null(),
            Column::Int(numbers) | Column::Date(numbers) => numbers.push_null(),
            Column::Long(numbers) | Column::Micros(numbers) | Column::Nanos(numbers) => numbers.push_null(),
            Column::Float(numbers) => numbers.push_null(),
            Column::Double(numbers) => numbers.push_null(),
            Column::Decimal(numbers, _) => numbers.push_null(),
            Column::Text(bytes) | Column::Binary(bytes) => bytes.push_null(),
            Column::Struct(members) => {
                members.fill();
                members.nulls.append_null();
            }
            Column::List(runs) => {
                runs.ends.push(last_end(&runs.ends));
                runs.nulls.append_null();
            }
            Column::Map(entries) => {
                entries.ends.push(last_end(&entries.ends));
                entries.nulls.append_null();
            }
        }
    }

    /// A member that may not be null, of an object that is: any value, since nobody sees it.
    fn push_blank(&mut self) {
        match self {
            Column::Boolean(bits) => bits.push(false),
            Column::Int(numbers) | Column::Date(numbers) => numbers.push(0),
            Column::Long(numbers) | Column::Micros(numbers) | Column::Nanos(numbers) => numbers.push(0),
            Column::Float(numbers) => numbers.push(0.0),
            Column::Double(numbers) => numbers.push(0.0),
            Column::Decimal(numbers, _) => numbers.push(0),
            Column::Text(bytes) | Column::Binary(bytes) => bytes.push(b""),
            Column::Struct(members) => {
                members.fill();
                members.close();
            }
            Column::List(runs) => runs.close(),
            Column::Map(entries) => entries.close(),
        }
    }

    /// The values so far; the column is empty afterwards.
    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Column::Boolean(bits) => Arc::new(bits.finish()),
            Column::Int(numbers) => numbers.finish(&DataType::Int32),
            Column::Long(numbers) => numbers.finish(&DataType::Int64),
            Column::Float(numbers) => numbers.finish(&DataType::Float32),
            Column::Double(numbers) => numbers.finish(&DataType::Float64),
            Column::Decimal(numbers, kind) => numbers.finish(kind),
            Column::Date(numbers) => numbers.finish(&DataType::Date32),
            Column::Micros(numbers) => numbers.finish(&in_utc(TimeUnit::Microsecond)),
            Column::Nanos(numbers) => numbers.finish(&in_utc(TimeUnit::Nanosecond)),
            Column::Text(bytes) => Arc::new(bytes.finish_text()?),
            Column::Binary(bytes) => Arc::new(bytes.finish_binary()?),
            Column::Struct(members) => {
                let length = members.nulls.len();
                let arrays = members.columns.iter_mut().map(Column::finish).collect::<Result<_, _>>()?;
                let nulls = members.nulls.finish();
                Arc::new(StructArray::try_new_with_length(members.fields.clone(), arrays, nulls, length)?)
            }
            Column::List(runs) => {
                let (ends, items) = (offsets(&mut runs.ends), runs.items.finish()?);
                Arc::new(ListArray::try_new(Arc::clone(&runs.item), ends, items, runs.nulls.finish())?)
            }
            Column::Map(Entries { keys, values, entry, ends, nulls }) => {
                let entries = map_entries(entry, Arc::new(keys.finish_text()?), values.finish()?)?;
                Arc::new(MapArray::try_new(Arc::clone(entry), offsets(ends), entries, nulls.finish(), false)?)
            }
        })
    }
}

impl Members {
    /// Objects so far, nulls included.
    pub fn len(&self) -> usize {
        self.nulls.len()
    }

    /// The object ends; each of its members has a value now.
    pub fn close(&mut self) {
        self.nulls.append_non_null();
    }

    /// Gives each member something, for an object that is null.
    fn fill(&mut self) {
        for (field, column) in self.fields.iter().zip(&mut self.columns) {
            if field.is_nullable() { column.push_null() } else { column.push_blank() }
        }
    }
}

impl Runs {
    /// The list ends: it holds all items since the one before.
    pub fn close(&mut self) {
        self.ends.push(end(self.items.len()));
        self.nulls.append_non_null();
    }

    /// Items of the list that was closed last.
    pub fn newest_length(&self) -> u64 {
        newest_length(&self.ends)
    }
}

impl Entries {
    /// The map ends: it holds all entries since the one before.
    pub fn close(&mut self) {
        self.ends.push(end(self.keys.len()));
        self.nulls.append_non_null();
    }

    /// Entries of the map that was closed last.
    pub fn newest_length(&self) -> u64 {
        newest_length(&self.ends)
    }
}

fn in_utc(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, Some("UTC".into()))
}

fn newest_length(ends: &[i32]) -> u64 {
    match ends {
        [.., before, end] => u64::from(end.abs_diff(*before)),
        _ => 0,
    }
}

/// Offsets stay far below `i32::MAX`: the decoder closes a batch long before.
fn end(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn last_end(ends: &[i32]) -> i32 {
    ends.last().copied().unwrap_or(0)
}

fn last(ends: &[i32]) -> usize {
    last_end(ends) as usize
}

fn offsets(ends: &mut Vec<i32>) -> OffsetBuffer<i32> {
    let mut next = Vec::with_capacity(ends.len());
    next.push(0);
    OffsetBuffer::new(std::mem::replace(ends, next).into())
}

/// The field of a list's items or of a map's entries.
fn inner_field(kind: &DataType) -> Result<FieldRef, ArrowError> {
    match kind {
        DataType::List(field) | DataType::Map(field, _) => Ok(Arc::clone(field)),
        other => Err(ArrowError::SchemaError(format!("{other} holds no items"))),
    }
}

fn map_entries(entry: &FieldRef, keys: ArrayRef, values: ArrayRef) -> Result<StructArray, ArrowError> {
    match entry.data_type() {
        DataType::Struct(fields) => StructArray::try_new(fields.clone(), vec![keys, values], None),
        other => Err(ArrowError::SchemaError(format!("{other} holds no map entries"))),
    }
}
