//! Which of the usual shapes a text has, decided from its first part. Pure: no reading, no state.

use super::Known;
use super::advice;
use super::lines::{self, Form};
use super::outline::{Content, Member, Outline};
use crate::decode::json::{Grammar, lenient};

/// How the records lie in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// One record in each line.
    Lines,
    /// The elements of the array to which these keys lead; of the root itself when there are none. `found`: by
    /// looking, not by `records_path`. `bare`: the braces around the root are missing.
    Elements { path: Vec<String>, found: bool, bare: bool },
    /// Objects one after the other, or one alone.
    Sequence,
    /// One object whose braces are missing.
    Braceless,
}

/// A text without records: where, why, and what to do.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub at: usize,
    pub message: String,
    pub hint: &'static str,
}

/// What is known besides the text.
pub(super) struct Clues<'a> {
    pub grammar: Grammar,
    /// The name says NDJSON.
    pub lines: bool,
    pub records_path: Option<&'a [String]>,
    /// Tells whether a key belongs to the schema; absent when there is none.
    pub known: Option<&'a Known>,
    pub type_name: &'a str,
}

/// Keys under which the world keeps its records.
const USUAL_KEYS: [&str; 9] =
    ["data", "records", "results", "items", "rows", "values", "entries", "events", "features"];
/// Lines that are looked at to tell NDJSON from a document.
const SAMPLE: usize = 64;

/// Decides; `None` for a text without content. `whole`: nothing follows behind `text`.
pub(super) fn decide(text: &[u8], whole: bool, clues: &Clues<'_>) -> Result<Option<Shape>, Refusal> {
    let Some(at) = first_token(text, clues.grammar)? else {
        return Ok(None);
    };
    let bare = clues.grammar == Grammar::Lenient && lenient::starts_with_member(&text[at..]);
    if let Some(path) = clues.records_path {
        return by_path(text, at, path, bare).map(Some);
    }
    let shape = match text[at] {
        b'[' if clues.lines && Sample::of(&text[at..], whole, clues.grammar).is_arrays() => Shape::Lines,
        b'[' => Shape::Elements { path: Vec::new(), found: true, bare },
        b'{' => object(text, at, whole, clues)?,
        _ if bare && !clues.lines => match envelope(&Outline::of_members(text, at), clues)? {
            Some(key) => Shape::Elements { path: vec![key], found: true, bare },
            None => Shape::Braceless,
        },
        _ if clues.lines || Sample::of(&text[at..], whole, clues.grammar).shows_lines() => Shape::Lines,
        _ => return Err(garbage(text, at, clues.grammar)),
    };
    Ok(Some(shape))
}

/// Where the content starts: behind white space, record separators and comments.
fn first_token(text: &[u8], grammar: Grammar) -> Result<Option<usize>, Refusal> {
    let mut at = 0;
    loop {
        let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x1e;
        let Some(step) = text[at..].iter().position(|byte| !blank(byte)) else {
            return Ok(None);
        };
        at += step;
        let behind = match grammar {
            Grammar::Strict => at,
            Grammar::Lenient => lenient::skip_space(text, at).map_err(|_| Refusal {
                code: "json.syntax",
                at,
                message: "this comment does not end, or not soon".into(),
                hint: "end the comment with */, or take it out",
            })?,
        };
        if behind == at {
            return Ok(Some(at));
        }
        at = behind;
    }
}

fn by_path(text: &[u8], at: usize, path: &[String], bare: bool) -> Result<Shape, Refusal> {
    match (text[at], path) {
        (b'{', [_, ..]) | (b'[', []) => Ok(Shape::Elements { path: path.to_vec(), found: false, bare }),
        (_, [_, ..]) if bare => Ok(Shape::Elements { path: path.to_vec(), found: false, bare }),
        (b'{' | b'[', _) => Err(Refusal {
            code: "json.records_path",
            at,
            message: format!("records_path /{} leads nowhere: the root is no such container", path.join("/")),
            hint: "take records_path out of processing_config, or name the array of this document",
        }),
        _ => Err(garbage(text, at, if bare { Grammar::Lenient } else { Grammar::Strict })),
    }
}

/// A text that starts with an object: lines, a document, or several.
fn object(text: &[u8], at: usize, whole: bool, clues: &Clues<'_>) -> Result<Shape, Refusal> {
    let sample = Sample::of(&text[at..], whole, clues.grammar);
    let lines = match sample.first {
        Form::Object if sample.others == 0 => clues.lines,
        Form::Object => !sample.shows_pretty_objects(),
        Form::Objects => false,
        // Behind a name that says lines, only what clearly is a document is taken for one.
        Form::Open { .. } if clues.lines => {
            sample.others == 0
                || sample.shows_lines()
                || (sample.braced == sample.others && sample.closers == 0)
        }
        _ if clues.lines => true,
        _ => sample.shows_lines(),
    };
    if lines {
        return Ok(Shape::Lines);
    }
    let outline = Outline::of(text, at, clues.grammar);
    Ok(match envelope(&outline, clues)? {
        Some(key) => Shape::Elements { path: vec![key], found: true, bare: false },
        None => Shape::Sequence,
    })
}

