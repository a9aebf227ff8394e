//! What to do about a listing. Pure: the folder, the ledger, the types and the time are arguments.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::backlog::Backlog;
use super::control;
use crate::inbox::control::Controls;
use crate::inbox::{Completeness, Entry, EntryKind};
use crate::metadata::files::{FileState, NewFile, Problem, Recheck, Unclaimed};
use crate::name::FileName;
use crate::registry::{Detection, RegisteredType, Registry};

/// Everything that one look at the folder leads to.
#[derive(Debug, Default)]
pub struct Plan {
    /// Complete files that the ledger does not know.
    pub discover: Vec<NewFile>,
    /// Known files whose bytes, type or state changed.
    pub recheck: Vec<Recheck>,
    /// Known files that are no longer there: (id, attempt).
    pub vanish: Vec<(i64, i64)>,
    /// Unknown types, each with its oldest complete file.
    pub learn: Vec<Lesson>,
    /// Known files that no type will ever load: (id, attempt, type key).
    pub refuse: Vec<(i64, i64, String)>,
    /// Names that are no files: they are left alone and reported.
    pub oddities: Vec<(FileName, EntryKind)>,
    /// When to look again, if a file is not complete yet.
    pub look_again: Option<Duration>,
    /// The files to look at then.
    pub incomplete: Vec<FileName>,
    /// Files to look at again as soon as the ledger knows them.
    pub again: Vec<FileName>,
    /// Names of files that are being loaded: should new files have them, they are met after that.
    pub in_work: Vec<FileName>,
}

/// A type to register from a file that the ledger knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    pub type_key: String,
    pub name: FileName,
    pub file_id: i64,
    pub attempt: i64,
    pub modified_at: DateTime<Utc>,
}

/// What was looked at.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// All of `incoming/`.
    Folder,
    /// Just these names.
    Names(&'a [FileName]),
}

/// What the plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub scope: Scope<'a>,
    /// What was found; with one answer for each entry in `completeness`.
    pub listing: &'a [Entry],
    pub completeness: &'a [Completeness],
    /// The control files, which are not in `listing`.
    pub controls: &'a Controls,
    /// What the ledger knows.
    pub backlog: &'a Backlog,
    pub registry: &'a Registry,
    pub now: DateTime<Utc>,
    /// How long a truncated document may still grow.
    pub max_wait: Duration,
}

/// Codes of a document that ends too early: it may still grow.
pub const TRUNCATION: [&str; 3] = ["json.truncated", "csv.truncated", "file.truncated"];

/// The code of a file whose extension Lakegate does not load.
pub const UNSUPPORTED: &str = "file.unsupported_format";

pub fn plan(situation: Situation<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut lessons: BTreeMap<String, Lesson> = BTreeMap::new();

    for (entry, completeness) in situation.listing.iter().zip(situation.completeness) {
        if entry.kind != EntryKind::File {
            plan.oddities.push((entry.name.clone(), entry.kind));
            continue;
        }
        if situation.backlog.is_in_work(entry.name.shown()) {
            plan.in_work.push(entry.name.clone());
            continue;
        }
        let row = situation.backlog.at(entry.name.shown()).map(AsRef::as_ref);
        // A file is as complete as its control file.
        let completeness = match (completeness, situation.controls.of(&entry.name)) {
            (Completeness::Complete, Some(of_control)) => of_control,
            (of_file, _) => *of_file,
        };
        match completeness {
            Completeness::LookAgain(after) => plan.look_again(after, entry),
            Completeness::Complete => {
                let verdict = judge(entry, row, situation);
                if let (Some(lesson), Some(row)) = (&verdict.lesson, row) {
                    learn_from_oldest(&mut lessons, lesson, entry, row);
                }
                plan.note(entry, row, verdict);
            }
        }
    }
    plan.vanish = gone(situation);
    plan.learn = lessons.into_values().collect();
    // A listing has no order; the ledger's numbers follow the age of the files.
    plan.discover.sort_by(|a, b| {
        (a.file_time.or(a.modified_at), &a.name).cmp(&(b.file_time.or(b.modified_at), &b.name))
    });
    plan
}

/// Files that should have been found, as (id, attempt).
fn gone(situation: Situation<'_>) -> Vec<(i64, i64)> {
    let Situation { scope, listing, backlog, .. } = situation;
    let listed: HashSet<&str> = listing.iter().map(|entry| entry.name.shown()).collect();
    let is_gone = |file: &&Unclaimed| !listed.contains(&*file.name);
    let expected: Vec<&Unclaimed> = match scope {
        Scope::Folder => backlog.incoming().map(AsRef::as_ref).collect(),
        Scope::Names(names) => {
            names.iter().filter_map(|name| backlog.at(name.shown())).map(AsRef::as_ref).collect()
        }
    };
    expected.into_iter().filter(is_gone).map(|file| (file.id, file.attempt)).collect()
}

