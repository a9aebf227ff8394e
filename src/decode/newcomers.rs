//! Fields that records have and their schema does not: where, how often, and what they look like.

use std::collections::HashMap;

use crate::decode::value::{Node, Value};
use crate::schema::infer::Glimpse;
use crate::schema::place::{Place, Step};

/// Fields that are told apart; members at further places are only counted.
pub const MOST: usize = 2000;
/// Values shown of one field, and characters of one.
const EXAMPLES: usize = 3;
/// Values of one field that are looked at in one chunk, where a sample will do.
const WELL_KNOWN: u64 = 256;
/// Fields among which one is looked for by its name.
const NEARBY: usize = 16;
const EXAMPLE: usize = 80;

/// The unknown fields of some records, in the order in which they first came.
#[derive(Debug, Clone, Default)]
pub struct Newcomers {
    fields: Vec<Newcomer>,
    places: HashMap<Place, usize>,
    /// Members past the limit of fields.
    pub others: u64,
    /// Where the last member was found: those of the next record tend to follow.
    last: usize,
}

/// One unknown field.
#[derive(Debug, Clone)]
pub struct Newcomer {
    pub place: Place,
    /// Records that have it.
    pub records: u64,
    /// A few of its values, as the records wrote them.
    pub examples: Vec<String>,
    pub glimpse: Glimpse,
    last_record: Option<u64>,
}

impl Newcomers {
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn fields(&self) -> &[Newcomer] {
        &self.fields
    }

    /// Takes in one value. `record` tells records apart; `text` is the source of the value. With `is_cell` the value is a
    /// cell of text, which may be anything.
    pub fn observe(&mut self, place: &Place, value: &Value<'_>, text: &str, record: u64, is_cell: bool) {
        let Some(at) = self.find(place) else {
            self.others += 1;
            return;
        };
        let field = &mut self.fields[at];
        if field.last_record != Some(record) {
            field.last_record = Some(record);
            field.records += 1;
        }
        match &value.node {
            Node::String(cell) if is_cell => field.glimpse.observe_cell(cell),
            _ => field.glimpse.observe(value),
        }
        if field.examples.len() < EXAMPLES {
            let example = shortened(text);
            if !field.examples.contains(&example) {
                field.examples.push(example);
            }
        }
    }

    /// The field of this name at the root, if so much was seen of it that one more value tells nothing new. `at` is
    /// where it is expected.
    pub(super) fn known_well(&self, name: &str, at: usize) -> Option<usize> {
        let is_it = |field: &Newcomer| {
            field.records >= WELL_KNOWN && matches!(field.place.steps(), [Step::Member(own)] if own == name)
        };
        match self.fields.get(at) {
            Some(field) if is_it(field) => Some(at),
            _ => self.fields.iter().take(NEARBY).position(is_it),
        }
    }

    /// One more record has the field.
    pub(super) fn count(&mut self, at: usize) {
        self.fields[at].records += 1;
    }

    fn find(&mut self, place: &Place) -> Option<usize> {
        for at in [self.last, self.last + 1, 0] {
            if self.fields.get(at).is_some_and(|field| field.place == *place) {
                self.last = at;
                return Some(at);
            }
        }
        let at = match self.places.get(place) {
            Some(&at) => at,
            None if self.fields.len() >= MOST => return None,
            None => {
                self.fields.push(Newcomer::at(place.clone()));
                self.places.insert(place.clone(), self.fields.len() - 1);
                self.fields.len() - 1
            }
        };
        self.last = at;
        Some(at)
    }

    /// Forgets the fields that are not wanted.
    pub fn retain(&mut self, wanted: impl Fn(&Place) -> bool) {
        self.fields.retain(|field| wanted(&field.place));
        self.places = self.fields.iter().enumerate().map(|(at, field)| (field.place.clone(), at)).collect();
        self.others = 0;
    }

    /// Takes over what was seen in other records.
    pub fn merge(&mut self, other: Newcomers) {
        self.others += other.others;
        for field in other.fields {
            let Some(at) = self.find(&field.place) else {
                self.others += field.records;
                continue;
            };
            let own = &mut self.fields[at];
            own.records += field.records;
            own.last_record = None;
            own.glimpse.merge(field.glimpse);
            for example in field.examples {
                if own.examples.len() < EXAMPLES && !own.examples.contains(&example) {
                    own.examples.push(example);
                }
            }
        }
    }
}

impl Newcomer {
    fn at(place: Place) -> Newcomer {
        Newcomer { place, records: 0, examples: Vec::new(), glimpse: Glimpse::default(), last_record: None }
    }
}

/// The beginning of a value's text.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXAMPLE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json;

    fn observe(seen: &mut Newcomers, key: &str, text: &str, record: u64) {
        let value = json::parse(text.as_bytes()).expect("JSON");
        seen.observe(&Place::root().member(key), &value, text, record, false);
    }

    #[test]
    fn each_field_is_counted_once_a_record_with_a_few_examples() {
        let mut seen = Newcomers::default();
        for (key, text, record) in
            [("a", "1", 1), ("b", "true", 1), ("a", "2", 2), ("a", "3", 2), ("a", "4", 3)]
        {
            observe(&mut seen, key, text, record);
        }
        let mut more = Newcomers::default();
        observe(&mut more, "a", "\"x\"", 1);
        seen.merge(more);
        let told: Vec<_> = seen
            .fields()
            .iter()
            .map(|field| (field.place.to_string(), field.records, field.examples.join(" ")))
            .collect();
        assert_eq!(told, [("/a".into(), 4, "1 2 3".into()), ("/b".into(), 1, "true".into())]);
        assert_eq!(seen.fields()[0].glimpse.kind().map(|kind| kind.name()), Some("json".into()));
    }

    #[test]
    fn a_hostile_number_of_fields_is_only_counted() {
        let mut seen = Newcomers::default();
        (0..MOST as u64 + 7).for_each(|key| observe(&mut seen, &format!("k{key}"), "1", key));
        assert_eq!((seen.fields().len(), seen.others), (MOST, 7));
    }
}
