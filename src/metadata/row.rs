//! Rows of the ledger as values: one list of columns gives the struct, the SELECT list and the SQL table.
//!
//! A person may write anything into SQLite, also a BLOB into a text column (`readfile('schema.json')`) or a
//! word into a time. Reading such a row must not fail, or one row would stop the daemon: text is read
//! whatever its storage class, and what is no time at all reads as absent.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, QueryResult, RuntimeErr};
use sqlx::Row;
use thiserror::Error;

/// How a column of the ledger is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Integer,
    /// A point in time, UTC.
    Time,
}

/// One column of a ledger table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerColumn {
    pub name: &'static str,
    pub kind: ColumnKind,
}

/// One table of the ledger, as SQL users see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerTable {
    pub name: &'static str,
    pub columns: &'static [LedgerColumn],
}

/// A word that is no value of its column.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{word}' is not one of {expected}")]
pub struct UnknownWord {
    pub word: String,
    pub expected: String,
}

/// A value that one column holds.
pub(super) trait Cell: Sized {
    const KIND: ColumnKind;

    fn read(row: &QueryResult, column: &str) -> Result<Self, DbErr>;
}

impl Cell for Option<String> {
    const KIND: ColumnKind = ColumnKind::Text;

    fn read(row: &QueryResult, column: &str) -> Result<Self, DbErr> {
        let Some(sqlite) = row.try_as_sqlite_row() else { return row.try_get("", column) };
        let bytes: Option<Vec<u8>> = sqlite.try_get_unchecked(column).map_err(unreadable)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl Cell for String {
    const KIND: ColumnKind = ColumnKind::Text;

    fn read(row: &QueryResult, column: &str) -> Result<Self, DbErr> {
        Option::read(row, column).map(Option::unwrap_or_default)
    }
}

impl Cell for Option<i64> {
    const KIND: ColumnKind = ColumnKind::Integer;

    fn read(row: &QueryResult, column: &str) -> Result<Self, DbErr> {
        match row.try_as_sqlite_row() {
            Some(sqlite) => sqlite.try_get_unchecked(column).map_err(unreadable),
            None => row.try_get("", column),
        }
    }
}

impl Cell for i64 {
    const KIND: ColumnKind = ColumnKind::Integer;

    fn read(row: &QueryResult, column: &str) -> Result<Self, DbErr> {
        Option::read(row, column).map(Option::unwrap_or_default)
    }
}

impl Cell for Option<DateTime<Utc>> {
    const KIND: ColumnKind = ColumnKind::Time;

    fn read(row: &QueryResult, column: &str) -> Result<Self, DbErr> {
        let Some(sqlite) = row.try_as_sqlite_row() else { return row.try_get("", column) };
        match sqlite.try_get_unchecked(column) {
            Err(sqlx::Error::ColumnDecode { .. }) => Ok(None),
            read => read.map_err(unreadable),
        }
    }
}

impl Cell for DateTime<Utc> {
    const KIND: ColumnKind = ColumnKind::Time;

    fn read(row: &QueryResult, column: &str) -> Result<Self, DbErr> {
        Option::read(row, column).map(|time| time.unwrap_or(DateTime::UNIX_EPOCH))
    }
}

fn unreadable(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error))
}

/// Declares an enum whose values are words in a text column.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of the definition.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The word that the column holds.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::metadata::row::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                $name::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(|| {
                    $crate::metadata::row::UnknownWord {
                        word: word.to_owned(),
                        expected: [$($word),+].join(", "),
                    }
                })
            }
        }

        impl $crate::metadata::row::Cell for Option<$name> {
            const KIND: $crate::metadata::row::ColumnKind = $crate::metadata::row::ColumnKind::Text;

            fn read(row: &sea_orm::QueryResult, column: &str) -> Result<Self, sea_orm::DbErr> {
                let word = <Option<String> as $crate::metadata::row::Cell>::read(row, column)?;
                let value = word.map(|word| word.parse()).transpose();
                value.map_err(|error| sea_orm::DbErr::Type(format!("column {column}: {error}")))
            }
        }

        impl $crate::metadata::row::Cell for $name {
            const KIND: $crate::metadata::row::ColumnKind = $crate::metadata::row::ColumnKind::Text;

            fn read(row: &sea_orm::QueryResult, column: &str) -> Result<Self, sea_orm::DbErr> {
                <Option<$name> as $crate::metadata::row::Cell>::read(row, column)?
                    .ok_or_else(|| sea_orm::DbErr::Type(format!("column {column} is null")))
            }
        }

        impl From<$name> for $crate::metadata::statement::Param {
            fn from(value: $name) -> Self {
                value.as_str().into()
            }
        }

        impl From<Option<$name>> for $crate::metadata::statement::Param {
            fn from(value: Option<$name>) -> Self {
                value.map($name::as_str).into()
            }
        }
    };
}

/// Declares a row of a ledger table. The first column is always `id`.
macro_rules! ledger_row {
    (
        $(#[$doc:meta])* pub struct $name:ident in $table:literal {
            pub id: i64,
            $($(#[$fdoc:meta])* pub $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { pub id: i64, $($(#[$fdoc])* pub $field: $type,)+ }

        impl $name {
            /// The SELECT list. Columns are named, never `*`: a later migration may add some while we run.
            pub(in $crate::metadata) const COLUMNS: &'static str = concat!("id", $(", ", stringify!($field)),+);

            pub(in $crate::metadata) const TABLE: $crate::metadata::row::LedgerTable =
                $crate::metadata::row::LedgerTable {
                    name: $table,
                    columns: &[
                        $crate::metadata::row::LedgerColumn {
                            name: "id",
                            kind: $crate::metadata::row::ColumnKind::Integer,
                        },
                        $($crate::metadata::row::LedgerColumn {
                            name: stringify!($field),
                            kind: <$type as $crate::metadata::row::Cell>::KIND,
                        },)+
                    ],
                };
        }

        impl sea_orm::FromQueryResult for $name {
            fn from_query_result(row: &sea_orm::QueryResult, _: &str) -> Result<Self, sea_orm::DbErr> {
                Ok($name {
                    id: $crate::metadata::row::Cell::read(row, "id")?,
                    $($field: $crate::metadata::row::Cell::read(row, stringify!($field))?,)+
                })
            }
        }
    };
}

pub(super) use {ledger_row, words};
