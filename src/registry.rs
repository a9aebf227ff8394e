//! Which types there are: rows of `table_metadata`, compiled, and which of them a name belongs to.
//!
//! Pure: rows in, decisions out. A row that cannot be used stays in the registry with the reason, so that its
//! files wait instead of becoming an unknown type.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDateTime;
use regex::Regex;

use crate::arrival::{self, Arrival};
use crate::metadata::types::{TypeRow, TypeStatus};
use crate::schema::definition;
use crate::schema::field::TableSchema;
use crate::schema::processing_config::ProcessingConfig;

/// Names that `lakegate sql` gives to the ledger; a lake table cannot take them.
pub const LEDGER_TABLES: [&str; 15] = [
    "table_metadata",
    "files",
    "file_events",
    "loads",
    "data_files",
    "data_file_origins",
    "rejects",
    "schema_versions",
    "schema_drift",
    "jobs",
    "job_runs",
    "alerts",
    "alert_deliveries",
    "alert_channels",
    "file_expectations",
];

/// Everything that loading a file of one type needs to know.
#[derive(Debug)]
pub struct TypeSpec {
    pub file_type: String,
    pub table: String,
    pub schema: Arc<TableSchema>,
    pub schema_version: i64,
    pub config: ProcessingConfig,
    pub partition_column: String,
    pattern: Option<Regex>,
    /// Below `source_data/processing`, `failed`, `error` and `processed`.
    pub folder: String,
}

/// One row and what became of it.
#[derive(Debug, Clone)]
pub struct RegisteredType {
    pub row: TypeRow,
    /// The compiled row, or why it cannot be used.
    pub spec: Result<Arc<TypeSpec>, String>,
}

impl TypeSpec {
    /// The same type under another schema.
    pub fn under(&self, schema: Arc<TableSchema>) -> TypeSpec {
        TypeSpec {
            file_type: self.file_type.clone(),
            table: self.table.clone(),
            schema,
            schema_version: self.schema_version,
            config: self.config.clone(),
            partition_column: self.partition_column.clone(),
            pattern: self.pattern.clone(),
            folder: self.folder.clone(),
        }
    }
}

/// All types at one moment.
#[derive(Debug, Default)]
pub struct Registry {
    types: Vec<RegisteredType>,
    by_key: HashMap<String, usize>,
}

/// Where a name belongs.
#[derive(Debug)]
pub enum Detection<'a> {
    Known {
        registered: &'a RegisteredType,
        time: Option<NaiveDateTime>,
    },
    /// No type yet; `type_key` is what it will be called.
    Unknown {
        type_key: String,
        time: Option<NaiveDateTime>,
    },
    /// The extension is not one that Lakegate loads, and no pattern claims the name.
    Unsupported {
        type_key: String,
    },
}

impl Registry {
    /// Compiles rows. Those that did not change since `before` keep their compiled form.
    pub fn build(rows: Vec<TypeRow>, before: &Registry) -> Self {
        let types: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let spec = match before.get(&row.file_type) {
                    Some(known) if known.spec.is_ok() && same_definition(&known.row, &row) => {
                        known.spec.clone()
                    }
                    _ => compile(&row).map(Arc::new),
                };
                RegisteredType { row, spec }
            })
            .collect();
        let by_key = types.iter().enumerate().map(|(at, found)| (found.row.file_type.clone(), at)).collect();
        Self { types, by_key }
    }

    /// Takes a type out of use, for a reason that its row alone does not tell.
    pub fn refuse(&mut self, file_type: &str, reason: String) {
        if let Some(&at) = self.by_key.get(file_type) {
            self.types[at].spec = Err(reason);
        }
    }

    pub fn types(&self) -> &[RegisteredType] {
        &self.types
    }

    pub fn get(&self, file_type: &str) -> Option<&RegisteredType> {
        self.by_key.get(file_type).map(|&at| &self.types[at])
    }

    /// The usable, active specification of a type.
    pub fn active(&self, file_type: &str) -> Option<&Arc<TypeSpec>> {
        self.get(file_type)?.active()
    }

    /// A type's own pattern first, then the exact key, then the longest key that the name contains.
    pub fn detect(&self, name: &str) -> Detection<'_> {
        if let Some((registered, time)) = self.claimed_by_pattern(name) {
            return Detection::Known { registered, time };
        }
        let Arrival { type_key, time, format } = Arrival::read(name);
        if format.is_none() {
            return Detection::Unsupported { type_key };
        }
        match self.get(&type_key).or_else(|| self.contained_in(&type_key)) {
            Some(registered) => Detection::Known { registered, time },
            None => Detection::Unknown { type_key, time },
        }
    }

    fn claimed_by_pattern(&self, name: &str) -> Option<(&RegisteredType, Option<NaiveDateTime>)> {
        let claims = self.types.iter().filter_map(|registered| {
            let found = registered.spec.as_ref().ok()?.pattern.as_ref()?.captures(name)?;
            let written = found.name("ts").or_else(|| found.name("date")).map(|group| group.as_str());
            let time = written.and_then(arrival::read_time).or_else(|| Arrival::read(name).time);
            Some((registered, time))
        });
        claims.max_by_key(|(registered, _)| registered.row.file_type.len())
    }

    fn contained_in(&self, type_key: &str) -> Option<&RegisteredType> {
        let padded = format!("_{type_key}_");
        let contained =
            self.types.iter().filter(|known| padded.contains(&format!("_{}_", known.row.file_type)));
        contained.max_by_key(|known| known.row.file_type.len())
    }
}