/// The oldest file of an unknown type teaches it.
fn learn_from_oldest(lessons: &mut BTreeMap<String, Lesson>, type_key: &str, entry: &Entry, row: &Unclaimed) {
    let lesson = Lesson {
        type_key: type_key.to_owned(),
        name: entry.name.clone(),
        file_id: row.id,
        attempt: row.attempt,
        modified_at: entry.modified_at,
    };
    let age = |lesson: &Lesson| (lesson.modified_at, lesson.name.shown().to_owned());
    match lessons.get_mut(type_key) {
        Some(known) if age(known) <= age(&lesson) => {}
        Some(known) => *known = lesson,
        None => drop(lessons.insert(type_key.to_owned(), lesson)),
    }
}

/// Known files in `processing/` that cannot be loaded now: they were claimed once and given back. They return to
/// `incoming/` before anyone looks there, because one may have got there already when the process died.
pub fn to_send_back(backlog: &Backlog, registry: &Registry) -> Vec<(i64, FileName, PathBuf)> {
    let stranded = |file: &&Arc<Unclaimed>| {
        let loads = file.file_type.as_deref().is_some_and(|key| registry.active(key).is_some());
        file.state == FileState::Waiting || !loads
    };
    let back = |file: &Arc<Unclaimed>| {
        Some((file.id, FileName::from_shown(&file.name), PathBuf::from(file.path.as_ref()?)))
    };
    backlog.returned().filter(stranded).filter_map(back).collect()
}

/// What a complete file should be in the ledger.
struct Verdict {
    state: FileState,
    file_type: Option<String>,
    time: Option<NaiveDateTime>,
    problem: Option<Problem>,
    lesson: Option<String>,
    look_again: Option<Duration>,
}

impl Verdict {
    fn queued(file_type: &str, time: Option<NaiveDateTime>) -> Self {
        Self {
            state: FileState::Queued,
            file_type: Some(file_type.to_owned()),
            time,
            problem: None,
            lesson: None,
            look_again: None,
        }
    }

    fn waiting(file_type: &str, time: Option<NaiveDateTime>, problem: Problem) -> Self {
        Self { state: FileState::Waiting, problem: Some(problem), ..Self::queued(file_type, time) }
    }
}

fn judge(entry: &Entry, row: Option<&Unclaimed>, situation: Situation<'_>) -> Verdict {
    match situation.registry.detect(&entry.name.raw().to_string_lossy()) {
        Detection::Unsupported { type_key } => {
            Verdict { problem: Some(unsupported()), ..Verdict::queued(&type_key, None) }
        }
        Detection::Unknown { type_key, time } => match still_truncated(entry, row, situation) {
            Some((problem, rest)) => {
                Verdict { look_again: Some(rest), ..Verdict::waiting(&type_key, time, problem) }
            }
            None => Verdict {
                lesson: Some(type_key.clone()),
                ..Verdict::waiting(&type_key, time, unknown_type(&type_key))
            },
        },
        Detection::Known { registered, time } => {
            let file_type = &registered.row.file_type;
            match reason_to_wait(registered) {
                Some(problem) => Verdict::waiting(file_type, time, problem),
                None => {
                    let uncontrolled = || control_awaited(entry, row, registered, situation);
                    match still_truncated(entry, row, situation).or_else(uncontrolled) {
                        Some((problem, rest)) => {
                            Verdict { look_again: Some(rest), ..Verdict::waiting(file_type, time, problem) }
                        }
                        None => Verdict::queued(file_type, time),
                    }
                }
            }
        }
    }
}

/// A document that ended too early at its last try, has not changed since and may still grow.
fn still_truncated(
    entry: &Entry,
    row: Option<&Unclaimed>,
    situation: Situation<'_>,
) -> Option<(Problem, Duration)> {
    let row = row.filter(|row| is_truncated(row) && !changed(entry, row))?;
    let rest = time_to_grow(entry.modified_at, situation.now, situation.max_wait)?;
    Some((row.problem.as_deref()?.clone(), rest))
}

