//! Packing numbers into as few bits as the widest of them needs, lowest bit first.

/// The bits that the number needs; 0 needs none.
pub(super) fn width_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Appends the lowest `width` bits of each value and fills the last byte with zeros. Higher bits must be zero.
pub(super) fn pack<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    match width {
        0 => {}
        1..=32 => pack_narrow(values, width, out),
        _ => pack_wide(values, width, out),
    }
}

fn pack_narrow<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    out.reserve(packed_bytes(values.len(), width));
    let (mut pending, mut bits) = (0_u64, 0);
    for value in values {
        pending |= (*value).into() << bits;
        bits += width;
        // At most 31 bits stay, so that the next value always finds room.
        if bits >= 32 {
            out.extend_from_slice(&(pending as u32).to_le_bytes());
            pending >>= 32;
            bits -= 32;
        }
    }
    out.extend_from_slice(&pending.to_le_bytes()[..bits.div_ceil(8) as usize]);
}

fn pack_wide<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    out.reserve(packed_bytes(values.len(), width));
    let (mut pending, mut bits) = (0_u128, 0);
    for value in values {
        pending |= u128::from((*value).into()) << bits;
        bits += width;
        if bits >= 64 {
            out.extend_from_slice(&(pending as u64).to_le_bytes());
            pending >>= 64;
            bits -= 64;
        }
    }
    out.extend_from_slice(&pending.to_le_bytes()[..bits.div_ceil(8) as usize]);
}

pub(super) fn packed_bytes(values: usize, width: u32) -> usize {
    (values * width as usize).div_ceil(8)
}

/// Appends an unsigned number in groups of seven bits, the form of Parquet's and Thrift's lengths.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed number as an unsigned one that is small when the number is near zero.
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpack(bytes: &[u8], width: u32, count: usize) -> Vec<u64> {
        let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
        let width = width as usize;
        (0..count).map(|n| (0..width).map(|b| bit(n * width + b) << b).sum()).collect()
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(values in prop::collection::vec(any::<u64>(), 0..200), width in 0_u32..=64) {
            let mask = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
            let values: Vec<u64> = values.into_iter().map(|value| value & mask).collect();
            let mut out = vec![7];
            pack(&values, width, &mut out);
            prop_assert_eq!(out.len(), 1 + packed_bytes(values.len(), width));
            prop_assert_eq!(unpack(&out[1..], width, values.len()), values);
        }
    }

    #[test]
    fn small_numbers_of_either_sign_are_short() {
        let encoded = |value| {
            let mut out = Vec::new();
            put_varint(zigzag(value), &mut out);
            out
        };
        for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (63, vec![126]), (64, vec![0x80, 1])] {
            assert_eq!(encoded(value), bytes);
        }
        assert_eq!(encoded(i64::MIN).len(), 10);
    }
}
