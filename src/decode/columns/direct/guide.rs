//! Which key comes next: a record nearly always has its members in the order of the one before.

use std::collections::HashSet;

use super::super::plan::{Inner, Members, Slot};

/// What was learned of one object of the schema, and of the objects inside it.
#[derive(Debug, Default)]
pub(super) struct Guide {
    /// For each key, and before them for the start of the object: the key that followed last time.
    following: Vec<usize>,
    /// For each slot.
    pub inner: Vec<Guide>,
    /// Texts of this value that are known to have the right form.
    pub passed: HashSet<Box<str>>,
}

impl Guide {
    pub fn of(members: &Members) -> Guide {
        let keys = members.texts.len();
        Guide {
            // Until something was learned, the order of the schema.
            following: (0..=keys).map(|key| key.min(keys.saturating_sub(1))).collect(),
            inner: members.slots.iter().map(Guide::of_slot).collect(),
            passed: HashSet::new(),
        }
    }

    pub fn of_slot(slot: &Slot) -> Guide {
        match &slot.inner {
            Inner::Nothing => Guide::default(),
            Inner::Struct(members) => Guide::of(members),
            Inner::List(item) | Inner::Map(item) => {
                Guide { inner: vec![Guide::of_slot(item)], ..Guide::default() }
            }
        }
    }

    /// The key that probably follows `key`; `None` at the start.
    #[inline]
    pub fn after(&self, key: Option<usize>) -> usize {
        self.following[key.map_or(0, |key| key + 1)]
    }

    pub fn learn(&mut self, key: Option<usize>, next: usize) {
        self.following[key.map_or(0, |key| key + 1)] = next;
    }
}
