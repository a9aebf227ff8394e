//! SQL over the lake and the ledger.
//!
//! A lake table is the list of data files that the ledger holds at the moment of the query, never a directory
//! listing: a load, a recomputed summary appears at once or not at all. Ledger tables are read from the metadata
//! database as they are asked for. Names without a schema mean the ledger first, then the lake; `lake.files` and
//! `ledger.files` say which.
//!
//! This module must not know who asks: the shell, a job and HTTP see the same engine.

mod answer;
mod catalog;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod footers;
mod json_text;
mod lake_table;
mod ledger_table;
pub mod listing;
mod names;
mod order;
mod partitions;
mod positioned;
pub mod print;
mod reshape;
pub mod script;
mod session;
mod statement;
mod store;
mod windowed;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use datafusion::common::TableReference;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{ObjectName, Statement};

pub use answer::{Answer, Batches, Rows};
pub use error::QueryError;
pub use names::{nearest, quoted};
pub use positioned::POSITION;
pub use session::Limits;
pub use windowed::{DayRange, SourceWindow};

use catalog::{Catalog, Side};
use names::Spelling;
use session::Tables;
use statement::Action;

pub use crate::lake::union::type_name;
use crate::metadata::Metadata;

/// How often a query starts again because files were replaced under it.
const ATTEMPTS: usize = 5;

/// Runs SQL. Cheap to clone; clones share memory limit and caches.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    metadata: Metadata,
    catalog: Catalog,
    base: SessionState,
}

