//! How a column is encoded, decided by trying on a sample, and remembered.
//!
//! The encodings are those that every common reader has in its fast path. `BYTE_STREAM_SPLIT` would make numbers
//! smaller, but the vectorised reader of Spark lacks it.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Tools;
use super::bits::width_of;
use super::compress::{NUMBERS, QUICK, THOROUGH};
use super::dictionary::Key;
use super::hybrid;
use super::values::Values;
use crate::schema::processing_config::Compression;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Distinct values and indices; so many distinct values are expected in a row group.
    Dictionary {
        expected: usize,
    },
    Delta,
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lake) struct Choice {
    pub form: Form,
    /// Of the compression.
    pub level: i32,
    /// The form when a dictionary turns out too large.
    pub otherwise: Form,
}

/// What was chosen for the columns of one table, so that the next row group and the next load start right.
#[derive(Debug, Default)]
pub(in crate::lake) struct Choices {
    columns: Mutex<HashMap<String, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    choice: Choice,
    /// Row groups until the next trial: data changes.
    uses_left: u32,
}

const USES: u32 = 48;
/// A table with more columns than this tries anew for some of them.
const MOST_COLUMNS: usize = 10_000;

impl Choices {
    pub(super) fn remembered(&self, column: &str) -> Option<Choice> {
        let mut columns = self.lock();
        let known = columns.get_mut(column)?;
        known.uses_left = known.uses_left.checked_sub(1)?;
        Some(known.choice)
    }

    pub(super) fn remember(&self, column: &str, choice: Choice) {
        let mut columns = self.lock();
        if columns.len() >= MOST_COLUMNS {
            columns.clear();
        }
        columns.insert(column.to_owned(), Remembered { choice, uses_left: USES });
    }

    pub(super) fn forget(&self, column: &str) {
        self.lock().remove(column);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sample: neighbours in several places of the column.
const PIECES: usize = 8;
const PIECE_VALUES: usize = 1024;
const PIECE_BYTES: usize = 32 << 10;
/// What tells the level for plain numbers.
const NUMBER_BYTES: usize = 320 << 10;
/// Texts at least so long on average may deserve more thorough compression.
const LONG_TEXT: usize = 200;

/// Tries all forms on a sample. `keys` are the values as a dictionary knows them.
///
/// # Errors
/// When compression fails.
pub(super) fn choose<K: Key>(
    values: &dyn Values,
    keys: &[K],
    compression: Compression,
    tools: &mut Tools,
) -> io::Result<Choice> {
    let pieces = pieces(values);
    let mut trial = Trial { values, pieces: &pieces, compression, tools };
    let plain = trial.plain()?;
    let base = match trial.delta()? {
        Some(delta) if delta.bytes <= plain.bytes => delta,
        _ => plain,
    };
    let dictionary = trial.dictionary(keys, plain.ratio)?;
    let mut best = if dictionary.bytes < base.bytes { dictionary } else { base };
    if best.form == Form::Plain && best.level == NUMBERS {
        best.level = trial.level_of_numbers()?;
    }
    Ok(Choice { form: best.form, level: best.level, otherwise: base.form })
}

fn pieces(values: &dyn Values) -> Vec<Range<usize>> {
    let count = values.len();
    let average = values.bytes() / count.max(1) + 1;
    let length = PIECE_VALUES.min(PIECE_BYTES.div_ceil(average));
    if count <= PIECES * length {
        return std::iter::once(0..count).collect();
    }
    let stride = count / PIECES;
    (0..PIECES).map(|piece| piece * stride..piece * stride + length).collect()
}

struct Trial<'a> {
    values: &'a dyn Values,
    pieces: &'a [Range<usize>],
    compression: Compression,
    tools: &'a mut Tools,
}

/// The outcome for one form.
#[derive(Clone, Copy)]
struct Outcome {
    form: Form,
    level: i32,
    /// Of the sample.
    bytes: usize,
    /// Bytes after compression for one before, at most 1.
    ratio: f64,
}

impl Trial<'_> {
    fn plain(&mut self) -> io::Result<Outcome> {
        let mut raw = Vec::new();
        self.pieces.iter().for_each(|piece| self.values.put_plain(piece.clone(), &mut raw));
        self.outcome(Form::Plain, self.values.plain_level(), &raw)
    }

