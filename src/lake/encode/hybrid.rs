//! The run-length and bit-packing hybrid: levels and dictionary indices.
//!
//! Values that repeat become runs; the rest is packed in groups of eight.

use super::bits::{pack, put_varint};

/// Values that must repeat before a run of their own pays.
const SHORTEST_RUN: usize = 16;
const GROUP: usize = 8;

/// Appends all values, each at most `width` bits wide.
pub(super) fn encode<T: Copy + Into<u64> + PartialEq>(values: &[T], width: u32, out: &mut Vec<u8>) {
    let (mut literals, mut at) = (0, 0);
    while at < values.len() {
        let first = values[at];
        let group = &values[at..values.len().min(at + GROUP)];
        if group.len() == GROUP && group.iter().all(|value| *value == first) {
            let run = values[at..].iter().take_while(|value| **value == first).count();
            if run >= SHORTEST_RUN {
                put_literals(&values[literals..at], width, out);
                put_run(first, run, width, out);
                at += run;
                literals = at;
                continue;
            }
        }
        at += group.len();
    }
    put_literals(&values[literals..], width, out);
}

/// Appends one value that repeats.
pub(super) fn put_run<T: Into<u64>>(value: T, count: usize, width: u32, out: &mut Vec<u8>) {
    put_varint((count as u64) << 1, out);
    out.extend_from_slice(&value.into().to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends the head of a packed run of so many values; a group that is not full must be filled up with zeros.
pub(super) fn put_packed_head(values: usize, out: &mut Vec<u8>) {
    put_varint((values.div_ceil(GROUP) as u64) << 1 | 1, out);
}

fn put_literals<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    put_packed_head(values.len(), out);
    let full = values.len().next_multiple_of(GROUP) * width as usize / 8;
    let end = out.len() + full;
    pack(values, width, out);
    out.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bits::width_of;
    use super::*;

    fn varint(bytes: &mut &[u8]) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn decode(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while !bytes.is_empty() {
            let head = varint(&mut bytes);
            if head & 1 == 0 {
                let length = width.div_ceil(8) as usize;
                let value = bytes[..length].iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                bytes = &bytes[length..];
                values.extend(std::iter::repeat_n(value, head >> 1));
            } else {
                let packed = (head >> 1) * width as usize;
                let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
                let width = width as usize;
                values.extend(
                    (0..(head >> 1) * 8).map(|n| (0..width).map(|b| bit(n * width + b) << b).sum::<u32>()),
                );
                bytes = &bytes[packed..];
            }
        }
        values.truncate(count);
        values
    }

    proptest! {
        #[test]
        fn runs_and_literals_come_back(runs in prop::collection::vec((0_u32..300, 1_usize..60), 0..40)) {
            let values: Vec<u32> =
                runs.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count)).collect();
            let width = width_of(u64::from(values.iter().copied().max().unwrap_or(0)));
            let mut out = Vec::new();
            encode(&values, width, &mut out);
            if width > 0 {
                prop_assert_eq!(decode(&out, width, values.len()), values);
            }
        }
    }

    #[test]
    fn a_constant_is_one_run() {
        let mut out = Vec::new();
        encode(&[1_u32; 100_000], 1, &mut out);
        assert_eq!(out, [0xc0, 0x9a, 0x0c, 1]);
    }
}
