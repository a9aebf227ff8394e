//! The SQL shell: lines until a semicolon, a history, a few commands of its own.

use std::path::Path;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::Desk;
use crate::cli::exit::{Exit, Failure};
use crate::printable::escape;
use crate::query::print::Format;
use crate::query::script::{self, Cut};
use crate::query::{QueryError, quoted};

const HELP: &str = "\
A statement ends with a semicolon and may go over several lines.

  .tables          the tables that can be queried
  .schema TABLE    the columns of a table
  .format FORMAT   table, csv, json or ndjson
  .help            this text
  .quit            leave, as does Ctrl-D

Ctrl-C drops the lines typed so far, or stops the query that runs.
";

/// What a typed text asks for.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    Nothing,
    /// The statement goes on.
    More,
    Statements(Vec<String>),
    Tables,
    Schema(String),
    Format(String),
    Help,
    Quit,
    /// A line that starts with a dot and is no command.
    Unknown(String),
}

/// Reads what was typed since the last statement ended. Pure.
fn understand(text: &str) -> Input {
    let line = text.trim();
    if let Some(command) = line.strip_prefix('.') {
        return dot_command(command);
    }
    if matches!(line.trim_end_matches(';').to_ascii_lowercase().as_str(), "quit" | "exit") {
        return Input::Quit;
    }
    let Cut { statements, rest, closed } = script::cut(text);
    match (statements.is_empty(), rest, closed) {
        (true, None, true) => Input::Nothing,
        (_, None, true) => Input::Statements(statements.into_iter().map(str::to_string).collect()),
        _ => Input::More,
    }
}

fn dot_command(command: &str) -> Input {
    let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let argument = argument.trim().trim_end_matches(';').trim().to_string();
    match name.trim_end_matches(';') {
        "tables" => Input::Tables,
        "schema" if argument.is_empty() => Input::Unknown("schema needs the name of a table".into()),
        "schema" => Input::Schema(argument),
        "format" if argument.is_empty() => {
            Input::Unknown(format!("format is one of {}", Format::NAMES.join(", ")))
        }
        "format" => Input::Format(argument),
        "help" | "h" | "?" => Input::Help,
        "quit" | "exit" | "q" => Input::Quit,
        other => Input::Unknown(format!("there is no command .{other}; .help lists them")),
    }
}

/// Runs until the person leaves. `private` is where the history is kept.
pub async fn run(mut desk: Desk, private: &Path) -> Result<(), Failure> {
    let mut editor = DefaultEditor::new().map_err(|cause| {
        Failure::because(Exit::Unavailable, "the terminal cannot be used for a shell", &cause)
    })?;
    let history = private.join("sql_history");
    // Without a history the shell is still a shell.
    let _ = std::fs::create_dir_all(private).map(|()| editor.load_history(&history));
    desk.terminal
        .say("SQL over the lake and the ledger. .tables lists tables, .help the rest; Ctrl-D leaves.\n");
    let mut typed = String::new();
    loop {
        let prompt = if typed.is_empty() { "lakegate> " } else { "     ...> " };
        match tokio::task::block_in_place(|| editor.readline(prompt)) {
            Ok(line) => {
                typed.push_str(&line);
                typed.push('\n');
            }
            Err(ReadlineError::Interrupted) => {
                typed.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(cause) => {
                return Err(Failure::because(Exit::Unavailable, "cannot read from the terminal", &cause));
            }
        }
        let input = understand(&typed);
        if input == Input::More {
            continue;
        }
        let entry = std::mem::take(&mut typed);
        if !entry.trim().is_empty() && editor.add_history_entry(entry.trim()).is_ok() {
            let _ = editor.append_history(&history);
        }
        if input == Input::Quit {
            return Ok(());
        }
        desk.answer(input).await?;
    }
}

impl Desk {
    /// # Errors
    /// Only when the output is gone; a statement that fails is told.
    async fn answer(&mut self, input: Input) -> Result<(), Failure> {
        match input {
            Input::Nothing | Input::More | Input::Quit => {}
            Input::Help => self.terminal.say(HELP),
            Input::Unknown(message) => self.terminal.say(&format!("{}\n", escape(&message))),
            Input::Format(name) => match name.parse() {
                Ok(format) => self.format = format,
                Err(message) => self.terminal.say(&format!("{message}\n")),
            },
            Input::Tables => self.statements(&["SHOW TABLES".into()]).await?,
            Input::Schema(table) => self.statements(&[format!("DESCRIBE {}", as_name(&table))]).await?,
            Input::Statements(statements) => self.statements(&statements).await?,
        }
        Ok(())
    }

    async fn statements(&self, statements: &[String]) -> Result<(), Failure> {
        for statement in statements {
            let outcome = tokio::select! {
                outcome = self.run_statement(statement) => outcome,
                _ = tokio::signal::ctrl_c() => {
                    self.terminal.say("\nstopped\n");
                    return Ok(());
                }
            };
            match outcome {
                Ok(told) => self.terminal.say(&told),
                Err(QueryError::Output(cause)) => return Err(cause.into()),
                Err(error) => {
                    Failure::from(error).tell(&self.terminal);
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// A name as typed after `.schema`: quoted when SQL would not take it as it is.
fn as_name(table: &str) -> String {
    let plain = table.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"'));
    if plain { table.to_string() } else { quoted(table) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_text_is_understood() {
        let statements =
            |texts: &[&str]| Input::Statements(texts.iter().map(|text| (*text).to_string()).collect());
        let cases = [
            ("", Input::Nothing),
            (" ; -- nothing\n", Input::Nothing),
            ("SELECT 1", Input::More),
            ("SELECT 1\nFROM t;", statements(&["SELECT 1\nFROM t"])),
            ("SELECT 1; SELECT 2;", statements(&["SELECT 1", "SELECT 2"])),
            ("SELECT 1; SELECT", Input::More),
            ("SELECT ';", Input::More),
            (".tables", Input::Tables),
            (".schema vehicle_events;", Input::Schema("vehicle_events".into())),
            (".schema", Input::Unknown("schema needs the name of a table".into())),
            (".format json", Input::Format("json".into())),
            (".nothing", Input::Unknown("there is no command .nothing; .help lists them".into())),
            ("exit;", Input::Quit),
            (".q", Input::Quit),
        ];
        for (text, expected) in cases {
            assert_eq!(understand(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_strange_table_name_is_quoted() {
        assert_eq!(as_name("lake.files"), "lake.files");
        assert_eq!(as_name("odd name"), "\"odd name\"");
    }
}
