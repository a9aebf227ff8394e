//! Strings straight from bytes: where they end, and what their escapes stand for.

/// The first byte at or behind `at` that ends a run of plain string bytes: a quote, a backslash or a control character.
/// The end of `text` when there is none.
#[inline]
pub(super) fn plain_end(text: &[u8], mut at: usize) -> usize {
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let special = specials(block);
        if special != 0 {
            return at + special.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(&byte) = text.get(at) {
        if is_special(byte) {
            return at;
        }
        at += 1;
    }
    at
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// One bit for each special byte of a block, the first byte lowest.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(unsafe_code, reason = "calls for SSE2, which is part of every x86-64")]
fn specials(block: &[u8; 16]) -> u32 {
    unsafe { specials_sse2(block) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn specials_sse2(block: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let half = |from: usize| i64::from_le_bytes(std::array::from_fn(|byte| block[from + byte]));
    let bytes = _mm_set_epi64x(half(8), half(0));
    let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), controls)) as u32
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn specials(block: &[u8; 16]) -> u32 {
    block.iter().rev().fold(0, |bits, &byte| bits << 1 | u32::from(is_special(byte)))
}

/// Appends the text of a string to `out`; `at` is the byte behind its opening quote. The byte behind the closing
/// quote, or `None` for a string that is not valid or does not end.
#[inline]
pub(super) fn unescape(text: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    // Most strings are short: a whole block is copied, and what is too much is dropped again.
    if let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let special = specials(block);
        let length = special.trailing_zeros() as usize;
        if special != 0 && block[length] == b'"' {
            let before = out.len();
            out.extend_from_slice(block);
            out.truncate(before + length);
            return Some(at + length + 1);
        }
    }
    let end = plain_end(text, at);
    if text.get(end) == Some(&b'"') {
        out.extend_from_slice(&text[at..end]);
        return Some(end + 1);
    }
    unescape_on(text, at, end, out)
}

#[inline(never)]
fn unescape_on(text: &[u8], mut at: usize, mut end: usize, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        out.extend_from_slice(&text[at..end]);
        match text.get(end)? {
            b'"' => return Some(end + 1),
            b'\\' => at = escape(text, end + 1, out)?,
            _ => return None,
        }
        end = plain_end(text, at);
    }
}

/// Behind a backslash: appends what the escape stands for; the byte behind it.
fn escape(text: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let simple = match text.get(at)? {
        byte @ (b'"' | b'\\' | b'/') => *byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(text, at + 1, out),
        _ => return None,
    };
    out.push(simple);
    Some(at + 1)
}

fn unicode(text: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let first = four_hex(text, at)?;
    let (code, end) = match first {
        0xD800..=0xDBFF => {
            if text.get(at + 4..at + 6) != Some(b"\\u") {
                return None;
            }
            match four_hex(text, at + 6)? {
                second @ 0xDC00..=0xDFFF => (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), at + 10),
                _ => return None,
            }
        }
        other => (other, at + 4),
    };
    let mut bytes = [0; 4];
    out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut bytes).as_bytes());
    Some(end)
}

fn four_hex(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4)?;
    digits.iter().try_fold(0, |code, &byte| Some(code * 16 + char::from(byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json;
    use crate::decode::value::Node;

    proptest::proptest! {
        #[test]
        fn a_run_ends_at_its_first_special_byte(text in "[a-zé\"\\\\\u{0}\n ]{0,60}", at in 0_usize..60) {
            let at = at.min(text.len());
            let first = text.as_bytes()[at..].iter().position(|&byte| is_special(byte));
            proptest::prop_assert_eq!(plain_end(text.as_bytes(), at), first.map_or(text.len(), |step| at + step));
        }

        #[test]
        fn strings_are_those_of_the_parser(text in "\"([a-zé ]{0,20}|\\\\[\"\\\\/bfnrtux]|\\\\u(00|d8|dc)[0-9a-fg]{2}|\n){0,8}\"?") {
            let mut out = Vec::new();
            let found = unescape(text.as_bytes(), 1, &mut out).filter(|end| *end == text.len());
            let expected = match json::parse(text.as_bytes()).map(|value| value.node) {
                Ok(Node::String(expected)) => Some(expected.into_owned()),
                _ => None,
            };
            proptest::prop_assert_eq!(found.map(|_| String::from_utf8(out).expect("UTF-8")), expected);
        }
    }
}
