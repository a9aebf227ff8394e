//! The formats that are decoded here.

use super::csv;

/// How records are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON in all its shapes.
    Json,
    Csv,
    Parquet,
}

impl Format {
    /// The format that a file's name promises; `None` for a name without a promise.
    pub fn of_name(file_name: &str) -> Option<Format> {
        if csv::says_csv(file_name) {
            return Some(Format::Csv);
        }
        if has_extension(file_name, &[".parquet"]) {
            return Some(Format::Parquet);
        }
        has_extension(file_name, &[".json", ".ndjson", ".jsonl"]).then_some(Format::Json)
    }
}

/// True when the name, without the ending of a compression, ends in one of these.
pub(super) fn has_extension(file_name: &str, extensions: &[&str]) -> bool {
    let name = file_name.to_ascii_lowercase();
    let name =
        [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    extensions.iter().any(|end| name.ends_with(end))
}
