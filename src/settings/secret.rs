//! Text that must not be shown: tokens, passwords, addresses that hold them.

use std::fmt;

use serde::Deserialize;

/// A secret. Whoever prints it gets `***`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(not set)" } else { "***" })
    }
}

/// An address of which only scheme and host are no secret: `https://hooks.slack.com/***`.
pub fn redact_hook(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".into() };
    let place = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    // What does not look like a host may be a secret in the wrong place, such as a password with a slash.
    if rest.matches('@').count() > usize::from(place.contains('@')) || !host.chars().all(plain) {
        return format!(
            "{}://***",
            if scheme.chars().all(|c| c.is_ascii_alphabetic()) { scheme } else { "***" }
        );
    }
    format!("{scheme}://{host}/***")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("xoxb-1234");
        assert_eq!(format!("{secret:?} {:?}", Secret::default()), "*** (not set)");
        assert_eq!(secret.expose(), "xoxb-1234");
    }

    #[test]
    fn only_the_host_of_a_hook_is_shown() {
        for (url, shown) in [
            ("https://hooks.slack.com/services/T0/B0/token", "https://hooks.slack.com/***"),
            ("http://user:pass@[::1]:8080/x?key=1", "http://[::1]:8080/***"),
            ("https://host?token=1", "https://host/***"),
            ("https://u:p/w@host/x", "https://***"),
            ("not a url", "***"),
        ] {
            assert_eq!(redact_hook(url), shown);
        }
    }
}
