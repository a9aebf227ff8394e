//! `pattern` and `format`, as JSON Schema means them.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Value as Json, json};

/// The formats that can be demanded of a text.
pub(in crate::schema) const FORMATS: [&str; 17] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// One compiled `pattern` or `format`.
#[derive(Debug, Clone)]
pub(in crate::schema) struct TextRule {
    validator: Arc<Validator>,
    /// The pattern, or the name of the format.
    pub(in crate::schema) written: String,
}

impl TextRule {
    /// A regular expression that must be found somewhere in the text; `Err` says why it is none.
    pub(in crate::schema) fn pattern(pattern: &str) -> Result<TextRule, String> {
        TextRule::compile(&json!({ "pattern": pattern }), pattern).ok_or_else(|| complaint(pattern))
    }

    /// `None` for an unknown format.
    pub(in crate::schema) fn format(name: &str) -> Option<TextRule> {
        FORMATS.contains(&name).then(|| TextRule::compile(&json!({ "format": name }), name))?
    }

    fn compile(schema: &Json, written: &str) -> Option<TextRule> {
        let validator = jsonschema::options().should_validate_formats(true).offline().build(schema).ok()?;
        Some(TextRule { validator: Arc::new(validator), written: written.to_owned() })
    }

    pub(in crate::schema) fn admits(&self, text: &str) -> bool {
        self.validator.is_valid(&Json::String(text.to_owned()))
    }
}

/// What the `regex` crate says about a pattern that did not compile, on one line.
fn complaint(pattern: &str) -> String {
    let said = match regex::Regex::new(pattern) {
        Ok(_) => String::new(),
        Err(bad) => bad.to_string(),
    };
    match said.lines().last().map(|line| line.trim_start_matches("error: ").trim()) {
        Some(cause) if !cause.is_empty() => cause.to_owned(),
        _ => "it is not a regular expression of ECMA-262".to_owned(),
    }
}
