//! Strict texts, decorated with what only the lenient grammar takes. Their values stay the same.

/// `None` for a text that is not only tokens of JSON. `in_lines`: nothing is broken into lines but strings.
pub(super) fn decorated(text: &[u8], in_lines: bool, random: &mut fastrand::Rng) -> Option<Vec<u8>> {
    let tokens = tokens(text)?;
    let mut out = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens[at + 1..].iter().find(|token| !token.is_space());
        let before = tokens[..at].iter().rfind(|token| !token.is_space());
        match token {
            Token::Space(space) => out.extend_from_slice(space),
            Token::String(string) => {
                let is_key = next == Some(&Token::Mark(b':'));
                out.extend(spelled(string, is_key, random));
            }
            Token::Word(word) => out.extend_from_slice(word),
            Token::Mark(mark @ (b'}' | b']')) => {
                let is_empty = matches!(before, Some(Token::Mark(b'{' | b'[' | b',')) | None);
                if !is_empty && random.usize(..4) == 0 {
                    out.push(b',');
                    space(&mut out, in_lines, random);
                }
                out.push(*mark);
            }
            Token::Mark(mark) => out.push(*mark),
        }
        // Between two records that stand on lines, nothing may be joined.
        let in_record = !in_lines || next.is_some() && !matches!(tokens.get(at + 1), Some(Token::Space(_)));
        if in_record {
            space(&mut out, in_lines, random);
        }
    }
    Some(out)
}

fn space(out: &mut Vec<u8>, in_lines: bool, random: &mut fastrand::Rng) {
    let some: &[u8] = match random.usize(..20) {
        0 => b" ",
        1 => b"/**/",
        2 => b"/* a, \"b\": '{' * / */",
        3 if !in_lines => b"// {\"a\": [\n",
        4 if !in_lines => b"# it's\r\n",
        5 => b"\t\xef\xbb\xbf ",
        _ => b"",
    };
    out.extend_from_slice(some);
}

#[derive(Debug, PartialEq)]
enum Token<'t> {
    Space(&'t [u8]),
    /// Between its quotes.
    String(&'t [u8]),
    Mark(u8),
    /// Numbers, too.
    Word(&'t [u8]),
}

impl Token<'_> {
    fn is_space(&self) -> bool {
        matches!(self, Token::Space(_))
    }
}

fn tokens(text: &[u8]) -> Option<Vec<Token<'_>>> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    let run = |from: usize, is_in: fn(&u8) -> bool| {
        text[from..].iter().position(|byte| !is_in(byte)).map_or(text.len(), |step| from + step)
    };
    while at < text.len() {
        let (token, end) = match text[at] {
            b' ' | b'\n' | b'\r' | b'\t' => {
                let end = run(at, |byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
                (Token::Space(&text[at..end]), end)
            }
            b'"' => {
                let mut end = at + 1;
                while *text.get(end)? != b'"' {
                    end += if text[end] == b'\\' { 2 } else { 1 };
                }
                (Token::String(&text[at + 1..end]), end + 1)
            }
            mark @ (b'{' | b'}' | b'[' | b']' | b',' | b':') => (Token::Mark(mark), at + 1),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                let end = run(at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'));
                (Token::Word(&text[at..end]), end)
            }
            _ => return None,
        };
        tokens.push(token);
        at = end;
    }
    Some(tokens)
}

/// A string in another spelling.
fn spelled(string: &[u8], is_key: bool, random: &mut fastrand::Rng) -> Vec<u8> {
    let is_plain = string.first().is_some_and(u8::is_ascii_lowercase)
        && string.iter().all(|byte| byte.is_ascii_alphanumeric());
    if is_key && is_plain && random.bool() {
        return string.to_vec();
    }
    let quote = if random.usize(..3) == 0 { b'\'' } else { b'"' };
    let mut written = vec![quote];
    let mut at = 0;
    while at < string.len() {
        match &string[at..] {
            [b'\\', b'n', ..] if random.bool() => {
                written.push(b'\n');
                at += 2;
            }
            [b'\\', escaped, ..] => {
                written.extend([b'\\', *escaped]);
                at += 2;
            }
            [b'\'', ..] if quote == b'\'' => {
                written.extend(b"\\'");
                at += 1;
            }
            _ => {
                written.push(string[at]);
                at += 1;
            }
        }
    }
    written.push(quote);
    written
}
