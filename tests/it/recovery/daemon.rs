//! A daemon in a process of its own, and patience with it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::delivery::Delivery;

pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `lakegate run`; it watches when this returns.
    pub fn start(delivery: &Delivery, change: impl Fn(&mut Command)) -> Daemon {
        let log = delivery.place.path("log");
        let mut command = delivery.command(&["run"]);
        command.env("LAKEGATE__INGEST__SCAN_SECONDS", "1").stderr(File::create(&log).expect("a log"));
        change(&mut command);
        let daemon = Daemon { child: command.spawn().expect("the binary runs"), log };
        eventually("the daemon watches", Duration::from_secs(20), || daemon.log().contains("watching "));
        daemon
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Lines at level ERROR.
    pub fn errors(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(" ERROR ")).map(str::to_owned).collect()
    }

    /// Sends a signal by its name, and tells how it ended and how long that took.
    pub fn stop(mut self, signal: &str) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().expect("kill runs");
        assert!(sent.success());
        let status = self.child.wait().expect("it ends");
        (status, began.elapsed())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails when it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds; fails the test when it does not in time. How long it took.
pub fn eventually(what: &str, limit: Duration, holds: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}
