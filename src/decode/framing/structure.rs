//! Where a JSON value ends, by its brackets and quotes alone. Can stop at the end of a block and go on in the next.
//!
//! Whether the value is valid JSON is the parser's business; a value whose brackets balance is one record, however
//! wrong it is inside.

mod lenient;

use lenient::Comment;
use memchr::memchr2;

use crate::decode::json::Grammar;

/// Nesting beyond this is not measured: it would cost memory without end.
pub(crate) const DEEPEST: usize = 1_000_000;

/// A scan of one value; feed it the value's bytes, block by block.
#[derive(Debug)]
pub(crate) struct Structure {
    form: Form,
    grammar: Grammar,
    /// The brackets that are still to be closed.
    closers: Vec<u8>,
    in_string: bool,
    /// What ends the string: only lenient texts leave a choice.
    quote: u8,
    /// Only lenient texts have them.
    comment: Comment,
    /// The block ended behind a backslash.
    escaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Container,
    String,
    /// A number or a word.
    Bare,
}

/// What the bytes of a block say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// The value goes on behind the block.
    More,
    /// The value ends before this byte of the block.
    End(usize),
    /// The bracket at this byte closes another kind than was opened.
    Mismatch { at: usize, expected: u8 },
    /// More than [`DEEPEST`] levels at this byte.
    TooDeep { at: usize },
}

impl Structure {
    /// For a value that starts with `first`.
    pub fn starting_with(first: u8, grammar: Grammar) -> Structure {
        let form = match first {
            b'{' | b'[' => Form::Container,
            b'"' => Form::String,
            b'\'' if grammar == Grammar::Lenient => Form::String,
            _ => Form::Bare,
        };
        Structure {
            form,
            grammar,
            closers: Vec::new(),
            in_string: false,
            quote: b'"',
            comment: Comment::None,
            escaped: false,
        }
    }

    pub fn is_bare(&self) -> bool {
        self.form == Form::Bare
    }

    pub fn is_in_string(&self) -> bool {
        self.in_string
    }

    /// Looks at the next bytes of the value.
    pub fn scan(&mut self, block: &[u8]) -> Scan {
        match (self.form, self.grammar) {
            (Form::Bare, Grammar::Strict) => ending(block, ends_bare),
            (Form::Bare, Grammar::Lenient) => ending(block, lenient::ends_bare),
            (_, Grammar::Strict) => self.scan_nested(block),
            (_, Grammar::Lenient) => self.scan_lenient(block),
        }
    }

    fn scan_nested(&mut self, block: &[u8]) -> Scan {
        let mut at = 0;
        while at < block.len() {
            if self.in_string {
                at = self.string_end(block, at);
                if !self.in_string && self.closers.is_empty() {
                    return Scan::End(at);
                }
                continue;
            }
            match block[at] {
                b'"' => self.in_string = true,
                byte => {
                    if let Some(scan) = self.bracket(byte, at) {
                        return scan;
                    }
                }
            }
            at += 1;
        }
        Scan::More
    }

    /// Takes note of a bracket at `at`; what it says when it ends the scan.
    #[inline]
    fn bracket(&mut self, byte: u8, at: usize) -> Option<Scan> {
        match byte {
            b'{' => self.closers.push(b'}'),
            b'[' => self.closers.push(b']'),
            b'}' | b']' => match self.closers.pop() {
                Some(expected) if expected != byte => return Some(Scan::Mismatch { at, expected }),
                _ if self.closers.is_empty() => return Some(Scan::End(at + 1)),
                _ => {}
            },
            _ => {}
        }
        (self.closers.len() > DEEPEST).then_some(Scan::TooDeep { at })
    }

    /// Inside a string at `at`: the byte behind its closing quote, or the end of the block.
    fn string_end(&mut self, block: &[u8], mut at: usize) -> usize {
        if self.escaped {
            self.escaped = false;
            at += 1;
        }
        while let Some(step) = block.get(at..).and_then(|rest| memchr2(self.quote, b'\\', rest)) {
            at += step + 1;
            if block[at - 1] == self.quote {
                self.in_string = false;
                return at;
            }
            if at == block.len() {
                self.escaped = true;
                return at;
            }
            at += 1;
        }
        block.len()
    }
}

fn ending(block: &[u8], ends: impl Fn(u8) -> bool) -> Scan {
    block.iter().position(|&byte| ends(byte)).map_or(Scan::More, Scan::End)
}

fn ends_bare(byte: u8) -> bool {
    matches!(byte, b',' | b':' | b'[' | b']' | b'{' | b'}' | b'"' | b' ' | b'\t' | b'\n' | b'\r' | 0x1e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Scan {
        Structure::starting_with(text.as_bytes()[0], Grammar::Strict).scan(text.as_bytes())
    }

    fn whole_lenient(text: &str) -> Scan {
        Structure::starting_with(text.as_bytes()[0], Grammar::Lenient).scan(text.as_bytes())
    }

    #[test]
    fn a_value_ends_where_its_brackets_balance() {
        for (text, scan) in [
            ("{} x", Scan::End(2)),
            (r#"{"a":"}\"","b":[1,{}]},"#, Scan::End(22)),
            ("[[1],[2]]]", Scan::End(9)),
            (r#""a\\" x"#, Scan::End(5)),
            ("12,", Scan::End(2)),
            ("12", Scan::More),
            ("{\"a", Scan::More),
            ("{[}", Scan::Mismatch { at: 2, expected: b']' }),
        ] {
            assert_eq!(whole(text), scan, "{text}");
        }
    }

    #[test]
    fn nesting_without_end_is_noticed() {
        assert_eq!(whole(&"[".repeat(DEEPEST + 2)), Scan::TooDeep { at: DEEPEST });
    }

    #[test]
    fn lenient_texts_hide_brackets_in_comments_and_single_quotes() {
        for (text, scan) in [
            ("{'}': \"'\"} x", Scan::End(10)),
            ("{// }\n}", Scan::End(7)),
            ("{# ]\r}", Scan::End(6)),
            ("{/* } // */}", Scan::End(12)),
            ("{/* }", Scan::More),
            ("{/*/}*/}", Scan::End(8)),
            ("{/***/}", Scan::End(7)),
            ("{/}", Scan::End(3)),
            ("{'a\\'}'}", Scan::End(8)),
            ("'a\"' x", Scan::End(4)),
            ("NaN//", Scan::End(3)),
            ("{]", Scan::Mismatch { at: 1, expected: b'}' }),
        ] {
            assert_eq!(whole_lenient(text), scan, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn blocks_do_not_matter(text in r#"[{\["'][\[\]{}"'\\,a/*#\n ]{0,40}"#, size in 1usize..5) {
            for (grammar, expected) in
                [(Grammar::Strict, whole(&text)), (Grammar::Lenient, whole_lenient(&text))]
            {
                let mut structure = Structure::starting_with(text.as_bytes()[0], grammar);
                let mut found = Scan::More;
                for (index, block) in text.as_bytes().chunks(size).enumerate() {
                    let before = index * size;
                    found = match structure.scan(block) {
                        Scan::More => continue,
                        Scan::End(at) => Scan::End(before + at),
                        Scan::Mismatch { at, expected } => Scan::Mismatch { at: before + at, expected },
                        Scan::TooDeep { at } => Scan::TooDeep { at: before + at },
                    };
                    break;
                }
                proptest::prop_assert_eq!(found, expected);
            }
        }
    }
}
