//! Records whose time is over: since their file was loaded, later rows have taken the place that they would have had.

use std::collections::{HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::feed::Batch;
use super::trial::Judged;
use crate::durable;
use crate::ingest::claim::blocking;
use crate::ingest::context::Context;
use crate::ingest::fault::Fault;
use crate::ingest::merge::{Source, unreadable};
use crate::ingest::write::{Counts, Keys, Overwritten, WriteError, Written};
use crate::lake::Lake;
use crate::lake::keys::KeyHash;
use crate::metadata::rejects::Refusal;
use crate::registry::TypeSpec;

/// The rule of records of an overwritten partition.
const OVERWRITTEN: &str = "replay.overwritten";

/// With `overwrite`: records of files whose partition a later load has replaced are not loaded.
pub(super) async fn leave_overwritten(
    context: &Context,
    spec: &TypeSpec,
    batch: &Batch,
    written: &mut Written,
    judged: &mut Judged,
) -> Result<(), Fault> {
    let Overwritten { newest, commits } = overwritten(context, spec, batch).await?;
    for (place, file) in written.files.iter_mut().enumerate() {
        let overwritten = file.data_files.iter().find_map(|data| {
            let newest = newest.get(&data.partition).copied().unwrap_or(0);
            (newest > commits[place]).then(|| data.partition.clone())
        });
        let Some(partition) = overwritten else { continue };
        for data in std::mem::take(&mut file.data_files) {
            durable::remove_if_there(&data.staged).map_err(Fault::file("remove", &data.staged))?;
        }
        file.counts = Counts::default();
        refuse_file(judged, file.id, spec, partition.as_deref());
    }
    Ok(())
}

/// With `overwrite`: when partitions were written last, and the files.
pub(super) async fn overwritten(
    context: &Context,
    spec: &TypeSpec,
    batch: &Batch,
) -> Result<Overwritten, Fault> {
    let commits = commits_of(context, spec, batch).await?;
    Ok(Overwritten { newest: context.metadata.newest_ingests(&spec.table).await?, commits })
}

fn refuse_file(judged: &mut Judged, file_id: i64, spec: &TypeSpec, partition: Option<&str>) {
    let place = match partition {
        Some(value) => format!("partition {}={value}", spec.partition_column),
        None => format!("table {}", spec.table),
    };
    let message = format!("{place}, where the record belongs, was overwritten by a later file");
    let over: Vec<_> = judged.valid.extract_if(.., |reject| reject.file_id == file_id).collect();
    let fingerprint = blake3::hash(OVERWRITTEN.as_bytes()).to_hex()[..16].to_owned();
    judged.refusals.extend(over.into_iter().map(|reject| Refusal {
        id: reject.id,
        pointer: String::new(),
        rule: OVERWRITTEN.to_owned(),
        value: None,
        message: message.clone(),
        fingerprint: fingerprint.clone(),
    }));
}

/// With `upsert`: a row that came in later keeps its key; the record counts as deduplicated.
pub(super) async fn give_way_to_newer(
    context: &Context,
    spec: &TypeSpec,
    batch: &Batch,
    written: &mut Written,
) -> Result<(), Fault> {
    let commits = commits_of(context, spec, batch).await?;
    let live = context.metadata.live_data_files(&spec.table).await?;
    let look = Look {
        lake: context.lake.clone(),
        files: live.into_iter().map(|live| (live.file.path, live.commit_seq)).collect(),
        commits: context.metadata.commits_of_table(&spec.table).await?,
        bounds: commits,
        keys: written.keys.clone(),
    };
    let overtaken = blocking(move || look.overtaken()).await??;
    for hash in overtaken {
        if let Some(place) = written.keys.place_of(&hash) {
            written.keys.give_up(&hash);
            let counts = &mut written.files[place].counts;
            counts.written -= 1;
            counts.deduplicated += 1;
        }
    }
    Ok(())
}

/// By place, the commit with which the file was loaded.
async fn commits_of(context: &Context, spec: &TypeSpec, batch: &Batch) -> Result<Vec<i64>, Fault> {
    let commits = context.metadata.commits_of_table(&spec.table).await?;
    let commit = |load: Option<i64>| load.and_then(|load| commits.get(&load)).copied().unwrap_or(0);
    Ok(batch.files.iter().map(|file| commit(file.load_id)).collect())
}

/// A look at the keys of the rows that are there.
struct Look {
    lake: Lake,
    /// Paths and commits.
    files: Vec<(String, i64)>,
    commits: HashMap<i64, i64>,
    bounds: Vec<i64>,
    keys: Keys,
}

impl Look {
    /// The keys of this load that rows of later commits have.
    fn overtaken(&self) -> Result<HashSet<KeyHash>, WriteError> {
        let mut overtaken = HashSet::new();
        let oldest = self.bounds.iter().min().copied().unwrap_or(0);
        for (path, commit_seq) in self.files.iter().filter(|(_, commit_seq)| *commit_seq > oldest) {
            let Source { place, rows } = Source::live(&self.lake, path)?;
            let columns: Vec<&str> = self.keys.columns().chain(["_load_id"]).collect();
            let mask = parquet::arrow::ProjectionMask::columns(rows.parquet_schema(), columns);
            for batch in rows.with_projection(mask).build().map_err(unreadable(&place))? {
                let batch = batch.map_err(|source| WriteError::Rows { source })?;
                self.add(&batch, *commit_seq, &mut overtaken)?;
            }
        }
        Ok(overtaken)
    }

    fn add(
        &self,
        batch: &RecordBatch,
        commit_seq: i64,
        into: &mut HashSet<KeyHash>,
    ) -> Result<(), WriteError> {
        let rows = |source| WriteError::Rows { source };
        let loads = batch.column_by_name("_load_id").map(|loads| cast(loads, &DataType::Int64));
        let loads = loads.transpose().map_err(rows)?;
        for (row, hash) in self.keys.hashes(batch).map_err(rows)?.into_iter().enumerate() {
            let Some(bound) = self.keys.place_of(&hash).and_then(|place| self.bounds.get(place)) else {
                continue;
            };
            // A file may hold rows of older loads; without lineage its own commit has to do.
            let load = loads.as_ref().map(|loads| loads.as_primitive::<Int64Type>().value(row));
            let commit = load.and_then(|load| self.commits.get(&load)).copied().unwrap_or(commit_seq);
            if commit > *bound {
                into.insert(hash);
            }
        }
        Ok(())
    }
}
