//! The command line: one file for each command, what they print, and what they exit with.
//!
//! Data goes to stdout, talk to stderr. Knows nothing of how anything is done.

mod alerts;
mod args;
mod compact;
mod config;
mod demo;
mod doctor;
mod exit;
mod files;
mod generate;
mod ingest;
mod jobs;
mod migrate;
mod output;
mod rejects;
mod run;
mod session;
mod sql;
mod table;
mod terminal;
mod types;

use std::process::ExitCode;

use clap::Parser;

pub use self::args::{Cli, Command, Global};
pub use self::exit::{Exit, Failure};
pub use self::session::Session;
use self::terminal::Terminal;
use crate::clock::Clock;
use crate::settings::{Settings, Sources};
use crate::telemetry;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // Help, version and usage errors end here, with 0 or 2.
    let cli = Cli::parse();
    let terminal = Terminal::of_process();
    let exit = match perform(cli, &terminal) {
        Ok(exit) => exit,
        Err(failure) => {
            failure.tell(&terminal);
            failure.exit()
        }
    };
    exit.into()
}

fn perform(cli: Cli, terminal: &Terminal) -> Result<Exit, Failure> {
    let Cli { global, command } = cli;
    let (sources, terminal) = match &command {
        // A tour is one text, wherever it goes.
        Command::Demo(args) => (demo::sources(args, &global)?, terminal.one_voice()),
        _ => (sources(&global)?, terminal.clone()),
    };
    let settings = Settings::load(&sources)?;
    start_logging(&settings, &command, &terminal)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|cause| Failure::because(Exit::Unavailable, "cannot start the worker threads", &cause))?;
    let session = Session { settings, terminal, clock: Clock::system() };
    let result = runtime.block_on(dispatch(command, session));
    // A blocking read of standard input must not keep the process alive.
    runtime.shutdown_background();
    result
}

fn sources(global: &Global) -> Result<Sources, Failure> {
    Sources::of_process(global.flags()).map_err(|cause| {
        Failure::because(Exit::Usage, "cannot tell the working directory", &cause)
            .hint("change to a folder that exists")
    })
}

async fn dispatch(command: Command, session: Session) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(args, session).await,
        Command::Run => run::run(session).await,
        Command::Ingest(args) => ingest::run(args, session).await,
        Command::Sql(args) => sql::run(args, session).await,
        Command::Types { command } => types::run(command, &session).await,
        Command::Files { command } => files::run(command, session).await,
        Command::Rejects { command } => rejects::run(command, session).await,
        Command::Jobs { command } => jobs::run(command, session).await,
        Command::Alerts { command } => alerts::run(command, &session).await,
        Command::Compact(args) => compact::run(args, session).await,
        Command::Generate(args) => generate::run(args, &session).await,
        Command::Migrate => migrate::run(&session).await,
        Command::Config { command } => config::run(&command, &session),
        Command::Doctor(args) => doctor::run(&args, &session).await,
    }
}

fn start_logging(settings: &Settings, command: &Command, terminal: &Terminal) -> Result<(), Failure> {
    let options = telemetry::Options {
        level: session::log_level(settings, command),
        format: settings.log.format,
        colour: terminal.colour,
        directives: std::env::var("RUST_LOG").ok().or_else(|| session::log_directives(settings, command)),
    };
    telemetry::start(&options, terminal.log_writer())
        .map_err(|cause| Failure::because(Exit::Usage, "cannot set up logging", &cause))
}

#[cfg(test)]
mod tests;
