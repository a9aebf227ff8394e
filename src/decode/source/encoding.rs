//! What the first bytes of a text say about its encoding.

use crate::decode::error::DecodeError;

const ENCODINGS: [(&[u8], &str); 4] = [
    (&[0xff, 0xfe, 0, 0], "UTF-32LE"),
    (&[0, 0, 0xfe, 0xff], "UTF-32BE"),
    (&[0xff, 0xfe], "UTF-16LE"),
    (&[0xfe, 0xff], "UTF-16BE"),
];

/// Content that is not text at all, by its magic number.
const CONTAINERS: [(&[u8], &str); 7] = [
    (&[0x1f, 0x8b], "gzip data inside compressed data"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd data inside compressed data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "bzip2 data"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz data"),
    (&[b'7', b'z', 0xbc, 0xaf], "a 7z archive"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4 data"),
];

/// Refuses content that is no text in any encoding.
pub(super) fn refuse_containers(head: &[u8]) -> Result<(), DecodeError> {
    match CONTAINERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        None => Ok(()),
        Some((_, what)) => Err(DecodeError::new(
            "file.compression",
            format!("the content is {what}"),
            "unpack it; files may be plain, or compressed once with gzip or zstd",
        )),
    }
}

/// The number of bytes before the text: those of a UTF-8 byte order mark, or none.
pub(super) fn text_start(head: &[u8]) -> Result<usize, DecodeError> {
    if let Some(encoding) = wide_encoding(head) {
        return Err(DecodeError::new(
            "file.encoding",
            format!("the text is {encoding}, not UTF-8"),
            format!("convert it: iconv -f {encoding} -t UTF-8 FILE > CONVERTED"),
        ));
    }
    if let Some(at) = head.iter().position(|byte| *byte == 0) {
        return Err(DecodeError::new(
            "file.encoding",
            format!("byte {at} is NUL: the file is not text"),
            "an interrupted copy often looks like this: send the file again",
        ));
    }
    Ok(if head.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 })
}

/// By byte order mark, or by the zero bytes that JSON's ASCII start leaves in a wide encoding.
fn wide_encoding(head: &[u8]) -> Option<&'static str> {
    if let Some((_, name)) = ENCODINGS.iter().find(|(mark, _)| head.starts_with(mark)) {
        return Some(name);
    }
    match head {
        [0, 0, 0, 1..=255, ..] => Some("UTF-32BE"),
        [1..=255, 0, 0, 0, ..] => Some("UTF-32LE"),
        [0, 1..=255, 0, 1..=255, ..] | [0, 1..=255] => Some("UTF-16BE"),
        [1..=255, 0, 1..=255, 0, ..] | [1..=255, 0] => Some("UTF-16LE"),
        _ => None,
    }
}
