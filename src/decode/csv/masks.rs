//! Bytes looked for in 64 bytes at once, in plain code that compilers turn into vector instructions.

/// Where one of two bytes is: one bit for each byte, the lowest for the first.
#[inline]
pub(super) fn either(bytes: &[u8; 64], one: u8, other: u8) -> u64 {
    bits(bytes, |byte| (byte == one) | (byte == other))
}

/// Where a byte is.
#[inline]
pub(super) fn equal(bytes: &[u8; 64], needle: u8) -> u64 {
    bits(bytes, |byte| byte == needle)
}

#[inline]
fn bits(bytes: &[u8; 64], is_found: impl Fn(u8) -> bool) -> u64 {
    /// Of eight bytes that are 0 or 255, each keeps a bit of its own; the product adds them up in the highest byte.
    const OWN_BITS: u64 = 0x8040_2010_0804_0201;
    const ADD_UP: u64 = 0x0101_0101_0101_0101;
    let mut found = [0_u8; 64];
    for (found, &byte) in found.iter_mut().zip(bytes) {
        *found = if is_found(byte) { 255 } else { 0 };
    }
    let mut all = 0;
    for (at, eight) in found.as_chunks::<8>().0.iter().enumerate() {
        let own = u64::from_le_bytes(*eight) & OWN_BITS;
        all |= (own.wrapping_mul(ADD_UP) >> 56) << (8 * at);
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_where_the_bytes_are(bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), any::<u8>()], 64)) {
            let bytes: [u8; 64] = bytes.try_into().expect("64 bytes");
            let expected = |is_found: fn(u8) -> bool| {
                bytes.iter().enumerate().filter(|(_, byte)| is_found(**byte)).map(|(at, _)| 1_u64 << at).sum::<u64>()
            };
            prop_assert_eq!(equal(&bytes, b','), expected(|byte| byte == b','));
            prop_assert_eq!(either(&bytes, b',', b'\n'), expected(|byte| byte == b',' || byte == b'\n'));
        }
    }
}
