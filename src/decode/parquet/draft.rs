//! What a Parquet file says about its type: it states the types of its columns itself.

use super::batches::Batches;
use super::meaning::Meaning;
use super::source::Source;
use crate::decode::draft::Draft;
use crate::decode::error::DecodeError;
use crate::decode::input::Input;
use crate::decode::json::Grammar;
use crate::schema::infer::Inference;

/// Reads the footer of a file.
///
/// # Errors
/// The file cannot be read.
pub(in crate::decode) fn draft(input: Input) -> Result<Draft, DecodeError> {
    let batches = Batches::open(input.into_random().map_err(DecodeError::reading)?)?;
    let columns = batches.columns();
    let mut read_as = vec!["Parquet".to_owned()];
    for (meaning, what) in [
        (is_int96 as fn(Meaning) -> bool, "INT96 is read as timestamp, to the microsecond"),
        (|meaning| matches!(meaning, Meaning::Time(_)), "times of day are kept as text"),
        (|meaning| meaning == Meaning::Interval, "intervals are kept as text"),
        (is_long_decimal, "decimals of more than 38 digits are kept as json"),
    ] {
        let found = names(columns, meaning);
        if !found.is_empty() {
            read_as.push(format!("{what}: {found}"));
        }
    }
    let known = columns.iter().map(|(name, source)| (name.clone(), source.known()));
    let inferred = Inference::of_known(known, batches.rows());
    Ok(Draft {
        inferred,
        broken: 0,
        first_problem: None,
        read_as: Some(read_as.join("; ")),
        grammar: Grammar::Strict,
    })
}

fn is_int96(meaning: Meaning) -> bool {
    meaning == Meaning::Int96
}

fn is_long_decimal(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::Decimal { precision: 39.., .. })
}

/// The columns in which a meaning occurs; a few of them.
fn names(columns: &[(String, Source)], wanted: fn(Meaning) -> bool) -> String {
    let found: Vec<_> =
        columns.iter().filter(|(_, source)| source.any(wanted)).map(|(name, _)| name.as_str()).collect();
    let shown = found.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    if found.len() > 8 { format!("{shown}, …") } else { shown }
}
