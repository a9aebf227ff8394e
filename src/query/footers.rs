//! The columns of data files, read from their footers and remembered: a data file never changes.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};

use super::error::QueryError;
use super::listing::LakeFile;
use crate::lake::retired;

/// Footers read at the same time.
const READERS: usize = 8;
/// Schemas remembered; a load counts once however many files it wrote.
const REMEMBERED: usize = 50_000;

/// Schemas by load: the files of one load are written under one schema.
#[derive(Debug, Default)]
pub struct Footers {
    by_load: Mutex<HashMap<i64, SchemaRef>>,
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
