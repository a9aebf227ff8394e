//! Control totals: what a sender says that a file holds, held against what was found before anything of it is published.

mod alone;
mod along;

use std::fmt::Display;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::write::open_regular;
use crate::inbox::control::beside;
use crate::metadata::files::Problem;

pub(super) use alone::tidy_alone;
pub use along::{take_along, take_back};

/// Code of a file whose control file its type demands and that came without one.
pub const MISSING: &str = "control.missing";

/// A control file says three numbers; one that is larger says something else.
const LARGEST: u64 = 64 * 1024;

/// What a control file says. Each total may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Records in the file, refused ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Size of the file as it was delivered: compressed, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// BLAKE3 of those bytes, 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

/// A control file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    Says(Totals),
    /// Why it cannot be used.
    Unusable(String),
}

/// What a file holds.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    pub records: u64,
    pub bytes: u64,
    pub blake3: Option<&'a str>,
}

impl Control {
    /// Reads the control file at `path`, which must be a regular file: nothing is followed, and not more is read than
    /// a control file needs. `None` when there is none.
    ///
    /// # Errors
    /// Reading failed; that says nothing about the control file.
    pub fn read(path: &Path) -> io::Result<Option<Control>> {
        let unusable = |why: &str| Ok(Some(Control::Unusable(why.to_owned())));
        let (file, _) = match open_regular(path) {
            Ok(file) => file,
            // A name that leaves no room for that of a control file has none.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) =>
            {
                return Ok(None);
            }
            Err(_) if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) => {
                return unusable("it is not a regular file, and links are not followed");
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return unusable(&format!("it cannot be opened: {error}"));
            }
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LARGEST {
            return unusable(&format!("it is larger than {LARGEST} bytes"));
        }
        Ok(Some(Control::parse(&text)))
    }

    /// Reads the control file of a file in `processing/`. What lies in `incoming/` under the name of its control
    /// file, and did not come along because it is no regular file, is the word of nobody.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub fn of_claimed(file: &Path, first: &Path) -> io::Result<Option<Control>> {
        let there = beside(first);
        match Control::read(&beside(file))? {
            None if std::fs::symlink_metadata(&there).is_ok_and(|found| !found.is_file()) => {
                Control::read(&there)
            }
            control => Ok(control),
        }
    }

    fn parse(text: &[u8]) -> Control {
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let totals: Totals = match serde_json::from_slice(text) {
            Ok(totals) => totals,
            Err(error) => return Control::Unusable(error.to_string()),
        };
        match &totals.blake3 {
            Some(hash) if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Control::Unusable("\"blake3\" must be 64 hexadecimal digits".to_owned())
            }
            _ => Control::Says(totals),
        }
    }

    /// What the ledger remembers of it, as JSON.
    pub fn for_ledger(&self) -> String {
        let text = match self {
            Control::Says(totals) => serde_json::to_string(totals),
            Control::Unusable(why) => serde_json::to_string(&serde_json::json!({ "unusable": why })),
        };
        text.expect("numbers and texts are JSON")
    }

    /// Why the file seems to have an end that has not come yet.
    pub fn incomplete(&self, bytes: u64) -> Option<Problem> {
        let Control::Says(Totals { bytes: Some(announced), .. }) = self else { return None };
        (bytes < *announced).then(|| Problem {
            code: "file.truncated".into(),
            message: format!(
                "its control file announces {announced} bytes, of which {bytes} have come so far"
            ),
            hint: Some(
                "the rest may still come; else deliver the file again, with a control file that is right"
                    .into(),
            ),
        })
    }

    /// Why the file does not agree with it; `None` when it does.
    pub fn disagreement(&self, found: Found<'_>) -> Option<Problem> {
        let totals = match self {
            Control::Says(totals) => totals,
            Control::Unusable(why) => {
                return Some(Problem {
                    code: "control.invalid".into(),
                    message: format!("the control file cannot be used: {why}"),
                    hint: Some(format!(
                        "a control file is JSON such as {}; mend it beside the file, then `lakegate files retry`",
                        r#"{"records": 1200, "bytes": 48231, "blake3": "…"}"#
                    )),
                });
            }
        };
        let differences = totals.differences(found);
        (!differences.is_empty()).then(|| Problem {
            code: "control.mismatch".into(),
            message: format!("the file does not agree with its control file: {}", differences.join("; ")),
            hint: Some(
                "ask the sender which is right: deliver the file again, or mend the control file beside it and \
                 `lakegate files retry`"
                    .into(),
            ),
        })
    }
}

