//! The direct road: the bytes of records straight into columns, without a value tree.
//!
//! It takes what it is sure of and nothing else. Whatever is unusual or wrong, it leaves to the exact road ([`super::check`]),
//! after undoing what it has begun: so that road alone says what is wrong with a record, and both give the same values.

mod admit;
pub(in crate::decode) mod cells;
mod guide;
pub(in crate::decode) mod number;
mod reader;
mod text;
pub(in crate::decode) mod time;

use super::build::Column;
use super::check::HEAVIEST;
use super::plan::{Inner, Members, Slot};
use super::{Cell, Columns, OnUnknownField, local_time, scalar};
use crate::decode::texts::Origin;
use crate::decode::value::Value;
use crate::schema::field::{Kind, Resolution};
use crate::schema::processing_config::Zone;
use crate::schema::rules::Swift;
use guide::Guide;
use reader::Reader;

/// Longer records take the exact road: they may hold more values than a record is allowed to.
const LONGEST: usize = 1024 * 1024;
/// Unknown members of one object that are compared with each other; more take the exact road.
const MOST_UNKNOWN: usize = 32;

/// How records lie one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) enum Between {
    /// Each on a line of its own.
    Lines,
    /// Commas, before all but the first of the array.
    Commas { first: bool },
    /// Nothing but white space.
    Space,
}

/// Records that were taken in at once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) struct Run {
    pub records: u64,
    /// Bytes up to the end of the last of them.
    pub consumed: usize,
    pub unknown_fields: u64,
    /// Roughly the memory that their values take.
    pub weight: usize,
}

/// What a run may take in.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Most {
    pub records: usize,
    pub weight: usize,
    /// Bytes of one record.
    pub record: usize,
}

/// What the direct road remembers from record to record.
#[derive(Debug)]
pub(super) struct Memory {
    guide: Guide,
}

impl Memory {
    pub fn of(plan: &Members) -> Memory {
        Memory { guide: Guide::of(plan) }
    }
}

impl Columns {
    /// Takes in records from the start of `text`, which is UTF-8, until one is not for this road, or ends with the text.
    pub(in crate::decode) fn take_run(&mut self, text: &[u8], between: Between, most: Most) -> Run {
        let mut run = Run::default();
        let mut between = between;
        let mut reader = Reader::new(text, between == Between::Lines);
        while run.weight < most.weight && (run.records as usize) < most.records {
            reader.start(run.consumed);
            let Some(taken) = self.take_one(&mut reader, between, most) else {
                self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
                if let Some(rescued) = &mut self.rescued {
                    rescued.truncate(self.rows);
                }
                break;
            };
            self.rows += 1;
            run.records += 1;
            if let Some(texts) = &mut self.texts {
                let Span { start, end } = taken.span;
                texts.push(Origin { number: run.records, offset: start as u64, raw: &text[start..end] });
            }
            run.consumed = reader.at;
            run.unknown_fields += taken.unknown_fields;
            run.weight += taken.weight;
            if between == (Between::Commas { first: true }) {
                between = Between::Commas { first: false };
            }
        }
        run
    }

    fn take_one(&mut self, reader: &mut Reader<'_>, between: Between, most: Most) -> Option<Taken> {
        if between == (Between::Commas { first: false }) {
            reader.expect(b',')?;
            reader.space();
        }
        let start = reader.at;
        let mut take = Take {
            reader,
            on_unknown: self.plan.on_unknown,
            zone: self.plan.zone,
            rescued: self.rescued.as_mut().map(|rescued| Rescue { text: rescued.open(), any: false }),
            is_root: true,
            taken: Taken::default(),
        };
        take.object(&self.plan.members, &mut self.columns, &mut self.memory.guide, self.rows)?;
        let (any, mut taken) = (take.rescued.is_some_and(|rescue| rescue.any), take.taken);
        let length = reader.at - start;
        taken.span = Span { start, end: reader.at };
        if length > most.record.min(LONGEST) {
            return None;
        }
        if between == Between::Lines {
            ends_line(reader)?;
        }
        taken.weight += length;
        if let Some(rescued) = &mut self.rescued {
            if any {
                rescued.open().push(b'}');
                rescued.close();
            } else {
                rescued.push_null();
            }
        }
        (taken.weight <= HEAVIEST).then_some(taken)
    }
}

/// Nothing but the end of the line may follow a record. The end of the text is none: more may follow.
fn ends_line(reader: &mut Reader<'_>) -> Option<()> {
    while let Some(b' ' | b'\r' | b'\t') = reader.peek() {
        reader.at += 1;
    }
    (reader.peek()? == b'\n').then_some(())
}

#[derive(Debug, Default, Clone, Copy)]
struct Taken {
    unknown_fields: u64,
    weight: usize,
    /// The text of the record.
    span: Span,
}

#[derive(Debug, Default, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

