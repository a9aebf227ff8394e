//! One record against the plan: all of its values as cells, or the first that does not fit. Changes nothing.

use std::borrow::Cow;
use std::collections::HashSet;

use super::Appended;
use super::cell::Cell;
use super::plan::{Inner, Members, Slot};
use super::scalar;
use crate::decode::json::{Grammar, strict_text};
use crate::decode::problem::{Path, Problem, at_pointer, shown};
use crate::decode::value::{Node, Value};
use crate::schema::field::Kind;
use crate::schema::processing_config::{OnUnknownField, Zone};

/// A record may not grow beyond this in memory: members that it leaves out take room as well.
pub(super) const HEAVIEST: usize = 512 * 1024 * 1024;

type Checked<T> = Result<T, Box<Problem>>;
type Object<'a> = [(Cow<'a, str>, Value<'a>)];

/// The check of one record.
pub(super) struct Check<'a> {
    text: &'a str,
    on_unknown: OnUnknownField,
    zone: Zone,
    /// The grammar that it took to read the record.
    read_by: Grammar,
    unknown_fields: u64,
    weight: usize,
}

impl<'a> Check<'a> {
    pub fn new(text: &'a str, on_unknown: OnUnknownField, zone: Zone) -> Check<'a> {
        let read_by = Grammar::Strict;
        Check { text, on_unknown, zone, read_by, unknown_fields: 0, weight: text.len() }
    }

    /// As [`Check::new`], for a record that only this grammar could read.
    pub fn read_by(self, read_by: Grammar) -> Check<'a> {
        Check { read_by, ..self }
    }

    /// What the checked record brings along.
    pub fn appended(&self) -> Appended {
        Appended { unknown_fields: self.unknown_fields, bytes: self.weight }
    }

    /// A whole record, which must be an object.
    pub fn record(&mut self, plan: &'a Members, record: &'a Value<'a>) -> Checked<Vec<Cell<'a>>> {
        match &record.node {
            Node::Object(members) => self.object(plan, members, &Path::Root),
            _ => Err(self.wrong_type(record, "an object", &Path::Root)),
        }
    }

    fn object(
        &mut self,
        plan: &'a Members,
        members: &'a Object<'a>,
        path: &Path<'_>,
    ) -> Checked<Vec<Cell<'a>>> {
        self.spend(plan.slots.len() * size_of::<Cell<'_>>(), path)?;
        let mut cells: Vec<Option<Cell<'a>>> = vec![None; plan.slots.len()];
        let mut unknown = HashSet::new();
        for (key, value) in members {
            let here = Path::Member(path, key);
            match plan.position(key) {
                Some(at) if cells[at].is_some() => {
                    return Err(self.twice(&plan.slots[at], key, value, &here));
                }
                Some(at) => cells[at] = Some(self.value(&plan.slots[at], value, &here)?),
                None if !unknown.insert(key.as_ref()) => return Err(self.duplicate(value, &here)),
                None => self.unknown(value, &here)?,
            }
        }
        cells.into_iter().zip(&plan.slots).map(|(cell, slot)| self.or_missing(cell, slot, path)).collect()
    }

    fn or_missing(&mut self, cell: Option<Cell<'a>>, slot: &'a Slot, path: &Path<'_>) -> Checked<Cell<'a>> {
        match (cell, &slot.default) {
            (Some(cell), _) => Ok(cell),
            (None, Some(default)) => {
                self.spend(slot.default_weight, path)?;
                Ok(default.clone())
            }
            (None, None) if slot.field.nullable => Ok(Cell::Null),
            (None, None) => {
                let here = Path::Member(path, &slot.field.name);
                Err(Box::new(Problem::of_absence(&here, "record.required", "is missing; it is required")))
            }
        }
    }

    /// One value of a field, `null` included.
    pub fn value(&mut self, slot: &'a Slot, value: &'a Value<'a>, path: &Path<'_>) -> Checked<Cell<'a>> {
        if value.node == Node::Null {
            return if slot.field.nullable {
                Ok(Cell::Null)
            } else {
                Err(self.problem(value, "record.required", "is null; a value is required", path))
            };
        }
        let cell = match (&slot.inner, &value.node) {
            (Inner::Struct(plan), Node::Object(members)) => Cell::Struct(self.object(plan, members, path)?),
            (Inner::List(slot), Node::Array(items)) => self.list(slot, items, path)?,
            (Inner::Map(slot), Node::Object(members)) => self.map(slot, members, path)?,
            (Inner::Nothing, _)
                if self.read_by == Grammar::Lenient && matches!(slot.field.kind, Kind::Json) =>
            {
                self.strict_json(value, path)?
            }
            (Inner::Nothing, _) => scalar::cell(&slot.field.kind, value, self.text, self.zone)
                .map_err(|misfit| self.problem(value, misfit.rule, &misfit.found, path))?,
            (Inner::Struct(_) | Inner::Map(_), _) => return Err(self.wrong_type(value, "an object", path)),
            (Inner::List(_), _) => return Err(self.wrong_type(value, "an array", path)),
        };
        if slot.field.rules.is_empty() {
            return Ok(cell);
        }
        match slot.field.rules.check(&slot.field.kind, value) {
            Ok(()) => Ok(cell),
            Err(broken) => {
                let at = at_pointer(value, &broken.pointer);
                let problem =
                    Problem::of_violation(path, &broken.pointer, broken.rule, broken.message, at, self.text);
                Err(Box::new(problem))
            }
        }
    }

    /// A value of a lenient record as the text of a JSON column, which holds strict JSON.
    fn strict_json(&self, value: &Value<'_>, path: &Path<'_>) -> Checked<Cell<'a>> {
        if value.node.has_non_finite() {
            let found = "holds NaN or Infinity, which JSON cannot say; a double field could";
            return Err(self.problem(value, "record.type", found, path));
        }
        let text = strict_text(value, self.text, self.read_by);
        Ok(Cell::Text(text))
    }

