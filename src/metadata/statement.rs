//! One SQL text with its parameters, for both databases.
//!
//! Texts use `$1` parameters, which both drivers understand, `{now}` for the current time, and `{rows}` for a
//! batch of rows. A batch travels as one JSON parameter (always `$1`): the text stays the same for any
//! number of rows, no limit on parameters applies, and 10,000 files cost a handful of statements.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryResult, Statement, Value};

use super::error::MetadataError;
use super::row::Cell;

/// Rows per batch: keeps the JSON of one statement at a few megabytes.
pub(super) const ROWS_PER_BATCH: usize = 2000;

/// A value on its way into the database.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Param {
    Text(Option<String>),
    Integer(Option<i64>),
    Time(Option<DateTime<Utc>>),
}

impl Param {
    fn into_value(self, backend: DbBackend) -> Value {
        match self {
            Param::Text(text) => text.into(),
            Param::Integer(integer) => integer.into(),
            Param::Time(time) => match backend {
                DbBackend::Sqlite => time.map(time_text).into(),
                _ => time.map(kept).into(),
            },
        }
    }

    fn write_json(&self, json: &mut String) {
        match self {
            Param::Text(Some(text)) => write_json_string(text, json),
            Param::Integer(Some(integer)) => json.push_str(&integer.to_string()),
            Param::Time(Some(time)) => write_json_string(&time_text(*time), json),
            Param::Text(None) | Param::Integer(None) | Param::Time(None) => json.push_str("null"),
        }
    }

    fn postgres_type(&self) -> &'static str {
        match self {
            Param::Text(_) => "text",
            Param::Integer(_) => "bigint",
            Param::Time(_) => "timestamptz",
        }
    }
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Param::Integer(Some(value))
    }
}

