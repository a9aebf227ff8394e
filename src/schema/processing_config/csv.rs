//! The `csv` object of a configuration: how the text of CSV files is to be read. What is left out is detected.

use encoding_rs::Encoding;

use super::ConfigError;
use crate::decode::value::{Node, Value};
use crate::schema::members::{self, MemberFault, Members};
use crate::schema::names;
use crate::schema::violation::named;

const KEYS: [&str; 7] = ["delimiter", "quote", "escape", "header", "columns", "encoding", "null"];

/// Names of encodings for a message; every label of the WHATWG encoding standard is understood.
const ENCODINGS: [&str; 9] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "windows-1252",
    "windows-1251",
    "windows-1250",
    "iso-8859-15",
    "shift_jis",
    "gb18030",
];

/// What an operator has written about the CSV files of a type. `None`: found out from each file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvSettings {
    pub delimiter: Option<u8>,
    pub quote: Option<Quote>,
    /// The byte that takes the meaning from a quote inside quotes; without it, a quote is doubled.
    pub escape: Option<u8>,
    /// Whether the first record names the columns.
    pub header: Option<bool>,
    /// Names of the columns, instead of those of a header.
    pub columns: Option<Vec<String>>,
    pub encoding: Option<&'static Encoding>,
    /// Unquoted cells that stand for no value.
    pub nulls: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    Byte(u8),
    /// Quotes have no meaning.
    Never,
}

impl CsvSettings {
    pub(super) fn parse(value: &Value<'_>) -> Result<CsvSettings, ConfigError> {
        let csv = Members::of(value).map_err(|_| members::wrong("csv", "an object", value))?;
        csv.only(&KEYS)?;
        let settings = CsvSettings {
            delimiter: csv.get("delimiter").map(delimiter).transpose()?,
            quote: csv.get("quote").map(quote).transpose()?,
            escape: csv.get("escape").map(|value| mark("csv.escape", value)).transpose()?,
            header: csv.flag("header")?,
            columns: csv.list("columns")?.map(|_| csv.texts("columns")).transpose()?,
            encoding: csv.text("encoding")?.map(encoding).transpose()?,
            nulls: csv.get("null").map(|_| csv.texts("null")).transpose()?,
        };
        settings.agree()?;
        Ok(settings)
    }

    /// A byte can have one meaning only.
    fn agree(&self) -> Result<(), ConfigError> {
        let quote = match self.quote {
            Some(Quote::Byte(quote)) => Some(quote),
            _ => None,
        };
        let same = |one: Option<u8>, other: Option<u8>| one.is_some() && one == other;
        if same(self.delimiter, quote) || same(self.delimiter, self.escape) {
            return Err(ConfigError::CsvMarks);
        }
        Ok(())
    }
}

/// One ASCII character that can separate cells.
fn delimiter(value: &Value<'_>) -> Result<u8, ConfigError> {
    if let Node::String(word) = &value.node
        && (word.eq_ignore_ascii_case("tab") || word == "\\t")
    {
        return Ok(b'\t');
    }
    mark("csv.delimiter", value)
}

fn quote(value: &Value<'_>) -> Result<Quote, ConfigError> {
    match &value.node {
        Node::String(word) if word.is_empty() => Ok(Quote::Never),
        _ => mark("csv.quote", value).map(Quote::Byte),
    }
}

fn mark(key: &str, value: &Value<'_>) -> Result<u8, ConfigError> {
    let expected = "one ASCII character that is no letter, digit, NUL or line end";
    let fits =
        |byte: u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, 0 | b'\n' | b'\r');
    match &value.node {
        Node::String(word) => match word.as_bytes() {
            [byte] if fits(*byte) => Ok(*byte),
            _ => Err(members::wrong(key, expected, value).into()),
        },
        _ => Err(members::wrong(key, expected, value).into()),
    }
}

fn encoding(label: &str) -> Result<&'static Encoding, ConfigError> {
    // The replacement encoding refuses every byte: it stands for encodings that are unsafe to read.
    match Encoding::for_label(label.trim().as_bytes()) {
        Some(encoding) if encoding != encoding_rs::REPLACEMENT => Ok(encoding),
        _ => Err(MemberFault::NoSuchValue {
            key: "csv.encoding".into(),
            value: named(label),
            suggestion: names::suggestion(label, &ENCODINGS),
        }
        .into()),
    }
}
