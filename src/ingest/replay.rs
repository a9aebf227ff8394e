//! Rejected records that are tried again, after a change of the schema or with their repaired text, and loaded as if
//! they had come with their files: same partition, same `_source_file`, in one commit for each table.
//!
//! A replay is a load like any other. Its intent reserves the records ([`crate::metadata::loads::Replay`]), so that each
//! becomes a row once, whoever else replays; its commit makes them `replayed` and counts them in `records_replayed` of
//! their files. What still fails stays open with its new reason. [`feed`] brings the records, [`original`] their exact
//! bytes, [`trial`] judges them, [`standing`] finds those that later rows have overtaken.

mod feed;
mod original;
mod report;
mod standing;
mod trial;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::{debug, info};

use super::claim::blocking;
use super::context::Context;
use super::evolve::{self, Adopted, Next, adopted_by, evolve};
use super::fault::Fault;
use super::keyed::keyed_table;
use super::load::{abandon, clear_removed, merge_into_table, new_data_file, publish};
use super::merge::Merged;
use super::write::{self, KeyedTable, Work, WriteError, Written};
use crate::crash;
use crate::drift::LoadSeen;
use crate::lake::{DataFile, Staging};
use crate::metadata::loads::{LoadKind, NewLoad, Replay};
use crate::metadata::rejects::RejectFilter;
use crate::metadata::{Kind, Metadata};
use crate::registry::TypeSpec;
use crate::schema::processing_config::WriteMode;
use feed::{Batch, feed};
use report::Loaded;
pub use report::{Cause, TypeReport};
pub use trial::Sources;
use trial::{Judged, Trial};

/// How often a replay is begun anew because others were at work on the same records or data files.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);
/// Portions of records on their way to the judge.
const AHEAD: usize = 2;

/// Loads the open rejects of a type that match and are valid now, in one commit.
///
/// # Errors
/// Storage or ledger are at fault, or others are at work on the same records again and again. Nothing is loaded then that
/// is not committed.
pub async fn replay(
    context: &Arc<Context>,
    spec: &Arc<TypeSpec>,
    filter: &RejectFilter,
) -> Result<TypeReport, Fault> {
    let filter = RejectFilter { file_type: Some(spec.file_type.clone()), ..filter.clone() };
    let mut report = TypeReport::new(spec, context.metadata.reject_backlog(&filter).await?);
    let mut batch = Batch::first(&context.metadata, &filter).await?;
    let mut attempt = 1;
    while let Some(work) = batch.take() {
        match load(context, spec, &filter, &work).await {
            Ok(one) => {
                report.add(one);
                // Files whose names were taken in this load: the rows of two could not be told apart.
                batch = work.next();
            }
            Err(fault) if fault.kind() == Kind::Conflict && attempt < ATTEMPTS => {
                debug!(file_type = %spec.file_type, attempt, "replay starts again: {}", fault.whole_message());
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
                batch = Batch::first(&context.metadata, &filter).await?;
            }
            Err(fault) => return Err(fault),
        }
    }
    context.alarm.records_replayed(&spec.file_type, context.metadata.reject_backlog(&filter).await?).await;
    Ok(report)
}

/// What [`replay`] would do, of the first `most` records. Nothing is written.
///
/// # Errors
/// The ledger cannot be read.
pub async fn rehearse(
    metadata: &Metadata,
    sources: &Sources,
    spec: &Arc<TypeSpec>,
    filter: &RejectFilter,
    most: u64,
) -> Result<TypeReport, Fault> {
    let filter = RejectFilter { file_type: Some(spec.file_type.clone()), ..filter.clone() };
    let mut report = TypeReport::new(spec, metadata.reject_backlog(&filter).await?);
    let mut batch = Batch::first(metadata, &filter).await?;
    while let Some(work) = batch.take() {
        let mut trial = Trial::new(sources, spec)?;
        let keyed = keyed_table(metadata, spec).await?;
        let (sender, portions) = mpsc::channel(AHEAD);
        let feeding = feed(metadata, &filter, &work, most, sender);
        let (files, lake, spec) = (work.source_files(spec), sources.lake.clone(), spec.clone());
        let judging = blocking(move || {
            write::judge_again((&lake, &spec, &keyed), &files, portions, &mut trial)?;
            Ok::<Judged, WriteError>(trial.end())
        });
        let (fed, judged) = tokio::join!(feeding, judging);
        fed?;
        report.would(judged??);
        batch = work.next();
    }
    Ok(report)
}

