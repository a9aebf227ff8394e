//! The source of a job as its query sees it: some days of a table, over a list of files that the job has fixed,
//! with the rows' position.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, DFSchema, ExprSchema, TableReference};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr, ident, lit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Statement;

use super::catalog::Catalog;
use super::error::QueryError;
use super::listing::LakeFile;
use super::partitions::days_since_epoch;
use super::positioned::{POSITION, PositionedTable};
use super::session::{DEFAULT_SCHEMA, LAKE_SCHEMA};
use super::statement::{self, Action};
use super::{Engine, Rows, names};

/// First and last day of a run of days, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    pub first: NaiveDate,
    pub last: NaiveDate,
}

/// Which part of a table a query is to see under its name.
#[derive(Debug, Clone)]
pub struct SourceWindow {
    pub table: String,
    /// A date or a timestamp; rows where it is null are not seen.
    pub time_column: String,
    /// The files to read; a list of one moment, in commit order.
    pub files: Vec<LakeFile>,
    /// UTC days to read; `None` for all.
    pub days: Option<Vec<DayRange>>,
    /// Only rows that commits after this one brought; 0 for all.
    pub since: i64,
}

impl SourceWindow {
    pub(super) fn is_meant_by(&self, reference: &TableReference) -> bool {
        let schema = reference.schema().unwrap_or(DEFAULT_SCHEMA);
        reference.table() == self.table && (schema == DEFAULT_SCHEMA || schema == LAKE_SCHEMA)
    }

    /// Files that can hold a row of the commits and days, as far as the ledger knows their ranges.
    fn relevant_files(&self) -> Vec<LakeFile> {
        let may_hold = |file: &LakeFile, days: &[DayRange]| match file.days_of(&self.time_column) {
            Some((first, last)) => days.iter().any(|range| range.first <= last && first <= range.last),
            None => true,
        };
        let is_relevant = |file: &&LakeFile| {
            file.commit_seq > self.since && self.days.as_ref().is_none_or(|days| may_hold(file, days))
        };
        self.files.iter().filter(is_relevant).cloned().collect()
    }
}

impl Engine {
    /// Runs a query that sees `window.table` through the window; everything else as [`Engine::run`]. `sorted_by`
    /// sorts the result by that column first and by all others after it, so that equal inputs give equal files.
    ///
    /// # Errors
    /// `Refused` for anything but a query; `UnknownColumn` and `Plan` when the window does not fit the table.
    pub async fn run_windowed(
        &self,
        sql: &str,
        window: &SourceWindow,
        sorted_by: Option<&str>,
    ) -> Result<Rows, QueryError> {
        // No second attempt: the list of files belongs to the caller.
        let (session, plan) = self.plan(only_query(sql)?, Some(window)).await?;
        let mut frame = session.execute_logical_plan(plan).await.map_err(QueryError::planning)?;
        if let Some(first) = sorted_by {
            let keys = sort_keys(frame.schema(), first);
            frame = frame.sort(keys).map_err(QueryError::planning)?;
        }
        let running = frame.execute_stream().await.map_err(QueryError::planning)?;
        Rows::begin(running).await
    }

    /// Plans a query without running it; the names and types of its columns.
    ///
    /// # Errors
    /// As [`Engine::run_windowed`].
    pub async fn columns_of(
        &self,
        sql: &str,
        window: &SourceWindow,
    ) -> Result<datafusion::arrow::datatypes::SchemaRef, QueryError> {
        let (_, plan) = self.plan(only_query(sql)?, Some(window)).await?;
        Ok(Arc::clone(plan.schema().inner()))
    }

    /// For each of `files` the number of its schema: files with equal columns have the same.
    ///
    /// # Errors
    /// `FilesChanged` when a file is gone, `DataFile` when it cannot be read.
    pub async fn shapes(&self, files: &[LakeFile]) -> Result<Vec<usize>, QueryError> {
        self.inner.catalog.shapes(files).await
    }

    /// The live data files of a lake table, with the origins of merged ones; `None` when there is no such table.
    ///
    /// # Errors
    /// `Metadata` and what reading footers can bring.
    pub async fn lake_files(&self, table: &str) -> Result<Option<Vec<LakeFile>>, QueryError> {
        let files = self.inner.catalog.listing_with_origins(table).await?;
        let known = !files.is_empty() || self.inner.catalog.lake_names().await?.contains_key(table);
        Ok(known.then_some(files))
    }
}

/// The column, then every other that has an order.
fn sort_keys(schema: &DFSchema, first: &str) -> Vec<SortExpr> {
    let mut columns: Vec<Column> = schema.columns();
    columns.sort_by_key(|column| column.name() != first);
    let ordered = columns
        .into_iter()
        .filter(|column| schema.field_from_column(column).is_ok_and(|field| !field.data_type().is_nested()));
    ordered.map(|column| Expr::Column(column).sort(true, false)).collect()
}

