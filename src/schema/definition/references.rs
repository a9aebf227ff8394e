//! Local references inside a JSON Schema, and what `properties` come together through them.

use std::collections::HashSet;

use serde_json::Value as Json;

/// The schema that a local `$ref` points to; `None` for everything that only the judge can follow.
pub(super) fn resolve<'s>(root: &'s Json, reference: &str) -> Option<&'s Json> {
    match reference {
        "#" => Some(root),
        _ => root.pointer(&percent_decoded(reference.strip_prefix("#/").map(|_| &reference[1..])?)?),
    }
}

/// A pointer inside a URI fragment may be percent-encoded.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

/// What a schema says about the members of an object, through `$ref` and `allOf`.
#[derive(Default)]
pub(super) struct Properties<'s> {
    /// In the order of the text; the first schema of a name counts.
    pub(super) named: Vec<(&'s str, &'s Json)>,
    pub(super) required: HashSet<&'s str>,
    /// The schema of all other members, when one is given.
    pub(super) others: Option<&'s Json>,
    /// True when names are told by patterns.
    pub(super) by_pattern: bool,
    known: HashSet<&'s str>,
    followed: HashSet<&'s str>,
}

impl<'s> Properties<'s> {
    pub(super) fn of(root: &'s Json, schema: &'s Json) -> Self {
        let mut properties = Properties::default();
        properties.gather(root, schema);
        properties
    }

    fn gather(&mut self, root: &'s Json, schema: &'s Json) {
        if let Some(named) = schema.get("properties").and_then(Json::as_object) {
            for (name, property) in named {
                if self.known.insert(name) {
                    self.named.push((name, property));
                }
            }
        }
        let required = schema.get("required").and_then(Json::as_array);
        self.required.extend(required.into_iter().flatten().filter_map(Json::as_str));
        if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
            self.others.get_or_insert(others);
        }
        self.by_pattern |= schema.get("patternProperties").is_some();
        // Each reference is followed once, so that neither a circle nor a fan of references takes long.
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str)
            && self.followed.insert(reference)
            && let Some(target) = resolve(root, reference)
        {
            self.gather(root, target);
        }
        for part in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.gather(root, part);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_pointers_into_the_same_text() {
        let root = json!({"$defs": {"a b": {"x/y": 1}}});
        assert_eq!(resolve(&root, "#/$defs/a%20b/x~1y"), Some(&json!(1)));
        assert_eq!(resolve(&root, "#"), Some(&root));
        for reference in
            ["#/$defs/none", "#anchor", "https://example.org/a.json", "", "#/%", "#/%zz", "#/%ff"]
        {
            assert_eq!(resolve(&root, reference), None, "{reference}");
        }
    }

    #[test]
    fn properties_come_together_through_references_and_all_of() {
        let root = json!({
            "$ref": "#/$defs/base",
            "$defs": {"base": {"properties": {"id": {}}, "required": ["id"], "allOf": [{"$ref": "#"}]}},
            "allOf": [{"properties": {"id": {"type": "string"}, "name": {}}}],
        });
        let properties = Properties::of(&root, &root);
        assert_eq!(properties.named.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["id", "name"]);
        assert!(properties.required.contains("id"));
    }
}
