//! One load's journey: claim, write, commit, settle. Each step stands alone; what resumes after a crash between
//! two of them is in [`super::recover`].

mod redelivery;
mod rejected;
mod sorting;
mod writing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};

use super::at_work::InWork;
use super::batches::Batch;
use super::claim::{blocking, claim, text};
use super::context::Context;
use super::departure::Departure;
use super::fault::Fault;
use super::learn::refuse;
use super::merge::{Live, Merge, Merged};
use super::recover::find_moved;
use super::settle::{Ended, plan_targets, settle_load};
use super::story::FileStory;
use super::turns::Turn;
use super::write::{self, SourceFile};
use crate::crash;
use crate::lake::{DataFile, Lake, Staging, staging};
use crate::metadata::files::{FileRow, FileState, Release};
use crate::metadata::loads::{FileOutcome, Intent, LoadKind, NewDataFile, NewLoad};
use crate::metadata::{Kind, Metadata};
use crate::registry::TypeSpec;
use sorting::Hashed;
use writing::WrittenFiles;

/// What a finished load tells.
#[derive(Debug)]
pub struct LoadReport {
    pub table: String,
    pub rows: u64,
    /// The files of its batch, as (id, name).
    pub files: Vec<(i64, Arc<str>)>,
    /// What became of those that ended; the others were given back, or somebody else has them.
    pub stories: Vec<FileStory>,
    /// The load has changed the schema of its type, or found it changed.
    pub schema_changed: bool,
}

/// A load that did not happen, with everything undone that it had begun.
#[derive(Debug)]
pub struct LoadFailure {
    pub table: String,
    pub load_id: Option<i64>,
    pub files: Vec<(i64, Arc<str>)>,
    pub fault: Fault,
}

/// Runs one load to its end. On a fault nothing of it stays but its row in state `rolled_back`; when even that
/// cannot be written, [`super::recover`] does it later.
pub async fn run(context: Arc<Context>, batch: Batch, mut turn: Turn) -> Result<LoadReport, LoadFailure> {
    let (table, folder) = (batch.spec.table.clone(), batch.spec.folder.clone());
    let files = batch.files.iter().map(|file| (file.id, file.name.clone())).collect();
    let mut begun = None;
    match journey(&context, batch, &mut turn, &mut begun).await {
        Ok(Loaded { rows, stories, schema_changed }) => {
            Ok(LoadReport { table, rows, files, stories, schema_changed })
        }
        Err(fault) => {
            let load_id = begun.as_ref().map(InWork::load_id);
            if let (Kind::Internal, Some(load_id)) = (fault.kind(), load_id) {
                isolate(&context, load_id, &folder, &fault).await;
            }
            Err(LoadFailure { table, load_id, files, fault })
        }
    }
}

/// A fault of Lakegate would come again with the same file, for ever. So the files of such a load are loaded one by one
/// from now on, and the one that fails alone is parked.
async fn isolate(context: &Context, load_id: i64, folder: &str, fault: &Fault) {
    let isolated = async {
        let rows = context.metadata.files_of_load(load_id).await?;
        let rows: Vec<_> = rows.into_iter().filter(|row| row.state == FileState::Processing).collect();
        if let [alone] = rows.as_slice() {
            refuse(context, &[(alone.id, alone.attempt)], folder, fault.problem()).await?;
            return Ok::<(), Fault>(());
        }
        find_moved(context, &rows).await?;
        let release = |row: &FileRow| Release {
            id: row.id,
            attempt: row.attempt,
            state: FileState::Queued,
            problem: None,
            crashed: true,
        };
        context.metadata.release(&rows.iter().map(release).collect::<Vec<_>>()).await?;
        Ok(())
    };
    if let Err(later) = isolated.await {
        warn!(load_id, "the files of a failed load are given back later: {}", later.whole_message());
    }
}

/// The rows written and what became of the files.
struct Loaded {
    rows: u64,
    stories: Vec<FileStory>,
    schema_changed: bool,
}

