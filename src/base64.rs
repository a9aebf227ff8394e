//! Standard base64 (RFC 4648 section 4), padded, in its one canonical form.

/// The bytes, or `None` for any text that the encoder would not have written.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let padding = bytes.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = bytes.len().checked_sub(padding).filter(|_| padding <= 2)?;
    let mut decoded = Vec::with_capacity(body * 3 / 4);
    for group in bytes[..body].chunks(4) {
        let mut bits = 0_u32;
        for &byte in group {
            bits = bits << 6 | sextet(byte)?;
        }
        bits <<= 6 * (4 - group.len());
        let [_, first, second, third] = bits.to_be_bytes();
        let count = group.len() * 3 / 4;
        // Bits behind the last byte must be zero, or two texts would mean the same bytes.
        if [first, second, third][count..].iter().any(|&rest| rest != 0) {
            return None;
        }
        decoded.extend_from_slice(&[first, second, third][..count]);
    }
    Some(decoded)
}

/// Appends the text for these bytes.
pub fn encode(bytes: &[u8], text: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let at = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 0x3f) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The text for these bytes.
pub fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    encode(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_the_test_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encoded(bytes.as_bytes()), text);
        }
        assert_eq!(encoded(&[0xff, 0xfe, 0x00]), "//4A");
    }

    #[test]
    fn only_the_canonical_form_is_accepted() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("TQ==", Some(b"M")),
            ("TWE=", Some(b"Ma")),
            ("TWFu", Some(b"Man")),
            ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
            ("TR==", None),
            ("TWF=", None),
            ("TQ", None),
            ("T===", None),
            ("====", None),
            ("TQ=a", None),
            ("-_-_", None),
            ("TW u", None),
        ] {
            assert_eq!(decoded(text).as_deref(), bytes, "{text}");
            if let Some(bytes) = bytes {
                let mut written = String::new();
                encode(bytes, &mut written);
                assert_eq!(written, text);
            }
        }
    }
}
