//! `DELTA_BINARY_PACKED`: the differences of neighbours, packed block by block.
//!
//! Small for times and counters that rise, and for any numbers that lie close together.

use super::bits::{pack, put_varint, width_of, zigzag};

const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// An integer as Parquet stores it. Differences wrap around, and so do the sums of whoever reads them.
pub(super) trait Delta: Copy + Ord {
    const ZERO: Self;
    fn minus(self, other: Self) -> Self;
    /// The bits as an unsigned number.
    fn unsigned(self) -> u64;
    fn widened(self) -> i64;
}

impl Delta for i32 {
    const ZERO: Self = 0;
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    fn unsigned(self) -> u64 {
        u64::from(self as u32)
    }
    fn widened(self) -> i64 {
        i64::from(self)
    }
}

impl Delta for i64 {
    const ZERO: Self = 0;
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    fn unsigned(self) -> u64 {
        self as u64
    }
    fn widened(self) -> i64 {
        self
    }
}

/// Appends all values.
pub(super) fn encode<T: Delta>(values: &[T], out: &mut Vec<u8>) {
    put_varint(BLOCK as u64, out);
    put_varint(MINIBLOCKS as u64, out);
    put_varint(values.len() as u64, out);
    put_varint(zigzag(values.first().map_or(0, |first| first.widened())), out);
    let (mut before, mut after) = (values, values.get(1..).unwrap_or_default());
    while !after.is_empty() {
        let length = after.len().min(BLOCK);
        put_block(&before[..length], &after[..length], out);
        (before, after) = (&before[length..], &after[length..]);
    }
}

fn put_block<T: Delta>(before: &[T], after: &[T], out: &mut Vec<u8>) {
    let block = Block::of(before, after);
    put_varint(zigzag(block.least.widened()), out);
    out.extend(block.widths.map(|width| width as u8));
    let used = after.len().div_ceil(MINIBLOCK);
    for (packed, width) in block.packed.chunks(MINIBLOCK).zip(block.widths).take(used) {
        pack(packed, width, out);
    }
}

/// The differences of a block above their least one.
struct Block<T> {
    least: T,
    packed: [u64; BLOCK],
    widths: [u32; MINIBLOCKS],
}

impl<T: Delta> Block<T> {
    fn of(before: &[T], after: &[T]) -> Self {
        let mut deltas = [T::ZERO; BLOCK];
        for (delta, (before, after)) in deltas.iter_mut().zip(before.iter().zip(after)) {
            *delta = after.minus(*before);
        }
        let deltas = &deltas[..after.len()];
        let least = deltas.iter().copied().fold(deltas[0], T::min);
        let mut packed = [0; BLOCK];
        for (packed, delta) in packed.iter_mut().zip(deltas) {
            *packed = delta.minus(least).unsigned();
        }
        let mut widths = [0; MINIBLOCKS];
        for (width, miniblock) in widths.iter_mut().zip(packed.chunks(MINIBLOCK)) {
            *width = width_of(miniblock.iter().fold(0, |bits, value| bits | value));
        }
        Self { least, packed, widths }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<T: Delta>(values: &[T]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(values, &mut out);
        out
    }

    #[test]
    fn the_examples_of_the_specification_have_their_bytes() {
        // 1, 2, 3, 4, 5: all differences are 1, so no bits at all.
        assert_eq!(bytes(&[1_i32, 2, 3, 4, 5]), [0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0]);
        // 7, 5, 3, 1, 2, 3, 4, 5: least difference -2, the others 0 0 0 3 3 3 3 above it in two bits.
        let mut expected = vec![0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111];
        expected.resize(10 + 8, 0);
        let mut found = bytes(&[7_i32, 5, 3, 1, 2, 3, 4, 5]);
        found.resize(10 + 8, 0);
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_and_one_value_are_only_a_head() {
        assert_eq!(bytes::<i64>(&[]), [0x80, 1, 4, 0, 0]);
        assert_eq!(bytes(&[-1_i64]), [0x80, 1, 4, 1, 1]);
    }
}
