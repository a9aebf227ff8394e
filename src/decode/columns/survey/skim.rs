//! The keys of a rescued text without its values, for fields of which enough was seen.

use memchr::memchr2;

use crate::decode::newcomers::Newcomers;

/// The fields of a text that is one object, when all of them are known well; `None` leaves it to the parser. The text was
/// made of parts that were read as JSON, without white space between them.
pub(super) fn fields(text: &str, known: &Newcomers, found: &mut Vec<usize>) -> Option<()> {
    found.clear();
    if known.is_empty() {
        return None;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        // Behind `{` or `,`.
        at += 1;
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let end = at + 1 + memchr2(b'"', b'\\', &bytes[at + 1..])?;
        if bytes[end] != b'"' || bytes.get(end + 1) != Some(&b':') {
            return None;
        }
        let expected = found.last().map_or(0, |last| last + 1);
        let field = known.known_well(&text[at + 1..end], expected)?;
        if found.contains(&field) {
            return None;
        }
        found.push(field);
        at = end_of_value(bytes, end + 2)?;
        match bytes.get(at) {
            Some(b',') => {}
            Some(b'}') if at + 1 == bytes.len() => return Some(()),
            _ => return None,
        }
    }
}

/// One past the value that starts at `at`.
fn end_of_value(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = end_of_string(bytes, at)?;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += 1 + memchr2(b'"', b'\\', bytes.get(at + 1..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        // The escaped byte.
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json;
    use crate::schema::place::Place;

    #[test]
    fn keys_of_well_known_fields_are_found_and_all_else_is_left() {
        let mut known = Newcomers::default();
        for record in 0..300 {
            for key in ["a", "b"] {
                let value = json::parse(b"1").expect("JSON");
                known.observe(&Place::root().member(key), &value, "1", record, false);
            }
        }
        let mut found = Vec::new();
        for (text, expected) in [
            (r#"{"a":1}"#, Some(vec![0])),
            (r#"{"b":"x\\\"}","a":[{"c":"]"},2]}"#, Some(vec![1, 0])),
            (r#"{"a":{},"b":null}"#, Some(vec![0, 1])),
            (r#"{"c":1}"#, None),
            (r#"{"a":1,"c":1}"#, None),
            (r#"{"a":1,"a":2}"#, None),
            (r#"{"\u0061":1}"#, None),
            (r#"{"a":1"#, None),
            ("", None),
            ("{}", None),
        ] {
            let skimmed = fields(text, &known, &mut found).map(|()| found.clone());
            assert_eq!(skimmed, expected, "{text}");
        }
    }
}
