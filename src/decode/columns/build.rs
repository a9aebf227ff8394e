//! Arrow builders, one for each column. They take only what was checked, so appending cannot fail.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int32Builder, Int64Builder, ListArray, MapArray, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondBuilder, TimestampNanosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields};
use arrow::error::ArrowError;

use super::cell::Cell;
use crate::schema::field::{Field, Kind, Resolution};

/// A column under construction.
#[derive(Debug)]
pub(super) enum Column {
    Boolean(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder),
    Date(Date32Builder),
    Micros(TimestampMicrosecondBuilder),
    Nanos(TimestampNanosecondBuilder),
    Text(StringBuilder),
    Binary(BinaryBuilder),
    Struct { fields: Fields, columns: Vec<Column>, rows: Validity },
    List { item: FieldRef, items: Box<Column>, offsets: Vec<i32>, rows: Validity },
    Map { entry: FieldRef, keys: StringBuilder, values: Box<Column>, offsets: Vec<i32>, rows: Validity },
}

/// Which rows of a nested column are not null.
#[derive(Debug, Default)]
pub(super) struct Validity(Vec<bool>);

impl Validity {
    fn finish(&mut self) -> Option<NullBuffer> {
        let rows = std::mem::take(&mut self.0);
        if rows.iter().all(|valid| *valid) { None } else { Some(NullBuffer::from(rows)) }
    }
}

