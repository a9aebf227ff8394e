//! The direct road and the exact road must lead to the same place: the same rows, the same rejects, the same errors,
//! whatever the schema and the bytes, in one piece or in segments. For tests and for the fuzz target `roads`.

mod decoration;

use std::fmt::Write as _;
use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::chunk::Chunks;
use super::error::DecodeError;
use super::json::Grammar;
use super::newcomers::Newcomers;
use super::plan::{DecodeOptions, DecodePlan, Feed};
use super::records::Tail;
use super::reject::Reject;
use super::segments::Progress;
use crate::schema::definition;
use crate::schema::field::{Field, Kind, TableSchema};
use crate::schema::processing_config::{CsvSettings, OnUnknownField, Quote, Zone};

/// Everything that a file leads to.
#[derive(Debug, PartialEq)]
struct Outcome {
    rows: RecordBatch,
    rejects: Vec<Reject>,
    records_read: u64,
    unknown_fields: u64,
    /// Where they were, and how often; what is left out inside objects is not looked at on the direct road.
    newcomers: Vec<(String, u64)>,
    /// Number, offset and text of each row, when they are kept.
    texts: Vec<(u64, u64, Vec<u8>)>,
    error: Option<String>,
}

/// How much of the text before an error is shown depends on how much of it was at hand.
fn without_excerpt(error: DecodeError) -> String {
    let text = error.to_string();
    text.split(", near `").next().unwrap_or_default().to_owned()
}

/// Chunks as they come.
struct Gathering {
    batches: Vec<RecordBatch>,
    rejects: Vec<Reject>,
    records_read: u64,
    unknown_fields: u64,
    newcomers: Newcomers,
    texts: Vec<(u64, u64, Vec<u8>)>,
}

impl Gathering {
    fn new() -> Gathering {
        Gathering {
            batches: Vec::new(),
            rejects: Vec::new(),
            records_read: 0,
            unknown_fields: 0,
            newcomers: Newcomers::default(),
            texts: Vec::new(),
        }
    }

    fn add(&mut self, chunk: super::chunk::Chunk) {
        self.records_read += chunk.records_read;
        self.unknown_fields += chunk.unknown_fields;
        assert_eq!(chunk.records_read, (chunk.batch.num_rows() + chunk.rejects.len()) as u64);
        self.newcomers.merge(chunk.newcomers);
        self.rejects.extend(chunk.rejects);
        if let Some(texts) = &chunk.texts {
            assert_eq!(texts.len(), chunk.batch.num_rows());
            let rows = (0..texts.len()).map(|at| texts.row(at));
            self.texts.extend(rows.map(|row| (row.number, row.offset, row.raw.to_vec())));
        }
        self.batches.push(chunk.batch);
    }

