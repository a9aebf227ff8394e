//! Turns a column of an old file into the type that the table has now: missing members become null, numbers widen.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, StructArray, new_null_array,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, lit};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};
use datafusion::scalar::ScalarValue;

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

/// Lets DataFusion's Parquet scan read files of any version: columns of the table become [`reshape`]d columns of
/// the file.
#[derive(Debug)]
pub struct ReshapeAdapterFactory;

impl PhysicalExprAdapterFactory for ReshapeAdapterFactory {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        Ok(Arc::new(ReshapeAdapter { table, file }))
    }
}

#[derive(Debug)]
struct ReshapeAdapter {
    table: SchemaRef,
    file: SchemaRef,
}

impl PhysicalExprAdapter for ReshapeAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        expr.transform_up(|node| match node.as_any().downcast_ref::<Column>() {
            Some(column) => self.column(column).map(Transformed::yes),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }
}

impl ReshapeAdapter {
    fn column(&self, column: &Column) -> Result<Arc<dyn PhysicalExpr>> {
        let Ok(wanted) = self.table.field_with_name(column.name()) else {
            // Not a column of the table: something that the scan itself added.
            return Ok(Arc::new(column.clone()));
        };
        let Ok(at) = self.file.index_of(column.name()) else {
            return Ok(lit(ScalarValue::try_from(wanted.data_type())?));
        };
        let found: Arc<dyn PhysicalExpr> = Arc::new(Column::new(column.name(), at));
        let (have, want) = (self.file.field(at).data_type(), wanted.data_type());
        Ok(match (have, want) {
            _ if have == want => found,
            _ if want.is_nested() => Arc::new(Reshape { column: found, target: wanted.clone() }),
            // A plain cast, which pruning by statistics understands.
            _ => Arc::new(CastExpr::new(found, want.clone(), None)),
        })
    }
}

/// The expression form of [`reshape`].
#[derive(Debug, Clone, Eq)]
struct Reshape {
    column: Arc<dyn PhysicalExpr>,
    target: Field,
}

// By hand: the derived form would move the trait object.
impl PartialEq for Reshape {
    fn eq(&self, other: &Self) -> bool {
        self.column.eq(&other.column) && self.target == other.target
    }
}

impl Hash for Reshape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.target.hash(state);
    }
}

impl fmt::Display for Reshape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reshape({})", self.column)
    }
}

impl PhysicalExpr for Reshape {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn data_type(&self, _input: &Schema) -> Result<DataType> {
        Ok(self.target.data_type().clone())
    }

    fn nullable(&self, _input: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn return_field(&self, _input: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(self.target.clone()))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let column = self.column.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(ColumnarValue::Array(reshape(&column, self.target.data_type())?))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let column = children.pop().unwrap_or_else(|| Arc::clone(&self.column));
        Ok(Arc::new(Reshape { column, target: self.target.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, Int64Array, StringArray};
    use datafusion::arrow::buffer::OffsetBuffer;

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
