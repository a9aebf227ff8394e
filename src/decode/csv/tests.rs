use std::io::Cursor;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;

use crate::decode::{Chunks, DecodeError, DecodeOptions, DecodePlan, Draft, RecordOptions, Reject, Tail};
use crate::schema::definition::compile;
use crate::schema::processing_config::{CsvSettings, OnUnknownField, ProcessingConfig};

const TEXTS: &str = r#"{"fields":[{"name":"a","type":"string"},{"name":"b","type":"string"}]}"#;

fn settings(csv: &str) -> CsvSettings {
    ProcessingConfig::parse(&format!("{{\"csv\":{csv}}}")).expect("a configuration").csv.expect("csv")
}

fn options(definition: &str) -> DecodeOptions {
    let schema = Arc::new(compile(definition).expect("a definition"));
    DecodeOptions { tail: Tail::Final, ..DecodeOptions::new(schema, "t.csv", "t") }
}

/// Rows as text, null as `-`, and rejects.
fn decode(bytes: &[u8], options: DecodeOptions) -> (Vec<Vec<String>>, Vec<Reject>, Option<DecodeError>) {
    let (name, tail) = (options.file_name.clone(), options.tail);
    let plan = DecodePlan::new(options).expect("a usable schema");
    let mut decoder = match plan.open(Box::new(Cursor::new(bytes.to_vec())), &name, tail) {
        Ok(decoder) => decoder,
        Err(error) => return (Vec::new(), Vec::new(), Some(error)),
    };
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    loop {
        match decoder.next_chunk() {
            Ok(Some(chunk)) => {
                assert_eq!(chunk.records_read, (chunk.batch.num_rows() + chunk.rejects.len()) as u64);
                rows.extend(shown(&chunk.batch));
                rejects.extend(chunk.rejects);
            }
            Ok(None) => return (rows, rejects, None),
            Err(error) => return (rows, rejects, Some(error)),
        }
    }
}

fn shown(batch: &RecordBatch) -> Vec<Vec<String>> {
    let format = FormatOptions::default().with_null("-");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &format).expect("a type with a text"))
        .collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect())
        .collect()
}

/// Rows of `a`, `b` and `_rescued`, separated by `|` and ` / `; then the rules of the rejects, or the error.
fn told(bytes: &[u8], options: DecodeOptions) -> String {
    let (rows, rejects, error) = decode(bytes, options);
    let mut parts: Vec<String> = rows.iter().map(|row| row.join("|")).collect();
    parts.extend(rejects.iter().map(|reject| format!("!{} {}", reject.record_number, reject.rule)));
    parts.extend(error.map(|error| format!("!! {}", error.code)));
    parts.join(" / ")
}

fn texts(bytes: &[u8]) -> String {
    told(bytes, DecodeOptions { on_unknown: OnUnknownField::Ignore, ..options(TEXTS) })
}