/// Unknown members of the record, as they are gathered.
struct Rescue<'r> {
    text: &'r mut Vec<u8>,
    any: bool,
}

/// One record on its way into the columns.
struct Take<'a, 't> {
    reader: &'a mut Reader<'t>,
    on_unknown: OnUnknownField,
    zone: Zone,
    rescued: Option<Rescue<'a>>,
    is_root: bool,
    taken: Taken,
}

impl<'t> Take<'_, 't> {
    /// An object whose members go to `columns`, each of which has `rows` values before.
    fn object(
        &mut self,
        plan: &Members,
        columns: &mut [Column],
        guide: &mut Guide,
        rows: usize,
    ) -> Option<()> {
        self.reader.open(b'{')?;
        self.spend(plan.slots.len() * size_of::<Cell<'_>>())?;
        let is_root = std::mem::replace(&mut self.is_root, false);
        let (mut previous, mut known, mut unknown) = (None, 0, Vec::new());
        // Fields before this one may have a value; those from it on have none.
        let mut untouched = 0;
        self.reader.space();
        let mut ended = self.reader.closes(b'}');
        while !ended {
            match self.key(plan, guide, previous)? {
                Ok(key) => {
                    previous = Some(key);
                    let at = plan.texts[key].slot;
                    // A second value for the same field.
                    if at < untouched && columns[at].len() != rows {
                        return None;
                    }
                    untouched = untouched.max(at + 1);
                    self.value(&plan.slots[at], &mut columns[at], &mut guide.inner[at])?;
                    known += 1;
                }
                Err(key) => self.unknown(key, &mut unknown, is_root)?,
            }
            ended = self.reader.next_or_close(b'}')?;
        }
        if known == plan.slots.len() { Some(()) } else { self.missing(plan, columns, rows) }
    }

    /// A key with its colon: its place among the keys of the schema, or its text.
    #[inline]
    fn key(
        &mut self,
        plan: &Members,
        guide: &mut Guide,
        previous: Option<usize>,
    ) -> Option<Result<usize, &'t [u8]>> {
        if let Some(expected) = plan.texts.get(guide.after(previous))
            && let Some(length) = expected.leads(self.reader.rest())
        {
            self.reader.at += length;
            self.reader.space();
            return Some(Ok(guide.after(previous)));
        }
        let text = self.reader.plain_string()?;
        self.reader.colon()?;
        let Some(key) = str::from_utf8(text).ok().and_then(|key| plan.key(key)) else {
            return Some(Err(text));
        };
        guide.learn(previous, key);
        Some(Ok(key))
    }

    fn missing(&mut self, plan: &Members, columns: &mut [Column], rows: usize) -> Option<()> {
        for (slot, column) in plan.slots.iter().zip(columns) {
            if column.len() != rows {
                continue;
            }
            match &slot.default {
                Some(default) => {
                    self.spend(slot.default_weight)?;
                    column.push(default);
                }
                None if slot.field.nullable => column.push_null(),
                None => return None,
            }
        }
        Some(())
    }

    /// A member that the schema does not know.
    fn unknown(&mut self, key: &'t [u8], before: &mut Vec<&'t [u8]>, is_root: bool) -> Option<()> {
        if self.on_unknown == OnUnknownField::Reject || before.len() == MOST_UNKNOWN || before.contains(&key)
        {
            return None;
        }
        before.push(key);
        self.taken.unknown_fields += 1;
        let value = self.reader.any()?;
        match &mut self.rescued {
            None => {}
            Some(Rescue { text, any }) if is_root => {
                text.extend_from_slice(if *any { b",\"" } else { b"{\"" });
                text.extend_from_slice(key);
                text.extend_from_slice(b"\":");
                text.extend_from_slice(value);
                *any = true;
            }
            Some(_) if self.on_unknown == OnUnknownField::Ignore => {}
            // The text would have to mirror the way to the member.
            Some(_) => return None,
        }
        Some(())
    }

    /// One value of a field, `null` included.
    #[inline]
    fn value(&mut self, slot: &Slot, column: &mut Column, guide: &mut Guide) -> Option<()> {
        if self.reader.peek()? == b'n' {
            self.reader.word(b"null")?;
            return slot.field.nullable.then(|| column.push_null());
        }
        match column {
            Column::Text(bytes) => match slot.field.kind {
                Kind::Json => bytes.push(self.reader.any()?),
                _ => {
                    self.reader.expect(b'"')?;
                    self.reader.at = text::unescape(self.reader.text, self.reader.at, bytes.open())?;
                    bytes.close();
                }
            },
            Column::Long(numbers) => numbers.push(self.number(number::long)?),
            Column::Double(numbers) => numbers.push(self.number(number::double)?),
            Column::Micros(numbers) | Column::Nanos(numbers) => {
                numbers.push(self.timestamp(&slot.field.kind)?)
            }
            Column::Boolean(bits) => bits.push(self.boolean()?),
            Column::Int(numbers) => numbers.push(i32::try_from(self.number(number::long)?).ok()?),
            Column::Float(numbers) => numbers.push(self.number(number::float)?),
            Column::Decimal(numbers, _) => numbers.push(self.decimal(&slot.field.kind)?),
            Column::Date(numbers) => numbers.push(time::date(self.reader.plain_string()?)?),
            Column::Binary(bytes) => {
                let text = str::from_utf8(self.reader.plain_string()?).ok()?;
                bytes.push(&crate::base64::decoded(text)?);
            }
            Column::Struct(members) => {
                let Inner::Struct(plan) = &slot.inner else { return None };
                let rows = members.len();
                self.object(plan, &mut members.columns, guide, rows)?;
                members.close();
            }
            Column::List(runs) => {
                let Inner::List(item) = &slot.inner else { return None };
                self.list(item, &mut runs.items, &mut guide.inner[0])?;
                runs.close();
            }
            Column::Map(entries) => {
                let Inner::Map(value) = &slot.inner else { return None };
                self.map(value, entries, &mut guide.inner[0])?;
                entries.close();
            }
        }
        match &slot.swift {
            Swift::Always => Some(()),
            swift => admit::newest(swift, column, guide).then_some(()),
        }
    }

    #[inline]
    fn number<T>(&mut self, parse: impl Fn(&[u8]) -> Option<(T, usize)>) -> Option<T> {
        let (value, length) = parse(self.reader.rest())?;
        self.reader.at += length;
        Some(value)
    }

    fn boolean(&mut self) -> Option<bool> {
        let value = self.reader.peek()? == b't';
        self.reader.word(if value { b"true" } else { b"false" })?;
        Some(value)
    }

    fn decimal(&mut self, kind: &Kind) -> Option<i128> {
        let Kind::Decimal { precision, scale } = *kind else { return None };
        if self.reader.peek()? != b'"' {
            return self.number(|text| number::decimal(text, precision, scale));
        }
        let text = self.reader.plain_string()?;
        let (value, length) = number::decimal(text, precision, scale)?;
        (length == text.len()).then_some(value)
    }

    #[inline]
    fn timestamp(&mut self, kind: &Kind) -> Option<i64> {
        let Kind::Timestamp { resolution, epoch } = *kind else { return None };
        if self.reader.peek()? != b'"' {
            let count = self.number(number::long)?;
            return in_resolution(i128::from(count) * scalar::nanos_of(epoch?), resolution);
        }
        let instant = time::instant(self.reader.plain_string()?)?;
        if instant.has_offset || self.zone == Zone::UTC {
            return of_instant(instant, resolution);
        }
        let clock = i128::from(instant.seconds) * 1_000_000_000 + i128::from(instant.nanos);
        in_resolution(local_time::instant(self.zone, clock).ok()?, resolution)
    }

    fn list(&mut self, slot: &Slot, items: &mut Column, guide: &mut Guide) -> Option<()> {
        self.reader.open(b'[')?;
        self.reader.space();
        let before = items.len();
        let mut ended = self.reader.closes(b']');
        while !ended {
            self.value(slot, items, guide)?;
            ended = self.reader.next_or_close(b']')?;
        }
        self.spend((items.len() - before) * size_of::<Value<'_>>())
    }

    fn map(&mut self, slot: &Slot, entries: &mut super::build::Entries, guide: &mut Guide) -> Option<()> {
        self.reader.open(b'{')?;
        self.reader.space();
        let before = entries.keys.len();
        let mut ended = self.reader.closes(b'}');
        while !ended {
            let key = self.reader.plain_string()?;
            let count = entries.keys.len();
            if count - before == MOST_UNKNOWN || (before..count).any(|at| entries.keys.value(at) == key) {
                return None;
            }
            entries.keys.push(key);
            self.reader.colon()?;
            self.value(slot, &mut entries.values, guide)?;
            ended = self.reader.next_or_close(b'}')?;
        }
        self.spend((entries.keys.len() - before) * size_of::<(std::borrow::Cow<'_, str>, Value<'_>)>())
    }

    #[inline]
    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.taken.weight += bytes;
        (self.taken.weight <= HEAVIEST).then_some(())
    }
}

fn of_instant(instant: time::Instant, resolution: Resolution) -> Option<i64> {
    let time::Instant { seconds, nanos, .. } = instant;
    match resolution {
        Resolution::Micros => (nanos % 1000 == 0).then(|| seconds * 1_000_000 + i64::from(nanos / 1000)),
        Resolution::Nanos => seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(nanos)),
    }
}

fn in_resolution(nanos: i128, resolution: Resolution) -> Option<i64> {
    match resolution {
        Resolution::Micros if nanos % 1000 != 0 => None,
        Resolution::Micros => i64::try_from(nanos / 1000).ok(),
        Resolution::Nanos => i64::try_from(nanos).ok(),
    }
}
