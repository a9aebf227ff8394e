//! Files in work: claimed for a load, given back, or ended without one.

use sea_orm::ConnectionTrait;

use super::super::error::MetadataError;
use super::super::loads::{NewLoad, insert_load};
use super::super::statement::{Batch, Param, ROWS_PER_BATCH, Sql};
use super::super::{Metadata, commit};
use super::{FileState, Outcome, Problem};

/// A file to claim, as its caller last saw it.
#[derive(Debug, Clone)]
pub struct Claim {
    pub id: i64,
    pub attempt: i64,
    /// Where it is about to be moved; none when it is in `processing/` already.
    pub target: Option<String>,
}

/// A claimed file to give back.
#[derive(Debug, Clone)]
pub struct Release {
    pub id: i64,
    pub attempt: i64,
    /// `Queued` or `Waiting`.
    pub state: FileState,
    /// Why it was not loaded, if there is a reason to tell.
    pub problem: Option<Problem>,
    /// The process died of this file.
    pub crashed: bool,
}

/// A file to end without a load.
#[derive(Debug, Clone)]
pub struct Finish {
    pub id: i64,
    pub attempt: i64,
    /// `Failed` or `Duplicate`; a processed file needs a load.
    pub outcome: Outcome,
    pub blake3: Option<String>,
    pub duplicate_of: Option<i64>,
    pub problem: Option<Problem>,
}

/// What a load has put on a file's row, taken off again.
const UNCLAIMED: &str = "updated_at = {now}, owner = NULL, target = NULL, load_id = NULL, outcome = NULL, blake3 = NULL, duplicate_of = NULL, \
     records_read = 0, records_written = 0, records_rejected = 0, records_deduplicated = 0, \
     records_filtered = 0, unknown_fields = 0, started_at = NULL";

const CLAIM: &str = "claim files";

impl Metadata {
    /// Claims waiting or queued files, given as (id, attempt), for a load in state `writing`. The attempt of
    /// each is raised before anyone opens it. The ids that were really claimed; each file has one claimer.
    pub async fn claim(
        &self,
        load_id: i64,
        owner: &str,
        files: &[(i64, i64)],
    ) -> Result<Vec<i64>, MetadataError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let files: Vec<Claim> =
            files.iter().map(|&(id, attempt)| Claim { id, attempt, target: None }).collect();
        let transaction = self.begin(CLAIM).await?;
        let ids = claim_for(load_id, owner, files, &transaction).await?;
        commit(CLAIM, transaction).await?;
        Ok(ids)
    }

    /// Begins a load in state `writing` and claims files for it, in one transaction: the id of the load, and the ids
    /// of the files that were really claimed.
    pub async fn begin_load_with(
        &self,
        load: &NewLoad,
        files: Vec<Claim>,
    ) -> Result<(i64, Vec<i64>), MetadataError> {
        let transaction = self.begin(CLAIM).await?;
        let load_id = insert_load(load, &transaction).await?;
        let ids = claim_for(load_id, &load.owner, files, &transaction).await?;
        commit(CLAIM, transaction).await?;
        Ok((load_id, ids))
    }

    /// Gives claimed files back. The ids of those that were still in work.
    pub async fn release(&self, releases: &[Release]) -> Result<Vec<i64>, MetadataError> {
        const ACT: &str = "give files back";
        if releases.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.begin(ACT).await?;
        let ids = give_back(ACT, releases, &transaction).await?;
        commit(ACT, transaction).await?;
        Ok(ids)
    }

    /// Counts a death of the process while it read a file that no load had claimed.
    pub async fn charge(&self, id: i64, attempt: i64) -> Result<bool, MetadataError> {
        let text = "UPDATE files SET crashes = crashes + 1
                    WHERE id = $1 AND attempt = $2 AND state IN ('waiting', 'queued')";
        let act = Sql::new("count a crash", text).bind(id).bind(attempt);
        Ok(act.run(self.write()).await? > 0)
    }

    /// Ends files as failed or duplicate without a load: poison, or a wait that lasted too long. The ids of
    /// those that had not ended otherwise.
    pub async fn finish_without_load(&self, files: &[Finish]) -> Result<Vec<i64>, MetadataError> {
        const ACT: &str = "end files without a load";
        let mut ids = Vec::with_capacity(files.len());
        if files.is_empty() {
            return Ok(ids);
        }
        let transaction = self.begin(ACT).await?;
        for part in files.chunks(ROWS_PER_BATCH) {
            let ended = Sql::over(
                ACT,
                finished(part),
                "UPDATE files SET state = r.outcome, outcome = r.outcome, owner = NULL, load_id = NULL,
                     blake3 = r.blake3, duplicate_of = r.duplicate_of, records_read = 0, records_written = 0,
                     records_rejected = 0, records_deduplicated = 0, records_filtered = 0,
                     unknown_fields = 0, finished_at = {now}, updated_at = {now}, error_code = r.error_code,
                     error_message = r.error_message, error_hint = r.error_hint
                 FROM {rows}
                 WHERE files.id = r.id AND files.attempt = r.attempt AND r.outcome <> 'processed'
                     AND files.state IN ('waiting', 'queued', 'processing')
                     AND files.location IN ('incoming', 'processing')
                 RETURNING files.id",
            );
            ids.extend(ended.column::<i64>(&transaction, "id").await?);
        }
        commit(ACT, transaction).await?;
        Ok(ids)
    }
}

