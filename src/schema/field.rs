//! The compiled form of a schema: what the decoder follows and what the lake's columns look like.
//!
//! Both dialects of `schema_definition` end here. Nothing in this file reads JSON text or touches a file.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef, TimeUnit};

use super::checks::Check;
use super::judge::Judge;
use super::rules::Rules;

/// What one record of a type must look like, compiled.
#[derive(Debug)]
pub struct TableSchema {
    /// Columns in the order of the definition.
    pub fields: Vec<Field>,
    /// Positions in `fields`; empty without a primary key.
    pub primary_key: Vec<usize>,
    /// Present for the JSON Schema dialect: the whole record is put before it.
    pub judge: Option<Judge>,
    /// Conditions between the columns of a record.
    pub checks: Vec<Check>,
    /// Positions in `fields` of the columns of each key that no two records of the table may share.
    pub unique: Vec<Vec<usize>>,
}

/// One column, or one member of a nested column.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name in the lake, and the first key looked for in a record.
    pub name: String,
    /// Further keys under which a record may carry the value, tried after `name` and exact in upper and lower
    /// case. A column that inference had to rename carries its original key here.
    pub aliases: Vec<String>,
    pub kind: Kind,
    pub nullable: bool,
    /// Used when the key is absent: JSON text that was checked against `kind` when the schema was compiled.
    pub default: Option<String>,
    pub rules: Rules,
}

/// The type of a value.
#[derive(Debug, Clone)]
pub enum Kind {
    String,
    Boolean,
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    Float,
    Double,
    /// `precision` 1 to 38, `scale` 0 to `precision`.
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// `YYYY-MM-DD`.
    Date,
    /// RFC 3339 text, or an integer epoch when `epoch` says which unit; stored as UTC.
    Timestamp {
        resolution: Resolution,
        epoch: Option<EpochUnit>,
    },
    /// Base64 text in JSON, bytes in the lake.
    Binary,
    /// Any value, kept as the exact JSON text of the source.
    Json,
    Struct(Vec<Field>),
    List(Box<Field>),
    /// An object with free keys; the field describes the values.
    Map(Box<Field>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    Micros,
    Nanos,
}

/// The unit of an integer time since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochUnit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl TableSchema {
    /// Columns of which nothing more is demanded.
    pub fn of(fields: Vec<Field>) -> Self {
        TableSchema { fields, primary_key: Vec::new(), judge: None, checks: Vec::new(), unique: Vec::new() }
    }

    /// The Arrow schema of the data columns, without rescue and lineage columns.
    pub fn arrow(&self) -> SchemaRef {
        Arc::new(ArrowSchema::new(self.fields.iter().map(Field::arrow).collect::<Vec<_>>()))
    }

    /// Names of the primary key columns, in their order.
    pub fn primary_key_names(&self) -> Vec<&str> {
        self.names(&self.primary_key)
    }

    /// Names of the columns at these positions.
    pub fn names(&self, columns: &[usize]) -> Vec<&str> {
        columns.iter().map(|&at| self.fields[at].name.as_str()).collect()
    }

    /// True when a record that fits its columns may be refused all the same, once it is a row: its text is kept until then.
    pub fn judges_rows(&self) -> bool {
        !self.checks.is_empty() || !self.unique.is_empty()
    }
}

impl Field {
    /// A nullable field without aliases, default and constraints.
    pub fn plain(name: &str, kind: Kind) -> Self {
        Field {
            name: name.into(),
            aliases: Vec::new(),
            kind,
            nullable: true,
            default: None,
            rules: Rules::default(),
        }
    }

    /// True when a record may carry this field's value under `key`.
    pub fn answers_to(&self, key: &str) -> bool {
        self.name == key || self.aliases.iter().any(|alias| alias == key)
    }

    /// The field to which a key belongs: the one that is called so; only then do aliases count.
    pub fn position(fields: &[Field], key: &str) -> Option<usize> {
        let called = fields.iter().position(|field| field.name == key);
        called.or_else(|| fields.iter().position(|field| field.answers_to(key)))
    }

    /// The Arrow field of this column.
    pub fn arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.kind.arrow(), self.nullable)
    }
}

impl Kind {
    /// The Arrow type under which values of this kind are stored.
    pub fn arrow(&self) -> DataType {
        match self {
            Kind::String | Kind::Json => DataType::Utf8,
            Kind::Boolean => DataType::Boolean,
            Kind::Int => DataType::Int32,
            Kind::Long => DataType::Int64,
            Kind::Float => DataType::Float32,
            Kind::Double => DataType::Float64,
            Kind::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
            Kind::Date => DataType::Date32,
            Kind::Timestamp { resolution: Resolution::Micros, .. } => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            Kind::Timestamp { resolution: Resolution::Nanos, .. } => {
                DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
            }
            Kind::Binary => DataType::Binary,
            Kind::Struct(fields) => DataType::Struct(fields.iter().map(Field::arrow).collect()),
            Kind::List(item) => {
                DataType::List(Arc::new(ArrowField::new("item", item.kind.arrow(), item.nullable)))
            }
            Kind::Map(value) => {
                let entries = DataType::Struct(
                    vec![
                        ArrowField::new("key", DataType::Utf8, false),
                        ArrowField::new("value", value.kind.arrow(), value.nullable),
                    ]
                    .into(),
                );
                DataType::Map(Arc::new(ArrowField::new("entries", entries, false)), false)
            }
        }
    }

    /// The name of the type in a definition, as `lakegate types show` prints it.
    pub fn name(&self) -> String {
        match self {
            Kind::String => "string".into(),
            Kind::Boolean => "boolean".into(),
            Kind::Int => "int".into(),
            Kind::Long => "long".into(),
            Kind::Float => "float".into(),
            Kind::Double => "double".into(),
            Kind::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            Kind::Date => "date".into(),
            Kind::Timestamp { resolution: Resolution::Micros, .. } => "timestamp".into(),
            Kind::Timestamp { resolution: Resolution::Nanos, .. } => "timestamp_ns".into(),
            Kind::Binary => "binary".into(),
            Kind::Json => "json".into(),
            Kind::Struct(_) => "struct".into(),
            Kind::List(_) => "list".into(),
            Kind::Map(_) => "map".into(),
        }
    }
}
