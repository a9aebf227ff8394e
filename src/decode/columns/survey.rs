//! What unknown members there were, read off the texts under which they were kept.
//!
//! Both roads write those texts, so this sees the same whichever a record took, and costs nothing where there are none.

mod skim;

use arrow::array::{Array, StringArray};

use super::plan::{Inner, Members, Slot};
use super::{Plan, rescue};
use crate::decode::json::{self, Parsed};
use crate::decode::newcomers::Newcomers;
use crate::decode::value::{Node, Value};
use crate::schema::place::{Place, Step};
use crate::schema::processing_config::OnUnknownField;

/// Takes in the unknown members of some rows. With `cells` those of the root are cells of text; with `every` each value is
/// looked at, where otherwise some of each field have to do.
pub(super) fn observe(plan: &Members, rescued: &StringArray, cells: bool, every: bool, into: &mut Newcomers) {
    if rescued.null_count() == rescued.len() {
        return;
    }
    let mut known = Vec::new();
    for (row, text) in rescued.iter().enumerate() {
        let Some(text) = text else { continue };
        if !every && skim::fields(text, into, &mut known).is_some() {
            known.iter().for_each(|at| into.count(*at));
            continue;
        }
        // What was kept is made of parts that were read as JSON before.
        let Ok(value) = json::parse_text(text) else { continue };
        let mut survey = Survey { text, row: row as u64, cells, place: Place::root(), into };
        survey.object(plan, &value);
    }
}

/// Takes in the unknown members of a record that is refused for something else; `number` counts such records. No column
/// is made for a record that is not loaded.
pub(super) fn observe_refused(
    plan: &Plan,
    record: &Parsed<'_>,
    (number, cells): (u64, bool),
    into: &mut Newcomers,
) {
    if !matches!(plan.on_unknown, OnUnknownField::Rescue | OnUnknownField::Ignore) {
        return;
    }
    let Parsed { text, value, read_by } = record;
    let Some(text) = rescue::collect(&plan.members, value, text, *read_by) else { return };
    let Ok(value) = json::parse_text(&text) else { return };
    // Not the number of any row.
    let row = 1 << 63 | number;
    let mut survey = Survey { text: &text, row, cells, place: Place::root(), into };
    survey.object(&plan.members, &value);
}

/// How many unknown members some rows have.
pub(super) fn members(plan: &Members, rescued: &StringArray) -> u64 {
    fn count(plan: &Members, value: &Value<'_>) -> u64 {
        let Node::Object(members) = &value.node else { return 0 };
        let of_member = |key: &str, value: &Value<'_>| match plan.position(key) {
            None => 1,
            Some(at) => below(&plan.slots[at], value),
        };
        members.iter().map(|(key, value)| of_member(key, value)).sum()
    }
    fn below(slot: &Slot, value: &Value<'_>) -> u64 {
        match (&slot.inner, &value.node) {
            (Inner::Struct(plan), _) => count(plan, value),
            (Inner::List(element) | Inner::Map(element), Node::Object(elements)) => {
                elements.iter().map(|(_, value)| below(element, value)).sum()
            }
            (Inner::List(_) | Inner::Map(_) | Inner::Nothing, _) => 0,
        }
    }
    let texts = rescued.iter().flatten();
    texts.filter_map(|text| json::parse_text(text).ok()).map(|value| count(plan, &value)).sum()
}

struct Survey<'a> {
    text: &'a str,
    row: u64,
    cells: bool,
    place: Place,
    into: &'a mut Newcomers,
}

impl Survey<'_> {
    fn object(&mut self, plan: &Members, value: &Value<'_>) {
        let Node::Object(members) = &value.node else { return };
        let is_root = self.place.steps().is_empty();
        for (key, value) in members {
            match plan.position(key).map(|at| &plan.slots[at]) {
                None => {
                    self.place.push(Step::Member(key.as_ref().to_owned()));
                    let source = self.text.get(value.start..value.end).unwrap_or_default();
                    self.into.observe(&self.place, value, source, self.row, self.cells && is_root);
                }
                Some(slot) => {
                    self.place.push(Step::Member(slot.field.name.clone()));
                    self.below(slot, value);
                }
            }
            self.place.pop();
        }
    }

    /// Elements of lists and maps stand under their positions and keys.
    fn below(&mut self, slot: &Slot, value: &Value<'_>) {
        match &slot.inner {
            Inner::Struct(plan) => self.object(plan, value),
            Inner::List(element) | Inner::Map(element) => {
                let Node::Object(elements) = &value.node else { return };
                self.place.push(Step::Each);
                elements.iter().for_each(|(_, value)| self.below(element, value));
                self.place.pop();
            }
            Inner::Nothing => {}
        }
    }
}
