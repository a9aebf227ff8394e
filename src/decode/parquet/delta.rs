//! Lengths in the encoding DELTA_BINARY_PACKED, summed up: what a page of texts will take before anyone makes room for it.
//!
//! In DELTA_BYTE_ARRAY each text names how much of the one before it begins with, so that a small page can stand for any
//! amount of text.

use super::thrift::Walk;

/// Lengths of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub count: u64,
    pub sum: u64,
    /// Bytes that they take in the page.
    pub encoded: usize,
}

impl Lengths {
    /// Reads at most so many lengths from the start of `bytes`. `None` when they break the rules.
    pub fn of(bytes: &[u8], most: u64) -> Option<Lengths> {
        let mut walk = Walk::new(bytes);
        let block = walk.varint().ok()?;
        let minis = usize::try_from(walk.varint().ok()?).ok()?;
        let count = walk.varint().ok()?;
        let mut value = walk.integer().ok()?;
        let per_mini = block.checked_div(minis as u64)?;
        if count > most || per_mini == 0 || per_mini % 8 != 0 || minis > bytes.len() {
            return None;
        }
        let (mut at, mut left) = (walk.at(), count.saturating_sub(1));
        let mut sum = if count > 0 { u64::try_from(value).ok()? } else { 0 };
        while left > 0 {
            let mut head = Walk::new(bytes.get(at..)?);
            let least = head.integer().ok()?;
            at += head.at();
            let widths = bytes.get(at..at.checked_add(minis)?)?;
            at += minis;
            for &width in widths {
                if left == 0 {
                    break;
                }
                let length = usize::try_from(per_mini.checked_mul(u64::from(width))? / 8).ok()?;
                let packed = bytes.get(at..at.checked_add(length)?)?;
                at += length;
                for place in 0..left.min(per_mini) {
                    let delta = least.wrapping_add(unpacked(packed, place, width)? as i64);
                    value = value.wrapping_add(delta);
                    sum = sum.checked_add(u64::try_from(value).ok()?)?;
                }
                left -= left.min(per_mini);
            }
        }
        Some(Lengths { count, sum, encoded: at })
    }
}

/// The number at a place of numbers of `width` bits, lowest bits first.
fn unpacked(packed: &[u8], place: u64, width: u8) -> Option<u64> {
    if width > 64 {
        return None;
    }
    let first = usize::try_from(place).ok()? * usize::from(width);
    let mut bytes = [0_u8; 9];
    let end = (first + usize::from(width)).div_ceil(8);
    let taken = packed.get(first / 8..end)?;
    bytes.get_mut(..taken.len())?.copy_from_slice(taken);
    let low =
        u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]);
    let all = u128::from(low) | u128::from(bytes[8]) << 64;
    let mask = (1_u128 << width) - 1;
    Some((all >> (first % 8) & mask) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of 128 in four parts, all of one width.
    fn encoded(values: &[i64], width: u8) -> Vec<u8> {
        let zigzag = |value: i64| ((value << 1) ^ (value >> 63)) as u64;
        let varint = |mut value: u64, out: &mut Vec<u8>| {
            while value >= 0x80 {
                out.push(value as u8 | 0x80);
                value >>= 7;
            }
            out.push(value as u8);
        };
        let mut out = vec![0x80, 0x01, 4];
        varint(values.len() as u64, &mut out);
        varint(zigzag(values[0]), &mut out);
        let deltas: Vec<i64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for block in deltas.chunks(128) {
            let least = *block.iter().min().expect("values");
            varint(zigzag(least), &mut out);
            out.extend([width; 4]);
            for mini in block.chunks(32) {
                let mut bits = vec![0_u8; 32 * usize::from(width) / 8];
                for (place, delta) in mini.iter().enumerate() {
                    for bit in (0..usize::from(width)).filter(|bit| (delta - least) >> bit & 1 == 1) {
                        let at = place * usize::from(width) + bit;
                        bits[at / 8] |= 1 << (at % 8);
                    }
                }
                out.extend(bits);
            }
        }
        out
    }

    #[test]
    fn lengths_add_up() {
        for count in [1, 2, 33, 128, 129, 1000] {
            let values: Vec<i64> = (0..count).map(|at| (at * 37) % 101).collect();
            let bytes = encoded(&values, 9);
            let lengths = Lengths::of(&bytes, 1000).expect("lengths");
            let sum = values.iter().sum::<i64>() as u64;
            assert_eq!((lengths.count, lengths.sum), (count as u64, sum));
            assert!(lengths.encoded <= bytes.len());
        }
    }

    #[test]
    fn what_breaks_the_rules_has_no_lengths() {
        let bytes = encoded(&[5, 6, 7], 9);
        assert_eq!(Lengths::of(&bytes, 2), None);
        assert_eq!(Lengths::of(&bytes[..8], 3), None);
        assert_eq!(Lengths::of(&encoded(&[5, -1], 9), 3), None);
        assert_eq!(Lengths::of(&[0xff; 40], u64::MAX), None);
    }
}