impl Engine {
    /// An engine over the lake under `datalake_root`, which is created when it is missing.
    ///
    /// # Errors
    /// `SetUp` when the folder cannot be made.
    pub fn new(metadata: Metadata, datalake_root: PathBuf, limits: Limits) -> Result<Self, QueryError> {
        let base = session::base_state(&datalake_root, limits)?;
        let catalog = Catalog::new(metadata.clone(), datalake_root);
        Ok(Engine { inner: Arc::new(Inner { metadata, catalog, base }) })
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// See [`QueryError`]; rows that fail later fail in the stream.
    pub async fn run(&self, sql: &str) -> Result<Answer, QueryError> {
        match statement::classify(sql, |name| catalog::ledger_definition(name).is_some())? {
            Action::Query(statement) if matches!(*statement, Statement::Explain { .. }) => {
                self.explain(&statement).await.map(Answer::Rows)
            }
            Action::Query(statement) => self.read(&statement).await.map(Answer::Rows),
            Action::Describe(table) => self.describe(&table).await.map(Answer::Rows),
            Action::ShowTables => self.show_tables().await.map(Answer::Rows),
            Action::Change { table } => {
                let rows = self.inner.metadata.execute_dml(sql).await?;
                Ok(Answer::Changed { table, rows })
            }
        }
    }

    async fn read(&self, statement: &Statement) -> Result<Rows, QueryError> {
        for _ in 1..ATTEMPTS {
            match self.read_once(statement).await {
                Err(QueryError::FilesChanged) => tokio::task::yield_now().await,
                outcome => return outcome,
            }
        }
        self.read_once(statement).await
    }

    async fn read_once(&self, statement: &Statement) -> Result<Rows, QueryError> {
        let (session, plan) = self.plan(statement.clone(), None).await?;
        let frame = session.execute_logical_plan(plan).await.map_err(QueryError::planning)?;
        let running = frame.execute_stream().await.map_err(QueryError::planning)?;
        Rows::begin(running).await
    }

    /// Looks up the tables that the statement names and plans it over them.
    async fn plan(
        &self,
        mut statement: Statement,
        window: Option<&SourceWindow>,
    ) -> Result<(SessionContext, LogicalPlan), QueryError> {
        let tables = Tables::new()?;
        let whole = DfStatement::Statement(Box::new(statement.clone()));
        let (references, _) = resolve_table_references(&whole, true).map_err(QueryError::planning)?;
        let (mut schemas, mut missing) = (Vec::new(), Vec::new());
        for reference in references {
            let found = match window.filter(|window| window.is_meant_by(&reference)) {
                Some(window) => Some(windowed::table(&self.inner.catalog, window).await?),
                None => self.inner.catalog.table(&reference).await?,
            };
            match found {
                Some(table) => {
                    schemas.push(table.schema());
                    tables.add(
                        reference.schema().unwrap_or(session::DEFAULT_SCHEMA),
                        reference.table(),
                        table,
                    )?;
                }
                None => missing.push(reference),
            }
        }
        Spelling::of(&schemas).apply(&mut statement);
        let session = tables.session(&self.inner.base);
        let planned = session.state().statement_to_plan(DfStatement::Statement(Box::new(statement))).await;
        let plan = match planned {
            Ok(plan) => plan,
            // A name may be a function or a CTE; only when planning fails is a missing table the likely cause.
            Err(error) => return Err(self.explain_failure(error, &missing).await?),
        };
        read_only().verify_plan(&plan).map_err(QueryError::planning)?;
        Ok((session, plan))
    }

    async fn explain_failure(
        &self,
        error: datafusion::error::DataFusionError,
        missing: &[TableReference],
    ) -> Result<QueryError, QueryError> {
        let message = error.strip_backtrace();
        match missing.iter().find(|name| message.contains(name.table()) && message.contains("not found")) {
            Some(name) => self.inner.catalog.unknown(name).await,
            None => Ok(QueryError::planning(error)),
        }
    }

    /// A plan is text of many lines; each becomes a row, so that every format shows it as it is meant.
    async fn explain(&self, statement: &Statement) -> Result<Rows, QueryError> {
        let mut lines: Vec<(String, String)> = Vec::new();
        for batch in self.read(statement).await?.collect().await? {
            let (kinds, plans) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            for (kind, plan) in kinds.iter().zip(plans) {
                let kind = kind.unwrap_or_default();
                lines.extend(
                    plan.unwrap_or_default().lines().map(|line| (kind.to_string(), line.to_string())),
                );
            }
        }
        small_table(vec![
            ("plan_type", Arc::new(StringArray::from_iter_values(lines.iter().map(|(kind, _)| kind)))),
            ("plan", Arc::new(StringArray::from_iter_values(lines.iter().map(|(_, line)| line)))),
        ])
    }

    async fn describe(&self, table: &ObjectName) -> Result<Rows, QueryError> {
        let reference = TableReference::from(table.to_string());
        let Some(found) = self.inner.catalog.table(&reference).await? else {
            return Err(self.inner.catalog.unknown(&reference).await?);
        };
        let schema = found.schema();
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let kinds = schema.fields().iter().map(|field| type_name(field.data_type()));
        small_table(vec![
            ("column_name", Arc::new(StringArray::from_iter_values(names))),
            ("data_type", Arc::new(StringArray::from_iter_values(kinds))),
        ])
    }

    async fn show_tables(&self) -> Result<Rows, QueryError> {
        let all = self.inner.catalog.all().await?;
        let kind = |side: &Side| match side {
            Side::Lake => "lake",
            Side::Ledger => "ledger",
        };
        small_table(vec![
            ("table_name", Arc::new(StringArray::from_iter_values(all.iter().map(|(name, ..)| name)))),
            ("kind", Arc::new(StringArray::from_iter_values(all.iter().map(|(_, side, _)| kind(side))))),
            ("has_data", Arc::new(BooleanArray::from_iter(all.iter().map(|(.., data)| Some(*data))))),
        ])
    }
}

/// No statement that changes anything gets past planning, whatever the parser thought of it.
fn read_only() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

fn small_table(columns: Vec<(&str, ArrayRef)>) -> Result<Rows, QueryError> {
    let batch = RecordBatch::try_from_iter(columns).map_err(|bad| QueryError::Execution(bad.to_string()))?;
    Ok(Rows::of(batch))
}

#[cfg(test)]
mod tests;
