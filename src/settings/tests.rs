use std::path::Path;

use super::*;

struct World {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { cwd: folder.path().to_owned(), ..Sources::default() };
        World { folder, sources }
    }

    fn file(self, name: &str, text: &str) -> World {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn env(mut self, name: &str, value: &str) -> World {
        self.sources.env.insert(name.into(), value.into());
        self
    }

    fn flags(mut self, flags: Flags) -> World {
        self.sources.flags = flags;
        self
    }

    fn load(&self) -> Settings {
        Settings::load(&self.sources).unwrap_or_else(|error| panic!("{:#?}", error.mistakes))
    }

    fn mistakes(&self) -> Vec<String> {
        let error = Settings::load(&self.sources).expect_err("there are mistakes");
        let with_hint = |mistake: &Mistake| match &mistake.hint {
            Some(hint) => format!("{mistake} / {hint}"),
            None => mistake.to_string(),
        };
        error.mistakes.iter().map(with_hint).collect()
    }
}

fn config(path: &str) -> Flags {
    Flags { config: Some(path.into()), ..Flags::default() }
}

#[test]
fn the_defaults_need_nothing() {
    let world = World::new();
    let settings = world.load();
    let data = world.folder.path().join("data");
    assert_eq!(settings.paths, Paths::under(&data));
    assert_eq!(settings.database.url.expose(), format!("sqlite://{}", data.join("metadata.db").display()));
    assert_eq!(settings.ingest.quiet(), Duration::from_millis(500));
    assert_eq!(settings.log.level, Level::Info);
    assert_eq!(settings.storage.s3_bucket, None);
    assert!(settings.remarks().is_empty());
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let key = |world: World| {
        let settings = world.load();
        (settings.ingest.quiet_ms, settings.origin("ingest.quiet_ms").unwrap().to_string())
    };
    let default = World::new;
    let file = || default().file("config/development.toml", "[ingest]\nquiet_ms = 1");
    let given = || file().file("mine.toml", "[ingest]\nquiet_ms = 2").flags(config("mine.toml"));
    let environment = || given().env("LAKEGATE__INGEST__QUIET_MS", "3");
    assert_eq!(key(default()), (500, "default".into()));
    assert_eq!(key(file()), (1, "config/development.toml".into()));
    assert_eq!(key(given()), (2, "mine.toml".into()));
    assert_eq!(key(environment()), (3, "LAKEGATE__INGEST__QUIET_MS".into()));
    let flags = Flags { log_level: Some("debug"), ..Flags::default() };
    let settings = World::new().env("LAKEGATE__LOG__LEVEL", "error").flags(flags).load();
    assert_eq!(settings.log.level, Level::Debug);
    assert_eq!(settings.origin("log.level"), Some(&Origin::Flag("-v")));
}

#[test]
fn an_edited_copy_of_the_defaults_counts_where_it_differs() {
    let text = DEFAULTS.replace("memory_mb = 1024", "memory_mb = 2048");
    let settings = World::new().file("config/default.toml", &text).load();
    assert_eq!(settings.query.memory_mb, 2048);
    assert_eq!(settings.origin("query.memory_mb"), Some(&Origin::File("config/default.toml".into())));
    assert_eq!(settings.origin("ingest.quiet_ms"), Some(&Origin::Default));
}

#[test]
fn the_environment_names_a_file() {
    let world =
        World::new().file("config/production.toml", "[query]\nmemory_mb = 99").env("ENV", "production");
    assert_eq!(world.load().query.memory_mb, 99);
    assert_eq!(World::new().env("ENV", "elsewhere").load().query.memory_mb, 1024);
}

#[test]
fn an_env_that_is_a_path_is_remarked_and_not_followed() {
    let world = World::new().file("x.toml", "[query]\nmemory_mb = 99").env("ENV", "../x");
    let settings = world.load();
    assert_eq!(settings.query.memory_mb, 1024);
    assert_eq!(settings.remarks().len(), 1);
}