async fn journey(
    context: &Arc<Context>,
    batch: Batch,
    turn: &mut Turn,
    begun: &mut Option<InWork>,
) -> Result<Loaded, Fault> {
    let began = Instant::now();
    let spec = batch.spec.clone();
    let files = claim(context, &batch, &new_load(context, &spec), begun).await?;
    let id = begun.as_ref().map(InWork::load_id).expect("a claim begins its load");
    let mut journey = Journey { context, id, spec };
    let began_with = journey.spec.schema_version;
    let files = journey.one_of_each_delivery(files).await?;
    let read = journey.read(files).await?;
    crash::at("after-read");
    // What is to be known of the load before this one is known from here on.
    turn.wait().await?;
    let mut hashed = journey.set_duplicates_aside(read).await?;
    let earlier = journey.earlier_deliveries(&mut hashed).await?;
    let WrittenFiles { mut written, adopted, seen_commit } =
        journey.write_evolving(&mut hashed.fresh, &earlier).await?;
    let schema_changed = journey.spec.schema_version != began_with;
    crash::at("after-write");
    journey.sort_late_duplicates(&mut hashed, &mut written).await?;
    let outcomes = journey.sort_out(&hashed, &written).await?;
    if outcomes.is_empty() {
        // Every file was given back: there is nothing to commit.
        abandon(context, id).await?;
        turn.pass_on();
        return Ok(Loaded { rows: 0, stories: Vec::new(), schema_changed });
    }
    let departure = journey.departure(&written, &earlier).await?;
    let (data_files, mut merged) =
        journey.merge(written.data_files(), &written.keys, departure.clone()).await?;
    // Keys were compared with the table as it was then.
    merged.seen_commit = seen_commit.or(merged.seen_commit);
    journey.keep_rejects(&written.files).await?;
    crash::at("after-rejects");
    let publishing: Vec<DataFile> = data_files.iter().chain(merged.departed.data_files()).cloned().collect();
    let replaces_data_files = write::replaces_rows(&journey.spec) || departure.is_some();
    let (outcomes, ended) = journey.plan_ends(outcomes, &hashed).await?;
    journey.stage(&data_files, merged, departure, outcomes).await?;
    crash::at("after-intent");
    publish(context, id, publishing).await?;
    crash::at("after-publish");
    let committed = context.metadata.commit(id).await?;
    turn.pass_on();
    crash::at("after-commit");
    if replaces_data_files {
        clear_removed(&context.metadata, &context.lake).await;
    }
    let stories = settle_load(context, id, ended, &journey.spec.folder).await?;
    info!(load_id = id, table = %journey.spec.table, files = committed.files, rows = committed.rows_written,
        elapsed_ms = began.elapsed().as_millis() as u64, "loaded");
    context.drift.note(journey.seen(&hashed, written, adopted)).await;
    Ok(Loaded { rows: committed.rows_written as u64, stories, schema_changed })
}

fn new_load(context: &Context, spec: &TypeSpec) -> NewLoad {
    NewLoad {
        kind: LoadKind::Ingest,
        table_name: spec.table.clone(),
        file_type: Some(spec.file_type.clone()),
        schema_version: Some(spec.schema_version),
        owner: context.owner.id().to_owned(),
    }
}

struct Journey<'a> {
    context: &'a Arc<Context>,
    id: i64,
    spec: Arc<TypeSpec>,
}

