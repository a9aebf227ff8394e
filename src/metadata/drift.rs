//! Drift: what is known of fields that do not go with the schema of their type. Statistics, not accounts: they are
//! written after the commit of a load, and a crash in between loses what that load would have added.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::error::MetadataError;
use super::row::{Cell, ledger_row, words};
use super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::{Metadata, commit};

words! {
    pub enum DriftKind {
        /// Records have a field that the schema does not have.
        Appeared = "appeared",
        /// Records do not have a field any more that they had, or that they must have.
        Vanished = "vanished",
        /// Values do not have the field's type any more.
        Changed = "changed",
    }
}

words! {
    pub enum DriftStatus {
        Open = "open",
        /// The schema has followed.
        Accepted = "accepted",
        /// The field is as it was before.
        Ended = "ended",
        /// A person does not want to hear of it.
        Dismissed = "dismissed",
    }
}

ledger_row! {
    /// One field that drifts.
    pub struct DriftRow in "schema_drift" {
        pub id: i64,
        pub file_type: String,
        pub kind: DriftKind,
        /// RFC 6901 pointer; `*` for each element of a list or map.
        pub field: String,
        /// What the schema says; null for a field that it does not have.
        pub declared_type: Option<String>,
        /// What the values are; null when there are none.
        pub found_type: Option<String>,
        /// JSON: a field of a definition that holds the values.
        pub found: Option<String>,
        /// Records that show it.
        pub records: i64,
        /// All records of the files that show it.
        pub records_read: i64,
        pub files: i64,
        pub first_file_id: i64,
        pub first_file: String,
        pub last_file: String,
        /// JSON: a few values.
        pub examples: String,
        /// The version of the schema under which it was seen last.
        pub schema_version: i64,
        pub status: DriftStatus,
        pub first_seen_at: DateTime<Utc>,
        pub last_seen_at: DateTime<Utc>,
    }
}

/// Drift that some files showed, to be added to what is known.
#[derive(Debug, Clone)]
pub struct Drifted {
    pub kind: DriftKind,
    pub field: String,
    pub declared_type: Option<String>,
    pub found_type: Option<String>,
    pub found: Option<String>,
    pub records: i64,
    pub records_read: i64,
    pub files: i64,
    /// The first of the files.
    pub file_id: i64,
    pub first_file: String,
    pub last_file: String,
    pub examples: String,
    pub schema_version: i64,
    pub status: DriftStatus,
}

/// How many records had a value in one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldCount {
    pub field: String,
    pub records: i64,
    pub present: i64,
}

impl FromQueryResult for FieldCount {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(FieldCount {
            field: Cell::read(row, "field")?,
            records: Cell::read(row, "records")?,
            present: Cell::read(row, "present")?,
        })
    }
}

impl Metadata {
    /// The drift of one type, or of all, first seen first.
    pub async fn drift(&self, file_type: Option<&str>) -> Result<Vec<DriftRow>, MetadataError> {
        let text = format!(
            "SELECT {} FROM schema_drift WHERE $1 IS NULL OR file_type = $1 ORDER BY file_type, id",
            DriftRow::COLUMNS
        );
        Sql::new("list the drift of types", text).bind(file_type).all(self.read()).await
    }

    /// Adds to what is known of a type's drift: counts are added up, the rest is replaced. A row that a person
    /// dismissed stays so.
    pub async fn add_drift(&self, file_type: &str, drifted: &[Drifted]) -> Result<(), MetadataError> {
        const ACT: &str = "record the drift of a type";
        if drifted.is_empty() {
            return Ok(());
        }
        let transaction = self.begin(ACT).await?;
        for part in drifted.chunks(ROWS_PER_BATCH) {
            let text = "INSERT INTO schema_drift (file_type, kind, field, declared_type, found_type, found, records,
                            records_read, files, first_file_id, first_file, last_file, examples, schema_version, status)
                        SELECT $2, r.kind, r.field, r.declared_type, r.found_type, r.found, r.records, r.records_read,
                            r.files, r.file_id, r.first_file, r.last_file, r.examples, r.schema_version, r.status
                        FROM {rows} WHERE true
                        ON CONFLICT (file_type, kind, field) DO UPDATE SET
                            declared_type = excluded.declared_type, found_type = excluded.found_type,
                            found = excluded.found, records = schema_drift.records + excluded.records,
                            records_read = schema_drift.records_read + excluded.records_read,
                            files = schema_drift.files + excluded.files, last_file = excluded.last_file,
                            examples = excluded.examples, schema_version = excluded.schema_version,
                            status = CASE WHEN schema_drift.status = 'dismissed' THEN 'dismissed' ELSE excluded.status END,
                            last_seen_at = {now}";
            Sql::over(ACT, batch(part), text).bind(file_type).run(&transaction).await?;
        }
        commit(ACT, transaction).await
    }

    /// Ends drift that lasts no longer; ids of rows that are open.
    pub async fn close_drift(&self, ids: &[i64], status: DriftStatus) -> Result<u64, MetadataError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let batch = Batch::of(["id"], ids.iter().map(|&id| [id.into()]));
        let text = "UPDATE schema_drift SET status = $2 FROM {rows} WHERE schema_drift.id = r.id AND status = 'open'";
        Sql::over("end the drift of a field", batch, text).bind(status).run(self.write()).await
    }

    /// How often the columns of a type have had values so far.
    pub async fn field_counts(&self, file_type: &str) -> Result<Vec<FieldCount>, MetadataError> {
        let text = "SELECT field, records, present FROM field_counts WHERE file_type = $1 ORDER BY field";
        Sql::new("read the field counts of a type", text).bind(file_type).all(self.read()).await
    }

    /// Adds to them.
    pub async fn add_field_counts(
        &self,
        file_type: &str,
        counts: &[FieldCount],
    ) -> Result<(), MetadataError> {
        if counts.is_empty() {
            return Ok(());
        }
        let rows =
            counts.iter().map(|count| [(&count.field).into(), count.records.into(), count.present.into()]);
        let batch = Batch::of(["field", "records", "present"], rows);
        let text = "INSERT INTO field_counts (file_type, field, records, present)
                    SELECT $2, r.field, r.records, r.present FROM {rows} WHERE true
                    ON CONFLICT (file_type, field) DO UPDATE SET
                        records = field_counts.records + excluded.records,
                        present = field_counts.present + excluded.present";
        Sql::over("add to the field counts of a type", batch, text)
            .bind(file_type)
            .run(self.write())
            .await
            .map(drop)
    }
}

fn batch(drifted: &[Drifted]) -> Batch {
    let columns = [
        "kind",
        "field",
        "declared_type",
        "found_type",
        "found",
        "records",
        "records_read",
        "files",
        "file_id",
        "first_file",
        "last_file",
        "examples",
        "schema_version",
        "status",
    ];
    let rows = drifted.iter().map(|drifted| {
        let Drifted { kind, field, declared_type, found_type, found, records, records_read, files, .. } =
            drifted;
        let Drifted { file_id, first_file, last_file, examples, schema_version, status, .. } = drifted;
        [
            (*kind).into(),
            field.into(),
            declared_type.into(),
            found_type.into(),
            found.into(),
            (*records).into(),
            (*records_read).into(),
            (*files).into(),
            (*file_id).into(),
            first_file.into(),
            last_file.into(),
            examples.into(),
            (*schema_version).into(),
            (*status).into(),
        ]
    });
    Batch::of(columns, rows)
}