/// A file of a type that demands control files, whose one has not come yet and still may.
fn control_awaited(
    entry: &Entry,
    row: Option<&Unclaimed>,
    registered: &RegisteredType,
    situation: Situation<'_>,
) -> Option<(Problem, Duration)> {
    let required = registered.active().is_some_and(|spec| spec.config.control_required);
    if !required || situation.controls.of(&entry.name).is_some() {
        return None;
    }
    // Whatever the age of the file: its control file may be on its way since it came.
    let since = row.map_or(situation.now, |row| row.seen_at).max(entry.modified_at);
    let rest = time_to_grow(since, situation.now, situation.max_wait)?;
    Some((control::missing(), rest))
}

/// How long a file that was modified then may still grow; `None` when its time is over.
pub fn time_to_grow(modified_at: DateTime<Utc>, now: DateTime<Utc>, max_wait: Duration) -> Option<Duration> {
    // A time in the future says nothing: such a file does not wait for ever.
    let age = (now - modified_at).to_std().unwrap_or(max_wait);
    max_wait.checked_sub(age).filter(|rest| !rest.is_zero())
}

fn is_truncated(row: &Unclaimed) -> bool {
    row.problem.as_ref().is_some_and(|problem| TRUNCATION.contains(&problem.code.as_str()))
}

fn changed(entry: &Entry, row: &Unclaimed) -> bool {
    i64::try_from(entry.bytes) != Ok(row.bytes) || Some(entry.modified_at) != row.modified_at
}

/// Why files of a type wait; `None` when they load.
pub fn reason_to_wait(registered: &RegisteredType) -> Option<Problem> {
    let key = &registered.row.file_type;
    if let Err(reason) = &registered.spec {
        return Some(Problem {
            code: "type.unusable".into(),
            message: format!("type {key} cannot be used: {reason}"),
            hint: Some(format!("mend the row: UPDATE table_metadata SET … WHERE file_type='{key}';")),
        });
    }
    if registered.active().is_some() {
        return None;
    }
    let status = registered.row.status;
    let why = registered.row.status_reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Some(Problem {
        code: format!("type.{status}"),
        message: format!("type {key} is {status}{why}"),
        hint: Some(format!("UPDATE table_metadata SET status='active' WHERE file_type='{key}';")),
    })
}

fn unknown_type(type_key: &str) -> Problem {
    Problem {
        code: "type.unknown".into(),
        message: format!("type {type_key} is not known yet; its schema is being inferred from this file"),
        hint: Some(format!("then: UPDATE table_metadata SET status='active' WHERE file_type='{type_key}';")),
    }
}

pub fn unsupported() -> Problem {
    Problem {
        code: UNSUPPORTED.into(),
        message:
            "the extension is not one that Lakegate loads: .json, .ndjson, .jsonl, .csv, .tsv, with or without .gz or \
             .zst, and .parquet"
                .into(),
        hint: Some(
            "rename it, or give a type a file_pattern that matches such names; they are read as JSON, or as CSV if \
             processing_config of the type says \"csv\""
                .into(),
        ),
    }
}

impl Plan {
    fn look_again(&mut self, after: Duration, entry: &Entry) {
        self.look_again = Some(self.look_again.map_or(after, |sooner| sooner.min(after)));
        self.incomplete.push(entry.name.clone());
    }

    fn note(&mut self, entry: &Entry, row: Option<&Unclaimed>, verdict: Verdict) {
        let Verdict { state, file_type, time, problem, lesson, look_again } = verdict;
        if let Some(after) = look_again {
            self.look_again(after, entry);
        }
        let is_unsupported = problem.as_ref().is_some_and(|problem| problem.code == UNSUPPORTED);
        let bytes = i64::try_from(entry.bytes).unwrap_or(i64::MAX);
        let (modified_at, file_time) = (Some(entry.modified_at), time.map(|time| time.and_utc()));
        let Some(row) = row else {
            if lesson.is_some() || is_unsupported {
                self.again.push(entry.name.clone());
            }
            let name = entry.name.shown().to_owned();
            self.discover.push(NewFile { name, file_type, state, bytes, modified_at, file_time, problem });
            return;
        };
        let same = row.state == state
            && row.file_type == file_type
            && told(row.problem.as_deref()) == told(problem.as_ref())
            && !changed(entry, row);
        if is_unsupported {
            self.refuse.push((row.id, row.attempt, file_type.unwrap_or_default()));
        } else if !same {
            let (id, attempt) = (row.id, row.attempt);
            self.recheck.push(Recheck {
                id,
                attempt,
                state,
                file_type,
                bytes,
                modified_at,
                file_time,
                problem,
            });
        }
    }
}

fn told(problem: Option<&Problem>) -> Option<(&str, &str)> {
    problem.map(|problem| (problem.code.as_str(), problem.message.as_str()))
}

#[cfg(test)]
mod tests;
