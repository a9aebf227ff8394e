use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::*;
use crate::jobs::{Ran, RunReport, Runner, Trigger};
use crate::metadata::jobs::NewJob;
use crate::metadata::loads::{Intent, LoadKind, LoadState, NewLoad};
use crate::query::fixture::Fixture;
use crate::query::{POSITION, SourceWindow};

/// Of each name and day the last event; of several at the same time the one that came in first.
const LAST_OF_DAY: &str = "SELECT name, day, kind FROM (
    SELECT name, CAST(at AS DATE) AS day, kind,
        row_number() OVER (PARTITION BY name, CAST(at AS DATE) ORDER BY at DESC, _position) AS place
    FROM events) WHERE place = 1";

struct Desk {
    fixture: Fixture,
    compactor: Compactor,
    runner: Runner,
    clock: Clock,
}

impl Desk {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let clock = Clock::fixed(Utc::now());
        let owner = Owner::register(&fixture.folder.path().join("owners")).expect("registered");
        let (engine, metadata, lake) =
            (fixture.engine.clone(), fixture.metadata.clone(), fixture.lake.clone());
        let runner = Runner::new(engine.clone(), metadata.clone(), lake.clone(), owner.clone(), clock.now());
        let compactor = Compactor::new(engine, metadata, lake, owner, clock.clone(), 1 << 20);
        let job = NewJob {
            name: "last_of_day".into(),
            target_table: "last_of_day".into(),
            source_table: "events".into(),
            time_column: "at".into(),
            query: LAST_OF_DAY.into(),
            schedule: "0 1 * * *".into(),
            timezone: "UTC".into(),
            description: None,
        };
        assert!(fixture.metadata.ensure_job(&job).await.expect("added"));
        Desk { fixture, compactor, runner, clock }
    }

    /// One load of events `(name, time, kind)` into a partition.
    async fn events(&self, partition: &str, events: &[(&str, &str, &str)]) -> i64 {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").timestamp_micros();
        let times = TimestampMicrosecondArray::from_iter_values(events.iter().map(|event| time(event.1)));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("name", Arc::new(StringArray::from_iter_values(events.iter().map(|event| event.0)))),
            ("at", Arc::new(times.with_timezone("UTC"))),
            ("kind", Arc::new(StringArray::from_iter_values(events.iter().map(|event| event.2)))),
        ];
        self.fixture.load("events", Some(partition), batch(columns), &[]).await
    }

    async fn compact(&self) -> TableReport {
        let stop = CancellationToken::new();
        let report = self.compactor.compact("events", Eagerness::Asked, &stop, |_| {}).await;
        report.expect("a report")
    }

    async fn run_job(&self, days: Option<&[NaiveDate]>) -> RunReport {
        match self.runner.run("last_of_day", Trigger::Manual, days).await.expect("a success") {
            Ran::Finished(report) => report,
            Ran::AlreadyRecorded => panic!("a run by hand has no time at which it was due"),
        }
    }

    /// All rows in the order in which they came in.
    async fn in_order(&self) -> String {
        let files = self.fixture.engine.lake_files("events").await.expect("listed").expect("a table");
        self.in_order_of(files).await
    }

    async fn in_order_of(&self, files: Vec<LakeFile>) -> String {
        let window =
            SourceWindow { table: "events".into(), time_column: "at".into(), files, days: None, since: 0 };
        let sql = format!("SELECT name, at, kind, {POSITION} FROM events ORDER BY {POSITION}");
        let rows = self.fixture.engine.run_windowed(&sql, &window, None).await.expect("planned");
        let batches = rows.collect().await.expect("rows");
        arrow::util::pretty::pretty_format_batches(&batches).expect("text").to_string()
    }

    async fn live(&self) -> Vec<(String, i64)> {
        let live = self.fixture.metadata.live_data_files("events").await.expect("listed");
        live.into_iter().map(|live| (live.file.partition_value.unwrap_or_default(), live.file.rows)).collect()
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns of one length")
}

fn days(texts: &[&str]) -> Vec<NaiveDate> {
    texts.iter().map(|text| text.parse().expect("a date")).collect()
}

/// Two partitions whose loads take turns, with events at the same time in both.
async fn take_turns(desk: &Desk) {
    let noon = "2025-01-01T12:00:00Z";
    desk.events("a", &[("x", noon, "first"), ("y", noon, "y1")]).await;
    desk.events("b", &[("x", noon, "second"), ("z", noon, "z1")]).await;
    desk.events("a", &[("z", noon, "z2"), ("x", noon, "third")]).await;
    desk.events("b", &[("y", noon, "y2"), ("w", "2025-01-02T00:00:00Z", "w")]).await;
}

