//! The loop behind the channels: keeps the rows as they should be, and sends what they say is to be told.
//!
//! Runs beside loading and never in its way: it writes a row now and then, and whatever waits for a server waits in a task
//! of its own, one for each channel.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::channel::{Channel, Channels};
use super::deliver::{Courier, rate_limit};
use super::expected;
use super::message::Notice;
use super::notify::{self, Due, Policy};
use super::sweep::Sweep;
use crate::clock::Clock;
use crate::metadata::alerts::{AlertRow, AlertStatus, ChannelRow, DeliveryRow};
use crate::metadata::{Metadata, MetadataError};
use crate::owner::Owner;
use crate::settings::Alerts;

/// Time between two looks at the rows.
const PAUSE: Duration = Duration::from_secs(1);
/// Time between two looks for files that did not come.
const FILES_PAUSE: TimeDelta = TimeDelta::seconds(2);
/// Time for messages on their way when the daemon stops.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(2);

/// What channels were told, by alert and channel.
type Deliveries<'a> = HashMap<(i64, &'a str), &'a DeliveryRow>;

/// Tells people about alerts.
pub struct Dispatcher {
    metadata: Metadata,
    owner: Owner,
    clock: Clock,
    settings: Alerts,
    channels: Vec<Arc<Channel>>,
    courier: Courier,
    sweep: Sweep,
    /// The channels that have their turn.
    busy: BTreeSet<&'static str>,
    turns: JoinSet<&'static str>,
    files_looked_at: Option<DateTime<Utc>>,
}

impl Dispatcher {
    pub fn new(
        settings: Alerts,
        channels: Channels,
        metadata: Metadata,
        owner: Owner,
        clock: Clock,
    ) -> Dispatcher {
        let Channels { all, source } = channels;
        let courier = Courier {
            metadata: metadata.clone(),
            owner: owner.id().to_owned(),
            clock: clock.clone(),
            source,
            limit: rate_limit(&settings),
            stop: CancellationToken::new(),
        };
        Dispatcher {
            metadata,
            owner,
            clock,
            settings,
            channels: all.into_iter().map(Arc::new).collect(),
            courier,
            sweep: Sweep::default(),
            busy: BTreeSet::new(),
            turns: JoinSet::new(),
            files_looked_at: None,
        }
    }

