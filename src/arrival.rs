//! What a file's name says: type key, time, format.
//!
//! `<type>_<timestamp>.<ext>[.gz|.zst]`, in all the spellings of the contract. Pure text, no I/O.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// What the name of a file tells about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// `[a-z][a-z0-9_]*`, from what stands before the time.
    pub type_key: String,
    /// The time in the name, as written; midnight when it is only a date.
    pub time: Option<NaiveDateTime>,
    /// `None` when the extension is not one that Lakegate loads.
    pub format: Option<Format>,
}

/// The format that an extension names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`: array, lines, root array or one object.
    Json,
    /// `.ndjson`, `.jsonl`: one record a line.
    Lines,
    /// `.csv`, `.tsv`: cells between separators.
    Csv,
    /// `.parquet`: columns in row groups.
    Parquet,
}

/// Names that are never touched: hidden ones and those that a sender still writes under.
pub fn is_in_progress(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.starts_with('.')
        || [".tmp", ".part", ".partial", ".crdownload", ".filepart"].iter().any(|end| lower.ends_with(end))
}

impl Arrival {
    /// Reads a name. Never fails: a name without a usable type key gets one made from its hash.
    pub fn read(name: &str) -> Self {
        let (stem, format) = split_format(name);
        let (before, time) = split_time(stem);
        let text = if before.is_empty() { stem } else { before };
        Self { type_key: slug(text), time, format }
    }
}

const EXTENSIONS: [(&str, Format); 6] = [
    (".ndjson", Format::Lines),
    (".jsonl", Format::Lines),
    (".json", Format::Json),
    (".csv", Format::Csv),
    (".tsv", Format::Csv),
    (".parquet", Format::Parquet),
];

fn split_format(name: &str) -> (&str, Option<Format>) {
    let mut stem = name;
    for compression in [".gz", ".zst"] {
        stem = strip_end(stem, compression).unwrap_or(stem);
    }
    for (end, format) in EXTENSIONS {
        if let Some(rest) = strip_end(stem, end) {
            return (rest, Some(format));
        }
    }
    // The key of a file that cannot be loaded still names the folder where it ends.
    let known = stem.rsplit_once('.').filter(|(rest, end)| !rest.is_empty() && is_extension(end));
    (known.map_or(stem, |(rest, _)| rest), None)
}

/// `xml`, `txt`: short, and not a number.
fn is_extension(end: &str) -> bool {
    (1..=8).contains(&end.len())
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && end.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn strip_end<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let cut = name.len().checked_sub(end.len())?;
    let (rest, tail) = name.split_at_checked(cut)?;
    tail.eq_ignore_ascii_case(end).then_some(rest)
}

/// (what stands before the time, the time): the first real date that stands between separators.
fn split_time(stem: &str) -> (&str, Option<NaiveDateTime>) {
    let separators = stem.bytes().enumerate().filter(|(_, byte)| is_separator(*byte)).map(|(at, _)| at);
    let starts = std::iter::once((0, 0)).chain(separators.map(|at| (at, at + 1)));
    for (before, start) in starts {
        if let Some(time) = time_before_separator(&stem.as_bytes()[start..]) {
            return (&stem[..before], Some(time));
        }
    }
    (stem, None)
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'.' | b' ')
}

/// A date, with or without time and zone, that ends the text or is followed by a separator.
fn time_before_separator(text: &[u8]) -> Option<NaiveDateTime> {
    let mut scan = Scan { text };
    let date = scan.date()?;
    let after_date = Scan { text: scan.text };
    // What follows the date may be no time at all (`20220606_001`): then only the date counts.
    let time = scan.clock().filter(|_| scan.at_end());
    match time {
        Some(time) => Some(date.and_time(time)),
        None => after_date.at_end().then(|| date.and_time(NaiveTime::MIN)),
    }
}

struct Scan<'a> {
    text: &'a [u8],
}

impl Scan<'_> {
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.text.split_at_checked(digits)?;
        let value =
            number.iter().try_fold(0, |sum, byte| Some(sum * 10 + char::from(*byte).to_digit(10)?))?;
        self.text = rest;
        Some(value)
    }

    fn skip(&mut self, any: &[u8]) -> bool {
        let found = self.text.first().is_some_and(|byte| any.contains(byte));
        self.text = &self.text[usize::from(found)..];
        found
    }

    fn date(&mut self) -> Option<NaiveDate> {
        let year = self.number(4)?;
        self.skip(b"-");
        let month = self.number(2)?;
        self.skip(b"-");
        let day = self.number(2)?;
        let year = i32::try_from(year).ok().filter(|year| (1900..=2200).contains(year))?;
        NaiveDate::from_ymd_opt(year, month, day)
    }

    fn clock(&mut self) -> Option<NaiveTime> {
        self.skip(b"Tt_- ");
        let hour = self.number(2)?;
        self.skip(b":-");
        let minute = self.number(2)?;
        self.skip(b":-");
        let second = self.number(2).unwrap_or(0);
        if matches!(self.text, [b'.' | b',', b'0'..=b'9', ..]) {
            self.text = &self.text[1..];
            while self.number(1).is_some() {}
        }
        self.zone();
        NaiveTime::from_hms_opt(hour, minute, second)
    }

    /// `Z` or an offset; the partition date is the date as written, so its value does not matter.
    fn zone(&mut self) {
        if !self.skip(b"Zz") && matches!(self.text, [b'+', ..]) {
            self.text = &self.text[1..];
            self.number(2);
            self.skip(b":");
            self.number(2);
        }
    }

    fn at_end(&self) -> bool {
        self.text.first().is_none_or(|byte| is_separator(*byte))
    }
}

