//! Mail through an SMTP server. Messages about one alert belong to one thread.

use std::time::Duration;

use chrono::Utc;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::http::chain;
use super::scrub::Scrub;
use super::{Opening, SendFault};
use crate::alerts::message::{Message, Notice};
use crate::alerts::template::Template;
use crate::metadata::alerts::Severity;
use crate::printable::{escape, shorten};
use crate::settings::{EmailChannel, Tls};

/// Longer subjects are cut by most readers.
const LONGEST_SUBJECT: usize = 200;

pub struct Email {
    pub min_severity: Severity,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: String,
    from: Mailbox,
    to: Mailboxes,
    subject: Template,
    template: Template,
    scrub: Scrub,
    timeout: Duration,
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email").field("server", &self.server).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Email {
    pub(super) fn open(
        settings: &EmailChannel,
        timeout: Duration,
        opening: &mut Opening<'_>,
    ) -> Option<Email> {
        let EmailChannel {
            host,
            port,
            tls,
            username,
            password,
            password_file,
            from,
            to,
            min_severity,
            subject,
            template,
        } = settings;
        let password = opening.secret("alerts.email.password", password, password_file.as_deref());
        let subject = opening.template("alerts.email.subject", subject);
        let template = opening.template("alerts.email.template", template);
        let Some(host) = host else {
            for (key, set) in [("alerts.email.from", from.is_some()), ("alerts.email.to", to.is_some())] {
                if set {
                    opening.mistake(key, "is set, and `alerts.email.host` is not", None);
                }
            }
            return None;
        };
        let from = mailbox("alerts.email.from", from.as_deref(), opening);
        let to: Option<Mailboxes> = mailbox("alerts.email.to", to.as_deref(), opening);
        let mut builder = match builder(host, *tls) {
            Ok(builder) => builder.timeout(Some(timeout)).hello_name(ClientId::default()),
            Err(fault) => {
                opening.mistake("alerts.email.host", format!("cannot be used: {}", chain(&fault)), None);
                return None;
            }
        };
        if *port != 0 {
            builder = builder.port(*port);
        }
        match username {
            Some(user) if !password.is_empty() => {
                builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
            }
            Some(_) => opening.mistake("alerts.email.username", "is set, and the password is not", None),
            None if !password.is_empty() => {
                opening.mistake("alerts.email.password", "is set, and `alerts.email.username` is not", None);
            }
            None => {}
        }
        Some(Email {
            min_severity: (*min_severity).into(),
            transport: builder.build(),
            server: host.clone(),
            from: from?,
            to: to?,
            subject: subject?,
            template: template?,
            scrub: Scrub::default().with(&password),
            timeout,
        })
    }

    pub async fn send(&self, message: &Message, source: &str) -> Result<String, SendFault> {
        let mail = self.mail(message, source)?;
        // The transport's time is for each command; this one is for all of them.
        let sent = tokio::time::timeout(self.timeout, self.transport.send(mail)).await;
        let server = escape(&self.server);
        match sent {
            Ok(Ok(answer)) => Ok(format!("accepted by {server} ({})", answer.code())),
            Ok(Err(fault)) => Err(SendFault::new(self.scrub.clean(&format!("{server}: {}", chain(&fault))))),
            Err(_) => Err(SendFault::new(format!("{server}: no answer within {:?}", self.timeout))),
        }
    }

    fn mail(&self, message: &Message, source: &str) -> Result<lettre::Message, SendFault> {
        let (subject, body) = match message {
            Message::One(notice) => (notice.fill(&self.subject, source), notice.fill(&self.template, source)),
            Message::Summary(_) => {
                (format!("[{source}] {}", message.headline()), message.lines().join("\n") + "\n")
            }
        };
        let domain = self.from.email.domain();
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(shorten(&subject, LONGEST_SUBJECT))
            .message_id(Some(message_id(message, domain)))
            .date(Utc::now().into())
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN);
        for mailbox in self.to.iter() {
            builder = builder.to(mailbox.clone());
        }
        if let Message::One(notice) = message {
            let thread = thread_id(notice, domain);
            builder = builder.references(thread.clone()).in_reply_to(thread);
        }
        builder.body(body).map_err(|fault| SendFault::new(format!("cannot make a mail: {fault}")))
    }
}

fn builder(
    host: &str,
    tls: Tls,
) -> Result<lettre::transport::smtp::AsyncSmtpTransportBuilder, lettre::transport::smtp::Error> {
    type Transport = AsyncSmtpTransport<Tokio1Executor>;
    match tls {
        Tls::Starttls => Transport::starttls_relay(host),
        Tls::Tls => Transport::relay(host),
        Tls::None => Ok(Transport::builder_dangerous(host)),
    }
}

fn mailbox<M>(key: &str, written: Option<&str>, opening: &mut Opening<'_>) -> Option<M>
where
    M: std::str::FromStr,
    M::Err: std::fmt::Display,
{
    let Some(written) = written else {
        opening.mistake(key, "is not set, and `alerts.email.host` is", None);
        return None;
    };
    match written.parse() {
        Ok(mailbox) => Some(mailbox),
        Err(fault) => {
            let hint = "write name@example.org, or Name <name@example.org>".to_owned();
            opening.mistake(key, format!("is no mail address: {fault}"), Some(hint));
            None
        }
    }
}

fn thread_id(notice: &Notice, domain: &str) -> String {
    format!("<lakegate-{}@{domain}>", notice.thread())
}

/// The same for the same message: a reader shows a mail that came twice once.
fn message_id(message: &Message, domain: &str) -> String {
    match message {
        Message::One(notice) => format!("<lakegate-{}@{domain}>", notice.identity()),
        Message::Summary(_) => format!("<lakegate-{:016x}@{domain}>", fastrand::u64(..)),
    }
}

/// Out-of-office replies to a program help nobody (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
