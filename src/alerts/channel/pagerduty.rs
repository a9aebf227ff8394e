//! PagerDuty, Events API v2: an incident for each alert, triggered and resolved under one key.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::http::{Address, Hook};
use super::{Opening, SendFault};
use crate::alerts::message::{Message, Notice};
use crate::alerts::template::Template;
use crate::metadata::alerts::{Severity, Word};
use crate::settings::{PagerDutyChannel, Secret};

/// The API refuses a longer summary.
const LONGEST_SUMMARY: usize = 1000;

#[derive(Debug)]
pub struct PagerDuty {
    pub min_severity: Severity,
    hook: Hook,
    routing_key: Secret,
    template: Template,
}

impl PagerDuty {
    pub(super) fn open(
        settings: &PagerDutyChannel,
        timeout: Duration,
        opening: &mut Opening<'_>,
    ) -> Option<PagerDuty> {
        let PagerDutyChannel { routing_key, routing_key_file, url, allow_private, min_severity, template } =
            settings;
        let key = "alerts.pagerduty.routing_key";
        let routing_key = opening.secret(key, routing_key, routing_key_file.as_deref());
        let template = opening.template("alerts.pagerduty.template", template);
        if routing_key.is_empty() {
            return None;
        }
        let url = Secret::new(url.as_str());
        let address =
            Address { key: "alerts.pagerduty.url", url: &url, allow_private: *allow_private, timeout };
        let hook = Hook::open(&address, opening)?.hiding(&routing_key);
        let min_severity = (*min_severity).into();
        Some(PagerDuty { min_severity, hook, routing_key, template: template? })
    }

    pub async fn send(&self, message: &Message, source: &str) -> Result<String, SendFault> {
        let mut said = "nothing to say".to_owned();
        for notice in message.notices() {
            // What has passed already needs nobody any more.
            if notice.word != Word::Passed {
                said = self.hook.post(self.event(notice, source).to_string(), HeaderMap::new()).await?;
            }
            if notice.test {
                let over = Notice { word: Word::Resolved, ..notice.clone() };
                said = self.hook.post(self.event(&over, source).to_string(), HeaderMap::new()).await?;
            }
        }
        Ok(said)
    }

    fn event(&self, notice: &Notice, source: &str) -> Value {
        let mut event = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": if notice.is_over() { "resolve" } else { "trigger" },
            "dedup_key": dedup_key(notice, source),
        });
        if !notice.is_over() {
            let summary: String = notice.fill(&self.template, source).chars().take(LONGEST_SUMMARY).collect();
            event["client"] = "Lakegate".into();
            event["payload"] = json!({
                "summary": summary,
                "source": source,
                "severity": notice.alert.severity.as_str(),
                "timestamp": crate::alerts::message::time(notice.alert.last_seen_at),
                "component": notice.alert.subject,
                "class": notice.alert.code,
                "custom_details": notice.to_json(),
            });
        }
        event
    }
}

/// The same from the opening of an alert to its end, at most 255 characters.
fn dedup_key(notice: &Notice, source: &str) -> String {
    let source = &blake3::hash(source.as_bytes()).to_hex()[..8];
    format!("lakegate-{source}-{}", notice.thread()).chars().take(255).collect()
}
