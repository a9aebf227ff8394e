//! Texts with words in braces, `{severity}: {message}`, checked once and filled in often.

use thiserror::Error;

/// What a template may speak of. The names are part of the product's public face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    Event,
    Severity,
    Code,
    Subject,
    Cause,
    Message,
    Hint,
    Occurrences,
    Id,
    Source,
    FirstSeen,
    LastSeen,
    Resolved,
}

const PLACEHOLDERS: [(&str, Placeholder); 13] = [
    ("event", Placeholder::Event),
    ("severity", Placeholder::Severity),
    ("code", Placeholder::Code),
    ("subject", Placeholder::Subject),
    ("cause", Placeholder::Cause),
    ("message", Placeholder::Message),
    ("hint", Placeholder::Hint),
    ("occurrences", Placeholder::Occurrences),
    ("id", Placeholder::Id),
    ("source", Placeholder::Source),
    ("first_seen", Placeholder::FirstSeen),
    ("last_seen", Placeholder::LastSeen),
    ("resolved", Placeholder::Resolved),
];

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateFault {
    #[error("{{{0}}} is nothing that a template can speak of")]
    Unknown(String),
    #[error("a brace is opened and not closed; a brace itself is written twice: {{{{")]
    Open,
    #[error("a brace is closed that was not opened; a brace itself is written twice: }}}}")]
    Closed,
}

impl TemplateFault {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        let TemplateFault::Unknown(word) = self else { return None };
        let near = PLACEHOLDERS.iter().min_by_key(|(name, _)| strsim::osa_distance(word, name))?;
        Some(match strsim::osa_distance(word, near.0) {
            0..=3 => format!("did you mean {{{}}}?", near.0),
            _ => format!("known are {}", PLACEHOLDERS.map(|(name, _)| format!("{{{name}}}")).join(" ")),
        })
    }
}

/// A template that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Word(Placeholder),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// An unknown word, or a brace without its other half.
    pub fn parse(text: &str) -> Result<Template, TemplateFault> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain += before;
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                plain += &from[..1];
                rest = after;
                continue;
            }
            let inside = from.strip_prefix('{').ok_or(TemplateFault::Closed)?;
            let (word, after) = inside.split_once('}').ok_or(TemplateFault::Open)?;
            let known = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
            let (_, placeholder) =
                known.ok_or_else(|| TemplateFault::Unknown(crate::printable::shorten(word, 40)))?;
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Word(*placeholder));
            rest = after;
        }
        parts.push(Part::Text(plain + rest));
        Ok(Template(parts))
    }

    /// The text, with `value` for each word.
    pub fn fill(&self, value: impl Fn(Placeholder) -> String) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Word(word) => value(*word),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_filled_in_and_double_braces_are_braces() {
        let template = Template::parse(r#"{{"text": "{message}, {severity}"}}"#).expect("good");
        assert_eq!(template.fill(|word| format!("<{word:?}>")), r#"{"text": "<Message>, <Severity>"}"#);
        let kept = Template::parse("{message}").expect("good");
        assert_eq!(kept.fill(|_| "{cause}".into()), "{cause}", "what is filled in is not read again");
    }

    #[test]
    fn a_bad_template_says_what_is_wrong() {
        let fault = |text: &str| Template::parse(text).expect_err("bad");
        assert_eq!(fault("{mesage}").hint().as_deref(), Some("did you mean {message}?"));
        assert!(fault("{password_of_the_database}").hint().expect("a hint").starts_with("known are {event}"));
        assert_eq!(fault("{message"), TemplateFault::Open);
        assert_eq!(fault("message}"), TemplateFault::Closed);
        assert_eq!(fault("{}"), TemplateFault::Unknown(String::new()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[{}a-z_é]{0,24}") {
            if let Ok(template) = Template::parse(&text) {
                template.fill(|_| String::new());
            }
        }
    }
}
