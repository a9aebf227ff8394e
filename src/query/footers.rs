//! The columns of data files, read from their footers and remembered: a data file never changes.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::errors::ParquetError;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};

use super::error::QueryError;
use super::listing::LakeFile;
use crate::lake::facts::Facts;
use crate::lake::{retired, union};

/// Footers read at the same time.
const READERS: usize = 8;
/// Schemas remembered; a load counts once however many files it wrote.
const REMEMBERED: usize = 50_000;

/// Schemas by load: the files of one load are written under one schema.
#[derive(Debug, Default)]
pub struct Footers {
    by_load: Mutex<HashMap<i64, SchemaRef>>,
    /// What footers tell of values, by data file; asked for only where types do not go together.
    facts: Mutex<HashMap<i64, Arc<Facts>>>,
}

impl Footers {
    /// The distinct schemas of `files`, newest load first.
    ///
    /// # Errors
    /// `FilesChanged` when a file is gone, `DataFile` when it cannot be read.
    pub async fn schemas(&self, root: &Path, files: &[LakeFile]) -> Result<Vec<SchemaRef>, QueryError> {
        let mut loads: Vec<&LakeFile> = files.iter().rev().collect();
        loads.dedup_by_key(|file| file.load_id);
        // Boxed one by one: a stream over a closure is `Send` for one lifetime only, and jobs run on other threads.
        let mut reads: Vec<BoxFuture<'_, Result<SchemaRef, QueryError>>> = Vec::with_capacity(loads.len());
        for file in loads {
            reads.push(Box::pin(self.schema(root, file)));
        }
        let found: Vec<SchemaRef> = stream::iter(reads).buffered(READERS).try_collect().await?;
        let mut distinct: Vec<SchemaRef> = Vec::new();
        for schema in found {
            if !distinct.iter().any(|known| known.fields() == schema.fields()) {
                distinct.push(schema);
            }
        }
        Ok(distinct)
    }

    /// As [`Self::schemas`], for files that are read under a definition: a column of another type that never had a value
    /// says nothing about its type.
    ///
    /// # Errors
    /// As [`Self::schemas`].
    pub async fn schemas_under(
        &self,
        declared: &Schema,
        root: &Path,
        files: &[LakeFile],
    ) -> Result<Vec<SchemaRef>, QueryError> {
        let mut schemas = self.schemas(root, files).await?;
        for schema in &mut schemas {
            let mut ways = union::misfits(declared, schema);
            for file in files {
                if ways.is_empty() {
                    break;
                }
                if self.schema(root, file).await?.fields() == schema.fields() {
                    let facts = self.facts(root, file).await?;
                    ways.retain(|way| {
                        facts.has_only_nulls(&way.iter().map(String::as_str).collect::<Vec<_>>())
                    });
                }
            }
            if !ways.is_empty() {
                *schema = union::without_types(schema, &ways);
            }
        }
        Ok(schemas)
    }

    async fn facts(&self, root: &Path, file: &LakeFile) -> Result<Arc<Facts>, QueryError> {
        if let Some(known) = self.remembered_facts().get(&file.id) {
            return Ok(Arc::clone(known));
        }
        let (root, path) = (root.to_owned(), file.path.clone());
        let shown = root.join(&path).display().to_string();
        let facts = tokio::task::spawn_blocking(move || Facts::read(&root, &path))
            .await
            .map_err(|stopped| QueryError::Execution(stopped.to_string()))?
            .map_err(|source| match &source {
                ParquetError::External(inner) if is_gone(inner.as_ref()) => QueryError::FilesChanged,
                _ => QueryError::DataFile { path: shown, source: source.into() },
            })?;
        let mut known = self.remembered_facts();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        Ok(Arc::clone(known.entry(file.id).or_insert(Arc::new(facts))))
    }

    fn remembered_facts(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Arc<Facts>>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For each of `files` the number of its schema: files with equal columns have the same.
    ///
    /// # Errors
    /// As [`Self::schemas`].
    pub async fn shapes(&self, root: &Path, files: &[LakeFile]) -> Result<Vec<usize>, QueryError> {
        let mut reads: Vec<BoxFuture<'_, Result<SchemaRef, QueryError>>> = Vec::with_capacity(files.len());
        for file in files {
            reads.push(Box::pin(self.schema(root, file)));
        }
        let found: Vec<SchemaRef> = stream::iter(reads).buffered(READERS).try_collect().await?;
        let mut distinct: Vec<SchemaRef> = Vec::new();
        let number = |schema: SchemaRef| {
            let known = distinct.iter().position(|known| known.fields() == schema.fields());
            known.unwrap_or_else(|| {
                distinct.push(schema);
                distinct.len() - 1
            })
        };
        Ok(found.into_iter().map(number).collect())
    }

    async fn schema(&self, root: &Path, file: &LakeFile) -> Result<SchemaRef, QueryError> {
        if let Some(known) = self.remembered().get(&file.load_id) {
            return Ok(Arc::clone(known));
        }
        let (root, path) = (root.to_owned(), file.path.clone());
        let schema = tokio::task::spawn_blocking(move || read(&root, &path))
            .await
            .map_err(|stopped| QueryError::Execution(stopped.to_string()))??;
        let mut known = self.remembered();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(file.load_id, Arc::clone(&schema));
        Ok(schema)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<i64, SchemaRef>> {
        // The map is whole after every operation, so a panic elsewhere leaves nothing half done.
        self.by_load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_gone(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn read(root: &Path, path: &str) -> Result<SchemaRef, QueryError> {
    let shown = || root.join(path).display().to_string();
    let file = retired::open(root, path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => QueryError::FilesChanged,
        _ => QueryError::DataFile { path: shown(), source: source.into() },
    })?;
    ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .map(|footer| Arc::clone(footer.schema()))
        .map_err(|source| QueryError::DataFile { path: shown(), source: source.into() })
}
