//! File types: the rows of `table_metadata`, which operators write by hand, and the history of their schemas.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::error::MetadataError;
use super::row::{ledger_row, words};
use super::statement::Sql;
use super::{Metadata, commit, ledger};

words! {
    /// Whether files of a type are loaded.
    pub enum TypeStatus {
        Active = "active",
        Inactive = "inactive",
        Paused = "paused",
    }
}

words! {
    /// Who wrote a version of a schema.
    pub enum Author {
        /// Lakegate, from a file of a type that nobody had registered.
        Inferred = "inferred",
        Operator = "operator",
        /// Lakegate, from fields that the schema did not have (`on_unknown_field = evolve`).
        Evolved = "evolved",
        /// Part of the product.
        Shipped = "shipped",
    }
}

ledger_row! {
    /// One type, as stored; nothing in it has been checked.
    pub struct TypeRow in "table_metadata" {
        pub id: i64,
        pub table_name: String,
        pub file_type: String,
        pub status: TypeStatus,
        pub schema_definition: String,
        pub processing_config: String,
        pub partition_column: String,
        pub file_pattern: Option<String>,
        pub processing_folder_path: Option<String>,
        pub description: Option<String>,
        pub schema_version: i64,
        /// Why the daemon does not use the row.
        pub status_reason: Option<String>,
        pub created_at: DateTime<Utc>,
        pub updated_at: DateTime<Utc>,
    }
}

ledger_row! {
    /// One version of a schema. Kept when its type is deleted.
    pub struct SchemaVersionRow in "schema_versions" {
        pub id: i64,
        pub file_type: String,
        pub table_name: String,
        pub schema_version: i64,
        pub schema_definition: String,
        pub author: Author,
        pub created_at: DateTime<Utc>,
    }
}

/// A type to register.
#[derive(Debug, Clone)]
pub struct NewType {
    /// The wish; a name that is taken gets a number behind it.
    pub table_name: String,
    pub file_type: String,
    pub status: TypeStatus,
    pub schema_definition: String,
    pub processing_config: String,
    pub partition_column: String,
    pub description: Option<String>,
    pub file_pattern: Option<String>,
    pub author: Author,
}

impl Metadata {
    /// All types, in the order of their keys.
    pub async fn types(&self) -> Result<Vec<TypeRow>, MetadataError> {
        let text = format!("SELECT {} FROM table_metadata ORDER BY file_type", TypeRow::COLUMNS);
        Sql::new("list the types", text).all(self.read()).await
    }

    /// The type with this key or, failing that, with this table name.
    pub async fn type_by(&self, name: &str) -> Result<Option<TypeRow>, MetadataError> {
        let text = format!(
            "SELECT {} FROM table_metadata WHERE file_type = $1 OR table_name = $1
             ORDER BY CASE WHEN file_type = $1 THEN 0 ELSE 1 END",
            TypeRow::COLUMNS
        );
        Sql::new("look up a type", text).bind(name).one(self.read()).await
    }

    /// Adds a type; `None` when its key exists already, which leaves the existing row as it is.
    pub async fn register_type(&self, new: &NewType) -> Result<Option<TypeRow>, MetadataError> {
        const ACT: &str = "register a type";
        let transaction = self.begin(ACT).await?;
        for suffix in 1.. {
            let table_name = numbered(&new.table_name, suffix);
            if is_taken(&transaction, &table_name).await? {
                continue;
            }
            if insert_type(&transaction, new, &table_name).await? {
                break;
            }
            // Nothing was inserted: the key exists, or a process that was quicker took the table name.
            if is_registered(&transaction, &new.file_type).await? {
                return Ok(None);
            }
        }
        Sql::new(
            ACT,
            "UPDATE schema_versions SET author = $2 WHERE file_type = $1 AND schema_version =
                 (SELECT schema_version FROM table_metadata WHERE file_type = $1)",
        )
        .bind(&new.file_type)
        .bind(new.author)
        .run(&transaction)
        .await?;
        let text = format!("SELECT {} FROM table_metadata WHERE file_type = $1", TypeRow::COLUMNS);
        let row = Sql::new(ACT, text).bind(&new.file_type).one(&transaction).await?;
        commit(ACT, transaction).await?;
        Ok(row)
    }

    /// Replaces a definition, if it still has the version that the change was made from. The new version, or
    /// `None` when somebody else was first.
    pub async fn change_schema(
        &self,
        id: i64,
        from_version: i64,
        definition: &str,
        author: Author,
    ) -> Result<Option<i64>, MetadataError> {
        const ACT: &str = "change a schema";
        let transaction = self.begin(ACT).await?;
        let changed = Sql::new(
            ACT,
            "UPDATE table_metadata SET schema_definition = $3 WHERE id = $1 AND schema_version = $2",
        )
        .bind(id)
        .bind(from_version)
        .bind(definition)
        .run(&transaction)
        .await?;
        if changed == 0 {
            return Ok(None);
        }
        let text = "SELECT schema_version FROM table_metadata WHERE id = $1";
        let version: Option<i64> = Sql::new(ACT, text).bind(id).value(&transaction, "schema_version").await?;
        Sql::new(
            ACT,
            "UPDATE schema_versions SET author = $3 WHERE schema_version = $2 AND schema_version <> $4
                 AND file_type = (SELECT file_type FROM table_metadata WHERE id = $1)",
        )
        .bind(id)
        .bind(version)
        .bind(author)
        .bind(from_version)
        .run(&transaction)
        .await?;
        commit(ACT, transaction).await?;
        Ok(version)
    }