    /// Works until `shutdown`. `folder_seen` says when the files that lie in `incoming/` are in the ledger: before that,
    /// nobody can say that one did not come.
    pub async fn run(mut self, folder_seen: CancellationToken, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let next = Instant::now() + PAUSE;
            if let Err(fault) = self.round(folder_seen.is_cancelled()).await {
                // The pass over the folder meets the same fault, and tells it.
                debug!("cannot look at the alerts: {fault}");
            }
            tokio::select! {
                () = sleep_until(next) => {}
                () = shutdown.cancelled() => {}
            }
        }
        self.courier.stop.cancel();
        self.wait(Instant::now() + PATIENCE_AT_THE_END).await;
    }

    /// Tells what there is to tell now, for a command that ends. What does not arrive in time is told by the next one.
    pub async fn run_once(mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        if let Err(fault) = self.round(true).await {
            debug!("cannot look at the alerts: {fault}");
        }
        self.wait(deadline).await;
        self.courier.stop.cancel();
    }

    async fn wait(&mut self, deadline: Instant) {
        while let Ok(Some(_)) = timeout_at(deadline, self.turns.join_next()).await {}
    }

    async fn round(&mut self, files_are_known: bool) -> Result<(), MetadataError> {
        self.note_ended_turns();
        let now = self.clock.now();
        let mut alerts = self.metadata.unsettled_alerts().await?;
        let mut changed = self.sweep.look(&alerts, &self.metadata, &self.settings, now).await?;
        let files_due = self.files_looked_at.is_none_or(|looked| now - looked >= FILES_PAUSE || now < looked);
        if files_are_known && files_due {
            changed |= expected::look(&self.metadata, &alerts, now).await?;
            self.files_looked_at = Some(now);
        }
        if changed {
            alerts = self.metadata.unsettled_alerts().await?;
        }
        if alerts.is_empty() {
            return Ok(());
        }
        let deliveries = self.metadata.unsettled_deliveries().await?;
        let deliveries = deliveries.iter().map(|row| ((row.alert_id, row.channel.as_str()), row)).collect();
        let channels = self.metadata.alert_channels().await?;
        self.begin_turns(&alerts, &deliveries, &channels, now);
        self.settle(&alerts, &deliveries, now).await
    }

    fn note_ended_turns(&mut self) {
        while let Some(ended) = self.turns.try_join_next() {
            match ended {
                Ok(name) => drop(self.busy.remove(name)),
                Err(fault) => warn!("a channel for alerts stopped by a fault of its own: {fault}"),
            }
        }
        if self.turns.is_empty() {
            self.busy.clear();
        }
    }

    /// Starts the turn of each channel that has something to tell and nothing on its way.
    fn begin_turns(
        &mut self,
        alerts: &[AlertRow],
        deliveries: &Deliveries<'_>,
        channels: &[ChannelRow],
        now: DateTime<Utc>,
    ) {
        for channel in &self.channels {
            let name = channel.name();
            if self.busy.contains(name) {
                continue;
            }
            let row = channels.iter().find(|row| row.channel == name).cloned();
            let row = row.unwrap_or_else(|| ChannelRow::fresh(name));
            if row.next_attempt_at.is_some_and(|next| next > now) {
                continue;
            }
            let policy = self.policy(channel);
            let due = self.due(name, &policy, alerts, deliveries, now);
            let room = if channel.is_limited() { row.room(self.courier.limit, now) } else { i64::MAX };
            let mailing = notify::mailing(due, room, &policy, row.failures > 0);
            if mailing.is_empty() {
                continue;
            }
            let (courier, channel) = (self.courier.clone(), Arc::clone(channel));
            self.busy.insert(name);
            self.turns.spawn(async move {
                courier.turn(channel, mailing).await;
                name
            });
        }
    }

    fn due(
        &self,
        name: &str,
        policy: &Policy,
        alerts: &[AlertRow],
        deliveries: &Deliveries<'_>,
        now: DateTime<Utc>,
    ) -> Vec<Due> {
        let due = alerts.iter().filter_map(|alert| {
            let row = deliveries.get(&(alert.id, name)).copied();
            let word = notify::due(alert, row, policy, now)?;
            if row.is_some_and(|row| !self.is_free(row) || row.next_attempt_at.is_some_and(|next| next > now))
            {
                return None;
            }
            Some(Due {
                notice: Notice { word, alert: alert.clone(), test: false },
                version: row.map_or(0, |row| row.version),
                attempts: row.map_or(0, |row| row.attempts),
            })
        });
        due.collect()
    }

    /// True when nobody is telling it: a claim of ours is a remainder while the channel does not have its turn.
    fn is_free(&self, row: &DeliveryRow) -> bool {
        row.claimed_by.as_deref().is_none_or(|owner| owner == self.owner.id() || self.owner.is_gone(owner))
    }

    fn policy(&self, channel: &Channel) -> Policy {
        Policy {
            min_severity: channel.min_severity(),
            repeat_after: self.settings.repeat_after(),
            hears_of_channels: matches!(channel, Channel::Log(_)),
            sums_up: channel.sums_up(),
        }
    }

    /// Puts alerts aside that are over and that every channel knows of.
    async fn settle(
        &self,
        alerts: &[AlertRow],
        deliveries: &Deliveries<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), MetadataError> {
        let is_told = |alert: &AlertRow| {
            self.channels.iter().all(|channel| {
                let row = deliveries.get(&(alert.id, channel.name()));
                notify::due(alert, row.copied(), &self.policy(channel), now).is_none()
            })
        };
        let over = alerts.iter().filter(|alert| alert.status == AlertStatus::Resolved && is_told(alert));
        self.metadata.settle_alerts(&over.map(|alert| alert.id).collect::<Vec<_>>()).await
    }
}
