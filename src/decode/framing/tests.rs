use std::io::{Cursor, Read};

use super::*;

struct Case {
    name: &'static str,
    path: Option<&'static [&'static str]>,
    known: Option<&'static [&'static str]>,
    limit: usize,
    grammar: Grammar,
}

const JSON: Case = Case { name: "a.json", path: None, known: None, limit: 1 << 24, grammar: Grammar::Strict };
const LENIENT: Case = Case { grammar: Grammar::Lenient, ..JSON };

impl Case {
    fn open(&self, reader: Box<dyn Read + Send>) -> Result<Framing, DecodeError> {
        let options = FramingOptions {
            file_name: self.name.to_owned(),
            type_name: "vehicle_events".to_owned(),
            records_path: self.path.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
            known: self.known.map(|keys| Arc::new(|key: &str| keys.contains(&key)) as Known),
            grammar: self.grammar,
            max_record_bytes: self.limit,
        };
        Framing::open(Source::open(reader, self.name)?, options)
    }

    /// Offset and text of every record, and how it ended.
    fn cut(&self, text: impl AsRef<[u8]>) -> (Vec<(u64, String)>, Option<DecodeError>) {
        let mut framing = match self.open(Box::new(Cursor::new(text.as_ref().to_vec()))) {
            Ok(framing) => framing,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let mut records = Vec::new();
        loop {
            match framing.next() {
                Ok(Some(frame)) => {
                    assert_eq!(frame.number, records.len() as u64 + 1);
                    let text = String::from_utf8_lossy(framing.bytes(&frame)).into_owned();
                    records
                        .push((frame.offset, if frame.is_cut() { format!("{}…", frame.size) } else { text }));
                }
                Ok(None) => return (records, None),
                Err(error) => return (records, Some(error)),
            }
        }
    }

    fn records(&self, text: impl AsRef<[u8]>) -> Vec<(u64, String)> {
        let (records, error) = self.cut(text);
        assert!(error.is_none(), "{error:?}");
        records
    }

    fn error(&self, text: impl AsRef<[u8]>) -> DecodeError {
        self.cut(text).1.expect("an error")
    }
}

fn texts(records: Vec<(u64, String)>) -> Vec<String> {
    records.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn records_keep_their_places() {
    for (text, offsets) in [
        ("[{\"a\":1}, {\"a\":2}\n]\n", [1, 10]),
        ("{\"a\":1}\n{\"a\":2}", [0, 8]),
        ("{\"a\":1}\r\n\r\n {\"a\":2} \r\n", [0, 12]),
        ("{\"a\":1}{\"a\":2}", [0, 7]),
        ("\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n", [1, 10]),
        ("{\"x\":[{\"a\":1},{\"a\":2}],\"y\":\"]\"}", [6, 14]),
        ("\u{feff}[{\"a\":1},{\"a\":2}]", [4, 12]),
    ] {
        let expected: Vec<_> =
            offsets.iter().zip(["{\"a\":1}", "{\"a\":2}"]).map(|(&at, text)| (at, text.to_owned())).collect();
        let case = Case { known: Some(&["a"]), ..JSON };
        assert_eq!(case.records(text), expected, "{text}");
    }
}

#[test]
fn a_broken_line_costs_itself_only() {
    let lines = "{\"a\":1}\n{\"a\":\"x}\n]]]\n{\"a\":2}\n";
    assert_eq!(texts(JSON.records(lines)), ["{\"a\":1}", "{\"a\":\"x}", "]]]", "{\"a\":2}"]);
}

#[test]
fn a_line_of_other_white_space_is_a_record_and_is_passed() {
    let case = Case { name: "a.ndjson", ..JSON };
    assert_eq!(texts(case.records("\u{c}\n{\"a\":1}\u{b}\n\u{c}")), ["\u{c}", "{\"a\":1}\u{b}", "\u{c}"]);
}

#[test]
fn a_broken_element_whose_brackets_balance_costs_itself_only() {
    let text = "[{\"a\":1,}, nonsense, {\"a\" 2}, 5, \"x,]\", [1], {\"a\":3}]";
    let expected = ["{\"a\":1,}", "nonsense", "{\"a\" 2}", "5", "\"x,]\"", "[1]", "{\"a\":3}"];
    assert_eq!(texts(JSON.records(text)), expected);
}

#[test]
fn a_document_without_records_is_not_an_empty_file() {
    for text in ["[]", " [ ] ", "{\"vehicle_events\":[]}", "{\"data\":[ ],\"n\":[1,{\"x\":[]}]}"] {
        assert_eq!(JSON.records(text), [], "{text}");
    }
    for text in ["", " \n\t", "\u{feff}", "\u{feff}\r\n"] {
        assert_eq!(JSON.error(text).code, "file.empty", "{text:?}");
    }
}

#[test]
fn structural_errors_name_their_place() {
    for (text, code, line, column, message) in [
        ("[{\"a\":1}\n {\"a\":2}]", "json.syntax", 2, 2, "expected ',' or ']' after a record, found '{'"),
        ("[{\"a\":1},]", "json.syntax", 1, 9, "a comma is followed by ']', not by another record"),
        ("[{\"a\":1},,{}]", "json.syntax", 1, 10, "expected a record, found ','"),
        (
            "[{\"a\":1}] x",
            "json.syntax",
            1,
            11,
            "expected the end of the file behind the document, found 'x'",
        ),
        ("[{\"a\":[1}]", "json.syntax", 1, 9, "expected ',' or ']', found '}'"),
        ("[{\"a\":\"x},\n{\"b\":\"y\"}]", "json.syntax", 1, 11, "raw control character U+000A"),
        ("{\"data\":[{}],}", "json.syntax", 1, 14, "expected a key in double quotes, found '}'"),
        ("{\"data\":[{}],\"n\":tru}", "json.syntax", 1, 21, "the text ends inside true"),
        ("{\"data\":[{}],\"n\":}", "json.syntax", 1, 18, "expected a value, found '}'"),
        ("{\"data\":[{}]]", "json.syntax", 1, 13, "expected ',' or '}' after a value, found ']'"),
        ("{\"a\":1\n},\n{\"a\":2}", "json.syntax", 2, 2, "commas stand between the objects"),
        ("{\"a\":1\n}}", "json.syntax", 2, 2, "a closing bracket follows the document"),
        ("[{\"a\":1},{\"a\"", "json.truncated", 1, 14, "the file ends inside a value"),
        ("[{\"a\":1},", "json.truncated", 1, 10, "the file ends where a record is due"),
        ("[{\"a\":1}", "json.truncated", 1, 9, "the file ends where ',' or ']' after a record is due"),
        ("{\"data\":[{}]", "json.truncated", 1, 13, "the file ends where ',' or '}' after a value is due"),
        ("{\"data\":[{}],\"n\":[1,", "json.truncated", 1, 21, "the file ends inside a value"),
        ("[{\"a\":1,},{\"b\":1,", "json.truncated", 1, 18, "the file ends inside a value"),
        ("[{\"a\":1 x", "json.syntax", 1, 9, "expected ',' or '}', found 'x'"),
        ("{\"a\":\n", "json.truncated", 2, 1, "the file ends inside a value"),
        (
            "[\"\u{e9}\", {\"a\":1} \u{e9}]",
            "json.syntax",
            1,
            15,
            "expected ',' or ']' after a record, found 'é'",
        ),
    ] {
        let error = JSON.error(text);
        let place = error.position.map(|at| (at.line, at.column));
        assert_eq!((error.code, place), (code, Some((line, column))), "{text}: {error}");
        assert!(error.message.starts_with(message), "{text}: {error}");
        assert_eq!(error.is_truncation(), code == "json.truncated");
    }
}

#[test]
fn missing_outer_braces_are_recognised() {
    let error = JSON.error("\"vehicle_status\": [\n{\n\"vehicle_id\": \"x\",\n},\n]\n");
    assert_eq!(
        error.to_string(),
        "line 1, column 1 (byte 0): the document starts with a key: the outer braces are missing, near \
         `\"vehicle_status\": [\\n{\\n\"vehicle_id\": \"x\",\\n},\\n]\\n`"
    );
    assert!(error.hint.starts_with("put '{' before the first"), "{}", error.hint);
}

#[test]
fn records_path_leads_to_the_array() {
    let case = Case { path: Some(&["body", "rows"]), ..JSON };
    let text = "{\"rows\":[{\"no\":1}],\"body\":{\"n\":{\"rows\":1},\"rows\":[{\"a\":1},2],\"z\":[{}]},\"more\":[{}]}";
    assert_eq!(texts(case.records(text)), ["{\"a\":1}", "2"]);
    let case = Case { path: Some(&["a/b"]), ..JSON };
    assert_eq!(texts(case.records("{\"a/b\":[1]}")), ["1"]);
    for text in ["{\"x\":[]}", "{}", "[1]", "{\"rows\":{}}", "{\"rows\":5}", "{\"x\":1}"] {
        let case = Case { path: Some(&["rows"]), ..JSON };
        assert_eq!(case.error(text).code, "json.records_path", "{text}");
    }
    let case = Case { path: Some(&["rows"]), ..JSON };
    assert_eq!(case.error("{\"rows\":[],\"rows\":[]}").code, "json.ambiguous_root");
    assert_eq!(case.error("{\"rows\"").code, "json.truncated");
}

#[test]
fn members_around_the_records_are_counted() {
    let mut framing = JSON
        .open(Box::new(Cursor::new(&b"{\"n\":1,\"data\":[{}],\"m\":[[\"]\"]],\"o\":null}"[..])))
        .expect("a document");
    while framing.next().expect("valid").is_some() {}
    assert_eq!(framing.envelope_members(), 3);
}

#[test]
fn a_record_beyond_the_limit_is_cut_and_the_next_one_found() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(3_000_000));
    let size = large.len();
    for (text, name) in [
        (format!("{{\"a\":1}}\n{large}\n{{\"a\":2}}\n"), "a.ndjson"),
        (format!("{{\"a\":1}}\n{large}\n{{\"a\":2}}\n"), "a.json"),
        (format!("[{{\"a\":1}},{large},{{\"a\":2}}]"), "a.json"),
        (format!("{{\"z\":{large},\"data\":[{{\"a\":1}},{large},{{\"a\":2}}],\"y\":{large}}}"), "a.json"),
        (format!("{{\n\"a\":1}} {large} {{\"a\":2}}"), "a.json"),
    ] {
        for limit in [100, 2_500_000] {
            // The first member of the envelope would hide its array from the part that is looked at.
            let case = Case { name, limit, path: text.starts_with("{\"z\"").then_some(&["data"]), ..JSON };
            let found = texts(case.records(&text)).join("|").replace('\n', "");
            assert_eq!(found, format!("{{\"a\":1}}|{size}…|{{\"a\":2}}"), "{name} {limit}");
        }
    }
}

