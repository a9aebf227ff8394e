//! What the objects of one place have in common: a set of keys, or free keys over values of one type.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::MAX_KEYS;
use super::shape::{Growth, Shape};
use crate::decode::value::Value;

type Members<'a> = [(Cow<'a, str>, Value<'a>)];

#[derive(Debug, Clone)]
pub(super) enum Object {
    Keys(Keys),
    /// More keys than a struct has columns; the shape of all their values.
    Map(Box<Shape>),
}

/// Members by key, in the order in which they first came.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    pub(super) members: Vec<(String, Shape)>,
    places: HashMap<String, usize>,
}

impl Default for Object {
    fn default() -> Self {
        Object::Keys(Keys::default())
    }
}

impl Object {
    /// False when no type but json can hold the objects of this place.
    pub(super) fn observe(&mut self, members: &Members<'_>, depth: usize, growth: &mut Growth) -> bool {
        let mut seen = KeysOfOne::new(members.len());
        for (position, (key, value)) in members.iter().enumerate() {
            // Of two equal keys a struct or a map keeps one.
            if !seen.is_first(key, &members[..position])
                || !self.observe_member(position, key, value, depth, growth)
            {
                return false;
            }
        }
        true
    }

    fn observe_member(
        &mut self,
        position: usize,
        key: &str,
        value: &Value<'_>,
        depth: usize,
        growth: &mut Growth,
    ) -> bool {
        if let Object::Keys(keys) = self {
            match keys.place(position, key, growth) {
                Place::At(at) => {
                    keys.members[at].1.observe(value, depth + 1, growth);
                    return true;
                }
                Place::NoRoom => return false,
                Place::TooMany => self.become_map(),
            }
        }
        let Object::Map(values) = self else {
            return false;
        };
        if values.is_single() {
            values.observe(value, depth + 1, growth);
        }
        values.is_single()
    }

    /// Takes over what was seen of the same place elsewhere; false when no type but json can hold both.
    pub(super) fn merge(&mut self, other: Object, growth: &mut Growth) -> bool {
        let others = match other {
            Object::Keys(keys) => keys.members,
            Object::Map(values) => {
                self.become_map();
                return self.merge_value(*values);
            }
        };
        others.into_iter().all(|(key, shape)| {
            if let Object::Keys(keys) = self {
                match keys.place(usize::MAX, &key, growth) {
                    Place::At(at) => {
                        keys.members[at].1.merge(shape, growth);
                        return true;
                    }
                    Place::NoRoom => return false,
                    Place::TooMany => self.become_map(),
                }
            }
            self.merge_value(shape)
        })
    }

    fn become_map(&mut self) {
        let Object::Keys(keys) = self else { return };
        let mut values = Shape::Unseen;
        std::mem::take(&mut keys.members).into_iter().for_each(|(_, shape)| values.merge_single(shape));
        *self = Object::Map(Box::new(values));
    }

    fn merge_value(&mut self, shape: Shape) -> bool {
        let Object::Map(values) = self else { return false };
        values.merge_single(shape);
        values.is_single()
    }
}

enum Place {
    At(usize),
    /// The object has as many keys as a struct may have.
    TooMany,
    /// All shapes together have grown as far as they may.
    NoRoom,
}

impl Keys {
    /// Members that are known beforehand, and all that there will be.
    pub(super) fn of(members: Vec<(String, Shape)>) -> Keys {
        Keys { members, places: HashMap::new() }
    }

    fn place(&mut self, expected: usize, key: &str, growth: &mut Growth) -> Place {
        if self.members.get(expected).is_some_and(|(name, _)| name == key) {
            return Place::At(expected);
        }
        if let Some(&at) = self.places.get(key) {
            return Place::At(at);
        }
        if self.members.len() >= MAX_KEYS {
            return Place::TooMany;
        }
        if !growth.admits(key) {
            return Place::NoRoom;
        }
        self.places.insert(key.to_owned(), self.members.len());
        self.members.push((key.to_owned(), Shape::Unseen));
        Place::At(self.members.len() - 1)
    }
}

/// Finds keys that occur twice in one object.
pub(super) struct KeysOfOne<'m> {
    /// Only for objects where looking back at every key would take long.
    seen: Option<HashSet<&'m str>>,
}

impl<'m> KeysOfOne<'m> {
    pub(super) fn new(members: usize) -> Self {
        KeysOfOne { seen: (members > 16).then(|| HashSet::with_capacity(members)) }
    }

    pub(super) fn is_first(&mut self, key: &'m str, before: &Members<'_>) -> bool {
        match &mut self.seen {
            Some(seen) => seen.insert(key),
            None => before.iter().all(|(other, _)| other != key),
        }
    }
}
