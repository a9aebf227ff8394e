//! The elements of one array: the root, or a member some levels down. The document around it is followed, never
//! held.

use super::advice;
use super::values;
use super::window::Window;
use super::{Cut, Ending, Known};
use crate::decode::error::DecodeError;
use crate::decode::json::lenient;

const NAME_THE_PATH: &str =
    "say in processing_config which array holds the records: {\"records_path\": \"/KEY\"}";

/// Where the array is, and what was met on the way.
#[derive(Debug)]
pub(super) struct Elements {
    /// Keys from the root to the array.
    path: Vec<String>,
    /// The array was found, not named: nothing else at the root may look like records.
    found: bool,
    /// The braces around the root are missing.
    bare: bool,
    step: Step,
    /// The text ends inside the array, behind a comma.
    open_end: bool,
    /// Members of the objects around the array.
    pub passed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    BeforeArray,
    FirstElement,
    NextElement,
    Done,
}

enum Coming {
    Element,
    /// The end of the array.
    Close,
    /// The end of the text, where it may end.
    End,
}

impl Elements {
    pub fn new(path: Vec<String>, found: bool, bare: bool) -> Elements {
        Elements { path, found, bare, step: Step::BeforeArray, open_end: false, passed: 0 }
    }

    /// The elements in a part of the document. `from_start`: with all that is before them; else the part begins with
    /// an element. `to_end`: with all that is behind them; else the part ends behind a comma.
    pub fn part(&self, from_start: bool, to_end: bool) -> Elements {
        let step = if from_start { Step::BeforeArray } else { Step::FirstElement };
        Elements { path: self.path.clone(), step, open_end: !to_end, passed: 0, ..*self }
    }

    /// The next element.
    pub fn next(
        &mut self,
        window: &mut Window,
        limit: usize,
        known: Option<&Known>,
    ) -> Result<Option<Cut>, DecodeError> {
        if self.step == Step::BeforeArray {
            self.enter(window, known)?;
            self.step = Step::FirstElement;
        }
        if self.step == Step::Done {
            return Ok(None);
        }
        match self.coming(window)? {
            Coming::Element => {}
            Coming::End => {
                self.step = Step::Done;
                return Ok(None);
            }
            Coming::Close => {
                self.step = Step::Done;
                self.leave(window, known)?;
                return Ok(None);
            }
        }
        self.step = Step::NextElement;
        let offset = window.offset();
        match window.bytes().first() {
            Some(b',' | b':' | b']' | b'}') | None => Err(values::expected(window, "a record")),
            Some(_) => {
                let extent = values::value(window, limit)?;
                Ok(Some(Cut { offset, extent, ending: Ending::Closed }))
            }
        }
    }

    /// Inside the array: true before its first element. `None` elsewhere.
    pub fn is_before_first(&self) -> Option<bool> {
        match self.step {
            Step::FirstElement => Some(true),
            Step::NextElement => Some(false),
            Step::BeforeArray | Step::Done => None,
        }
    }

    /// Somebody else has read elements.
    pub fn passed_element(&mut self) {
        self.step = Step::NextElement;
    }

    /// What comes after an element, or at the first.
    fn coming(&mut self, window: &mut Window) -> Result<Coming, DecodeError> {
        match (values::token(window)?, self.step) {
            (Some(b']'), _) if !self.open_end => {
                window.consume(1);
                Ok(Coming::Close)
            }
            (_, Step::FirstElement) => Ok(Coming::Element),
            (Some(b','), _) => {
                let comma = window.offset();
                window.consume(1);
                match values::token(window)? {
                    Some(b']') if window.is_lenient() && !self.open_end => {
                        window.consume(1);
                        Ok(Coming::Close)
                    }
                    Some(b']') => Err(window.error(
                        "json.syntax",
                        comma,
                        "a comma is followed by ']', not by another record",
                        advice::repair(!window.is_lenient()),
                    )),
                    None if self.open_end => Ok(Coming::End),
                    _ => Ok(Coming::Element),
                }
            }
            _ => Err(values::expected(window, "',' or ']' after a record")),
        }
    }

    /// From the start of the document into the array.
    fn enter(&mut self, window: &mut Window, known: Option<&Known>) -> Result<(), DecodeError> {
        for depth in 0..self.path.len() {
            if !self.is_bare(depth) {
                if values::token(window)? != Some(b'{') {
                    return Err(self.not_there(window, depth, "is not an object"));
                }
                window.consume(1);
            }
            self.find(window, depth, known)?;
        }
        match values::token(window)? {
            Some(b'[') => {
                window.consume(1);
                Ok(())
            }
            None => Err(values::expected(window, "the array of records")),
            Some(_) => Err(self.not_there(window, self.path.len(), "is not an array")),
        }
    }

