//! Cuts a script into statements at the semicolons that end them. Pure; knows no SQL beyond its quotes and comments.

/// The statements of a script, and what is left after the last semicolon.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut<'a> {
    /// Texts without their semicolons; none is blank.
    pub statements: Vec<&'a str>,
    /// What follows the last semicolon, when it holds more than space and comments.
    pub rest: Option<&'a str>,
    /// False inside an open quote or comment.
    pub closed: bool,
}

/// Cuts `script`; a semicolon inside quotes, dollar quotes or comments ends nothing.
pub fn cut(script: &str) -> Cut<'_> {
    let mut scan = Scan { text: script, at: 0, content: false };
    let mut statements = Vec::new();
    let mut start = 0;
    let mut closed = true;
    while scan.at < script.len() {
        if scan.bytes()[scan.at] == b';' {
            if scan.content {
                statements.push(script[start..scan.at].trim());
            }
            scan.at += 1;
            scan.content = false;
            start = scan.at;
        } else {
            closed = scan.step();
        }
    }
    let rest = scan.content.then(|| script[start..].trim());
    Cut { statements, rest, closed }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Something other than space and comments was seen since the last semicolon.
    content: bool,
}

impl Scan<'_> {
    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Steps over one character, one quoted part or one comment; false when it never ends.
    fn step(&mut self) -> bool {
        let rest = &self.bytes()[self.at..];
        match rest {
            [b'\'' | b'"', ..] => self.skip_quoted(rest[0]),
            [b'-', b'-', ..] => {
                self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                true
            }
            [b'/', b'*', ..] => self.skip_comment(),
            [b'$', ..] => self.skip_dollar_quoted(),
            _ => {
                self.content |= !rest[0].is_ascii_whitespace();
                self.at += 1;
                true
            }
        }
    }

    fn skip_quoted(&mut self, quote: u8) -> bool {
        self.content = true;
        self.at += 1;
        // A doubled quote closes and opens again, which comes to the same.
        match self.bytes()[self.at..].iter().position(|&byte| byte == quote) {
            Some(length) => {
                self.at += length + 1;
                true
            }
            None => {
                self.at = self.text.len();
                false
            }
        }
    }

    fn skip_comment(&mut self) -> bool {
        let mut depth = 0;
        while self.at < self.text.len() {
            match &self.bytes()[self.at..] {
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.at += 2;
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
            if depth == 0 {
                return true;
            }
        }
        false
    }

    fn skip_dollar_quoted(&mut self) -> bool {
        self.content = true;
        let rest = &self.text[self.at..];
        let tag_length =
            rest[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map(|length| length + 1);
        let Some(tag) = tag_length.filter(|&length| rest[length..].starts_with('$')).map(|end| &rest[..=end])
        else {
            self.at += 1;
            return true;
        };
        match rest[tag.len()..].find(tag) {
            Some(length) => {
                self.at += tag.len() * 2 + length;
                true
            }
            None => {
                self.at = self.text.len();
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_semicolon_ends_a_statement() {
        let cases: &[(&str, &[&str], Option<&str>, bool)] = &[
            ("SELECT 1; SELECT 2", &["SELECT 1"], Some("SELECT 2"), true),
            ("SELECT ';' ;", &["SELECT ';'"], None, true),
            ("SELECT 'it''s; ok';", &["SELECT 'it''s; ok'"], None, true),
            ("SELECT \"a;b\";;", &["SELECT \"a;b\""], None, true),
            ("-- one; two\nSELECT 1;", &["-- one; two\nSELECT 1"], None, true),
            ("/* a /* b; */ ; */ SELECT 1;", &["/* a /* b; */ ; */ SELECT 1"], None, true),
            ("SELECT $q$ ; $q$;", &["SELECT $q$ ; $q$"], None, true),
            ("SELECT $1; ", &["SELECT $1"], None, true),
            ("SELECT 'open; ", &[], Some("SELECT 'open;"), false),
            ("SELECT 1 /* open", &[], Some("SELECT 1 /* open"), false),
            ("  -- nothing", &[], None, true),
            ("", &[], None, true),
        ];
        for (script, statements, rest, closed) in cases {
            let expected = Cut { statements: statements.to_vec(), rest: *rest, closed: *closed };
            assert_eq!(cut(script), expected, "{script:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_script_breaks_it(script in r#"[';"$/*\-\na é]{0,40}"#) {
            cut(&script);
        }
    }
}