    /// How many files of a type have failed since it last changed and since it last loaded anything, at most `limit`;
    /// and the code of the latest. Files that were taken away or taken out again do not count.
    pub async fn failures_in_a_row(
        &self,
        file_type: &str,
        limit: i64,
    ) -> Result<(i64, Option<String>), MetadataError> {
        const ACT: &str = "count the failures of a type";
        let text = "SELECT error_code FROM files
                    WHERE file_type = $1 AND state = 'failed'
                        AND error_code NOT IN ('file.vanished', 'file.reverted', 'file.replaced')
                        AND finished_at > (SELECT updated_at FROM table_metadata WHERE file_type = $1)
                        AND finished_at > COALESCE(
                            (SELECT committed_at FROM loads
                             WHERE table_name = (SELECT table_name FROM table_metadata WHERE file_type = $1)
                                 AND kind = 'ingest' AND state = 'committed' AND rows_written > rows_carried
                             ORDER BY commit_seq DESC LIMIT 1),
                            (SELECT created_at FROM table_metadata WHERE file_type = $1))
                    ORDER BY finished_at DESC LIMIT $2";
        let codes: Vec<String> =
            Sql::new(ACT, text).bind(file_type).bind(limit).column(self.read(), "error_code").await?;
        Ok((codes.len() as i64, codes.into_iter().next()))
    }

    /// Pauses an active type and says why; false when it is not active any more.
    pub async fn pause_type(&self, id: i64, reason: &str) -> Result<bool, MetadataError> {
        let text = "UPDATE table_metadata SET status = 'paused', status_reason = $2
                    WHERE id = $1 AND status = 'active'";
        let act = Sql::new("pause a type", text).bind(id).bind(reason);
        Ok(act.run(self.write()).await? > 0)
    }

    /// Switches a type on or off; false when there is no such type.
    pub async fn set_status(&self, file_type: &str, status: TypeStatus) -> Result<bool, MetadataError> {
        let text = "UPDATE table_metadata SET status = $2 WHERE file_type = $1";
        let act = Sql::new("change the status of a type", text).bind(file_type).bind(status);
        Ok(act.run(self.write()).await? > 0)
    }

    /// Says on the row why it is not used, or that it is. False when it said so already: such a call writes
    /// nothing, so that it does not wake the feed of changes which led to it.
    pub async fn set_status_reason(&self, id: i64, reason: Option<&str>) -> Result<bool, MetadataError> {
        let text = "UPDATE table_metadata SET status_reason = $2
                    WHERE id = $1 AND status_reason IS DISTINCT FROM $2";
        let act = Sql::new("explain the status of a type", text).bind(id).bind(reason);
        Ok(act.run(self.write()).await? > 0)
    }

    /// The definitions, other than the current one, under which rows came into a table since it was first loaded under
    /// the current one: those that the current definition has not been compared with by a load of its own.
    pub async fn definitions_beside(&self, row: &TypeRow) -> Result<Vec<SchemaVersionRow>, MetadataError> {
        let columns = SchemaVersionRow::COLUMNS;
        let text = format!(
            "SELECT {columns} FROM schema_versions
             WHERE (file_type, schema_version) IN (SELECT DISTINCT file_type, schema_version FROM loads
                     WHERE table_name = $1 AND commit_seq > COALESCE((SELECT min(commit_seq) FROM loads
                         WHERE table_name = $1 AND file_type = $2 AND schema_version = $3), 0))
                 AND NOT (file_type = $2 AND schema_version = $3)
             ORDER BY id DESC"
        );
        let act = Sql::new("list the schemas of a table", text).bind(&row.table_name).bind(&row.file_type);
        act.bind(row.schema_version).all(self.read()).await
    }

    /// Every version of a type's schema, oldest first, also those from before it was deleted.
    pub async fn schema_versions(&self, file_type: &str) -> Result<Vec<SchemaVersionRow>, MetadataError> {
        let text = format!(
            "SELECT {} FROM schema_versions WHERE file_type = $1 ORDER BY schema_version",
            SchemaVersionRow::COLUMNS
        );
        Sql::new("list the versions of a schema", text).bind(file_type).all(self.read()).await
    }
}

/// The wish itself, then `name_2`, `name_3` and so on, never over the 200 characters of the column.
fn numbered(name: &str, suffix: u64) -> String {
    if suffix == 1 {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(190).collect();
    format!("{beginning}_{suffix}")
}

/// True for names of the ledger, and for names that another table or a summary has in SQL.
async fn is_taken(on: &impl ConnectionTrait, table_name: &str) -> Result<bool, MetadataError> {
    if ledger::is_reserved(table_name) {
        return Ok(true);
    }
    let text = "SELECT 1 FROM table_metadata WHERE lower(table_name) = lower($1)
                UNION ALL SELECT 1 FROM jobs WHERE lower(target_table) = lower($1)";
    Ok(!Sql::new("look for a free table name", text).bind(table_name).rows(on).await?.is_empty())
}

async fn is_registered(on: &impl ConnectionTrait, file_type: &str) -> Result<bool, MetadataError> {
    let text = "SELECT 1 FROM table_metadata WHERE file_type = $1";
    Ok(!Sql::new("look up a type", text).bind(file_type).rows(on).await?.is_empty())
}

async fn insert_type(
    on: &DatabaseTransaction,
    new: &NewType,
    table_name: &str,
) -> Result<bool, MetadataError> {
    let inserted = Sql::new(
        "register a type",
        "INSERT INTO table_metadata (table_name, file_type, status, schema_definition, processing_config,
             partition_column, description, file_pattern)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(table_name)
    .bind(&new.file_type)
    .bind(new.status)
    .bind(&new.schema_definition)
    .bind(&new.processing_config)
    .bind(&new.partition_column)
    .bind(&new.description)
    .bind(&new.file_pattern)
    .run(on)
    .await?;
    Ok(inserted > 0)
}
