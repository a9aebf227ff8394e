//! JSON to an address of the operator's, signed when a secret is set.

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use serde_json::{Value, json};

use super::http::{Address, Hook};
use super::{Opening, SendFault};
use crate::alerts::message::{Message, Notice};
use crate::alerts::template::Template;
use crate::metadata::alerts::Severity;
use crate::settings::{Secret, WebhookChannel};

const SIGNATURE: HeaderName = HeaderName::from_static("x-lakegate-signature");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-lakegate-timestamp");
const IDENTITY: HeaderName = HeaderName::from_static("x-lakegate-delivery");
/// Raised when the meaning of a member changes.
const VERSION: u32 = 1;

#[derive(Debug)]
pub struct Webhook {
    pub min_severity: Severity,
    hook: Hook,
    key: Option<hmac::Key>,
    authorization: Option<HeaderValue>,
    /// `None`: everything that is known.
    template: Option<Template>,
}

impl Webhook {
    pub(super) fn open(
        settings: &WebhookChannel,
        timeout: Duration,
        opening: &mut Opening<'_>,
    ) -> Option<Webhook> {
        let WebhookChannel {
            url,
            url_file,
            secret,
            secret_file,
            authorization,
            authorization_file,
            allow_private,
            min_severity,
            template,
        } = settings;
        let url = opening.secret("alerts.webhook.url", url, url_file.as_deref());
        let secret = opening.secret("alerts.webhook.secret", secret, secret_file.as_deref());
        let login =
            opening.secret("alerts.webhook.authorization", authorization, authorization_file.as_deref());
        let template = (!template.is_empty()).then(|| body_template(template, opening));
        if url.is_empty() {
            return None;
        }
        let authorization = match header(&login) {
            Ok(header) => header,
            Err(message) => {
                opening.mistake("alerts.webhook.authorization", message, None);
                None
            }
        };
        let address =
            Address { key: "alerts.webhook.url", url: &url, allow_private: *allow_private, timeout };
        let hook = Hook::open(&address, opening)?.hiding(&secret).hiding(&login);
        let key = (!secret.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()));
        let min_severity = (*min_severity).into();
        Some(Webhook { min_severity, hook, key, authorization, template: template.flatten() })
    }

    pub async fn send(&self, message: &Message, source: &str) -> Result<String, SendFault> {
        let body = self.body(message, source);
        let mut headers = HeaderMap::new();
        headers.insert(
            IDENTITY,
            HeaderValue::from_str(&identity(message)).unwrap_or(HeaderValue::from_static("-")),
        );
        if let Some(login) = &self.authorization {
            headers.insert(AUTHORIZATION, login.clone());
        }
        if let Some(key) = &self.key {
            let now = Utc::now().timestamp();
            let signature = hmac::sign(key, format!("{now}.{body}").as_bytes());
            let hex: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            headers.insert(TIMESTAMP, HeaderValue::from(now));
            if let Ok(value) = HeaderValue::from_str(&format!("sha256={hex}")) {
                headers.insert(SIGNATURE, value);
            }
        }
        self.hook.post(body, headers).await
    }

    fn body(&self, message: &Message, source: &str) -> String {
        match (message, &self.template) {
            (Message::One(notice), Some(template)) => filled(template, notice, source),
            (Message::One(notice), None) => document(notice.to_json(), source).to_string(),
            (Message::Summary(notices), _) => {
                let alerts: Vec<Value> = notices.iter().map(Notice::to_json).collect();
                let summary = json!({ "event": "summary", "text": message.headline(), "alerts": alerts });
                document(summary, source).to_string()
            }
        }
    }
}

/// A template whose result is JSON, whatever is filled in.
fn body_template(text: &str, opening: &mut Opening<'_>) -> Option<Template> {
    let key = "alerts.webhook.template";
    let template = opening.template(key, text)?;
    let sample = template.fill(|_| "0".into());
    match serde_json::from_str::<Value>(&sample) {
        Ok(_) => Some(template),
        Err(fault) => {
            let hint = "write a brace of JSON twice: {{\"text\": \"{message}\"}}".to_owned();
            opening.mistake(key, format!("gives no JSON ({fault})"), Some(hint));
            None
        }
    }
}

/// The words of a template stand inside of JSON texts.
fn filled(template: &Template, notice: &Notice, source: &str) -> String {
    template.fill(|word| {
        let quoted = Value::from(notice.value(word, source)).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    })
}

fn document(mut content: Value, source: &str) -> Value {
    content["version"] = VERSION.into();
    content["source"] = source.into();
    content["sent_at"] = crate::alerts::message::time(Utc::now()).into();
    content
}

/// The same for the same message: a receiver can tell a message that came twice.
fn identity(message: &Message) -> String {
    let ids = message.notices().iter().map(Notice::identity).collect::<Vec<_>>().join(",");
    blake3::hash(ids.as_bytes()).to_hex()[..32].to_owned()
}

fn header(login: &Secret) -> Result<Option<HeaderValue>, &'static str> {
    if login.is_empty() {
        return Ok(None);
    }
    let mut value =
        HeaderValue::from_str(login.expose()).map_err(|_| "holds characters that no header can hold")?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_cannot_leave_its_json_text() {
        let template = Template::parse(r#"{{"text": "{cause}: {message}"}}"#).expect("good");
        let mut notice = Notice::test(Severity::Error, Utc::now());
        notice.alert.message = "a \"quoted\"\nline\\".into();
        let body: Value = serde_json::from_str(&filled(&template, &notice, "here")).expect("JSON");
        assert_eq!(body["text"], "this is a test: a \"quoted\"\\nline\\");
    }

    #[test]
    fn the_same_message_has_the_same_identity() {
        let notice = Notice::test(Severity::Error, Utc::now());
        let of = |notice: &Notice| identity(&Message::One(Box::new(notice.clone())));
        assert_eq!(of(&notice), of(&notice));
        let later = Notice { word: crate::metadata::alerts::Word::Resolved, ..notice.clone() };
        assert_ne!(of(&notice), of(&later));
        let mut graver = Notice { word: crate::metadata::alerts::Word::Escalated, ..notice.clone() };
        let grave = of(&graver);
        graver.alert.severity = Severity::Critical;
        assert_ne!(grave, of(&graver), "each escalation is a message of its own");
        let mut elsewhere = notice.clone();
        elsewhere.alert.first_seen_at += chrono::TimeDelta::milliseconds(1);
        assert_ne!(of(&notice), of(&elsewhere), "another lake has an alert of this number, too");
    }
}
