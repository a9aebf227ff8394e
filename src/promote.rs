//! Promotion: a field that was kept in `_rescued` becomes a column, also for the rows that are there already.
//!
//! First the schema gets the field, if it does not have it; then the data files that hold values of it are written again,
//! each into one new file with the same rows in the same order, and all are exchanged in one commit. The steps are those of
//! any load, so a crash resumes by the ordinary path; jobs see the old files go, and compute their days again. Loads that
//! began under the earlier schema are waited for, and their files follow in a commit of their own.

mod error;
mod fill;
mod rewrite;
mod subject;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::compact::origins_of;
use crate::crash;
use crate::ingest::{clear_removed, new_data_file};
use crate::lake::{Lake, Staging, staging};
use crate::metadata::data_files::LiveDataFile;
use crate::metadata::loads::{Compaction, LoadKind, MergedFile, NewLoad};
use crate::metadata::types::TypeRow;
use crate::metadata::{Kind, Metadata, MetadataError};
use crate::owner::Owner;
use crate::query::listing::{LakeFile, in_commit_order, with_origins};
pub use error::PromoteError;
pub use fill::Filled;
use rewrite::{Rewrite, Rewritten, blocking};
pub use subject::Subject;

/// How often the work begins again because others replaced files meanwhile.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(250);
/// How long loads that began under the earlier schema are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Promotes fields. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Promoter {
    metadata: Metadata,
    lake: Lake,
    owner: Owner,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// A table, or the type of its files.
    pub table: String,
    /// A key of records, a dotted way to a nested one, or a pointer (`/customer/vip`).
    pub field: String,
    /// The type of a field that the schema does not have; found out from the values without it.
    pub kind: Option<String>,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Promotion {
    pub file_type: String,
    pub table: String,
    /// The field's place in a record.
    pub field: String,
    pub kind: String,
    /// The schema did not have the field before.
    pub added: bool,
    pub schema_version: i64,
    /// The loads that exchanged data files; usually one.
    pub loads: Vec<i64>,
    pub data_files: usize,
    pub filled: Filled,
    /// Loads that began under the earlier schema and have not ended: rows of theirs may still have the field in `_rescued`.
    pub unfinished: usize,
}

impl Promoter {
    pub fn new(metadata: Metadata, lake: Lake, owner: Owner) -> Self {
        Promoter { metadata, lake, owner }
    }

