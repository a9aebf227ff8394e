use clap::{CommandFactory, Parser};

use super::args::Cli;

/// The help of one command, at a fixed width.
fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let leaf = path
        .iter()
        .fold(&mut command, |command, name| command.find_subcommand_mut(name).expect("the command exists"));
    leaf.render_help().to_string()
}

/// The words of a pasted line, as a shell gives them to the program; up to a pipe, a redirection or a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let line = line.split("      ").next().unwrap_or_default();
    for c in line.trim().chars() {
        let word = words.last_mut().expect("never empty");
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '>') => break,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(String::new()),
            (None, c) => word.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn leaves(command: &clap::Command, all: &mut Vec<clap::Command>) {
    all.push(command.clone());
    command.get_subcommands().for_each(|sub| leaves(sub, all));
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_example_can_be_pasted() {
    let mut commands = Vec::new();
    leaves(&Cli::command(), &mut commands);
    let mut examples = 0;
    for command in commands {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in after.lines().filter(|line| line.starts_with("  ") && line.contains("lakegate ")) {
            let start = line.find("lakegate ").expect("just seen");
            let words = words(&line[start..]);
            let parsed = Cli::try_parse_from(&words);
            assert!(parsed.is_ok(), "{line}\n{words:?}\n{}", parsed.expect_err("seen"));
            assert!(line.chars().count() <= 100, "a wrapped line cannot be pasted: {line}");
            examples += 1;
        }
    }
    assert!(examples > 30, "{examples}");
}

#[test]
fn the_first_page_of_help() {
    insta::assert_snapshot!(help(&[]), @r#"
Files in, tables out: drop a file into a folder, query it as a table

Usage: lakegate [OPTIONS] <COMMAND>

Commands:
  demo      A guided tour on sample files: load, reject, summarise, query, explain
  run       The daemon: watch incoming/, load what arrives, run jobs, until Ctrl-C or SIGTERM
  ingest    Load what lies in incoming/, then exit
  sql       SQL over the lake and the ledger; without a query: a shell
  types     Types of files: what is loaded, under which schema
  files     One file's whole story; load it again
  rejects   Records that were refused, and why
  jobs      Scheduled SQL and its runs
  alerts    What needs attention, and whether people are told
  compact   Merge small data files into few large ones
  generate  Write sample vehicle files into incoming/
  migrate   Create or update the tables of the metadata database
  config    The settings that are in effect
  doctor    Look for what is wrong, and say how to mend it

Options:
  -h, --help     Print help
  -V, --version  Print version

Global options:
      --config <FILE>        Read settings from FILE, too
      --data <DIR>           The data root [default: data]
      --database <URL>       The metadata database: sqlite://… or postgres://…
  -v, --verbose...           Say more (-vv: everything)
  -q, --quiet...             Say less (-qq: only errors)
      --log-format <FORMAT>  How to write log lines [possible values: text, json]

Examples:
  lakegate demo                          a tour of a few seconds, in a folder of its own
  lakegate generate                      sample files into data/incoming/
  lakegate ingest                        load what lies in incoming/, then exit
  lakegate sql "SELECT count(*) FROM vehicle_events"
  lakegate run                           watch incoming/ until Ctrl-C
  lakegate doctor                        what is wrong, and how to mend it

Exit codes: 0 done · 1 some data failed · 2 usage or configuration · 3 something is unavailable
"#);
}

#[test]
fn the_help_of_ingest() {
    insta::assert_snapshot!(help(&["ingest"]), @r#"
Load what lies in incoming/, then exit

Usage: lakegate ingest [OPTIONS] [FILE]...

Arguments:
  [FILE]...  Copied into incoming/ first; the originals stay where they are

Options:
      --json  Print JSON
  -h, --help  Print help

Global options:
      --config <FILE>        Read settings from FILE, too
      --data <DIR>           The data root [default: data]
      --database <URL>       The metadata database: sqlite://… or postgres://…
  -v, --verbose...           Say more (-vv: everything)
  -q, --quiet...             Say less (-qq: only errors)
      --log-format <FORMAT>  How to write log lines [possible values: text, json]

Files of unknown or inactive types stay in incoming/ and are listed as waiting.

Examples:
  lakegate ingest
  lakegate ingest ~/Downloads/orders_20220606.json
  lakegate ingest --json | jq '.files[] | select(.state == "failed")'
"#);
}

#[test]
fn the_help_of_types_add() {
    insta::assert_snapshot!(help(&["types", "add"]), @r#"
Register a type

Usage: lakegate types add [OPTIONS] --schema <FILE> <TYPE>

Arguments:
  <TYPE>  The type key: a to z, digits and _, as in the names of its files

Options:
      --schema <FILE>              The schema definition; - reads standard input
      --table <TABLE>              The table's name [default: TYPE]
      --processing-config <JSON>   Write mode, partitions, limits and so on [default: {}]
      --pattern <REGEX>            Files whose names match this regular expression belong to the
                                   type
      --partition-column <COLUMN>  The partition column [default: date]
      --description <TEXT>         What the type is, for people
      --inactive                   Register only; files wait until it is activated
  -h, --help                       Print help

Global options:
      --config <FILE>        Read settings from FILE, too
      --data <DIR>           The data root [default: data]
      --database <URL>       The metadata database: sqlite://… or postgres://…
  -v, --verbose...           Say more (-vv: everything)
  -q, --quiet...             Say less (-qq: only errors)
      --log-format <FORMAT>  How to write log lines [possible values: text, json]

The schema is either {"fields": [{"name": "id", "type": "long", "nullable": false}, …]} or a JSON
Schema.

Examples:
  lakegate types add orders --schema orders.schema.json
  lakegate types add orders --schema orders.schema.json --processing-config '{"dedupe": true}'
  lakegate types infer sample.json | lakegate types add orders --schema -
"#);
}

#[test]
fn the_help_of_generate() {
    insta::assert_snapshot!(help(&["generate"]), @r#"
Write sample vehicle files into incoming/

Usage: lakegate generate [OPTIONS]

Options:
      --num-files <N>  Files to write (each time, with --continuous) [default: 10]
      --records <N>    Records in each file [default: 100]
      --continuous     Go on until Ctrl-C
      --interval <S>   Seconds between two rounds [default: 5]
      --retroactive    Date files and their records in the past thirty days
      --seed <N>       Write the same files each time: names, contents, times (from 2025-01-01)
      --type <TYPE>    Which files to write [default: both] [possible values: events, status, both]
  -h, --help           Print help

Global options:
      --config <FILE>        Read settings from FILE, too
      --data <DIR>           The data root [default: data]
      --database <URL>       The metadata database: sqlite://… or postgres://…
  -v, --verbose...           Say more (-vv: everything)
  -q, --quiet...             Say less (-qq: only errors)
      --log-format <FORMAT>  How to write log lines [possible values: text, json]

The types vehicle_events and vehicle_status and the job daily_summary are registered first, unless
they are there.

Examples:
  lakegate generate --num-files 100 --records 1000
  lakegate generate --retroactive        files that come days late
  lakegate generate --continuous --interval 2
"#);
}

#[test]
fn a_usage_error_names_what_was_probably_meant() {
    let error = Cli::try_parse_from(["lakegate", "fils"]).expect_err("no such command");
    assert_eq!(error.exit_code(), 2);
    insta::assert_snapshot!(error.to_string(), @r#"
error: unrecognized subcommand 'fils'

  tip: a similar subcommand exists: 'files'

Usage: lakegate [OPTIONS] <COMMAND>

For more information, try '--help'.
"#);
}
