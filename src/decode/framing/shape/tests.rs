use super::*;

fn decided(text: &str, name: &str, known: Option<&[&str]>) -> String {
    decided_in(text, true, name, known)
}

fn decided_in(text: &str, whole: bool, name: &str, known: Option<&[&str]>) -> String {
    decided_by(Grammar::Strict, text, whole, name, known)
}

fn decided_by(grammar: Grammar, text: &str, whole: bool, name: &str, known: Option<&[&str]>) -> String {
    let known: Option<Known> = known.map(|keys| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        std::sync::Arc::new(move |key: &str| keys.iter().any(|known| known == key)) as Known
    });
    let clues = Clues {
        grammar,
        lines: name.ends_with(".ndjson"),
        records_path: None,
        known: known.as_ref(),
        type_name: "vehicle_events",
    };
    match decide(text.as_bytes(), whole, &clues) {
        Ok(None) => "empty".to_owned(),
        Ok(Some(Shape::Lines)) => "lines".to_owned(),
        Ok(Some(Shape::Sequence)) => "sequence".to_owned(),
        Ok(Some(Shape::Braceless)) => "braceless".to_owned(),
        Ok(Some(Shape::Elements { path, bare, .. })) => {
            format!("elements of {}/{}", if bare { "bare " } else { "" }, path.join("/"))
        }
        Err(refusal) => refusal.code.to_owned(),
    }
}

#[test]
fn the_usual_shapes_are_told_apart() {
    for (text, shape) in [
        ("", "empty"),
        (" \r\n\t\u{1e}\n", "empty"),
        ("[]", "elements of /"),
        ("\n [ {\"a\":1}\n]", "elements of /"),
        ("{\"a\":1}", "sequence"),
        ("{\"a\":1}\n\n", "sequence"),
        ("{\n\"a\":1\n}\n", "sequence"),
        ("{\n\"a\":1\n}\n{\n\"a\":2\n}\n", "sequence"),
        ("{\"a\":1}{\"a\":2}", "sequence"),
        ("{\"a\":1}{\"a\":2}\n{\"a\":3}\n", "sequence"),
        ("{\"a\":1}\r{\"a\":2}\r", "sequence"),
        ("{\"a\":1}\n{\n\"a\":2\n}\n", "sequence"),
        ("{\"a\":1}\n{\"a\":2}", "lines"),
        ("\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n", "lines"),
        ("{\"a\":1}\r\n\r\n{\"a\":2}\r\n", "lines"),
        ("{\"a\":1}\n{\"a\":", "lines"),
        ("{\"a\":1}\nrubbish", "lines"),
        // Envelopes.
        ("{\"vehicle_events\":[{\"a\":1}]}", "elements of /vehicle_events"),
        ("{\"vehicles_events\":\n[\n{\"a\":1}\n]\n}", "elements of /vehicles_events"),
        ("{\"count\":1,\"Vehicle-Event\":[{}]}", "elements of /Vehicle-Event"),
        ("{\"anything\":[{\"a\":1},{\"a\":2}]}", "elements of /anything"),
        ("{\"anything\":[]}", "elements of /anything"),
        ("{\"n\":0,\"data\":[]}", "elements of /data"),
        ("{\"n\":0,\"other\":[]}", "sequence"),
        ("{\"page\":1,\"data\":[{}],\"tags\":[1]}", "elements of /data"),
        ("{\"page\":1,\"other\":[{}]}", "sequence"),
        ("{\"other\":[1,2]}", "sequence"),
        ("{\"a\":[{}],\"b\":[{}]}", "sequence"),
        ("{}", "sequence"),
        // Cut short while it is being written.
        ("{\"vehicle_events\":[\n{\"a\":1}", "elements of /vehicle_events"),
        ("{\"vehicle_events\":[{\"a\":1},{\"a\"", "elements of /vehicle_events"),
        ("{\"vehicle_events\":[\n{\"a\":1},\n{\"a\":2},\n{\"a\"", "elements of /vehicle_events"),
    ] {
        assert_eq!(decided(text, "a.json", None), shape, "{text}");
    }
}

#[test]
fn a_damaged_line_does_not_hide_that_there_are_lines() {
    for first in
        ["{\"a\":1", "{\"a\":\"x}", "{\"a\":1}}", "\"a\":1}", "rubbish", "{\"a\":[1}", "# comment", "}"]
    {
        let text = format!("{first}\n{{\"a\":2}}\n{{\"a\":3}}\n");
        assert_eq!(decided(&text, "a.json", None), "lines", "{text}");
        assert_eq!(decided(&text, "a.ndjson", None), "lines", "{text}");
    }
}

#[test]
fn a_document_with_objects_on_its_lines_stays_a_document() {
    for text in [
        "{\"vehicle_events\": [\n{\"a\":1},\n{\"a\":2}\n]}\n",
        "{\"vehicle_events\": [\n{\"a\":1}\n]}\n",
        "{\"vehicle_events\":\n[\n{\"a\":1}\n,{\"a\":1}\n]\n}\n",
        "{\n\"vehicle_events\": [\n{\"a\":1}\n]\n}",
    ] {
        for name in ["a.json", "a.ndjson"] {
            assert_eq!(decided(text, name, None), "elements of /vehicle_events", "{text}");
        }
    }
}

