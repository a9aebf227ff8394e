//! `lakegate generate`: sample files into `incoming/`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Failure};
use super::session::Session;
use super::table::plural;
use crate::generate::delivery::{DeliveryError, deliver};
use crate::generate::{Generator, Kind, Request, shipped};

/// `lakegate generate`
#[derive(Debug, Args)]
#[command(after_help = "\
The types vehicle_events and vehicle_status and the job daily_summary are registered first, unless they are there.

Examples:
  lakegate generate --num-files 100 --records 1000
  lakegate generate --retroactive        files that come days late
  lakegate generate --continuous --interval 2")]
pub struct GenerateArgs {
    /// Files to write (each time, with --continuous)
    #[arg(long, value_name = "N", default_value_t = 10)]
    num_files: u64,
    /// Records in each file
    #[arg(long, value_name = "N", default_value_t = 100)]
    records: usize,
    /// Go on until Ctrl-C
    #[arg(long)]
    continuous: bool,
    /// Seconds between two rounds
    #[arg(long, value_name = "S", default_value = "5", value_parser = seconds, requires = "continuous")]
    interval: Duration,
    /// Date files and their records in the past thirty days
    #[arg(long)]
    retroactive: bool,
    /// Write the same files each time: names, contents, times (from 2025-01-01)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Which files to write
    #[arg(long = "type", value_name = "TYPE", default_value = "both")]
    kind: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Events,
    Status,
    Both,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.01..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "expected seconds from 0.01 to 86400".into())
}

pub async fn run(args: GenerateArgs, session: &Session) -> Result<Exit, Failure> {
    register(session).await?;
    let mut generator = Generator::new(args.request(), args.seed);
    let mut written = 0;
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        written += round(&args, &mut generator, session)?;
        if !args.continuous {
            break;
        }
        tokio::select! {
            _ = &mut stop => break,
            () = tokio::time::sleep(args.interval) => {}
        }
    }
    let folder = session.settings.paths.incoming.display().to_string();
    let folder = crate::printable::escape(&folder).into_owned();
    session.terminal.say(&format!("{} written to {folder}\n", plural(written, "file")));
    Ok(Exit::Done)
}

async fn register(session: &Session) -> Result<(), Failure> {
    let metadata = session.metadata().await?;
    if shipped::register(&metadata).await? {
        session.terminal.say("registered vehicle_events, vehicle_status and the job daily_summary\n");
    }
    Ok(())
}

fn round(args: &GenerateArgs, generator: &mut Generator, session: &Session) -> Result<u64, Failure> {
    let bar = session.terminal.progress(args.num_files, "files");
    for _ in 0..args.num_files {
        let file = generator.next(session.clock.now());
        deliver(&session.settings.paths.incoming, &file)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(args.num_files)
}

impl GenerateArgs {
    fn request(&self) -> Request {
        let kinds = match self.kind {
            Which::Events => vec![Kind::Events],
            Which::Status => vec![Kind::Status],
            Which::Both => vec![Kind::Events, Kind::Status],
        };
        Request { records_per_file: self.records, kinds, retroactive: self.retroactive }
    }
}

impl From<DeliveryError> for Failure {
    fn from(error: DeliveryError) -> Self {
        Failure::of(Exit::Unavailable, &error)
            .hint("check the folder's owner and free space; `lakegate doctor` looks at both")
    }
}
