//! `lakegate alerts show`: one alert with all that was told about it.

use serde_json::{Value, json};

use super::{find, to_json};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{print, print_json, time};
use crate::cli::session::Session;
use crate::cli::table::{Columns, count};
use crate::metadata::alerts::{AlertRow, DeliveryRow};
use crate::printable::escape_lines;

pub(super) async fn run(id: i64, json: bool, session: &Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    let alert = find(&metadata, id).await?;
    let deliveries = metadata.deliveries(id).await?;
    if json {
        let mut document = to_json(&alert);
        document["deliveries"] = deliveries.iter().map(delivery_json).collect();
        print_json(&document)?;
    } else {
        print(&head(&alert))?;
        print(&told(&deliveries, session))?;
    }
    Ok(Exit::Done)
}

fn head(alert: &AlertRow) -> String {
    let AlertRow { id, code, severity, subject, cause, message, hint, occurrences, status, .. } = alert;
    let mut text = format!("alert {id}: {cause} ({severity}, {status})\n");
    let mut line = |name: &str, value: &str| text += &format!("  {name:<9} {value}\n");
    line("code", code);
    line("about", subject);
    line("message", message);
    if let Some(hint) = hint {
        line("hint", hint);
    }
    line("count", &count(*occurrences));
    line("first", &time(alert.first_seen_at));
    line("last", &time(alert.last_seen_at));
    if let Some(escalated) = alert.escalated_at {
        line("graver", &format!("{} because nobody had acknowledged it", time(escalated)));
    }
    if let Some(over) = alert.resolved_at {
        line("over", &time(over));
    }
    escape_lines(&text).into_owned()
}

fn told(deliveries: &[DeliveryRow], session: &Session) -> String {
    if deliveries.is_empty() {
        return "\nno channel was told\n".into();
    }
    let header = ["channel", "told", "at", "messages", "failed tries", "next try", "because"];
    let mut table = Columns::new(&session.terminal, &header);
    for row in deliveries {
        table.row([
            row.channel.clone(),
            row.told.map(|word| word.to_string()).unwrap_or_default(),
            row.told_at.map(time).unwrap_or_default(),
            count(row.messages),
            count(row.attempts),
            row.next_attempt_at.map(time).unwrap_or_default(),
            row.last_error.clone().unwrap_or_default(),
        ]);
    }
    format!("\n{}", table.right(&[3, 4]).render())
}

fn delivery_json(row: &DeliveryRow) -> Value {
    json!({
        "channel": row.channel,
        "told": row.told.map(|word| word.as_str()),
        "told_severity": row.told_severity.map(|severity| severity.as_str()),
        "told_occurrences": row.told_occurrences,
        "told_at": row.told_at.map(time),
        "messages": row.messages,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at.map(time),
        "last_error": row.last_error,
    })
}
