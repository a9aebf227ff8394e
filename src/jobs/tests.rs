use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, NaiveDate, Utc};

use super::*;
use crate::metadata::jobs::{NewJob, RunState};
use crate::owner::Owner;
use crate::query::fixture::Fixture;

/// The job that comes with Lakegate, as its SQL says it.
fn daily_summary() -> NewJob {
    let (_, statement) = crate::generate::shipped::SQL.split_once("INTO jobs").expect("a job is shipped");
    let values: Vec<String> = statement.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
    let [name, target_table, source_table, time_column, schedule, timezone, description, query] =
        values.try_into().expect("eight values");
    let description = Some(description);
    NewJob { name, target_table, source_table, time_column, query, schedule, timezone, description }
}

struct Desk {
    fixture: Fixture,
    runner: Runner,
}

impl Desk {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let runner = runner_at(&fixture, "2025-01-01T00:00:00Z");
        Desk { fixture, runner }
    }

    async fn with_summary() -> Self {
        let desk = Desk::new().await;
        desk.add(daily_summary()).await;
        desk
    }

    async fn add(&self, job: NewJob) {
        assert!(self.fixture.metadata.ensure_job(&job).await.expect("added"));
    }

    /// Loads events `(vehicle, time, type)` into a partition; gives the ids of the live files of that load.
    async fn events(
        &self,
        partition: &str,
        events: &[(&str, Option<&str>, &str)],
        removes: &[i64],
    ) -> Vec<i64> {
        let times = events.iter().map(|(_, time, _)| time.map(|time| at(time).timestamp_micros()));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("vehicle_id", Arc::new(StringArray::from_iter_values(events.iter().map(|event| event.0)))),
            ("event_time", Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC"))),
            ("event_type", Arc::new(StringArray::from_iter_values(events.iter().map(|event| event.2)))),
        ];
        let columns = columns.into_iter().map(|(name, array)| (name, array, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
        let load = self.fixture.load("vehicle_events", Some(partition), batch, removes).await;
        let live = self.fixture.metadata.live_data_files("vehicle_events").await.expect("listed");
        live.into_iter().filter(|file| file.file.load_id == load).map(|file| file.file.id).collect()
    }

    async fn run(&self, job: &str) -> RunReport {
        self.run_days(job, None).await
    }

    async fn run_days(&self, job: &str, days: Option<&[NaiveDate]>) -> RunReport {
        match self.runner.run(job, Trigger::Manual, days).await.expect("a success") {
            Ran::Finished(report) => report,
            Ran::AlreadyRecorded => panic!("a run by hand has no time at which it was due"),
        }
    }

    async fn summary(&self) -> String {
        let sql = "SELECT vehicle_id, day, last_event_time, last_event_type FROM daily_summary ORDER BY day, vehicle_id";
        let text = self.fixture.ask(sql).await;
        text.lines().skip(1).map(|line| format!("{line}\n")).collect()
    }
}

fn runner_at(fixture: &Fixture, awake_since: &str) -> Runner {
    let owner = Owner::register(&fixture.folder.path().join("owners")).expect("registered");
    Runner::new(
        fixture.engine.clone(),
        fixture.metadata.clone(),
        fixture.lake.clone(),
        owner,
        at(awake_since),
    )
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&Utc)
}

fn days(texts: &[&str]) -> Vec<NaiveDate> {
    texts.iter().map(|text| text.parse().expect("a date")).collect()
}

