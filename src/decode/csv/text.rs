//! The bytes of a CSV file → UTF-8 text.
//!
//! CSV says nothing about its encoding, so it is found out, and what was found out is told: a setting, a byte order
//! mark, UTF-8, and only for a text that cannot be UTF-8 the encoding that most other files have. Bytes that mean
//! nothing in the chosen encoding are handed on as bytes that are no UTF-8, so that exactly their records are refused.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::decode::error::DecodeError;
use crate::decode::source::Source;

/// What the encoding and the dialect are found out from.
pub(super) const SAMPLE: usize = 1024 * 1024;

const BLOCK: usize = 256 * 1024;

/// Stands for bytes without a meaning; UTF-8 has no such byte.
const NO_TEXT: u8 = 0xff;

const MARKS: [(&[u8], &Encoding); 3] =
    [(&[0xef, 0xbb, 0xbf], UTF_8), (&[0xff, 0xfe], UTF_16LE), (&[0xfe, 0xff], UTF_16BE)];

/// The text of one file, as a stream.
pub(super) struct Text {
    source: Source,
    /// Absent for UTF-8, which is handed on as it is.
    decoder: Option<Decoder>,
    /// Text that was read and not yet handed out.
    ahead: Vec<u8>,
    raw: Vec<u8>,
    ended: bool,
    skipped: u64,
    chosen: Chosen,
}

/// The encoding of a text, and how it was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub encoding: &'static Encoding,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Setting,
    ByteOrderMark,
    /// The sample is UTF-8, or was surely meant to be.
    Valid,
    /// The sample cannot be UTF-8.
    Fallback,
}

impl Text {
    /// Reads a sample and decides on the encoding.
    ///
    /// # Errors
    /// `file.empty`, `file.encoding`, or those of reading.
    pub fn open(source: Source, setting: Option<&'static Encoding>) -> Result<Text, DecodeError> {
        let mut text = Text {
            source,
            decoder: None,
            ahead: Vec::new(),
            raw: Vec::new(),
            ended: false,
            skipped: 0,
            chosen: Chosen { encoding: UTF_8, reason: Reason::Valid },
        };
        let mut sample = Vec::new();
        while sample.len() < SAMPLE && !text.ended {
            text.read_raw(&mut sample)?;
        }
        if sample.is_empty() {
            return Err(DecodeError::new(
                "file.empty",
                "the file is empty",
                "send the file again if it should hold records; a header alone says that there are none",
            ));
        }
        let (chosen, mark) = choose(&sample, setting)?;
        text.chosen = chosen;
        if chosen.encoding == UTF_8 {
            text.skipped = mark as u64;
            sample.drain(..mark);
            text.ahead = sample;
        } else {
            let mut decoder = chosen.encoding.new_decoder_without_bom_handling();
            decode(&mut decoder, &sample[mark..], text.ended, &mut text.ahead);
            text.decoder = Some(decoder);
        }
        Ok(text)
    }

    /// The rest of a UTF-8 text, from a place behind its start.
    pub fn rest(source: Source) -> Text {
        Text {
            source,
            decoder: None,
            ahead: Vec::new(),
            raw: Vec::new(),
            ended: false,
            skipped: 0,
            chosen: Chosen { encoding: UTF_8, reason: Reason::Valid },
        }
    }

    /// What was read and not yet handed out, and the source of the rest, which is UTF-8; `Err` when the text has to be decoded
    /// on its way.
    pub fn into_utf8(self) -> Result<(Vec<u8>, Source), Box<Text>> {
        if self.decoder.is_none() { Ok((self.ahead, self.source)) } else { Err(Box::new(self)) }
    }

    pub fn chosen(&self) -> Chosen {
        self.chosen
    }

    /// The start of the text, and whether it is all of it.
    pub fn sample(&self) -> (&[u8], bool) {
        (&self.ahead, self.ended)
    }

    /// Leaves out the first bytes, which are no records.
    pub fn skip(&mut self, count: usize) {
        self.ahead.drain(..count);
        self.skipped += count as u64;
    }