    /// Asks a larger sample: levels mean something else for less than 256 KiB.
    fn level_of_numbers(&mut self) -> io::Result<i32> {
        let average = (self.values.bytes() / self.values.len().max(1)).max(1);
        let mut raw = Vec::new();
        self.values.put_plain(0..self.values.len().min(NUMBER_BYTES / average), &mut raw);
        let quick = self.outcome(Form::Plain, NUMBERS, &raw)?;
        Ok(self.or_thorough(quick, &raw)?.level)
    }

    fn delta(&mut self) -> io::Result<Option<Outcome>> {
        if self.values.delta().is_none() {
            return Ok(None);
        }
        let mut raw = Vec::new();
        self.pieces.iter().for_each(|piece| self.values.put_delta(piece.clone(), &mut raw));
        let quick = self.outcome(Form::Delta, QUICK, &raw)?;
        let long = raw.len() > LONG_TEXT * self.sampled();
        Ok(Some(if long { self.or_thorough(quick, &raw)? } else { quick }))
    }

    /// The higher level, where it saves enough.
    fn or_thorough(&mut self, quick: Outcome, raw: &[u8]) -> io::Result<Outcome> {
        let thorough = self.outcome(quick.form, THOROUGH, raw)?;
        Ok(if thorough.bytes * 1000 < quick.bytes * 980 { thorough } else { quick })
    }

    /// The indices of the sample, and its share of the dictionary page.
    fn dictionary<K: Key>(&mut self, keys: &[K], ratio: f64) -> io::Result<Outcome> {
        let sample: Vec<K> = self.pieces.iter().flat_map(|piece| &keys[piece.clone()]).copied().collect();
        let Some(found) = self.tools.table.build(&sample, usize::MAX) else {
            return Ok(Outcome { form: Form::Plain, level: QUICK, bytes: usize::MAX, ratio: 1.0 });
        };
        let expected = expected_distinct(found.distinct.len(), sample.len(), keys.len());
        let mut raw = Vec::new();
        hybrid::encode(&found.indices, width_of(expected as u64).max(1), &mut raw);
        let indices = self.outcome(Form::Dictionary { expected }, QUICK, &raw)?;
        let entry = found.distinct.iter().map(|key| key.bytes()).sum::<usize>() as f64
            / found.distinct.len().max(1) as f64;
        let share = sample.len() as f64 / keys.len().max(1) as f64;
        let page = entry * expected as f64 * share * ratio;
        Ok(Outcome { bytes: indices.bytes + page as usize, ..indices })
    }

    fn outcome(&mut self, form: Form, level: i32, raw: &[u8]) -> io::Result<Outcome> {
        let mut compressed = Vec::new();
        self.tools.compressor.compress(self.compression, level, raw, &mut compressed)?;
        let bytes = compressed.len().min(raw.len());
        Ok(Outcome { form, level, bytes, ratio: bytes as f64 / raw.len().max(1) as f64 })
    }

    fn sampled(&self) -> usize {
        self.pieces.iter().map(Range::len).sum()
    }
}

/// How many distinct values a whole column has, when a sample of `sampled` has `found` and all are equally frequent.
/// Rarer values make it more; then the dictionary is given up while it is built.
fn expected_distinct(found: usize, sampled: usize, all: usize) -> usize {
    if sampled >= all {
        return found;
    }
    let in_sample =
        |distinct: f64, draws: usize| distinct * (1.0 - (1.0 - 1.0 / distinct).powf(draws as f64));
    let (mut low, mut high) = (found as f64, all as f64 * 64.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if in_sample(middle, sampled) < found as f64 { low = middle } else { high = middle }
    }
    (in_sample(low.max(1.0), all) as usize).clamp(found, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_values_are_guessed_from_a_sample() {
        assert_eq!(expected_distinct(10, 8192, 131_072), 10);
        assert_eq!(expected_distinct(500, 500, 500), 500);
        let many = expected_distinct(5596, 8192, 131_072); // what 10,000 equally frequent values give
        assert!((9_000..11_000).contains(&many), "{many}");
        assert!(expected_distinct(8192, 8192, 131_072) > 100_000);
    }

    #[test]
    fn a_choice_holds_for_a_while() {
        let choices = Choices::default();
        let choice = Choice { form: Form::Delta, level: QUICK, otherwise: Form::Plain };
        choices.remember("a", choice);
        let uses = (0..1000).take_while(|_| choices.remembered("a") == Some(choice)).count();
        assert_eq!(uses, USES as usize);
        choices.remember("a", choice);
        choices.forget("a");
        assert_eq!(choices.remembered("a"), None);
    }
}
