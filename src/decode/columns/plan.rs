//! A schema, prepared for reading records: which key belongs to which field, and what stands in for a missing one.

use std::collections::HashMap;

use super::cell::Cell;
use super::check::Check;
use crate::decode::json;
use crate::decode::problem::Path;
use crate::schema::field::{Field, Kind};
use crate::schema::processing_config::{OnUnknownField, Zone};
use crate::schema::rules::Swift;

/// The fields of a record or of a nested object.
#[derive(Debug)]
pub(in crate::decode) struct Members {
    pub slots: Vec<Slot>,
    /// Names and aliases: the names in the order of the slots first.
    pub texts: Vec<Key>,
    /// Names and aliases → positions in `texts`.
    keys: HashMap<String, usize>,
}

/// One key under which a record may carry a field.
#[derive(Debug)]
pub(in crate::decode) struct Key {
    pub slot: usize,
    /// `"key":` as a record has it; empty when the key needs escapes.
    written: Box<[u8]>,
    /// The first bytes of it as one number, and which of its bits count.
    head: u128,
    mask: u128,
}

/// One field.
#[derive(Debug)]
pub(in crate::decode) struct Slot {
    pub field: Field,
    pub default: Option<Cell<'static>>,
    /// What [`Cell::weight`] says of the default.
    pub default_weight: usize,
    pub inner: Inner,
    /// The constraints, for the direct road.
    pub swift: Swift,
}

/// What a value of the field holds.
#[derive(Debug)]
pub(in crate::decode) enum Inner {
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
    pub fn compile(fields: &[Field], zone: Zone) -> Result<Members, UnusableDefault> {
        let slots = fields.iter().map(|field| Slot::compile(field, zone)).collect::<Result<Vec<_>, _>>()?;
        let (mut texts, mut keys) = (Vec::new(), HashMap::new());
        // Names go first: a key that is one field's name and another's alias belongs to the name.
        let names = fields.iter().enumerate().map(|(slot, field)| (slot, &field.name));
        let aliases = fields.iter().enumerate();
        let aliases = aliases.flat_map(|(slot, field)| field.aliases.iter().map(move |alias| (slot, alias)));
        for (slot, key) in names.chain(aliases) {
            keys.entry(key.clone()).or_insert(texts.len());
            texts.push(Key::new(slot, key));
        }
        Ok(Members { slots, texts, keys })
    }

    /// The position of the field to which a key belongs.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.key(key).map(|key| self.texts[key].slot)
    }

    /// The position of a key in `texts`.
    pub fn key(&self, key: &str) -> Option<usize> {
        self.keys.get(key).copied()
    }
}

impl Key {
    fn new(slot: usize, key: &str) -> Key {
        let needs_escapes = key.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        let written = if needs_escapes { String::new() } else { format!("\"{key}\":") };
        let head = written.bytes().take(16).rev().fold(0, |head, byte| head << 8 | u128::from(byte));
        let mask = written.bytes().take(16).fold(0, |mask, _| mask << 8 | 0xff);
        Key { slot, written: written.into_bytes().into(), head, mask }
    }

    /// The bytes that the key and its colon take at the start of `text`, when they are there without white space.
    #[inline]
    pub fn leads(&self, text: &[u8]) -> Option<usize> {
        let length = self.written.len();
        let leads = match text.first_chunk::<16>() {
            Some(first) => {
                u128::from_le_bytes(*first) & self.mask == self.head
                    && (length <= 16 || text.get(16..length) == Some(&self.written[16..]))
            }
            None => text.starts_with(&self.written),
        };
        (leads && length > 0).then_some(length)
    }
}

impl Slot {
    fn compile(field: &Field, zone: Zone) -> Result<Slot, UnusableDefault> {
        let inner = match &field.kind {
            Kind::Struct(fields) => Inner::Struct(Members::compile(fields, zone)?),
            Kind::List(item) => Inner::List(Box::new(Slot::compile(item, zone)?)),
            Kind::Map(value) => Inner::Map(Box::new(Slot::compile(value, zone)?)),
            _ => Inner::Nothing,
        };
        let swift = field.rules.swift(&field.kind, zone == Zone::UTC);
        let mut slot = Slot { field: field.clone(), default: None, default_weight: 0, inner, swift };
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
