//! Structs, lists and maps taken apart: each of their leaves becomes a column of its own, with levels.

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;

use super::leaf;
use super::levels::Levels;

/// One leaf of a nested column in all batches.
#[derive(Debug, Default)]
pub(super) struct NestedLeaf {
    chunks: Vec<ArrayRef>,
    shape: Shape,
}

/// The entries of one level of nesting.
#[derive(Debug, Default, Clone)]
struct Shape {
    definition: Vec<u16>,
    repetition: Vec<u16>,
    /// The position of an entry in the array of this level; `None` for nulls and empty lists above.
    at: Vec<Option<u32>>,
    max_definition: u16,
    max_repetition: u16,
}

/// True for columns that are made of structs, lists and maps of types with an encoder of their own.
pub(super) fn is_known(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => {
            !fields.is_empty() && fields.iter().all(|field| is_known(field.data_type()))
        }
        DataType::List(item) => is_known(item.data_type()),
        DataType::Map(entries, _) => is_known(entries.data_type()),
        kind => leaf::is_known(kind),
    }
}

/// The leaves of a column, in the order of the file's columns.
///
/// # Errors
/// When Arrow cannot gather the values.
pub(super) fn leaves(
    field: &FieldRef,
    batches: &[ArrayRef],
) -> Result<Vec<(Vec<ArrayRef>, Levels)>, ArrowError> {
    let mut leaves: Vec<NestedLeaf> = Vec::new();
    for array in batches {
        let mut next = 0;
        Shape::of_rows(array.len()).descend(field, array, &mut |shape, array| {
            if leaves.len() == next {
                leaves.push(NestedLeaf::default());
            }
            leaves[next].append(shape, array)?;
            next += 1;
            Ok(())
        })?;
    }
    Ok(leaves.into_iter().map(NestedLeaf::finish).collect())
}

impl NestedLeaf {
    fn append(&mut self, shape: Shape, array: &ArrayRef) -> Result<(), ArrowError> {
        let Shape { definition, repetition, at, max_definition, max_repetition } = shape;
        self.chunks.push(gather(array, at.into_iter().flatten().collect())?);
        self.shape.definition.extend(definition);
        self.shape.repetition.extend(repetition);
        self.shape.max_definition = max_definition;
        self.shape.max_repetition = max_repetition;
        Ok(())
    }

    fn finish(self) -> (Vec<ArrayRef>, Levels) {
        let Shape { definition, repetition, max_definition, max_repetition, .. } = self.shape;
        (self.chunks, Levels::Nested { definition, repetition, max_definition, max_repetition })
    }
}

/// The values at these positions, which rise. Mostly they are neighbours, and nothing has to move.
fn gather(array: &ArrayRef, positions: Vec<u32>) -> Result<ArrayRef, ArrowError> {
    let first = positions.first().copied().unwrap_or(0) as usize;
    match positions.last() {
        Some(last) if *last as usize - first + 1 > positions.len() => {
            take(array, &UInt32Array::from(positions), None)
        }
        _ => Ok(array.slice(first, positions.len())),
    }
}

type Visit<'a> = &'a mut dyn FnMut(Shape, &ArrayRef) -> Result<(), ArrowError>;

impl Shape {
    fn of_rows(rows: usize) -> Self {
        Self {
            definition: vec![0; rows],
            repetition: vec![0; rows],
            at: (0..rows as u32).map(Some).collect(),
            max_definition: 0,
            max_repetition: 0,
        }
    }

    /// Calls `visit` for each leaf below. The depth of a schema is limited where it is read.
    fn descend(mut self, field: &FieldRef, array: &ArrayRef, visit: Visit<'_>) -> Result<(), ArrowError> {
        if field.is_nullable() {
            self.go_below_nulls(array);
        }
        match field.data_type() {
            DataType::Struct(members) => {
                for (member, column) in members.iter().zip(array.as_struct().columns()) {
                    self.clone().descend(member, column, visit)?;
                }
                Ok(())
            }
            DataType::List(item) => {
                let list = array.as_list::<i32>();
                self.into_runs(list.value_offsets()).descend(item, list.values(), visit)
            }
            DataType::Map(entries, _) => {
                let map = array.as_map();
                let inner = self.into_runs(map.value_offsets());
                let DataType::Struct(members) = entries.data_type() else {
                    return Err(ArrowError::SchemaError("a map holds no entries".into()));
                };
                for (member, column) in members.iter().zip(map.entries().columns()) {
                    inner.clone().descend(member, column, visit)?;
                }
                Ok(())
            }
            _ => visit(self, array),
        }
    }

    fn go_below_nulls(&mut self, array: &ArrayRef) {
        self.max_definition += 1;
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        for (at, definition) in self.at.iter_mut().zip(&mut self.definition) {
            if let Some(position) = at {
                if nulls.is_none_or(|nulls| nulls.is_valid(*position as usize)) {
                    *definition += 1;
                } else {
                    *at = None;
                }
            }
        }
    }

    /// From lists to their items.
    fn into_runs(self, offsets: &[i32]) -> Self {
        let mut items = Shape {
            max_definition: self.max_definition + 1,
            max_repetition: self.max_repetition + 1,
            ..Shape::default()
        };
        let entries = self.definition.iter().zip(&self.repetition).zip(&self.at);
        for ((definition, repetition), at) in entries {
            let run = at.map_or(0..0, |at| offsets[at as usize] as u32..offsets[at as usize + 1] as u32);
            if run.is_empty() {
                items.push(*definition, *repetition, None);
            }
            let mut repetition = *repetition;
            for item in run {
                items.push(definition + 1, repetition, Some(item));
                repetition = items.max_repetition;
            }
        }
        items
    }

    fn push(&mut self, definition: u16, repetition: u16, at: Option<u32>) {
        self.definition.push(definition);
        self.repetition.push(repetition);
        self.at.push(at);
    }
}