#[tokio::test]
async fn only_days_that_new_loads_touched_are_recomputed() {
    let desk = Desk::with_summary().await;
    let first = [
        ("a", Some("2025-01-01T10:00:00Z"), "start"),
        ("a", Some("2025-01-01T12:00:00Z"), "first of two"),
        ("a", Some("2025-01-01T12:00:00Z"), "second of two"),
        ("b", Some("2025-01-02T23:59:59.999999Z"), "late night"),
        ("b", None, "no time"),
    ];
    desk.events("2025-01-02", &first, &[]).await;
    let report = desk.run("daily_summary").await;
    assert_eq!(report.days, days(&["2025-01-01", "2025-01-02"]));
    assert_eq!((report.rows_written, report.files_written, report.rows_without_time), (2, 2, 1));
    assert_eq!(
        desk.summary().await,
        "a,2025-01-01,2025-01-01T12:00:00Z,first of two\nb,2025-01-02,2025-01-02T23:59:59.999999Z,late night\n"
    );

    // A late file, put into another partition by its name, touches the first day alone.
    desk.events(
        "2025-01-09",
        &[("a", Some("2025-01-01T12:00:00Z"), "tie"), ("c", Some("2025-01-01T00:00:00Z"), "x")],
        &[],
    )
    .await;
    let report = desk.run("daily_summary").await;
    assert_eq!((report.days.clone(), report.files_removed), (days(&["2025-01-01"]), 1));
    assert_eq!(
        desk.summary().await,
        "a,2025-01-01,2025-01-01T12:00:00Z,first of two\nc,2025-01-01,2025-01-01T00:00:00Z,x\n\
         b,2025-01-02,2025-01-02T23:59:59.999999Z,late night\n"
    );

    let report = desk.run("daily_summary").await;
    assert_eq!((report.days.len(), report.load_id), (0, None));
    let runs = desk.fixture.metadata.job_runs("daily_summary", 10).await.expect("listed");
    assert!(runs.iter().all(|run| run.state == RunState::Succeeded));
}

#[tokio::test]
async fn a_summary_is_one_folder_for_each_day_and_holds_only_live_files() {
    let desk = Desk::with_summary().await;
    desk.events("2025-01-01", &[("a", Some("2025-01-01T10:00:00Z"), "x")], &[]).await;
    desk.run("daily_summary").await;
    desk.events("2025-01-01", &[("a", Some("2025-01-01T11:00:00Z"), "y")], &[]).await;
    let report = desk.run("daily_summary").await;
    let folder = desk.fixture.lake.place("summary/daily_summary/2025-01-01");
    let names: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    let prefix = format!("daily_summary-{}-", report.load_id.expect("a load"));
    assert!(names.len() == 1 && names[0].starts_with(&prefix) && names[0].ends_with(".parquet"), "{names:?}");
    let staging = desk.fixture.lake.place(".staging");
    assert!(!staging.exists() || std::fs::read_dir(staging).expect("a folder").next().is_none());
}

#[tokio::test]
async fn a_day_whose_rows_went_away_loses_its_file() {
    let desk = Desk::with_summary().await;
    let gone = desk.events("2025-01-01", &[("a", Some("2025-01-01T10:00:00Z"), "x")], &[]).await;
    desk.events("2025-01-02", &[("b", Some("2025-01-02T10:00:00Z"), "y")], &[]).await;
    desk.run("daily_summary").await;
    // An overwrite replaces the first file by one with rows of another day.
    desk.events("2025-01-01", &[("a", Some("2025-01-03T10:00:00Z"), "z")], &gone).await;
    let report = desk.run("daily_summary").await;
    assert_eq!(report.days, days(&["2025-01-01", "2025-01-03"]));
    assert_eq!(
        desk.summary().await,
        "b,2025-01-02,2025-01-02T10:00:00Z,y\na,2025-01-03,2025-01-03T10:00:00Z,z\n"
    );
    let removed = desk.fixture.metadata.removed_data_files().await.expect("listed");
    assert!(removed.is_empty(), "every job has seen the removals: {removed:?}");
}

#[tokio::test]
async fn a_day_by_hand_leaves_the_next_run_its_work() {
    let desk = Desk::with_summary().await;
    desk.events(
        "2025-01-01",
        &[("a", Some("2025-01-01T10:00:00Z"), "x"), ("a", Some("2025-01-02T10:00:00Z"), "y")],
        &[],
    )
    .await;
    let report = desk.run_days("daily_summary", Some(&days(&["2025-01-02", "2025-03-01"]))).await;
    assert_eq!((report.rows_written, report.through_seq), (1, 0));
    assert_eq!(desk.summary().await, "a,2025-01-02,2025-01-02T10:00:00Z,y\n");
    assert_eq!(desk.run("daily_summary").await.days, days(&["2025-01-01", "2025-01-02"]));
}

#[tokio::test]
async fn without_a_source_there_is_nothing_to_do() {
    let desk = Desk::with_summary().await;
    let report = desk.run("daily_summary").await;
    assert!(!report.source_exists && report.load_id.is_none());
    let told = desk.fixture.ask("SELECT * FROM daily_summary").await;
    assert!(told.contains("lakegate jobs run daily_summary"), "{told}");
}