#[test]
fn a_large_root_is_decided_by_its_beginning() {
    let rows = vec!["{\"id\":1}"; 300_000].join(",");
    let case = Case { known: Some(&["id"]), ..JSON };
    assert_eq!(case.records(format!("{{\"rows\":[{rows}],\"n\":1}}")).len(), 300_000);
    let error = case.error(format!("{{\"rows\":[{rows}],\"more\":[ {{}} ]}}"));
    assert_eq!(error.code, "json.ambiguous_root");
    assert!(error.message.contains("\"more\" is another"), "{error}");
    let error = case.error(format!("{{\"rows\":[{rows}],\"id\":1}}"));
    assert!(error.message.contains("\"id\", a field of the schema"), "{error}");
    let error = case.error(format!("{{\"rows\":[{rows}],\"rows\":[]}}"));
    assert_eq!(error.code, "json.ambiguous_root");
}

/// A document that is made while it is read, in blocks of odd sizes.
struct Endless {
    rows: u64,
    left: Vec<u8>,
    block: usize,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left.is_empty() && self.rows > 0 {
            self.rows -= 1;
            let end = if self.rows == 0 { "]}\n" } else { ",\n" };
            self.left = format!("{{\"row\":{},\"t\":\"é\\\"]}}\"}}{end}", self.rows).into_bytes();
        }
        self.block = self.block % 17 + 1;
        let count = self.left.len().min(into.len()).min(self.block);
        into[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        Ok(count)
    }
}

