//! The same for lenient texts: brackets inside comments and single quotes do not count.

use super::{Scan, Structure};
use crate::decode::json::lenient::line_end;

/// Where in a comment the scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comment {
    None,
    /// Behind a `/` that may start one.
    Slash,
    Line,
    Block,
    /// Behind a `*` that may end one.
    Star,
}

impl Structure {
    pub(super) fn scan_lenient(&mut self, block: &[u8]) -> Scan {
        let mut at = 0;
        while at < block.len() {
            if self.in_string {
                at = self.string_end(block, at);
                if !self.in_string && self.closers.is_empty() {
                    return Scan::End(at);
                }
            } else if self.comment != Comment::None {
                at = self.in_comment(block, at);
            } else {
                match block[at] {
                    quote @ (b'"' | b'\'') => {
                        self.in_string = true;
                        self.quote = quote;
                    }
                    b'/' => self.comment = Comment::Slash,
                    b'#' => self.comment = Comment::Line,
                    byte => {
                        if let Some(scan) = self.bracket(byte, at) {
                            return scan;
                        }
                    }
                }
                at += 1;
            }
        }
        Scan::More
    }

    /// One step inside a comment, or behind what may start one: the byte to look at next.
    fn in_comment(&mut self, block: &[u8], at: usize) -> usize {
        let (comment, next) = match (self.comment, block[at]) {
            (Comment::Slash, b'/') => (Comment::Line, at + 1),
            (Comment::Slash, b'*') => (Comment::Block, at + 1),
            (Comment::Slash | Comment::None, _) => (Comment::None, at),
            (Comment::Line, _) => match line_end(block, at) {
                end if end == block.len() => (Comment::Line, end),
                end => (Comment::None, end),
            },
            (Comment::Star, b'/') => (Comment::None, at + 1),
            (Comment::Star, b'*') => (Comment::Star, at + 1),
            (Comment::Block | Comment::Star, _) => match memchr::memchr(b'*', &block[at..]) {
                Some(step) => (Comment::Star, at + step + 1),
                None => (Comment::Block, block.len()),
            },
        };
        self.comment = comment;
        next
    }
}

pub(super) fn ends_bare(byte: u8) -> bool {
    super::ends_bare(byte) || matches!(byte, b'\'' | b'/' | b'#')
}
