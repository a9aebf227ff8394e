//! `lakegate doctor`: looks at everything that the daemon needs, changes nothing, and says how to mend what is wrong.

mod folders;
mod host;
mod ledger;

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output::{print, print_json};
use super::session::Session;
use crate::printable::escape;

/// `lakegate doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 in order, warnings included · 1 something must be mended · 3 something needed is unavailable

Example:
  lakegate doctor --json | jq '.[] | select(.level != \"ok\")'")]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    level: Level,
    /// What was looked at, in a word.
    subject: &'static str,
    detail: String,
    fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    /// Something must be mended.
    Fail,
    /// Something that is needed is unavailable.
    Down,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail | Level::Down => "fail",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Level::Ok | Level::Warn => Exit::Done,
            Level::Fail => Exit::SomeFailed,
            Level::Down => Exit::Unavailable,
        }
    }
}

impl Finding {
    fn new(level: Level, subject: &'static str, detail: impl Into<String>) -> Self {
        Finding { level, subject, detail: detail.into(), fix: None }
    }

    fn ok(subject: &'static str, detail: impl Into<String>) -> Self {
        Finding::new(Level::Ok, subject, detail)
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

pub async fn run(args: &DoctorArgs, session: &Session) -> Result<Exit, Failure> {
    let settings = &session.settings;
    let mut findings = self::settings(session);
    findings.extend(folders::look(&settings.paths));
    findings.extend(host::look(settings, session.clock.now()));
    findings.extend(ledger::look(session).await);
    if args.json {
        print_json(&findings.iter().map(to_json).collect())?;
    } else {
        print(&to_text(&findings))?;
    }
    Ok(findings.iter().map(|finding| finding.level.exit()).max().unwrap_or(Exit::Done))
}

fn settings(session: &Session) -> Vec<Finding> {
    let remarks = session.settings.remarks();
    if remarks.is_empty() {
        let set = session.settings.effective().iter().filter(|entry| entry.origin.name().is_some()).count();
        return vec![Finding::ok("settings", format!("in order; {set} set by file, environment or flag"))];
    }
    remarks.iter().map(|remark| Finding::new(Level::Warn, "settings", remark)).collect()
}

fn to_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { level, subject, detail, fix } in findings {
        text += &format!("{:<5} {subject:<9} {}\n", level.as_str(), escape(detail));
        if let Some(fix) = fix {
            text += &format!("{:<15} fix: {}\n", "", escape(fix));
        }
    }
    text
}

fn to_json(finding: &Finding) -> Value {
    let Finding { level, subject, detail, fix } = finding;
    json!({"level": level.as_str(), "subject": subject, "detail": detail, "fix": fix})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_finding_decides_the_exit_code() {
        let exits = [Level::Ok, Level::Warn, Level::Fail, Level::Down].map(Level::exit);
        assert_eq!(exits, [Exit::Done, Exit::Done, Exit::SomeFailed, Exit::Unavailable]);
        assert!(Exit::Unavailable > Exit::SomeFailed);
    }

    #[test]
    fn a_finding_is_a_line_and_its_fix_the_next() {
        let findings =
            [Finding::ok("clock", "2026"), Finding::new(Level::Warn, "folders", "a\nb").fix("mend it")];
        insta::assert_snapshot!(to_text(&findings), @r#"
ok    clock     2026
warn  folders   a\nb
                fix: mend it
"#);
    }
}
