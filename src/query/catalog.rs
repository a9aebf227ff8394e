//! Which table a name in a query means. Only the tables that a query names are looked up, so a lake of any size
//! costs nothing to a query that does not touch it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;

use super::error::QueryError;
use super::footers::Footers;
use super::lake_table::LakeTable;
use super::ledger_table::LedgerTable;
use super::listing::{LakeFile, in_commit_order, with_origins};
use super::names;
use super::session::{DEFAULT_SCHEMA, LAKE_SCHEMA, LEDGER_SCHEMA};
use crate::lake::union;
use crate::metadata::LedgerTable as LedgerDefinition;
use crate::metadata::Metadata;
use crate::metadata::ledger::ledger_tables;
use crate::metadata::types::TypeRow;
use crate::schema::definition;

/// Finds tables by name.
#[derive(Debug)]
pub struct Catalog {
    metadata: Metadata,
    root: PathBuf,
    footers: Footers,
}

/// Which side a table is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Lake,
    Ledger,
}

impl Catalog {
    pub fn new(metadata: Metadata, root: PathBuf) -> Self {
        Catalog { metadata, root, footers: Footers::default() }
    }

    /// The table that `reference` means, or `None`.
    ///
    /// # Errors
    /// `FilesChanged`, `DataFile`, `Metadata`.
    pub async fn table(
        &self,
        reference: &TableReference,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let schema = reference.schema().unwrap_or(DEFAULT_SCHEMA);
        let name = reference.table();
        if (schema == DEFAULT_SCHEMA || schema == LEDGER_SCHEMA)
            && let Some(definition) = ledger_definition(name)
        {
            return Ok(Some(Arc::new(LedgerTable::new(self.metadata.clone(), definition))));
        }
        if schema == DEFAULT_SCHEMA || schema == LAKE_SCHEMA {
            return Ok(self.lake_table(name).await?.map(|table| Arc::new(table) as Arc<dyn TableProvider>));
        }
        Ok(None)
    }

    /// The lake's table of that name, or of the one name that differs only in case.
    pub async fn lake_table(&self, name: &str) -> Result<Option<LakeTable>, QueryError> {
        if let Some(table) = self.exact_lake_table(name).await? {
            return Ok(Some(table));
        }
        let folded = name.to_lowercase();
        let mut similar = self.lake_names().await?.into_keys().filter(|known| known.to_lowercase() == folded);
        match (similar.next(), similar.next()) {
            (Some(one), None) if one != name => self.exact_lake_table(&one).await,
            _ => Ok(None),
        }
    }

    async fn exact_lake_table(&self, name: &str) -> Result<Option<LakeTable>, QueryError> {
        let kind = self.type_of(name).await?;
        let files = self.listing(name).await?;
        if kind.is_none() && files.is_empty() {
            return Ok(None);
        }
        self.shape(kind.as_ref(), files).await.map(Some)
    }

    /// The live data files of a table, in commit order.
    pub async fn listing(&self, table: &str) -> Result<Vec<LakeFile>, QueryError> {
        let rows = self.metadata.live_data_files(table).await?;
        Ok(in_commit_order(rows.into_iter().map(LakeFile::from).collect()))
    }

    /// As [`Self::listing`], with the origins of merged files.
    pub async fn listing_with_origins(&self, table: &str) -> Result<Vec<LakeFile>, QueryError> {
        let files = self.listing(table).await?;
        if files.iter().all(|file| !file.is_merged) {
            return Ok(files);
        }
        let origins = self.metadata.origins_of_table(table).await?;
        with_origins(files, origins).ok_or(QueryError::FilesChanged)
    }

    /// For each of `files` the number of its schema; see [`Footers::shapes`].
    pub async fn shapes(&self, files: &[LakeFile]) -> Result<Vec<usize>, QueryError> {
        self.footers.shapes(&self.root, files).await
    }

