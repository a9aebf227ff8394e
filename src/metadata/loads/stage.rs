//! The intent of a load: everything that its commit will make true, written down before anything is
//! published.

use std::fmt;

use sea_orm::ConnectionTrait;

use super::super::error::MetadataError;
use super::super::files::{Outcome, Problem, reserve_files};
use super::super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::super::{Metadata, commit};
use super::commit::REPLACED_ROWS;
use super::compaction::{remember_origins, uncovered};
use super::{LoadKind, LoadRow, LoadState, MergedFile, locked_load};

const ACT: &str = "stage a load";

/// What a load is about to make true.
#[derive(Debug, Clone, Default)]
pub struct Intent {
    pub data_files: Vec<NewDataFile>,
    /// Ids of live data files that this load replaces.
    pub removes: Vec<i64>,
    /// Rows copied from the replaced data files into the new ones, those of `carried` included.
    pub rows_carried: i64,
    /// Data files that hold what is left of replaced ones, each row with its place in the order of commits.
    pub carried: Vec<MergedFile>,
    pub files: Vec<FileOutcome>,
    /// Loaded files whose rows this load takes out: their ids, with their replayed records as they were seen.
    pub takes_out: Vec<(i64, i64)>,
    /// Rows that were taken out.
    pub rows_taken_out: i64,
    /// The newest commit of the table that this load has seen, when what it does depends on the rows that are there.
    pub seen_commit: Option<i64>,
}

/// A data file that is staged and will be published under `path`.
#[derive(Debug, Clone)]
pub struct NewDataFile {
    pub path: String,
    pub partition_value: Option<String>,
    pub rows: i64,
    pub bytes: i64,
    /// JSON: smallest and largest value of some columns.
    pub column_ranges: Option<String>,
}

/// How the load ends for one source file.
#[derive(Debug, Clone)]
pub struct FileOutcome {
    pub id: i64,
    pub attempt: i64,
    pub outcome: Outcome,
    pub blake3: Option<String>,
    pub duplicate_of: Option<i64>,
    pub counts: Counts,
    pub problem: Option<Problem>,
    /// Where it is moved after the commit, if that is known already.
    pub target: Option<String>,
}

/// The records of one file. For a processed file, what was read is the sum of the other four.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub read: i64,
    pub written: i64,
    pub rejected: i64,
    pub deduplicated: i64,
    pub filtered: i64,
    /// Fields that the schema does not have; not part of the sum.
    pub unknown_fields: i64,
}

/// Numbers that should be equal and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imbalance {
    /// Of one file: what was read is not what became of it.
    File { file_id: i64, counts: Counts },
    /// Of the load: rows of its files and carried rows are not the rows of its data files.
    Rows { written: i64, carried: i64, stored: i64 },
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Imbalance::File { file_id, counts } => write!(
                f,
                "file {file_id}: {} records read, but {} written, {} rejected, {} deduplicated and {} filtered",
                counts.read, counts.written, counts.rejected, counts.deduplicated, counts.filtered
            ),
            Imbalance::Rows { written, carried, stored } => write!(
                f,
                "{written} records written and {carried} rows carried over, but {stored} rows in its data files"
            ),
        }
    }
}

impl Intent {
    /// The first pair of numbers that does not add up.
    pub fn imbalance(&self, kind: LoadKind) -> Option<Imbalance> {
        if let Some(file) = self.files.iter().find(|file| !file.is_balanced()) {
            return Some(Imbalance::File { file_id: file.id, counts: file.counts });
        }
        let processed = self.files.iter().filter(|file| file.outcome == Outcome::Processed);
        let written = processed.map(|file| file.counts.written).sum();
        rows_imbalance(kind, written, self.rows_carried, self.stored_rows()).or(uncovered(&self.carried))
    }

    /// All new data files.
    fn new_files(&self) -> impl Iterator<Item = &NewDataFile> {
        self.data_files.iter().chain(self.carried.iter().map(|carried| &carried.file))
    }

    fn stored_rows(&self) -> i64 {
        self.new_files().map(|file| file.rows).sum()
    }
}

impl FileOutcome {
    fn is_balanced(&self) -> bool {
        let Counts { read, written, rejected, deduplicated, filtered, unknown_fields: _ } = self.counts;
        match self.outcome {
            Outcome::Processed => read == written + rejected + deduplicated + filtered,
            Outcome::Failed | Outcome::Duplicate => written == 0,
        }
    }
}

/// The rows of a job come from a query; those of all others from records, from other data files, or from both.
pub(super) fn rows_imbalance(kind: LoadKind, written: i64, carried: i64, stored: i64) -> Option<Imbalance> {
    match kind {
        LoadKind::Job => None,
        LoadKind::Ingest | LoadKind::Compaction | LoadKind::Replay | LoadKind::Revert => {
            (written + carried != stored).then_some(Imbalance::Rows { written, carried, stored })
        }
    }
}

