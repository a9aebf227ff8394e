//! Slack's incoming webhooks, and what speaks like them.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::json;

use super::http::{Address, Hook};
use super::{Opening, SendFault};
use crate::alerts::message::Message;
use crate::alerts::template::Template;
use crate::metadata::alerts::Severity;
use crate::printable::escape_lines;
use crate::settings::SlackChannel;

/// Slack cuts longer texts.
const LONGEST_TEXT: usize = 3500;

#[derive(Debug)]
pub struct Slack {
    pub min_severity: Severity,
    hook: Hook,
    template: Template,
}

impl Slack {
    pub(super) fn open(
        settings: &SlackChannel,
        timeout: Duration,
        opening: &mut Opening<'_>,
    ) -> Option<Slack> {
        let SlackChannel { url, url_file, allow_private, min_severity, template } = settings;
        let url = opening.secret("alerts.slack.url", url, url_file.as_deref());
        let template = opening.template("alerts.slack.template", template);
        if url.is_empty() {
            return None;
        }
        let address = Address { key: "alerts.slack.url", url: &url, allow_private: *allow_private, timeout };
        let hook = Hook::open(&address, opening)?;
        Some(Slack { min_severity: (*min_severity).into(), hook, template: template? })
    }

    pub async fn send(&self, message: &Message, source: &str) -> Result<String, SendFault> {
        let body = json!({ "text": self.text(message, source) }).to_string();
        self.hook.post(body, HeaderMap::new()).await
    }

    fn text(&self, message: &Message, source: &str) -> String {
        let text = match message {
            Message::One(notice) => self.template.fill(|word| escaped(&notice.value(word, source))),
            Message::Summary(_) => escaped(&message.lines().join("\n")),
        };
        // An empty hint leaves its marks behind.
        let lines = text.lines().filter(|line| !matches!(line.trim(), "__" | "**" | "``" | ""));
        let text = lines.collect::<Vec<_>>().join("\n");
        text.chars().take(LONGEST_TEXT).collect()
    }
}

/// The three characters with a meaning of their own in Slack; `<!channel>` in a file name calls nobody.
fn escaped(text: &str) -> String {
    escape_lines(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