async fn claim_for(
    load_id: i64,
    owner: &str,
    mut files: Vec<Claim>,
    on: &impl ConnectionTrait,
) -> Result<Vec<i64>, MetadataError> {
    // In the order of the ids, so that two claimers wait for each other instead of for ever.
    files.sort_unstable_by_key(|file| file.id);
    let mut ids = Vec::with_capacity(files.len());
    for part in files.chunks(ROWS_PER_BATCH) {
        let claimed = Sql::over(
            CLAIM,
            claims(part),
            "UPDATE files SET state = 'processing', attempt = files.attempt + 1, owner = $3, load_id = $2,
                 target = r.target, started_at = {now}, updated_at = {now}, error_code = NULL,
                 error_message = NULL, error_hint = NULL
             FROM {rows}
             WHERE files.id = r.id AND files.attempt = r.attempt AND files.state IN ('waiting', 'queued')
                 AND files.location IN ('incoming', 'processing')
                 AND EXISTS (SELECT 1 FROM loads WHERE loads.id = $2 AND loads.state = 'writing')
             RETURNING files.id",
        );
        ids.extend(claimed.bind(load_id).bind(owner).column::<i64>(on, "id").await?);
    }
    Ok(ids)
}

fn claims(files: &[Claim]) -> Batch {
    let rows =
        files.iter().map(|Claim { id, attempt, target }| [(*id).into(), (*attempt).into(), target.into()]);
    Batch::of(["id", "attempt", "target"], rows)
}

/// Gives claimed files back inside a transaction of the caller.
pub(in crate::metadata) async fn give_back(
    act: &'static str,
    releases: &[Release],
    on: &impl ConnectionTrait,
) -> Result<Vec<i64>, MetadataError> {
    let mut ids = Vec::with_capacity(releases.len());
    for part in releases.chunks(ROWS_PER_BATCH) {
        let text = format!(
            "UPDATE files SET {UNCLAIMED}, state = r.state, crashes = files.crashes + r.crashed,
                 error_code = r.error_code, error_message = r.error_message, error_hint = r.error_hint
             FROM {{rows}}
             WHERE files.id = r.id AND files.attempt = r.attempt AND files.state = 'processing'
                 AND files.location IN ('incoming', 'processing')
             RETURNING files.id"
        );
        ids.extend(Sql::over(act, released(part), text).column::<i64>(on, "id").await?);
    }
    Ok(ids)
}

/// Gives back whatever a load still holds.
pub(in crate::metadata) async fn give_back_rest(
    act: &'static str,
    load_id: i64,
    on: &impl ConnectionTrait,
) -> Result<Vec<i64>, MetadataError> {
    let text = format!(
        "UPDATE files SET {UNCLAIMED}, state = 'queued' WHERE load_id = $1 AND state = 'processing' RETURNING id"
    );
    Sql::new(act, text).bind(load_id).column(on, "id").await
}

fn released(releases: &[Release]) -> Batch {
    let columns = ["id", "attempt", "state", "crashed", "error_code", "error_message", "error_hint"];
    let rows = releases.iter().map(|release| {
        let Release { id, attempt, state, problem, crashed } = release;
        let [code, message, hint] = Problem::columns(problem);
        let crashed = Param::from(i64::from(*crashed));
        [(*id).into(), (*attempt).into(), (*state).into(), crashed, code.into(), message.into(), hint.into()]
    });
    Batch::of(columns, rows)
}

fn finished(files: &[Finish]) -> Batch {
    let columns =
        ["id", "attempt", "outcome", "blake3", "duplicate_of", "error_code", "error_message", "error_hint"];
    let rows = files.iter().map(|file| {
        let Finish { id, attempt, outcome, blake3, duplicate_of, problem } = file;
        let [code, message, hint] = Problem::columns(problem);
        [
            (*id).into(),
            (*attempt).into(),
            (*outcome).into(),
            blake3.into(),
            (*duplicate_of).into(),
            code.into(),
            message.into(),
            hint.into(),
        ]
    });
    Batch::of(columns, rows)
}
