//! The voice of the tour: a sentence, the command as one would type it, then its real output.

use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use clap::Parser;

use super::tour::{Chapter, Part};
use crate::cli::args::{Cli, Command};
use crate::cli::dispatch;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::print;
use crate::cli::session::Session;

const WIDTH: usize = 80;

pub(super) struct Guide {
    pub session: Session,
}

impl Guide {
    /// Says where it all happens.
    pub(super) fn welcome(&self, dir: &Path, diverted: &[String]) -> Result<(), Failure> {
        let mut text = format!(
            "{}\n\n\
             A tour of a few seconds in the folder {}. Its outbox/ holds what some\n\
             senders have ready, its data/ becomes a lake. Commands are shown as you would\n\
             type them in that folder; every one of them is really run.\n",
            self.bold("Lakegate: files in, tables out."),
            shown(dir),
        );
        if !diverted.is_empty() {
            text += &format!(
                "\nThe tour does not use what is set in your environment: {}.\n",
                diverted.join(", ")
            );
        }
        print(&text)
    }

    /// One chapter, from its title to its last output.
    pub(super) async fn tell(&self, number: usize, chapter: &Chapter) -> Result<(), Failure> {
        self.heading(&format!("{number} · {}", chapter.title))?;
        for part in chapter.parts {
            match part {
                Part::Say(text) => print(&format!("\n{text}\n"))?,
                Part::Run(args) => self.run(args).await?,
                Part::Find(folder) => self.find(folder)?,
            }
        }
        Ok(())
    }

    fn heading(&self, title: &str) -> Result<(), Failure> {
        let line = "─".repeat(WIDTH.saturating_sub(title.chars().count() + 4));
        print(&format!("\n\n{}\n", self.bold(&format!("── {title} {line}"))))
    }

    fn command(&self, typed: &str) -> Result<(), Failure> {
        let (colour, plain) =
            if self.session.terminal.data_colour { ("\x1b[36m", "\x1b[0m") } else { ("", "") };
        print(&format!("\n{colour}$ {typed}{plain}\n"))
    }

    async fn run(&self, args: &[&str]) -> Result<(), Failure> {
        let typed: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
        self.command(&format!("lakegate {}", typed.join(" ")))?;
        let mut words = vec!["lakegate".to_owned()];
        for arg in args {
            words.extend(expanded(arg).map_err(|cause| unreadable(Path::new(arg), &cause))?);
        }
        let Session { settings, terminal, clock } = &self.session;
        let session =
            Session { settings: settings.clone(), terminal: terminal.clone(), clock: clock.clone() };
        match boxed(parsed(&words)?, session).await? {
            Exit::Done => Ok(()),
            exit => print(&format!("(exit code {})\n", exit as u8)),
        }
    }

    fn find(&self, folder: &str) -> Result<(), Failure> {
        self.command(&format!("find {folder} -type f | sort"))?;
        let mut found = Vec::new();
        walk(Path::new(folder), "", &mut found).map_err(|cause| unreadable(Path::new(folder), &cause))?;
        found.sort();
        print(&found.iter().map(|path| shown(path) + "\n").collect::<String>())
    }

    /// Says what to do next.
    pub(super) fn farewell(&self, dir: &Path, diverted: &[String]) -> Result<(), Failure> {
        self.heading("Your turn")?;
        let mut steps = vec![format!("cd {}", quoted(&shown(dir)))];
        if !diverted.is_empty() {
            steps.push(format!("unset {}", diverted.join(" ")));
        }
        if let Some(program) = unless_on_path() {
            steps.push(format!("alias lakegate={}", quoted(&shown(&program))));
        }
        let steps: Vec<String> = steps.into_iter().map(|step| format!("  {step}\n")).collect();
        print(&format!(
            "\nThe folder stays as it is now; the next tour starts it afresh.\n\n{}\n\
             \x20 lakegate sql                     a shell: SELECT, describe, .help\n\
             \x20 lakegate run                     the daemon; then drop a file of your own into data/incoming/\n\
             \x20 lakegate files list              every file that was ever seen\n\
             \x20 lakegate doctor                  what is wrong, and how to mend it\n\n\
             Nothing in the lake needs Lakegate to be read; for instance (pip install duckdb):\n\n\
             \x20 python3 -c \"import duckdb; print(duckdb.sql('''SELECT date, count(*) AS events\n\
             \x20   FROM 'data/datalake/raw_data/vehicle_events/*/*.parquet' GROUP BY ALL ORDER BY ALL'''))\"\n\n\
             The README goes on from here: types, jobs, PostgreSQL, and what happens when things go wrong.\n",
            steps.concat(),
        ))
    }

    fn bold(&self, text: &str) -> String {
        if self.session.terminal.data_colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The tour is a command that runs commands: the future of the inner one has to lie on the heap.
fn boxed(command: Command, session: Session) -> Pin<Box<dyn Future<Output = Result<Exit, Failure>>>> {
    Box::pin(dispatch(command, session))
}

fn parsed(words: &[String]) -> Result<Command, Failure> {
    let cli = Cli::try_parse_from(words);
    cli.map(|cli| cli.command)
        .map_err(|error| Failure::because(Exit::SomeFailed, "the tour has a wrong command in it", &error))
}

/// The argument as a shell needs it.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./*=:,+@%".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else if arg.contains(['"', '$', '`', '\\', '!']) {
        format!("'{}'", arg.replace('\'', r"'\''"))
    } else {
        format!("\"{arg}\"")
    }
}

/// `folder/*.json` as the files there are; every other word as it is.
fn expanded(arg: &str) -> io::Result<Vec<String>> {
    let Some((folder, end)) = arg.split_once("/*").filter(|(folder, _)| !folder.contains(' ')) else {
        return Ok(vec![arg.to_owned()]);
    };
    let mut found = Vec::new();
    walk(Path::new(folder), end, &mut found)?;
    found.sort();
    Ok(found.iter().map(|path| path.display().to_string()).collect())
}

fn walk(folder: &Path, end: &str, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), end, found)?;
        } else if entry.file_name().to_string_lossy().ends_with(end) {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn unreadable(path: &Path, cause: &io::Error) -> Failure {
    Failure::because(Exit::Unavailable, format!("cannot read {}", path.display()), cause)
}

/// This program, when a bare `lakegate` would not start it.
fn unless_on_path() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("lakegate"))
        .find_map(|file| file.canonicalize().ok())
        .is_some_and(|file| Some(file) == program.canonicalize().ok());
    (!found).then_some(program)
}

fn shown(path: &Path) -> String {
    crate::printable::escape(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_only_when_a_shell_needs_it() {
        assert_eq!(quoted("outbox/1-fleet/*.json"), "outbox/1-fleet/*.json");
        assert_eq!(quoted("SELECT 'a'"), "\"SELECT 'a'\"");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn only_a_pattern_is_expanded() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.json", "a.json", "c.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let at = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(expanded(&at("*.json")).unwrap(), [at("a.json"), at("b.json")]);
        assert_eq!(expanded("SELECT count(*) FROM t").unwrap(), ["SELECT count(*) FROM t"]);
    }
}
