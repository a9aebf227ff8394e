//! A ledger table for DataFusion: rows of the metadata database, read page by page as the query asks for them.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, Int64Builder, RecordBatch, RecordBatchOptions, StringViewBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::scalar::ScalarValue;
use futures::stream;

use super::error::QueryError;
use crate::metadata::ledger::{LedgerPage, LedgerValue};
use crate::metadata::{ColumnKind, LedgerTable as Definition, Metadata};

/// Rows fetched by one statement; `rejects` rows may hold 64 KiB of text each.
const PAGE_ROWS: usize = 2_000;

/// Rejects of a load that is not committed are nobody's business yet.
const UNCOMMITTED: (&str, &str, &str) = ("rejects", "status", "pending");

/// See the module.
#[derive(Debug)]
pub struct LedgerTable {
    metadata: Metadata,
    definition: &'static Definition,
    schema: SchemaRef,
}

impl LedgerTable {
    pub fn new(metadata: Metadata, definition: &'static Definition) -> Self {
        LedgerTable { metadata, definition, schema: schema_of(definition) }
    }

    /// The one id that the filter asks for, when it is `id = constant`.
    fn one_id(filter: &Expr) -> Option<i64> {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else { return None };
        match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(ScalarValue::Int64(Some(id)), _))
            | (Expr::Literal(ScalarValue::Int64(Some(id)), _), Expr::Column(column))
                if column.name == "id" =>
            {
                Some(*id)
            }
            _ => None,
        }
    }
}

fn schema_of(definition: &Definition) -> SchemaRef {
    let field = |kind: ColumnKind| match kind {
        ColumnKind::Integer => DataType::Int64,
        ColumnKind::Text => DataType::Utf8View,
        ColumnKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    };
    let fields: Vec<_> =
        definition.columns.iter().map(|column| Field::new(column.name, field(column.kind), true)).collect();
    Arc::new(Schema::new(fields))
}

#[async_trait]
impl TableProvider for LedgerTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let kind = |filter: &&Expr| match LedgerTable::one_id(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(kind).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns: Vec<usize> =
            projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        let rows = Rows {
            metadata: self.metadata.clone(),
            definition: self.definition,
            columns,
            schema: Arc::clone(&schema),
            only: filters.iter().find_map(LedgerTable::one_id),
            limit: limit.filter(|_| filters.is_empty()),
        };
        let partition: Arc<dyn PartitionStream> = Arc::new(rows);
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![partition], None, [], false, limit)?))
    }
}

#[derive(Debug, Clone)]
struct Rows {
    metadata: Metadata,
    definition: &'static Definition,
    /// Positions in the definition, in the order of the output.
    columns: Vec<usize>,
    schema: SchemaRef,
    /// The id of the only row that is wanted.
    only: Option<i64>,
    limit: Option<usize>,
}

/// Where the next page starts.
struct Cursor {
    after: Option<i64>,
    left: Option<usize>,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.clone();
        let start = match self.only {
            Some(id) => Cursor { after: id.checked_sub(1), left: Some(1) },
            None => Cursor { after: Some(0), left: self.limit },
        };
        let pages = stream::try_unfold((rows, start), |(rows, cursor)| async move {
            let Some((batch, next)) = rows.page(&cursor).await? else { return Ok(None) };
            Ok(Some((batch, (rows, next))))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), pages))
    }
}

impl Rows {
    async fn page(&self, cursor: &Cursor) -> Result<Option<(RecordBatch, Cursor)>> {
        let Some(after) = cursor.after.filter(|_| cursor.left != Some(0)) else { return Ok(None) };
        let limit = cursor.left.map_or(PAGE_ROWS, |left| left.min(PAGE_ROWS));
        let mut columns: Vec<&str> =
            self.columns.iter().map(|&at| self.definition.columns[at].name).collect();
        let hidden = UNCOMMITTED.0 == self.definition.name;
        if hidden {
            columns.push(UNCOMMITTED.1);
        }
        let LedgerPage { mut rows, last_id } = self
            .metadata
            .read_table(self.definition.name, &columns, after, limit)
            .await
            .map_err(|cause| DataFusionError::External(Box::new(QueryError::Metadata(cause))))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let full = rows.len() == limit;
        if hidden {
            rows.retain_mut(|row| row.pop() != Some(LedgerValue::Text(UNCOMMITTED.2.into())));
        }
        let next = Cursor {
            after: last_id.filter(|_| full),
            left: cursor.left.map(|left| left.saturating_sub(rows.len())),
        };
        Ok(Some((self.batch(&rows)?, next)))
    }

    fn batch(&self, rows: &[Vec<LedgerValue>]) -> Result<RecordBatch> {
        let columns = self.columns.iter().enumerate().map(|(place, &at)| {
            let cells = rows.iter().map(|row| &row[place]);
            column(self.definition.columns[at].kind, cells)
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect(), &options)?)
    }
}

fn column<'a>(kind: ColumnKind, cells: impl Iterator<Item = &'a LedgerValue>) -> ArrayRef {
    match kind {
        ColumnKind::Integer => {
            let mut builder = Int64Builder::new();
            cells.for_each(|cell| {
                builder.append_option(if let LedgerValue::Integer(number) = cell {
                    Some(*number)
                } else {
                    None
                })
            });
            Arc::new(builder.finish())
        }
        ColumnKind::Text => {
            let mut builder = StringViewBuilder::new();
            cells.for_each(|cell| {
                builder.append_option(if let LedgerValue::Text(text) = cell { Some(text) } else { None })
            });
            Arc::new(builder.finish())
        }
        ColumnKind::Time => {
            let mut builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
            cells.for_each(|cell| {
                builder.append_option(if let LedgerValue::Time(time) = cell {
                    Some(time.timestamp_micros())
                } else {
                    None
                });
            });
            Arc::new(builder.finish())
        }
    }
}
