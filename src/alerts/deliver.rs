//! One channel's turn: claim, send, write down. Every step can be taken up by another process.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::channel::{Channel, SendFault};
use super::fingerprint;
use super::message::{Message, Notice};
use super::notify::{Due, Mailing, next_attempt};
use crate::clock::Clock;
use crate::metadata::alerts::{Claim, NewAlert, RateLimit, Severity, Told};
use crate::metadata::{Metadata, MetadataError};
use crate::settings::Alerts;

/// So many failures in a row are an alert of their own.
const AGAIN_AND_AGAIN: i64 = 3;
/// Tries to write down that a message was sent; who cannot would send it twice.
const WRITES: u32 = 6;

/// What every turn needs.
#[derive(Debug, Clone)]
pub struct Courier {
    pub metadata: Metadata,
    /// Whose claims they are.
    pub owner: String,
    pub clock: Clock,
    /// The name of this installation.
    pub source: String,
    pub limit: RateLimit,
    /// No message is begun any more.
    pub stop: CancellationToken,
}

/// Whether a channel can go on.
enum Next {
    GoOn,
    Rest,
}

impl Courier {
    /// Sends what is due on one channel until it is done, fails, or is at its limit.
    pub async fn turn(self, channel: Arc<Channel>, mailing: Mailing) {
        if let Err(fault) = self.try_turn(&channel, mailing).await {
            // The pass meets the same fault, and tells it. What was claimed is free again when this process ends,
            // or at its next turn.
            tracing::debug!(channel = channel.name(), "alerts wait: {fault}");
        }
    }

    async fn try_turn(&self, channel: &Channel, mailing: Mailing) -> Result<(), MetadataError> {
        let Mailing { single, summed_up } = mailing;
        for due in single {
            if matches!(self.send(channel, vec![due]).await?, Next::Rest) {
                return Ok(());
            }
        }
        if !summed_up.is_empty() {
            self.send(channel, summed_up).await?;
        }
        Ok(())
    }

    /// One message about all of these.
    async fn send(&self, channel: &Channel, due: Vec<Due>) -> Result<Next, MetadataError> {
        if self.stop.is_cancelled() {
            return Ok(Next::Rest);
        }
        let name = channel.name();
        let found: Vec<Claim> =
            due.iter().map(|due| Claim { alert_id: due.notice.alert.id, version: due.version }).collect();
        let claims = self.metadata.claim_deliveries(name, &self.owner, &found).await?;
        let is_ours = |due: &Due| claims.iter().any(|claim| claim.alert_id == due.notice.alert.id);
        let attempts = due.iter().map(|due| due.attempts).max().unwrap_or(0);
        let mut ours: Vec<Notice> = due.into_iter().filter(is_ours).map(|due| due.notice).collect();
        if ours.is_empty() {
            return Ok(Next::GoOn);
        }
        if channel.is_limited()
            && !self.metadata.take_message_place(name, self.limit, self.clock.now()).await?
        {
            self.metadata.give_back_deliveries(name, &claims).await?;
            return Ok(Next::Rest);
        }
        let message =
            if ours.len() == 1 { Message::One(Box::new(ours.remove(0))) } else { Message::Summary(ours) };
        match channel.send(&message, &self.source).await {
            Ok(_) => {
                self.arrived(name, &message, &claims).await?;
                Ok(Next::GoOn)
            }
            Err(fault) => {
                self.failed(name, &claims, attempts + 1, &fault).await?;
                Ok(Next::Rest)
            }
        }
    }

    async fn arrived(&self, name: &str, message: &Message, claims: &[Claim]) -> Result<(), MetadataError> {
        let told: Vec<Told> = message
            .notices()
            .iter()
            .filter_map(|Notice { word, alert, .. }| {
                let claim = *claims.iter().find(|claim| claim.alert_id == alert.id)?;
                Some(Told { claim, word: *word, severity: alert.severity, occurrences: alert.occurrences })
            })
            .collect();
        let mut pause = Duration::from_millis(200);
        for left in (0..WRITES).rev() {
            match self.metadata.delivered(name, &told).await {
                Ok(()) => break,
                Err(fault) if left == 0 => return Err(fault),
                Err(_) => sleep(pause).await,
            }
            pause *= 2;
        }
        if self.metadata.channel_works(name).await? {
            info!(channel = name, "alerts arrive on channel {name} again");
            self.metadata.resolve(&identity(name)).await?;
        }
        Ok(())
    }

    async fn failed(
        &self,
        name: &str,
        claims: &[Claim],
        attempts: i64,
        fault: &SendFault,
    ) -> Result<(), MetadataError> {
        let now = self.clock.now();
        let SendFault { message: error, wish } = fault;
        let failures = self.metadata.channel_fails(name, error).await?;
        let next = next_attempt(failures, *wish, now);
        self.metadata.postpone_channel(name, next).await?;
        self.metadata.undelivered(name, claims, error, next_attempt(attempts, *wish, now)).await?;
        let again = (next - now).max(TimeDelta::zero()).num_seconds();
        if failures == 1 {
            warn!(channel = name, "an alert did not arrive on channel {name}, again in {again} s: {error}");
        }
        if failures >= AGAIN_AND_AGAIN {
            self.metadata.raise(&channel_alert(name, error)).await?;
        }
        Ok(())
    }
}

fn identity(channel: &str) -> String {
    fingerprint(&["channel", channel])
}

fn channel_alert(name: &str, error: &str) -> NewAlert {
    NewAlert {
        code: "alerts.channel".into(),
        severity: Severity::Error,
        subject: name.to_owned(),
        cause: format!("alerts do not arrive on channel {name}"),
        message: error.to_owned(),
        hint: Some(format!(
            "look at section [alerts.{name}] of the settings; `lakegate alerts test {name}` tries it"
        )),
        fingerprint: identity(name),
        occurrences: 1,
    }
}

/// The limit that the settings set.
pub fn rate_limit(settings: &Alerts) -> RateLimit {
    let window = i64::try_from(settings.max_messages_seconds).unwrap_or(i64::MAX / 1000);
    RateLimit { messages: settings.max_messages, window: TimeDelta::seconds(window) }
}