/// One load of the records of files with different names.
async fn load(
    context: &Arc<Context>,
    spec: &Arc<TypeSpec>,
    filter: &RejectFilter,
    batch: &Batch,
) -> Result<Loaded, Fault> {
    let began = Instant::now();
    let beginning = context.at_work.begin().await;
    let id = context.metadata.begin_load(&new_load(context, spec)).await?;
    let _in_work = beginning.enter(id);
    crash::at("replay-after-begin");
    let (staged, judged) = match stage(context, spec, filter, batch, id).await {
        Ok(staged) => staged,
        Err(fault) => {
            // What cannot be undone now, recovery undoes.
            let _ = abandon(context, id).await;
            return Err(fault);
        }
    };
    let Some(Staged { publishing, deduplicated, adopted }) = staged else {
        abandon(context, id).await?;
        return Ok(Loaded { load_id: None, deduplicated: 0, judged });
    };
    crash::at("replay-after-intent");
    publish(context, id, publishing).await?;
    crash::at("replay-after-publish");
    context.metadata.commit(id).await?;
    crash::at("replay-after-commit");
    clear_removed(&context.metadata, &context.lake).await;
    context.drift.note(adopted).await;
    info!(load_id = id, table = %spec.table, file_type = %spec.file_type, records = judged.valid.len(),
        refused = judged.refusals.len(), deduplicated, elapsed_ms = began.elapsed().as_millis() as u64, "replayed");
    Ok(Loaded { load_id: Some(id), deduplicated, judged })
}

fn new_load(context: &Context, spec: &TypeSpec) -> NewLoad {
    NewLoad {
        kind: LoadKind::Replay,
        table_name: spec.table.clone(),
        file_type: Some(spec.file_type.clone()),
        schema_version: Some(spec.schema_version),
        owner: context.owner.id().to_owned(),
    }
}

/// Data files that are about to be published.
struct Staged {
    publishing: Vec<DataFile>,
    deduplicated: u64,
    /// Fields that became columns on the way. What else its records show, the loads of their files have told.
    adopted: LoadSeen,
}

/// Everything up to the intent in the ledger; `None` when no record is valid.
async fn stage(
    context: &Arc<Context>,
    spec: &Arc<TypeSpec>,
    filter: &RejectFilter,
    batch: &Batch,
    id: i64,
) -> Result<(Option<Staged>, Judged), Fault> {
    let Evolved { spec, mut written, mut judged, adopted, seen_by_keys } =
        write_evolving(context, spec, filter, batch, id).await?;
    let spec = &spec;
    crash::at("replay-after-write");
    let seen_commit = match (seen_by_keys, write::replaces_rows(spec)) {
        (Some(seen), _) => Some(seen),
        (None, true) => Some(context.metadata.newest_commit(&spec.table).await?),
        (None, false) => None,
    };
    match spec.config.write_mode {
        WriteMode::Append => {}
        WriteMode::Overwrite => {
            standing::leave_overwritten(context, spec, batch, &mut written, &mut judged).await?
        }
        WriteMode::Upsert => standing::give_way_to_newer(context, spec, batch, &mut written).await?,
    }
    context.metadata.refuse_again(&judged.refusals).await?;
    crash::at("replay-after-refusals");
    if judged.valid.is_empty() {
        return Ok((None, judged));
    }
    let deduplicated: u64 = written.files.iter().map(|file| file.counts.deduplicated).sum();
    let (data_files, merged) = match spec.config.write_mode {
        WriteMode::Append | WriteMode::Overwrite => (written.data_files(), Merged::default()),
        WriteMode::Upsert => {
            merge_into_table(context, spec, id, written.data_files(), &written.keys, None).await?
        }
    };
    let intent = Replay {
        data_files: data_files.iter().map(new_data_file).collect(),
        removes: merged.removes,
        rows_carried: merged.rows_carried,
        rejects: judged.valid.clone(),
        deduplicated: deduplicated as i64,
        seen_commit,
    };
    context.metadata.stage_replay(id, &intent).await?;
    let adopted = LoadSeen {
        file_type: spec.file_type.clone(),
        schema: spec.schema.clone(),
        schema_version: spec.schema_version,
        files: adopted_by(spec, adopted),
    };
    Ok((Some(Staged { publishing: data_files, deduplicated, adopted }), judged))
}