    /// Does it. To promote again what was promoted changes nothing.
    ///
    /// # Errors
    /// There is no such table or field, or the field cannot be a column; storage or the metadata database are at fault.
    /// What was committed stays; the rest is done when it is promoted again.
    pub async fn promote(&self, wish: &Wish) -> Result<Promotion, PromoteError> {
        let (subject, added) = self.subject(wish).await?;
        crash::at("promote-after-schema");
        let mut promotion = Promotion {
            file_type: subject.row.file_type.clone(),
            table: subject.row.table_name.clone(),
            field: subject.place.to_string(),
            kind: subject.field.kind.name(),
            added,
            schema_version: subject.row.schema_version,
            loads: Vec::new(),
            data_files: 0,
            filled: Filled::default(),
            unfinished: 0,
        };
        let began = Instant::now();
        let mut misfits_before = None;
        loop {
            let unfinished = self.loads_before(&subject.row).await?;
            // Asked for before the files are listed: what ends in between is in the list.
            let (load, files, filled) = self.fill(&subject).await?;
            promotion.loads.extend(load);
            promotion.data_files += files;
            promotion.filled.add(filled, &mut misfits_before);
            promotion.unfinished = unfinished;
            if unfinished == 0 || began.elapsed() > PATIENCE {
                return Ok(promotion);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Loads of the table that are under way and may not know the field.
    async fn loads_before(&self, row: &TypeRow) -> Result<usize, PromoteError> {
        let open = self.metadata.open_loads().await?;
        let older = open.iter().filter(|load| {
            load.table_name == row.table_name
                && load.kind != LoadKind::Compaction
                && load.schema_version.is_none_or(|version| version < row.schema_version)
                && !self.owner.is_gone(&load.owner)
        });
        Ok(older.count())
    }

    /// Exchanges the data files that have something to fill in: the load that did, and how many files they were.
    async fn fill(&self, subject: &Arc<Subject>) -> Result<(Option<i64>, usize, Filled), PromoteError> {
        let mut attempt = 1;
        loop {
            match self.try_to_fill(subject).await {
                Err(error) if error.kind() == Kind::Conflict && attempt < ATTEMPTS => {
                    tracing::debug!(table = %subject.row.table_name, attempt, "starts again: {error}");
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn try_to_fill(
        &self,
        subject: &Arc<Subject>,
    ) -> Result<(Option<i64>, usize, Filled), PromoteError> {
        let files = self.files(&subject.row.table_name).await?;
        let (concerned, misfits) = self.concerned(subject, files).await?;
        if concerned.is_empty() {
            return Ok((None, 0, misfits));
        }
        let load = NewLoad {
            kind: LoadKind::Ingest,
            table_name: subject.row.table_name.clone(),
            file_type: Some(subject.row.file_type.clone()),
            schema_version: Some(subject.row.schema_version),
            owner: self.owner.id().to_owned(),
        };
        let load_id = self.metadata.begin_load(&load).await?;
        crash::at("promote-after-begin");
        match self.exchange(subject, load_id, concerned).await {
            Ok(rewritten) => {
                let mut filled = misfits;
                rewritten.iter().for_each(|file| filled.take(&file.filled));
                Ok((Some(load_id), rewritten.len(), filled))
            }
            Err(error) => {
                self.give_up(load_id).await;
                Err(error)
            }
        }
    }

    /// The live data files of a table, with the origins of merged ones.
    async fn files(&self, table: &str) -> Result<Vec<LakeFile>, PromoteError> {
        let rows: Vec<LiveDataFile> = self.metadata.live_data_files(table).await?;
        let files = in_commit_order(rows.into_iter().map(LakeFile::from).collect());
        let origins = self.metadata.origins_of_table(table).await?;
        with_origins(files, origins).ok_or(PromoteError::FilesChanged)
    }

    /// The files in which a row can be filled, and what there is in others that does not fit.
    async fn concerned(
        &self,
        subject: &Arc<Subject>,
        files: Vec<LakeFile>,
    ) -> Result<(Vec<LakeFile>, Filled), PromoteError> {
        let (lake, subject) = (self.lake.clone(), Arc::clone(subject));
        blocking(move || {
            let (mut concerned, mut misfits) = (Vec::new(), Filled::default());
            for file in files {
                let found = rewrite::look(&lake, &file, &subject)?;
                if found.rows > 0 {
                    concerned.push(file);
                } else {
                    misfits.take(&found);
                }
            }
            Ok((concerned, misfits))
        })
        .await?
    }

    /// Write, stage, publish, commit.
    async fn exchange(
        &self,
        subject: &Arc<Subject>,
        load_id: i64,
        files: Vec<LakeFile>,
    ) -> Result<Vec<Rewritten>, PromoteError> {
        let rewrite =
            Rewrite { lake: self.lake.clone(), load_id, subject: Arc::clone(subject), files: files.clone() };
        let rewritten = blocking(move || rewrite.run()).await??;
        crash::at("promote-after-write");
        let merged = files.iter().zip(&rewritten).map(|(old, new)| MergedFile {
            file: new_data_file(&new.data),
            origins: origins_of(std::slice::from_ref(old), &[new.data.rows as i64])
                .into_iter()
                .flatten()
                .collect(),
        });
        let intent =
            Compaction { merged: merged.collect(), removes: files.iter().map(|file| file.id).collect() };
        self.metadata.stage_compaction(load_id, &intent).await?;
        crash::at("promote-after-intent");
        let (lake, data) =
            (self.lake.clone(), rewritten.iter().map(|file| file.data.clone()).collect::<Vec<_>>());
        blocking(move || {
            staging::publish(&lake, &data)?;
            Staging::of(&lake, load_id).clear()
        })
        .await??;
        crash::at("promote-after-publish");
        self.metadata.commit(load_id).await?;
        crash::at("promote-after-commit");
        clear_removed(&self.metadata, &self.lake).await;
        Ok(rewritten)
    }

    /// What cannot be undone now, recovery undoes or finishes later.
    async fn give_up(&self, load_id: i64) {
        let undone = async {
            let published = self.metadata.pending_data_files(load_id).await?;
            staging::remove(&self.lake, published.iter().map(|file| file.path.as_str()))?;
            Staging::of(&self.lake, load_id).clear()?;
            match self.metadata.roll_back(load_id, &[]).await {
                // It was committed after all: only the answer was lost.
                Err(MetadataError::LoadState { .. }) | Ok(_) => Ok(()),
                Err(error) => Err(PromoteError::from(error)),
            }
        };
        if let Err(left) = undone.await {
            tracing::warn!(load_id, "a promotion that failed is left for recovery: {left}");
        }
    }
}
