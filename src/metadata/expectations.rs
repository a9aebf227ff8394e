//! Files that are expected, files that came, and how many of them failed: what alerts are decided from.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::alerts::{AlertRule, NewAlert, raise};
use super::error::MetadataError;
use super::row::{Cell, ledger_row};
use super::statement::{Batch, Sql};
use super::{Metadata, commit};

ledger_row! {
    /// Since when files of a type are expected on a schedule.
    pub struct ExpectationRow in "file_expectations" {
        pub id: i64,
        pub file_type: String,
        /// What was expected, as text: another one begins anew.
        pub schedule: String,
        pub expected_since: DateTime<Utc>,
        /// The last time of the schedule for which an alert was raised.
        pub missed_through: Option<DateTime<Utc>>,
    }
}

/// An active type whose configuration speaks of expected files; nothing in it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectingType {
    pub file_type: String,
    pub processing_config: String,
}

impl FromQueryResult for ExpectingType {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(ExpectingType {
            file_type: Cell::read(row, "file_type")?,
            processing_config: Cell::read(row, "processing_config")?,
        })
    }
}

/// What became of the files of a type that came since some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Processed or failed.
    pub files: i64,
    pub failed: i64,
    pub records: i64,
    pub rejected: i64,
}

impl FromQueryResult for Tally {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Tally {
            files: Cell::read(row, "files")?,
            failed: Cell::read(row, "failed")?,
            records: Cell::read(row, "records")?,
            rejected: Cell::read(row, "rejected")?,
        })
    }
}

impl Metadata {
    /// Active, usable types whose configuration holds the key `expected_every`.
    pub async fn expecting_types(&self) -> Result<Vec<ExpectingType>, MetadataError> {
        let text = "SELECT file_type, processing_config FROM table_metadata
                    WHERE status = 'active' AND status_reason IS NULL
                        AND processing_config LIKE '%\"expected_every\"%' ORDER BY file_type";
        Sql::new("list the types that expect files", text).all(self.read()).await
    }

    pub async fn expectations(&self) -> Result<Vec<ExpectationRow>, MetadataError> {
        let text = format!("SELECT {} FROM file_expectations ORDER BY file_type", ExpectationRow::COLUMNS);
        Sql::new("list the expected files", text).all(self.read()).await
    }

    /// Begins to expect files of a type; one that is expected on this schedule already stays as it is.
    pub async fn expect_files(
        &self,
        file_type: &str,
        schedule: &str,
        since: DateTime<Utc>,
    ) -> Result<(), MetadataError> {
        let text = "INSERT INTO file_expectations (file_type, schedule, expected_since) VALUES ($1, $2, $3)
                    ON CONFLICT (file_type) DO UPDATE SET schedule = excluded.schedule,
                        expected_since = excluded.expected_since, missed_through = NULL
                    WHERE file_expectations.schedule <> excluded.schedule";
        let act = Sql::new("expect files", text).bind(file_type).bind(schedule).bind(since);
        act.run(self.write()).await.map(drop)
    }

    /// Raises the alert that no file came for the times of the schedule up to `through`; false when that was told before,
    /// by whoever.
    pub async fn miss_files(
        &self,
        file_type: &str,
        through: DateTime<Utc>,
        alert: &NewAlert,
    ) -> Result<bool, MetadataError> {
        const ACT: &str = "raise an alert about missing files";
        let transaction = self.begin(ACT).await?;
        let text = "UPDATE file_expectations SET missed_through = $2
                    WHERE file_type = $1 AND (missed_through IS NULL OR missed_through < $2)";
        let noted = Sql::new(ACT, text).bind(file_type).bind(through).run(&transaction).await?;
        if noted == 0 {
            return Ok(false);
        }
        raise(alert, AlertRule::Condition, &transaction).await?;
        commit(ACT, transaction).await?;
        Ok(true)
    }

