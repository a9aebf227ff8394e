//! The machine: its clock, and whether its file system reports what happens.

use std::path::Path;

use chrono::{DateTime, Datelike, Utc};
use rustix::fs::statfs;

use super::{Finding, Level};
use crate::settings::Settings;

/// File systems that do not report what other machines do: NFS, SMB, CIFS, SMB2, 9p, FUSE. From statfs(2).
const SILENT: [(i64, &str); 6] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
];

/// A limit of inotify(7), the least that is comfortable, and what it is for.
const LIMITS: [(&str, u64, &str); 2] = [
    ("max_user_instances", 16, "programs that may watch folders"),
    ("max_queued_events", 4096, "events that may wait"),
];

pub(super) fn look(settings: &Settings, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = vec![clock(now)];
    if settings.ingest.polling {
        findings.push(Finding::ok("watching", "by listing only (ingest.polling)"));
        return findings;
    }
    findings.extend(silent(&settings.paths.incoming));
    let limits = LIMITS.map(|(name, _, _)| inotify(name));
    findings.extend(limits_found(limits));
    findings
}

fn clock(now: DateTime<Utc>) -> Finding {
    let zones = chrono_tz::IANA_TZDB_VERSION;
    let detail = format!("{}, time zone data {zones} built in", now.format("%Y-%m-%d %H:%M:%S UTC"));
    if (2025..2100).contains(&now.year()) {
        Finding::ok("clock", detail)
    } else {
        Finding::new(Level::Warn, "clock", detail).fix("set the clock of this machine; schedules follow it")
    }
}

fn silent(incoming: &Path) -> Option<Finding> {
    let there = incoming.ancestors().find(|path| path.exists())?;
    let found = statfs(there).ok()?.f_type;
    // The kernel's field is signed on some machines: only its 32 bits are the number.
    let (_, name) = SILENT.iter().find(|(number, _)| found as i64 & 0xffff_ffff == *number)?;
    let detail = format!("{} is on {name}, which may not report new files", incoming.display());
    Some(Finding::new(Level::Warn, "watching", detail).fix("set LAKEGATE__INGEST__POLLING=true"))
}

/// `None` off Linux.
fn inotify(name: &str) -> Option<u64> {
    std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?.trim().parse().ok()
}

fn limits_found(found: [Option<u64>; 2]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((name, least, purpose), value) in LIMITS.into_iter().zip(found) {
        if let Some(value) = value.filter(|value| *value < least) {
            let detail = format!("fs.inotify.{name} is {value} ({purpose}); {least} are comfortable");
            let fix = format!("sudo sysctl fs.inotify.{name}={least}");
            findings.push(Finding::new(Level::Warn, "watching", detail).fix(fix));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("watching", "the system's limits are comfortable"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_limits_are_named_with_the_command_that_raises_them() {
        let findings = limits_found([Some(1), Some(16384)]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].fix.as_deref(), Some("sudo sysctl fs.inotify.max_user_instances=16"));
        assert_eq!(limits_found([None, None])[0].level, Level::Ok);
    }

    #[test]
    fn a_clock_that_was_never_set_is_noticed() {
        assert_eq!(clock(DateTime::UNIX_EPOCH).level, Level::Warn);
    }
}