impl Journey<'_> {
    /// With `overwrite` and `upsert`: which earlier data files go, and what of them is carried over. With a departure:
    /// what is left of data files that lose rows.
    async fn merge(
        &self,
        staged: Vec<DataFile>,
        keys: &write::Keys,
        departure: Option<Departure>,
    ) -> Result<(Vec<DataFile>, Merged), Fault> {
        if !write::replaces_rows(&self.spec) && departure.is_none() {
            return Ok((staged, Merged::default()));
        }
        merge_into_table(self.context, &self.spec, self.id, staged, keys, departure).await
    }

    /// The intent: from here on a crash rolls forward if everything was published.
    async fn stage(
        &self,
        data_files: &[DataFile],
        merged: Merged,
        departure: Option<Departure>,
        files: Vec<FileOutcome>,
    ) -> Result<(), Fault> {
        let Merged { mut removes, rows_carried, departed, seen_commit } = merged;
        removes.extend(&departed.removes);
        let intent = Intent {
            data_files: data_files.iter().map(new_data_file).collect(),
            removes,
            rows_carried: rows_carried + departed.rows_carried,
            carried: departed.intents(),
            files,
            takes_out: departure.map(|departure| departure.files).unwrap_or_default(),
            rows_taken_out: departed.rows_gone,
            seen_commit,
        };
        Ok(self.context.metadata.stage(self.id, &intent).await?)
    }

    /// Where each file goes after the commit: written down with the intent, so that nothing but the moves is left to do
    /// then.
    async fn plan_ends(
        &self,
        mut outcomes: Vec<FileOutcome>,
        hashed: &Hashed,
    ) -> Result<(Vec<FileOutcome>, Vec<Ended>), Fault> {
        let mut sources: HashMap<i64, &SourceFile> =
            hashed.fresh.iter().map(|file| (file.id, file)).collect();
        let aside = hashed.duplicates.iter().chain(&hashed.ignored);
        sources.extend(aside.map(|(file, _)| (file.id, file)));
        let ended = |outcome: &FileOutcome| {
            let source = sources[&outcome.id];
            Ended::of_outcome(outcome, source, &self.spec.file_type, self.id)
        };
        let mut ended: Vec<Ended> = outcomes.iter().map(ended).collect();
        let (places, folder) = (self.context.places.clone(), self.spec.folder.clone());
        ended = blocking(move || {
            plan_targets(&places, &mut ended, &folder);
            ended
        })
        .await?;
        for (outcome, ended) in outcomes.iter_mut().zip(&ended) {
            outcome.target = ended.target.as_deref().map(text);
        }
        Ok((outcomes, ended))
    }
}

/// What the rows that a load has staged do to its table: see [`Merge`].
pub(super) async fn merge_into_table(
    context: &Context,
    spec: &Arc<TypeSpec>,
    load_id: i64,
    staged: Vec<DataFile>,
    keys: &write::Keys,
    departure: Option<Departure>,
) -> Result<(Vec<DataFile>, Merged), Fault> {
    let seen_commit = match write::replaces_rows(spec) {
        true => Some(context.metadata.newest_commit(&spec.table).await?),
        false => None,
    };
    let live = context.metadata.live_data_files(&spec.table).await?;
    let live: Vec<Live> = live.into_iter().map(|live| Live::from(live.file)).collect();
    let (lake, spec, keys) = (context.lake.clone(), spec.clone(), keys.clone());
    let merged = blocking(move || {
        let departure = departure.as_ref();
        Merge { lake: &lake, spec: &spec, load_id, live: &live, keys: &keys, departure }.run(staged)
    });
    let (data_files, merged) = merged.await??;
    Ok((data_files, Merged { seen_commit, ..merged }))
}

/// Gives the staged data files of a load their places.
pub(super) async fn publish(context: &Context, load_id: i64, files: Vec<DataFile>) -> Result<(), Fault> {
    let lake = context.lake.clone();
    let published = blocking(move || {
        staging::publish(&lake, &files)?;
        Staging::of(&lake, load_id).clear()
    });
    Ok(published.await??)
}

/// Gives up a load of which nothing was published.
pub(super) async fn abandon(context: &Context, load_id: i64) -> Result<(), Fault> {
    Staging::of(&context.lake, load_id).clear()?;
    context.metadata.roll_back(load_id, &[]).await?;
    Ok(())
}

/// A staged data file as the ledger writes it down.
pub fn new_data_file(file: &DataFile) -> NewDataFile {
    let DataFile { staged: _, path, partition, rows, bytes, column_ranges } = file;
    NewDataFile {
        path: path.clone(),
        partition_value: partition.clone(),
        rows: *rows as i64,
        bytes: *bytes as i64,
        column_ranges: column_ranges.clone(),
    }
}

/// Deletes data files that commits have replaced from the disk; their rows stay until every job has seen them go. What
/// cannot be deleted now is deleted at a later pass.
pub(crate) async fn clear_removed(metadata: &Metadata, lake: &Lake) {
    let cleared = async {
        let removed = metadata.removed_data_files().await?;
        let (lake, paths) = (lake.clone(), removed.into_iter().map(|file| file.path).collect::<Vec<_>>());
        if !paths.is_empty() {
            blocking(move || staging::remove(&lake, paths.iter().map(String::as_str))).await??;
        }
        Ok::<(), Fault>(())
    };
    if let Err(fault) = cleared.await {
        warn!("replaced data files are still on disk: {}", fault.whole_message());
    }
}