/// The key of the one array that holds the records, unless the root object is itself a record.
fn envelope(outline: &Outline, clues: &Clues<'_>) -> Result<Option<String>, Refusal> {
    let members = &outline.members;
    if clues.known.is_some_and(|known| members.iter().any(|member| known(&member.key))) {
        return Ok(None);
    }
    let alone = members.len() == 1;
    let named = |member: &Member| {
        USUAL_KEYS.contains(&member.key.to_ascii_lowercase().as_str())
            || is_related(&member.key, clues.type_name)
    };
    let holds_records = |member: &&Member| match member.content {
        Content::Records => true,
        Content::EmptyArray => alone || named(member),
        Content::Other => false,
    };
    let mut candidates = members.iter().filter(holds_records);
    match (candidates.next(), candidates.next()) {
        (None, _) => Ok(None),
        (Some(array), None) => {
            Ok((clues.known.is_some() || alone || named(array)).then(|| array.key.clone()))
        }
        // Without a schema the whole object is one record, which loses nothing, if it can be held.
        (Some(_), Some(_)) if clues.known.is_none() && outline.closed => Ok(None),
        (Some(first), Some(second)) => Err(Refusal {
            code: "json.ambiguous_root",
            at: second.at,
            message: format!(
                "the root holds two arrays of objects, \"{}\" and \"{}\"",
                shown(first),
                shown(second)
            ),
            hint: "say in processing_config which array holds the records: {\"records_path\": \"/KEY\"}",
        }),
    }
}

fn shown(member: &Member) -> String {
    crate::decode::error::sanitised(&member.key, 60)
}

/// True when a key and a type name mean the same thing: `vehicle_status` and `vehicles_status`, or one within the
/// other.
fn is_related(key: &str, type_name: &str) -> bool {
    let (key, name) = (stem(key), stem(type_name));
    key.len() >= 3 && name.len() >= 3 && (key.contains(&name) || name.contains(&key))
}

/// Words in lower case without the `s` of a plural.
fn stem(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let singular = |word: &str| {
        let word = word.to_lowercase();
        word.strip_suffix('s').map(str::to_owned).unwrap_or(word)
    };
    words.map(singular).collect()
}

fn garbage(text: &[u8], at: usize, grammar: Grammar) -> Refusal {
    let start = &text[at..];
    let (message, hint) = if grammar == Grammar::Strict && lenient::starts_with_member(start) {
        (
            "the document starts with a key: the outer braces are missing".to_owned(),
            "put '{' before the first and '}' behind the last character, or ask the sender to repair the export; where they cannot, \"lenient\": true in processing_config takes this as it is",
        )
    } else if grammar == Grammar::Strict && advice::lenient_has(start, "a document") {
        ("the document starts with a comment, or in single quotes".to_owned(), advice::repair(true))
    } else {
        let found = String::from_utf8_lossy(&start[..start.len().min(4)]).chars().next().unwrap_or(' ');
        (
            format!("expected '{{' or '[', found {}", crate::decode::json::name_of(found)),
            "a file holds a JSON array, one object per line, or an object with one array of objects",
        )
    };
    Refusal { code: "json.syntax", at, message, hint }
}

/// The first lines of a text, counted by form. Blank lines do not count, nor does one that is cut off.
#[derive(Debug)]
struct Sample {
    first: Form,
    /// The line behind the first.
    second: Option<Form>,
    /// Lines behind the first.
    others: usize,
    objects: usize,
    arrays: usize,
    closers: usize,
    /// Lines behind the first that start with a brace.
    braced: usize,
}

impl Sample {
    fn of(text: &[u8], whole: bool, grammar: Grammar) -> Sample {
        let mut rest = text
            .split_inclusive(|&byte| byte == b'\n')
            .filter(|line| !lines::trimmed(line, grammar).is_empty());
        let first = rest.next().unwrap_or_default();
        let mut sample = Sample {
            first: lines::form(first, grammar),
            second: None,
            others: 0,
            objects: 0,
            arrays: 0,
            closers: 0,
            braced: 0,
        };
        for line in rest.take(SAMPLE) {
            if whole || line.ends_with(b"\n") {
                sample.count(line, grammar);
            }
        }
        sample
    }

    fn count(&mut self, line: &[u8], grammar: Grammar) {
        let form = lines::form(line, grammar);
        self.others += 1;
        self.second.get_or_insert(form);
        self.objects += usize::from(form == Form::Object);
        self.arrays += usize::from(form == Form::Array);
        self.closers += usize::from(form == Form::Closer);
        self.braced += usize::from(lines::trimmed(line, grammar).first() == Some(&b'{'));
    }

    /// The first line is damaged or open, but what follows are single-line objects. In a document they would have
    /// commas between them, except for one that stands alone where a value is due.
    fn shows_lines(&self) -> bool {
        let needed = if self.first == (Form::Open { inviting: true }) { 2 } else { 1 };
        self.closers == 0 && self.objects >= needed && 2 * self.objects >= self.others
    }

    /// One object on the first line, pretty-printed ones behind it.
    fn shows_pretty_objects(&self) -> bool {
        self.others > 1 && self.objects == 0 && self.second == Some(Form::Open { inviting: true })
    }

    fn is_arrays(&self) -> bool {
        self.first == Form::Array && self.others > 0 && self.arrays + self.objects > 0
    }
}

#[cfg(test)]
mod tests;
