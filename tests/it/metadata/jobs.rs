//! Jobs and their runs.

use chrono::{DateTime, TimeZone, Utc};
use lakegate::metadata::jobs::{NewJob, NewRun, RunOutcome, RunState, TriggerKind};

use super::fixture::on_both;

fn daily() -> NewJob {
    NewJob {
        name: "daily".into(),
        target_table: "daily".into(),
        source_table: "orders".into(),
        time_column: "at".into(),
        query: "SELECT 1".into(),
        schedule: "0 1 * * *".into(),
        timezone: "UTC".into(),
        description: None,
    }
}

fn run(scheduled_for: Option<DateTime<Utc>>, through_seq: i64) -> NewRun {
    NewRun {
        job_name: "daily".into(),
        kind: TriggerKind::Schedule,
        scheduled_for,
        owner: "owner-1".into(),
        from_seq: 0,
        through_seq,
    }
}

on_both! {
    async fn a_job_is_added_once(fixture) {
        assert!(fixture.metadata.ensure_job(&daily()).await.expect("written"));
        fixture.by_hand("UPDATE jobs SET schedule = '30 2 * * *'");
        assert!(!fixture.metadata.ensure_job(&daily()).await.expect("read"));
        let job = fixture.metadata.job("daily").await.expect("read").expect("there");
        assert_eq!(job.schedule, "30 2 * * *", "what an operator changed stays");
        assert!(fixture.metadata.set_job_reason(job.id, Some("bad schedule")).await.expect("written"));
        assert!(!fixture.metadata.set_job_reason(job.id, Some("bad schedule")).await.expect("read"));
        assert_eq!(fixture.metadata.jobs().await.expect("read").len(), 1);
    }

    async fn an_occurrence_has_one_run_unless_that_was_abandoned(fixture) {
        let metadata = &fixture.metadata;
        let due = Utc.with_ymd_and_hms(2024, 5, 2, 1, 0, 0).unwrap();
        assert_eq!(metadata.last_scheduled("daily").await.expect("read"), None);
        let first = metadata.start_run(&run(Some(due), 5)).await.expect("written").expect("it is new");
        assert_eq!(metadata.start_run(&run(Some(due), 5)).await.expect("tried"), None);
        assert_eq!(metadata.last_scheduled("daily").await.expect("read"), Some(due));
        assert!(metadata.abandon_run(first).await.expect("written"));
        assert_eq!(metadata.last_scheduled("daily").await.expect("read"), None);
        let second = metadata.start_run(&run(Some(due), 5)).await.expect("written").expect("it is free again");
        assert_eq!(metadata.running_runs().await.expect("read").len(), 1);
        assert!(metadata.start_run(&run(None, 9)).await.expect("written").is_some());
        assert!(metadata.start_run(&run(None, 9)).await.expect("written").is_some(), "by hand as often as you like");

        let done = RunOutcome::Succeeded { days: vec!["2024-05-01".into()], rows_written: 3, load_id: Some(1) };
        assert!(metadata.finish_run(second, &done).await.expect("written"));
        assert!(!metadata.finish_run(second, &done).await.expect("tried"));
        let failed = RunOutcome::Failed { code: "job.query".into(), message: "no such column".into() };
        assert!(!metadata.finish_run(first, &failed).await.expect("tried"));
        let success = metadata.last_success("daily").await.expect("read").expect("there");
        assert_eq!((success.id, success.through_seq, success.days_count), (second, 5, 1));
        assert_eq!(success.days.as_deref(), Some("[\"2024-05-01\"]"));
        let runs = metadata.job_runs("daily", 10).await.expect("read");
        assert_eq!(runs.len(), 4);
        assert_eq!(runs.last().map(|run| run.state), Some(RunState::Abandoned));
    }
}
