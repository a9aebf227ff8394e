//! The life of a file outside of a commit.

use std::collections::HashSet;

use chrono::{TimeZone, Utc};
use lakegate::metadata::files::{
    Claim, FileFilter, FileState, Finish, Location, NewFile, Outcome, Problem, Recheck, Release, UnclaimedSum,
};
use lakegate::metadata::loads::{FileOutcome, Intent, LoadKind};

use super::fixture::{data_file, new_load, on_both, processed, queued_file};

fn problem(code: &str) -> Option<Problem> {
    Some(Problem { code: code.into(), message: "why".into(), hint: Some("what to do".into()) })
}

on_both! {
    async fn a_name_has_one_row_while_it_lies_in_incoming(fixture) {
        let ids = fixture.queued(&["a.json", "b.json"]).await;
        assert_eq!(ids.len(), 2);
        assert_eq!(fixture.queued(&["b.json", "c.json"]).await.len(), 1);
        let vanished = fixture.metadata.vanish(&[(ids[0], 0), (ids[1], 9)]).await.expect("written");
        assert_eq!(vanished, [ids[0]], "the other was not seen in its present state");
        let row = fixture.metadata.file(ids[0]).await.expect("read").expect("there");
        assert_eq!((row.state, row.location), (FileState::Failed, Location::Gone));
        assert_eq!(row.error_code.as_deref(), Some("file.vanished"));
        assert!(row.finished_at.is_some());
        assert_eq!(fixture.queued(&["a.json"]).await.len(), 1, "the name is free again");
        let rows = fixture.metadata.files_by_name("a.json").await.expect("read");
        assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [FileState::Queued, FileState::Failed]);
    }

    async fn names_times_and_texts_come_back_as_they_went_in(fixture) {
        let at = Utc.with_ymd_and_hms(2024, 2, 29, 23, 59, 59).unwrap() + chrono::Duration::microseconds(123_456);
        let names = ["line\nbreak.json", "..", "😀'\"%_\\.json", "$1 {now} {rows} ?", &"n".repeat(255)];
        let files: Vec<_> = names
            .iter()
            .map(|name| NewFile {
                modified_at: Some(at),
                file_time: Some(chrono::DateTime::<Utc>::MAX_UTC),
                problem: problem("type.unknown"),
                ..queued_file(name)
            })
            .collect();
        fixture.metadata.discover(&files).await.expect("written");
        let rows = fixture.metadata.live_files().await.expect("read");
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), names);
        let kept = at - chrono::Duration::microseconds(456);
        assert_eq!(rows[0].modified_at, Some(kept), "times are kept to the millisecond");
        assert_eq!(rows[0].file_time, Some(lakegate::metadata::kept(chrono::DateTime::<Utc>::MAX_UTC)));
        assert_eq!(rows[0].error_hint.as_deref(), Some("what to do"));
    }

    async fn a_new_look_changes_only_files_that_still_wait(fixture) {
        let ids = fixture.queued(&["a.json", "b.json"]).await;
        let load = fixture.begin("owner-1").await;
        fixture.metadata.claim(load, "owner-1", &[(ids[1], 0)]).await.expect("claimed");
        let recheck = |id| Recheck {
            id,
            attempt: 0,
            state: FileState::Waiting,
            file_type: Some("sales".into()),
            bytes: 11,
            modified_at: None,
            file_time: None,
            problem: problem("type.inactive"),
        };
        let changed = fixture.metadata.update_waiting(&[recheck(ids[0]), recheck(ids[1])]).await.expect("written");
        assert_eq!(changed, [ids[0]]);
        let row = fixture.metadata.file(ids[0]).await.expect("read").expect("there");
        assert_eq!((row.state, row.bytes, row.file_type.as_deref()), (FileState::Waiting, 11, Some("sales")));
        assert_eq!(row.error_code.as_deref(), Some("type.inactive"));
    }

    async fn two_claimers_share_the_files_and_none_is_claimed_twice(fixture) {
        let names: Vec<_> = (0..500).map(|n| format!("{n}.json")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let ids = fixture.queued(&names).await;
        let keys: Vec<_> = ids.iter().map(|id| (*id, 0)).collect();
        let mut claimers = Vec::new();
        for owner in ["owner-1", "owner-2"] {
            let (metadata, load, mut keys) = (fixture.another().await, fixture.begin(owner).await, keys.clone());
            keys.reverse();
            claimers.push(tokio::spawn(async move {
                let mut claimed = Vec::new();
                for part in keys.chunks(7) {
                    claimed.extend(metadata.claim(load, owner, part).await.expect("claimed"));
                }
                claimed
            }));
        }
        let claimed: Vec<_> =
            futures::future::join_all(claimers).await.into_iter().flat_map(|ids| ids.expect("no panic")).collect();
        assert_eq!(claimed.len(), 500);
        assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), ids.into_iter().collect());
        let rows = fixture.metadata.processing_rows().await.expect("read");
        assert!(rows.iter().all(|row| row.attempt == 1 && row.owner.is_some() && row.started_at.is_some()));
    }

    async fn nothing_is_claimed_for_a_load_that_has_ended(fixture) {
        let ids = fixture.queued(&["a.json"]).await;
        let load = fixture.begin("owner-1").await;
        fixture.metadata.roll_back(load, &[]).await.expect("rolled back");
        let claimed = fixture.metadata.claim(load, "owner-1", &[(ids[0], 0)]).await.expect("tried");
        assert!(claimed.is_empty());
    }

    async fn a_released_file_forgets_its_load_and_counts_its_crash(fixture) {
        let ids = fixture.queued(&["a.json", "b.json"]).await;
        let load = fixture.begin("owner-1").await;
        fixture.metadata.claim(load, "owner-1", &[(ids[0], 0), (ids[1], 0)]).await.expect("claimed");
        let path = format!("processing/a{}.json", ids[0]);
        assert_eq!(fixture.metadata.moved(&[(ids[0], path.clone())]).await.expect("written"), [ids[0]]);
        let release = |id, attempt, crashed| Release {
            id,
            attempt,
            state: FileState::Queued,
            problem: problem("file.crashed"),
            crashed,
        };
        let releases = [release(ids[0], 1, true), release(ids[1], 0, true)];
        assert_eq!(fixture.metadata.release(&releases).await.expect("written"), [ids[0]]);
        let row = fixture.metadata.file(ids[0]).await.expect("read").expect("there");
        assert_eq!((row.state, row.location), (FileState::Queued, Location::Processing));
        assert_eq!((row.attempt, row.crashes, row.load_id, row.owner), (1, 1, None, None));
        assert_eq!(row.path, Some(path));
        assert_eq!(fixture.state(ids[1]).await, FileState::Processing);
    }

    async fn every_change_of_state_leaves_an_event(fixture) {
        let id = fixture.queued(&["a.json"]).await[0];
        let load = fixture.begin("owner-1").await;
        fixture.metadata.claim(load, "owner-1", &[(id, 0)]).await.expect("claimed");
        let finish = Finish {
            id,
            attempt: 1,
            outcome: Outcome::Failed,
            blake3: None,
            duplicate_of: None,
            problem: problem("file.poison"),
        };
        assert_eq!(fixture.metadata.finish_without_load(std::slice::from_ref(&finish)).await.expect("written"), [id]);
        assert!(fixture.metadata.finish_without_load(&[finish]).await.expect("tried").is_empty());
        let events = fixture.metadata.file_events(id).await.expect("read");
        let steps: Vec<_> = events.iter().map(|event| (event.from_state, event.to_state, event.attempt)).collect();
        assert_eq!(
            steps,
            [
                (None, FileState::Queued, 0),
                (Some(FileState::Queued), FileState::Processing, 1),
                (Some(FileState::Processing), FileState::Failed, 1),
            ]
        );
        assert_eq!(events[2].code.as_deref(), Some("file.poison"));
        assert_eq!(events[2].load_id, Some(load), "the event keeps the load that the row forgets");
    }

    async fn a_failed_file_settles_and_can_be_loaded_again(fixture) {
        let id = fixture.queued(&["a.json"]).await[0];
        let finish =
            Finish { id, attempt: 0, outcome: Outcome::Failed, blake3: None, duplicate_of: None, problem: None };
        fixture.metadata.finish_without_load(&[finish]).await.expect("written");
        assert!(!fixture.metadata.requeue_failed(id, 0).await.expect("tried"), "not settled yet");
        let target = (id, "failed/a.json".to_owned());
        assert_eq!(fixture.metadata.unsettled().await.expect("read").len(), 1);
        assert_eq!(fixture.metadata.plan_settle(std::slice::from_ref(&target)).await.expect("written"), [id]);
        assert_eq!(fixture.metadata.unsettled().await.expect("read")[0].target.as_deref(), Some("failed/a.json"));
        assert_eq!(fixture.metadata.settled(&[target]).await.expect("written"), [id]);
        assert!(fixture.metadata.unsettled().await.expect("read").is_empty());
        let newer = fixture.queued(&["a.json"]).await[0];
        assert!(!fixture.metadata.requeue_failed(id, 0).await.expect("tried"), "the name is taken");
        fixture.metadata.vanish(&[(newer, 0)]).await.expect("written");
        assert!(fixture.metadata.requeue_failed(id, 0).await.expect("written"));
        let row = fixture.metadata.file(id).await.expect("read").expect("there");
        assert_eq!((row.state, row.location, row.outcome), (FileState::Waiting, Location::Incoming, None));
    }

    async fn a_claimed_file_moves_in_and_goes_back(fixture) {
        let id = fixture.queued(&["a.json"]).await[0];
        let metadata = &fixture.metadata;
        let place = "processing/a.json".to_owned();
        let claim = Claim { id, attempt: 0, target: Some(place.clone()) };
        let (load, claimed) = metadata.begin_load_with(&new_load(LoadKind::Ingest, "me"), vec![claim]).await.expect("begun");
        assert_eq!(claimed, [id]);
        let row = metadata.file(id).await.expect("read").expect("there");
        assert_eq!((row.location, row.path, row.target), (Location::Incoming, None, Some(place.clone())));
        assert_eq!(metadata.moved_in(load).await.expect("written"), 1);
        let row = metadata.file(id).await.expect("read").expect("there");
        assert_eq!((row.location, row.path, row.target), (Location::Processing, Some(place), None));
        let release =
            Release { id, attempt: 1, state: FileState::Waiting, problem: None, crashed: false };
        assert_eq!(metadata.release(&[release]).await.expect("written"), [id]);
        assert_eq!(metadata.returned(&[(id, String::new())]).await.expect("written"), [id]);
        let row = metadata.file(id).await.expect("read").expect("there");
        assert_eq!((row.location, row.path, row.target), (Location::Incoming, None, None));
        assert!(metadata.charge(id, 1).await.expect("written"));
    }

    async fn what_nobody_has_claimed_is_listed_and_summed(fixture) {
        let ids = fixture.queued(&["a.json", "b.json", "c.json"]).await;
        let metadata = &fixture.metadata;
        let load = fixture.begin("me").await;
        metadata.claim(load, "me", &[(ids[1], 0)]).await.expect("claimed");
        let recheck = Recheck {
            id: ids[2],
            attempt: 0,
            state: FileState::Waiting,
            file_type: Some("orders".into()),
            bytes: 10,
            modified_at: None,
            file_time: None,
            problem: problem("type.paused"),
        };
        metadata.update_waiting(&[recheck]).await.expect("written");
        let files = metadata.unclaimed().await.expect("read");
        let found: Vec<_> = files.iter().map(|file| (file.id, file.state, file.problem.is_some())).collect();
        assert_eq!(found, [(ids[0], FileState::Queued, false), (ids[2], FileState::Waiting, true)]);
        let mut sum = UnclaimedSum::default();
        files.iter().for_each(|file| sum.add(file.state, file.id));
        assert_eq!(metadata.unclaimed_sum().await.expect("read"), sum);
        let again = metadata.unclaimed_of(&ids).await.expect("read");
        assert_eq!(again.len(), 2);
        let names = ["b.json".to_owned(), "d.json".to_owned()];
        let incoming = metadata.incoming_of(&names).await.expect("read");
        assert_eq!(incoming.iter().map(|file| (file.id, file.state)).collect::<Vec<_>>(), [(ids[1], FileState::Processing)]);
        let newer = metadata.files_after(ids[0]).await.expect("read");
        assert_eq!(newer.iter().map(|file| file.id).collect::<Vec<_>>(), ids[1..]);
        assert_eq!(metadata.types_on_their_way().await.expect("read"), ["orders"]);
    }

    async fn the_files_of_a_load_settle_where_its_intent_says(fixture) {
        let metadata = &fixture.metadata;
        let ids = fixture.queued(&["a.json", "b.json"]).await;
        let claims = ids.iter().map(|&id| Claim { id, attempt: 0, target: Some(format!("processing/{id}")) });
        let (load, _) =
            metadata.begin_load_with(&new_load(LoadKind::Ingest, "me"), claims.collect()).await.expect("begun");
        assert_eq!(metadata.moved_in(load).await.expect("written"), 2);
        let outcome = |id: i64| FileOutcome { target: Some(format!("processed/{id}")), ..processed(id, &format!("h{id}"), 1) };
        let files = ids.iter().map(|&id| outcome(id)).collect();
        let intent = Intent { data_files: vec![data_file("p/settle", 2)], files, ..Intent::default() };
        metadata.stage(load, &intent).await.expect("staged");
        assert_eq!(metadata.settled_load(load).await.expect("tried"), 0, "nothing is settled before the commit");
        metadata.commit(load).await.expect("committed");
        let elsewhere = (ids[1], "processed/taken".to_owned());
        assert_eq!(metadata.settled(&[elsewhere]).await.expect("written"), [ids[1]]);
        assert_eq!(metadata.settled_load(load).await.expect("written"), 1);
        let rows = metadata.files_of(&ids).await.expect("read");
        let places: Vec<_> = rows.into_iter().map(|row| (row.location, row.path, row.target)).collect();
        let settled = |path: String| (Location::Settled, Some(path), None);
        assert_eq!(places, [settled(format!("processed/{}", ids[0])), settled("processed/taken".into())]);
        assert!(metadata.unsettled().await.expect("read").is_empty());
    }

    async fn a_bulk_change_stamps_its_rows(fixture) {
        let id = fixture.queued(&["a.json"]).await[0];
        fixture.by_hand("UPDATE files SET seen_at = '2020-01-01T00:00:00.000Z', updated_at = '2020-01-01T00:00:00.000Z'");
        let load = fixture.begin("me").await;
        fixture.metadata.claim(load, "me", &[(id, 0)]).await.expect("claimed");
        let row = fixture.metadata.file(id).await.expect("read").expect("there");
        assert!(row.updated_at > Utc.with_ymd_and_hms(2025, 1, 1, 0, 0, 0).unwrap(), "{}", row.updated_at);
    }

    async fn files_are_listed_by_state_type_and_name(fixture) {
        fixture.queued(&["Orders_1.json", "orders_2.json", "orders-3.json"]).await;
        let metadata = &fixture.metadata;
        let names = |filter: FileFilter| async move {
            let rows = metadata.list_files(&filter).await.expect("read");
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        let like = |text: &str| FileFilter { name_like: Some(text.into()), ..FileFilter::default() };
        assert_eq!(names(FileFilter::default()).await, ["orders-3.json", "orders_2.json", "Orders_1.json"]);
        assert_eq!(names(like("orders_")).await, ["orders_2.json", "Orders_1.json"]);
        assert_eq!(names(like("*_1.json")).await, ["Orders_1.json"]);
        assert_eq!(names(FileFilter { limit: 1, ..FileFilter::default() }).await, ["orders-3.json"]);
        let other = FileFilter { file_type: Some("sales".into()), ..FileFilter::default() };
        assert!(names(other).await.is_empty());
        let failed = FileFilter { state: Some(FileState::Failed), ..FileFilter::default() };
        assert!(names(failed).await.is_empty());
        let counts = fixture.metadata.file_counts().await.expect("read");
        assert_eq!((counts.len(), counts[0].state, counts[0].files), (1, FileState::Queued, 3));
    }
}