impl From<Option<i64>> for Param {
    fn from(value: Option<i64>) -> Self {
        Param::Integer(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Param::Text(Some(storable(value).into_owned()))
    }
}

impl From<&String> for Param {
    fn from(value: &String) -> Self {
        value.as_str().into()
    }
}

impl From<Option<&str>> for Param {
    fn from(value: Option<&str>) -> Self {
        Param::Text(value.map(|text| storable(text).into_owned()))
    }
}

impl From<&Option<String>> for Param {
    fn from(value: &Option<String>) -> Self {
        value.as_deref().into()
    }
}

impl From<DateTime<Utc>> for Param {
    fn from(value: DateTime<Utc>) -> Self {
        Param::Time(Some(value))
    }
}

impl From<Option<DateTime<Utc>>> for Param {
    fn from(value: Option<DateTime<Utc>>) -> Self {
        Param::Time(value)
    }
}

/// PostgreSQL has no NUL in text, and SQLite's shell ends a text there.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A time as the ledger keeps it: whole milliseconds, in the years 1 to 9999. A file system may hold others.
pub fn kept(time: DateTime<Utc>) -> DateTime<Utc> {
    match time.year() {
        1..=9999 => time.trunc_subsecs(3),
        year => {
            let nearest = year.clamp(1, 9999);
            time.trunc_subsecs(3).with_year(nearest).unwrap_or(DateTime::UNIX_EPOCH)
        }
    }
}

fn time_text(time: DateTime<Utc>) -> String {
    kept(time).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn write_json_string(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

/// Rows for a `{rows}` in a statement: names of the columns, and a value for each.
pub(super) struct Batch {
    names: Vec<&'static str>,
    /// Row after row.
    values: Vec<Param>,
}

impl Batch {
    pub(super) fn of<const N: usize>(
        names: [&'static str; N],
        rows: impl IntoIterator<Item = [Param; N]>,
    ) -> Self {
        Batch { names: names.to_vec(), values: rows.into_iter().flatten().collect() }
    }

    /// The rows as one JSON text: arrays, which SQLite takes apart in less time, or the objects that PostgreSQL asks for.
    fn json(&self, backend: DbBackend) -> String {
        let (open, close) = if backend == DbBackend::Sqlite { ('[', ']') } else { ('{', '}') };
        let mut json = String::from("[");
        for (at, row) in self.values.chunks(self.names.len()).enumerate() {
            json.push_str(if at == 0 { "" } else { "," });
            json.push(open);
            for (at, (name, value)) in self.names.iter().zip(row).enumerate() {
                json.push_str(if at == 0 { "" } else { "," });
                if backend != DbBackend::Sqlite {
                    write_json_string(name, &mut json);
                    json.push(':');
                }
                value.write_json(&mut json);
            }
            json.push(close);
        }
        json.push(']');
        json
    }

    /// The SQL that turns the parameter `$1` into rows named `r`.
    fn source(&self, backend: DbBackend) -> String {
        let columns = self.names.iter().enumerate();
        match backend {
            DbBackend::Sqlite => {
                let columns = columns.map(|(at, name)| format!("json_extract(value, '$[{at}]') AS {name}"));
                let columns = columns.collect::<Vec<_>>().join(", ");
                // Without the LIMIT the planner folds this into the statement around it, and may read the
                // JSON anew for each row of the table: quadratic, and seconds for 2000 rows.
                format!("(SELECT {columns} FROM json_each($1) LIMIT -1) AS r")
            }
            _ => {
                let kind = |at: usize| self.values.get(at).map_or("text", Param::postgres_type);
                let columns = columns.map(|(at, name)| format!("{name} {}", kind(at)));
                let columns = columns.collect::<Vec<_>>().join(", ");
                format!("json_to_recordset($1::json) AS r ({columns})")
            }
        }
    }
}

/// A statement, and what it does in words, for its error.
pub(super) struct Sql {
    act: &'static str,
    text: String,
    batch: Option<Batch>,
    params: Vec<Param>,
}

impl Sql {
    pub(super) fn new(act: &'static str, text: impl Into<String>) -> Self {
        Sql { act, text: text.into(), batch: None, params: Vec::new() }
    }

    /// A statement over a batch of rows; further parameters begin at `$2`.
    pub(super) fn over(act: &'static str, batch: Batch, text: impl Into<String>) -> Self {
        Sql { act, text: text.into(), batch: Some(batch), params: Vec::new() }
    }

    pub(super) fn bind(mut self, param: impl Into<Param>) -> Self {
        self.params.push(param.into());
        self
    }

    fn build(self, backend: DbBackend) -> Statement {
        let mut text = self.text.replace("{now}", &now(backend));
        let mut values: Vec<Value> = Vec::with_capacity(self.params.len() + 1);
        if let Some(batch) = self.batch {
            text = text.replace("{rows}", &batch.source(backend));
            values.push(batch.json(backend).into());
        }
        values.extend(self.params.into_iter().map(|param| param.into_value(backend)));
        Statement::from_sql_and_values(backend, text, values)
    }

    /// Runs the statement and counts the rows that it changed.
    pub(super) async fn run(self, on: &impl ConnectionTrait) -> Result<u64, MetadataError> {
        let act = self.act;
        let done = on.execute(self.build(on.get_database_backend())).await;
        done.map(|done| done.rows_affected()).map_err(|error| MetadataError::database(act, error))
    }

    pub(super) async fn rows(self, on: &impl ConnectionTrait) -> Result<Vec<QueryResult>, MetadataError> {
        let act = self.act;
        let rows = on.query_all(self.build(on.get_database_backend())).await;
        rows.map_err(|error| MetadataError::database(act, error))
    }

    pub(super) async fn all<T: FromQueryResult>(
        self,
        on: &impl ConnectionTrait,
    ) -> Result<Vec<T>, MetadataError> {
        let act = self.act;
        let rows = self.rows(on).await?;
        let read: Result<Vec<T>, _> = rows.iter().map(|row| T::from_query_result(row, "")).collect();
        read.map_err(|error| MetadataError::database(act, error))
    }

    pub(super) async fn one<T: FromQueryResult>(
        self,
        on: &impl ConnectionTrait,
    ) -> Result<Option<T>, MetadataError> {
        Ok(self.all(on).await?.into_iter().next())
    }

    /// The values of one column.
    pub(super) async fn column<T: Cell>(
        self,
        on: &impl ConnectionTrait,
        column: &str,
    ) -> Result<Vec<T>, MetadataError> {
        let act = self.act;
        let rows = self.rows(on).await?;
        let read: Result<Vec<T>, _> = rows.iter().map(|row| T::read(row, column)).collect();
        read.map_err(|error| MetadataError::database(act, error))
    }

    /// One column of the first row.
    pub(super) async fn value<T: Cell>(
        self,
        on: &impl ConnectionTrait,
        column: &str,
    ) -> Result<Option<T>, MetadataError> {
        Ok(self.column(on, column).await?.into_iter().next())
    }
}

/// The current time inside a statement. SQLite would work it out for each row, which is a tenth of what a bulk change
/// costs; a subquery is asked once.
fn now(backend: DbBackend) -> Cow<'static, str> {
    match backend {
        DbBackend::Sqlite => Cow::Owned(format!("(SELECT {})", migrations::now(backend))),
        _ => Cow::Borrowed(migrations::now(backend)),
    }
}

/// A `LIKE` pattern for what a person typed: `*` and `?` are wildcards, and without one the text may stand
/// anywhere. Matches without regard to case when both sides go through `lower()`.
pub(super) fn like(typed: &str) -> String {
    let escaped = typed.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    if typed.contains(['*', '?']) {
        escaped.replace('*', "%").replace('?', "_")
    } else {
        format!("%{escaped}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_parameter() {
        let batch = Batch::of(["id", "path"], [[7.into(), "a\0\"b".into()], [8.into(), Param::Text(None)]]);
        assert_eq!(batch.json(DbBackend::Sqlite), r#"[[7,"a�\"b"],[8,null]]"#);
        assert_eq!(batch.json(DbBackend::Postgres), r#"[{"id":7,"path":"a�\"b"},{"id":8,"path":null}]"#);
        assert_eq!(
            batch.source(DbBackend::Sqlite),
            "(SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS path \
             FROM json_each($1) LIMIT -1) AS r"
        );
        assert_eq!(
            batch.source(DbBackend::Postgres),
            "json_to_recordset($1::json) AS r (id bigint, path text)"
        );
    }

    #[test]
    fn times_outside_of_the_calendar_are_brought_inside() {
        assert_eq!(time_text(DateTime::<Utc>::MAX_UTC), "9999-12-31T23:59:59.999Z");
        assert!(time_text(DateTime::<Utc>::MIN_UTC).starts_with("0001-"));
    }

    #[test]
    fn what_a_person_types_becomes_a_pattern() {
        assert_eq!(like("100%_a"), "%100\\%\\_a%");
        assert_eq!(like("orders_*.json"), "orders\\_%.json");
    }
}
