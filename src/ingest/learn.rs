//! Meeting an unknown type: its schema is inferred from the whole first file, and the type registers itself.

use tracing::{info, warn};

use super::claim::blocking;
use super::context::Context;
use super::fault::Fault;
use super::plan::{Lesson, time_to_grow};
use super::settle::settle;
use super::story::FileStory;
use super::write::open_regular;
use crate::decode::{DecodeError, Draft, Format, Grammar, Input, RecordOptions, Tail};
use crate::metadata::files::{FileState, Finish, Outcome, Problem, Recheck};
use crate::metadata::types::{Author, NewType, TypeStatus};
use crate::registry::{Detection, Registry};
use crate::schema::infer::Inferred;

/// Infers and registers the type of a lesson. A file from which nothing can be learned fails, with the reason: its story.
pub async fn learn(context: &Context, lesson: Lesson) -> Result<Vec<FileStory>, Fault> {
    let lane = context.owner.lane().ok_or(Fault::NoLane)?;
    let path = context.places.incoming.join(lesson.name.raw());
    let (tail, waits) = match time_to_grow(lesson.modified_at, context.clock.now(), context.patience.max_wait)
    {
        Some(_) => (Tail::Growing, true),
        None => (Tail::Final, false),
    };
    let options = RecordOptions {
        tail,
        max_record_bytes: context.max_record_bytes,
        ..RecordOptions::new(lesson.name.shown(), &lesson.type_key)
    };
    let file_id = lesson.file_id;
    let inferred = blocking(move || {
        lane.reading(Some(file_id));
        infer(&path, options)
    });
    match inferred.await? {
        Ok(draft) => register(context, &lesson, draft).await.map(|()| Vec::new()),
        Err(Unlearned::Gone) => Ok(Vec::new()),
        Err(Unlearned::Reading(error)) => Err(error),
        Err(Unlearned::Content(problem, truncated)) if truncated && waits => {
            wait(context, &lesson, problem).await.map(|()| Vec::new())
        }
        Err(Unlearned::Content(problem, _)) => fail(context, &lesson, problem).await,
    }
}

enum Unlearned {
    Gone,
    Reading(Fault),
    /// With true when the document may still grow.
    Content(Problem, bool),
}

fn infer(path: &std::path::Path, options: RecordOptions) -> Result<Draft, Unlearned> {
    let open = || match open_regular(path) {
        Ok((file, _)) => Ok(Input::from(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Unlearned::Gone),
        Err(error) => Err(Unlearned::Reading(Fault::file("read", path)(error))),
    };
    let format = options.format;
    let draft = Draft::by_either_grammar(open, options)?;
    if draft.inferred.records > 0 {
        return Ok(draft);
    }
    let message = match draft.first_problem {
        Some(bad) => format!("no record of the file can be read; {bad}"),
        None if format == Format::Csv => {
            "the file has a header and no record, so that no schema can be inferred".to_owned()
        }
        None if format == Format::Parquet => {
            "the file has no rows; a type registers itself with the first file that has some".to_owned()
        }
        None => "the file has no record that is an object, so that no schema can be inferred".to_owned(),
    };
    let hint = match format {
        Format::Csv | Format::Parquet => {
            "deliver a file with records first, or register the type with `lakegate types add`"
        }
        Format::Json => {
            "deliver JSON objects: an array of them, one a line, or one array under a root object"
        }
    };
    Err(Unlearned::Content(
        Problem { code: "file.no_records".into(), message, hint: Some(hint.into()) },
        false,
    ))
}

impl From<DecodeError> for Unlearned {
    fn from(error: DecodeError) -> Self {
        let truncated = error.is_truncation();
        let problem = Problem {
            code: error.code.to_owned(),
            message: error.to_string(),
            hint: Some(error.hint.to_string()),
        };
        Unlearned::Content(problem, truncated)
    }
}

async fn register(context: &Context, lesson: &Lesson, draft: Draft) -> Result<(), Fault> {
    // While the file was read, someone may have registered a type that takes it.
    let registry = Registry::build(context.metadata.types().await?, &Registry::default());
    if !matches!(registry.detect(&lesson.name.raw().to_string_lossy()), Detection::Unknown { .. }) {
        return Ok(());
    }
    let Inferred { definition, partition_column, records, .. } = draft.inferred;
    let is_lenient = draft.grammar == Grammar::Lenient;
    let read_as = draft.read_as.map(|how| format!(" ({how})")).unwrap_or_default();
    let new = NewType {
        table_name: lesson.type_key.clone(),
        file_type: lesson.type_key.clone(),
        status: TypeStatus::Inactive,
        schema_definition: definition,
        processing_config: if is_lenient { r#"{"lenient": true}"# } else { "{}" }.into(),
        partition_column,
        description: Some(format!("inferred from {records} records of {}{read_as}", lesson.name.shown())),
        file_pattern: None,
        author: Author::Inferred,
    };
    if context.metadata.register_type(&new).await?.is_some() {
        if is_lenient {
            warn!(file = %lesson.name.shown(), file_type = %lesson.type_key,
                "new type {} is registered with \"lenient\": true{read_as}",
                lesson.type_key);
        }
        info!(file = %lesson.name.shown(), file_type = %lesson.type_key, records,
            "new type {key}: registered as inactive with the schema of {records} records; its files wait. To load them: \
             UPDATE table_metadata SET status='active' WHERE file_type='{key}';", key = lesson.type_key);
    }
    Ok(())
}

/// The document may still grow: the row says what is missing.
async fn wait(context: &Context, lesson: &Lesson, problem: Problem) -> Result<(), Fault> {
    let Some(row) = context.metadata.file(lesson.file_id).await? else { return Ok(()) };
    let recheck = Recheck {
        id: row.id,
        attempt: row.attempt,
        state: FileState::Waiting,
        file_type: row.file_type,
        bytes: row.bytes,
        modified_at: row.modified_at,
        file_time: row.file_time,
        problem: Some(problem),
    };
    context.metadata.update_waiting(&[recheck]).await?;
    Ok(())
}

async fn fail(context: &Context, lesson: &Lesson, problem: Problem) -> Result<Vec<FileStory>, Fault> {
    refuse(context, &[(lesson.file_id, lesson.attempt)], &lesson.type_key, problem).await
}

/// Ends files that no load will ever take, given as (id, attempt).
pub(super) async fn refuse(
    context: &Context,
    files: &[(i64, i64)],
    type_folder: &str,
    problem: Problem,
) -> Result<Vec<FileStory>, Fault> {
    let finish = |&(id, attempt): &(i64, i64)| Finish {
        id,
        attempt,
        outcome: Outcome::Failed,
        blake3: None,
        duplicate_of: None,
        problem: Some(problem.clone()),
    };
    let finished =
        context.metadata.finish_without_load(&files.iter().map(finish).collect::<Vec<_>>()).await?;
    settle(context, context.metadata.files_of(&finished).await?, type_folder).await
}
