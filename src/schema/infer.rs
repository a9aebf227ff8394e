//! A definition from records: every record is looked at, nothing is guessed that a later one could disprove,
//! and memory is bounded by the shape of the records, not by their number.
//!
//! Lossless is the rule behind every choice here: a value of an observed record must come back from its column
//! as it was. What no type can hold exactly becomes json, which keeps the source's text.

pub(crate) mod cells;
mod columns;
mod glimpse;
mod known;
mod numbers;
mod object;
mod prune;
mod shape;
mod texts;

use std::collections::HashMap;

use self::cells::Cells;
pub use self::columns::name_beside;
pub use self::glimpse::Glimpse;
pub use self::known::Known;
use self::shape::{Growth, Shape};
use super::definition;
use super::names;
use crate::decode::value::{Node, Value};

/// Columns of an inferred table, and leaves of all its nested types together.
const MAX_LEAVES: usize = 2000;

/// Keys of one nested object; an object with more is a map, or json.
const MAX_KEYS: usize = 256;

/// Values nest this deep in types of their own; json keeps what lies below.
const MAX_DEPTH: usize = 24;

/// Nodes of all shapes together; past it, no nested object learns further keys.
const MAX_NODES: usize = 20_000;

/// What has been seen so far.
#[derive(Debug, Default)]
pub struct Inference {
    /// Root keys in the order in which they first came.
    columns: Vec<(String, Shape)>,
    places: HashMap<String, usize>,
    growth: Growth,
    records: u64,
    non_objects: u64,
}

/// What inference has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// A definition of dialect 1, one column on a line. Without any observed key it has no fields.
    pub definition: String,
    /// `date`, or a name beside the columns when one of them is called that.
    pub partition_column: String,
    /// Objects that were observed.
    pub records: u64,
    /// Records that were no objects and say nothing about columns.
    pub non_objects: u64,
}

impl Inference {
    /// Takes one record in.
    ///
    /// A key that comes twice in the root of a record counts once (the loader rejects such a record). Root keys
    /// past the limit of columns are left to `_rescued`, which loses nothing.
    pub fn observe(&mut self, record: &Value<'_>) {
        let Node::Object(members) = &record.node else {
            self.non_objects += 1;
            return;
        };
        self.records += 1;
        let mut seen = object::KeysOfOne::new(members.len());
        for (position, (key, value)) in members.iter().enumerate() {
            if !seen.is_first(key, &members[..position]) {
                continue;
            }
            if let Some(at) = self.place(position, key) {
                self.columns[at].1.observe(value, 1, &mut self.growth);
            }
        }
    }

    /// Where the column of a root key is; records tend to repeat the order of the one before.
    fn place(&mut self, expected: usize, key: &str) -> Option<usize> {
        if self.columns.get(expected).is_some_and(|(name, _)| name == key) {
            return Some(expected);
        }
        if let Some(&at) = self.places.get(key) {
            return Some(at);
        }
        if self.columns.len() >= MAX_LEAVES || key.len() > names::MAX_LENGTH {
            return None;
        }
        self.places.insert(key.to_owned(), self.columns.len());
        self.columns.push((key.to_owned(), Shape::default()));
        Some(self.columns.len() - 1)
    }

    /// Ends the observation.
    pub fn finish(mut self) -> Inferred {
        prune::to_leaves(&mut self.columns, MAX_LEAVES);
        let fields = columns::fields(&self.columns);
        let taken: Vec<_> = fields.iter().map(|field| names::folded(&field.name)).collect();
        let is_taken = |name: &str| taken.iter().any(|column| column == name);
        let partition_column =
            if is_taken("date") { names::fresh("load_date", is_taken) } else { "date".to_owned() };
        Inferred {
            definition: definition::render_fields(&fields, &[]),
            partition_column,
            records: self.records,
            non_objects: self.non_objects,
        }
    }
}

/// What has been seen so far of records that are rows of text cells, under names that are known beforehand.
#[derive(Debug)]
pub struct CellInference {
    columns: Vec<(String, Cells)>,
    records: u64,
}

/// One cell of a record.
#[derive(Debug, Clone, Copy)]
pub struct TextCell<'a> {
    pub text: &'a str,
    /// It stood in quotes.
    pub quoted: bool,
}

impl CellInference {
    pub fn new(names: impl Iterator<Item = String>) -> CellInference {
        CellInference { columns: names.map(|name| (name, Cells::default())).collect(), records: 0 }
    }

    /// Takes one record in: a cell for each name, `None` where there is no value.
    pub fn observe<'a>(&mut self, cells: impl Iterator<Item = Option<TextCell<'a>>>) {
        self.records += 1;
        for ((_, column), cell) in self.columns.iter_mut().zip(cells) {
            if let Some(TextCell { text, quoted }) = cell {
                column.observe(text, quoted);
            }
        }
    }

    /// Ends the observation. Columns without any value are left out when `may_leave_out` says so of their name.
    ///
    /// Columns past the limit, and those whose names are too long, are left to `_rescued`, which loses nothing.
    pub fn finish(self, may_leave_out: impl Fn(&str) -> bool) -> Inferred {
        let quotes_mean_text = self.columns.iter().any(|(_, cells)| cells.plain_numbers);
        let kept = self.columns.into_iter().filter(|(name, cells)| {
            name.len() <= names::MAX_LENGTH && !(cells.is_unseen() && may_leave_out(name))
        });
        let columns = kept.map(|(name, cells)| (name, cells.into_shape(quotes_mean_text))).take(MAX_LEAVES);
        Inference { columns: columns.collect(), records: self.records, ..Inference::default() }.finish()
    }
}

#[cfg(test)]
mod tests;
