//! A data root, one type, and what is asked of them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::cli::{Place, Ran};

pub struct Bench {
    pub place: Place,
}

impl Bench {
    /// Without any type.
    pub fn new() -> Bench {
        Bench { place: Place::new() }
    }

    /// With the active type `t` of these fields and this processing_config.
    pub fn with_type(definition: &str, config: &str) -> Bench {
        let bench = Bench::new();
        bench.place.write("t.schema.json", definition);
        let args = ["types", "add", "t", "--schema", "t.schema.json", "--processing-config", config];
        let added = bench.place.run(&args);
        assert_eq!(added.code, 0, "{}", added.talk);
        bench
    }

    pub fn incoming(&self, name: &str) -> PathBuf {
        let folder = self.place.path("data/incoming");
        fs::create_dir_all(&folder).expect("a folder");
        folder.join(name)
    }

    /// One pass over these files. They are old enough to be complete, and to be final when they are truncated.
    pub fn load(&self, files: &[(&str, &[u8])]) -> Ran {
        for (name, bytes) in files {
            fs::write(self.incoming(name), bytes).expect("a file");
        }
        self.pass()
    }

    pub fn pass(&self) -> Ran {
        let mut command = self.place.command(&["ingest", "--json"]);
        command.env("LAKEGATE__INGEST__QUIET_MS", "5").env("LAKEGATE__INGEST__MAX_WAIT_SECONDS", "0");
        Ran::of(command.output().expect("the binary runs"))
    }

    pub fn ask(&self, query: &str) -> Vec<Value> {
        let Value::Array(rows) = self.place.json(&["sql", query, "-f", "json"]) else { panic!("rows") };
        rows
    }

    /// The rows as compact JSON texts, one for each.
    pub fn rows(&self, query: &str) -> Vec<String> {
        self.ask(query).iter().map(Value::to_string).collect()
    }

    /// `name state code` of every file, by name.
    pub fn states(&self) -> Vec<String> {
        let rows = self.ask("SELECT name, state, error_code FROM files ORDER BY name");
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        rows.iter()
            .map(|row| format!("{} {} {}", text(&row["name"]), text(&row["state"]), text(&row["error_code"])))
            .collect()
    }
}