    /// Bytes before the first that [`Text::read`] gives; of text that had to be decoded, in UTF-8.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Adds some text; false at its end.
    ///
    /// # Errors
    /// Those of [`Source::read`].
    pub fn read(&mut self, into: &mut Vec<u8>) -> Result<bool, DecodeError> {
        if !self.ahead.is_empty() {
            if into.is_empty() {
                *into = std::mem::take(&mut self.ahead);
            } else {
                into.append(&mut self.ahead);
            }
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        match self.decoder.take() {
            None => self.read_raw(into)?,
            Some(mut decoder) => {
                let mut raw = std::mem::take(&mut self.raw);
                raw.clear();
                self.read_raw(&mut raw)?;
                decode(&mut decoder, &raw, self.ended, into);
                self.raw = raw;
                self.decoder = Some(decoder);
            }
        }
        Ok(true)
    }

    fn read_raw(&mut self, into: &mut Vec<u8>) -> Result<(), DecodeError> {
        let filled = into.len();
        into.resize(filled + BLOCK, 0);
        let count = self.source.read(&mut into[filled..])?;
        into.truncate(filled + count);
        self.ended = count == 0;
        Ok(())
    }
}

fn decode(decoder: &mut Decoder, mut raw: &[u8], last: bool, into: &mut Vec<u8>) {
    loop {
        let filled = into.len();
        let room = decoder.max_utf8_buffer_length_without_replacement(raw.len()).unwrap_or(raw.len());
        into.resize(filled + room.max(16), 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(raw, &mut into[filled..], last);
        into.truncate(filled + written);
        raw = &raw[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => into.push(NO_TEXT),
        }
    }
}

/// The encoding of a text that starts like this, and the bytes of its byte order mark.
fn choose(sample: &[u8], setting: Option<&'static Encoding>) -> Result<(Chosen, usize), DecodeError> {
    if sample.starts_with(&[0xff, 0xfe, 0, 0]) || sample.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(DecodeError::new(
            "file.encoding",
            "the text is UTF-32",
            "convert it: iconv -f UTF-32 -t UTF-8 FILE > CONVERTED",
        ));
    }
    if let Some((mark, encoding)) = MARKS.iter().find(|(mark, _)| sample.starts_with(mark)) {
        return Ok((Chosen { encoding, reason: Reason::ByteOrderMark }, mark.len()));
    }
    if let Some(encoding) = setting {
        return Ok((Chosen { encoding, reason: Reason::Setting }, 0));
    }
    refuse_zeros(sample)?;
    let chosen = if is_utf8(sample) {
        Chosen { encoding: UTF_8, reason: Reason::Valid }
    } else {
        Chosen { encoding: WINDOWS_1252, reason: Reason::Fallback }
    };
    Ok((chosen, 0))
}

/// True for UTF-8, with a few broken bytes perhaps: those belong to records that will be refused.
fn is_utf8(sample: &[u8]) -> bool {
    if simdutf8::basic::from_utf8(sample).is_ok() {
        return true;
    }
    let (mut good, mut bad) = (0, 0);
    let mut chunks = sample.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        let is_cut_short = chunks.peek().is_none() && sample.len() >= SAMPLE;
        bad += usize::from(!chunk.invalid().is_empty() && !is_cut_short);
    }
    bad == 0 || good > bad
}

