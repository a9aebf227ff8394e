//! Where a text of lines, or an array, can be cut.

use std::sync::Arc;

use memchr::memmem::FinderRev;
use memchr::memrchr;

use super::elements::Elements;
use super::window::Window;
use super::{Cutter, Framing};
use crate::decode::chunk::Chunks;
use crate::decode::decoder::Decoder;
use crate::decode::error::DecodeError;
use crate::decode::json;
use crate::decode::plan::DecodePlan;
use crate::decode::reading::Reading;
use crate::decode::records::{Records, Tail};
use crate::decode::segments::{Layout, Rest, SegmentDecoder, Text};
use crate::decode::value::Node;

/// Places that look like the start of an element and are looked at more closely, before the text counts as one that
/// cannot be cut.
const MOST_CANDIDATES: usize = 256;

/// A text whose records stand on lines or in an array.
pub(super) struct JsonLayout {
    plan: Arc<DecodePlan>,
    tail: Tail,
    shape: Shape,
}

enum Shape {
    Lines,
    Array { elements: Elements, start: ElementStart },
}

/// How an element of the array begins, as far as its first one tells.
struct ElementStart {
    first: FinderRev<'static>,
    length: usize,
    /// The key behind it, when the first value is a simple one.
    second: Option<Vec<u8>>,
}

impl JsonLayout {
    pub fn of(framing: &Framing, plan: &Arc<DecodePlan>, tail: Tail) -> Option<JsonLayout> {
        let shape = match &framing.shape {
            Cutter::Sequence | Cutter::Braceless => return None,
            Cutter::Lines => Shape::Lines,
            Cutter::Elements(elements) => {
                let elements = elements.part(true, true);
                let start = ElementStart::of(framing, &elements)?;
                Shape::Array { elements, start }
            }
        };
        Some(JsonLayout { plan: Arc::clone(plan), tail, shape })
    }

    fn framing(&self, window: Window, from_start: bool, to_end: bool, number: u64) -> Framing {
        let shape = match &self.shape {
            Shape::Lines => Cutter::Lines,
            Shape::Array { elements, .. } => Cutter::Elements(elements.part(from_start, to_end)),
        };
        Framing {
            window,
            shape,
            known: Some(self.plan.known()),
            limit: self.plan.options().max_record_bytes,
            number,
            start_of_large: Vec::new(),
            whole: false,
        }
    }
}

impl Layout for JsonLayout {
    fn cut(&self, text: &[u8]) -> Option<usize> {
        match &self.shape {
            Shape::Lines => memrchr(b'\n', text).map(|end| end + 1),
            Shape::Array { start, .. } => start.last_in(text),
        }
    }

    fn decoder(&self, text: Text) -> Result<Box<dyn SegmentDecoder>, Text> {
        let Ok(columns) = self.plan.columns() else {
            return Err(text);
        };
        let Text { bytes, offset, first, last } = text;
        let window = Window::over(bytes, offset, self.plan.options().grammar);
        let framing = self.framing(if last { window } else { window.cut() }, first, last, 0);
        // Only the end of the last segment is the end of the file.
        let tail = if last { self.tail } else { Tail::Final };
        let records = Records::framed(framing, tail);
        Ok(Box::new(Decoder::new(Arc::clone(&self.plan), Reading::Json(Box::new(records)), columns)))
    }

    fn resume(&self, rest: Rest) -> Result<Box<dyn Chunks>, DecodeError> {
        let Rest { source, place, records, first } = rest;
        let window = Window::at(source, place, self.plan.options().grammar);
        let framing = self.framing(window, first, true, records);
        Ok(Box::new(self.plan.decoder(Reading::Json(Box::new(Records::framed(framing, self.tail))))?))
    }
}

impl ElementStart {
    /// From the first element at hand.
    fn of(framing: &Framing, elements: &Elements) -> Option<ElementStart> {
        let at_hand = framing.window.bytes().to_vec();
        let mut trial = Framing {
            window: Window::over(at_hand, framing.window.offset(), framing.grammar()),
            shape: Cutter::Elements(elements.part(true, true)),
            known: framing.known.clone(),
            limit: framing.limit,
            number: 0,
            start_of_large: Vec::new(),
            whole: false,
        };
        let frame = trial.next().ok()??;
        let text = json::utf8(trial.bytes(&frame)).ok()?;
        let Node::Object(members) = json::parse_by(framing.grammar(), text).ok()?.node else {
            return None;
        };
        let written = |key: &str| serde_json::Value::from(key).to_string().into_bytes();
        let (key, value) = members.first()?;
        let is_simple = !matches!(value.node, Node::Object(_) | Node::Array(_));
        let first = written(key);
        let second = members.get(1).filter(|_| is_simple).map(|(key, _)| written(key));
        Some(ElementStart { length: first.len(), first: FinderRev::new(&first).into_owned(), second })
    }

    /// The start of the last element in `text` that has one before it.
    fn last_in(&self, text: &[u8]) -> Option<usize> {
        let mut end = text.len();
        for _ in 0..MOST_CANDIDATES {
            let key = self.first.rfind(&text[..end])?;
            if let Some(start) = opening_before(text, key)
                && self.goes_on(&text[key + self.length..])
            {
                return Some(start);
            }
            end = key;
        }
        None
    }

    /// True when the first value and the second key follow.
    fn goes_on(&self, text: &[u8]) -> bool {
        let Some(second) = &self.second else { return true };
        let value = text.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        let behind = match value {
            Some([b'"', string @ ..]) => string_end(string).map(|end| &string[end..]),
            Some(bare) => {
                bare.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).map(|end| &bare[end..])
            }
            None => None,
        };
        let next = behind.and_then(|behind| behind.trim_ascii_start().strip_prefix(b","));
        next.is_some_and(|next| next.trim_ascii_start().starts_with(second))
    }
}

/// The place of `{` when `} , {` stands before `key`, whatever the white space.
fn opening_before(text: &[u8], key: usize) -> Option<usize> {
    let before = text[..key].trim_ascii_end();
    let start = before.len().checked_sub(1).filter(|_| before.ends_with(b"{"))?;
    let before = text[..start].trim_ascii_end().strip_suffix(b",")?;
    before.trim_ascii_end().ends_with(b"}").then_some(start)
}

/// Behind the quote that ends a string.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &text[at..])?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
        if at > text.len() {
            return None;
        }
    }
}