    fn drain(&mut self, chunks: &mut dyn Chunks) -> Option<DecodeError> {
        loop {
            match chunks.next_chunk() {
                Ok(Some(chunk)) => self.add(chunk),
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    }

    fn outcome(self, plan: &DecodePlan, error: Option<DecodeError>) -> Outcome {
        Outcome {
            rows: concat_batches(&plan.arrow_schema(), &self.batches).expect("batches of one schema"),
            rejects: self.rejects,
            records_read: self.records_read,
            unknown_fields: self.unknown_fields,
            newcomers: if plan.options().on_unknown.keeps() { told(&self.newcomers) } else { Vec::new() },
            texts: self.texts,
            error: error.map(without_excerpt),
        }
    }
}

fn told(newcomers: &Newcomers) -> Vec<(String, u64)> {
    // Their order depends on where chunks end: refused records are looked at first.
    let mut told: Vec<_> =
        newcomers.fields().iter().map(|field| (field.place.to_string(), field.records)).collect();
    told.sort();
    told
}

fn reader(bytes: &[u8]) -> Box<dyn Read + Send> {
    Box::new(Cursor::new(bytes.to_vec()))
}

fn in_one_piece(options: &DecodeOptions, bytes: &[u8]) -> Outcome {
    let plan = DecodePlan::new(options.clone()).expect("a usable schema");
    let mut all = Gathering::new();
    let error = match plan.open(reader(bytes), &options.file_name, options.tail) {
        Ok(mut decoder) => all.drain(&mut decoder),
        Err(error) => Some(error),
    };
    all.outcome(&plan, error)
}

fn in_segments(options: &DecodeOptions, bytes: &[u8], size: usize) -> Outcome {
    let plan = DecodePlan::new(options.clone()).expect("a usable schema");
    let mut all = Gathering::new();
    let error = match plan.open_large(reader(bytes), &options.file_name, options.tail) {
        Ok(Feed::Stream(mut chunks)) => all.drain(chunks.as_mut()),
        Ok(Feed::Segments(segments)) => all.follow(segments.of_size(size)),
        Err(error) => Some(error),
    };
    all.outcome(&plan, error)
}

impl Gathering {
    fn follow(&mut self, mut segments: super::segments::Segments) -> Option<DecodeError> {
        let mut progress = Progress::start();
        let mut unread = Vec::new();
        loop {
            match segments.next() {
                Err(error) => return Some(error),
                Ok(None) => break,
                Ok(Some(segment)) => {
                    let decoded = segment.decode();
                    if !decoded.fits {
                        unread.push(decoded.into_segment());
                        break;
                    }
                    decoded.follow(&mut progress).into_iter().for_each(|chunk| self.add(chunk));
                }
            }
        }
        if unread.is_empty() && segments.is_at_end() {
            return None;
        }
        match segments.resume(unread, &progress) {
            Ok(mut rest) => self.drain(rest.as_mut()),
            Err(error) => Some(error),
        }
    }
}

/// Fails when the roads part.
fn all_agree(bytes: &[u8], options: &DecodeOptions, size: usize) {
    let exact = in_one_piece(&DecodeOptions { exact_only: true, ..options.clone() }, bytes);
    for (road, found) in
        [("direct", in_one_piece(options, bytes)), ("in segments", in_segments(options, bytes, size))]
    {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(found.error, exact.error, "{road}: {text}");
        assert_eq!(found.rejects, exact.rejects, "{road}: {text}");
        assert_eq!(found, exact, "{road}: {text}");
    }
}

/// Takes all roads with a schema that the seed makes: with these bytes, or without any with records that it makes, too.
///
/// # Panics
/// When the roads part.
pub fn compare(seed: u64, bytes: &[u8]) {
    let mut maker = Maker { random: fastrand::Rng::with_seed(seed), names: 0 };
    let fields = maker.fields(0);
    let demands = maker.demands(&fields);
    let text = format!("{{\"fields\":[{fields}]{demands}}}");
    let schema = Arc::new(definition::compile(&text).expect("a definition"));
    let unknown =
        [OnUnknownField::Rescue, OnUnknownField::Ignore, OnUnknownField::Reject, OnUnknownField::Evolve];
    let zone = if maker.chance(3) { Zone::Named(chrono_tz::Europe::Berlin) } else { Zone::UTC };
    let grammar = if maker.chance(3) { Grammar::Lenient } else { Grammar::Strict };
    let mut options = DecodeOptions {
        grammar,
        on_unknown: unknown[maker.random.usize(..4)],
        timezone: zone,
        tail: if maker.chance(2) { Tail::Growing } else { Tail::Final },
        chunk_rows: maker.random.usize(1..6),
        ..DecodeOptions::new(schema.clone(), "", "t")
    };
    if maker.chance(2) {
        options.csv = Some(maker.csv_settings());
    }
    let (name, made) = maker.file(&schema);
    options.file_name = name.to_owned();
    let bytes = if bytes.is_empty() { &made } else { bytes };
    all_agree(bytes, &options, maker.random.usize(1..200));
    if !name.ends_with("csv") {
        lenient_agrees(bytes, &options, &text, &mut maker.random);
    }
}

/// Fails when a strict text means something else under the lenient grammar, or when decorations change a value of it.
fn lenient_agrees(bytes: &[u8], options: &DecodeOptions, schema: &str, random: &mut fastrand::Rng) {
    let by = |grammar, bytes: &[u8]| in_one_piece(&DecodeOptions { grammar, ..options.clone() }, bytes);
    let strict = by(Grammar::Strict, bytes);
    let is_valid = |reject: &Reject| !matches!(reject.rule.as_str(), "record.syntax" | "record.encoding");
    if strict.error.is_some() || !strict.rejects.iter().all(is_valid) {
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(by(Grammar::Lenient, bytes), strict, "by the lenient grammar: {text}");
    // JSON columns hold the text itself, as far as it is strict.
    let is_told = options.on_unknown.keeps() || schema.contains("\"json\"");
    // Objects one after the other are told from lines by their lines.
    let in_lines = !(bytes.starts_with(b"[") || bytes.starts_with(b"{\"v\":1,\"rows\""));
    let Some(decorated) = decoration::decorated(bytes, in_lines, random) else { return };
    if !is_told {
        let found = by(Grammar::Lenient, &decorated);
        let text = String::from_utf8_lossy(&decorated);
        assert_eq!(found.error, None, "decorated: {text}");
        let causes = |outcome: &Outcome| -> Vec<_> {
            let cause = |reject: &Reject| (reject.record_number, reject.pointer.clone(), reject.rule.clone());
            outcome.rejects.iter().map(cause).collect()
        };
        assert_eq!(causes(&found), causes(&strict), "decorated: {text}");
        assert_eq!(found.rows, strict.rows, "decorated: {text}");
    }
    all_agree(
        &decorated,
        &DecodeOptions { grammar: Grammar::Lenient, ..options.clone() },
        random.usize(1..200),
    );
}

/// Makes schemas and records from a number.
struct Maker {
    random: fastrand::Rng,
    names: usize,
}

const SCALARS: [&str; 13] = [
    r#""type":"string""#,
    r#""type":"boolean""#,
    r#""type":"int""#,
    r#""type":"long""#,
    r#""type":"float""#,
    r#""type":"double""#,
    r#""type":"decimal(9,2)""#,
    r#""type":"date""#,
    r#""type":"timestamp""#,
    r#""type":"timestamp","unit":"ms""#,
    r#""type":"timestamp_ns""#,
    r#""type":"binary""#,
    r#""type":"json""#,
];

const RULES: [(&str, &str); 16] = [
    ("string", r#""enum":["on","off","été"]"#),
    ("string", r#""min_length":2,"max_length":5"#),
    ("string", r#""pattern":"^[a-z]+$""#),
    ("string", r#""format":"email""#),
    ("int", r#""minimum":-5,"maximum":50"#),
    ("int", r#""enum":[1,2,3]"#),
    ("long", r#""minimum":0"#),
    ("long", r#""minimum":-0.5,"maximum":1e3"#),
    ("double", r#""minimum":0,"maximum":0.1"#),
    ("double", r#""enum":[0.1,1]"#),
    ("float", r#""maximum":2.5"#),
    ("decimal(9,2)", r#""minimum":0.5,"maximum":1000"#),
    ("date", r#""minimum":"2020-02-29""#),
    ("timestamp", r#""maximum":"2024-05-01T12:00:00Z""#),
    ("timestamp_ns", r#""minimum":"2020-01-01""#),
    ("boolean", r#""enum":[true]"#),
];

const TEXTS: [&str; 14] = [
    "on",
    "off",
    "été",
    "",
    "a",
    "x@y.org",
    "2024-05-01",
    "2024-05-01T12:00:00Z",
    "2024-05-01T12:00:00.123456+02:00",
    "2023-02-29",
    "TWFu",
    "12.50",
    "a\\n\\u00e9\\ud83d\\ude00\\/",
    "\\ud800",
];

const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "42",
    "1.0",
    "1.5",
    "1e3",
    "1E-2",
    "0.1",
    "0.10",
    "-0.0",
    "123456789.12",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "12345678901234567890",
    "0.30000000000000004",
    "3.141592653589793",
    "01",
    "1.",
];

impl Maker {
    fn pick<'s>(&mut self, of: &[&'s str]) -> &'s str {
        of[self.random.usize(..of.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.random.usize(..one_in) == 0
    }

    /// The inside of a field's definition, without its name.
    fn kind(&mut self, depth: usize) -> String {
        match self.random.usize(..if depth < 3 { 20 } else { 15 }) {
            15 | 16 => format!(r#""type":"struct","fields":[{}]"#, self.fields(depth + 1)),
            17 | 18 => format!(r#""type":"list","items":{{{}}}"#, self.kind(depth + 1)),
            19 => format!(r#""type":"map","items":{{{}}}"#, self.kind(depth + 1)),
            13 | 14 => {
                let (kind, rule) = RULES[self.random.usize(..RULES.len())];
                format!(r#""type":"{kind}",{rule}"#)
            }
            scalar => SCALARS[scalar].to_owned(),
        }
    }

    fn fields(&mut self, depth: usize) -> String {
        let mut fields = Vec::new();
        for _ in 0..=self.random.usize(..4) {
            self.names += 1;
            let (number, kind) = (self.names, self.kind(depth));
            let mut field = format!(r#"{{"name":"f{number}",{kind}"#);
            if self.chance(4) {
                field.push_str(r#","nullable":false"#);
            }
            if self.chance(5) {
                let _ = write!(field, r#","aliases":["a{number}"]"#);
            }
            fields.push(field + "}");
        }
        fields.join(",")
    }

    /// Sometimes a check and a unique key over the first columns that can have them.
    fn demands(&mut self, fields: &str) -> String {
        if self.chance(2) {
            return String::new();
        }
        let schema = definition::compile(&format!("{{\"fields\":[{fields}]}}")).expect("a definition");
        let numbers: Vec<&str> = schema
            .fields
            .iter()
            .filter(|field| matches!(field.kind, Kind::Int | Kind::Long))
            .map(|field| field.name.as_str())
            .collect();
        let any = schema.fields[self.random.usize(..schema.fields.len())].name.clone();
        let exprs = match numbers.as_slice() {
            [] => vec![format!("{any} is not null")],
            numbers => {
                let (a, b) = (self.pick(numbers), self.pick(numbers));
                vec![
                    format!("{a} >= {b} - 1"),
                    format!("100 / {a} < 40"),
                    format!("{a} * 4611686018427387904 <> 0 or {any} is null"),
                ]
            }
        };
        let check = |(at, expr): (usize, &String)| format!("{{\"name\":\"c{at}\",\"expr\":\"{expr}\"}}");
        let mut text =
            format!(",\"checks\":[{}]", exprs.iter().enumerate().map(check).collect::<Vec<_>>().join(","));
        if let (Some(number), true) = (numbers.first(), self.chance(2)) {
            let _ = write!(text, ",\"unique\":[[\"{number}\"]]");
        }
        text
    }

    fn space(&mut self) -> &'static str {
        match self.random.usize(..12) {
            0 => " ",
            1 => "\t ",
            _ => "",
        }
    }

    fn value(&mut self, kind: &Kind) -> String {
        if self.chance(14) {
            return self
                .pick(&["null", "true", "{}", "[]", "\"\"", "1", "nul", "[1,]", "{\"x\":1}"])
                .to_owned();
        }
        match kind {
            Kind::String | Kind::Date | Kind::Timestamp { epoch: None, .. } | Kind::Binary => self.text(kind),
            Kind::Timestamp { .. } if self.chance(2) => self.text(kind),
            Kind::Boolean => self.pick(&["true", "false"]).to_owned(),
            Kind::Json => self
                .pick(&["{\"a\": [1, {}],\"a\":2}", "[ ]", "1.10", "\"x\\n\"", "false", "{\"b\":\"\\q\"}"])
                .to_owned(),
            Kind::Struct(fields) => self.object(fields),
            Kind::List(item) => {
                let items: Vec<_> = (0..self.random.usize(..4)).map(|_| self.value(&item.kind)).collect();
                let (before, between) = (self.space(), format!(",{}", self.space()));
                format!("[{before}{}]", items.join(&between))
            }
            Kind::Map(value) => {
                let entry = |at: usize, maker: &mut Maker| format!("\"k{at}\":{}", maker.value(&value.kind));
                let repeat = self.chance(10);
                let entries: Vec<_> =
                    (0..self.random.usize(..4)).map(|at| entry(if repeat { 0 } else { at }, self)).collect();
                format!("{{{}}}", entries.join(","))
            }
            _ if self.chance(3) => self.random.i64(-1000..1000).to_string(),
            _ if self.chance(3) => (self.random.f64() * 1000.0).to_string(),
            _ => self.pick(&NUMBERS).to_owned(),
        }
    }

    fn text(&mut self, kind: &Kind) -> String {
        let text = match kind {
            Kind::Date if !self.chance(3) => "2024-05-01",
            Kind::Timestamp { .. } if !self.chance(3) => "2024-05-01T12:00:00Z",
            _ => self.pick(&TEXTS),
        };
        format!("\"{text}\"")
    }

    fn object(&mut self, fields: &[Field]) -> String {
        let mut members = Vec::new();
        for field in fields {
            if self.chance(9) {
                continue;
            }
            let key = match field.aliases.first() {
                Some(alias) if self.chance(2) => alias,
                _ => &field.name,
            };
            let (colon, value) = (format!("{}:{}", self.space(), self.space()), self.value(&field.kind));
            members.push(format!("\"{key}\"{colon}{value}"));
            if self.chance(40) {
                members.push(format!("\"{key}\":{value}"));
            }
        }
        if self.chance(12) {
            let value = self.value(&Kind::Json);
            members.push(format!("\"new\":{value}"));
        }
        if self.chance(12) {
            self.random.shuffle(&mut members);
        }
        let comma = format!("{},{}", self.space(), self.space());
        format!("{{{}{}}}", self.space(), members.join(&comma))
    }

    fn csv_settings(&mut self) -> CsvSettings {
        let nulls = if self.chance(3) { Some(vec!["1".to_owned(), "on".to_owned()]) } else { None };
        let escape = self.chance(6).then_some(b'\\');
        let quote = if self.chance(6) { Quote::Never } else { Quote::Byte(b'"') };
        let header = Some(!self.chance(6));
        CsvSettings {
            delimiter: Some(b','),
            quote: Some(quote),
            escape,
            header,
            nulls,
            ..CsvSettings::default()
        }
    }

    /// Records as rows of cells, behind a header.
    fn table(&mut self, fields: &[Field]) -> String {
        let mut columns: Vec<Option<&Field>> = fields.iter().filter(|_| !self.chance(9)).map(Some).collect();
        if self.chance(4) {
            columns.push(None);
        }
        if self.chance(4) {
            self.random.shuffle(&mut columns);
        }
        let name = |field: &Option<&Field>, maker: &mut Maker| match field {
            None => maker.pick(&["new", "", "f1"]).to_owned(),
            Some(field) => match field.aliases.first() {
                Some(alias) if maker.chance(2) => alias.clone(),
                _ => field.name.clone(),
            },
        };
        let mut records = vec![columns.iter().map(|field| name(field, self)).collect::<Vec<_>>().join(",")];
        for _ in 0..self.random.usize(1..12) {
            let mut cells: Vec<_> = columns.iter().map(|field| self.cell(*field)).collect();
            match self.random.usize(..30) {
                0 => drop(cells.pop()),
                1 => cells.push(self.cell(None)),
                _ => {}
            }
            records.push(cells.join(","));
        }
        records.join(self.pick(&["\n", "\r\n", "\n\n"])) + self.pick(&["\n", "", "\r\n"])
    }

    /// A value as a cell has it.
    fn cell(&mut self, field: Option<&Field>) -> String {
        let value = match field {
            Some(field) => self.value(&field.kind),
            None => self.value(&Kind::Json),
        };
        let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&value);
        let text = match self.random.usize(..16) {
            0 => "",
            1 => " ",
            2 => self.pick(&["+7", "007", ".5", "TRUE", "no", "5\" pipe", "a,b", "2024-05-01 12:00:00"]),
            _ => text,
        };
        let text = format!("{}{text}{}", self.space(), self.space());
        let must_be_quoted = text.contains([',', '\n', '\r']) || text.starts_with('"');
        if must_be_quoted || self.chance(5) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    }

    /// A file of such records: as lines, as an array, below a root key, one behind the other, or as CSV.
    fn file(&mut self, schema: &TableSchema) -> (&'static str, Vec<u8>) {
        let records: Vec<_> = (0..self.random.usize(1..12)).map(|_| self.object(&schema.fields)).collect();
        let (name, text) = match self.random.usize(..7) {
            4.. => ("t.csv", self.table(&schema.fields)),
            0 => ("t.ndjson", records.join(self.pick(&["\n", "\r\n", " \n\n"])) + self.pick(&["\n", ""])),
            1 => ("t.json", format!("[{}]", records.join(self.pick(&[",", ",\n", "\n,\n"])))),
            2 => ("t.json", format!("{{\"v\":1,\"rows\":[{}],\"w\":[2]}}", records.join(", "))),
            _ => ("t.json", records.join(self.pick(&["", " ", "\n"]))),
        };
        let mut bytes = text.into_bytes();
        if self.chance(4) {
            for _ in 0..self.random.usize(1..3) {
                let at = self.random.usize(..bytes.len());
                match self.random.usize(..4) {
                    0 => bytes[at] = self.random.u8(..),
                    1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b"\"\\{}[],:0e.-\n \xc3'/*#N"[self.random.usize(..20)]),
                    _ => bytes.truncate(at.max(1)),
                }
                if bytes.is_empty() {
                    bytes.push(b'[');
                }
            }
        }
        (name, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(if cfg!(debug_assertions) { 2000 } else { 200_000 }))]

        #[test]
        fn all_roads_lead_to_the_same_place(seed: u64) {
            compare(seed, &[]);
        }
    }

    #[test]
    fn the_direct_road_and_segments_are_taken() {
        let schema = Arc::new(
            definition::compile(r#"{"fields":[{"name":"a","type":"long"}]}"#).expect("a definition"),
        );
        let plan = DecodePlan::new(DecodeOptions::new(schema, "", "t")).expect("a plan");
        let text = "{\"a\":1}\n".repeat(300_000);
        let Ok(Feed::Segments(mut segments)) =
            plan.open_large(reader(text.as_bytes()), "t.json", Tail::Final)
        else {
            panic!("segments");
        };
        let mut progress = Progress::start();
        while let Some(segment) = segments.next().expect("memory") {
            let decoded = segment.decode();
            assert!(decoded.fits);
            decoded.follow(&mut progress);
        }
        assert!(segments.is_at_end());
    }
}
