//! The binary from outside: what it prints where, and what it exits with.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A data root of its own, and an environment without settings.
pub struct Place {
    root: TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { root: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakegate"));
        command.args(args).current_dir(self.root.path()).env_clear().stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the binary runs"))
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{}", ran.talk);
        serde_json::from_str(&ran.data).expect("JSON on stdout")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside the root")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

pub struct Ran {
    pub code: i32,
    pub data: String,
    pub talk: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().expect("an exit code"),
            data: String::from_utf8(output.stdout).expect("UTF-8"),
            talk: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn mistakes_in_the_settings_are_all_told_and_exit_with_2() {
    let place = Place::new();
    place.write("config/development.toml", "[ingest]\nquite_ms = 1\n[log]\nlevel = \"loud\"\n");
    let ran = place.run(&["config", "check"]);
    assert_eq!((ran.code, ran.data.as_str()), (2, ""));
    insta::assert_snapshot!(ran.talk, @r#"
error: config/development.toml:2: there is no setting `ingest.quite_ms`
hint: did you mean `ingest.quiet_ms`?
error: config/development.toml:4: `log.level` is "loud", expected error, warn, info, debug, trace
"#);
}

#[test]
fn settings_are_shown_with_their_origin_and_without_secrets() {
    let place = Place::new();
    let mut command = place.command(&["config", "show", "--json", "--log-format", "json"]);
    let ran = Ran::of(command.env("DATABASE_URL", "postgres://u:hush@h/db").output().expect("it runs"));
    let shown: Value = serde_json::from_str(&ran.data).expect("JSON");
    let setting = |key: &str| {
        let found = shown.as_array().expect("a list").iter().find(|entry| entry["key"] == key);
        found.expect("the key is shown").clone()
    };
    assert!(!ran.data.contains("hush") && !ran.talk.contains("hush"));
    assert_eq!(setting("database.url")["value"], "postgres://u:***@h/db");
    assert_eq!(setting("database.url")["name"], "DATABASE_URL");
    assert_eq!(setting("log.format")["name"], "--log-format");
    assert_eq!(setting("ingest.quiet_ms")["from"], "default");
    assert_eq!(setting("ingest.quiet_ms")["value"], 500);
    assert_eq!(setting("storage.s3_bucket")["value"], Value::Null);
}

#[test]
fn the_same_seed_writes_the_same_files_and_registers_the_shipped_types() {
    let place = Place::new();
    let seeded = ["generate", "--num-files", "4", "--records", "3", "--seed", "7"];
    let ran = place.run(&seeded);
    assert_eq!((ran.code, ran.data.as_str()), (0, ""), "{}", ran.talk);
    let other = Place::new();
    other.run(&seeded);
    let incoming = names(&place.path("data/incoming"));
    assert_eq!(incoming, names(&other.path("data/incoming")));
    assert_eq!(incoming.len(), 4);
    for name in &incoming {
        let read = |place: &Place| fs::read(place.path("data/incoming").join(name)).expect("the file");
        assert_eq!(read(&place), read(&other));
    }
    let types = place.json(&["types", "list", "--json"]);
    assert_eq!(types[0]["file_type"], "vehicle_events");
    assert_eq!(types[1]["file_type"], "vehicle_status");
    assert_eq!(types[0]["status"], "active");
    // Again: nothing is overwritten, nothing is registered twice.
    place.run(&seeded);
    assert_eq!(names(&place.path("data/incoming")).len(), 8);
}

#[test]
fn a_type_is_checked_before_it_is_written_and_can_be_recreated() {
    let place = Place::new();
    place.write("bad.json", r#"{"fields": [{"name": "id", "type": "lng"}]}"#);
    let ran = place.run(&["types", "add", "orders", "--schema", "bad.json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.talk.contains("long"), "{}", ran.talk);
    place.write(
        "good.json",
        r#"{"fields": [{"name": "id", "type": "long", "minimum": 1}, {"name": "it's", "type": "string"}]}"#,
    );
    let ran = place.run(&["types", "add", "orders", "--schema", "good.json", "--inactive"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(place.run(&["types", "add", "orders", "--schema", "good.json"]).code, 2);

    let shown = place.json(&["types", "show", "orders", "--json"]);
    assert_eq!(shown["status"], "inactive");
    assert_eq!(shown["columns"][0]["type"], "long");
    assert_eq!(shown["columns"][0]["constraints"][0], "minimum 1");

    let other = Place::new();
    other.run(&["migrate"]);
    let insert = shown["insert"].as_str().expect("SQL");
    let sqlite = Command::new("sqlite3").arg(other.path("data/metadata.db")).arg(insert).output();
    assert!(sqlite.expect("sqlite3 is installed").status.success());
    let again = other.json(&["types", "show", "orders", "--json"]);
    assert_eq!(again["schema_definition"], shown["schema_definition"]);

    assert_eq!(place.run(&["types", "activate", "orders"]).code, 0);
    assert_eq!(place.json(&["types", "show", "orders", "--json"])["status"], "active");
    let ran = place.run(&["types", "pause", "orders", "order"]);
    assert_eq!(ran.code, 2);
    assert!(ran.talk.contains("did you mean orders?"), "{}", ran.talk);
    assert_eq!(place.json(&["types", "show", "orders", "--json"])["status"], "active");
}

#[test]
fn a_schema_is_inferred_without_registering_anything() {
    let place = Place::new();
    place.write("orders.json", r#"[{"id": 1, "at": "2022-06-06T00:00:00Z"}, {"id": 2, "at": null}]"#);
    let definition = place.json(&["types", "infer", "orders.json"]);
    assert_eq!(definition["fields"][0]["type"], "long");
    assert_eq!(definition["fields"][1]["type"], "timestamp");
    assert!(!place.path("data").exists());
    let ran = place.run(&["types", "infer", "nowhere.json"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn the_doctor_changes_nothing_on_a_fresh_place() {
    let place = Place::new();
    let findings = place.json(&["doctor", "--json"]);
    assert!(findings.as_array().expect("a list").iter().all(|finding| finding["level"] != "fail"));
    assert!(names(place.root.path()).is_empty());
}

#[test]
fn the_doctor_tells_an_unreachable_database_from_a_fault() {
    let place = Place::new();
    let ran = place.run(&["doctor", "--database", "postgres://u:secret@127.0.0.1:1/db"]);
    assert_eq!(ran.code, 3, "{}{}", ran.data, ran.talk);
    assert!(!ran.data.contains("secret"));
    place.write("data/incoming", "a file where a folder should be");
    assert_eq!(place.run(&["doctor"]).code, 1);
}

#[test]
fn an_unreachable_database_exits_with_3() {
    let place = Place::new();
    let ran = place.run(&["types", "list", "--database", "postgres://u:secret@127.0.0.1:1/db"]);
    assert_eq!((ran.code, ran.data.as_str()), (3, ""));
    assert!(ran.talk.starts_with("error: ") && ran.talk.contains("hint: "), "{}", ran.talk);
    assert!(!ran.talk.contains("secret"));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let place = Place::new();
    let mut child = place
        .command(&["config", "show"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn migrate_says_what_it_did() {
    let place = Place::new();
    let ran = place.run(&["migrate"]);
    assert_eq!(ran.code, 0);
    assert!(ran.data.starts_with("applied m0001"), "{}", ran.data);
    assert_eq!(place.run(&["migrate"]).data, "");
}
