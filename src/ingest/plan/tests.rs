use super::*;
use crate::metadata::types::TypeStatus;
use crate::registry::tests::{registry, row as type_row};

const NOW: i64 = 1_700_000_000;
const MAX_WAIT: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

fn entry(name: &str, modified: i64) -> Entry {
    Entry {
        name: FileName::from_raw(name),
        kind: EntryKind::File,
        bytes: 10,
        modified_at: at(modified),
        inode: 1,
    }
}

/// The row of [`entry`] as an earlier look wrote it down.
pub(crate) fn file_row(id: i64, name: &str, file_type: &str, state: FileState, modified: i64) -> FileRow {
    FileRow {
        id,
        name: name.into(),
        file_type: Some(file_type.into()),
        state,
        location: Location::Incoming,
        path: None,
        target: None,
        outcome: None,
        bytes: 10,
        modified_at: Some(at(modified)),
        blake3: None,
        file_time: None,
        attempt: 0,
        crashes: 0,
        owner: None,
        load_id: None,
        duplicate_of: None,
        records_read: 0,
        records_written: 0,
        records_rejected: 0,
        records_deduplicated: 0,
        records_filtered: 0,
        unknown_fields: 0,
        error_code: None,
        error_message: None,
        error_hint: None,
        seen_at: at(modified),
        started_at: None,
        finished_at: None,
        updated_at: at(modified),
    }
}

fn planned(listing: &[Entry], rows: &[FileRow]) -> Plan {
    let registry =
        registry(vec![type_row("orders", TypeStatus::Active), type_row("idle", TypeStatus::Inactive)]);
    let completeness = vec![Completeness::Complete; listing.len()];
    plan(Situation {
        listing,
        completeness: &completeness,
        rows,
        registry: &registry,
        now: at(NOW),
        max_wait: MAX_WAIT,
    })
}

#[test]
fn new_files_are_numbered_by_their_age_whatever_the_listing_says() {
    let listing = [entry("orders_c.json", NOW + 5), entry("orders_b.json", NOW), entry("orders_a.json", NOW)];
    let names: Vec<_> = planned(&listing, &[]).discover.into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["orders_a.json", "orders_b.json", "orders_c.json"]);
}

#[test]
fn a_new_file_is_queued_or_waits_with_the_reason() {
    let listing = [entry("orders_1.json", NOW), entry("idle_1.json", NOW), entry("new_1.json", NOW)];
    let plan = planned(&listing, &[]);
    let found: Vec<_> = plan
        .discover
        .iter()
        .map(|file| {
            (file.name.as_str(), file.state, file.problem.as_ref().map(|problem| problem.code.as_str()))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("idle_1.json", FileState::Waiting, Some("type.inactive")),
            ("new_1.json", FileState::Waiting, Some("type.unknown")),
            ("orders_1.json", FileState::Queued, None),
        ]
    );
}

#[test]
fn an_unknown_type_is_learned_from_its_oldest_file_once_it_is_in_the_ledger() {
    let listing = [entry("new_a.json", NOW), entry("new_b.json", NOW - 60)];
    assert!(planned(&listing, &[]).learn.is_empty());
    let rows = [
        file_row(1, "new_a.json", "new_a", FileState::Waiting, NOW),
        file_row(2, "new_b.json", "new_b", FileState::Waiting, NOW - 60),
    ];
    let lessons: Vec<_> = planned(&listing, &rows).learn.into_iter().map(|lesson| lesson.file_id).collect();
    assert_eq!(lessons, [1, 2]);
}

#[test]
fn what_the_ledger_knows_already_changes_nothing() {
    let rows = [file_row(1, "orders_1.json", "orders", FileState::Queued, NOW)];
    let plan = planned(&[entry("orders_1.json", NOW)], &rows);
    assert!(plan.discover.is_empty() && plan.recheck.is_empty() && plan.vanish.is_empty());
}

#[test]
fn a_file_in_work_is_left_alone_wherever_it_is() {
    let rows = [file_row(1, "orders_1.json", "orders", FileState::Processing, NOW)];
    for listing in [vec![entry("orders_1.json", NOW)], vec![]] {
        let plan = planned(&listing, &rows);
        assert!(plan.discover.is_empty() && plan.recheck.is_empty() && plan.vanish.is_empty());
    }
}

#[test]
fn a_file_that_is_taken_away_vanishes() {
    let rows = [file_row(1, "orders_1.json", "orders", FileState::Waiting, NOW)];
    assert_eq!(planned(&[], &rows).vanish, [(1, 0)]);
}

#[test]
fn a_truncated_document_waits_until_it_changes_or_its_time_is_over() {
    for (modified, now_modified, queued) in
        [(NOW - 10, NOW - 10, false), (NOW - 10, NOW - 1, true), (NOW - 31, NOW - 31, true)]
    {
        let row = FileRow {
            error_code: Some("json.truncated".into()),
            ..file_row(1, "orders_1.json", "orders", FileState::Waiting, modified)
        };
        let plan = planned(&[entry("orders_1.json", now_modified)], &[row]);
        let states: Vec<_> = plan.recheck.iter().map(|recheck| recheck.state).collect();
        assert_eq!(states == [FileState::Queued], queued, "{modified} {now_modified}: {states:?}");
        assert_eq!(plan.look_again.is_some(), !queued);
    }
}

#[test]
fn activation_queues_what_waits() {
    let row = FileRow {
        error_code: Some("type.inactive".into()),
        ..file_row(1, "orders_1.json", "orders", FileState::Waiting, NOW)
    };
    let plan = planned(&[entry("orders_1.json", NOW)], &[row]);
    assert_eq!(plan.recheck[0].state, FileState::Queued);
    assert!(plan.recheck[0].problem.is_none());
}

#[test]
fn other_extensions_are_refused_and_no_files_reported() {
    let rows = [file_row(1, "orders_1.xml", "orders_1", FileState::Queued, NOW)];
    let folder = Entry { kind: EntryKind::Directory, ..entry("x.json", NOW) };
    let plan = planned(&[entry("orders_1.xml", NOW), folder], &rows);
    assert_eq!(plan.refuse, [(1, 0, "orders_1".to_owned())]);
    assert_eq!(plan.oddities.len(), 1);
}

#[test]
fn a_file_that_grows_is_looked_at_again() {
    let registry = registry(vec![type_row("orders", TypeStatus::Active)]);
    let listing = [entry("orders_1.json", NOW)];
    let plan = plan(Situation {
        listing: &listing,
        completeness: &[Completeness::LookAgain(Duration::from_millis(200))],
        rows: &[],
        registry: &registry,
        now: at(NOW),
        max_wait: MAX_WAIT,
    });
    assert!(plan.discover.is_empty());
    assert_eq!(plan.look_again, Some(Duration::from_millis(200)));
}
