//! The lake as DataFusion's scan reads it: local files, and those that were retired while a query was reading them.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio_util::bytes::Bytes;

use crate::lake::retired;

/// See the module.
#[derive(Debug)]
pub struct LakeStore {
    files: LocalFileSystem,
}

impl LakeStore {
    /// # Errors
    /// When the folder cannot be used.
    pub fn new(root: &Path) -> Result<Self> {
        Ok(LakeStore { files: LocalFileSystem::new_with_prefix(root)? })
    }
}

/// Where a data file lies since it was retired.
fn elsewhere(location: &StorePath) -> StorePath {
    StorePath::from(retired::path_of(location.as_ref()))
}

impl fmt::Display for LakeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.files)
    }
}

#[async_trait]
impl ObjectStore for LakeStore {
    async fn put_opts(
        &self,
        location: &StorePath,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.files.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        match self.files.get_opts(location, options.clone()).await {
            Err(Error::NotFound { .. }) => self.files.get_opts(&elsewhere(location), options).await,
            found => found,
        }
    }

    async fn get_ranges(&self, location: &StorePath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match self.files.get_ranges(location, ranges).await {
            Err(Error::NotFound { .. }) => self.files.get_ranges(&elsewhere(location), ranges).await,
            found => found,
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<StorePath>>,
    ) -> BoxStream<'static, Result<StorePath>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }
}
