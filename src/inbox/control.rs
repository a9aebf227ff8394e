//! Control files: `<name>.ctl.json` says what the file `<name>` should hold. A control file belongs to its file and
//! is never one of a type.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Completeness, Entry, EntryKind};
use crate::name::FileName;

/// What follows the whole name of a file.
pub const SUFFIX: &str = ".ctl.json";

/// The name of the file to which a control file belongs; `None` for the name of any other file.
pub fn subject(name: &FileName) -> Option<FileName> {
    let raw = name.raw().as_bytes();
    let length = raw.len().checked_sub(SUFFIX.len()).filter(|length| *length > 0)?;
    raw[length..]
        .eq_ignore_ascii_case(SUFFIX.as_bytes())
        .then(|| FileName::from_raw(OsStr::from_bytes(&raw[..length])))
}

/// The name of the control file of a file.
pub fn name_of(file: &FileName) -> FileName {
    let mut name = file.raw().to_owned();
    name.push(SUFFIX);
    FileName::from_raw(name)
}

/// Where the control file of a file lies: beside it.
pub fn beside(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(SUFFIX);
    path.into()
}

fn is_spelled_right(control: &FileName) -> bool {
    control.raw().as_bytes().ends_with(SUFFIX.as_bytes())
}

/// The control files of a listing, by the names of their files.
#[derive(Debug, Default)]
pub struct Controls {
    found: HashMap<FileName, (Entry, Completeness)>,
}

impl Controls {
    /// Takes the control files out of a listing and the answers to it. What is no regular file stays in, to be told.
    pub fn take_from(listing: &mut Vec<Entry>, answers: &mut Vec<Completeness>) -> Controls {
        let mut found = HashMap::new();
        let (mut others, mut their_answers) = (Vec::with_capacity(listing.len()), Vec::new());
        for (entry, answer) in std::mem::take(listing).into_iter().zip(std::mem::take(answers)) {
            if let Some(subject) = subject(&entry.name) {
                // In capitals it is no data either, but counts for nothing: it is put away in the end.
                if is_spelled_right(&entry.name) || !found.contains_key(&subject) {
                    found.insert(subject, (entry.clone(), answer));
                }
                if entry.kind == EntryKind::File {
                    continue;
                }
            }
            others.push(entry);
            their_answers.push(answer);
        }
        (*listing, *answers) = (others, their_answers);
        Controls { found }
    }

    /// Whether the control file of a file is complete; `None` when there is none.
    pub fn of(&self, file: &FileName) -> Option<Completeness> {
        self.found.get(file).filter(|(entry, _)| is_spelled_right(&entry.name)).map(|(_, answer)| *answer)
    }

    /// Those that are not complete yet.
    pub fn incomplete(&self) -> impl Iterator<Item = FileName> {
        let growing = self.found.values().filter(|(_, answer)| *answer != Completeness::Complete);
        growing.map(|(entry, _)| entry.name.clone())
    }

    /// When the first of those that are not complete yet may be.
    pub fn look_again(&self) -> Option<Duration> {
        let rest = |answer: &Completeness| match answer {
            Completeness::LookAgain(after) => Some(*after),
            Completeness::Complete => None,
        };
        self.found.values().filter_map(|(_, answer)| rest(answer)).min()
    }

    /// Complete control files whose files are not among `names`: (name of the file, control file).
    pub fn alone<'c>(
        &'c self,
        names: &'c HashSet<&str>,
    ) -> impl Iterator<Item = (&'c FileName, &'c Entry)> + 'c {
        let found = self.found.iter();
        let complete = found.filter(|(_, (entry, answer))| {
            entry.kind == EntryKind::File && *answer == Completeness::Complete
        });
        complete
            .filter(|(subject, _)| !names.contains(subject.shown()))
            .map(|(subject, (entry, _))| (subject, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_file_is_known_by_its_name() {
        for (name, file) in [
            ("orders_1.json.ctl.json", Some("orders_1.json")),
            ("orders_1.csv.gz.CTL.JSON", Some("orders_1.csv.gz")),
            ("a.ctl.json.ctl.json", Some("a.ctl.json")),
            (".ctl.json", None),
            ("orders_ctl.json", None),
            ("ctl.json", None),
        ] {
            let found = subject(&FileName::from_raw(name));
            assert_eq!(found.as_ref().map(FileName::shown), file, "{name}");
        }
        assert_eq!(beside(Path::new("/in/a.json")), Path::new("/in/a.json.ctl.json"));
    }
}
