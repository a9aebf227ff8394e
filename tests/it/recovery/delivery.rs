//! A small delivery with one file of each kind, and what must have become of it in the end.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cli::Place;

/// Name, contents, rows that it gives, state that it ends in.
const FILES: [(&str, &str, i64, &str); 7] = [
    ("orders_20250101.json", r#"[{"id": 1}, {"id": 2}, {"id": 3}]"#, 3, "processed"),
    ("orders_20250102.ndjson", "{\"id\": 4}\n{\"id\": 5}\n", 2, "processed"),
    ("orders_20250103.json", r#"[{"id": 6}, {"id": "six"}, {"id": 7}]"#, 2, "processed"),
    ("orders_20250104.json", r#"[{"id": 8}]"#, 1, "processed"),
    ("orders_20250105.json", r#"[{"id": 8}]"#, 0, "duplicate"),
    ("orders_20250106.json", "this is not JSON", 0, "failed"),
    ("orders_20250107.json", r#"[{"id": 9}, {"id""#, 0, "failed"),
];

/// Control files: for a file that is loaded, one that fails and one that is given back first.
const CONTROLS: [(&str, &str); 3] = [
    ("orders_20250101.json", r#"{"records": 3, "bytes": 33}"#),
    ("orders_20250106.json", r#"{"records": 1}"#),
    ("orders_20250107.json", r#"{"records": 2}"#),
];

pub struct Delivery {
    pub place: Place,
    database: Option<String>,
}

pub struct Ended {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub talk: String,
}

impl Delivery {
    /// The files lie in `incoming/`, their type is active. SQLite when `database` is `None`.
    pub fn new(database: Option<String>) -> Delivery {
        let delivery = Delivery::empty(database);
        delivery.place.write("orders.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
        let added = delivery.run(&["types", "add", "orders", "--schema", "orders.json"], |_| {});
        assert_eq!(added.code, Some(0), "{}", added.talk);
        for (name, text, _, _) in FILES {
            delivery.place.write(&format!("data/incoming/{name}"), text);
        }
        for (name, text) in CONTROLS {
            delivery.place.write(&format!("data/incoming/{name}.ctl.json"), text);
        }
        delivery
    }

    /// A data root without types and files.
    pub fn empty(database: Option<String>) -> Delivery {
        Delivery { place: Place::new(), database }
    }

    /// Renames a file into `incoming/`.
    pub fn drop_in(&self, name: &str, text: &str) {
        self.place.write(name, text);
        let incoming = self.data("incoming");
        fs::create_dir_all(&incoming).expect("a folder");
        fs::rename(self.place.path(name), incoming.join(name)).expect("renamed in");
    }

    /// One pass that loads whatever is there.
    pub fn ingest(&self, change: impl Fn(&mut Command)) -> Ended {
        self.run(&["ingest", "--json"], change)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakegate"));
        command.args(args).current_dir(self.place.path("")).env_clear().stdin(Stdio::null());
        command.env("LAKEGATE__INGEST__QUIET_MS", "5").env("LAKEGATE__INGEST__MAX_WAIT_SECONDS", "0");
        if let Some(database) = &self.database {
            command.env("DATABASE_URL", database);
        }
        command
    }

    pub fn run(&self, args: &[&str], change: impl Fn(&mut Command)) -> Ended {
        let mut command = self.command(args);
        change(&mut command);
        let output = command.output().expect("the binary runs");
        Ended {
            code: output.status.code(),
            signal: output.status.signal(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// One value for each row of a query.
    pub fn ask(&self, query: &str) -> Vec<Value> {
        let output = self.command(&["sql", query, "-f", "json"]).output().expect("the binary runs");
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{query}: {talk}");
        serde_json::from_slice(&output.stdout).expect("rows")
    }

    pub fn count(&self, query: &str) -> i64 {
        self.ask(&format!("SELECT count(*) AS n FROM {query}"))[0]["n"].as_i64().expect("a count")
    }

    /// Everything is as if nothing had ever happened.
    pub fn assert_complete(&self, scene: &str) {
        self.assert_files(scene, &FILES);
    }

    /// As [`Self::assert_complete`]; of the two files with the same bytes, either may be the one that was loaded.
    pub fn assert_complete_in_any_order(&self, scene: &str) {
        let mut files = FILES;
        let second = "SELECT state FROM files WHERE name = 'orders_20250105.json'";
        if self.ask(second)[0]["state"] == "processed" {
            (files[3].0, files[4].0) = (files[4].0, files[3].0);
            files.sort();
        }
        self.assert_files(scene, &files);
    }

    fn assert_files(&self, scene: &str, expected: &[(&str, &str, i64, &str)]) {
        let rows =
            self.ask("SELECT _source_file AS file, count(*) AS rows FROM orders GROUP BY _source_file");
        let rows: BTreeMap<_, _> =
            rows.iter().map(|row| (row["file"].as_str(), row["rows"].as_i64())).collect();
        let files = self.ask("SELECT name, state, location FROM files ORDER BY name");
        assert_eq!(files.len(), expected.len(), "{scene}: {files:?}");
        for ((name, _, count, state), file) in expected.iter().zip(&files) {
            let found = rows.get(&Some(*name)).copied().flatten().unwrap_or(0);
            assert_eq!(found, *count, "{scene}: rows of {name}");
            assert_eq!(file["name"], *name, "{scene}");
            assert_eq!(
                (&file["state"], &file["location"]),
                (&(*state).into(), &"settled".into()),
                "{scene}: {name}"
            );
            let folder = if *state == "failed" { "source_data/failed" } else { "processed" };
            let place = self.data(folder).join("orders").join(name);
            assert!(place.is_file(), "{scene}: {name} is in {folder}");
            let control = place.with_file_name(format!("{name}.ctl.json"));
            let has_one = CONTROLS.iter().any(|(file, _)| file == name);
            assert_eq!(control.is_file(), has_one, "{scene}: the control file of {name} is beside it");
        }
        let remembered = self.ask("SELECT name FROM files WHERE control IS NOT NULL ORDER BY name");
        let remembered: Vec<_> = remembered.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(remembered, CONTROLS.map(|(name, _)| name), "{scene}");
        self.assert_explained(scene);
        self.assert_tidy(scene);
    }

    fn assert_explained(&self, scene: &str) {
        assert_eq!(self.count("rejects WHERE status = 'open'"), 1, "{scene}");
        let rejects = self.data("source_data/error/orders/orders_20250103.json.rejects.ndjson");
        assert!(rejects.is_file(), "{scene}: {}", rejects.display());
        let explanation = self.data("source_data/failed/orders/orders_20250106.json.error.json");
        assert!(explanation.is_file(), "{scene}: {}", explanation.display());
    }

    /// Nothing is left half done.
    pub fn assert_tidy(&self, scene: &str) {
        for folder in ["incoming", "source_data/processing/orders", "datalake/.staging"] {
            assert_eq!(names(&self.data(folder)), Vec::<String>::new(), "{scene}: {folder}");
        }
        self.assert_nothing_open(scene);
        let named = self.count("data_files WHERE state = 'live'");
        assert_eq!(named, parquet_files(&self.data("datalake")), "{scene}: files in the lake");
        assert!(hidden(&self.data("source_data/error/orders")).is_empty(), "{scene}");
    }

    /// The ledger has nothing that somebody would have to go on with.
    pub fn assert_nothing_open(&self, scene: &str) {
        for open in [
            "files WHERE state IN ('waiting', 'queued', 'processing')",
            "loads WHERE state IN ('writing', 'staged')",
            "data_files WHERE state = 'pending'",
            "rejects WHERE status = 'pending'",
        ] {
            assert_eq!(self.count(open), 0, "{scene}: {open}");
        }
    }

    fn data(&self, folder: &str) -> PathBuf {
        self.place.path("data").join(folder)
    }
}

/// The names in a folder; none when it does not exist.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn hidden(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.starts_with('.')).collect()
}

fn parquet_files(folder: &Path) -> i64 {
    let below = |name: String| {
        let path = folder.join(&name);
        if path.is_dir() { parquet_files(&path) } else { i64::from(name.ends_with(".parquet")) }
    };
    names(folder).into_iter().map(below).sum()
}
