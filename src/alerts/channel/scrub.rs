//! Takes secrets out of a text that came from elsewhere: an error, or what a server answered.

use crate::printable::shorten;
use crate::settings::Secret;

/// A shorter part of an address is a word, and words must stay readable.
const SHORTEST: usize = 6;
/// More of an answer helps nobody.
const LONGEST_TEXT: usize = 300;

/// What must not be seen.
#[derive(Clone, Default)]
pub(super) struct Scrub(Vec<String>);

impl std::fmt::Debug for Scrub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scrub({})", self.0.len())
    }
}

impl Scrub {
    /// Adds a secret, and the words that it is made of.
    pub fn with(mut self, secret: &Secret) -> Self {
        let secret = secret.expose();
        if secret.is_empty() {
            return self;
        }
        let words =
            secret.split([' ', '/', '?', '&', '=', '#', '@', ':']).filter(|word| word.len() >= SHORTEST);
        self.0.extend(words.map(str::to_owned));
        self.0.push(secret.to_owned());
        // The longest first: a part of it must not break it up.
        self.0.sort_by_key(|word| std::cmp::Reverse(word.len()));
        self
    }

    /// An address: all of it after the host is a secret.
    pub fn with_url(self, url: &reqwest::Url) -> Self {
        let mut scrub = self;
        let parts = [Some(url.path()), url.query(), url.password(), Some(url.username())];
        for part in parts.into_iter().flatten() {
            scrub = scrub.with(&Secret::new(part.trim_matches('/')));
        }
        scrub
    }

    /// The text without the secrets, safe to print and not too long.
    pub fn clean(&self, text: &str) -> String {
        let clean = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        shorten(clean.trim(), LONGEST_TEXT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_their_parts_are_taken_out() {
        let url = "https://user:pa-ss-word@hooks.example.com/services/T012345/secret-token?key=abcdef9";
        let scrub =
            Scrub::default().with_url(&url.parse().expect("a URL")).with(&Secret::new("Bearer abc.def-ghi"));
        let clean = scrub
            .clean("no /services/T012345/secret-token, secret-token, abcdef9, abc.def-ghi, pa-ss-word\n");
        assert_eq!(clean, "no /***, ***, ***, ***, ***");
        assert_eq!(scrub.clean("x\u{1b}[2J"), r"x\u{1b}[2J");
    }
}