#[tokio::test]
async fn what_is_due_is_caught_up_once() {
    let desk = Desk::with_summary().await;
    let since =
        desk.fixture.metadata.job("daily_summary").await.expect("read").expect("a job").scheduled_since;
    let later = since + chrono::Duration::days(5);
    let due = desk.runner.due(later).await.expect("listed");
    assert_eq!(due.len(), 1);
    let Trigger::CatchUp(missed) = due[0].trigger else { panic!("{due:?}") };
    assert!(missed <= later && later - missed < chrono::Duration::days(1));
    for expected in [true, false] {
        let ran = desk.runner.run(&due[0].job, due[0].trigger, None).await.expect("a run");
        assert_eq!(matches!(ran, Ran::Finished(_)), expected, "an occurrence runs once");
    }
    assert!(desk.runner.due(later).await.expect("listed").is_empty());
}

#[tokio::test]
async fn a_job_that_cannot_be_used_explains_itself_and_stops_nobody() {
    let desk = Desk::with_summary().await;
    desk.events("2025-01-01", &[("a", Some("2025-01-01T10:00:00Z"), "x")], &[]).await;
    let broken = |name: &str, change: fn(&mut NewJob)| {
        let mut job = NewJob { name: name.into(), target_table: format!("{name}_out"), ..daily_summary() };
        change(&mut job);
        job
    };
    desk.add(broken("cron", |job| job.schedule = "sometimes".into())).await;
    desk.add(broken("zone", |job| job.timezone = "Mars/Olympus".into())).await;
    desk.add(broken("path", |job| job.target_table = "../escape".into())).await;
    desk.add(broken("ledger", |job| job.target_table = "files".into())).await;
    desk.add(broken("circle", |job| job.target_table = "vehicle_events".into())).await;
    desk.add(broken("syntax", |job| job.query = "SELEC 1".into())).await;
    desk.add(broken("change", |job| job.query = "DELETE FROM jobs".into())).await;
    desk.add(broken("column", |job| job.query = "SELECT vehicel_id FROM vehicle_events".into())).await;
    desk.add(broken("no_day", |job| job.query = "SELECT vehicle_id FROM vehicle_events".into())).await;
    desk.add(broken("text_time", |job| job.time_column = "event_type".into())).await;
    let far = Utc::now() + chrono::Duration::days(2);
    let due: Vec<String> =
        desk.runner.due(far).await.expect("listed").into_iter().map(|due| due.job).collect();
    assert_eq!(due, ["daily_summary"]);
    for job in desk.fixture.metadata.jobs().await.expect("listed") {
        assert_eq!(
            job.status_reason.is_some(),
            job.name != "daily_summary",
            "{}: {:?}",
            job.name,
            job.status_reason
        );
    }
    let reason = desk.fixture.ask("SELECT status_reason FROM jobs WHERE name = 'column'").await;
    assert!(reason.contains("vehicel_id") && reason.contains("did you mean vehicle_id"), "{reason}");

    desk.fixture.ask("UPDATE jobs SET schedule = '0 1 * * *' WHERE name = 'cron'").await;
    let due = desk.runner.due(far).await.expect("listed");
    assert_eq!(due.len(), 2);
    assert_eq!(
        desk.fixture.ask("SELECT status_reason FROM jobs WHERE name = 'cron'").await,
        "status_reason\n\n"
    );
}

#[tokio::test]
async fn a_failed_run_is_on_record_and_leaves_nothing_behind() {
    let desk = Desk::with_summary().await;
    desk.events("2025-01-01", &[("a", Some("2025-01-01T10:00:00Z"), "x")], &[]).await;
    let tomorrow = "SELECT vehicle_id, CAST(event_time AS DATE) + INTERVAL '1 day' AS later,
        CAST(event_time + INTERVAL '1 day' AS DATE) AS day FROM vehicle_events";
    desk.add(NewJob {
        name: "moved".into(),
        target_table: "moved".into(),
        query: tomorrow.into(),
        ..daily_summary()
    })
    .await;
    let failed = desk.runner.run("moved", Trigger::Manual, None).await.expect_err("another day");
    assert!(matches!(failed, JobError::OtherDay(day) if day.to_string() == "2025-01-02"), "{failed:?}");
    let runs = desk.fixture.metadata.job_runs("moved", 1).await.expect("listed");
    assert_eq!((runs[0].state, runs[0].error_code.as_deref()), (RunState::Failed, Some("job.day")));
    assert_eq!(desk.fixture.ask("SELECT subject, status FROM alerts").await, "subject,status\nmoved,open\n");
    assert_eq!(desk.fixture.ask("SELECT state FROM loads WHERE kind = 'job'").await, "state\nrolled_back\n");
    assert!(!desk.fixture.lake.place("summary/moved").exists());
    assert_eq!(desk.run("daily_summary").await.rows_written, 1);
}