    /// Passes over members up to the one on the path.
    fn find(&mut self, window: &mut Window, depth: usize, known: Option<&Known>) -> Result<(), DecodeError> {
        if self.ends(window, depth)? {
            return Err(self.not_there(window, depth, "has no such member"));
        }
        loop {
            let at = window.offset();
            let key = values::key(window)?;
            if key.as_deref() == Some(self.path[depth].as_str()) {
                return Ok(());
            }
            self.pass(window, depth, at, key.as_deref(), known)?;
            if self.ends(window, depth)? {
                return Err(self.not_there(window, depth, "has no such member"));
            }
            match values::token(window)? {
                Some(b',') => window.consume(1),
                _ => return Err(values::expected(window, "',' or '}' after a value")),
            }
            if window.is_lenient() && self.ends(window, depth)? {
                return Err(self.not_there(window, depth, "has no such member"));
            }
            values::token(window)?;
        }
    }

    /// True when the object at `depth` ends here.
    fn ends(&self, window: &mut Window, depth: usize) -> Result<bool, DecodeError> {
        Ok(match values::token(window)? {
            Some(b'}') => !self.is_bare(depth),
            None => self.is_bare(depth),
            Some(_) => false,
        })
    }

    /// From behind the array to the end of the document.
    fn leave(&mut self, window: &mut Window, known: Option<&Known>) -> Result<(), DecodeError> {
        for depth in (0..self.path.len()).rev() {
            while !self.closes(window, depth)? {
                match values::token(window)? {
                    Some(b',') => window.consume(1),
                    _ if self.is_bare(depth) => {
                        return Err(values::expected(window, "',' or the end of the file after a value"));
                    }
                    _ => return Err(values::expected(window, "',' or '}' after a value")),
                }
                // Behind a comma the strict grammar has another member.
                if window.is_lenient() && self.closes(window, depth)? {
                    break;
                }
                values::token(window)?;
                let at = window.offset();
                let key = values::key(window)?;
                if key.as_deref() == Some(self.path[depth].as_str()) {
                    return Err(self.ambiguous(window, at, "occurs twice"));
                }
                self.pass(window, depth, at, key.as_deref(), known)?;
            }
        }
        match values::token(window)? {
            None => Ok(()),
            Some(_) => Err(values::expected(window, "the end of the file behind the document")),
        }
    }

    fn is_bare(&self, depth: usize) -> bool {
        self.bare && depth == 0
    }

    /// Steps over the end of the object at `depth`, if it comes next.
    fn closes(&self, window: &mut Window, depth: usize) -> Result<bool, DecodeError> {
        let ends = self.ends(window, depth)?;
        if ends && !self.is_bare(depth) {
            window.consume(1);
        }
        Ok(ends)
    }

    /// A member beside the path.
    fn pass(
        &mut self,
        window: &mut Window,
        depth: usize,
        at: u64,
        key: Option<&str>,
        known: Option<&Known>,
    ) -> Result<(), DecodeError> {
        self.passed += 1;
        if self.found && depth == 0 {
            let key = key.unwrap_or_default();
            if known.is_some_and(|known| known(key)) {
                let beside = format!("stands beside \"{}\", a field of the schema", shown(key));
                return Err(self.ambiguous(window, at, &beside));
            }
            if starts_records(window)? {
                let beside =
                    format!("is not the only array of objects at the root: \"{}\" is another", shown(key));
                return Err(self.ambiguous(window, at, &beside));
            }
        }
        values::skip(window)
    }

    fn ambiguous(&self, window: &Window, at: u64, why: &str) -> DecodeError {
        let path = self.path.iter().map(|key| shown(key)).collect::<Vec<_>>().join("/");
        window.error("json.ambiguous_root", at, format!("\"{path}\" {why}"), NAME_THE_PATH)
    }

    fn not_there(&self, window: &Window, depth: usize, why: &str) -> DecodeError {
        let place = match depth {
            0 => "the document".to_owned(),
            _ => {
                format!("/{}", self.path[..depth].iter().map(|key| shown(key)).collect::<Vec<_>>().join("/"))
            }
        };
        let wanted = self.path.iter().map(|key| shown(key)).collect::<Vec<_>>().join("/");
        let message = format!("records_path /{wanted} leads nowhere: {place} {why}");
        window.error("json.records_path", window.offset(), message, NAME_THE_PATH)
    }
}

/// True when the value here is an array whose first element is an object.
fn starts_records(window: &mut Window) -> Result<bool, DecodeError> {
    if values::token(window)? != Some(b'[') {
        return Ok(false);
    }
    // Looks ahead without consuming; an array that starts with a page of white space is looked at no further.
    window.want(256)?;
    let inside = &window.bytes()[1..];
    let first = match window.is_lenient() {
        true => lenient::skip_space(inside, 0).ok().and_then(|at| inside.get(at)),
        false => inside.iter().find(|byte| !byte.is_ascii_whitespace()),
    };
    Ok(first == Some(&b'{'))
}

fn shown(key: &str) -> String {
    crate::decode::error::sanitised(key, 60)
}
