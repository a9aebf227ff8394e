//! Whether a definition can be used on a table that has rows already: their values must be values of its types.
//!
//! A definition that changes a type in any other way is not used, and its files wait: to load them would give one column
//! two meanings.

use std::sync::Arc;

use super::claim::blocking;
use super::fault::Fault;
use crate::lake::facts::Facts;
use crate::lake::{Lake, LakeError};
use crate::metadata::Metadata;
use crate::metadata::types::{SchemaVersionRow, TypeRow};
use crate::registry::TypeSpec;
use crate::schema::change::{Change, Verdict, changes};
use crate::schema::definition;
use crate::schema::names;

/// Integers up to here, and down to its negative, are doubles without a loss.
const EXACT_DOUBLES: i64 = 1 << 53;

/// Compares a definition with those under which the rows of its table came in. The inner error is a sentence for
/// `status_reason`.
///
/// # Errors
/// The metadata database or a data file cannot be read.
pub(crate) async fn vet(
    metadata: &Metadata,
    lake: &Lake,
    row: &TypeRow,
    spec: &TypeSpec,
) -> Result<Result<(), String>, Fault> {
    for earlier in metadata.definitions_beside(row).await? {
        let Ok(before) = definition::compile(&earlier.schema_definition) else { continue };
        let doubtful = changes(&before.fields, &spec.schema.fields);
        let doubtful: Vec<Change> =
            doubtful.into_iter().filter(|change| change.verdict != Verdict::Lossless).collect();
        if doubtful.is_empty() {
            continue;
        }
        if let Some(change) = first_refused(metadata, lake, row, &earlier, doubtful).await? {
            return Ok(Err(refusal(&change, spec)));
        }
    }
    Ok(Ok(()))
}

/// As [`vet`], for a definition that no version has yet; `spec` is the type under it.
///
/// # Errors
/// As [`vet`].
pub(crate) async fn vet_future(
    metadata: &Metadata,
    lake: &Lake,
    row: &TypeRow,
    spec: &TypeSpec,
) -> Result<Result<(), String>, Fault> {
    // No load has used it: all are compared with.
    let row = TypeRow { schema_version: i64::MAX, ..row.clone() };
    vet(metadata, lake, &row, spec).await
}

/// The first change that stored values do not allow.
async fn first_refused(
    metadata: &Metadata,
    lake: &Lake,
    row: &TypeRow,
    earlier: &SchemaVersionRow,
    doubtful: Vec<Change>,
) -> Result<Option<Change>, Fault> {
    let SchemaVersionRow { file_type, schema_version, .. } = earlier;
    let files = metadata.data_files_of_version(&row.table_name, file_type, *schema_version).await?;
    let doubtful = Arc::new(doubtful);
    for file in files {
        let (lake, doubtful, path) = (lake.clone(), Arc::clone(&doubtful), file.path);
        let refused = blocking(move || {
            let facts = Facts::read(lake.root(), &path)
                .map_err(|source| LakeError::Encode { path: lake.place(&path), source })?;
            Ok::<_, Fault>(doubtful.iter().find(|change| !allows(&facts, change)).cloned())
        });
        if let Some(change) = refused.await?? {
            return Ok(Some(change));
        }
    }
    Ok(None)
}

fn allows(facts: &Facts, change: &Change) -> bool {
    // Of what lies inside a list or map, footers tell together with all that is beside it.
    let way: Vec<&str> = change
        .place
        .steps()
        .iter()
        .map_while(|step| match step {
            crate::schema::place::Step::Member(name) => Some(name.as_str()),
            crate::schema::place::Step::Each => None,
        })
        .collect();
    match change.verdict {
        Verdict::Lossless => true,
        Verdict::IfOnlyNulls => facts.has_only_nulls(&way),
        Verdict::IfExactDoubles => facts.lies_within(&way, -EXACT_DOUBLES, EXACT_DOUBLES),
        Verdict::IfNanos => facts.lies_within(&way, i64::MIN / 1000, i64::MAX / 1000),
    }
}

fn refusal(change: &Change, spec: &TypeSpec) -> String {
    let Change { place, from, to, verdict } = change;
    let why = match verdict {
        Verdict::IfExactDoubles => {
            "some whole numbers are beyond 2^53, which a double would round".to_owned()
        }
        Verdict::IfNanos => "some times are out of range for nanoseconds".to_owned(),
        Verdict::IfOnlyNulls | Verdict::Lossless => format!("not every {from} is a {to}"),
    };
    let name = place.split_name().map_or("value", |(_, name)| name);
    let is_taken =
        |name: &str| spec.schema.fields.iter().any(|field| names::folded(&field.name) == names::folded(name));
    let fresh = names::fresh(&format!("{name}_{}", to.split('(').next().unwrap_or("new")), is_taken);
    format!(
        "schema_definition: the rows of {table} hold {place} as {from}, and it cannot become {to}: {why}. Put {from} back, \
         or keep the old column as it is and give the new values one of their own, in place of the field: \
         {{\"name\": \"{fresh}\", \"type\": \"{to}\", \"aliases\": [\"{name}\"]}}; \
         `lakegate types show {key}` has the earlier versions",
        table = spec.table,
        key = spec.file_type,
    )
}
