//! What is JSON, case by case: `y_` is, `n_` is not, `i_` is left open by RFC 8259 and decided here. Each case is
//! held against the parser by both grammars, and goes through the program as a value of a record.

mod cases;

use std::collections::BTreeSet;

use lakegate::decode::json;

use crate::ingest::bench::Bench;
use cases::{CASES, Case};

impl Case {
    fn by_strict(&self) -> bool {
        json::parse(self.text).is_ok()
    }

    fn by_lenient(&self) -> bool {
        json::utf8(self.text).and_then(json::parse_lenient).is_ok()
    }

    /// The case as one line of a record; `None` when it means something else there.
    fn as_line(&self, id: usize) -> Option<Vec<u8>> {
        let inside = !self.only_as_root && !self.text.contains(&b'\n');
        inside.then(|| [format!("{{\"id\":{id},\"v\":").as_bytes(), self.text, b"}\n"].concat())
    }
}

#[test]
fn both_grammars_take_what_they_should() {
    assert!(CASES.len() >= 150, "{} cases", CASES.len());
    let names: BTreeSet<_> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), CASES.len(), "names are unique");
    for case in CASES {
        let text = String::from_utf8_lossy(case.text);
        match &case.name[..2] {
            "y_" => assert!(case.strict && case.lenient, "{}: all JSON is lenient JSON", case.name),
            "n_" => assert!(!case.strict, "{}", case.name),
            _ => assert!(case.name.starts_with("i_"), "{}", case.name),
        }
        assert_eq!(case.by_strict(), case.strict, "strict, {}: {text}", case.name);
        assert_eq!(case.by_lenient(), case.lenient, "lenient, {}: {text}", case.name);
    }
}

#[test]
fn what_is_json_by_both_grammars_means_the_same() {
    for case in CASES.iter().filter(|case| case.strict) {
        let text = std::str::from_utf8(case.text).expect("JSON is text");
        assert_eq!(json::parse_text(text), json::parse_lenient(text), "{}", case.name);
    }
}

#[test]
fn serde_json_agrees_about_what_is_strict() {
    for case in CASES {
        let theirs = serde_json::from_slice::<serde_json::Value>(case.text).is_ok();
        assert_eq!(theirs, case.strict, "{}: {}", case.name, String::from_utf8_lossy(case.text));
    }
}

/// One record for each case; those that are not refused for their syntax.
fn accepted(config: &str, cases: &[(usize, &Case)]) -> BTreeSet<usize> {
    const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"json"}]}"#;
    let bench = Bench::with_type(FIELDS, config);
    let lines: Vec<u8> = cases.iter().filter_map(|(at, case)| case.as_line(*at)).flatten().collect();
    let ran = bench.load(&[("t_20220101.ndjson", &lines)]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let counts =
        &bench.ask("SELECT records_read AS r, records_written + records_rejected AS s FROM files")[0];
    assert_eq!((&counts["r"], &counts["s"]), (&cases.len().into(), &cases.len().into()));
    // Leniency ends where JSON columns begin: NaN is read, and refused for its type.
    let number = |row: &serde_json::Value, name: &str| row[name].as_u64().expect("a number") as usize;
    let written = bench.ask("SELECT id FROM t").iter().map(|row| number(row, "id")).collect::<Vec<_>>();
    let others = bench.ask("SELECT record_number AS n FROM rejects WHERE rule = 'record.type'");
    let others = others.iter().map(|row| cases[number(row, "n") - 1].0);
    written.into_iter().chain(others).collect()
}

#[test]
fn records_are_refused_for_what_is_not_json_and_for_nothing_else() {
    let inside: Vec<(usize, &Case)> =
        CASES.iter().enumerate().filter(|(at, case)| case.as_line(*at).is_some()).collect();
    type Takes = fn(&Case) -> bool;
    let grammars: [(&str, Takes); 2] = [
        (r#"{"max_reject_ratio":1}"#, |case| case.strict),
        (r#"{"max_reject_ratio":1,"lenient":true}"#, |case| case.lenient),
    ];
    for (config, takes) in grammars {
        let found = accepted(config, &inside);
        for (at, case) in &inside {
            let text = String::from_utf8_lossy(case.text);
            assert_eq!(found.contains(at), takes(case), "{config}, {}: {text}", case.name);
        }
    }
}

#[test]
fn a_schema_is_inferred_from_what_is_json_by_either_grammar() {
    let bench = Bench::new();
    for (at, case) in CASES.iter().enumerate().filter(|(at, _)| at % 5 == 0) {
        let Some(line) = case.as_line(at) else { continue };
        let document = [b"{\"rows\": [".as_slice(), line.trim_ascii(), b"]}"].concat();
        std::fs::write(bench.place.path("case.json"), &document).expect("a file");
        let ran = bench.place.run(&["types", "infer", "case.json"]);
        let text = String::from_utf8_lossy(&document);
        assert_eq!(ran.code, i32::from(!case.lenient), "{}: {text}: {}", case.name, ran.talk);
        let says_lenient = ran.talk.contains("\"lenient\": true}");
        assert_eq!(says_lenient, case.lenient && !case.strict, "{}: {}", case.name, ran.talk);
    }
}