impl Totals {
    /// True when it identifies a file, which a number of records does not.
    fn identify(&self) -> bool {
        self.bytes.is_some() || self.blake3.is_some()
    }

    fn differences(&self, found: Found<'_>) -> Vec<String> {
        let said = |what: &str, said: &dyn Display, found: &dyn Display| {
            format!("{what}: {said} announced, {found} found")
        };
        let mut all = Vec::new();
        if let Some(records) = self.records.filter(|records| *records != found.records) {
            all.push(said("records", &records, &found.records));
        }
        if let Some(bytes) = self.bytes.filter(|bytes| *bytes != found.bytes) {
            all.push(said("bytes", &bytes, &found.bytes));
        }
        if let Some(hash) = &self.blake3
            && !found.blake3.is_some_and(|found| found.eq_ignore_ascii_case(hash))
        {
            all.push(said("blake3", hash, &found.blake3.unwrap_or("none")));
        }
        all
    }
}

/// The problem of a file whose type demands a control file.
pub fn missing() -> Problem {
    Problem {
        code: MISSING.into(),
        message: "its type demands a control file, and none has come".into(),
        hint: Some(
            "deliver <name>.ctl.json beside the file, or take \"control\": \"required\" out of processing_config".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    fn verdict(control: &str) -> String {
        let found = Found { records: 3, bytes: 120, blake3: Some(HASH) };
        match Control::parse(control.as_bytes()).disagreement(found) {
            None => String::new(),
            Some(problem) => format!("{}: {}", problem.code, problem.message),
        }
    }

    #[test]
    fn every_total_that_is_said_must_agree() {
        let whole = format!(r#"{{"records":3,"bytes":120,"blake3":"{}"}}"#, HASH.to_uppercase());
        for control in ["{}", r#"{"records":3}"#, r#"{"bytes":120,"records":null}"#, &whole, "\u{feff}{}"] {
            assert_eq!(verdict(control), "", "{control}");
        }
        assert_eq!(
            verdict(r#"{"records":4,"bytes":121}"#),
            "control.mismatch: the file does not agree with its control file: \
             records: 4 announced, 3 found; bytes: 121 announced, 120 found"
        );
        assert!(verdict(&format!(r#"{{"blake3":"{}"}}"#, HASH.replace('a', "b"))).contains("blake3: bf13"));
    }

    #[test]
    fn a_file_of_which_bytes_are_missing_may_still_grow() {
        let incomplete = |control: &str| Control::parse(control.as_bytes()).incomplete(120).is_some();
        assert!(incomplete(r#"{"bytes":121}"#));
        assert!(!incomplete(r#"{"bytes":119}"#) && !incomplete(r#"{"records":9}"#) && !incomplete("?"));
    }

    #[test]
    fn what_is_no_control_file_says_why() {
        for (control, why) in [
            ("", "EOF"),
            ("{\"records\": 3", "EOF"),
            ("[3]", "invalid length"),
            ("3", "invalid type: integer"),
            (r#"{"records":"3"}"#, "expected u64"),
            (r#"{"records":3.5}"#, "expected u64"),
            (r#"{"records":-1}"#, "expected u64"),
            (r#"{"records":1e400}"#, "out of range"),
            (r#"{"records":3,"records":3}"#, "duplicate field"),
            (r#"{"record":3}"#, "unknown field `record`"),
            (r#"{"blake3":"abc"}"#, "64 hexadecimal digits"),
            ("{\"records\":3}x", "trailing characters"),
            ("\u{0}\u{1}", "expected value"),
        ] {
            let verdict = verdict(control);
            assert!(
                verdict.starts_with("control.invalid: ") && verdict.contains(why),
                "{control:?}: {verdict}"
            );
        }
    }

    #[test]
    fn nothing_is_followed_and_nothing_huge_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let read = |name: &str| Control::read(&path(name)).expect("readable");
        std::fs::write(path("good"), r#"{"records":1}"#).expect("written");
        std::os::unix::fs::symlink(path("good"), path("link")).expect("a link");
        std::fs::create_dir(path("folder")).expect("a folder");
        std::fs::write(path("huge"), vec![b' '; LARGEST as usize + 1]).expect("written");
        assert_eq!(read("none"), None);
        assert_eq!(read("good"), Some(Control::Says(Totals { records: Some(1), ..Totals::default() })));
        for (name, why) in [("link", "regular file"), ("folder", "regular file"), ("huge", "larger than")] {
            let Some(Control::Unusable(told)) = read(name) else { panic!("{name} is no control file") };
            assert!(told.contains(why), "{name}: {told}");
        }
    }
}