#[tokio::test]
async fn merging_changes_neither_rows_nor_their_order_nor_a_summary() {
    let desk = Desk::new().await;
    take_turns(&desk).await;
    let summary = "SELECT * FROM last_of_day ORDER BY day, name";
    assert_eq!(desk.run_job(None).await.days, days(&["2025-01-01", "2025-01-02"]));
    let (rows, last) = (desk.in_order().await, desk.fixture.ask(summary).await);
    assert!(last.contains("x,2025-01-01,first") && last.contains("z,2025-01-01,z1"), "{last}");

    let report = desk.compact().await;
    assert!(report.failures.is_empty() && report.left.is_none(), "{report:?}");
    assert_eq!(desk.live().await, [("a".to_owned(), 4), ("b".to_owned(), 4)]);
    assert_eq!(desk.in_order().await, rows, "the order of partitions interleaves as before");
    assert!(desk.run_job(None).await.days.is_empty(), "no day was touched");
    desk.run_job(Some(&days(&["2025-01-01", "2025-01-02"]))).await;
    assert_eq!(desk.fixture.ask(summary).await, last);
    assert!(desk.compact().await.partitions.is_empty(), "there is nothing left to do");
}

#[tokio::test]
async fn only_the_new_rows_of_a_merged_file_touch_a_day() {
    let desk = Desk::new().await;
    desk.events("a", &[("x", "2025-01-01T10:00:00Z", "old")]).await;
    desk.events("a", &[("x", "2025-01-02T10:00:00Z", "old")]).await;
    desk.run_job(None).await;
    desk.events("a", &[("x", "2025-01-03T10:00:00Z", "new"), ("y", "2025-01-02T11:00:00Z", "new")]).await;
    desk.compact().await;
    assert_eq!(desk.live().await, [("a".to_owned(), 4)]);
    let report = desk.run_job(None).await;
    assert_eq!((report.days, report.rows_without_time), (days(&["2025-01-02", "2025-01-03"]), 0));
    // Merged once more, with rows that the job has not seen: what it has seen stays seen.
    desk.events("a", &[("x", "2025-01-04T10:00:00Z", "newer")]).await;
    desk.compact().await;
    assert_eq!(desk.run_job(None).await.days, days(&["2025-01-04"]));
    assert!(desk.run_job(None).await.days.is_empty());
}

#[tokio::test]
async fn the_ledger_says_which_loads_the_rows_of_a_merged_file_came_with() {
    let desk = Desk::new().await;
    let first = desk.events("a", &[("x", "2025-01-01T10:00:00Z", "1")]).await;
    desk.events("a", &[("x", "2025-01-01T10:00:00Z", "2"), ("x", "2025-01-01T10:00:00Z", "3")]).await;
    desk.compact().await;
    let third = desk.events("a", &[("x", "2025-01-01T10:00:00Z", "4")]).await;
    desk.compact().await;
    assert_eq!(
        desk.fixture.ask("SELECT origin_id, load_id, commit_seq, at_row, first_row, rows FROM data_file_origins ORDER BY at_row").await,
        format!(
            "origin_id,load_id,commit_seq,at_row,first_row,rows\n1,{first},1,0,0,1\n2,{},2,1,0,2\n4,{third},4,3,0,1\n",
            first + 1
        )
    );
    for load in [first, third] {
        let files = desk.fixture.metadata.data_files_with_rows_of(load).await.expect("listed");
        assert_eq!(files.len(), 1);
        assert_eq!((files[0].first_commit_seq, files[0].last_commit_seq), (Some(1), Some(4)));
    }
    assert_eq!(desk.fixture.ask("SELECT count(*) AS n FROM data_files").await, "n\n1\n");
}

#[tokio::test]
async fn files_with_different_columns_stay_apart() {
    let desk = Desk::new().await;
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let old = || batch(vec![("id", Arc::clone(&number))]);
    let new = || batch(vec![("id", Arc::clone(&number)), ("more", Arc::clone(&number))]);
    for rows in [old(), new(), old(), new(), new()] {
        desk.fixture.load("events", Some("a"), rows, &[]).await;
    }
    desk.compact().await;
    assert_eq!(desk.live().await.len(), 2);
    let sum = desk.fixture.ask("SELECT count(id) AS ids, count(more) AS more FROM events").await;
    assert_eq!(sum, "ids,more\n5,3\n");
}

