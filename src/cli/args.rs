//! The command line as data: every command, option and help text.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::{alerts, compact, config, demo, doctor, files, generate, ingest, rejects, types};
use crate::settings::Flags;

const EXAMPLES: &str = "\
Examples:
  lakegate demo                          a tour of a few seconds, in a folder of its own
  lakegate generate                      sample files into data/incoming/
  lakegate ingest                        load what lies in incoming/, then exit
  lakegate sql \"SELECT count(*) FROM vehicle_events\"
  lakegate run                           watch incoming/ until Ctrl-C
  lakegate doctor                        what is wrong, and how to mend it

Exit codes: 0 done · 1 some data failed · 2 usage or configuration · 3 something is unavailable";

/// Files in, tables out: drop a file into a folder, query it as a table.
#[derive(Debug, Parser)]
#[command(name = "lakegate", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(max_term_width = 110, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Read settings from FILE, too
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data root [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The metadata database: sqlite://… or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Say more (-vv: everything)
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say less (-qq: only errors)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub quiet: u8,
    /// How to write log lines
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

impl Global {
    /// What was given, as a layer of settings.
    pub fn flags(&self) -> Flags {
        let log_level = match (self.verbose, self.quiet) {
            (0, 0) => None,
            (0, 1) => Some("warn"),
            (0, _) => Some("error"),
            (1, _) => Some("debug"),
            (_, _) => Some("trace"),
        };
        let log_format = self.log_format.map(|format| match format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        });
        Flags {
            config: self.config.clone(),
            data: self.data.clone(),
            database: self.database.clone(),
            log_level,
            log_format,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// A guided tour on sample files: load, reject, summarise, query, explain
    Demo(demo::DemoArgs),
    /// The daemon: watch incoming/, load what arrives, run jobs, until Ctrl-C or SIGTERM
    #[command(after_help = "\
Examples:
  lakegate run
  lakegate run --data /srv/lake --log-format json
  DATABASE_URL=postgres://lake@localhost/lake lakegate run")]
    Run,
    /// Load what lies in incoming/, then exit
    Ingest(ingest::IngestArgs),
    /// SQL over the lake and the ledger; without a query: a shell
    Sql(SqlArgs),
    /// Types of files: what is loaded, under which schema
    Types {
        #[command(subcommand)]
        command: types::TypesCommand,
    },
    /// One file's whole story; load it again
    Files {
        #[command(subcommand)]
        command: files::FilesCommand,
    },
    /// Records that were refused, and why
    Rejects {
        #[command(subcommand)]
        command: rejects::RejectsCommand,
    },
    /// Scheduled SQL and its runs
    Jobs {
        #[command(subcommand)]
        command: JobsCommand,
    },
    /// What needs attention, and whether people are told
    Alerts {
        #[command(subcommand)]
        command: alerts::AlertsCommand,
    },
    /// Merge small data files into few large ones
    Compact(compact::CompactArgs),
    /// Write sample vehicle files into incoming/
    Generate(generate::GenerateArgs),
    /// Create or update the tables of the metadata database
    #[command(after_help = "\
Every command that needs the tables does this by itself; run it alone to prepare a database.

Example:
  lakegate migrate --database postgres://lake@localhost/lake")]
    Migrate,
    /// The settings that are in effect
    Config {
        #[command(subcommand)]
        command: config::ConfigCommand,
    },
    /// Look for what is wrong, and say how to mend it
    Doctor(doctor::DoctorArgs),
}

/// `lakegate sql`
#[derive(Debug, Args)]
#[command(after_help = "\
Lake tables and ledger tables are plain names. INSERT, UPDATE and DELETE work on table_metadata, schema_drift, jobs, rejects
and alerts.

Examples:
  lakegate sql \"SELECT * FROM vehicle_events LIMIT 10\"
  lakegate sql -f csv \"SELECT state, count(*) FROM files GROUP BY state\" > states.csv
  lakegate sql \"UPDATE table_metadata SET status = 'active' WHERE file_type = 'orders'\"
  lakegate sql                           a shell; .help lists its commands")]
pub struct SqlArgs {
    /// One statement, or several separated by semicolons
    #[arg(conflicts_with = "file")]
    pub query: Option<String>,
    /// How to print rows [default: table]
    #[arg(short, long, value_name = "FORMAT")]
    pub format: Option<SqlFormat>,
    /// Read statements from FILE
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlFormat {
    Table,
    Csv,
    /// One array of objects
    Json,
    /// One object on each line
    Ndjson,
}

/// `lakegate jobs …`
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Every job, its schedule and its last run
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// A job's definition, next occurrence and runs
    #[command(after_help = "Example:\n  lakegate jobs show daily_summary")]
    Show {
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a job now, over the days that new loads touched
    #[command(after_help = "\
Examples:
  lakegate jobs run daily_summary
  lakegate jobs run daily_summary --day 2022-06-05 --day 2022-06-06")]
    Run {
        name: String,
        /// Compute this day instead (UTC); may be repeated
        #[arg(long = "day", value_name = "YYYY-MM-DD")]
        days: Vec<NaiveDate>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
