//! What a dry run found, for programs.

use serde_json::{Value, json};

use super::results::{FileResult, RejectedResult, Results};
use crate::cli::rejects::report_json;
use crate::drift::Sighting;
use crate::trial::{Cause, Example, Tried};

pub(super) fn of(results: &Results) -> Value {
    json!({
        "changes": results.changes,
        "files": results.files.iter().map(file_json).collect::<Vec<_>>(),
        "rejected": results.rejected.iter().map(rejected_json).collect::<Vec<_>>(),
    })
}

fn file_json(file: &FileResult) -> Value {
    let head = json!({
        "name": file.name,
        "file_type": file.file_type,
        "schema_version": file.schema_version,
        "new_type": file.is_new_type,
        "would_be": file.would_be(),
        "duplicate_of": file.duplicate_of,
    });
    let body = match &file.result {
        Err(why) => json!({ "message": why }),
        Ok(tried) => tried_json(file, tried),
    };
    match (head, body) {
        (Value::Object(mut head), Value::Object(body)) => {
            head.extend(body);
            Value::Object(head)
        }
        (head, _) => head,
    }
}

fn tried_json(file: &FileResult, tried: &Tried) -> Value {
    let partition =
        |(value, rows): (&Option<String>, &u64)| json!({ "partition_value": value, "rows": rows });
    let field = |field: &Sighting| {
        json!({
            "field": field.place.to_string(),
            "kind": field.kind.as_str(),
            "declared_type": field.declared,
            "found_type": field.found.as_ref().map(|kind| kind.name()),
            "records": field.records,
            "examples": field.examples,
            "then": file.then(tried, field),
        })
    };
    json!({
        "error_code": tried.failure.as_ref().map(|problem| problem.code.clone()),
        "error_message": tried.failure.as_ref().map(|problem| problem.message.clone()),
        "error_hint": tried.failure.as_ref().and_then(|problem| problem.hint.clone()),
        "records_read": tried.read,
        "records_written": tried.written,
        "records_rejected": tried.rejected,
        "records_deduplicated": tried.deduplicated,
        "partitions": tried.partitions.iter().map(partition).collect::<Vec<_>>(),
        "fields": tried.drift.iter().map(field).collect::<Vec<_>>(),
        "columns_added": tried.added.iter().map(|added| json!({ "name": added.name, "type": added.kind })).collect::<Vec<_>>(),
        "not_added": tried.not_added,
        "causes": tried.causes.iter().map(cause_json).collect::<Vec<_>>(),
    })
}

fn cause_json(cause: &Cause) -> Value {
    let example = |example: &Example| {
        json!({
            "record_number": example.record,
            "byte_offset": example.offset,
            "message": example.message,
            "raw": example.raw,
        })
    };
    json!({
        "fingerprint": cause.fingerprint,
        "rule": cause.rule,
        "pointer": cause.pointer,
        "records": cause.records,
        "examples": cause.examples.iter().map(example).collect::<Vec<_>>(),
    })
}

/// As `lakegate rejects replay --dry-run` tells it.
fn rejected_json(rejected: &RejectedResult) -> Value {
    match &rejected.result {
        Ok(report) => report_json(report),
        Err(why) => json!({"file_type": rejected.file_type, "message": why}),
    }
}
