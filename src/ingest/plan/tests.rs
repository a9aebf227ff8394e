use super::*;
use crate::ingest::backlog::tests::{backlog, file};
use crate::metadata::types::{TypeRow, TypeStatus};
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

fn problem(code: &str) -> Option<Box<Problem>> {
    Some(Box::new(Problem { code: code.into(), message: String::new(), hint: None }))
}

fn planned(listing: &[Entry], files: &[Unclaimed]) -> Plan {
    let strict = type_row("strict", TypeStatus::Active);
    let registry = registry(vec![
        type_row("orders", TypeStatus::Active),
        type_row("idle", TypeStatus::Inactive),
        TypeRow { processing_config: r#"{"control":"required"}"#.into(), ..strict },
    ]);
    let mut listing = listing.to_vec();
    let mut completeness = vec![Completeness::Complete; listing.len()];
    let controls = Controls::take_from(&mut listing, &mut completeness);
    plan(Situation {
        scope: Scope::Folder,
        listing: &listing,
        completeness: &completeness,
        controls: &controls,
        backlog: &backlog(files),
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
    let first = planned(&listing, &[]);
    assert!(first.learn.is_empty());
    assert_eq!(first.again.len(), 2);
    let rows = [
        file(1, "new_a.json", "new_a", FileState::Waiting, NOW),
        file(2, "new_b.json", "new_b", FileState::Waiting, NOW - 60),
    ];
    let lessons: Vec<_> = planned(&listing, &rows).learn.into_iter().map(|lesson| lesson.file_id).collect();
    assert_eq!(lessons, [1, 2]);
}

#[test]
fn what_the_ledger_knows_already_changes_nothing() {
    let rows = [file(1, "orders_1.json", "orders", FileState::Queued, NOW)];
    let plan = planned(&[entry("orders_1.json", NOW)], &rows);
    assert!(plan.discover.is_empty() && plan.recheck.is_empty() && plan.vanish.is_empty());
}

#[test]
fn a_file_in_work_is_left_alone_wherever_it_is() {
    let rows = [file(1, "orders_1.json", "orders", FileState::Processing, NOW)];
    for listing in [vec![entry("orders_1.json", NOW)], vec![]] {
        let plan = planned(&listing, &rows);
        assert!(plan.discover.is_empty() && plan.recheck.is_empty() && plan.vanish.is_empty());
    }
}

#[test]
fn a_file_that_is_taken_away_vanishes() {
    let rows = [file(1, "orders_1.json", "orders", FileState::Waiting, NOW)];
    assert_eq!(planned(&[], &rows).vanish, [(1, 0)]);
}

#[test]
fn a_truncated_document_waits_until_it_changes_or_its_time_is_over() {
    for (modified, now_modified, queued) in
        [(NOW - 10, NOW - 10, false), (NOW - 10, NOW - 1, true), (NOW - 31, NOW - 31, true)]
    {
        let row = Unclaimed {
            problem: problem("json.truncated"),
            ..file(1, "orders_1.json", "orders", FileState::Waiting, modified)
        };
        let plan = planned(&[entry("orders_1.json", now_modified)], &[row]);
        let states: Vec<_> = plan.recheck.iter().map(|recheck| recheck.state).collect();
        assert_eq!(states == [FileState::Queued], queued, "{modified} {now_modified}: {states:?}");
        assert_eq!(plan.look_again.is_some(), !queued);
    }
}

#[test]
fn activation_queues_what_waits() {
    let row = Unclaimed {
        problem: problem("type.inactive"),
        ..file(1, "orders_1.json", "orders", FileState::Waiting, NOW)
    };
    let plan = planned(&[entry("orders_1.json", NOW)], &[row]);
    assert_eq!(plan.recheck[0].state, FileState::Queued);
    assert!(plan.recheck[0].problem.is_none());
}

#[test]
fn other_extensions_are_refused_and_no_files_reported() {
    let rows = [file(1, "orders_1.xml", "orders_1", FileState::Queued, NOW)];
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
        scope: Scope::Folder,
        listing: &listing,
        completeness: &[Completeness::LookAgain(Duration::from_millis(200))],
        controls: &Controls::default(),
        backlog: &Backlog::default(),
        registry: &registry,
        now: at(NOW),
        max_wait: MAX_WAIT,
    });
    assert!(plan.discover.is_empty());
    assert_eq!(plan.look_again, Some(Duration::from_millis(200)));
    assert_eq!(plan.incomplete, [listing[0].name.clone()]);
}

#[test]
fn a_look_at_some_names_says_nothing_about_others() {
    let files = ["orders_1.json", "orders_2.json"];
    let known: Vec<_> =
        (1..).zip(files).map(|(id, name)| file(id, name, "orders", FileState::Queued, NOW)).collect();
    let registry = registry(vec![type_row("orders", TypeStatus::Active)]);
    let plan = plan(Situation {
        scope: Scope::Names(&[FileName::from_raw("orders_2.json"), FileName::from_raw("orders_3.json")]),
        listing: &[],
        completeness: &[],
        controls: &Controls::default(),
        backlog: &backlog(&known),
        registry: &registry,
        now: at(NOW),
        max_wait: MAX_WAIT,
    });
    assert_eq!(plan.vanish, [(2, 0)]);
}

#[test]
fn a_control_file_is_no_file_of_a_type() {
    let listing = [entry("orders_1.json", NOW), entry("orders_1.json.ctl.json", NOW)];
    let plan = planned(&listing, &[]);
    assert_eq!(plan.discover.len(), 1);
    assert!(planned(&[entry("new_1.json.ctl.json", NOW)], &[]).discover.is_empty());
}

#[test]
fn a_file_waits_for_the_control_file_that_its_type_demands_but_not_for_ever() {
    let state = |names: &[&str], row: Option<Unclaimed>| {
        let listing: Vec<_> = names.iter().map(|name| entry(name, NOW - 600)).collect();
        let rows: Vec<_> = row.into_iter().collect();
        let plan = planned(&listing, &rows);
        let discovered = plan.discover.first().map(|file| file.state);
        (discovered.or(plan.recheck.first().map(|file| file.state)), plan.look_again)
    };
    let seen = |ago: i64| {
        let row = file(1, "strict_1.json", "strict", FileState::Waiting, NOW - 600);
        Some(Unclaimed { seen_at: at(NOW - ago), problem: Some(Box::new(control::missing())), ..row })
    };
    let (alone, with_control) = (&["strict_1.json"][..], &["strict_1.json", "strict_1.json.ctl.json"][..]);
    assert_eq!(state(alone, None), (Some(FileState::Waiting), Some(MAX_WAIT)));
    assert_eq!(state(alone, seen(10)), (None, Some(Duration::from_secs(20))));
    assert_eq!(state(alone, seen(31)), (Some(FileState::Queued), None));
    assert_eq!(state(with_control, None), (Some(FileState::Queued), None));
    assert_eq!(state(with_control, seen(10)), (Some(FileState::Queued), None));
    assert_eq!(state(&["orders_1.json"], None), (Some(FileState::Queued), None));
}
