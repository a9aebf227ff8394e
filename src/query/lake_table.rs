//! A table of the lake for DataFusion: a Parquet scan over exactly the files that the ledger lists.

use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::scalar::ScalarValue;
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;

use super::listing::LakeFile;
use super::partitions::PartitionColumns;
use super::reshape::ReshapeAdapterFactory;

/// Where sessions find the lake's object store.
pub const LAKE_STORE: &str = "lake://local/";

/// One table, as one query sees it.
#[derive(Debug, Clone)]
pub struct LakeTable {
    /// The root of the lake on disk.
    pub(super) root: PathBuf,
    pub(super) files: Arc<Vec<LakeFile>>,
    /// Columns of the files, without partition columns.
    pub(super) file_schema: SchemaRef,
    pub(super) partitions: PartitionColumns,
    /// Columns of the files, then partition columns.
    pub(super) schema: SchemaRef,
}

impl LakeTable {
    /// `file_schema` is the union over the files and the definition; `declared` the partition column of the definition.
    pub fn new(root: PathBuf, files: Vec<LakeFile>, file_schema: SchemaRef, declared: Option<&str>) -> Self {
        let partitions =
            PartitionColumns::of(&files, declared, |name| file_schema.column_with_name(name).is_some());
        let whole = file_schema.fields().iter().chain(partitions.fields()).cloned().collect::<Vec<_>>();
        LakeTable {
            root,
            files: Arc::new(files),
            file_schema,
            partitions,
            schema: Arc::new(Schema::new(whole)),
        }
    }

    /// The same table over fewer files.
    pub fn over(self, files: Vec<LakeFile>) -> Self {
        LakeTable { files: Arc::new(files), ..self }
    }

    /// True when the filter needs nothing but partition columns, so that whole files answer it.
    fn is_about_partitions(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        let known = |name: &str| self.partitions.fields().iter().any(|field| field.name() == name);
        !columns.is_empty() && columns.iter().all(|column| known(column.name())) && !filter.is_volatile()
    }

