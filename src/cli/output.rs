//! Data on stdout: text or JSON, written once and whole.

use std::io::{self, Write};

use serde_json::Value;

use super::exit::Failure;

/// Writes `text` to stdout.
///
/// # Errors
/// The reader went away (which ends the command quietly), or a disk is full.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Writes a JSON document to stdout, indented.
///
/// # Errors
/// As [`print`].
pub fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// A time as both people and programs read it.
pub fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
