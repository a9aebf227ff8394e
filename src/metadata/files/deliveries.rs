//! Files that stand for one another: earlier deliveries of the same file, and what is left of one whose rows leave.

use sea_orm::ConnectionTrait;

use super::super::Metadata;
use super::super::error::MetadataError;
use super::super::loads::LoadKind;
use super::super::statement::{Batch, ROWS_PER_BATCH, Sql, kept};
use super::{FileRow, select};

/// What makes two files deliveries of the same one: the type, and the time in the name, or the name where it has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Delivery {
    At(chrono::DateTime<chrono::Utc>),
    Named(String),
}

impl Delivery {
    /// By the name of a file and the time in it.
    pub fn by(name: &str, time: Option<chrono::NaiveDateTime>) -> Self {
        time.map_or_else(|| Delivery::Named(name.to_owned()), |time| Delivery::At(kept(time.and_utc())))
    }

    /// As the ledger has it.
    pub fn of(row: &FileRow) -> Self {
        row.file_time.map_or_else(|| Delivery::Named(row.name.clone()), Delivery::At)
    }
}

/// A file whose rows a load takes out: its rejects have nothing to follow any more.
pub(in crate::metadata) const REMOVED_REJECTS: &str =
    "UPDATE rejects SET status = 'discarded', updated_at = {now}
     WHERE status IN ('open', 'replayed') AND file_id IN (SELECT id FROM files WHERE removed_by_load = $1)";

/// The end of the files whose rows a load takes out. They may be loaded again.
pub(in crate::metadata) fn removed_files(kind: LoadKind) -> String {
    let (code, message) = match kind {
        LoadKind::Ingest => {
            ("file.replaced", "'a later delivery took its place with load ' || CAST($1 AS TEXT)")
        }
        LoadKind::Job | LoadKind::Compaction | LoadKind::Replay | LoadKind::Revert => {
            ("file.reverted", "'its rows were taken out of the table again by load ' || CAST($1 AS TEXT)")
        }
    };
    format!(
        "UPDATE files SET state = 'failed', outcome = 'failed', records_written = 0, records_replayed = 0,
             error_code = '{code}', error_message = {message},
             error_hint = '`lakegate files retry ' || CAST(id AS TEXT) || '` loads it again'
         WHERE removed_by_load = $1 AND state = 'processed'"
    )
}

/// Marks files, given as (id, records replayed when it was decided), as those whose rows a load takes out.
///
/// # Errors
/// One of them is not loaded any more, is about to be removed or has got further rows: a conflict.
pub(in crate::metadata) async fn reserve_files(
    act: &'static str,
    load_id: i64,
    files: &[(i64, i64)],
    on: &impl ConnectionTrait,
) -> Result<(), MetadataError> {
    let mut reserved = 0;
    for part in files.chunks(ROWS_PER_BATCH) {
        let batch = || Batch::of(["id", "replayed"], part.iter().map(|&(id, n)| [id.into(), n.into()]));
        let text = "UPDATE files SET removed_by_load = $2 FROM {rows}
                    WHERE files.id = r.id AND files.state = 'processed' AND files.removed_by_load IS NULL
                        AND files.location = 'settled' AND files.records_replayed = r.replayed";
        reserved += Sql::over(act, batch(), text).bind(load_id).run(on).await? as usize;
        // With the rows of the files locked, no replay of theirs can be staged any more.
        let text = "SELECT count(*) AS taken FROM rejects
                    WHERE file_id IN (SELECT r.id FROM {rows}) AND status = 'open' AND replay_load_id IS NOT NULL";
        let taken: i64 = Sql::over(act, batch(), text).value(on, "taken").await?.unwrap_or(0);
        if taken > 0 {
            return Err(MetadataError::RejectsTaken { load_id, expected: taken, taken });
        }
    }
    let expected = files.len();
    if reserved == expected {
        Ok(())
    } else {
        Err(MetadataError::FilesChanged { load_id, expected, changed: expected - reserved })
    }
}

impl Metadata {
    /// The loaded files of a type that are deliveries of one of these, oldest first.
    pub async fn earlier_deliveries(
        &self,
        file_type: &str,
        wanted: &[Delivery],
    ) -> Result<Vec<FileRow>, MetadataError> {
        const ACT: &str = "look for earlier deliveries";
        let mut found: Vec<FileRow> = Vec::new();
        let times = wanted.iter().filter_map(|one| match one {
            Delivery::At(time) => Some(*time),
            Delivery::Named(_) => None,
        });
        let times: Vec<_> = times.collect();
        for part in times.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(["file_time"], part.iter().map(|time| [(*time).into()]));
            let text = select(
                "file_type = $2 AND state = 'processed' AND file_time IN (SELECT r.file_time FROM {rows})",
            );
            found.extend(Sql::over(ACT, batch, text).bind(file_type).all::<FileRow>(self.read()).await?);
        }
        let names = wanted.iter().filter_map(|one| match one {
            Delivery::Named(name) => Some(name),
            Delivery::At(_) => None,
        });
        let names: Vec<_> = names.collect();
        for part in names.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(["name"], part.iter().map(|name| [(*name).into()]));
            let text = select(
                "file_type = $2 AND state = 'processed' AND file_time IS NULL
                     AND name IN (SELECT r.name FROM {rows})",
            );
            found.extend(Sql::over(ACT, batch, text).bind(file_type).all::<FileRow>(self.read()).await?);
        }
        found.sort_by_key(|row| row.id);
        Ok(found)
    }

    /// The loads that brought rows of a file: its own, and replays of its rejected records.
    pub async fn loads_of_file(&self, file: &FileRow) -> Result<Vec<i64>, MetadataError> {
        let text = "SELECT DISTINCT replay_load_id FROM rejects WHERE file_id = $1 AND status = 'replayed'
                    ORDER BY replay_load_id";
        let replays: Vec<i64> = Sql::new("look for replays of a file", text)
            .bind(file.id)
            .column(self.read(), "replay_load_id")
            .await?;
        Ok(file.load_id.into_iter().chain(replays).collect())
    }

    /// Another loaded file with the name and the load of this one: their rows cannot be told apart.
    pub async fn namesake(&self, file: &FileRow) -> Result<Option<i64>, MetadataError> {
        let text = "SELECT id FROM files
                    WHERE load_id = $1 AND name = $2 AND id <> $3 AND state = 'processed' ORDER BY id LIMIT 1";
        let sql = Sql::new("look for files of the same name", text).bind(file.load_id);
        sql.bind(&file.name).bind(file.id).value(self.read(), "id").await
    }
}
