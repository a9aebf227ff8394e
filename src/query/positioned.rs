//! A table of the lake with one more column, `_position`: the order in which its rows came in.
//!
//! Jobs use it to keep the first of equal records. It comes from the row's number inside its file ([`RowOrder`]), so it
//! means the same however many readers share the work. The scan is our own because DataFusion's does not offer row
//! numbers; it prunes row groups by statistics all the same.

use std::any::Any;
use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::datasource::TableType;
use datafusion::datasource::physical_plan::ParquetFileMetrics;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccessPlanFilter};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use datafusion::parquet::arrow::{ProjectionMask, RowNumber};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::scalar::ScalarValue;

use super::lake_table::{LakeTable, spread};
use super::listing::LakeFile;
use super::order::RowOrder;
use super::reshape::ReshapeAdapterFactory;
use crate::lake::reshape::reshape;
use crate::lake::retired;

/// The name of the additional column.
pub const POSITION: &str = "_position";

/// The name under which the Parquet reader hands out row numbers.
const ROW_NUMBER: &str = "_lakegate_row_number";

/// See the module.
#[derive(Debug)]
pub struct PositionedTable {
    table: LakeTable,
    order: Arc<RowOrder>,
    schema: SchemaRef,
}

impl PositionedTable {
    /// # Errors
    /// More files than can be numbered.
    pub fn new(table: LakeTable) -> Result<Self> {
        let order = Arc::new(RowOrder::of(&table.files)?);
        let mut fields: Vec<FieldRef> = table.schema.fields().to_vec();
        fields.push(Arc::new(Field::new(POSITION, DataType::Int64, false)));
        Ok(PositionedTable { table, order, schema: Arc::new(Schema::new(fields)) })
    }

    /// The lowest position that a row of a commit after `commit_seq` can have.
    pub fn first_after(&self, commit_seq: i64) -> i64 {
        self.order.first_after(commit_seq)
    }

    /// The part of the filters that Parquet statistics can judge.
    fn prunable(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let of_file = |filter: &&Expr| {
            filter.column_refs().iter().all(|column| self.table.file_schema.index_of(column.name()).is_ok())
        };
        let Some(predicate) = conjunction(filters.iter().filter(of_file).cloned()) else { return Ok(None) };
        let schema = DFSchema::try_from(Arc::clone(&self.table.file_schema))?;
        state.create_physical_expr(predicate, &schema).map(Some)
    }
}

#[async_trait]
impl TableProvider for PositionedTable {
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
        Ok(self.table.pushdown(filters))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let predicate = self.prunable(state, filters)?;
        let wanted: Vec<LakeFile> = self.table.files_in(state, filters)?.into_iter().cloned().collect();
        let partitions = spread(wanted, |file| file.bytes, state.config().target_partitions())
            .into_iter()
            .map(|files| {
                let reader = Reader {
                    table: self.table.clone(),
                    order: Arc::clone(&self.order),
                    schema: Arc::clone(&schema),
                    predicate: predicate.clone(),
                };
                Arc::new(Partition { reader: Arc::new(reader), files: Arc::new(files) })
                    as Arc<dyn PartitionStream>
            })
            .collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema, partitions, None, [], false, None)?))
    }
}

#[derive(Debug)]
struct Partition {
    reader: Arc<Reader>,
    files: Arc<Vec<LakeFile>>,
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.reader.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.reader.schema), 2);
        let batches = builder.tx();
        let (reader, files) = (Arc::clone(&self.reader), Arc::clone(&self.files));
        let batch_size = context.session_config().batch_size();
        builder.spawn_blocking(move || {
            for file in files.iter() {
                let listening =
                    reader.read(file, batch_size, |batch| batches.blocking_send(Ok(batch)).is_ok())?;
                if !listening {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

#[derive(Debug)]
struct Reader {
    table: LakeTable,
    order: Arc<RowOrder>,
    /// The columns to produce.
    schema: SchemaRef,
    predicate: Option<Arc<dyn PhysicalExpr>>,
}

impl Reader {
    /// Hands every batch of the file to `emit`; stops, and says so, when `emit` returns false.
    fn read(
        &self,
        file: &LakeFile,
        batch_size: usize,
        mut emit: impl FnMut(RecordBatch) -> bool,
    ) -> Result<bool> {
        let row_number = Field::new(ROW_NUMBER, DataType::Int64, false).with_extension_type(RowNumber);
        let options = ArrowReaderOptions::new().with_virtual_columns(vec![Arc::new(row_number)])?;
        let open = retired::open(&self.table.root, &file.path)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(open, options)?;
        let groups = self.row_groups(&builder, file)?;
        let columns = builder.parquet_schema().root_schema().get_fields();
        let roots = (0..columns.len()).filter(|&at| self.schema.index_of(columns[at].name()).is_ok());
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots.collect::<Vec<_>>());
        let batches =
            builder.with_projection(mask).with_row_groups(groups).with_batch_size(batch_size).build()?;
        for batch in batches {
            if !emit(self.shape(file, &batch?)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The row groups that may hold a row for the predicate.
    fn row_groups(
        &self,
        file: &ParquetRecordBatchReaderBuilder<File>,
        name: &LakeFile,
    ) -> Result<Vec<usize>> {
        let groups = file.metadata().row_groups();
        let Some(predicate) = &self.predicate else { return Ok((0..groups.len()).collect()) };
        let adapter =
            ReshapeAdapterFactory.create(Arc::clone(&self.table.file_schema), Arc::clone(file.schema()))?;
        let predicate = adapter.rewrite(Arc::clone(predicate))?;
        let pruning = PruningPredicate::try_new(predicate, Arc::clone(file.schema()))?;
        let mut plan = RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(groups.len()));
        let metrics = ParquetFileMetrics::new(0, &name.path, &ExecutionPlanMetricsSet::new());
        plan.prune_by_statistics(file.schema(), file.parquet_schema(), groups, &pruning, &metrics);
        Ok(plan.build().row_group_indexes())
    }

    fn shape(&self, file: &LakeFile, batch: &RecordBatch) -> Result<RecordBatch> {
        let values = self.table.partitions.values(file);
        let columns = self
            .schema
            .fields()
            .iter()
            .map(|field| self.column(file, field, &values, batch))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    fn column(
        &self,
        file: &LakeFile,
        field: &Field,
        partition: &[ScalarValue],
        batch: &RecordBatch,
    ) -> Result<ArrayRef> {
        if field.name() == POSITION {
            return self.positions(file, batch);
        }
        if let Some(at) =
            self.table.partitions.fields().iter().position(|column| column.name() == field.name())
        {
            return partition[at].to_array_of_size(batch.num_rows());
        }
        match batch.column_by_name(field.name()) {
            Some(column) => Ok(reshape(column, field.data_type())?),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        }
    }

    fn positions(&self, file: &LakeFile, batch: &RecordBatch) -> Result<ArrayRef> {
        let rows = batch
            .column_by_name(ROW_NUMBER)
            .and_then(|rows| rows.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| DataFusionError::Internal("the Parquet reader gave no row numbers".into()))?;
        debug_assert_eq!(rows.null_count(), 0, "row numbers are never null");
        Ok(Arc::new(Int64Array::from(self.order.positions(file.id, rows.values())?)))
    }
}
