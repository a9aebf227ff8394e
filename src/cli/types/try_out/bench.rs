//! Files and records are tried here, one by one, as the type that they belong to.

use std::fs::File;
use std::path::Path;

use chrono::{DateTime, NaiveDateTime};

use super::results::FileResult;
use super::{TryArgs, find};
use crate::arrival::Arrival;
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::{Session, by_kind};
use crate::decode::{Draft, RecordOptions, Tail};
use crate::ingest::keyed_for_trial;
use crate::ingest::write::KeyedTable;
use crate::lake::Lake;
use crate::metadata::Metadata;
use crate::metadata::types::{TypeRow, TypeStatus};
use crate::name::FileName;
use crate::registry::{self, Detection, Registry, TypeSpec};
use crate::schema::definition;
use crate::trial::{FileTrial, try_file};
use crate::workers::Workers;

/// What files and records are tried with.
pub(super) struct Bench<'a> {
    pub(super) session: &'a Session,
    pub(super) metadata: Option<Metadata>,
    pub(super) registry: Registry,
    /// The only type.
    pub(super) wanted: Option<TypeRow>,
    /// The definition to try, and where it came from.
    pub(super) schema: Option<String>,
}

impl<'a> Bench<'a> {
    pub async fn new(
        args: &TryArgs,
        metadata: Option<Metadata>,
        session: &'a Session,
    ) -> Result<Bench<'a>, Failure> {
        let rows = match &metadata {
            Some(metadata) => metadata.types().await?,
            None => Vec::new(),
        };
        let schema = args.schema.as_deref().map(crate::cli::types::add::read).transpose()?;
        if let (Some(text), Some(path)) = (&schema, &args.schema) {
            definition::compile(text).map_err(|cause| {
                Failure::because(Exit::Usage, format!("{} is no usable schema", path.display()), &cause)
            })?;
        }
        let wanted = match (&args.file_type, &metadata, &schema) {
            (Some(name), _, Some(text))
                if !rows.iter().any(|row| row.file_type == *name || row.table_name == *name) =>
            {
                Some(new_type(name, text))
            }
            (Some(name), Some(metadata), _) => Some(find(metadata, name).await?),
            (Some(name), None, _) => {
                return Err(crate::cli::types::unknown("type", name, std::iter::empty()));
            }
            (None, ..) => None,
        };
        let registry = Registry::build(rows, &Registry::default());
        Ok(Bench { session, metadata, registry, wanted, schema })
    }

    /// Tries a file anywhere, by its name.
    pub async fn file(&self, path: &Path) -> Result<FileResult, Failure> {
        let name = FileName::from_raw(path.file_name().unwrap_or_default()).shown().to_owned();
        let (row, time) = match self.type_of(&name, path) {
            Ok(found) => found,
            Err(why) => return Ok(FileResult::untried(&name, None, why)),
        };
        self.try_as(path, &name, row, time).await
    }

    /// The type that a name belongs to, with the time in it; for an unknown one, the type that would register itself.
    fn type_of(&self, name: &str, path: &Path) -> Result<(TypeRow, Option<NaiveDateTime>), String> {
        let read = Arrival::read(name);
        if let Some(row) = &self.wanted {
            return Ok((row.clone(), read.time));
        }
        match self.registry.detect(name) {
            Detection::Known { registered, time } => Ok((registered.row.clone(), time)),
            Detection::Unsupported { .. } => {
                Err("the extension is not one that Lakegate loads; name the type with --type".to_owned())
            }
            Detection::Unknown { type_key, time } => {
                if let Some(schema) = &self.schema {
                    return Ok((new_type(&type_key, schema), time));
                }
                let file =
                    File::open(path).map_err(|cause| format!("cannot read {}: {cause}", path.display()))?;
                let options = RecordOptions { tail: Tail::Final, ..RecordOptions::new(name, &type_key) };
                let draft = Draft::of(file, options).map_err(|error| error.to_string())?;
                let inferred = draft.inferred;
                let row = new_type(&type_key, &inferred.definition);
                Ok((TypeRow { partition_column: inferred.partition_column, ..row }, time))
            }
        }
    }

    pub(super) async fn try_as(
        &self,
        path: &Path,
        name: &str,
        mut row: TypeRow,
        time: Option<NaiveDateTime>,
    ) -> Result<FileResult, Failure> {
        let is_new = row.id == 0;
        if let Some(schema) = &self.schema {
            row.schema_definition.clone_from(schema);
        }
        let spec = match registry::compile(&row) {
            Ok(spec) => spec,
            Err(reason) => {
                return Ok(FileResult::untried(
                    name,
                    Some(row.file_type),
                    format!("its type cannot be used: {reason}"),
                ));
            }
        };
        let duplicate_of = self.loaded_before(path, &spec).await?;
        let lake = Lake::new(&self.session.settings.paths.datalake, Workers::new(1));
        let keyed = match &self.metadata {
            Some(metadata) => {
                let keyed = keyed_for_trial(metadata, &spec, name, time, duplicate_of).await;
                keyed.map_err(|fault| by_kind(&fault, fault.kind(), fault.problem().hint.as_deref()))?
            }
            None => KeyedTable::default(),
        };
        let trial = FileTrial {
            path,
            name,
            spec: &spec,
            definition: &row.schema_definition,
            time,
            max_record_bytes: self.session.settings.ingest.max_record_bytes(),
            lake: &lake,
            keyed: &keyed,
        };
        let result = try_file(&trial);
        Ok(FileResult {
            name: name.to_owned(),
            file_type: Some(row.file_type.clone()),
            schema_version: (!is_new && self.schema.is_none()).then_some(row.schema_version),
            is_new_type: is_new,
            keeps_unknown: spec.config.on_unknown_field,
            status: row.status,
            duplicate_of,
            result: Ok(Box::new(result)),
        })
    }

    /// The file whose bytes these are, if they were loaded.
    async fn loaded_before(&self, path: &Path, spec: &TypeSpec) -> Result<Option<i64>, Failure> {
        let Some(metadata) = &self.metadata else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        let hashed = File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
        if hashed.is_err() {
            return Ok(None);
        }
        let hash = hasher.finalize().to_hex().to_string();
        Ok(metadata.find_loaded(&spec.file_type, std::slice::from_ref(&hash)).await?.get(&hash).copied())
    }
}

/// A type that nobody has registered; its id is 0.
fn new_type(name: &str, definition: &str) -> TypeRow {
    TypeRow {
        id: 0,
        table_name: name.to_owned(),
        file_type: name.to_owned(),
        status: TypeStatus::Inactive,
        schema_definition: definition.to_owned(),
        processing_config: "{}".into(),
        partition_column: "date".into(),
        file_pattern: None,
        processing_folder_path: None,
        description: None,
        schema_version: 1,
        status_reason: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}
