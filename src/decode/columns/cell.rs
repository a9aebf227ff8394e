//! A value that fits its column, ready to be appended.

use std::borrow::Cow;

/// One checked value. Its variant is that of its column's builder.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::decode) enum Cell<'a> {
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// The digits, scaled by the column's scale.
    Decimal(i128),
    /// Days since 1970-01-01.
    Date(i32),
    /// In the unit of the column.
    Timestamp(i64),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
    /// In the order of the fields.
    Struct(Vec<Cell<'a>>),
    List(Vec<Cell<'a>>),
    Map(Vec<(Cow<'a, str>, Cell<'a>)>),
}

impl Cell<'_> {
    /// The same value, on its own.
    pub fn into_owned(self) -> Cell<'static> {
        let own = |cells: Vec<Cell<'_>>| cells.into_iter().map(Cell::into_owned).collect();
        match self {
            Cell::Null => Cell::Null,
            Cell::Boolean(value) => Cell::Boolean(value),
            Cell::Int(value) => Cell::Int(value),
            Cell::Long(value) => Cell::Long(value),
            Cell::Float(value) => Cell::Float(value),
            Cell::Double(value) => Cell::Double(value),
            Cell::Decimal(value) => Cell::Decimal(value),
            Cell::Date(value) => Cell::Date(value),
            Cell::Timestamp(value) => Cell::Timestamp(value),
            Cell::Text(value) => Cell::Text(Cow::Owned(value.into_owned())),
            Cell::Bytes(value) => Cell::Bytes(value),
            Cell::Struct(cells) => Cell::Struct(own(cells)),
            Cell::List(cells) => Cell::List(own(cells)),
            Cell::Map(entries) => Cell::Map(
                entries
                    .into_iter()
                    .map(|(key, cell)| (Cow::Owned(key.into_owned()), cell.into_owned()))
                    .collect(),
            ),
        }
    }

    /// Roughly the memory that the value takes beyond the cell itself.
    pub fn weight(&self) -> usize {
        let all = |cells: &[Cell<'_>]| cells.iter().map(|cell| size_of::<Cell<'_>>() + cell.weight()).sum();
        match self {
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
            Cell::Struct(cells) | Cell::List(cells) => all(cells),
            Cell::Map(entries) => {
                entries.iter().map(|(key, cell)| 2 * size_of::<Cell<'_>>() + key.len() + cell.weight()).sum()
            }
            _ => 0,
        }
    }
}
