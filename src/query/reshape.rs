//! Lets DataFusion's Parquet scan read files of any version: columns of the table become [`reshape`]d columns of the file.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, lit};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};
use datafusion::scalar::ScalarValue;

use crate::lake::reshape::reshape;

/// Makes [`ReshapeAdapter`]s.
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