    /// A table over exactly these files; `None` when there is neither a type nor a file of that name.
    pub async fn lake_table_of(
        &self,
        name: &str,
        files: Vec<LakeFile>,
    ) -> Result<Option<LakeTable>, QueryError> {
        let kind = self.type_of(name).await?;
        if kind.is_none() && files.is_empty() {
            return Ok(None);
        }
        self.shape(kind.as_ref(), files).await.map(Some)
    }

    async fn type_of(&self, table: &str) -> Result<Option<TypeRow>, QueryError> {
        match self.metadata.type_by(table).await? {
            Some(row) if row.table_name == table => Ok(Some(row)),
            None => Ok(None),
            // Another type has this name as its key.
            Some(_) => Ok(self.metadata.types().await?.into_iter().find(|row| row.table_name == table)),
        }
    }

    async fn shape(&self, kind: Option<&TypeRow>, files: Vec<LakeFile>) -> Result<LakeTable, QueryError> {
        let mut schemas: Vec<SchemaRef> =
            kind.and_then(|row| declared_columns(row, &files)).into_iter().collect();
        let found = match schemas.first().cloned() {
            Some(declared) => self.footers.schemas_under(&declared, &self.root, &files).await?,
            None => self.footers.schemas(&self.root, &files).await?,
        };
        schemas.extend(found);
        let columns: SchemaRef = union::union(schemas.iter().map(AsRef::<Schema>::as_ref));
        let declared = kind.map(|row| row.partition_column.as_str());
        Ok(LakeTable::new(self.root.clone(), files, columns, declared))
    }

    /// Every name of a lake table, with true for those that hold data.
    pub async fn lake_names(&self) -> Result<BTreeMap<String, bool>, QueryError> {
        let mut names: BTreeMap<String, bool> =
            self.metadata.types().await?.into_iter().map(|row| (row.table_name, false)).collect();
        names.extend(self.metadata.lake_tables().await?.into_iter().map(|name| (name, true)));
        Ok(names)
    }

    /// All tables, the lake's first; a lake table whose name the ledger takes is shown as `lake.<name>`.
    pub async fn all(&self) -> Result<Vec<(String, Side, bool)>, QueryError> {
        let lake = self.lake_names().await?.into_iter().map(|(name, data)| {
            let shown =
                if ledger_definition(&name).is_some() { format!("{LAKE_SCHEMA}.{name}") } else { name };
            (shown, Side::Lake, data)
        });
        let ledger = ledger_tables().iter().map(|table| (table.name.to_string(), Side::Ledger, true));
        Ok(lake.chain(ledger).collect())
    }

    /// The error for a name that means nothing, with what may have been meant.
    pub async fn unknown(&self, reference: &TableReference) -> Result<QueryError, QueryError> {
        let name = reference.table();
        let all = self.all().await?;
        let near = names::nearest(name, all.iter().map(|(known, ..)| known.as_str()));
        let jobs = self.metadata.jobs().await?;
        let known_but = match jobs.iter().find(|job| job.target_table == name) {
            Some(job) => Some(format!(
                "job {name} makes it and has written nothing yet: lakegate jobs run {name}",
                name = names::shown(&job.name)
            )),
            None if reference.schema() == Some("information_schema") => {
                Some("SHOW TABLES lists the tables, DESCRIBE <table> the columns of one".into())
            }
            None => None,
        };
        Ok(QueryError::UnknownTable { name: reference.to_string(), near, known_but })
    }
}

/// The ledger's table of that name.
pub fn ledger_definition(name: &str) -> Option<&'static LedgerDefinition> {
    ledger_tables().iter().find(|table| table.name == name)
}

/// The columns of the definition; `None` when it cannot be used, which `status_reason` explains. One that was refused does
/// not change how the rows read that are there.
fn declared_columns(row: &TypeRow, files: &[LakeFile]) -> Option<SchemaRef> {
    if row.status_reason.is_some() && !files.is_empty() {
        return None;
    }
    definition::compile(&row.schema_definition).ok().map(|compiled| compiled.arrow())
}
