//! A schema, prepared for reading records: which key belongs to which field, and what stands in for a missing one.

use std::collections::HashMap;

use super::cell::Cell;
use super::check::Check;
use crate::decode::json;
use crate::decode::problem::Path;
use crate::schema::field::{Field, Kind};
use crate::schema::processing_config::{OnUnknownField, Zone};

/// The fields of a record or of a nested object.
#[derive(Debug)]
pub(super) struct Members {
    pub slots: Vec<Slot>,
    /// Names and aliases → positions in `slots`.
    keys: HashMap<String, usize>,
}

/// One field.
#[derive(Debug)]
pub(super) struct Slot {
    pub field: Field,
    pub default: Option<Cell<'static>>,
    /// What [`Cell::weight`] says of the default.
    pub default_weight: usize,
    pub inner: Inner,
}

/// What a value of the field holds.
#[derive(Debug)]
pub(super) enum Inner {
    Nothing,
    Struct(Members),
    List(Box<Slot>),
    Map(Box<Slot>),
}

/// A default that does not fit its own field.
#[derive(Debug, thiserror::Error)]
#[error("the default of {field} does not fit: {why}")]
pub struct UnusableDefault {
    field: String,
    why: String,
}

impl Members {
    pub fn compile(fields: &[Field]) -> Result<Members, UnusableDefault> {
        let slots = fields.iter().map(Slot::compile).collect::<Result<Vec<_>, _>>()?;
        let mut keys = HashMap::new();
        // Names go first: a key that is one field's name and another's alias belongs to the name.
        for (at, field) in fields.iter().enumerate() {
            keys.entry(field.name.clone()).or_insert(at);
        }
        for (at, field) in fields.iter().enumerate() {
            for alias in &field.aliases {
                keys.entry(alias.clone()).or_insert(at);
            }
        }
        Ok(Members { slots, keys })
    }

    /// The position of the field to which a key belongs.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.keys.get(key).copied()
    }
}

impl Slot {
    fn compile(field: &Field) -> Result<Slot, UnusableDefault> {
        let inner = match &field.kind {
            Kind::Struct(fields) => Inner::Struct(Members::compile(fields)?),
            Kind::List(item) => Inner::List(Box::new(Slot::compile(item)?)),
            Kind::Map(value) => Inner::Map(Box::new(Slot::compile(value)?)),
            _ => Inner::Nothing,
        };
        let mut slot = Slot { field: field.clone(), default: None, default_weight: 0, inner };
        if let Some(text) = &field.default {
            let default = slot.default_from(text)?;
            slot.default_weight = default.weight();
            slot.default = Some(default);
        }
        Ok(slot)
    }

    /// Defaults are texts of the schema, so naive times in them are UTC, and unknown members are mistakes.
    fn default_from(&self, text: &str) -> Result<Cell<'static>, UnusableDefault> {
        let unusable = |why: String| UnusableDefault { field: self.field.name.clone(), why };
        let value = json::parse(text.as_bytes()).map_err(|mistake| unusable(mistake.to_string()))?;
        let mut check = Check::new(text, OnUnknownField::Reject, Zone::UTC);
        match check.value(self, &value, &Path::Root) {
            Ok(cell) => Ok(cell.into_owned()),
            Err(problem) => Err(unusable(problem.message)),
        }
    }
}