/// Reads a time or a date that a type's own pattern captured.
pub fn read_time(text: &str) -> Option<NaiveDateTime> {
    time_before_separator(text.as_bytes())
}

/// `[a-z][a-z0-9_]*`, at most 63 characters.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_');
    match slug.bytes().next() {
        None => format!("type_{}", &blake3::hash(text.as_bytes()).to_hex()[..8]),
        Some(b'a'..=b'z') if slug.len() <= 63 => slug.to_owned(),
        Some(b'a'..=b'z') => {
            format!("{}_{}", slug[..54].trim_end_matches('_'), &blake3::hash(text.as_bytes()).to_hex()[..8])
        }
        Some(_) => self::slug(&format!("t_{slug}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(name: &str) -> (String, String) {
        let arrival = Arrival::read(name);
        let time = arrival.time.map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string());
        (arrival.type_key, time.unwrap_or_default())
    }

    #[test]
    fn names_are_read_in_all_their_spellings() {
        for (name, key, time) in [
            ("vehicles_events_20220606000234.json", "vehicles_events", "2022-06-06 00:02:34"),
            ("vehicles-status-20220509000234.JSON.GZ", "vehicles_status", "2022-05-09 00:02:34"),
            ("orders_20220606.ndjson", "orders", "2022-06-06 00:00:00"),
            ("orders_2022-06-06.jsonl.zst", "orders", "2022-06-06 00:00:00"),
            ("orders-2022-06-06T00:02:34Z.json", "orders", "2022-06-06 00:02:34"),
            ("orders-2022-06-06T00-02-34.546Z.json", "orders", "2022-06-06 00:02:34"),
            ("orders_20220606T000234Z.json", "orders", "2022-06-06 00:02:34"),
            ("orders_2022-06-06_00-02-34.json", "orders", "2022-06-06 00:02:34"),
            ("orders_2022-06-06T00:02:34+02:00.json", "orders", "2022-06-06 00:02:34"),
            ("orders_20220606000234_001.json", "orders", "2022-06-06 00:02:34"),
            ("Vehicle.Events_20220606.json", "vehicle_events", "2022-06-06 00:00:00"),
            ("orders_20220606_001.json", "orders", "2022-06-06 00:00:00"),
            ("orders_202206060002.json", "orders", "2022-06-06 00:02:00"),
            ("2022-06-06_orders.json", "t_2022_06_06_orders", "2022-06-06 00:00:00"),
            ("orders.json", "orders", ""),
            ("orders_20221306.json", "orders_20221306", ""),
            ("orders_12345678901234.json", "orders_12345678901234", ""),
            ("2022 totals.json", "t_2022_totals", ""),
            ("20220606.json", "t_20220606", "2022-06-06 00:00:00"),
            ("a..b/../c.json", "a_b_c", ""),
        ] {
            assert_eq!(read(name), (key.to_owned(), time.to_owned()), "{name}");
        }
    }

    #[test]
    fn names_in_progress_are_recognised_in_any_case() {
        for name in [".orders.json", "orders.json.TMP", "a.part", "a.partial", "a.crdownload", "a.filepart"] {
            assert!(is_in_progress(name), "{name}");
        }
        assert!(!is_in_progress("department.json"));
    }

    #[test]
    fn other_extensions_have_no_format() {
        assert_eq!(Arrival::read("orders.xml").format, None);
        assert_eq!(read("orders_20220606.xml").0, "orders");
        assert_eq!(Arrival::read("orders.gz").format, None);
        assert_eq!(Arrival::read("orders_20220606.TSV.zst").format, Some(Format::Csv));
        assert_eq!(Arrival::read("orders.jsonl.gz").format, Some(Format::Lines));
    }

    proptest! {
        #[test]
        fn every_name_has_a_usable_type_key(name in "\\PC{0,80}") {
            let key = Arrival::read(&name).type_key;
            prop_assert!(key.len() <= 63);
            prop_assert!(key.starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert!(key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            prop_assert_eq!(slug(&key), key);
        }
    }
}