fn only_query(sql: &str) -> Result<Statement, QueryError> {
    match statement::classify(sql.trim().trim_end_matches(';'), |_| false)? {
        Action::Query(statement) if matches!(*statement, Statement::Query(_)) => Ok(*statement),
        _ => Err(QueryError::Refused {
            what: "the query of a job must be one SELECT".into(),
            hint: "start it with SELECT or WITH".into(),
        }),
    }
}

/// A view over the positioned table that lets only the window's rows through.
pub(super) async fn table(
    catalog: &Catalog,
    window: &SourceWindow,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    let Some(table) = catalog.lake_table_of(&window.table, window.files.clone()).await? else {
        return Err(catalog.unknown(&TableReference::bare(window.table.as_str())).await?);
    };
    let columns: Vec<String> = table.schema.fields().iter().map(|field| field.name().clone()).collect();
    let Ok(time_column) = table.schema.field_with_name(&window.time_column) else {
        let near = names::nearest(&window.time_column, columns.iter().map(String::as_str));
        return Err(QueryError::UnknownColumn { name: window.time_column.clone(), near });
    };
    let mut predicate = predicate(&window.time_column, time_column.data_type(), window.days.as_deref())?;
    let positioned =
        PositionedTable::new(table.over(window.relevant_files())).map_err(QueryError::planning)?;
    if window.since > 0 {
        predicate = predicate.and(ident(POSITION).gt_eq(lit(positioned.first_after(window.since))));
    }
    let plan =
        LogicalPlanBuilder::scan(window.table.as_str(), provider_as_source(Arc::new(positioned)), None)
            .and_then(|scan| scan.filter(predicate))
            .and_then(LogicalPlanBuilder::build)
            .map_err(QueryError::planning)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// `column` lies in one of the ranges, written so that statistics can prune by it.
fn predicate(column: &str, kind: &DataType, days: Option<&[DayRange]>) -> Result<Expr, QueryError> {
    boundary(kind, NaiveDate::default())?;
    let Some(days) = days else { return Ok(ident(column).is_not_null()) };
    let ranges = days
        .iter()
        .map(|range| {
            let from = boundary(kind, range.first)?;
            let until = boundary(kind, range.last.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX))?;
            Ok(ident(column).gt_eq(from).and(ident(column).lt(until)))
        })
        .collect::<Result<Vec<_>, QueryError>>()?;
    Ok(disjunction(ranges).unwrap_or_else(|| lit(false)))
}

/// The first moment of a UTC day, in the column's own type.
fn boundary(kind: &DataType, day: NaiveDate) -> Result<Expr, QueryError> {
    let days = i64::from(days_since_epoch(day));
    let out_of_range = || QueryError::Plan(format!("{day} is outside the range of the time column"));
    let value = match kind {
        DataType::Date32 => ScalarValue::Date32(Some(days_since_epoch(day))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = days.checked_mul(86_400_000_000).ok_or_else(out_of_range)?;
            ScalarValue::TimestampMicrosecond(Some(micros), zone.clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let nanos = days.checked_mul(86_400_000_000_000).ok_or_else(out_of_range)?;
            ScalarValue::TimestampNanosecond(Some(nanos), zone.clone())
        }
        other => {
            return Err(QueryError::Refused {
                what: format!("the time column is a {}, not a date or timestamp", super::type_name(other)),
                hint: "name a column of type date or timestamp in time_column".into(),
            });
        }
    };
    Ok(lit(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        super::super::partitions::date(text).expect("a date")
    }

    #[test]
    fn days_become_half_open_ranges_of_the_columns_own_type() {
        let range = DayRange { first: day("1970-01-02"), last: day("1970-01-03") };
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let shown = predicate("t", &micros, Some(&[range])).expect("a time").to_string();
        assert!(shown.contains("86400000000,") && shown.contains("259200000000,"), "{shown}");
        assert!(predicate("t", &DataType::Utf8, Some(&[range])).is_err());
        assert_eq!(predicate("t", &DataType::Date32, Some(&[])).expect("nothing"), lit(false));
    }

    #[test]
    fn files_known_to_hold_other_days_are_not_read() {
        let file = |id, ranges: Option<&str>| LakeFile {
            id,
            commit_seq: 5,
            column_ranges: ranges.map(str::to_string),
            ..LakeFile::default()
        };
        let window = SourceWindow {
            table: "t".into(),
            time_column: "at".into(),
            files: vec![
                file(1, Some(r#"{"at":["2025-01-01T00:00:00Z","2025-01-02T23:59:59Z"]}"#)),
                file(2, Some(r#"{"at":["2025-01-03T00:00:00Z","2025-01-03T01:00:00Z"]}"#)),
                file(3, None),
            ],
            days: Some(vec![DayRange { first: day("2025-01-03"), last: day("2025-01-03") }]),
            since: 4,
        };
        let kept: Vec<i64> = window.relevant_files().iter().map(|file| file.id).collect();
        assert_eq!(kept, [2, 3]);
        assert!(SourceWindow { since: 5, ..window }.relevant_files().is_empty());
    }
}