#[tokio::test]
async fn who_listed_the_old_files_can_read_them_for_a_while() {
    let desk = Desk::new().await;
    take_turns(&desk).await;
    let old = desk.fixture.engine.lake_files("events").await.expect("listed").expect("a table");
    let rows = desk.in_order().await;
    desk.compact().await;
    assert!(
        old.iter().all(|file| !desk.fixture.lake.place(&file.path).exists()),
        "their folders have them no more"
    );
    assert_eq!(desk.in_order_of(old.clone()).await, rows);
    let then = desk.clock.now() + TimeDelta::seconds(1);
    assert_eq!(purge_retired(&desk.fixture.lake, then.into()).await.expect("deleted"), 4);
    assert_eq!(desk.in_order().await, rows);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_nothing_changes() {
    let desk = Desk::new().await;
    take_turns(&desk).await;
    let live = desk.fixture.metadata.live_data_files("events").await.expect("listed");
    let damaged = live.iter().find(|live| live.file.partition_value.as_deref() == Some("b")).expect("a file");
    let place = desk.fixture.lake.place(&damaged.file.path);
    let mut bytes = std::fs::read(&place).expect("a file");
    bytes[4..24].fill(0xff);
    std::fs::write(&place, bytes).expect("written");
    let report = desk.compact().await;
    let [(folder, error)] = report.failures.as_slice() else { panic!("{report:?}") };
    assert_eq!((folder.as_str(), error.kind()), ("raw_data/events/date=b", Kind::Data));
    assert!(error.to_string().contains(&damaged.file.path), "{error}");
    assert_eq!(desk.live().await.len(), 3, "the other partition is merged all the same");
    assert!(desk.fixture.metadata.open_loads().await.expect("listed").is_empty());
}

#[tokio::test]
async fn a_file_that_another_load_replaces_is_left_to_it() {
    let desk = Desk::new().await;
    take_turns(&desk).await;
    let metadata = &desk.fixture.metadata;
    let taken = metadata.live_data_files("events").await.expect("listed")[0].file.id;
    let load = NewLoad {
        kind: LoadKind::Ingest,
        table_name: "events".into(),
        file_type: None,
        schema_version: None,
        owner: "somebody who is gone".into(),
    };
    let other = metadata.begin_load(&load).await.expect("begun");
    let removes = Intent { removes: vec![taken], ..Intent::default() };
    metadata.stage(other, &removes).await.expect("staged");
    let report = desk.compact().await;
    assert_eq!(report.left.as_ref().map(CompactError::kind), Some(Kind::Conflict), "{report:?}");
    assert_eq!(desk.live().await.len(), 4);
    metadata.roll_back(other, &[]).await.expect("rolled back");
    assert!(desk.compact().await.left.is_none());
    assert_eq!(desk.live().await.len(), 2);
    let states =
        desk.fixture.ask("SELECT DISTINCT state FROM loads WHERE kind = 'compaction' ORDER BY state").await;
    assert_eq!(states, format!("state\n{}\n{}\n", LoadState::Committed, LoadState::RolledBack));
}

#[tokio::test]
async fn a_merge_that_is_stopped_leaves_nothing_behind() {
    let desk = Desk::new().await;
    take_turns(&desk).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let report = desk.compactor.compact("events", Eagerness::Asked, &stop, |_| {}).await.expect("a report");
    assert!(matches!(report.left, Some(CompactError::Stopped)), "{report:?}");
    assert_eq!(desk.live().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_every_row_once_while_files_are_merged_and_added() {
    let desk = Desk::new().await;
    let sql = "SELECT count(kind) AS n, count(DISTINCT kind) AS d FROM events WHERE name = 'fixed'";
    for number in 0..4 {
        desk.events("a", &[("fixed", "2025-01-01T10:00:00Z", &format!("fixed {number}"))]).await;
    }
    let merging = async {
        for number in 0..12 {
            desk.events("a", &[("more", "2025-01-01T10:00:00Z", &format!("more {number}"))]).await;
            let report = desk.compact().await;
            assert!(report.failures.is_empty() && report.left.is_none(), "{report:?}");
        }
    };
    let reading = async {
        loop {
            assert_eq!(desk.fixture.ask(sql).await, "n,d\n4,4\n");
        }
    };
    tokio::select! {
        () = merging => {}
        () = reading => {}
    }
    assert_eq!(desk.live().await, [("a".to_owned(), 16)]);
}
