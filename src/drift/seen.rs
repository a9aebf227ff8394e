//! What the records of a file show while they are decoded: unknown fields, values of other types, fields without any
//! value. Costs nothing where there is nothing of the kind.

use std::collections::HashMap;

use arrow::array::Array;

use crate::decode::newcomers::{Newcomers, shortened};
use crate::decode::value::{Node, Value};
use crate::decode::{Chunk, Reject, json};
use crate::schema::field::TableSchema;
use crate::schema::infer::Glimpse;
use crate::schema::place::Place;

/// Fields with values of another type that are told apart.
const MOST: usize = 500;
const EXAMPLES: usize = 3;

/// What was seen in one file, or in several.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Fields that the schema does not have.
    pub newcomers: Newcomers,
    /// Fields whose values were refused for their type or their absence.
    pub misfits: HashMap<(Place, Misfit), Refused>,
    /// For each column of the schema, the accepted records that have a value in it.
    pub present: Vec<u64>,
    pub rows: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Misfit {
    /// The value is of another type.
    Type,
    /// There is no value, and there must be one.
    Absence,
}

/// Values that were refused at one place.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    pub records: u64,
    pub examples: Vec<String>,
    pub glimpse: Glimpse,
}

impl Seen {
    /// Takes in a chunk as it was decoded.
    pub fn add(&mut self, chunk: &mut Chunk, schema: &TableSchema) {
        self.newcomers.merge(std::mem::take(&mut chunk.newcomers));
        for reject in &chunk.rejects {
            self.add_reject(reject, schema);
        }
        self.rows += chunk.batch.num_rows() as u64;
        self.present.resize(schema.fields.len(), 0);
        for (present, column) in self.present.iter_mut().zip(chunk.batch.columns()) {
            *present += (column.len() - column.null_count()) as u64;
        }
    }

    fn add_reject(&mut self, reject: &Reject, schema: &TableSchema) {
        let misfit = match reject.rule.as_str() {
            "record.type" | "record.range" | "record.precision" => Misfit::Type,
            "record.required" => Misfit::Absence,
            "record.unknown_field" => return self.add_unknown(reject, schema),
            _ => return,
        };
        let place = Place::of_pointer(&reject.pointer, &schema.fields);
        // The record as a whole: it is no object, which no schema can follow.
        if place.steps().is_empty()
            || (self.misfits.len() >= MOST && !self.misfits.contains_key(&(place.clone(), misfit)))
        {
            return;
        }
        let refused = self.misfits.entry((place, misfit)).or_default();
        refused.records += 1;
        let Some(text) = &reject.value else { return };
        with_value(text, |value| refused.glimpse.observe(value));
        let example = shortened(text);
        if refused.examples.len() < EXAMPLES && !refused.examples.contains(&example) {
            refused.examples.push(example);
        }
    }

    fn add_unknown(&mut self, reject: &Reject, schema: &TableSchema) {
        let place = Place::of_pointer(&reject.pointer, &schema.fields);
        let text = reject.value.as_deref().unwrap_or("null");
        with_value(text, |value| self.newcomers.observe(&place, value, text, reject.record_number, false));
    }
}

/// The value of a reject, which may have been cut: then what is left of it counts as a text.
fn with_value(text: &str, mut take: impl FnMut(&Value<'_>)) {
    match json::parse(text.as_bytes()) {
        Ok(value) => take(&value),
        Err(_) => take(&Value { node: Node::String(text.into()), start: 0, end: text.len() }),
    }
}
