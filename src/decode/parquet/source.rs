//! The columns of a file as a tree: how the reader gives their values, and what those mean.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels, parquet_to_arrow_schema};
use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type};

use super::contained::contained;
use super::fault::unsupported;
use super::meaning::Meaning;
use crate::decode::error::DecodeError;
use crate::schema::infer::Known;

/// Values of a column, or of a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    Leaf(Meaning),
    List(Box<Source>),
    Struct(Vec<(String, Source)>),
    /// Keys and values.
    Map(Box<Source>, Box<Source>),
}

/// The columns of a file, and how they are read.
pub(super) struct Shape {
    pub columns: Vec<(String, Source)>,
    pub levels: FieldLevels,
}

impl Shape {
    /// # Errors
    /// `parquet.unsupported`, `parquet.damaged`
    pub fn of(schema: &SchemaDescriptor) -> Result<Shape, DecodeError> {
        if schema.num_columns() == 0 {
            return Err(unsupported("the file has no columns", "deliver a file with columns"));
        }
        let meanings = schema
            .columns()
            .iter()
            .map(|leaf| Meaning::of(leaf.self_type()))
            .collect::<Result<Vec<_>, _>>()?;
        let (arrow, levels) = contained(|| -> Result<_, ParquetError> {
            let stored = SchemaDescriptor::new(Arc::new(as_stored(schema.root_schema())?));
            let arrow = as_views(parquet_to_arrow_schema(&stored, None)?.fields());
            let levels = parquet_to_arrow_field_levels(&stored, ProjectionMask::all(), Some(&arrow))?;
            Ok((arrow, levels))
        })?;
        let mut meanings = meanings.into_iter();
        let columns = members(&arrow, &mut meanings);
        match (columns, meanings.next()) {
            (Some(columns), None) => Ok(Shape { columns, levels }),
            _ => Err(unsupported("the columns nest in a way that is not understood", "write the file again")),
        }
    }
}

impl Source {
    /// The type for values of this column.
    pub fn known(&self) -> Known {
        let members = |members: &[(String, Source)]| {
            members.iter().map(|(name, member)| (name.clone(), member.known())).collect()
        };
        match self {
            Source::Leaf(meaning) => Known::Kind(meaning.kind()),
            Source::List(item) => Known::List(Box::new(item.known())),
            Source::Struct(of) => Known::Struct(members(of)),
            Source::Map(_, value) => Known::Map(Box::new(value.known())),
        }
    }

    /// True when this meaning occurs in it.
    pub fn any(&self, wanted: impl Fn(Meaning) -> bool + Copy) -> bool {
        match self {
            Source::Leaf(meaning) => wanted(*meaning),
            Source::List(item) => item.any(wanted),
            Source::Struct(members) => members.iter().any(|(_, member)| member.any(wanted)),
            Source::Map(key, value) => key.any(wanted) || value.any(wanted),
        }
    }
}

/// The schema without what its leaves mean. INT96 is 12 bytes like any others; there is no number of that size.
fn as_stored(node: &Type) -> Result<Type, ParquetError> {
    let info = node.get_basic_info();
    match node {
        Type::PrimitiveType { physical_type, type_length, .. } => {
            let (kind, length) = match physical_type {
                Physical::INT96 => (Physical::FIXED_LEN_BYTE_ARRAY, 12),
                kind => (*kind, *type_length),
            };
            let leaf = Type::primitive_type_builder(node.name(), kind).with_length(length);
            leaf.with_repetition(info.repetition()).build()
        }
        Type::GroupType { fields, .. } => {
            let fields =
                fields.iter().map(|field| as_stored(field).map(Arc::new)).collect::<Result<_, _>>()?;
            let mut group = Type::group_type_builder(node.name())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_converted_type(info.converted_type())
                .with_fields(fields);
            if info.has_repetition() {
                group = group.with_repetition(info.repetition());
            }
            group.build()
        }
    }
}

/// Byte strings as views of the page that holds them: a dictionary may repeat a long one any number of times.
fn as_views(fields: &Fields) -> Fields {
    fields.iter().map(|field| Arc::new(as_view(field))).collect()
}

fn as_view(field: &ArrowField) -> ArrowField {
    let kind = match field.data_type() {
        DataType::Binary => DataType::BinaryView,
        DataType::Struct(fields) => DataType::Struct(as_views(fields)),
        DataType::List(item) => DataType::List(Arc::new(as_view(item))),
        DataType::Map(entries, sorted) => DataType::Map(Arc::new(as_view(entries)), *sorted),
        other => other.clone(),
    };
    field.clone().with_data_type(kind)
}

/// The leaves of both trees come in the same order.
fn members(fields: &Fields, meanings: &mut impl Iterator<Item = Meaning>) -> Option<Vec<(String, Source)>> {
    fields.iter().map(|field| Some((field.name().clone(), source(field.data_type(), meanings)?))).collect()
}

fn source(kind: &DataType, meanings: &mut impl Iterator<Item = Meaning>) -> Option<Source> {
    Some(match kind {
        DataType::List(item) => Source::List(Box::new(source(item.data_type(), meanings)?)),
        DataType::Struct(fields) => Source::Struct(members(fields, meanings)?),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => Source::Map(
                Box::new(source(fields[0].data_type(), meanings)?),
                Box::new(source(fields[1].data_type(), meanings)?),
            ),
            _ => return None,
        },
        _ => Source::Leaf(meanings.next()?),
    })
}