impl Metadata {
    /// `writing` → `staged`, in one transaction: data files `pending`, replaced ones reserved, the outcome of
    /// each file stored while its state stays `processing`.
    ///
    /// # Errors
    /// The numbers do not add up; a file is not in this load's hands or has no outcome; a data file to
    /// replace was replaced by somebody else. Nothing is changed then.
    pub async fn stage(&self, load_id: i64, intent: &Intent) -> Result<(), MetadataError> {
        let transaction = self.begin(ACT).await?;
        let load = locked_load(ACT, load_id, "writing", &transaction).await?;
        if load.state != LoadState::Writing {
            let found = Some(load.state);
            return Err(MetadataError::LoadState { load_id, found, needed: "writing" });
        }
        if let Some(imbalance) = intent.imbalance(load.kind) {
            return Err(MetadataError::Unbalanced { load_id, imbalance });
        }
        refuse_if_overtaken(ACT, &load, intent.seen_commit, &transaction).await?;
        let new: Vec<NewDataFile> = intent.new_files().cloned().collect();
        add_data_files(load_id, &load.table_name, &new, &transaction).await?;
        reserve_removals(load_id, &load.table_name, &intent.removes, &transaction).await?;
        remember_origins(load_id, &intent.carried, &transaction).await?;
        reserve_files(ACT, load_id, &intent.takes_out, &transaction).await?;
        if load.kind == LoadKind::Revert {
            refuse_lost_rows(load_id, intent, &transaction).await?;
        }
        store_outcomes(load_id, &intent.files, &transaction).await?;
        refuse_forgotten_files(load_id, &transaction).await?;
        mark_staged(load_id, intent, &transaction).await?;
        commit(ACT, transaction).await
    }
}

pub(super) async fn add_data_files(
    load_id: i64,
    table_name: &str,
    files: &[NewDataFile],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    for part in files.chunks(ROWS_PER_BATCH) {
        let rows = part.iter().map(|file| {
            let NewDataFile { path, partition_value, rows, bytes, column_ranges } = file;
            [path.into(), partition_value.into(), (*rows).into(), (*bytes).into(), column_ranges.into()]
        });
        let batch = Batch::of(["path", "partition_value", "row_count", "bytes", "column_ranges"], rows);
        let text = "INSERT INTO data_files (load_id, table_name, path, partition_value, rows, bytes, column_ranges)
                    SELECT $2, $3, r.path, r.partition_value, r.row_count, r.bytes, r.column_ranges FROM {rows}";
        Sql::over(ACT, batch, text).bind(load_id).bind(table_name).run(on).await?;
    }
    Ok(())
}

pub(super) async fn reserve_removals(
    load_id: i64,
    table_name: &str,
    removes: &[i64],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let mut reserved = 0;
    for part in removes.chunks(ROWS_PER_BATCH) {
        let batch = Batch::of(["id"], part.iter().map(|&id| [id.into()]));
        let text = "UPDATE data_files SET removed_by_load = $2 FROM {rows}
                    WHERE data_files.id = r.id AND data_files.table_name = $3 AND data_files.state = 'live'
                        AND data_files.removed_by_load IS NULL";
        reserved += Sql::over(ACT, batch, text).bind(load_id).bind(table_name).run(on).await? as usize;
    }
    let expected = removes.len();
    if reserved == expected {
        Ok(())
    } else {
        Err(MetadataError::DataFilesTaken { load_id, expected, taken: expected - reserved })
    }
}

async fn store_outcomes(
    load_id: i64,
    files: &[FileOutcome],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let mut stored = 0;
    for part in files.chunks(ROWS_PER_BATCH) {
        let text = "UPDATE files SET outcome = r.outcome, blake3 = r.blake3, duplicate_of = r.duplicate_of,
                        records_read = r.records_read, records_written = r.records_written,
                        records_rejected = r.records_rejected, records_deduplicated = r.records_deduplicated,
                        records_filtered = r.records_filtered, unknown_fields = r.unknown_fields,
                        error_code = r.error_code, error_message = r.error_message, error_hint = r.error_hint,
                        target = r.target, updated_at = {now}
                    FROM {rows}
                    WHERE files.id = r.id AND files.attempt = r.attempt AND files.state = 'processing'
                        AND files.location IN ('incoming', 'processing') AND files.load_id = $2";
        stored += Sql::over(ACT, outcomes(part), text).bind(load_id).run(on).await? as usize;
    }
    let expected = files.len();
    if stored == expected {
        Ok(())
    } else {
        Err(MetadataError::FilesChanged { load_id, expected, changed: expected - stored })
    }
}

fn outcomes(files: &[FileOutcome]) -> Batch {
    let columns = [
        "id",
        "attempt",
        "outcome",
        "blake3",
        "duplicate_of",
        "records_read",
        "records_written",
        "records_rejected",
        "records_deduplicated",
        "records_filtered",
        "unknown_fields",
        "error_code",
        "error_message",
        "error_hint",
        "target",
    ];
    let rows = files.iter().map(|file| {
        let FileOutcome { id, attempt, outcome, blake3, duplicate_of, counts, problem, target } = file;
        let Counts { read, written, rejected, deduplicated, filtered, unknown_fields } = *counts;
        let [code, message, hint] = Problem::columns(problem);
        [
            (*id).into(),
            (*attempt).into(),
            (*outcome).into(),
            blake3.into(),
            (*duplicate_of).into(),
            read.into(),
            written.into(),
            rejected.into(),
            deduplicated.into(),
            filtered.into(),
            unknown_fields.into(),
            code.into(),
            message.into(),
            hint.into(),
            target.into(),
        ]
    });
    Batch::of(columns, rows)
}

