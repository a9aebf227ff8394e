//! `lakegate alerts test`: a real message on each channel, and what became of it. Needs no database.

use serde_json::{Value, json};

use crate::alerts::{Channel, Channels, Message, NAMES, Notice};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json};
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::metadata::alerts::Severity;

/// What became of one message.
struct Tried {
    channel: &'static str,
    outcome: Result<String, String>,
}

pub(super) async fn run(channel: Option<&str>, json: bool, session: &Session) -> Result<Exit, Failure> {
    let channels = Channels::open(&session.settings)?;
    let chosen: Vec<&Channel> = match channel {
        Some(name) => vec![channels.named(name).ok_or_else(|| not_set_up(name, session))?],
        None => channels.all.iter().collect(),
    };
    let mut tried = Vec::new();
    for channel in chosen {
        let notice = Notice::test(severity(channel), session.clock.now());
        let sent = channel.send(&Message::One(Box::new(notice)), &channels.source).await;
        tried.push(Tried { channel: channel.name(), outcome: sent.map_err(|fault| fault.message) });
    }
    if json {
        print_json(&tried.iter().map(to_json).collect())?;
    } else {
        print(&to_text(&tried, session))?;
    }
    let unused: Vec<&str> = NAMES.into_iter().filter(|name| channels.named(name).is_none()).collect();
    if channel.is_none() && !unused.is_empty() {
        session.terminal.say(&format!("not set up: {}\n", unused.join(", ")));
    }
    Ok(if tried.iter().all(|one| one.outcome.is_ok()) { Exit::Done } else { Exit::SomeFailed })
}

/// What the channel lets through, and the log of a command shows.
fn severity(channel: &Channel) -> Severity {
    let least = channel.min_severity();
    if least == Severity::Info { Severity::Warning } else { least }
}

fn not_set_up(name: &str, session: &Session) -> Failure {
    let hint = match session.settings.alerts.enabled {
        true => format!("see section [alerts.{name}] of config/default.toml"),
        false => "alerts.enabled is false".to_owned(),
    };
    Failure::new(Exit::Usage, format!("channel {name} is not set up")).hint(hint)
}

fn to_text(tried: &[Tried], session: &Session) -> String {
    let mut table = Columns::new(&session.terminal, &["channel", "outcome", "answer"]);
    for Tried { channel, outcome } in tried {
        let (word, answer) = match outcome {
            Ok(answer) => ("arrived", answer),
            Err(fault) => ("failed", fault),
        };
        table.row([channel, word, answer]);
    }
    table.render()
}

fn to_json(tried: &Tried) -> Value {
    let Tried { channel, outcome } = tried;
    json!({
        "channel": channel,
        "arrived": outcome.is_ok(),
        "answer": outcome.as_ref().ok(),
        "error": outcome.as_ref().err(),
    })
}
