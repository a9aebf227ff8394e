//! A data root, a daemon, and alerts on purpose.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::http;
use crate::recovery::daemon::{Daemon, eventually};
use crate::recovery::delivery::Delivery;

/// For what must happen and has no promise.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// What must not be seen anywhere.
pub const SECRETS: [&str; 6] =
    ["hook-token-1", "signing-key-2", "login-token-3", "slack-token-4", "routing-key-5", "mail-password-6"];

pub struct Scene {
    pub delivery: Delivery,
    settings: Vec<(String, String)>,
}

impl Scene {
    pub fn new() -> Scene {
        let scene = Scene { delivery: Delivery::empty(None), settings: Vec::new() };
        scene.with("TIMEOUT_SECONDS", "2").with("SOURCE", "test-lake")
    }

    /// A setting below `[alerts]`, as the environment writes it.
    pub fn with(mut self, key: &str, value: &str) -> Scene {
        self.settings.push((format!("LAKEGATE__ALERTS__{key}"), value.to_owned()));
        self
    }

    pub fn with_webhook(self, server: &http::Server) -> Scene {
        let url = server.url("/hook/hook-token-1");
        self.with("WEBHOOK__URL", &url).with("WEBHOOK__ALLOW_PRIVATE", "true")
    }

    pub fn apply(&self, command: &mut Command) {
        command.envs(self.settings.iter().cloned());
    }

    pub fn daemon(&self) -> Daemon {
        Daemon::start(&self.delivery, |command| self.apply(command))
    }

    /// Exit code, stdout and stderr of a command with these settings.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = self.delivery.command(args);
        self.apply(&mut command);
        let output = command.output().expect("the binary runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
    }

    pub fn sql(&self, text: &str) {
        let (code, _, talk) = self.run(&["sql", text]);
        assert_eq!(code, 0, "{text}: {talk}");
    }

    pub fn ask(&self, query: &str) -> Vec<Value> {
        self.delivery.ask(query)
    }

    /// Opens alerts by hand; the daemon finds them as it finds its own.
    pub fn open_alerts(&self, names: impl IntoIterator<Item = usize>, severity: &str) {
        let row = |name: usize| {
            format!("('test.made', '{severity}', 'orders', 'cause {name}', 'message {name}', 'made-{name}')")
        };
        let rows: Vec<_> = names.into_iter().map(row).collect();
        let columns = "(code, severity, subject, cause, message, fingerprint)";
        self.sql(&format!("INSERT INTO alerts {columns} VALUES {}", rows.join(", ")));
    }

    /// Makes an ordinary failure: a file that is not JSON.
    pub fn fail_a_file(&self) {
        self.delivery.place.write("orders.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
        let (code, _, talk) = self.run(&["types", "add", "orders", "--schema", "orders.json"]);
        assert_eq!(code, 0, "{talk}");
        self.delivery.drop_in("orders_20250101.json", "this is no JSON");
    }

    pub fn eventually(&self, what: &str, holds: impl Fn() -> bool) {
        eventually(what, PATIENCE, holds);
    }
}

/// No secret is in any of these texts.
pub fn assert_no_secret(texts: &[(&str, &str)]) {
    for (place, text) in texts {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {place}: {text}");
        }
    }
}
