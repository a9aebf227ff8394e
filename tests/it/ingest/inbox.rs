//! What lies in `incoming/`, whatever it is called and whatever it is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"}]}"#;

#[test]
fn a_name_is_data() {
    let bench = Bench::with_type(FIELDS, "{}");
    let long = format!("t_20220107_{}.json", "x".repeat(255 - 16));
    let names: [&[u8]; 7] = [
        b"t_20220101_line\nbreak.json",
        "t_20220102_😀.json".as_bytes(),
        b"t_20220103_\xff\xfe.json",
        b"-t_20220104.json",
        b"t_20220105_%41.json",
        "t_20220106_\u{202e}nosj.json".as_bytes(),
        long.as_bytes(),
    ];
    for (at, name) in names.iter().enumerate() {
        let place = bench.incoming("x").with_file_name(OsStr::from_bytes(name));
        fs::write(place, format!("[{{\"id\":{at}}}]")).expect("a file");
    }
    let ran = bench.pass();
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert!(!ran.talk.chars().any(|c| c.is_control() && c != '\n'), "{:?}", ran.talk);
    assert_eq!(bench.rows("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t"), [r#"{"n":7,"ids":7}"#]);
    let states = bench.states().join("\n");
    for shown in ["line%0Abreak", "%FF%FE", "%2541", "%E2%80%AEnosj", "😀"] {
        assert!(states.contains(shown), "{states}");
    }
    assert_eq!(fs::read_dir(bench.place.path("data/processed/t")).expect("a folder").count(), 7);
}

#[test]
fn what_is_no_file_is_left_alone_and_reported_once() {
    let bench = Bench::with_type(FIELDS, "{}");
    fs::create_dir(bench.incoming("x.json")).expect("a folder");
    std::os::unix::fs::symlink("/etc/hostname", bench.incoming("t_20220101.json")).expect("a link");
    fs::write(bench.incoming(".t_20220102.json"), "[{\"id\":1}]").expect("a hidden file");
    fs::write(bench.incoming("t_20220103.json.part"), "[{\"id\":1}]").expect("a file in progress");
    assert_eq!(bench.load(&[("t_20220104.json", b"[{\"id\":1}]")]).code, 0);
    assert_eq!(bench.states(), ["t_20220104.json processed -"]);
    assert_eq!(fs::read_dir(bench.place.path("data/incoming")).expect("a folder").count(), 4);
    let alerts = bench.rows("SELECT occurrences AS n FROM alerts WHERE code = 'file.not_regular'");
    assert_eq!(alerts, [r#"{"n":1}"#, r#"{"n":1}"#]);
}

#[test]
fn a_taken_name_is_never_overwritten() {
    let bench = Bench::with_type(FIELDS, "{}");
    for id in 1..=3 {
        bench.load(&[("t_20220101.json", format!("[{{\"id\":{id}}}]").as_bytes())]);
    }
    let mut names: Vec<String> = fs::read_dir(bench.place.path("data/processed/t"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 3);
    assert!(
        names.iter().all(|name| name == "t_20220101.json" || name.len() == "t_20220101.01234567.json".len()),
        "{names:?}"
    );
}

#[test]
fn a_reverted_file_is_found_by_its_name_behind_its_duplicate() {
    let bench = Bench::with_type(FIELDS, "{}");
    for _ in 0..2 {
        bench.load(&[("t_20220101.json", br#"[{"id":1}]"#)]);
    }
    let mut states = bench.states();
    states.sort();
    assert_eq!(states, ["t_20220101.json duplicate -", "t_20220101.json processed -"]);
    for command in ["revert", "retry"] {
        let ran = bench.place.run(&["files", command, "t_20220101.json"]);
        assert_eq!(ran.code, 0, "{command}: {}", ran.talk);
    }
    assert_eq!(bench.pass().code, 0);
    assert_eq!(bench.rows("SELECT id FROM t"), [r#"{"id":1}"#]);
}

#[test]
fn a_failed_file_can_be_loaded_again_after_a_repair() {
    let bench = Bench::with_type(FIELDS, r#"{"on_unknown_field":"reject"}"#);
    assert_eq!(bench.load(&[("t_20220101.json", br#"[{"id":1,"more":2}]"#)]).code, 1);
    bench.place.run(&["sql", "UPDATE table_metadata SET processing_config='{}'"]);
    let retried = bench.place.run(&["files", "retry", "t_20220101.json"]);
    assert_eq!(retried.code, 0, "{}", retried.talk);
    assert_eq!(bench.pass().code, 0);
    assert_eq!(bench.rows("SELECT id, _rescued AS r FROM t"), [r#"{"id":1,"r":"{\"more\":2}"}"#]);
    assert_eq!(bench.states(), ["t_20220101.json processed -"]);
}

#[test]
fn a_truncated_document_goes_back_and_loads_when_it_is_complete() {
    let bench = Bench::with_type(FIELDS, "{}");
    fs::write(bench.incoming("t_20220101.json"), "[{\"id\":1},").expect("a file");
    let mut command = bench.place.command(&["ingest", "--json"]);
    let ran = command.env("LAKEGATE__INGEST__QUIET_MS", "5").output().expect("the binary runs");
    assert!(ran.status.success());
    assert_eq!(bench.states(), ["t_20220101.json waiting json.truncated"]);
    fs::write(bench.incoming("t_20220101.json"), "[{\"id\":1},{\"id\":2}]").expect("the rest");
    assert_eq!(bench.pass().code, 0);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":2}"#]);
}