/// Judged records, written under a schema that has all their fields, if it can have them.
struct Evolved {
    spec: Arc<TypeSpec>,
    written: Written,
    judged: Judged,
    adopted: Adopted,
    /// With unique keys: the newest commit of the table that they were compared with.
    seen_by_keys: Option<i64>,
}

async fn write_evolving(
    context: &Arc<Context>,
    spec: &Arc<TypeSpec>,
    filter: &RejectFilter,
    batch: &Batch,
    id: i64,
) -> Result<Evolved, Fault> {
    let (mut spec, mut adopted) = (spec.clone(), Adopted::new());
    let mut round = 1;
    loop {
        let keyed = keyed(context, &spec, batch).await?;
        let seen_by_keys = keyed.seen_commit;
        let (written, judged) = write(context, &spec, (filter, batch), id, keyed).await?;
        let next = match round < evolve::ROUNDS {
            true => evolve(context, id, &spec, &batch.source_files(&spec), &written).await?,
            false => Next::Stage,
        };
        match next {
            Next::Stage => return Ok(Evolved { spec, written, judged, adopted, seen_by_keys }),
            Next::WriteAgain(next, fields) => (spec, adopted) = (next, fields),
        }
        round += 1;
    }
}

/// With unique keys: the table as it is.
async fn keyed(context: &Context, spec: &TypeSpec, batch: &Batch) -> Result<KeyedTable, Fault> {
    let mut keyed = keyed_table(&context.metadata, spec).await?;
    if keyed.seen_commit.is_some() && spec.config.write_mode == WriteMode::Overwrite {
        keyed.overwritten = standing::overwritten(context, spec, batch).await?;
    }
    Ok(keyed)
}

/// Judges the records and stages the rows of those that are valid.
async fn write(
    context: &Arc<Context>,
    spec: &Arc<TypeSpec>,
    (filter, batch): (&RejectFilter, &Batch),
    id: i64,
    keyed: KeyedTable,
) -> Result<(Written, Judged), Fault> {
    let mut trial = Trial::new(&Sources::of(context), spec)?;
    let work = Work {
        load_id: id,
        spec: spec.clone(),
        lake: context.lake.clone(),
        rejects_folder: context.rejects_folder(&spec.folder),
        ingested_at: context.clock.now(),
        max_record_bytes: context.max_record_bytes,
        keyed,
        owner: context.owner.clone(),
        stop: context.stop_reading.clone(),
    };
    let (sender, portions) = mpsc::channel(AHEAD);
    let files = batch.source_files(spec);
    let writing = blocking(move || {
        Staging::create(&work.lake, work.load_id).map_err(WriteError::from)?;
        let written = write::write_again(&work, &files, portions, &mut trial)?;
        Ok::<_, WriteError>((written, trial.end()))
    });
    let feeding = feed(&context.metadata, filter, batch, u64::MAX, sender);
    let (fed, written) = tokio::join!(feeding, writing);
    fed?;
    Ok(written??)
}