/// A load that looked at the rows of its table must be the only one that changes them until it commits. Merging changes
/// none.
pub(super) async fn refuse_if_overtaken(
    act: &'static str,
    load: &LoadRow,
    seen_commit: Option<i64>,
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let Some(seen) = seen_commit else { return Ok(()) };
    // The row that every commit locks: who stages or commits at the same moment is seen, or waits.
    Sql::new(act, "UPDATE counters SET value = value WHERE name = 'commit_seq'").run(on).await?;
    let text = "SELECT count(*) AS others FROM loads
                WHERE table_name = $1 AND id <> $2 AND kind <> 'compaction'
                    AND (state = 'staged' OR (state = 'committed' AND commit_seq > $3))";
    let others = Sql::new(act, text).bind(&load.table_name).bind(load.id).bind(seen);
    match others.value(on, "others").await?.unwrap_or(0) {
        0 => Ok(()),
        others => Err(MetadataError::Overtaken { load_id: load.id, others }),
    }
}

/// A revert changes nothing but what it takes out: measured by the ledger's own numbers of the replaced files.
async fn refuse_lost_rows(
    load_id: i64,
    intent: &Intent,
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let stored: i64 = Sql::new(ACT, REPLACED_ROWS).bind(load_id).value(on, "total").await?.unwrap_or(0);
    let (written, carried) = (intent.rows_taken_out, intent.rows_carried);
    if written + carried == stored {
        return Ok(());
    }
    Err(MetadataError::Unbalanced { load_id, imbalance: Imbalance::Rows { written, carried, stored } })
}

/// A file that the intent does not mention would stay `processing` for ever.
async fn refuse_forgotten_files(load_id: i64, on: &impl ConnectionTrait) -> Result<(), MetadataError> {
    let text = "SELECT count(*) AS files FROM files
                WHERE load_id = $1 AND state = 'processing' AND outcome IS NULL";
    let files = Sql::new(ACT, text).bind(load_id).value(on, "files").await?.unwrap_or(0);
    if files == 0 { Ok(()) } else { Err(MetadataError::FilesForgotten { load_id, files }) }
}

async fn mark_staged(load_id: i64, intent: &Intent, on: &impl ConnectionTrait) -> Result<(), MetadataError> {
    let bytes: i64 = intent.new_files().map(|file| file.bytes).sum();
    let text = "UPDATE loads SET state = 'staged', files = $2, rows_written = $3, rows_carried = $4,
                    bytes_written = $5 WHERE id = $1";
    Sql::new(ACT, text)
        .bind(load_id)
        .bind(intent.files.len() as i64)
        .bind(intent.stored_rows())
        .bind(intent.rows_carried)
        .bind(bytes)
        .run(on)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(outcome: Outcome, counts: Counts) -> FileOutcome {
        FileOutcome {
            id: 1,
            attempt: 1,
            outcome,
            blake3: None,
            duplicate_of: None,
            counts,
            problem: None,
            target: None,
        }
    }

    fn data_file(rows: i64) -> NewDataFile {
        NewDataFile { path: "a".into(), partition_value: None, rows, bytes: 1, column_ranges: None }
    }

    proptest::proptest! {
        #[test]
        fn an_intent_that_adds_up_balances_and_one_lost_row_shows(
            files in proptest::collection::vec((0..100i64, 0..100i64, 0..100i64, 0..100i64), 1..20),
            carried in 0..100i64,
        ) {
            let total: i64 = files.iter().map(|(written, ..)| written).sum();
            let mut intent = Intent {
                data_files: vec![data_file(total + carried)],
                rows_carried: carried,
                files: files.into_iter().map(|(written, rejected, deduplicated, filtered)| {
                    let read = written + rejected + deduplicated + filtered;
                    let counts = Counts { read, written, rejected, deduplicated, filtered, unknown_fields: 3 };
                    outcome(Outcome::Processed, counts)
                }).collect(),
                ..Intent::default()
            };
            proptest::prop_assert_eq!(intent.imbalance(LoadKind::Ingest), None);
            intent.data_files[0].rows -= 1;
            proptest::prop_assert!(intent.imbalance(LoadKind::Ingest).is_some());
            proptest::prop_assert_eq!(intent.imbalance(LoadKind::Job), None);
            intent.files[0].counts.read += 1;
            proptest::prop_assert!(intent.imbalance(LoadKind::Job).is_some());
        }
    }

    #[test]
    fn a_failed_file_writes_nothing() {
        let counts = Counts { read: 5, written: 1, ..Counts::default() };
        assert!(!outcome(Outcome::Failed, counts).is_balanced());
        assert!(outcome(Outcome::Failed, Counts { read: 5, rejected: 3, ..Counts::default() }).is_balanced());
    }
}