#[test]
fn a_long_document_streams_through_one_buffer() {
    let reader = Endless { rows: 200_000, left: b"{\"data\":[".to_vec(), block: 0 };
    let mut framing = JSON.open(Box::new(reader)).expect("a document");
    let mut rows = 0;
    while let Some(frame) = framing.next().expect("valid") {
        rows += 1;
        let expected = format!("{{\"row\":{},\"t\":\"é\\\"]}}\"}}", 200_000 - rows);
        assert_eq!(std::str::from_utf8(framing.bytes(&frame)).expect("UTF-8"), expected);
    }
    assert_eq!(rows, 200_000);
}

#[test]
fn nesting_without_end_fails_the_file() {
    let case = Case { limit: 100, ..JSON };
    let error = case.error(format!("[{}", "[".repeat(structure::DEEPEST + 10)));
    assert_eq!(error.code, "json.depth");
}

#[test]
fn only_a_last_line_without_its_end_may_still_grow() {
    for (text, expected) in [("{\"a\":1}\n{\"a\"", [false, true]), ("{\"a\":1}\n{\"a\"\n", [false, false])] {
        let mut framing = JSON.open(Box::new(Cursor::new(text))).expect("lines");
        for at_end in expected {
            assert_eq!(framing.next().expect("a line").map(|frame| frame.at_end_of_file), Some(at_end));
        }
    }
}

