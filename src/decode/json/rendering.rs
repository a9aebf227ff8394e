//! A value as strict JSON.

use std::borrow::Cow;

use super::{Grammar, parse_text};
use crate::decode::value::{Node, Value};

/// The exact text of a value where that is strict JSON; else the value written anew, without white space. `read_by`:
/// the grammar that it took to read the record. Numbers keep their digits, objects their order and duplicates; `NaN`
/// and the infinities, which JSON has no word for, become texts.
pub fn strict_text<'t>(value: &Value<'_>, text: &'t str, read_by: Grammar) -> Cow<'t, str> {
    let source = text.get(value.start..value.end).unwrap_or_default();
    match read_by {
        Grammar::Strict => Cow::Borrowed(source),
        Grammar::Lenient if parse_text(source).is_ok() => Cow::Borrowed(source),
        Grammar::Lenient => Cow::Owned(rendered(&value.node)),
    }
}

/// A value as strict JSON without white space.
fn rendered(node: &Node<'_>) -> String {
    let mut written = String::new();
    write(node, &mut written);
    written
}

fn write(node: &Node<'_>, into: &mut String) {
    match node {
        Node::Null => into.push_str("null"),
        Node::Bool(true) => into.push_str("true"),
        Node::Bool(false) => into.push_str("false"),
        Node::Number(literal) => into.push_str(literal),
        Node::NonFinite(number) => write_text(number.word(), into),
        Node::String(text) => write_text(text, into),
        Node::Array(items) => {
            into.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    into.push(',');
                }
                write(&item.node, into);
            }
            into.push(']');
        }
        Node::Object(members) => {
            into.push('{');
            for (at, (key, member)) in members.iter().enumerate() {
                if at > 0 {
                    into.push(',');
                }
                write_text(key, into);
                into.push(':');
                write(&member.node, into);
            }
            into.push('}');
        }
    }
}

fn write_text(text: &str, into: &mut String) {
    into.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::super::parse_lenient;
    use super::*;

    #[test]
    fn only_what_is_not_strict_is_written_anew() {
        let text = "{a: 'x\ny\"', \"b\": {\"c\" : [1.10, 2]}, d: [NaN,],}";
        let value = parse_lenient(text).expect("lenient JSON");
        assert_eq!(
            strict_text(&value, text, Grammar::Lenient),
            "{\"a\":\"x\\ny\\\"\",\"b\":{\"c\":[1.10,2]},\"d\":[\"NaN\"]}"
        );
        let Node::Object(members) = &value.node else { panic!("an object") };
        assert_eq!(strict_text(&members[1].1, text, Grammar::Lenient), "{\"c\" : [1.10, 2]}");
    }
}