    fn list(&mut self, slot: &'a Slot, items: &'a [Value<'a>], path: &Path<'_>) -> Checked<Cell<'a>> {
        self.spend(size_of_val(items), path)?;
        let items = items.iter().enumerate();
        Ok(Cell::List(
            items.map(|(at, item)| self.value(slot, item, &Path::Item(path, at))).collect::<Checked<_>>()?,
        ))
    }

    fn map(&mut self, slot: &'a Slot, members: &'a Object<'a>, path: &Path<'_>) -> Checked<Cell<'a>> {
        self.spend(size_of_val(members), path)?;
        let mut keys = HashSet::with_capacity(members.len());
        let mut entries = Vec::with_capacity(members.len());
        for (key, value) in members {
            let here = Path::MapKey(path, key);
            if !keys.insert(key.as_ref()) {
                return Err(self.duplicate(value, &here));
            }
            entries.push((Cow::Borrowed(key.as_ref()), self.value(slot, value, &here)?));
        }
        Ok(Cell::Map(entries))
    }

    fn unknown(&mut self, value: &Value<'_>, path: &Path<'_>) -> Checked<()> {
        if self.on_unknown == OnUnknownField::Reject {
            return Err(self.problem(value, "record.unknown_field", "is not in the schema", path));
        }
        self.unknown_fields += 1;
        Ok(())
    }

    fn twice(&self, slot: &Slot, key: &str, value: &Value<'_>, path: &Path<'_>) -> Box<Problem> {
        if key == slot.field.name || slot.field.aliases.is_empty() {
            return self.duplicate(value, path);
        }
        let found =
            format!("is a second value for {}, which the record has under another key, too", slot.field.name);
        self.problem(value, "record.duplicate_key", &found, path)
    }

    fn duplicate(&self, value: &Value<'_>, path: &Path<'_>) -> Box<Problem> {
        self.problem(
            value,
            "record.duplicate_key",
            "occurs more than once; which value counts is not clear",
            path,
        )
    }

    fn wrong_type(&self, value: &Value<'_>, expected: &str, path: &Path<'_>) -> Box<Problem> {
        let found = format!("is {}, expected {expected}", shown(value, self.text));
        self.problem(value, "record.type", &found, path)
    }

    fn problem(&self, value: &Value<'_>, rule: &str, found: &str, path: &Path<'_>) -> Box<Problem> {
        Box::new(Problem::of_value(path, rule, found, value, self.text))
    }

    fn spend(&mut self, bytes: usize, path: &Path<'_>) -> Checked<()> {
        self.weight = self.weight.saturating_add(bytes);
        if self.weight <= HEAVIEST {
            return Ok(());
        }
        let found = format!("makes the record take more than {HEAVIEST} bytes in memory");
        Err(Box::new(Problem::of_absence(path, "record.too_large", &found)))
    }
}