#[test]
fn the_files_of_the_world_are_read() {
    for (text, expected) in [
        ("a,b\n1,2\n", "1|2"),
        ("a,b\r\n1,2\r\n3,4", "1|2 / 3|4"),
        ("a,b\r1,2\r3,4\r", "1|2 / 3|4"),
        ("a,b\n1,2\r\n3,4\n\r\n5,6", "1|2 / 3|4 / 5|6"),
        ("\n\na,b\n\n1,2\n\n\n3,4\n\n", "1|2 / 3|4"),
        ("a,b\n\"x, y\",\"say \"\"hi\"\"\"\n", "x, y|say \"hi\""),
        ("a,b\n\"one\ntwo\",\"\r\n\"\n3,4\n", "one\ntwo|\r\n / 3|4"),
        ("\"a\",\"b\"\n\"1\",\"\"\n,\n", "1| / -|-"),
        ("a,b\n 1 , 2 \n", " 1 | 2 "),
        ("a,b\n5\" pipe,it's \"new\"\n3,4\n", "5\" pipe|it's \"new\" / 3|4"),
        ("a,b\n1,2,\n3,4,\n", "1|2 / 3|4"),
        ("a,b,\n1,2,\n3,4,\n", "1|2 / 3|4"),
        ("a,b\n1,2\n3,4,\n", "1|2 / !2 record.columns"),
        ("a,b\n1\n1,2\n1,2,3\n", "1|2 / !1 record.columns / !3 record.columns"),
        ("b,a\n1,2\n", "2|1"),
        ("b\n1\n", "-|1"),
        ("b,c\n1,2\n", "-|1"),
        ("sep=;\r\na;b\r\n1,5;2\r\n", "1,5|2"),
        ("\u{feff}a,b\n1,2\n", "1|2"),
        ("\u{feff}\"a\",b\n1,2\n", "1|2"),
        ("a\tb\n1,5\tx y\n", "1,5|x y"),
        ("a|b\n1|2\n", "1|2"),
        ("a,b\n", ""),
        ("a,b", ""),
        ("", "!! file.empty"),
        ("\n\r\n", "!! file.empty"),
        ("x,y\n1,2\n", "!! csv.header"),
        ("1,2\n3,4\n", "1|2 / 3|4"),
        ("1\n2\n", "1|- / 2|-"),
        ("a,b\n1,\"2\n3,4\n", "!! csv.unterminated_quote"),
        ("a,b\n0,0\n1,\"2\n3,4\n", "0|0 / !! csv.unterminated_quote"),
        ("a,b\n1,\"2\"x\n3,\"4\" \n5,6\n", "5|6 / !1 record.syntax / !2 record.syntax"),
        ("a,b\n1,\"2\n3,\"4\n5,6\n", "5|6 / !1 record.syntax"),
        ("a,b\nx\u{0}y,\u{0}\n", "x\u{0}y|\u{0}"),
        ("a,b\n\u{e9}\u{20ac},\u{1f600}\n", "\u{e9}\u{20ac}|\u{1f600}"),
        ("a,b\n'x, y','z'\n'v','w'\n", "x, y|z / v|w"),
        ("a,b\n\"x \\\"y\\\", z\",1\n", "x \"y\", z|1"),
        ("a,b\n\"C:\\\",1\n\"D:\\\",2\n", "C:\\|1 / D:\\|2"),
        ("a,b\n,,\n,\n", "-|- / !1 record.columns"),
        ("a,a\n1,2\n", "!! csv.duplicate_column"),
        ("a;b\n1;2\n\"3;\";4\n", "1|2 / 3;|4"),
        ("a,b\n-,N/A\n", "-|N/A"),
    ] {
        assert_eq!(texts(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn other_encodings_are_read() {
    let text = "a,b\nZoë,œuvre\n";
    let wide = |bytes_of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes_of).collect::<Vec<_>>();
    assert_eq!(texts(&[vec![0xff, 0xfe], wide(u16::to_le_bytes)].concat()), "Zoë|œuvre");
    assert_eq!(texts(&[vec![0xfe, 0xff], wide(u16::to_be_bytes)].concat()), "Zoë|œuvre");
    assert_eq!(texts(b"a,b\nZo\xeb,\x9cuvre\n"), "Zoë|œuvre");
    let csv = settings(r#"{"encoding":"iso-8859-15"}"#);
    assert_eq!(told(b"a,b\n\xa4,x\n", DecodeOptions { csv: Some(csv), ..options(TEXTS) }), "€|x|-");
}

#[test]
fn a_broken_character_costs_its_record() {
    let mut bytes = "a,b\né,é\n".as_bytes().to_vec();
    bytes.extend_from_slice(b"\xff,x\n1,2\n");
    let (rows, rejects, error) = decode(&bytes, options(TEXTS));
    assert!(error.is_none());
    assert_eq!(rows.len(), 2);
    assert_eq!((rejects[0].rule.as_str(), rejects[0].record_number), ("record.encoding", 2));
    assert_eq!(rejects[0].raw, b"\xff,x");
    assert!(rejects[0].message.contains("csv.encoding"), "{}", rejects[0].message);
}

#[test]
fn rejects_say_where_and_what() {
    let fields = r#"{"fields":[{"name":"id","type":"long","nullable":false,"minimum":1},{"name":"at","type":"timestamp"}]}"#;
    let text = "id,at,more\r\n1,2024-01-01T00:00:00Z,x\r\nx,,\r\n\r\n\"0\",,\r\n,,\r\n4,soon,\r\n5,\"a\nb\",\r\n6\r\n7,\"\"y,\r\n";
    let (rows, rejects, error) = decode(text.as_bytes(), options(fields));
    assert!(error.is_none());
    assert_eq!(rows, [["1", "2024-01-01T00:00:00Z", "{\"more\":\"x\"}"]]);
    let found: Vec<_> = rejects
        .iter()
        .map(|reject| {
            let offset = usize::try_from(reject.byte_offset).expect("a place");
            assert!(text.as_bytes()[offset..].starts_with(&reject.raw), "{reject:?}");
            format!("{} {} {}: {}", reject.record_number, reject.rule, reject.pointer, reject.message)
        })
        .collect();
    assert_eq!(
        found,
        [
            "2 record.type /id: /id is \"x\" (text), expected long",
            "3 record.minimum /id: /id: 0 is less than the minimum of 1",
            "4 record.required /id: /id is null; a value is required",
            "5 record.type /at: /at is \"soon\" (text), expected timestamp as RFC 3339 text, such as 2024-05-31T12:30:00Z",
            "6 record.type /at: /at is \"a\\nb\" (text), expected timestamp as RFC 3339 text, such as 2024-05-31T12:30:00Z",
            "7 record.columns : the record has 1 cell, expected 3",
            "8 record.syntax : column 5: cell 2 (at) goes on behind its closing quote; a quote inside quotes must be doubled",
        ]
    );
    assert_eq!(rejects[0].raw, b"x,,");
}

#[test]
fn cells_become_what_their_fields_are() {
    let value = |kind: &str, cell: &str| {
        let fields = format!(r#"{{"fields":[{{"name":"a",{kind}}},{{"name":"z","type":"long"}}]}}"#);
        let on_unknown = OnUnknownField::Ignore;
        let text = format!("a,z\n{cell},1\n");
        told(text.as_bytes(), DecodeOptions { on_unknown, ..options(&fields) }).replace("|1", "")
    };
    for (kind, cell, expected) in [
        (r#""type":"long""#, "42", "42"),
        (r#""type":"long""#, " +042 ", "42"),
        (r#""type":"long""#, "\"42\"", "42"),
        (r#""type":"long""#, "1e3", "1000"),
        (r#""type":"long""#, "1.5", "!1 record.type"),
        (r#""type":"long""#, "9223372036854775808", "!1 record.range"),
        (r#""type":"long""#, "\"\"", "-"),
        (r#""type":"long""#, "  ", "-"),
        (r#""type":"int""#, "2147483648", "!1 record.range"),
        (r#""type":"double""#, "1.10", "1.1"),
        (r#""type":"double""#, ".5", "0.5"),
        (r#""type":"double""#, "12345678901234567890", "!1 record.precision"),
        (r#""type":"double""#, "\"1,5\"", "!1 record.type"),
        (r#""type":"double""#, "NaN", "!1 record.type"),
        (r#""type":"decimal(20,2)""#, "12345678901234567.10", "12345678901234567.10"),
        (r#""type":"decimal(20,2)""#, "1.123", "!1 record.precision"),
        (r#""type":"boolean""#, "TRUE", "true"),
        (r#""type":"boolean""#, "0", "false"),
        (r#""type":"boolean""#, "maybe", "!1 record.type"),
        (r#""type":"date""#, "2024-02-29", "2024-02-29"),
        (r#""type":"date""#, "29.02.2024", "!1 record.type"),
        (r#""type":"timestamp""#, "2024-01-01 12:00:00", "2024-01-01T12:00:00Z"),
        (r#""type":"timestamp""#, "2024-01-01T12:00:00.5+02:00", "2024-01-01T10:00:00.500Z"),
        (r#""type":"timestamp","unit":"ms""#, "1704067200000", "2024-01-01T00:00:00Z"),
        (r#""type":"timestamp""#, "1704067200000", "!1 record.type"),
        (r#""type":"binary""#, "TWFu", "4d616e"),
        (r#""type":"json""#, "\"{\"\"x\"\": [1.10]}\"", "{\"x\": [1.10]}"),
        (r#""type":"json""#, "abc", "!1 record.type"),
        (r#""type":"list","items":"long""#, "\"[1, 2]\"", "[1, 2]"),
        (r#""type":"list","items":"long""#, "7", "!1 record.type"),
        (r#""type":"struct","fields":[{"name":"x","type":"long"}]"#, "\"{\"\"x\"\":5}\"", "{x: 5}"),
        (r#""type":"string""#, "\"\"", ""),
        (r#""type":"string""#, "", "-"),
        (r#""type":"string","nullable":false"#, "", "!1 record.required"),
        (r#""type":"string","enum":["on","off"]"#, "on", "on"),
        (r#""type":"string","enum":["on","off"]"#, "of", "!1 record.enum"),
    ] {
        assert_eq!(value(kind, cell), expected, "{kind} {cell}");
    }
}

#[test]
fn words_can_stand_for_no_value() {
    let fields = r#"{"fields":[{"name":"a","type":"string"},{"name":"b","type":"long"}]}"#;
    let csv = |text: &str| DecodeOptions {
        csv: Some(settings(text)),
        on_unknown: OnUnknownField::Ignore,
        ..options(fields)
    };
    let text = b"a,b\nNA,1\n\"NA\",NA\n,\"NA\"\nx,\n";
    assert_eq!(told(text, csv(r#"{"null":["","NA"]}"#)), "-|1 / NA|- / -|- / x|-");
    assert_eq!(told(text, csv(r#"{"null":"NA"}"#)), "-|1 / NA|- / |- / !4 record.type");
    assert_eq!(told(b"a,b\n,1\n", csv(r#"{"null":[]}"#)), "|1");
}

#[test]
fn settings_win_over_what_is_found() {
    let csv = |text: &str, bytes: &str| {
        told(
            bytes.as_bytes(),
            DecodeOptions { csv: Some(settings(text)), on_unknown: OnUnknownField::Ignore, ..options(TEXTS) },
        )
    };
    assert_eq!(csv(r#"{"delimiter":","}"#, "b,a;x\n1,2;3\n"), "-|1");
    assert_eq!(csv(r#"{"header":false}"#, "x,y\n1,2\n"), "x|y / 1|2");
    assert_eq!(csv(r#"{"header":true}"#, "a,2\n1,2\n"), "1|-");
    assert_eq!(csv(r#"{"columns":["b","a"]}"#, "x,y\n1,2\n"), "y|x / 2|1");
    assert_eq!(csv(r#"{"columns":["b","a"],"header":true}"#, "x,y\n1,2\n"), "2|1");
    assert_eq!(csv(r#"{"quote":""}"#, "a,b\n\"1,2\"\n"), "\"1|2\"");
    assert_eq!(csv(r#"{"quote":"'"}"#, "a,b\n'1,2','\"'\n"), "1,2|\"");
    assert_eq!(csv(r#"{"escape":"\\"}"#, "a,b\n\"1\\\",2\",3\n"), "1\",2|3");
}

#[test]
fn unknown_columns_are_kept_word_for_word() {
    let rescued = |text: &str| told(text.as_bytes(), options(TEXTS));
    assert_eq!(
        rescued("a,x,b,y\n1, 07 ,2,\n3,\"\",4,\"q\"\"\"\n"),
        "1|2|{\"x\":\" 07 \"} / 3|4|{\"x\":\"\",\"y\":\"q\\\"\"}"
    );
    assert_eq!(rescued("a,b,x,x,\n1,2,3,4,5\n"), "1|2|{\"x\":\"3\",\"x_2\":\"4\",\"column_5\":\"5\"}");
    let refused = |text: &str| {
        told(text.as_bytes(), DecodeOptions { on_unknown: OnUnknownField::Reject, ..options(TEXTS) })
    };
    assert_eq!(refused("a,x\n1,2\n"), "!! csv.unknown_column");
}

#[test]
fn an_unterminated_quote_is_found_where_it_opens() {
    let mut text = "a,b\n".to_owned();
    for number in 0..40_000 {
        text.push_str(&format!("{number},\"some\ntext of {number}\"\n"));
    }
    text.push_str("x,é,\"never\nclosed\n1,2\n");
    let (rows, _, error) = decode(text.as_bytes(), options(TEXTS));
    let error = error.expect("an open quote");
    assert_eq!((rows.len(), error.code), (40_000, "csv.unterminated_quote"));
    let position = error.position.expect("a place");
    assert_eq!((position.line, position.column), (80_002, 5));
    assert_eq!(text.as_bytes()[usize::try_from(position.offset).expect("small")], b'"');
}

#[test]
fn a_file_that_may_still_grow_is_not_refused() {
    let growing = |text: &str| {
        told(
            text.as_bytes(),
            DecodeOptions { tail: Tail::Growing, on_unknown: OnUnknownField::Ignore, ..options(TEXTS) },
        )
    };
    assert_eq!(growing("a,b\n1,2\n3"), "1|2 / !! csv.truncated");
    assert_eq!(growing("a,b\n1,2\n3,\"4"), "1|2 / !! csv.truncated");
    assert_eq!(growing("a,b\n1,2\n3,4"), "1|2 / 3|4");
    assert_eq!(growing("a,b\n1\n3,4\n"), "3|4 / !1 record.columns");
}

#[test]
fn large_cells_and_wide_records_are_read() {
    let cell = "x\n\"\"".repeat(2_500_000);
    let text = format!("a,b\n1,2\n\"{cell}\",3\n4,5\n");
    let (rows, rejects, error) = decode(text.as_bytes(), options(TEXTS));
    assert!(error.is_none() && rejects.is_empty());
    assert_eq!((rows.len(), rows[1][0].len()), (3, 7_500_000));

    let fields: Vec<_> = (0..2000).map(|at| format!(r#"{{"name":"c{at}","type":"long"}}"#)).collect();
    let names: Vec<_> = (0..2000).map(|at| format!("c{at}")).collect();
    let values: Vec<_> = (0..2000).map(|at| at.to_string()).collect();
    let text = format!("{}\n{}\n", names.join(","), values.join(","));
    let (rows, _, _) = decode(text.as_bytes(), options(&format!("{{\"fields\":[{}]}}", fields.join(","))));
    assert_eq!(rows[0][1999], "1999");
}

#[test]
fn a_record_past_the_limit_costs_itself() {
    let limited = |text: String| {
        told(
            text.as_bytes(),
            DecodeOptions { max_record_bytes: 1000, on_unknown: OnUnknownField::Ignore, ..options(TEXTS) },
        )
    };
    let long = "x".repeat(5_000_000);
    assert_eq!(limited(format!("a,b\n1,2\n{long},1\n3,4\n")), "1|2 / 3|4 / !2 record.too_large");
    assert_eq!(limited(format!("a,b\n1,2\n{},1\n3,4\n", &long[..2000])), "1|2 / 3|4 / !2 record.too_large");
    assert_eq!(limited(format!("a,b\n1,2\n{long}")), "1|2 / !2 record.too_large");
    assert_eq!(limited(format!("a,b\n1,2\n\"{long}")), "1|2 / !! csv.unterminated_quote");
}

fn inferred(name: &str, text: &str) -> (String, String) {
    let options = RecordOptions { tail: Tail::Final, ..RecordOptions::new(name, "t") };
    let draft = Draft::of(Box::new(Cursor::new(text.as_bytes().to_vec())), options).expect("records");
    let schema = compile(&draft.inferred.definition).expect("a definition");
    let fields = schema.fields.iter().map(|field| format!("{} {}", field.name, field.kind.name()));
    (fields.collect::<Vec<_>>().join(", "), draft.read_as.unwrap_or_default())
}

#[test]
fn types_are_inferred_from_all_records() {
    let (fields, how) = inferred(
        "t.csv",
        "id;zip;price;on;day;at;note;empty\n1;01234;1.5;true;2024-01-01;2024-01-01T00:00:00Z;x;\n2;90210;;false;2024-01-02;2024-01-02T00:00:00Z;7;\n",
    );
    assert_eq!(
        fields,
        "id long, zip string, price double, on boolean, day date, at timestamp, note string, empty string"
    );
    assert_eq!(how, "CSV, delimiter ';'");
    let (fields, _) = inferred("t.csv", "id,name,code\n\"1\",\"a\",\"3\"\n\"2\",\"b\",\"4\"\n");
    assert_eq!(fields, "id long, name string, code long");
    let (fields, _) = inferred("t.csv", "\"id\",\"name\",\"code\"\n1,\"a\",\"3\"\n2,\"b\",\"4\"\n");
    assert_eq!(fields, "id long, name string, code string");
    let (fields, how) = inferred("t.tsv", "1\ta\n2\tb\n");
    assert_eq!(fields, "column_1 long, column_2 string");
    assert!(how.starts_with("CSV, delimiter tab, no header; the first line looks like data"), "{how}");
    let (fields, _) = inferred("t.csv", ",a,a,b,\n0,1,2,3,\n1,1,2,3,\n");
    assert_eq!(fields, "column_1 long, a long, a_2 long, b long");
}

#[test]
fn what_is_inferred_from_a_file_loads_it() {
    let text = "id,n,n\n1,12345678901234567890,x\n2,2,\n";
    let options_of =
        |definition: &str| DecodeOptions { on_unknown: OnUnknownField::Reject, ..options(definition) };
    let options = RecordOptions::new("t.csv", "t");
    let draft = Draft::of(Box::new(Cursor::new(text.as_bytes().to_vec())), options).expect("records");
    assert_eq!(
        told(text.as_bytes(), options_of(&draft.inferred.definition)),
        "1|12345678901234567890|x / 2|2|-"
    );
}

/// A cell by RFC 4180; `None` is nothing at all, an empty text is quoted.
fn written(cell: Option<&String>, quote_all: bool) -> String {
    match cell {
        None => String::new(),
        Some(text) if quote_all || text.is_empty() || text.contains(['"', ',', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(text) => text.clone(),
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        rows in proptest::collection::vec((proptest::option::of("[ab,\"\n\r\té;']{0,6}"), proptest::option::of("\\PC{0,5}"), "[0-9]{1,3}"), 1..40),
        quote_all: bool,
        end in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let mut text = format!("a,b,n{end}");
        for (a, b, n) in &rows {
            text.push_str(&format!("{},{},{n}{end}", written(a.as_ref(), quote_all), written(b.as_ref(), quote_all)));
        }
        let definition = r#"{"fields":[{"name":"a","type":"string"},{"name":"b","type":"string"},{"name":"n","type":"string"}]}"#;
        let csv = settings(r#"{"delimiter":",","quote":"\"","header":true}"#);
        let options = DecodeOptions { csv: Some(csv), on_unknown: OnUnknownField::Ignore, ..options(definition) };
        let (found, rejects, error) = decode(text.as_bytes(), options);
        prop_assert!(rejects.is_empty() && error.is_none(), "{rejects:?} {error:?} {text:?}");
        let nothing = "-".to_owned();
        let expected: Vec<_> = rows.iter().map(|(a, b, n)| {
            vec![a.clone().unwrap_or(nothing.clone()), b.clone().unwrap_or(nothing.clone()), n.clone()]
        }).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b'\r'), Just(b';'), Just(b'\\'), Just(b'1'), any::<u8>()], 0..200)) {
        let _ = texts(&bytes);
        let _ = Draft::of(Box::new(Cursor::new(bytes)), RecordOptions::new("t.csv", "t"));
    }
}
