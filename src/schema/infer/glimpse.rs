//! What was seen of one field that no schema has yet.

use super::cells::Cells;
use super::columns;
use super::shape::{Growth, Shape};
use crate::decode::value::Value;
use crate::schema::field::Kind;

/// The values of one place, as far as its type depends on them. Memory is bounded as that of all inference.
#[derive(Debug, Clone, Default)]
pub struct Glimpse {
    shape: Shape,
    growth: Growth,
    /// Values that are cells of text, which say nothing about their types.
    cells: Option<Cells>,
}

impl Glimpse {
    pub fn observe(&mut self, value: &Value<'_>) {
        self.shape.observe(value, 1, &mut self.growth);
    }

    /// Takes in a value that is written as a cell of text.
    pub fn observe_cell(&mut self, text: &str) {
        self.cells.get_or_insert_default().observe(text, false);
    }

    /// Takes over what was seen of the same field elsewhere.
    pub fn merge(&mut self, other: Glimpse) {
        let Glimpse { shape, growth: _, cells } = other;
        self.shape.merge(shape, &mut self.growth);
        match (&mut self.cells, cells) {
            (Some(own), Some(others)) => own.merge(others),
            (own @ None, others) => *own = others,
            (Some(_), None) => {}
        }
    }

    /// The type that holds every value exactly; `None` when there was none that says anything: nulls, empty lists.
    pub fn kind(&self) -> Option<Kind> {
        let mut shape = self.shape.clone();
        if let Some(cells) = &self.cells {
            shape.merge(cells.clone().into_shape(false), &mut Growth::default());
        }
        (!shape.is_empty()).then(|| columns::kind(&shape))
    }
}

impl Glimpse {
    /// For numbers alone: the most digits before and after the point.
    pub fn digits(&self) -> Option<(u64, u64)> {
        match (&self.shape, &self.cells) {
            (Shape::Numbers(numbers), None) => Some(numbers.digits()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json;
    use crate::schema::definition;
    use crate::schema::field::Field;

    fn glimpse(texts: &[&str]) -> Glimpse {
        let mut seen = Glimpse::default();
        for text in texts {
            seen.observe(&json::parse(text.as_bytes()).expect("JSON"));
        }
        seen
    }

    fn told(seen: &Glimpse) -> String {
        let Some(kind) = seen.kind() else { return "nothing".into() };
        let text = definition::render_fields(&[Field::plain("x", kind)], &[]);
        let defined: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        defined["fields"][0].to_string().replace("\"name\":\"x\",", "")
    }

    #[test]
    fn what_is_seen_in_parts_is_what_is_seen_at_once() {
        for (first, second) in [
            (&["1"][..], &["2.5"][..]),
            (&["1"], &["\"x\""]),
            (&["null", "[]"], &["[1]", "[null]"]),
            (&[r#"{"a":1}"#], &[r#"{"b":{"c":"2024-01-01"}}"#, r#"{"a":2.5}"#]),
            (&[r#"{"a":[{"x":1}]}"#], &[r#"{"a":[{"y":true}]}"#]),
            (&["{}"], &["null"]),
        ] {
            let mut parts = glimpse(first);
            parts.merge(glimpse(second));
            assert_eq!(told(&parts), told(&glimpse(&[first, second].concat())), "{first:?} {second:?}");
        }
    }

    #[test]
    fn values_without_content_say_nothing() {
        assert_eq!(told(&glimpse(&["null", "[]", "[null]"])), "nothing");
        assert_eq!(told(&glimpse(&["{}"])), "nothing");
    }

    #[test]
    fn cells_are_read_for_what_they_say() {
        let mut cells = Glimpse::default();
        cells.observe_cell("7");
        let mut more = Glimpse::default();
        more.observe_cell("8");
        cells.merge(more.clone());
        assert_eq!(cells.kind().map(|kind| kind.name()), Some("long".into()));
        more.observe_cell("x");
        cells.merge(more);
        assert_eq!(cells.kind().map(|kind| kind.name()), Some("string".into()));
    }
}