    /// How each filter is treated: by partition exactly, by statistics roughly.
    pub(super) fn pushdown(&self, filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
        let kind = |filter: &&Expr| match self.is_about_partitions(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        filters.iter().map(kind).collect()
    }

    /// The files whose partition passes the filters that only partitions decide.
    pub(super) fn files_in(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&LakeFile>> {
        let about_partitions = filters.iter().filter(|filter| self.is_about_partitions(filter)).cloned();
        let Some(predicate) = conjunction(about_partitions) else { return Ok(self.files.iter().collect()) };
        let mut distinct: HashMap<Vec<ScalarValue>, usize> = HashMap::new();
        let own: Vec<usize> = self
            .files
            .iter()
            .map(|file| {
                let next = distinct.len();
                *distinct.entry(self.partitions.values(file)).or_insert(next)
            })
            .collect();
        let keep = self.passing(state, &predicate, &distinct)?;
        Ok(self
            .files
            .iter()
            .zip(own)
            .filter(|(_, partition)| keep[*partition])
            .map(|(file, _)| file)
            .collect())
    }

    /// Evaluates `predicate` once for each distinct partition.
    fn passing(
        &self,
        state: &dyn Session,
        predicate: &Expr,
        distinct: &HashMap<Vec<ScalarValue>, usize>,
    ) -> Result<Vec<bool>> {
        let mut rows: Vec<(&Vec<ScalarValue>, usize)> =
            distinct.iter().map(|(values, at)| (values, *at)).collect();
        rows.sort_by_key(|(_, at)| *at);
        let columns = (0..self.partitions.fields().len())
            .map(|column| ScalarValue::iter_to_array(rows.iter().map(|(values, _)| values[column].clone())))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let schema = Arc::new(Schema::new(self.partitions.fields().to_vec()));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        let expr = state.create_physical_expr(predicate.clone(), &DFSchema::try_from(schema)?)?;
        let verdicts = expr.evaluate(&batch)?.into_array(rows.len())?;
        if verdicts.data_type() != &DataType::Boolean {
            return Ok(vec![true; rows.len()]);
        }
        Ok(verdicts.as_boolean().iter().map(|verdict| verdict == Some(true)).collect())
    }

    /// The scan's own form of one data file.
    fn scanned(&self, file: &LakeFile) -> Result<PartitionedFile> {
        let location =
            StorePath::parse(&file.path).map_err(|bad| DataFusionError::External(Box::new(bad)))?;
        let meta = ObjectMeta {
            location,
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        Ok(PartitionedFile::new_from_meta(meta).with_partition_values(self.partitions.values(file)))
    }

    fn row_count(&self, files: &[&LakeFile], limited: bool) -> Statistics {
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = if limited { Precision::Inexact(rows) } else { Precision::Exact(rows) };
        statistics.total_byte_size = Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX));
        statistics
    }
}

/// As many of the first files as are needed for `limit` rows.
fn enough_for(files: Vec<&LakeFile>, limit: Option<usize>) -> Vec<&LakeFile> {
    let Some(limit) = limit else { return files };
    let mut rows = 0;
    let needed = files.iter().take_while(|file| {
        let before = rows;
        rows += file.rows;
        before < limit as u64
    });
    let count = needed.count();
    files.into_iter().take(count).collect()
}

/// Spreads files over `groups` readers, each with about the same number of bytes.
pub(super) fn spread<T>(files: Vec<T>, bytes: impl Fn(&T) -> u64, groups: usize) -> Vec<Vec<T>> {
    let mut spread: Vec<(u64, Vec<T>)> =
        (0..groups.clamp(1, files.len().max(1))).map(|_| (0, Vec::new())).collect();
    for file in files {
        let least = spread.iter_mut().min_by_key(|(total, _)| *total).expect("there is at least one group");
        // An empty file costs an open, too.
        least.0 += bytes(&file).max(4096);
        least.1.push(file);
    }
    spread.into_iter().map(|(_, group)| group).collect()
}

#[async_trait]
impl TableProvider for LakeTable {
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
        Ok(self.pushdown(filters))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let exact = filters.iter().all(|filter| self.is_about_partitions(filter));
        let limit = limit.filter(|_| exact);
        let files = enough_for(self.files_in(state, filters)?, limit);
        if files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let statistics = self.row_count(&files, limit.is_some());
        let scanned = files.into_iter().map(|file| self.scanned(file)).collect::<Result<Vec<_>>>()?;
        let readers = state.config().target_partitions();
        let groups =
            spread(scanned, |file| file.object_meta.size, readers).into_iter().map(FileGroup::new).collect();
        let table = TableSchema::new(Arc::clone(&self.file_schema), self.partitions.fields().to_vec());
        let source = ParquetSource::new(table)
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_metadata_size_hint(64 * 1024);
        let store = ObjectStoreUrl::parse(LAKE_STORE)?;
        let config = FileScanConfigBuilder::new(store, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(ReshapeAdapterFactory)))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_only_the_files_that_it_needs() {
        let files: Vec<LakeFile> =
            [10, 0, 5, 7].map(|rows| LakeFile { rows, ..LakeFile::default() }).to_vec();
        let taken = |limit| enough_for(files.iter().collect(), limit).len();
        assert_eq!([taken(Some(0)), taken(Some(1)), taken(Some(10)), taken(Some(11))], [0, 1, 1, 3]);
        assert_eq!(taken(None), 4);
    }

    #[test]
    fn files_are_spread_evenly_and_in_order() {
        let groups = spread(vec![9_000_u64, 5_000, 5_000, 5_000], |bytes| *bytes, 2);
        assert_eq!(groups, vec![vec![9_000, 5_000], vec![5_000, 5_000]]);
        assert_eq!(spread(Vec::<u64>::new(), |bytes| *bytes, 4).len(), 1);
    }
}
