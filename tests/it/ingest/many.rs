//! Many small files at once: few loads, and still an account of each file.

use std::fs;
use std::time::Duration;

use super::bench::Bench;
use crate::recovery::daemon::{Daemon, eventually};
use crate::recovery::delivery::Delivery;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"}]}"#;

fn drop_all(bench: &Bench, files: impl IntoIterator<Item = (String, String)>) {
    for (name, text) in files {
        fs::write(bench.incoming(&name), text).expect("a file");
    }
}

#[test]
fn files_that_arrive_together_are_one_load_and_each_is_accounted_for() {
    let bench = Bench::with_type(FIELDS, "{}");
    drop_all(&bench, (0..300).map(|n| (format!("t_20220101_{n:03}.json"), format!("[{{\"id\":{n}}}]"))));
    drop_all(
        &bench,
        [
            ("t_20220101_bad.json".to_owned(), "no JSON".to_owned()),
            ("t_20220101_half.json".to_owned(), "[{\"id\":1000},{\"id\":\"x\"}]".to_owned()),
            ("t_20220101_twin.json".to_owned(), "[{\"id\":7}]".to_owned()),
        ],
    );
    assert_eq!(bench.pass().code, 1, "one file fails");
    let states = "SELECT state, count(*) AS n, sum(records_read) AS r, sum(records_written) AS w, sum(records_rejected) AS x
                  FROM files GROUP BY state ORDER BY state";
    assert_eq!(
        bench.rows(states),
        [
            r#"{"state":"duplicate","n":1,"r":0,"w":0,"x":0}"#,
            r#"{"state":"failed","n":1,"r":0,"w":0,"x":0}"#,
            r#"{"state":"processed","n":301,"r":302,"w":301,"x":1}"#,
        ]
    );
    // The twin waits for the load of the file that has the same bytes.
    assert_eq!(bench.rows("SELECT count(*) AS n FROM loads WHERE state = 'committed'"), [r#"{"n":2}"#]);
    assert_eq!(bench.rows("SELECT count(*) AS n, sum(rows) AS r FROM data_files"), [r#"{"n":1,"r":301}"#]);
    let events = "SELECT c, count(*) AS n FROM (SELECT file_id, count(*) AS c FROM file_events GROUP BY file_id) GROUP BY c ORDER BY c";
    // Seen, claimed, ended; the twin was given back in between.
    assert_eq!(bench.rows(events), [r#"{"c":3,"n":302}"#, r#"{"c":5,"n":1}"#]);
    let elsewhere =
        "SELECT count(*) AS n FROM files WHERE location <> 'settled' OR target IS NOT NULL OR path IS NULL";
    assert_eq!(bench.rows(elsewhere), [r#"{"n":0}"#]);
    assert_eq!(fs::read_dir(bench.place.path("data/processed/t")).expect("a folder").count(), 302);
}

#[test]
fn loads_that_overlap_commit_in_the_order_of_their_files() {
    let bench = Bench::with_type(FIELDS, "{}");
    drop_all(&bench, (0..120).map(|n| (format!("t_20220101_{n:03}.json"), format!("[{{\"id\":{n}}}]"))));
    let mut command = bench.place.command(&["ingest"]);
    command.env("LAKEGATE__INGEST__QUIET_MS", "5").env("LAKEGATE__INGEST__LOAD_MAX_FILES", "10");
    assert!(command.output().expect("the binary runs").status.success());
    let order = "SELECT commit_seq AS c, min(name) AS a, max(name) AS b FROM files JOIN loads ON loads.id = files.load_id
                 GROUP BY commit_seq ORDER BY commit_seq";
    let expected: Vec<String> = (0..12)
        .map(|load| {
            format!(
                r#"{{"c":{},"a":"t_20220101_{load:02}0.json","b":"t_20220101_{load:02}9.json"}}"#,
                load + 1
            )
        })
        .collect();
    assert_eq!(bench.rows(order), expected);
}

#[test]
fn the_later_file_wins_an_upsert_whichever_load_it_is_in() {
    let fields =
        r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"long"}],"primary_key":["id"]}"#;
    let bench = Bench::with_type(fields, r#"{"write_mode":"upsert","partition_by":"none"}"#);
    drop_all(
        &bench,
        (0..60).map(|n| (format!("t_20220101_{n:03}.json"), format!("[{{\"id\":{},\"v\":{n}}}]", n % 7))),
    );
    let mut command = bench.place.command(&["ingest"]);
    command.env("LAKEGATE__INGEST__QUIET_MS", "5").env("LAKEGATE__INGEST__LOAD_MAX_FILES", "5");
    assert!(command.output().expect("the binary runs").status.success());
    let expected: Vec<String> = (0..7)
        .map(|id| format!(r#"{{"id":{id},"v":{}}}"#, (0..60).rev().find(|n| n % 7 == id).expect("a value")))
        .collect();
    assert_eq!(bench.rows("SELECT id, v FROM t ORDER BY id"), expected);
}

#[test]
fn what_waits_in_the_folder_does_not_hide_what_arrives() {
    let delivery = Delivery::empty(None);
    delivery.place.write("orders.json", FIELDS);
    for name in ["orders", "idle"] {
        delivery.run(&["types", "add", name, "--schema", "orders.json"], |_| {});
    }
    delivery.run(&["types", "deactivate", "idle"], |_| {});
    for n in 0..300 {
        delivery.drop_in(&format!("idle_20250101_{n}.json"), &format!("[{{\"id\":{n}}}]"));
    }
    let daemon = Daemon::start(&delivery, |command| {
        // Only events tell it.
        command.env("LAKEGATE__INGEST__SCAN_SECONDS", "3600");
    });
    let limit = Duration::from_secs(20);
    eventually("the others wait", limit, || delivery.count("files WHERE state = 'waiting'") == 300);
    let loaded =
        |files: i64| move |delivery: &Delivery| delivery.count("files WHERE location = 'settled'") == files;
    delivery.drop_in("orders_20250101.json", "[{\"id\":1}]");
    eventually("a file of an active type loads", limit, || loaded(1)(&delivery));
    // The name is free again, and is met again.
    delivery.drop_in("orders_20250101.json", "[{\"id\":2}]");
    eventually("its namesake loads, too", limit, || loaded(2)(&delivery));
    delivery.run(&["types", "activate", "idle"], |_| {});
    eventually("what waited loads", limit, || loaded(302)(&delivery));
    assert_eq!(delivery.count("idle"), 300);
    assert_eq!(daemon.errors(), Vec::<String>::new());
}

#[test]
fn a_row_that_somebody_deletes_is_written_down_again() {
    let delivery = Delivery::empty(None);
    delivery.place.write("orders.json", FIELDS);
    delivery.run(&["types", "add", "orders", "--schema", "orders.json"], |_| {});
    delivery.run(&["types", "deactivate", "orders"], |_| {});
    delivery.drop_in("orders_20250101.json", "[{\"id\":1}]");
    let _daemon = Daemon::start(&delivery, |_| {});
    let limit = Duration::from_secs(20);
    let waiting = || delivery.count("files WHERE state = 'waiting'");
    eventually("it waits", limit, || waiting() == 1);
    delivery.run(&["sql", "DELETE FROM files"], |_| {});
    eventually("the next full scan meets it again", limit, || waiting() == 1);
}
