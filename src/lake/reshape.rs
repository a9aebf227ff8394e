//! Turns a column of an old file into the type that the table has now: missing members become null, numbers widen.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray,
    new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use arrow::error::ArrowError;

/// Converts `array` to `target`, member by member and by name.
///
/// # Errors
/// A value that the target cannot hold; nothing is ever changed into null or rounded to fit.
pub fn reshape(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), target) {
        (have, want) if have == want => Ok(Arc::clone(array)),
        (DataType::Struct(_), DataType::Struct(fields)) => reshape_struct(array.as_struct(), fields),
        (DataType::List(_), DataType::List(item)) => reshape_list(array.as_list(), item),
        (DataType::Map(..), DataType::Map(entries, _)) => reshape_map(array.as_map(), entries),
        _ => cast_with_options(array, target, &CastOptions { safe: false, ..CastOptions::default() }),
    }
}

fn reshape_struct(array: &StructArray, fields: &Fields) -> Result<ArrayRef, ArrowError> {
    let members = fields
        .iter()
        .map(|field| match array.column_by_name(field.name()) {
            Some(member) => reshape(member, field.data_type()),
            None => Ok(new_null_array(field.data_type(), array.len())),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(
        fields.clone(),
        members,
        array.nulls().cloned(),
        array.len(),
    )?))
}

fn reshape_list(array: &ListArray, item: &FieldRef) -> Result<ArrayRef, ArrowError> {
    let values = reshape(array.values(), item.data_type())?;
    let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
}

fn reshape_map(array: &MapArray, entries: &FieldRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Struct(pair) = entries.data_type() else {
        return Err(ArrowError::CastError("the entries of a map are pairs".into()));
    };
    // By position: writers name the two members differently.
    let columns = array
        .entries()
        .columns()
        .iter()
        .zip(pair)
        .map(|(column, field)| reshape(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    let pairs = StructArray::try_new(pair.clone(), columns, None)?;
    let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, false)?))
}

/// The rows with the columns of `schema`, found by name; a column that the rows do not have is null.
///
/// # Errors
/// A value that its new type cannot hold, or a null where `schema` has none.
pub fn reshape_rows(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
        Some(column) => reshape(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array, StringArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Field;

    use super::*;

    fn list_of_structs(names: &[&str]) -> ArrayRef {
        let fields: Fields = names.iter().map(|name| Field::new(*name, DataType::Int32, true)).collect();
        let columns = names.iter().map(|_| Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef).collect();
        let items = StructArray::try_new(fields.clone(), columns, None).expect("a struct");
        let item = Arc::new(Field::new("item", DataType::Struct(fields), true));
        Arc::new(
            ListArray::try_new(item, OffsetBuffer::from_lengths([2]), Arc::new(items), None).expect("a list"),
        )
    }

    #[test]
    fn members_inside_lists_are_matched_by_name_and_widened() {
        let target_members: Fields =
            vec![Field::new("new", DataType::Utf8, true), Field::new("x", DataType::Int64, true)].into();
        let target = DataType::List(Arc::new(Field::new("item", DataType::Struct(target_members), true)));
        let shaped = reshape(&list_of_structs(&["x"]), &target).expect("compatible");
        let items = shaped.as_list::<i32>().values().as_struct().clone();
        assert_eq!(items.column(1).as_ref(), &Int64Array::from(vec![1, 2]) as &dyn Array);
        assert_eq!(items.column(0).null_count(), 2);
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_not_a_null() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        assert!(reshape(&text, &DataType::Int64).is_err());
    }
}