#[test]
fn the_bare_names_work() {
    let world = World::new()
        .env("LAKEGATE_DATA", "/srv/lake")
        .env("INCOMING_FOLDER", "/srv/in")
        .env("SOURCE_DATA_BASE", "./source")
        .env("PROCESSED_FOLDER", "")
        .env("DATALAKE_BASE", "/srv/tables/")
        .env("DATABASE_URL", "postgres://u:hush@host/db");
    let settings = world.load();
    assert_eq!(settings.paths.data, Path::new("/srv/lake"));
    assert_eq!(settings.paths.incoming, Path::new("/srv/in"));
    assert_eq!(settings.paths.source_data, world.folder.path().join("source"));
    assert_eq!(settings.paths.processed, Path::new("/srv/lake/processed"));
    assert_eq!(settings.paths.datalake, Path::new("/srv/tables"));
    assert_eq!(settings.database.url.expose(), "postgres://u:hush@host/db");
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn the_prefixed_name_wins_over_the_bare_one() {
    let world = World::new().env("INCOMING_FOLDER", "/a").env("LAKEGATE__PATHS__INCOMING", "/b");
    assert_eq!(world.load().paths.incoming, Path::new("/b"));
}

#[test]
fn a_data_root_may_have_any_name() {
    let flags = Flags { data: Some("50% ?#".into()), ..Flags::default() };
    let world = World::new().flags(flags);
    assert!(world.load().database.url.expose().ends_with("/50%25 %3F%23/metadata.db"));
}

#[test]
fn all_mistakes_are_named_at_once_with_their_place() {
    let world = World::new()
        .file("config/development.toml", "[ingest]\nquite_ms = 1\nscan_seconds = 0\npolling = \"yes\"\n")
        .file("mine.toml", "quiet_ms = 5\n[zebra]\nx = 1")
        .flags(config("mine.toml"))
        .env("LAKEGATE__LOG__LEVL", "info")
        .env("LAKEGATE__INGEST__LOAD_MAX_FILES", "many")
        .env("DATABASE_URL", "mysql://u:secret@host/db");
    let mistakes = world.mistakes().join("\n");
    insta::assert_snapshot!(mistakes, @r#"
config/development.toml:4: `ingest.polling` is text, expected true or false
config/development.toml:2: there is no setting `ingest.quite_ms` / did you mean `ingest.quiet_ms`?
mine.toml:1: there is no setting `quiet_ms` / did you mean `ingest.quiet_ms`?
mine.toml:3: there is no setting `zebra.x`
LAKEGATE__INGEST__LOAD_MAX_FILES: "many" is not a whole number
LAKEGATE__LOG__LEVL: there is no such setting / did you mean LAKEGATE__LOG__LEVEL?
DATABASE_URL: `database.url` has "mysql", expected sqlite or postgres / write sqlite://path/to/metadata.db or postgres://user:password@host/name
config/development.toml:3: `ingest.scan_seconds` is 0, expected 1 to 3600
"#);
}

#[test]
fn a_file_that_is_not_toml_says_where() {
    let world = World::new().file("config/development.toml", "[ingest]\nquiet_ms = = 1");
    insta::assert_snapshot!(world.mistakes().join("\n"), @r#"config/development.toml:2: invalid string: expected `"`, `'`"#);
}

#[test]
fn a_named_file_must_exist() {
    let mistakes = World::new().flags(config("no.toml")).mistakes();
    assert!(mistakes[0].starts_with("no.toml: cannot be read"), "{mistakes:?}");
}

#[test]
fn folders_in_one_another_are_refused() {
    let world = World::new().env("INCOMING_FOLDER", "/srv/in").env("PROCESSED_FOLDER", "/srv/in/done");
    insta::assert_snapshot!(world.mistakes().join("\n"), @"PROCESSED_FOLDER: `paths.processed` (/srv/in/done) lies in `paths.incoming` (/srv/in) / give each folder a place of its own");
    let world = World::new().env("INCOMING_FOLDER", "data");
    assert!(!world.mistakes().is_empty());
    let world = World::new().env("INCOMING_FOLDER", "~/in");
    assert!(world.mistakes()[0].contains("starts with ~"));
}

#[test]
fn what_is_set_and_not_used_is_said() {
    let settings = World::new().env("S3_BUCKET", "lake").env("ICEBERG_CATALOG_URI", "").load();
    insta::assert_snapshot!(settings.remarks().join("\n"), @"`storage.s3_bucket` is set (S3_BUCKET) and not used: this version stores Parquet on local disk");
}

#[test]
fn every_key_is_reached_by_the_environment() {
    for entry in World::new().load().effective() {
        let name = format!("LAKEGATE__{}", entry.key.to_uppercase().replace('.', "__"));
        let value = match &entry.value {
            Some(toml::Value::Integer(_)) => "77",
            Some(toml::Value::Boolean(_)) => "true",
            _ if entry.key == "log.level" => "warn",
            _ if entry.key == "log.format" => "json",
            _ if entry.key.ends_with("severity") || entry.key == "alerts.escalate_to" => "info",
            _ if entry.key == "alerts.email.tls" => "none",
            _ if entry.key == "database.url" => "sqlite:///x/y.db",
            _ => "/x/y",
        };
        let settings = World::new().env(&name, value).load();
        assert_eq!(settings.origin(&entry.key), Some(&Origin::Env(name)));
    }
}

#[test]
fn every_key_of_the_defaults_is_explained() {
    let mut explained = false;
    let mut run = false;
    for line in DEFAULTS.lines() {
        match line.trim() {
            "" => (explained, run) = (false, false),
            line if line.starts_with('#') => explained = true,
            line if line.starts_with('[') => {}
            key => {
                assert!(explained || run, "no explanation above {key}");
                run = true;
            }
        }
    }
}

#[test]
fn nested_sections_are_settings_like_others() {
    let world = World::new().file(
        "config/development.toml",
        "[alerts.slack]\nmin_severity = \"error\"\ntemplat = \"\"\n[alerts]\nlog = 1\n",
    );
    insta::assert_snapshot!(world.mistakes().join("\n"), @r"
    config/development.toml:5: there is no setting `alerts.log`
    config/development.toml:3: there is no setting `alerts.slack.templat` / did you mean `alerts.slack.template`?
    ");
    let world = World::new()
        .file("config/development.toml", "[alerts.slack]\nmin_severity = \"error\"\n")
        .env("LAKEGATE__ALERTS__EMAIL__PORT", "2525");
    let settings = world.load();
    assert_eq!((settings.alerts.slack.min_severity, settings.alerts.email.port), (Gravity::Error, 2525));
    let misspelt = World::new().env("LAKEGATE__ALERTS__EMAIL__PROT", "1").mistakes();
    assert!(misspelt[0].contains("did you mean LAKEGATE__ALERTS__EMAIL__PORT?"), "{misspelt:?}");
}

#[test]
fn secrets_of_channels_are_shown_nowhere() {
    let secrets = [
        ("WEBHOOK__URL", "https://example.org/secret-1"),
        ("WEBHOOK__SECRET", "secret-2"),
        ("WEBHOOK__AUTHORIZATION", "Bearer secret-3"),
        ("SLACK__URL", "https://hooks.slack.com/services/secret-4"),
        ("PAGERDUTY__ROUTING_KEY", "secret-5"),
        ("EMAIL__PASSWORD", "secret-6"),
    ];
    let world = secrets
        .iter()
        .fold(World::new(), |world, (key, secret)| world.env(&format!("LAKEGATE__ALERTS__{key}"), secret));
    let settings = world.load();
    assert_eq!(settings.alerts.webhook.secret.expose(), "secret-2");
    for shown in [format!("{:?}", settings.effective()), format!("{settings:?}")] {
        assert!(!shown.contains("secret-"), "{shown}");
        assert!(shown.contains("https://hooks.slack.com/***") || shown.contains("alerts: Alerts"), "{shown}");
    }
}
