//! `lakegate sql`: one query, a script, or a shell.

mod shell;

use std::io::{self, IsTerminal, Read};
use std::time::{Duration, Instant};

use super::args::{SqlArgs, SqlFormat};
use super::exit::{Exit, Failure};
use super::session::Session;
use super::table::{count, plural};
use super::terminal::Terminal;
use crate::metadata::Kind;
use crate::query::print::{self, Format, Room};
use crate::query::script::{self, Cut};
use crate::query::{Answer, Engine, Limits, QueryError};

/// Rows and characters of a value that a table on a terminal shows.
const ROOM: Room = Room { rows: Some(200), width: Some(80) };

pub async fn run(args: SqlArgs, session: Session) -> Result<Exit, Failure> {
    let SqlArgs { query, format, file } = args;
    let format = format.map(Format::from).unwrap_or_default();
    let script = match (query, file) {
        (Some(query), _) => Some(query),
        (None, Some(path)) => {
            let told = format!("cannot read {}", path.display());
            Some(
                std::fs::read_to_string(&path)
                    .map_err(|cause| Failure::because(Exit::Usage, told, &cause))?,
            )
        }
        (None, None) if io::stdin().is_terminal() => None,
        (None, None) => Some(read_stdin()?),
    };
    let desk = Desk { engine: engine(&session).await?, terminal: session.terminal.clone(), format };
    match script {
        Some(script) => desk.run_script(&script).await?,
        None => shell::run(desk, &session.settings.paths.private()).await?,
    }
    Ok(Exit::Done)
}

fn read_stdin() -> Result<String, Failure> {
    let mut script = String::new();
    let read = io::stdin().lock().read_to_string(&mut script);
    read.map_err(|cause| {
        Failure::because(Exit::Usage, "cannot read the statements from standard input", &cause)
    })?;
    Ok(script)
}

/// An engine as the settings say.
async fn engine(session: &Session) -> Result<Engine, Failure> {
    let metadata = session.metadata().await?;
    let limits = Limits { memory_bytes: session.settings.query.memory_bytes(), threads: 0 };
    Ok(Engine::new(metadata, session.settings.paths.datalake.clone(), limits)?)
}

/// What statements are run with.
struct Desk {
    engine: Engine,
    terminal: Terminal,
    format: Format,
}

impl Desk {
    /// Statement by statement; the first that fails ends the script.
    async fn run_script(&self, script: &str) -> Result<(), Failure> {
        let Cut { statements, rest, .. } = script::cut(script);
        let all: Vec<&str> = statements.into_iter().chain(rest).collect();
        if all.is_empty() {
            return Err(QueryError::Empty.into());
        }
        for statement in all {
            let told = self.run_statement(statement).await?;
            if self.terminal.talk {
                self.terminal.say(&told);
            }
        }
        Ok(())
    }

    /// Prints the answer; gives the remark that belongs under it.
    async fn run_statement(&self, statement: &str) -> Result<String, QueryError> {
        let started = Instant::now();
        match self.engine.run(statement).await? {
            Answer::Changed { table, rows } => {
                Ok(format!("{table}: {} changed, {}\n", plural(rows, "row"), took(started.elapsed())))
            }
            Answer::Rows(rows) => {
                let room = if self.terminal.data { ROOM } else { Room::default() };
                let mut out = io::BufWriter::with_capacity(64 * 1024, Stdout);
                let written = print::write(rows, self.format, room, &mut out).await?;
                let mut told = format!("{}, {}\n", plural(written.rows, "row"), took(started.elapsed()));
                if written.shown < written.rows {
                    let (shown, all) = (count(written.shown), count(written.rows));
                    told = format!("showing {shown} of {all} rows; -f csv (.format csv) prints all\n{told}");
                }
                Ok(told)
            }
        }
    }
}

/// Standard output, locked only while bytes go out, so that the writer may cross threads.
struct Stdout;

impl io::Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn took(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..10_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

impl From<SqlFormat> for Format {
    fn from(format: SqlFormat) -> Self {
        match format {
            SqlFormat::Table => Format::Table,
            SqlFormat::Csv => Format::Csv,
            SqlFormat::Json => Format::Json,
            SqlFormat::Ndjson => Format::Ndjson,
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        if let QueryError::Output(cause) = error {
            return cause.into();
        }
        let exit = match error.kind() {
            Kind::User => Exit::Usage,
            Kind::Transient => Exit::Unavailable,
            Kind::Conflict | Kind::Data | Kind::Internal => Exit::SomeFailed,
        };
        let failure = Failure::of(exit, &error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