impl RegisteredType {
    pub fn active(&self) -> Option<&Arc<TypeSpec>> {
        match (&self.spec, self.row.status) {
            (Ok(spec), TypeStatus::Active) => Some(spec),
            _ => None,
        }
    }
}

fn same_definition(known: &TypeRow, row: &TypeRow) -> bool {
    let definition = |row: &TypeRow| {
        (
            row.table_name.clone(),
            row.schema_definition.clone(),
            row.schema_version,
            row.processing_config.clone(),
            row.partition_column.clone(),
            row.file_pattern.clone(),
            row.processing_folder_path.clone(),
        )
    };
    definition(known) == definition(row)
}

/// A row's specification, or what its owner must mend: one sentence for `status_reason`.
///
/// # Errors
/// The first thing that is wrong with the row.
pub fn compile(row: &TypeRow) -> Result<TypeSpec, String> {
    check_name("table_name", &row.table_name)?;
    check_name("partition_column", &row.partition_column)?;
    if LEDGER_TABLES.contains(&row.table_name.to_ascii_lowercase().as_str()) {
        return Err(format!("table_name {:?} is a table of the ledger; choose another name", row.table_name));
    }
    if row.file_type != arrival::slug(&row.file_type) {
        let slug = arrival::slug(&row.file_type);
        return Err(format!("file_type {:?} is not a type key; write {slug:?}", row.file_type));
    }
    let schema =
        definition::compile(&row.schema_definition).map_err(|e| format!("schema_definition: {e}"))?;
    let config = ProcessingConfig::parse(&row.processing_config).map_err(|e| e.to_string())?;
    config.check(&schema, &row.partition_column).map_err(|e| e.to_string())?;
    let pattern = row.file_pattern.as_deref().filter(|pattern| !pattern.is_empty());
    let pattern = pattern.map(Regex::new).transpose().map_err(|e| format!("file_pattern: {e}"))?;
    Ok(TypeSpec {
        file_type: row.file_type.clone(),
        table: row.table_name.clone(),
        schema: Arc::new(schema),
        schema_version: row.schema_version,
        config,
        partition_column: row.partition_column.clone(),
        pattern,
        folder: folder(row)?,
    })
}

/// Names that become folders and SQL identifiers.
fn check_name(column: &str, name: &str) -> Result<(), String> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.len() <= 120 && name.starts_with(first) && name.chars().all(rest) {
        return Ok(());
    }
    Err(format!("{column} {name:?} must be letters, digits and underscores, and start with a letter"))
}

fn folder(row: &TypeRow) -> Result<String, String> {
    let Some(folder) = row.processing_folder_path.as_deref().filter(|folder| !folder.is_empty()) else {
        return Ok(row.file_type.clone());
    };
    let harmless = |part: &str| {
        !part.is_empty() && part.len() <= 100 && !part.starts_with('.') && !part.chars().any(char::is_control)
    };
    if folder.split('/').all(harmless) {
        return Ok(folder.to_owned());
    }
    Err(format!(
        "processing_folder_path {folder:?} must be a relative path below source_data/processing, without '.' or '..'"
    ))
}

#[cfg(test)]
pub(crate) mod tests;