#[test]
fn lenient_documents_are_cut_as_strict_ones() {
    for text in [
        "[{\"a\":1}, // one\n{\"a\":2}, # two\n /* three */ {\"a\":3},\n]",
        "\"vehicle_events\": [{\"a\":1},{\"a\":2},{\"a\":3}], // end",
        "vehicle_events /* x */ : [{\"a\":1},{\"a\":2},{\"a\":3}], more: {b: [1,],}, 'n': NaN",
        "{page: 1, data: [{\"a\":1},{\"a\":2},{\"a\":3},],}",
        "{\"a\":1},{\"a\":2},\n// end\n{\"a\":3},",
        "\u{feff}[{\"a\":1}, \u{feff} {\"a\":2}, {\"a\":3}]",
    ] {
        assert_eq!(texts(LENIENT.records(text)), ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"], "{text}");
    }
    assert_eq!(LENIENT.records("// x\n{a: 'b\n'} # y\n, {c: 1}")[1].0, 21);
}

#[test]
fn a_lenient_line_goes_on_while_something_is_open() {
    for (text, records) in [
        ("{\"a\":\"x\ny\"}\n{\"a\":1}\n", &["{\"a\":\"x\ny\"}", "{\"a\":1}"][..]),
        ("{'a': [\n1,\n]} // c\n{\"a\":1}\n", &["{'a': [\n1,\n]}", "{\"a\":1}"]),
        ("{\"a\":1} /* b\n */\n{\"a\":2}", &["{\"a\":1} /* b\n */", "{\"a\":2}"]),
        ("# head\n{\"a\":1},\n/* {\n */ {\"a\":2}", &["{\"a\":1},", "{\"a\":2}"]),
        // A quote that is missing costs no neighbour.
        ("{\"a\":\"x}\n{\"a\":2}\n{\"a\":3}\n", &["{\"a\":\"x}", "{\"a\":2}", "{\"a\":3}"]),
        ("{\"a\":\"x\n", &["{\"a\":\"x"]),
        ("{\"a\":'x}\n{\"a\":\"'}\n{}", &["{\"a\":'x}", "{\"a\":\"'}", "{}"]),
    ] {
        let case = Case { name: "a.ndjson", ..LENIENT };
        assert_eq!(texts(case.records(text)), records, "{text}");
    }
}

#[test]
fn what_leniency_cannot_mend_names_its_place() {
    for (text, place) in [
        ("[{a: 1}, /* x", "json.truncated: line 1, column 14 (byte 13): the file ends inside a comment"),
        (
            "[{a: 1}\n",
            "json.truncated: line 2, column 1 (byte 8): the file ends where ',' or ']' after a record is due",
        ),
        ("[{a: 1},, {a: 2}]", "json.syntax: line 1, column 9 (byte 8): expected a record, found ','"),
        (
            "events: [{a: 1}] }",
            "json.syntax: line 1, column 18 (byte 17): expected ',' or the end of the file after a value, found '}'",
        ),
        ("{data: [{a: 1}], = 2}", "json.syntax: line 1, column 18 (byte 17): expected a key, found '='"),
        ("[{a: [}]", "json.syntax: line 1, column 7 (byte 6): expected a value, found '}'"),
    ] {
        let error = LENIENT.error(text);
        let told = format!("{}: {error}", error.code);
        assert!(told.starts_with(place), "{text}: {told}");
    }
}

#[test]
fn strict_errors_name_leniency_where_it_would_help() {
    for (text, helps) in [
        ("\"vehicle_events\": [{\"a\":1}]", true),
        ("// x\n[{\"a\":1}]", true),
        ("[{\"a\":1},]", true),
        ("[{\"a\":1} /* x */]", true),
        ("{\"a\":1},{\"a\":2}", true),
        ("{\"data\":[{}],}", true),
        ("{data:[{}]}", true),
        ("{\"data\":[{}],\"n\":NaN}", true),
        ("[{\"a\":1", false),
        ("[{\"a\":1} x]", false),
        ("<xml/>", false),
    ] {
        let named = JSON.cut(text).1.is_some_and(|error| error.hint.contains("\"lenient\": true"));
        // An object that is no document is a record, and what is wrong with it is told there.
        let is_record = JSON.cut(text).1.is_none();
        assert!(named == helps || is_record, "{text}: {:?}", JSON.cut(text).1);
    }
}
