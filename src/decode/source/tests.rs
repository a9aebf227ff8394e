use std::io::Write;

use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).expect("memory")
}

fn read_all(bytes: &[u8], name: &str) -> Result<(Vec<u8>, u64), DecodeError> {
    let mut source = Source::open(Box::new(Cursor::new(bytes.to_vec())), name)?;
    let mut text = Vec::new();
    let mut block = [0; 7];
    loop {
        match source.read(&mut block)? {
            0 => return Ok((text, source.skipped())),
            count => text.extend_from_slice(&block[..count]),
        }
    }
}

fn text(bytes: &[u8], name: &str) -> String {
    String::from_utf8(read_all(bytes, name).expect("readable").0).expect("UTF-8")
}

fn code(bytes: &[u8], name: &str) -> &'static str {
    read_all(bytes, name).expect_err("not readable").code
}

#[test]
fn gzip_and_zstd_are_known_by_their_first_bytes() {
    assert_eq!(text(&gzip(b"[1]"), "a.json"), "[1]");
    assert_eq!(text(&zstd(b"[1]"), "a.json"), "[1]");
    assert_eq!(text(b"[1]", "a.json"), "[1]");
}

#[test]
fn members_and_frames_are_read_one_after_the_other() {
    let members = [gzip(b"[1,"), gzip(b""), gzip(b"2]")].concat();
    assert_eq!(text(&members, "a.json.GZ"), "[1,2]");
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
    let frames = [skippable.clone(), zstd(b"[1,"), skippable, zstd(b"2]")].concat();
    assert_eq!(text(&frames, "a.json.zst"), "[1,2]");
}

#[test]
fn a_name_that_promises_another_compression_is_an_error() {
    assert_eq!(code(b"[1]", "a.json.gz"), "file.compression");
    assert_eq!(code(&zstd(b"[1]"), "a.json.gz"), "file.compression");
    assert_eq!(code(b"[1]", "a.json.ZST"), "file.compression");
    assert_eq!(text(b"", "a.json.gz"), "");
}

#[test]
fn every_truncation_is_noticed() {
    for (whole, name) in [(gzip(b"[\"some text\"]"), "a.json.gz"), (zstd(b"[\"some text\"]"), "a.json.zst")] {
        for length in 1..whole.len() {
            assert_eq!(code(&whole[..length], name), "file.truncated", "{length} of {}", whole.len());
        }
    }
}

#[test]
fn corrupt_data_is_not_called_truncated() {
    let mut bytes = gzip(b"[\"some text\"]");
    let at = bytes.len() - 6;
    bytes[at] ^= 0xff;
    assert_eq!(code(&bytes, "a.json.gz"), "file.compression");
    assert_eq!(code(&[zstd(b"[1]"), b"garbage".to_vec()].concat(), "a.zst"), "file.compression");
    assert_eq!(code(&gzip(&gzip(b"[1]")), "a.gz"), "file.compression");
    assert_eq!(code(b"PK\x03\x04....", "a.json"), "file.compression");
}

#[test]
fn a_byte_order_mark_is_skipped_and_counted() {
    let (text, skipped) = read_all(b"\xef\xbb\xbf[1]", "a.json").expect("readable");
    assert_eq!((text.as_slice(), skipped), (&b"[1]"[..], 3));
}

#[test]
fn other_encodings_are_named() {
    for (bytes, name) in [
        (&b"\xff\xfe[\0"[..], "UTF-16LE"),
        (b"\xfe\xff\0[", "UTF-16BE"),
        (b"\xff\xfe\0\0[\0\0\0", "UTF-32LE"),
        (b"\0\0\xfe\xff\0\0\0[", "UTF-32BE"),
        (b"[\0{\0", "UTF-16LE"),
        (b"\0[\0{", "UTF-16BE"),
        (b"[\0\0\0", "UTF-32LE"),
        (b"\0\0\0[", "UTF-32BE"),
    ] {
        let error = read_all(bytes, "a.json").expect_err("not UTF-8");
        assert_eq!(error.code, "file.encoding");
        assert_eq!(error.message, format!("the text is {name}, not UTF-8"));
        assert!(error.hint.contains(&format!("iconv -f {name} ")), "{}", error.hint);
    }
    assert_eq!(code(&[0; 40], "a.json"), "file.encoding");
}

#[test]
fn a_failing_disk_is_not_a_damaged_file() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "stale handle"))
        }
    }
    let start = gzip(b"[1]");
    let reader = Cursor::new(start[..12].to_vec()).chain(Failing);
    let error = Source::open(Box::new(reader), "a.gz").expect_err("a failed read");
    assert!(error.is_io() && !error.is_truncation());
    assert_eq!(error.source.expect("the cause").to_string(), "stale handle");
}