#[tokio::test]
async fn one_run_of_a_job_at_a_time() {
    let desk = Desk::with_summary().await;
    let metadata = &desk.fixture.metadata;
    let other = Owner::register(&desk.fixture.folder.path().join("owners")).expect("registered");
    let run = crate::metadata::jobs::NewRun {
        job_name: "daily_summary".into(),
        kind: crate::metadata::jobs::TriggerKind::Manual,
        scheduled_for: None,
        owner: other.id().into(),
        from_seq: 0,
        through_seq: 0,
    };
    let id = metadata.start_run(&run).await.expect("started").expect("an id");
    let busy = desk.runner.run("daily_summary", Trigger::Manual, None).await.expect_err("busy");
    assert!(matches!(busy, JobError::Busy { .. }));
    drop(other);
    desk.run("daily_summary").await;
    let runs = metadata.job_runs("daily_summary", 10).await.expect("listed");
    let stale = runs.iter().find(|run| run.id == id).expect("on record");
    assert_eq!(stale.state, RunState::Abandoned);
}

#[tokio::test]
async fn a_job_can_stand_on_another() {
    let desk = Desk::with_summary().await;
    let sql =
        "SELECT day, count(*) AS vehicles, max(last_event_time) AS latest FROM daily_summary GROUP BY day";
    let fleet = NewJob {
        name: "fleet".into(),
        target_table: "fleet".into(),
        source_table: "daily_summary".into(),
        time_column: "day".into(),
        query: sql.into(),
        ..daily_summary()
    };
    desk.add(fleet).await;
    desk.events(
        "2025-01-01",
        &[("a", Some("2025-01-01T10:00:00Z"), "x"), ("b", Some("2025-01-02T10:00:00Z"), "y")],
        &[],
    )
    .await;
    desk.run("daily_summary").await;
    assert_eq!(desk.run("fleet").await.rows_written, 2);
    desk.events("2025-01-01", &[("c", Some("2025-01-02T11:00:00Z"), "z")], &[]).await;
    desk.run("daily_summary").await;
    assert_eq!(desk.run("fleet").await.days, days(&["2025-01-02"]));
    assert_eq!(
        desk.fixture.ask("SELECT day, vehicles FROM fleet ORDER BY day").await,
        "day,vehicles\n2025-01-01,1\n2025-01-02,2\n"
    );
}

#[tokio::test]
async fn times_before_1970_have_their_own_days() {
    let desk = Desk::with_summary().await;
    desk.events("2025-01-01", &[("a", Some("1969-12-31T23:59:59.5Z"), "x")], &[]).await;
    assert_eq!(desk.run("daily_summary").await.days, days(&["1969-12-31"]));
    assert_eq!(desk.run_days("daily_summary", Some(&days(&["1969-12-31"]))).await.rows_written, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_a_whole_summary_while_it_is_recomputed() {
    let desk = Desk::with_summary().await;
    let three_days = [
        ("a", Some("2025-01-01T10:00:00Z"), "x"),
        ("a", Some("2025-01-02T10:00:00Z"), "x"),
        ("a", Some("2025-01-03T10:00:00Z"), "x"),
    ];
    desk.events("2025-01-01", &three_days, &[]).await;
    desk.run("daily_summary").await;
    let recomputing = async {
        for _ in 0..8 {
            desk.events("2025-01-01", &three_days, &[]).await;
            assert_eq!(desk.run("daily_summary").await.files_removed, 3);
        }
    };
    let reading = async {
        loop {
            let seen = desk.fixture.ask("SELECT count(last_event_type) AS n FROM daily_summary").await;
            assert_eq!(seen, "n\n3\n");
        }
    };
    tokio::select! {
        () = recomputing => {}
        () = reading => {}
    }
}
