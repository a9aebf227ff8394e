//! What the values of one place have in common.

use super::numbers::Numbers;
use super::object::Object;
use super::texts::Texts;
use super::{MAX_DEPTH, MAX_NODES};
use crate::decode::value::{Node, Value};
use crate::schema::field::Kind;

/// The kinds of values seen at one place. Nulls leave no trace: every inferred field may be null.
#[derive(Debug, Clone, Default)]
pub(super) enum Shape {
    /// Nothing but null so far.
    #[default]
    Unseen,
    Booleans,
    Numbers(Numbers),
    Texts(Texts),
    List(Box<Shape>),
    Object(Object),
    /// The file itself says which type its values have.
    Stated(Kind),
    /// Only json keeps what was seen here, and nothing that follows can change that.
    Open,
}

/// How much has been learnt, over all shapes.
#[derive(Debug, Clone, Default)]
pub(super) struct Growth {
    pub(super) nodes: usize,
}

impl Growth {
    /// Asks for room for one more node; long keys need more of it.
    pub(super) fn admits(&mut self, key: &str) -> bool {
        let nodes = self.nodes + 1 + key.len() / 64;
        let admitted = nodes <= MAX_NODES;
        if admitted {
            self.nodes = nodes;
        }
        admitted
    }
}

impl Shape {
    /// `depth` counts the types around the value: 1 for the value of a root key.
    pub(super) fn observe(&mut self, value: &Value<'_>, depth: usize, growth: &mut Growth) {
        match (&mut *self, &value.node) {
            (Shape::Open, _) | (_, Node::Null) | (Shape::Booleans, Node::Bool(_)) => {}
            (Shape::Numbers(numbers), Node::Number(literal)) => numbers.merge(&Numbers::of(literal)),
            (Shape::Numbers(numbers), Node::NonFinite(_)) => numbers.merge(&Numbers::non_finite()),
            (Shape::Texts(texts), Node::String(text)) => {
                if !texts.is_settled() {
                    texts.merge(&Texts::of(text));
                }
            }
            (Shape::List(item), Node::Array(items)) => {
                items.iter().for_each(|value| item.observe(value, depth + 1, growth));
            }
            (Shape::Object(object), Node::Object(members)) => {
                if !object.observe(members, depth, growth) {
                    *self = Shape::Open;
                }
            }
            (Shape::Unseen, _) => *self = Shape::first(value, depth, growth),
            _ => *self = Shape::Open,
        }
    }

    fn first(value: &Value<'_>, depth: usize, growth: &mut Growth) -> Shape {
        let mut shape = match &value.node {
            Node::Null => return Shape::Unseen,
            Node::Bool(_) => return Shape::Booleans,
            Node::Number(literal) => return Shape::Numbers(Numbers::of(literal)),
            Node::NonFinite(_) => return Shape::Numbers(Numbers::non_finite()),
            Node::String(text) => return Shape::Texts(Texts::of(text)),
            Node::Array(_) | Node::Object(_) if depth >= MAX_DEPTH => return Shape::Open,
            Node::Array(_) if !growth.admits("") => return Shape::Open,
            Node::Array(_) => Shape::List(Box::default()),
            Node::Object(_) => Shape::Object(Object::default()),
        };
        shape.observe(value, depth, growth);
        shape
    }

    /// Takes over what was seen of the same place elsewhere, as if it had been observed here.
    pub(super) fn merge(&mut self, other: Shape, growth: &mut Growth) {
        match (&mut *self, other) {
            (Shape::Open, _) | (_, Shape::Unseen) | (Shape::Booleans, Shape::Booleans) => {}
            (Shape::Numbers(numbers), Shape::Numbers(others)) => numbers.merge(&others),
            (Shape::Texts(texts), Shape::Texts(others)) => texts.merge(&others),
            (Shape::List(item), Shape::List(other)) => item.merge(*other, growth),
            (Shape::Object(object), Shape::Object(other)) => {
                if !object.merge(other, growth) {
                    *self = Shape::Open;
                }
            }
            (Shape::Unseen, other) => *self = other,
            _ => *self = Shape::Open,
        }
    }

    /// True when no value says anything about a type: nulls, empty lists and empty objects.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Shape::Unseen => true,
            Shape::List(item) => item.is_empty(),
            Shape::Object(Object::Keys(keys)) => keys.members.is_empty(),
            _ => false,
        }
    }

    /// Takes over what another place has seen; only single values can be merged, all else is left open.
    pub(super) fn merge_single(&mut self, other: Shape) {
        match (&mut *self, other) {
            (Shape::Open, _) | (_, Shape::Unseen) | (Shape::Booleans, Shape::Booleans) => {}
            (Shape::Numbers(numbers), Shape::Numbers(others)) => numbers.merge(&others),
            (Shape::Texts(texts), Shape::Texts(others)) => texts.merge(&others),
            (Shape::Unseen, single) if single.is_single() => *self = single,
            _ => *self = Shape::Open,
        }
    }

    /// True for one scalar type, and for nothing seen yet.
    pub(super) fn is_single(&self) -> bool {
        matches!(self, Shape::Unseen | Shape::Booleans | Shape::Numbers(_) | Shape::Texts(_))
    }
}