impl Column {
    pub fn of(field: &Field) -> Result<Column, ArrowError> {
        let kind = field.kind.arrow();
        Ok(match &field.kind {
            Kind::String | Kind::Json => Column::Text(StringBuilder::new()),
            Kind::Boolean => Column::Boolean(BooleanBuilder::new()),
            Kind::Int => Column::Int(Int32Builder::new()),
            Kind::Long => Column::Long(Int64Builder::new()),
            Kind::Float => Column::Float(Float32Builder::new()),
            Kind::Double => Column::Double(Float64Builder::new()),
            Kind::Decimal { precision, scale } => Column::Decimal(
                Decimal128Builder::new()
                    .with_precision_and_scale(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))?,
            ),
            Kind::Date => Column::Date(Date32Builder::new()),
            Kind::Timestamp { resolution: Resolution::Micros, .. } => {
                Column::Micros(TimestampMicrosecondBuilder::new().with_data_type(kind))
            }
            Kind::Timestamp { resolution: Resolution::Nanos, .. } => {
                Column::Nanos(TimestampNanosecondBuilder::new().with_data_type(kind))
            }
            Kind::Binary => Column::Binary(BinaryBuilder::new()),
            Kind::Struct(members) => Column::Struct {
                fields: members.iter().map(Field::arrow).collect(),
                columns: members.iter().map(Column::of).collect::<Result<_, _>>()?,
                rows: Validity::default(),
            },
            Kind::List(item) => Column::List {
                item: inner_field(&kind)?,
                items: Box::new(Column::of(item)?),
                offsets: vec![0],
                rows: Validity::default(),
            },
            Kind::Map(value) => Column::Map {
                entry: inner_field(&kind)?,
                keys: StringBuilder::new(),
                values: Box::new(Column::of(value)?),
                offsets: vec![0],
                rows: Validity::default(),
            },
        })
    }

    /// Appends a cell; the check has made it one of this column. Null otherwise, which is never seen.
    pub fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Column::Boolean(builder), Cell::Boolean(value)) => builder.append_value(*value),
            (Column::Int(builder), Cell::Int(value)) => builder.append_value(*value),
            (Column::Long(builder), Cell::Long(value)) => builder.append_value(*value),
            (Column::Float(builder), Cell::Float(value)) => builder.append_value(*value),
            (Column::Double(builder), Cell::Double(value)) => builder.append_value(*value),
            (Column::Decimal(builder), Cell::Decimal(value)) => builder.append_value(*value),
            (Column::Date(builder), Cell::Date(value)) => builder.append_value(*value),
            (Column::Micros(builder), Cell::Timestamp(value)) => builder.append_value(*value),
            (Column::Nanos(builder), Cell::Timestamp(value)) => builder.append_value(*value),
            (Column::Text(builder), Cell::Text(value)) => builder.append_value(value),
            (Column::Binary(builder), Cell::Bytes(value)) => builder.append_value(value),
            (Column::Struct { columns, rows, .. }, Cell::Struct(cells)) => {
                columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
                rows.0.push(true);
            }
            (Column::List { items, offsets, rows, .. }, Cell::List(cells)) => {
                cells.iter().for_each(|cell| items.push(cell));
                close_run(offsets, cells.len());
                rows.0.push(true);
            }
            (Column::Map { keys, values, offsets, rows, .. }, Cell::Map(entries)) => {
                for (key, cell) in entries {
                    keys.append_value(key);
                    values.push(cell);
                }
                close_run(offsets, entries.len());
                rows.0.push(true);
            }
            (column, cell) => {
                debug_assert!(matches!(cell, Cell::Null), "the check makes cells of their columns");
                column.push_null();
            }
        }
    }

    fn push_null(&mut self) {
        match self {
            Column::Boolean(builder) => builder.append_null(),
            Column::Int(builder) => builder.append_null(),
            Column::Long(builder) => builder.append_null(),
            Column::Float(builder) => builder.append_null(),
            Column::Double(builder) => builder.append_null(),
            Column::Decimal(builder) => builder.append_null(),
            Column::Date(builder) => builder.append_null(),
            Column::Micros(builder) => builder.append_null(),
            Column::Nanos(builder) => builder.append_null(),
            Column::Text(builder) => builder.append_null(),
            Column::Binary(builder) => builder.append_null(),
            Column::Struct { fields, columns, rows } => {
                for (field, column) in fields.iter().zip(columns) {
                    if field.is_nullable() { column.push_null() } else { column.push_blank() }
                }
                rows.0.push(false);
            }
            Column::List { offsets, rows, .. } | Column::Map { offsets, rows, .. } => {
                close_run(offsets, 0);
                rows.0.push(false);
            }
        }
    }

    /// A member that may not be null, of an object that is: any value, since nobody sees it.
    fn push_blank(&mut self) {
        match self {
            Column::Boolean(builder) => builder.append_value(false),
            Column::Int(builder) => builder.append_value(0),
            Column::Long(builder) => builder.append_value(0),
            Column::Float(builder) => builder.append_value(0.0),
            Column::Double(builder) => builder.append_value(0.0),
            Column::Decimal(builder) => builder.append_value(0),
            Column::Date(builder) => builder.append_value(0),
            Column::Micros(builder) => builder.append_value(0),
            Column::Nanos(builder) => builder.append_value(0),
            Column::Text(builder) => builder.append_value(""),
            Column::Binary(builder) => builder.append_value([]),
            Column::Struct { fields, columns, rows } => {
                for (field, column) in fields.iter().zip(columns) {
                    if field.is_nullable() { column.push_null() } else { column.push_blank() }
                }
                rows.0.push(true);
            }
            Column::List { offsets, rows, .. } | Column::Map { offsets, rows, .. } => {
                close_run(offsets, 0);
                rows.0.push(true);
            }
        }
    }

    /// The values so far; the column is empty afterwards.
    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Column::Boolean(builder) => Arc::new(builder.finish()),
            Column::Int(builder) => Arc::new(builder.finish()),
            Column::Long(builder) => Arc::new(builder.finish()),
            Column::Float(builder) => Arc::new(builder.finish()),
            Column::Double(builder) => Arc::new(builder.finish()),
            Column::Decimal(builder) => Arc::new(builder.finish()),
            Column::Date(builder) => Arc::new(builder.finish()),
            Column::Micros(builder) => Arc::new(builder.finish()),
            Column::Nanos(builder) => Arc::new(builder.finish()),
            Column::Text(builder) => Arc::new(builder.finish()),
            Column::Binary(builder) => Arc::new(builder.finish()),
            Column::Struct { fields, columns, rows } => {
                let length = rows.0.len();
                let arrays = columns.iter_mut().map(Column::finish).collect::<Result<_, _>>()?;
                Arc::new(StructArray::try_new_with_length(fields.clone(), arrays, rows.finish(), length)?)
            }
            Column::List { item, items, offsets, rows } => {
                Arc::new(ListArray::try_new(Arc::clone(item), runs(offsets), items.finish()?, rows.finish())?)
            }
            Column::Map { entry, keys, values, offsets, rows } => {
                let entries = map_entries(entry, keys.finish(), values.finish()?)?;
                Arc::new(MapArray::try_new(Arc::clone(entry), runs(offsets), entries, rows.finish(), false)?)
            }
        })
    }
}

/// The field of a list's items or of a map's entries.
fn inner_field(kind: &DataType) -> Result<FieldRef, ArrowError> {
    match kind {
        DataType::List(field) | DataType::Map(field, _) => Ok(Arc::clone(field)),
        other => Err(ArrowError::SchemaError(format!("{other} holds no items"))),
    }
}

fn map_entries(entry: &FieldRef, keys: StringArray, values: ArrayRef) -> Result<StructArray, ArrowError> {
    match entry.data_type() {
        DataType::Struct(fields) => StructArray::try_new(fields.clone(), vec![Arc::new(keys), values], None),
        other => Err(ArrowError::SchemaError(format!("{other} holds no map entries"))),
    }
}

/// Offsets stay far below `i32::MAX`: the decoder closes a batch long before.
fn close_run(offsets: &mut Vec<i32>, length: usize) {
    let last = offsets.last().copied().unwrap_or(0);
    offsets.push(last.saturating_add(i32::try_from(length).unwrap_or(i32::MAX)));
}

fn runs(offsets: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into())
}
