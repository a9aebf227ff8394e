//! Files that come with a word of their sender about what they hold.

use std::fs;
use std::process::Command;

use super::bench::Bench;
use crate::cli::Ran;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"}]}"#;
const FILE: &str = "t_20220101.json";
const TEXT: &[u8] = b"[{\"id\":1},{\"id\":2},{\"id\":\"three\"}]";

fn control(name: &str) -> String {
    format!("{name}.ctl.json")
}

/// The names in a folder of the data root.
fn names(bench: &Bench, folder: &str) -> Vec<String> {
    let Ok(found) = fs::read_dir(bench.place.path("data").join(folder)) else { return Vec::new() };
    let mut names: Vec<_> =
        found.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn pass_with(bench: &Bench, change: impl Fn(&mut Command)) -> Ran {
    let mut command = bench.place.command(&["ingest", "--json"]);
    command.env("LAKEGATE__INGEST__QUIET_MS", "5");
    change(&mut command);
    Ran::of(command.output().expect("the binary runs"))
}

#[test]
fn a_file_that_agrees_is_loaded_and_its_control_file_follows_it() {
    let bench = Bench::with_type(FIELDS, "{}");
    let hash = blake3::hash(TEXT).to_hex().to_string();
    let said = format!(r#"{{"blake3": "{hash}", "records": 3, "bytes": {}}}"#, TEXT.len());
    let ran = bench.load(&[(FILE, TEXT), (&control(FILE), said.as_bytes())]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.states(), [format!("{FILE} processed -")]);
    assert_eq!(names(&bench, "incoming"), Vec::<String>::new());
    assert_eq!(names(&bench, "processed/t"), [FILE.to_owned(), control(FILE)]);
    let shown = bench.place.json(&["files", "show", FILE, "--json"]);
    assert_eq!(shown["control"]["records"], 3);
    assert_eq!(shown["control"]["blake3"], hash.as_str());
    let shown = bench.place.run(&["files", "show", FILE]).data;
    assert!(shown.contains("control file") && shown.contains(r#"says {"records":3"#), "{shown}");
}

#[test]
fn nothing_of_a_file_that_disagrees_is_published() {
    let bench = Bench::with_type(FIELDS, "{}");
    let said = format!(r#"{{"records": 4, "bytes": {}}}"#, TEXT.len());
    bench.load(&[(FILE, TEXT), (&control(FILE), said.as_bytes()), ("t_20220102.json", b"[{\"id\":9}]")]);
    assert_eq!(bench.states(), ["t_20220101.json failed control.mismatch", "t_20220102.json processed -"]);
    let message =
        bench.ask("SELECT error_message AS m FROM files WHERE state = 'failed'")[0]["m"].to_string();
    assert!(message.contains("records: 4 announced, 3 found"), "{message}");
    assert!(!message.contains("bytes"), "{message}");
    assert_eq!(bench.rows("SELECT id FROM t"), [r#"{"id":9}"#]);
    let failed = names(&bench, "source_data/failed/t");
    assert_eq!(failed, [FILE.to_owned(), control(FILE), format!("{FILE}.error.json")]);

    // The sender was wrong about it: the control file is mended, both are loaded again.
    fs::write(bench.place.path("data/source_data/failed/t").join(control(FILE)), br#"{"records": 3}"#)
        .expect("a file");
    assert_eq!(bench.place.run(&["files", "retry", FILE]).code, 0);
    assert_eq!(names(&bench, "incoming"), [FILE.to_owned(), control(FILE)]);
    bench.pass();
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":3}"#]);
    assert_eq!(names(&bench, "source_data/failed/t"), Vec::<String>::new());
    assert!(names(&bench, "processed/t").contains(&control(FILE)));
}

#[test]
fn large_and_compressed_files_are_held_to_what_was_delivered() {
    let bench = Bench::with_type(FIELDS, "{}");
    let line = format!("{{\"id\":1,\"pad\":\"{}\"}}\n", "x".repeat(990));
    let text = line.repeat(40_000);
    let zipped = zstd::encode_all(text.as_bytes(), 1).expect("zstd");
    let said = |bytes: &[u8], hash: &[u8]| {
        let hash = blake3::hash(hash).to_hex().to_string();
        format!(r#"{{"records":40000,"bytes":{},"blake3":"{hash}"}}"#, bytes.len())
    };
    let ran = bench.load(&[
        ("t_20220101.ndjson", text.as_bytes()),
        ("t_20220101.ndjson.ctl.json", said(text.as_bytes(), text.as_bytes()).as_bytes()),
        ("t_20220102.ndjson.zst", &zipped),
        ("t_20220102.ndjson.zst.ctl.json", said(&zipped, &zipped).as_bytes()),
        ("t_20220103.ndjson", (text.clone() + &line).as_bytes()),
        ("t_20220103.ndjson.ctl.json", said(text.as_bytes(), text.as_bytes()).as_bytes()),
    ]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert_eq!(
        bench.states(),
        [
            "t_20220101.ndjson processed -",
            "t_20220102.ndjson.zst processed -",
            "t_20220103.ndjson failed control.mismatch"
        ]
    );
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":80000}"#]);
}

#[test]
fn a_control_file_that_is_none_fails_its_file_and_nothing_else() {
    let bench = Bench::with_type(FIELDS, "{}");
    let hostile: [(&str, &[u8]); 6] = [
        ("t_20220101.json", b"{\"records\": "),
        ("t_20220102.json", b"{\"records\": \"2\"}"),
        ("t_20220103.json", b"{\"recrods\": 2}"),
        ("t_20220104.json", &[b' '; 100_000]),
        ("t_20220105.json", &[0xff; 9]),
        ("t_20220106.json", b""),
    ];
    for (at, (name, said)) in hostile.iter().enumerate() {
        fs::write(bench.incoming(name), format!("[{{\"id\":{at}}}]")).expect("a file");
        fs::write(bench.incoming(&control(name)), said).expect("a file");
    }
    fs::write(bench.incoming("t_20220107.json"), b"[{\"id\":7}]").expect("a file");
    std::os::unix::fs::symlink("/etc/hostname", bench.incoming(&control("t_20220107.json"))).expect("a link");
    fs::write(bench.incoming("t_20220108.json"), b"[{\"id\":8}]").expect("a file");
    bench.pass();
    let states = bench.states();
    assert_eq!(states.len(), 8, "{states:?}");
    assert!(states[..7].iter().all(|state| state.ends_with("failed control.invalid")), "{states:?}");
    assert_eq!(states[7], "t_20220108.json processed -");
    // A link is nobody's word: it is left alone and told.
    assert_eq!(names(&bench, "incoming"), [control("t_20220107.json")]);
    assert_eq!(
        bench.rows("SELECT count(*) AS n FROM alerts WHERE code = 'file.not_regular'"),
        [r#"{"n":1}"#]
    );
}

#[test]
fn a_type_can_demand_control_files_and_its_files_wait_for_them() {
    let bench = Bench::with_type(FIELDS, r#"{"control":"required"}"#);
    fs::write(bench.incoming(FILE), TEXT).expect("a file");
    let ran = pass_with(&bench, |_| {});
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.states(), [format!("{FILE} waiting control.missing")]);
    fs::write(bench.incoming(&control(FILE)), b"{\"records\":3}").expect("a file");
    pass_with(&bench, |_| {});
    assert_eq!(bench.states(), [format!("{FILE} processed -")]);

    let late = "t_20220102.json";
    fs::write(bench.incoming(late), b"[{\"id\":5}]").expect("a file");
    pass_with(&bench, |command| {
        command.env("LAKEGATE__INGEST__MAX_WAIT_SECONDS", "0");
    });
    assert_eq!(bench.states()[1], format!("{late} failed control.missing"));
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":2}"#]);
}

#[test]
fn a_control_file_may_come_first_or_last_and_is_never_data() {
    let bench = Bench::with_type(FIELDS, "{}");
    // First: it waits.
    bench.load(&[(&control(FILE), b"{\"records\":4}")]);
    assert_eq!((bench.states(), names(&bench, "incoming")), (Vec::new(), vec![control(FILE)]));
    assert_eq!(bench.rows("SELECT count(*) AS n FROM table_metadata"), [r#"{"n":1}"#]);
    bench.load(&[(FILE, TEXT)]);
    assert_eq!(bench.states(), [format!("{FILE} failed control.mismatch")]);
    // Last, of a file that is loaded: it goes there.
    let second = "t_20220102.json";
    bench.load(&[(second, b"[{\"id\":5}]")]);
    bench.load(&[(&control(second), b"{\"records\":1,\"bytes\":10}")]);
    assert_eq!(names(&bench, "incoming"), Vec::<String>::new());
    assert_eq!(names(&bench, "processed/t"), [second.to_owned(), control(second)]);
    // For a file that never comes: put away when its time is over, whatever its own time says, and told.
    let third = control("t_20220103.json");
    fs::write(bench.incoming(&third), b"{}").expect("a file");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    fs::File::open(bench.incoming(&third)).and_then(|file| file.set_modified(old)).expect("a time");
    bench.pass();
    assert_eq!(names(&bench, "incoming"), std::slice::from_ref(&third));
    pass_with(&bench, |command| {
        command.env("LAKEGATE__INGEST__CONTROL_WAIT_SECONDS", "0");
    });
    assert_eq!(names(&bench, "incoming"), Vec::<String>::new());
    assert!(names(&bench, "source_data/failed/t").contains(&third));
    assert_eq!(bench.rows("SELECT count(*) AS n FROM alerts WHERE code = 'control.alone'"), [r#"{"n":1}"#]);
}

#[test]
fn files_are_copied_in_with_their_control_files() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.place.write(FILE, std::str::from_utf8(TEXT).expect("text"));
    bench.place.write(&control(FILE), r#"{"records":5}"#);
    let ran = bench.place.run(&["ingest", FILE, &control(FILE)]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert_eq!(bench.states(), [format!("{FILE} failed control.mismatch")]);
    assert_eq!(names(&bench, "incoming"), Vec::<String>::new());
}

#[test]
fn a_control_file_goes_along_on_every_way_back() {
    let bench = Bench::with_type(FIELDS, r#"{"on_redelivery":"replace"}"#);
    let (first, second) = ("t_20220101.json", "t_20220101_b.json");
    bench.load(&[(first, b"[{\"id\":1}]"), (&control(first), b"{\"records\":1}")]);
    // A delivery that is not what it should be replaces nothing.
    bench.load(&[(second, b"[{\"id\":2},{\"id\":3}]"), (&control(second), b"{\"records\":3}")]);
    assert_eq!(bench.states(), [format!("{first} processed -"), format!("{second} failed control.mismatch")]);
    assert_eq!(bench.rows("SELECT id FROM t"), [r#"{"id":1}"#]);
    let mended = bench.place.path("data/source_data/failed/t").join(control(second));
    fs::write(mended, b"{\"records\":2}").expect("a file");
    assert_eq!(bench.place.run(&["files", "retry", second]).code, 0);
    bench.pass();
    assert_eq!(bench.states(), [format!("{first} failed file.replaced"), format!("{second} processed -")]);
    assert_eq!(bench.rows("SELECT id FROM t ORDER BY id"), [r#"{"id":2}"#, r#"{"id":3}"#]);

    let reverted = bench.place.run(&["files", "revert", second]);
    assert_eq!(reverted.code, 0, "{}", reverted.talk);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM t"), [r#"{"n":0}"#]);
    assert_eq!(bench.place.run(&["files", "retry", second]).code, 0);
    assert_eq!(names(&bench, "incoming"), [second.to_owned(), control(second)]);
    bench.pass();
    assert_eq!(bench.rows("SELECT id FROM t ORDER BY id"), [r#"{"id":2}"#, r#"{"id":3}"#]);
    assert_eq!(names(&bench, "incoming"), Vec::<String>::new());
    assert_eq!(
        names(&bench, "processed/t"),
        [first.to_owned(), control(first), second.to_owned(), control(second)]
    );
    let said = bench.rows("SELECT control AS c FROM files WHERE state = 'processed'");
    assert_eq!(said, [r#"{"c":"{\"records\":2}"}"#]);
}

#[test]
fn a_replay_is_held_against_nothing() {
    let bench = Bench::with_type(FIELDS, r#"{"control":"required"}"#);
    bench.load(&[(FILE, TEXT), (&control(FILE), b"{\"records\":3}")]);
    let ran = bench.place.run(&["sql", r#"UPDATE rejects SET fixed = '{"id":3}'"#]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let ran = bench.place.run(&["rejects", "replay"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.rows("SELECT id FROM t ORDER BY id"), [r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#]);
}

#[test]
fn a_daemon_meets_control_files_in_any_order() {
    let bench = Bench::with_type(FIELDS, r#"{"control":"required"}"#);
    let drop_in = |name: &str, bytes: &[u8]| {
        fs::write(bench.incoming(&format!("{name}.part")), bytes).expect("a file");
        fs::rename(bench.incoming(&format!("{name}.part")), bench.incoming(name)).expect("renamed in");
    };
    let mut daemon = bench
        .place
        .command(&["run"])
        // Events alone must do.
        .env("LAKEGATE__INGEST__SCAN_SECONDS", "3600")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the daemon starts");
    let until = |states: &[&str]| {
        let began = std::time::Instant::now();
        while bench.states() != states {
            assert!(began.elapsed().as_secs() < 60, "{states:?}: {:?}", bench.states());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    };
    let (first, second) = ("t_20220101.json", "t_20220102.json");
    // The daemon must watch before anything comes.
    drop_in("t_20220100.json", b"[{\"id\":0}]");
    until(&["t_20220100.json waiting control.missing"]);
    drop_in(&control("t_20220100.json"), b"{\"records\":1}");
    until(&["t_20220100.json processed -"]);
    drop_in(first, b"[{\"id\":1}]");
    until(&["t_20220100.json processed -", "t_20220101.json waiting control.missing"]);
    drop_in(&control(first), b"{\"records\":1}");
    until(&["t_20220100.json processed -", "t_20220101.json processed -"]);
    drop_in(&control(second), b"{\"records\":2}");
    drop_in(second, b"[{\"id\":2}]");
    until(&[
        "t_20220100.json processed -",
        "t_20220101.json processed -",
        "t_20220102.json failed control.mismatch",
    ]);
    daemon.kill().expect("killed");
    daemon.wait().expect("ended");
    assert_eq!(names(&bench, "incoming"), Vec::<String>::new());
}
