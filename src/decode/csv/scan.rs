//! Finds the separators of a text: the delimiters and line ends that stand outside quotes.
//!
//! Two roads to the same answer. [`walk`] follows the text byte by byte and understands everything. [`Blocks`] looks at
//! 64 bytes at once; it gives up on quotes that do not stand at the ends of cells, since then counting quotes
//! does not tell what is inside.

use super::cell::close;
use super::dialect::{Dialect, LineEnds};
use super::masks::{either, equal};

/// How a text that begins with a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Outside,
    /// Inside the quotes that open at this byte.
    InQuotes(usize),
}

/// Calls `found(position, ends_record)` for each separator.
pub(super) fn walk(text: &[u8], dialect: &Dialect, mut found: impl FnMut(usize, bool)) -> Ending {
    let mut at = 0;
    let mut starts_cell = true;
    while at < text.len() {
        let byte = text[at];
        if starts_cell && Some(byte) == dialect.quote {
            match close(text, at + 1, byte, dialect.escape) {
                None => return Ending::InQuotes(at),
                Some(after) => at = after,
            }
            starts_cell = false;
            continue;
        }
        let ends_record = dialect.ends_record(byte);
        starts_cell = ends_record || byte == dialect.delimiter;
        if starts_cell {
            found(at, ends_record);
        }
        at += 1;
    }
    Ending::Outside
}

/// The separators of 64 bytes.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Position of the first of the bytes.
    base: usize,
    /// One bit for each separator, the lowest for the first byte.
    separators: u64,
}

/// A quote stands where only [`walk`] knows what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Irregular;

/// A walk in blocks of 64 bytes over a text that begins with a record.
pub(super) struct Blocks<'t> {
    text: &'t [u8],
    delimiter: u8,
    /// `None` when there are none in the text.
    quote: Option<u8>,
    at: usize,
    /// All ones inside quotes.
    inside: u64,
    /// 1 when the byte before is a separator or a closing quote, so that a quote may stand here.
    quote_may_open: u64,
    /// 1 when the byte before is a closing quote.
    closed: u64,
}

