//! Where in a file each setting stands, for messages about it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// The line of each `section.key` (`section.section.key`). A file that cannot be read so has no lines: they only help.
pub(super) fn key_lines(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    if let Ok(Node::Section(members)) = toml::from_str::<Node>(text) {
        collect("", &members, text, &mut lines);
    }
    lines
}

pub(super) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

fn collect(
    section: &str,
    members: &[(Spanned<String>, Node)],
    text: &str,
    lines: &mut BTreeMap<String, usize>,
) {
    for (key, node) in members {
        let name = format!("{section}{}", key.get_ref());
        match node {
            Node::Section(members) => collect(&format!("{name}."), members, text, lines),
            Node::Value => drop(lines.insert(name, line_at(text, key.span().start))),
        }
    }
}

/// A table with the places of its keys, or anything else.
enum Node {
    Section(Vec<(Spanned<String>, Node)>),
    Value,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Section(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Value)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Value)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Value)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Value)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_nested_sections_have_lines() {
        let text =
            "[alerts]\nenabled = true\n\n[alerts.log]\ntemplate = \"a\"\nlist = [1, 2]\nx = { y = 1 }\n";
        let lines: Vec<_> = key_lines(text).into_iter().map(|(key, line)| format!("{key} {line}")).collect();
        assert_eq!(lines[..3], ["alerts.enabled 2", "alerts.log.list 6", "alerts.log.template 5"]);
    }
}
