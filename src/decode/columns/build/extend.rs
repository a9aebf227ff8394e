//! Columns that grow by whole runs of values, taken over from the arrays of another reader.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};

use super::{Bits, Bytes, Column, Numbers};
use crate::decode::columns::plan::{Inner, Slot};

/// Values of one field, in the form in which its column holds them: days and times as integers, decimals by the column's
/// scale, texts and binary values as bytes.
#[derive(Debug)]
pub(in crate::decode) enum Values {
    Array(ArrayRef),
    /// Null in every row.
    Null,
    /// The records do not have the field: its default in every row, or null.
    Missing,
    /// In the order of the fields.
    Struct {
        members: Vec<Values>,
        nulls: Option<NullBuffer>,
    },
    List {
        items: Box<Values>,
        ends: OffsetBuffer<i32>,
        nulls: Option<NullBuffer>,
    },
    /// Keys are texts.
    Map {
        keys: ArrayRef,
        values: Box<Values>,
        ends: OffsetBuffer<i32>,
        nulls: Option<NullBuffer>,
    },
}

impl Column {
    /// Takes over the values of these rows, which are known to fit.
    pub fn extend(&mut self, values: &Values, slot: &Slot, rows: Range<usize>) {
        match (self, values, &slot.inner) {
            (column, Values::Array(array), _) => column.extend_flat(array, rows),
            (column, Values::Null, _) => rows.for_each(|_| column.push_null()),
            (column, Values::Missing, _) => rows.for_each(|_| match &slot.default {
                Some(default) => column.push(default),
                None => column.push_null(),
            }),
            (column @ Column::Struct(_), Values::Struct { members, nulls }, Inner::Struct(plan)) => {
                for (run, is_null) in runs(nulls.as_ref(), rows) {
                    if is_null {
                        run.for_each(|_| column.push_null());
                    } else if let Column::Struct(objects) = column {
                        let targets = objects.columns.iter_mut().zip(&plan.slots);
                        for ((column, slot), values) in targets.zip(members) {
                            column.extend(values, slot, run.clone());
                        }
                        run.for_each(|_| objects.close());
                    }
                }
            }
            (column @ Column::List(_), Values::List { items, ends, nulls }, Inner::List(slot)) => {
                for row in rows {
                    if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                        column.push_null();
                    } else if let Column::List(lists) = column {
                        lists.items.extend(items, slot, of_row(ends, row));
                        lists.close();
                    }
                }
            }
            (column @ Column::Map(_), Values::Map { keys, values, ends, nulls }, Inner::Map(slot)) => {
                for row in rows {
                    if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                        column.push_null();
                    } else if let Column::Map(maps) = column {
                        maps.keys.extend(keys, of_row(ends, row));
                        maps.values.extend(values, slot, of_row(ends, row));
                        maps.close();
                    }
                }
            }
            (column, values, _) => {
                debug_assert!(false, "{values:?} are no values of {column:?}");
                rows.for_each(|_| column.push_null());
            }
        }
    }

    fn extend_flat(&mut self, array: &ArrayRef, rows: Range<usize>) {
        match self {
            Column::Boolean(bits) => bits.extend(array.as_boolean(), rows),
            Column::Int(numbers) | Column::Date(numbers) => {
                numbers.extend(array.as_primitive::<Int32Type>(), rows);
            }
            Column::Long(numbers) | Column::Micros(numbers) | Column::Nanos(numbers) => {
                numbers.extend(array.as_primitive::<Int64Type>(), rows);
            }
            Column::Float(numbers) => numbers.extend(array.as_primitive::<Float32Type>(), rows),
            Column::Double(numbers) => numbers.extend(array.as_primitive::<Float64Type>(), rows),
            Column::Decimal(numbers, _) => numbers.extend(array.as_primitive::<Decimal128Type>(), rows),
            Column::Text(bytes) | Column::Binary(bytes) => bytes.extend(array, rows),
            Column::Struct(_) | Column::List(_) | Column::Map(_) => {
                debug_assert!(false, "nested columns take nested values");
                rows.for_each(|_| self.push_null());
            }
        }
    }
}

impl<T: arrow::datatypes::ArrowNativeType> Numbers<T> {
    fn extend<A: ArrowPrimitiveType<Native = T>>(&mut self, array: &PrimitiveArray<A>, rows: Range<usize>) {
        self.values.extend_from_slice(&array.values()[rows.clone()]);
        match array.nulls() {
            None => self.nulls.append_n_non_nulls(rows.len()),
            Some(nulls) => rows.for_each(|row| self.nulls.append(nulls.is_valid(row))),
        }
    }
}

impl Bits {
    fn extend(&mut self, array: &BooleanArray, rows: Range<usize>) {
        for row in rows {
            if array.is_null(row) { self.push_null() } else { self.push(array.value(row)) }
        }
    }
}

impl Bytes {
    fn extend(&mut self, array: &ArrayRef, rows: Range<usize>) {
        if let Some(values) = array.as_binary_view_opt() {
            self.take(array, rows, |row| values.value(row));
        } else {
            let values = array.as_fixed_size_binary();
            self.take(array, rows, |row| values.value(row));
        }
    }

    fn take<'a>(&mut self, array: &ArrayRef, rows: Range<usize>, value: impl Fn(usize) -> &'a [u8]) {
        for row in rows {
            if array.is_null(row) { self.push_null() } else { self.push(value(row)) }
        }
    }
}

/// Rows in a row that are all null or none.
fn runs(nulls: Option<&NullBuffer>, rows: Range<usize>) -> impl Iterator<Item = (Range<usize>, bool)> {
    let is_null = move |row: usize| nulls.is_some_and(|nulls| nulls.is_null(row));
    let mut start = rows.start;
    std::iter::from_fn(move || {
        if start == rows.end {
            return None;
        }
        let kind = is_null(start);
        let end = match nulls {
            None => rows.end,
            Some(_) => (start..rows.end).find(|&row| is_null(row) != kind).unwrap_or(rows.end),
        };
        let run = (start..end, kind);
        start = end;
        Some(run)
    })
}

fn of_row(ends: &OffsetBuffer<i32>, row: usize) -> Range<usize> {
    ends[row] as usize..ends[row + 1] as usize
}