    /// Expects no more files of a type.
    pub async fn expect_no_files(&self, file_type: &str) -> Result<(), MetadataError> {
        let text = "DELETE FROM file_expectations WHERE file_type = $1";
        Sql::new("expect no more files", text).bind(file_type).run(self.write()).await.map(drop)
    }

    /// How many files of a type came in each span, the start excluded and the end included, counted up to two. A
    /// duplicate brings nothing and does not count.
    pub async fn arrivals(
        &self,
        file_type: &str,
        spans: &[(DateTime<Utc>, DateTime<Utc>)],
    ) -> Result<Vec<i64>, MetadataError> {
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        let rows =
            spans.iter().zip(0_i64..).map(|(&(after, until), at)| [at.into(), after.into(), until.into()]);
        let batch = Batch::of(["position", "after_time", "until_time"], rows);
        let text = "SELECT (SELECT count(*) FROM (SELECT 1 FROM files
                        WHERE files.file_type = $2 AND files.seen_at > r.after_time
                            AND files.seen_at <= r.until_time AND files.state <> 'duplicate' LIMIT 2) AS came
                    ) AS arrivals FROM {rows} ORDER BY r.position";
        Sql::over("count the files that came", batch, text)
            .bind(file_type)
            .column(self.read(), "arrivals")
            .await
    }

    /// When the last file of a type came that was no duplicate.
    pub async fn last_arrival(&self, file_type: &str) -> Result<Option<DateTime<Utc>>, MetadataError> {
        let text = "SELECT seen_at FROM files WHERE file_type = $1 AND state <> 'duplicate'
                    ORDER BY seen_at DESC LIMIT 1";
        Sql::new("look for the last file of a type", text).bind(file_type).value(self.read(), "seen_at").await
    }

    /// What became of the files of a type that came since `since`.
    pub async fn tally(&self, file_type: &str, since: DateTime<Utc>) -> Result<Tally, MetadataError> {
        let text = "SELECT count(*) AS files,
                        CAST(COALESCE(SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), 0) AS BIGINT) AS failed,
                        CAST(COALESCE(SUM(records_read), 0) AS BIGINT) AS records,
                        CAST(COALESCE(SUM(records_rejected), 0) AS BIGINT) AS rejected
                    FROM files WHERE file_type = $1 AND seen_at > $2 AND state IN ('processed', 'failed')";
        let act = Sql::new("count the files that failed", text).bind(file_type).bind(since);
        Ok(act.one(self.read()).await?.unwrap_or_default())
    }

    /// True when a file of a type that came after `time` was loaded; with `whole`, one of which no record was refused.
    pub async fn loaded_after(
        &self,
        file_type: &str,
        time: DateTime<Utc>,
        whole: bool,
    ) -> Result<bool, MetadataError> {
        let text = "SELECT 1 AS one FROM files WHERE file_type = $1 AND seen_at > $2 AND state = 'processed'
                        AND ($3 = 0 OR records_rejected = 0) LIMIT 1";
        let act = Sql::new("look for a file that loaded", text).bind(file_type).bind(time);
        Ok(!act.bind(i64::from(whole)).rows(self.read()).await?.is_empty())
    }

    /// As [`Self::loaded_after`], for a file that came before, but after `since`, and was loaded by another try.
    pub async fn loaded_again_after(
        &self,
        file_type: &str,
        since: DateTime<Utc>,
        time: DateTime<Utc>,
        whole: bool,
    ) -> Result<bool, MetadataError> {
        let text = "SELECT 1 AS one FROM files WHERE file_type = $1 AND seen_at > $2 AND finished_at > $3
                        AND attempt > 1 AND state = 'processed' AND ($4 = 0 OR records_rejected = 0) LIMIT 1";
        let act = Sql::new("look for a file that loaded again", text).bind(file_type).bind(since).bind(time);
        Ok(!act.bind(i64::from(whole)).rows(self.read()).await?.is_empty())
    }
}
