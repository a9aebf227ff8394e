//! Keeps an inferred schema readable: objects with very many leaves become json.

use super::object::Object;
use super::shape::Shape;

/// Turns nested objects into json, the most numerous first and of equals the deepest, until all columns
/// together have at most `limit` leaves. Columns themselves stay.
pub(super) fn to_leaves(columns: &mut [(String, Shape)], limit: usize) {
    let mut leaves: usize = columns.iter().map(|(_, shape)| shape.leaves()).sum();
    while leaves > limit {
        let Some(largest) = columns.iter().filter_map(|(_, shape)| shape.largest(0)).max() else {
            return;
        };
        let gain = largest.leaves - 1;
        let needed = (leaves - limit).div_ceil(gain);
        let mut left = needed;
        columns.iter_mut().for_each(|(_, shape)| shape.open(&largest, 0, &mut left));
        leaves -= gain * (needed - left);
    }
}

/// An object, by what is gained when it becomes json.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    leaves: usize,
    depth: usize,
}

impl Shape {
    fn leaves(&self) -> usize {
        match self {
            Shape::List(item) => item.leaves(),
            Shape::Object(Object::Keys(keys)) => {
                keys.members.iter().map(|(_, shape)| shape.leaves()).sum::<usize>().max(1)
            }
            _ => 1,
        }
    }

    /// The object, here or below, from which most is gained; inner objects come before those around them.
    fn largest(&self, depth: usize) -> Option<Candidate> {
        match self {
            Shape::List(item) => item.largest(depth + 1),
            Shape::Object(Object::Keys(keys)) => {
                let below = keys.members.iter().filter_map(|(_, shape)| shape.largest(depth + 1)).max();
                below
                    .or_else(|| Some(Candidate { leaves: self.leaves(), depth }).filter(|own| own.leaves > 1))
            }
            _ => None,
        }
    }

    /// Opens as many of the objects that match as are `left` to open.
    fn open(&mut self, wanted: &Candidate, depth: usize, left: &mut usize) {
        if *left == 0 {
            return;
        }
        let is_wanted = depth == wanted.depth && self.is_innermost() && self.leaves() == wanted.leaves;
        match self {
            Shape::List(item) => item.open(wanted, depth + 1, left),
            Shape::Object(_) if is_wanted => {
                *self = Shape::Open;
                *left -= 1;
            }
            Shape::Object(Object::Keys(keys)) => {
                keys.members.iter_mut().for_each(|(_, shape)| shape.open(wanted, depth + 1, left));
            }
            _ => {}
        }
    }

    /// True for an object inside which nothing is to be gained.
    fn is_innermost(&self) -> bool {
        match self {
            Shape::Object(Object::Keys(keys)) => {
                keys.members.iter().all(|(_, shape)| shape.largest(0).is_none())
            }
            _ => false,
        }
    }
}
