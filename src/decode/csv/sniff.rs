//! Finds out how a CSV text is written, from its start. Pure.
//!
//! Each candidate dialect cuts the sample; the one wins whose records have the same number of cells, whose header names
//! fields of the schema, and whose cells look like values. What the operator has set is not questioned.

mod header;
mod survey;

#[cfg(test)]
pub(super) use header::names_of;
pub(super) use header::{Header, Named};

use super::dialect::{Dialect, LineEnds};
use crate::schema::processing_config::{CsvSettings, Quote};
use survey::Survey;

/// Delimiters in the order of preference.
const DELIMITERS: [u8; 5] = [b'\t', b';', b'|', b',', 0x1f];

/// What helps to understand a text besides the text.
pub(super) struct Clues<'a> {
    pub settings: &'a CsvSettings,
    /// The file's name says that tabs separate the cells.
    pub says_tabs: bool,
    /// Tells whether a name is that of a field; absent when there is no schema yet.
    pub known: Option<&'a dyn Fn(&str) -> bool>,
}

/// How a text is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sniffed {
    pub dialect: Dialect,
    pub header: Header,
    /// Bytes of a first line `sep=;`, which is no record.
    pub preamble: usize,
}

/// Looks at the start of a text, `whole` when it is all of it.
pub(super) fn sniff(sample: &[u8], whole: bool, clues: &Clues<'_>) -> Sniffed {
    let (preamble, declared) = declared_delimiter(sample);
    let text = &sample[preamble..];
    let mut best: Option<(Survey<'_>, _)> = None;
    for dialect in candidates(text, declared, clues) {
        let survey = Survey::of(text, whole, dialect);
        let merit = survey.merit(clues);
        if best.as_ref().is_none_or(|(_, known)| merit > *known) {
            best = Some((survey, merit));
        }
    }
    let survey = best.map_or_else(|| Survey::of(text, whole, Dialect::STANDARD), |(survey, _)| survey);
    let header = Header::of(&survey, clues);
    Sniffed { dialect: survey.dialect, header, preamble }
}

/// `sep=;` in the first line, which spreadsheets write and understand.
fn declared_delimiter(sample: &[u8]) -> (usize, Option<u8>) {
    let line = match memchr::memchr2(b'\n', b'\r', sample) {
        Some(end) => &sample[..end],
        None => return (0, None),
    };
    let content = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
    match content {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && is_mark(*delimiter) => {
            let is_pair = sample[line.len()..].starts_with(b"\r\n");
            (line.len() + if is_pair { 2 } else { 1 }, Some(*delimiter))
        }
        _ => (0, None),
    }
}

fn is_mark(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, 0 | b'"' | b'\n' | b'\r')
}

fn candidates(text: &[u8], declared: Option<u8>, clues: &Clues<'_>) -> Vec<Dialect> {
    let settings = clues.settings;
    let delimiters = match settings.delimiter.or(declared) {
        Some(delimiter) => vec![delimiter],
        None if clues.says_tabs && text.contains(&b'\t') => vec![b'\t'],
        None => DELIMITERS.into_iter().filter(|mark| *mark == b',' || text.contains(mark)).collect(),
    };
    let quotes = match settings.quote {
        Some(Quote::Byte(quote)) => vec![Some(quote)],
        Some(Quote::Never) => vec![None],
        None if text.contains(&b'\'') && !text.contains(&b'"') => vec![Some(b'"'), Some(b'\'')],
        None => vec![Some(b'"')],
    };
    let escapes = match settings.escape {
        Some(escape) => vec![Some(escape)],
        None if memchr::memmem::find(text, b"\\\"").is_some() => vec![None, Some(b'\\')],
        None => vec![None],
    };
    let mut found = Vec::new();
    for lines in line_ends(text) {
        for &quote in &quotes {
            for &escape in &escapes {
                found.extend(delimiters.iter().map(|&delimiter| Dialect { delimiter, quote, escape, lines }));
            }
        }
    }
    found.retain(|dialect| Some(dialect.delimiter) != dialect.quote);
    found
}

/// A lone `\r` may end lines, or be data in a text whose lines end otherwise.
fn line_ends(text: &[u8]) -> Vec<LineEnds> {
    let is_lone = |at: &usize| text.get(at + 1).is_some_and(|next| *next != b'\n');
    let lone = memchr::memchr_iter(b'\r', text).any(|at| is_lone(&at));
    let ends_in_one = text.last() == Some(&b'\r');
    match (memchr::memchr(b'\n', text).is_some(), lone || ends_in_one) {
        (false, true) => vec![LineEnds::Any],
        (true, true) if lone => vec![LineEnds::Newline, LineEnds::Any],
        _ => vec![LineEnds::Newline],
    }
}

#[cfg(test)]
mod tests;