/// Every second byte of ASCII text is zero in UTF-16; elsewhere, zeros in numbers are no text.
fn refuse_zeros(sample: &[u8]) -> Result<(), DecodeError> {
    let start = &sample[..sample.len().min(4096)];
    let zeros_at = |parity: usize| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros_at(0), zeros_at(1));
    let half = start.len() / 2;
    let encoding = match (even * 10 > half * 4, odd * 10 > half * 4) {
        (true, false) => "utf-16be",
        (false, true) => "utf-16le",
        (false, false) if sample[0] != 0 => return Ok(()),
        _ => {
            return Err(DecodeError::new(
                "file.encoding",
                "byte 0 is NUL: the file is not text",
                "an interrupted copy often looks like this: send the file again",
            ));
        }
    };
    Err(DecodeError::new(
        "file.encoding",
        format!("the text looks like {encoding} without a byte order mark"),
        format!(r#"say so in the type's processing_config: {{"csv": {{"encoding": "{encoding}"}}}}"#),
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(bytes: &[u8], setting: Option<&'static Encoding>) -> Result<(Vec<u8>, Chosen), DecodeError> {
        let source = Source::of_any_encoding(Box::new(Cursor::new(bytes.to_vec())), "a.csv")?;
        let mut text = Text::open(source, setting)?;
        let mut all = Vec::new();
        while text.read(&mut all)? {}
        Ok((all, text.chosen()))
    }

    fn utf16(text: &str, bytes_of: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes_of).collect()
    }

    #[test]
    fn encodings_are_found_out() {
        let text = "id,name\n1,Zoë €\n";
        let windows = b"id,name\n1,Zo\xeb \x80\n".to_vec();
        for (bytes, setting, encoding, reason) in [
            (text.as_bytes().to_vec(), None, UTF_8, Reason::Valid),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), None, UTF_8, Reason::ByteOrderMark),
            (
                [vec![0xff, 0xfe], utf16(text, u16::to_le_bytes)].concat(),
                None,
                UTF_16LE,
                Reason::ByteOrderMark,
            ),
            (
                [vec![0xfe, 0xff], utf16(text, u16::to_be_bytes)].concat(),
                None,
                UTF_16BE,
                Reason::ByteOrderMark,
            ),
            (utf16(text, u16::to_be_bytes), Some(UTF_16BE), UTF_16BE, Reason::Setting),
            (windows.clone(), None, WINDOWS_1252, Reason::Fallback),
            (windows, Some(WINDOWS_1252), WINDOWS_1252, Reason::Setting),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Some(WINDOWS_1252), UTF_8, Reason::ByteOrderMark),
        ] {
            let (found, chosen) = read(&bytes, setting).expect("text");
            assert_eq!(String::from_utf8(found).expect("UTF-8"), text, "{encoding:?}");
            assert_eq!(chosen, Chosen { encoding, reason });
        }
    }

    #[test]
    fn a_broken_byte_in_utf8_does_not_change_the_encoding() {
        let (found, chosen) = read("é,é\nx\u{0}".as_bytes(), None).expect("text");
        assert_eq!((found.len(), chosen.encoding), ("é,é\nx\u{0}".len(), UTF_8));
        let (_, chosen) = read(b"\xc3\xa9,\xc3\xa9\n\xff,\xe9 \xe9\n", None).expect("text");
        assert_eq!(chosen.encoding, WINDOWS_1252);
        let (found, chosen) = read(b"\xc3\xa9,\xc3\xa9\n\xff\n", None).expect("text");
        assert_eq!((found.len(), chosen.encoding), (8, UTF_8));
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_byte_that_is_no_text() {
        let bytes = [0xff, 0xfe, b'a', 0, 0x3d, 0xd8, b'\n', 0];
        assert_eq!(read(&bytes, None).expect("text").0, b"a\xff\n");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for (bytes, code, part) in [
            (&b""[..], "file.empty", "is empty"),
            (b"PK\x03\x04....", "file.compression", "zip"),
            (b"\xff\xfe\0\0a\0\0\0", "file.encoding", "UTF-32"),
            (b"a\0,\0b\0\n\0", "file.encoding", "utf-16le"),
            (b"\0a\0,\0b\0\n", "file.encoding", "utf-16be"),
            (&[0; 100], "file.encoding", "NUL"),
        ] {
            let refused = read(bytes, None).expect_err("no text");
            assert_eq!(refused.code, code, "{refused}");
            assert!(refused.to_string().contains(part), "{refused}");
        }
    }
}