#[test]
fn the_extension_decides_where_the_content_does_not() {
    for (text, shape) in [
        ("{\"a\":1}", "lines"),
        ("{\"data\":[{\"a\":1}]}", "lines"),
        ("{\"a\":1", "lines"),
        ("rubbish", "lines"),
        ("{\"a\":1}{\"a\":2}", "sequence"),
        ("{\"a\":\n{\"b\":", "lines"),
        ("{\n\"a\":1\n}\n", "sequence"),
        ("[\n{\"a\":1},\n{\"a\":2}\n]\n", "elements of /"),
        ("[{\"a\":1}]\n", "elements of /"),
        ("[1]\n[2]\n", "lines"),
    ] {
        assert_eq!(decided(text, "a.ndjson", None), shape, "{text}");
    }
}

#[test]
fn a_root_with_a_field_of_the_schema_is_a_record() {
    let known: Option<&[&str]> = Some(&["id", "items"]);
    for (text, shape) in [
        ("{\"items\":[{\"x\":1}]}", "sequence"),
        ("{\"id\":1,\"rows\":[{}]}", "sequence"),
        ("{\"rows\":[{\"id\":1}]}", "elements of /rows"),
        ("{\"page\":7,\"whatever\":[{\"id\":1}]}", "elements of /whatever"),
        ("{\"page\":7,\"whatever\":[]}", "sequence"),
        ("{\"page\":7,\"vehicles_event\":[]}", "elements of /vehicles_event"),
        ("{\"a\":[{}],\"b\":[{}]}", "json.ambiguous_root"),
    ] {
        assert_eq!(decided(text, "a.json", known), shape, "{text}");
    }
}

#[test]
fn what_is_seen_of_a_large_document_is_enough() {
    let known: Option<&[&str]> = Some(&["id"]);
    assert_eq!(decided_in("{\"x\":[{\"id\":1},{\"id\"", false, "a.json", known), "elements of /x");
    assert_eq!(decided_in("{\"x\":[{\"id\":1},{\"id\"", false, "a.json", None), "elements of /x");
    assert_eq!(decided_in("{\"x\":[{}],\"y\":[{}", false, "a.json", None), "json.ambiguous_root");
    assert_eq!(decided_in("{\"id\":1,\"x\":[{\"id\"", false, "a.json", known), "sequence");
    assert_eq!(decided_in("{\"id\":1,\"x\":\"aaaaaa", false, "a.ndjson", known), "lines");
}

#[test]
fn what_is_no_json_says_so() {
    for text in ["5", "null", "\"text\"", "<xml/>", "a,b\n1,2\n", "\u{0}\u{1}", "]"] {
        assert_eq!(decided(text, "a.json", None), "json.syntax", "{text}");
    }
    let strict = Grammar::Strict;
    let clues =
        Clues { grammar: strict, lines: false, records_path: None, known: None, type_name: "vehicle_status" };
    let refusal = decide(b" \"vehicle_status\": [\n{\n", true, &clues).expect_err("no document");
    assert_eq!(refusal.at, 1);
    assert_eq!(refusal.message, "the document starts with a key: the outer braces are missing");
}

#[test]
fn lenient_texts_have_shapes_behind_their_decorations() {
    let known: Option<&[&str]> = Some(&["id"]);
    for (text, shape) in [
        ("// all\n/* of it */ # a comment", "empty"),
        ("// a\n[{id: 1}]", "elements of /"),
        ("\"vehicle_events\": [\n{\"id\":1},\n]", "elements of bare /vehicle_events"),
        ("vehicle_events: [{id: 1}]", "elements of bare /vehicle_events"),
        ("'page': 1, // first\n'data': [{id: 1}]", "elements of bare /data"),
        ("\"events\": [\n{\"id\":1},\n{\"id\":2}]", "elements of bare /events"),
        ("{data: [{id: 1}],}", "elements of /data"),
        ("{ // c\n 'data' /* d */ : [ # e\n {id: 1},\n {id: 2}\n]}", "elements of /data"),
        ("id: 1, note: 'x'", "braceless"),
        ("{id: 1}", "sequence"),
        ("{id: 1},\n{id: 2},\n{id: 3},\n{id: 4},\n", "sequence"),
        ("{'id': 1}\n{'id': 2}\n", "lines"),
        ("# head\n{'id': 1} // one\n\n# two\n{'id': 2}\n", "lines"),
        ("/* {", "json.syntax"),
        ("/ {", "json.syntax"),
    ] {
        assert_eq!(decided_by(Grammar::Lenient, text, true, "a.json", known), shape, "{text}");
    }
    for strict in ["{\"id\":1}\n{\"id\":2}\n", "[{}]", "{\"x\":[{\"id\":1}]}", "{}{}", "{\"id\":1}", ""] {
        let of = |grammar| decided_by(grammar, strict, true, "a.json", known);
        assert_eq!(of(Grammar::Lenient), of(Grammar::Strict), "{strict}");
    }
}

#[test]
fn a_key_is_related_to_its_type_in_singular_and_plural() {
    assert!(is_related("vehicle_status", "vehicles_status"));
    assert!(is_related("Events", "vehicle_event"));
    assert!(is_related("vehicleEvents", "vehicle_events"));
    assert!(!is_related("id", "vehicle_ids"));
    assert!(!is_related("errors", "orders"));
    assert!(!is_related("", "orders"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_decided(text in "[\\[\\]{}\"':,a1 \n\u{1e}é/*#]{0,60}", whole: bool, lines: bool) {
        for grammar in [Grammar::Strict, Grammar::Lenient] {
            let clues = Clues { grammar, lines, records_path: None, known: None, type_name: "a" };
            let _ = decide(text.as_bytes(), whole, &clues);
        }
    }
}
