//! `lakegate config`: the settings that are in effect.

use clap::Subcommand;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output::{print, print_json};
use super::session::Session;
use super::table::Columns;
use crate::alerts::Channels;
use crate::printable::shorten;
use crate::settings::Effective;

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every setting, its value and who set it
    #[command(after_help = "\
Passwords are shown as ***.

Examples:
  lakegate config show
  lakegate config show --json | jq '.[] | select(.from != \"default\")'")]
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read all settings and name every mistake
    #[command(after_help = "Example:\n  lakegate config check --config production.toml")]
    Check,
}

pub fn run(command: &ConfigCommand, session: &Session) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Show { json: true } => {
            print_json(&session.settings.effective().iter().map(to_json).collect())?;
        }
        ConfigCommand::Show { json: false } => show(session)?,
        // Mistakes ended the program before it came here.
        ConfigCommand::Check => {
            Channels::open(&session.settings)?;
            session.say_remarks();
            session.terminal.say("the settings are in order\n");
        }
    }
    Ok(Exit::Done)
}

const LONGEST_VALUE: usize = 100;

fn show(session: &Session) -> Result<(), Failure> {
    let mut table = Columns::new(&session.terminal, &["setting", "value", "from"]);
    for setting in session.settings.effective() {
        let value = setting.value.as_ref().map_or_else(|| "(not set)".into(), plain);
        // Only templates are as long as that; --json has the whole of them.
        let value = shorten(&value, LONGEST_VALUE);
        table.row([setting.key.clone(), value, setting.origin.to_string()]);
    }
    print(&table.render())
}

fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn to_json(setting: &Effective) -> Value {
    let value = setting.value.as_ref().map(|value| match value {
        toml::Value::Integer(number) => json!(number),
        toml::Value::Boolean(flag) => json!(flag),
        other => json!(plain(other)),
    });
    json!({
        "key": setting.key,
        "value": value,
        "from": setting.origin.layer(),
        "name": setting.origin.name(),
    })
}
