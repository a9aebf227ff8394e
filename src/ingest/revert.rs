//! Takes the rows of one loaded file out of its table again, in one commit, wherever merges have put them.
//!
//! What the file had replaced (`overwrite`, `upsert`) does not come back. Its rejects are discarded with it, its bytes may
//! be loaded again. Summaries follow by themselves: a job sees that data files went, and computes their days anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, info};

use super::claim::blocking;
use super::context::Context;
use super::departure::{Departed, Departure};
use super::fault::Fault;
use super::load::{abandon, clear_removed, publish};
use crate::crash;
use crate::lake::Staging;
use crate::metadata::Kind;
use crate::metadata::files::{FileRow, FileState, Location};
use crate::metadata::loads::{Intent, LoadKind, NewLoad};

/// How often a revert is begun anew because others were at work on the same data files.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(250);

/// What a revert did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted {
    pub load_id: i64,
    pub table: String,
    /// Rows that were taken out.
    pub rows: u64,
    /// Data files that held them.
    pub data_files: usize,
}

/// Takes the rows of a loaded file out again; `None` when it is not loaded and at rest, or no longer.
///
/// # Errors
/// Storage or ledger are at fault, others are at work on the table again and again, or nobody can tell which rows are
/// those of the file. Nothing has changed then.
pub async fn revert(context: &Arc<Context>, file_id: i64) -> Result<Option<Reverted>, Fault> {
    let mut attempt = 1;
    loop {
        let Some(file) = context.metadata.file(file_id).await? else { return Ok(None) };
        let at_rest = file.state == FileState::Processed && file.location == Location::Settled;
        let load = match file.load_id.filter(|_| at_rest) {
            Some(id) => context.metadata.load(id).await?,
            None => None,
        };
        let Some(load) = load else { return Ok(None) };
        match take_out(context, &file, load.table_name).await {
            Err(fault) if fault.kind() == Kind::Conflict && attempt < ATTEMPTS => {
                debug!(file_id, attempt, "revert starts again: {}", fault.whole_message());
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            done => return done.map(Some),
        }
    }
}

async fn take_out(context: &Arc<Context>, file: &FileRow, table: String) -> Result<Reverted, Fault> {
    let began = Instant::now();
    let load = NewLoad {
        kind: LoadKind::Revert,
        table_name: table.clone(),
        file_type: file.file_type.clone(),
        schema_version: None,
        owner: context.owner.id().to_owned(),
    };
    let beginning = context.at_work.begin().await;
    let load_id = context.metadata.begin_load(&load).await?;
    let _in_work = beginning.enter(load_id);
    crash::at("revert-after-begin");
    let departed = match stage(context, file, &table, load_id).await {
        Ok(departed) => departed,
        Err(fault) => {
            // What cannot be undone now, recovery undoes.
            let _ = abandon(context, load_id).await;
            return Err(fault);
        }
    };
    crash::at("revert-after-intent");
    publish(context, load_id, departed.data_files().cloned().collect()).await?;
    crash::at("revert-after-publish");
    context.metadata.commit(load_id).await?;
    crash::at("revert-after-commit");
    clear_removed(&context.metadata, &context.lake).await;
    let rows = departed.rows_gone.unsigned_abs();
    info!(load_id, table = %table, file = %file.name, file_id = file.id, rows,
        elapsed_ms = began.elapsed().as_millis() as u64, "reverted {}", file.name);
    Ok(Reverted { load_id, table, rows, data_files: departed.removes.len() })
}

/// Everything up to the intent in the ledger.
async fn stage(context: &Arc<Context>, file: &FileRow, table: &str, load_id: i64) -> Result<Departed, Fault> {
    let departure = Departure::of(&context.metadata, table, std::slice::from_ref(file)).await?;
    let (lake, leaving) = (context.lake.clone(), departure.clone());
    let departed = blocking(move || {
        Staging::create(&lake, load_id)?;
        leaving.carry_out(&lake, load_id, |_| true)
    });
    let departed = departed.await??;
    crash::at("revert-after-write");
    let intent = Intent {
        removes: departed.removes.clone(),
        rows_carried: departed.rows_carried,
        carried: departed.intents(),
        takes_out: departure.files,
        rows_taken_out: departed.rows_gone,
        ..Intent::default()
    };
    context.metadata.stage(load_id, &intent).await?;
    Ok(departed)
}