impl<'t> Blocks<'t> {
    /// `None` for dialects that only [`walk`] understands.
    pub fn of(text: &'t [u8], dialect: &Dialect) -> Option<Blocks<'t>> {
        if dialect.escape.is_some() || dialect.lines == LineEnds::Any {
            return None;
        }
        let quote = dialect.quote.filter(|quote| memchr::memchr(*quote, text).is_some());
        let delimiter = dialect.delimiter;
        Some(Blocks { text, delimiter, quote, at: 0, inside: 0, quote_may_open: 1, closed: 0 })
    }

    /// How the text ends, after the last block.
    fn is_inside(&self) -> bool {
        self.inside != 0
    }

    /// # Errors
    /// From here on only [`walk`] can tell.
    fn next(&mut self) -> Result<Option<Block>, Irregular> {
        let base = self.at;
        let rest = &self.text[base..];
        let Some(bytes) = rest.first_chunk::<64>() else {
            if rest.is_empty() {
                return Ok(None);
            }
            let mut padded = [0; 64];
            padded[..rest.len()].copy_from_slice(rest);
            self.at = self.text.len();
            return self.block(base, &padded).map(Some);
        };
        self.at += 64;
        self.block(base, bytes).map(Some)
    }

    #[inline]
    fn block(&mut self, base: usize, bytes: &[u8; 64]) -> Result<Block, Irregular> {
        let marks = either(bytes, self.delimiter, b'\n');
        let quotes = self.quote.map_or(0, |quote| equal(bytes, quote));
        if quotes == 0 && self.closed == 0 {
            let separators = marks & !self.inside;
            self.quote_may_open = separators >> 63;
            return Ok(Block { base, separators });
        }
        let inside_after = prefix_xor(quotes) ^ self.inside;
        let inside_before = (inside_after << 1) | (self.inside & 1);
        let opening = quotes & !inside_before;
        let closing = quotes & inside_before;
        let separators = marks & !inside_before;
        let may_open = ((separators | closing) << 1) | self.quote_may_open;
        let after_closing = (closing << 1) | self.closed;
        if opening & !may_open != 0 || !self.only_line_ends(base, after_closing & !(marks | quotes)) {
            return Err(Irregular);
        }
        self.inside = if inside_after >> 63 == 1 { u64::MAX } else { 0 };
        self.quote_may_open = (separators | closing) >> 63;
        self.closed = closing >> 63;
        Ok(Block { base, separators })
    }

    /// Besides a separator, only `\r\n` and the end of the text may follow a closing quote.
    fn only_line_ends(&self, base: usize, mut followers: u64) -> bool {
        while followers != 0 {
            let at = base + followers.trailing_zeros() as usize;
            followers &= followers - 1;
            let follows = self.text.get(at..).unwrap_or_default();
            if !matches!(follows, [] | [b'\r'] | [b'\r', b'\n', ..]) {
                return false;
            }
        }
        true
    }
}

/// Each bit becomes the parity of the bits up to it: 1 from an opening quote up to the one that closes it.
fn prefix_xor(bits: u64) -> u64 {
    let mut parity = bits;
    for step in [1, 2, 4, 8, 16, 32] {
        parity ^= parity << step;
    }
    parity
}

/// The last place behind a record; `None` when no record ends inside the text. The flag tells whether [`Blocks`]
/// understand the text.
pub(super) fn last_boundary(text: &[u8], dialect: &Dialect) -> (Option<usize>, Regularity) {
    if let Some(mut blocks) = Blocks::of(text, dialect) {
        if blocks.quote.is_none() {
            return (memchr::memrchr(b'\n', text).map(|at| at + 1), Regularity::Regular);
        }
        let mut last = None;
        loop {
            match blocks.next() {
                Ok(Some(block)) => last = last_line_end(text, block).or(last),
                Ok(None) => return (last, Regularity::Regular),
                Err(Irregular) => break,
            }
        }
    }
    let mut last = None;
    walk(text, dialect, |at, ends_record| {
        if ends_record {
            last = Some(at + 1);
        }
    });
    (last, Regularity::Irregular)
}

/// One past the last line end among the separators of a block.
fn last_line_end(text: &[u8], block: Block) -> Option<usize> {
    let mut bits = block.separators;
    while bits != 0 {
        let highest = 63 - bits.leading_zeros() as usize;
        if text[block.base + highest] == b'\n' {
            return Some(block.base + highest + 1);
        }
        bits ^= 1 << highest;
    }
    None
}

/// Whether [`Blocks`] understand a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Regularity {
    Regular,
    Irregular,
}

/// Where the records of a text are: positions of the separators, in order, and which of them end a record.
///
/// The end of the text counts as one, unless a line end stands there.
pub(super) fn separators(
    text: &[u8],
    dialect: &Dialect,
    regularity: Regularity,
    into: &mut Vec<u32>,
) -> Ending {
    into.clear();
    let ending = match Blocks::of(text, dialect) {
        Some(blocks) if regularity == Regularity::Regular => in_blocks(blocks, into),
        _ => Err(Irregular),
    };
    let ending = ending.unwrap_or_else(|Irregular| {
        into.clear();
        walk(text, dialect, |at, _| into.push(position(at)))
    });
    if text.last().is_some_and(|byte| !dialect.ends_record(*byte)) || ending != Ending::Outside {
        into.push(position(text.len()));
    }
    ending
}

fn in_blocks(mut blocks: Blocks<'_>, into: &mut Vec<u32>) -> Result<Ending, Irregular> {
    while let Some(block) = blocks.next()? {
        let base = position(block.base);
        let mut bits = block.separators;
        while bits != 0 {
            into.push(base + bits.trailing_zeros());
            bits &= bits - 1;
        }
    }
    if blocks.is_inside() { Err(Irregular) } else { Ok(Ending::Outside) }
}

/// Segments are far smaller than 4 GiB.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
