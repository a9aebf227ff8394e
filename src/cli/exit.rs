//! How a command ends: its exit code, and what a failure tells a person.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use super::terminal::Terminal;
use crate::printable::{escape, escape_lines};
use crate::settings::SettingsError;

/// The exit codes, part of the product's public face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Done = 0,
    /// Some data failed or was rejected whole.
    SomeFailed = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Something that is needed is unavailable.
    Unavailable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do what it was asked to.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    told: Vec<Told>,
}

/// One error as it is printed.
#[derive(Debug)]
struct Told {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure in one sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, told: vec![Told { message: message.into(), causes: Vec::new(), hint: None }] }
    }

    /// A failure with the chain of its causes.
    pub fn because(exit: Exit, message: impl Into<String>, cause: &dyn Error) -> Self {
        let mut failure = Failure::new(exit, message);
        let mut next = Some(cause);
        while let Some(cause) = next {
            failure.told[0].causes.push(cause.to_string());
            next = cause.source();
        }
        failure
    }

    /// An error that speaks for itself, with its sources as causes.
    pub fn of(exit: Exit, error: &dyn Error) -> Self {
        match error.source() {
            Some(cause) => Failure::because(exit, error.to_string(), cause),
            None => Failure::new(exit, error.to_string()),
        }
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(last) = self.told.last_mut() {
            last.hint = Some(hint.into());
        }
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints it to stderr.
    pub fn tell(&self, terminal: &Terminal) {
        terminal.say(&self.to_text(terminal.colour));
    }

    fn to_text(&self, colour: bool) -> String {
        let (red, cyan, plain) = if colour { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
        let mut text = String::new();
        for Told { message, causes, hint } in &self.told {
            text += &format!("{red}error:{plain} {}\n", escape_lines(message));
            for cause in causes {
                text += &format!("  cause: {}\n", escape(cause));
            }
            if let Some(hint) = hint {
                text += &format!("{cyan}hint:{plain} {}\n", escape_lines(hint));
            }
        }
        text
    }
}

/// What goes wrong while printing. A reader that went away (`lakegate … | head`) has all it wanted.
impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::BrokenPipe {
            return Failure { exit: Exit::Done, told: Vec::new() };
        }
        Failure::because(Exit::Unavailable, "cannot write the output", &cause)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let told = |mistake: crate::settings::Mistake| Told {
            message: mistake.to_string(),
            causes: Vec::new(),
            hint: mistake.hint,
        };
        Failure { exit: Exit::Usage, told: error.mistakes.into_iter().map(told).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_causes_and_a_hint() {
        let cause = io::Error::other("connection refused\n\u{1b}[2J");
        let failure = Failure::because(Exit::Unavailable, "cannot open the metadata database", &cause)
            .hint("start it, or set DATABASE_URL");
        insta::assert_snapshot!(failure.to_text(false), @r#"
error: cannot open the metadata database
  cause: connection refused\n\u{1b}[2J
hint: start it, or set DATABASE_URL
"#);
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.exit(), failure.to_text(false).as_str()), (Exit::Done, ""));
    }
}
