//! Keeps what is known of drift: the ledger's rows, the counts by which a vanished field is known, one alert for each field.
//!
//! Called after a commit. Nothing here can fail a load: what cannot be written is told in the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tracing::warn;

use super::proposal;
use super::sightings::{LoadSeen, NOT_NULL, Sighting, declared, sightings};
use super::vanished::Presence;
use crate::alerts::{Alarm, DriftNews};
use crate::metadata::drift::{DriftKind, DriftRow, DriftStatus, Drifted, FieldCount};
use crate::metadata::{Metadata, MetadataError};
use crate::schema::change::join;
use crate::schema::field::TableSchema;
use crate::schema::place::Place;

/// Counts are added to the ledger this often at most, so that a small load costs no transaction more.
const FLUSH: Duration = Duration::from_secs(10);
/// Alerts for one kind of change in one load; the rest is told in one.
const ALERTS: usize = 10;
/// Alerts for one kind of change of one type, over all loads: keys that are data appear for ever.
const ALERTS_IN_ALL: usize = 50;
/// Fields of one type that the ledger keeps; what comes later is not recorded.
const MOST_ROWS: usize = 2000;
/// A few values of another type among many are rejects, which have an alert of their own.
const ALERTED_SHARE: f64 = 0.05;

/// Shared by all loads of a process.
#[derive(Debug, Clone)]
pub struct Recorder {
    metadata: Metadata,
    alarm: Alarm,
    types: Arc<Mutex<HashMap<String, TypeDrift>>>,
}

/// What is known of one type.
#[derive(Debug)]
struct TypeDrift {
    counts: HashMap<String, Presence>,
    /// The part of the counts that the ledger does not have yet.
    fresh: BTreeMap<String, Presence>,
    flushed: Instant,
    rows: Vec<DriftRow>,
}

impl Recorder {
    pub fn new(metadata: Metadata, alarm: Alarm) -> Self {
        Recorder { metadata, alarm, types: Arc::default() }
    }

    /// Takes note of a committed load.
    pub async fn note(&self, load: LoadSeen) {
        let file_type = load.file_type.clone();
        if let Err(fault) = self.try_note(load).await {
            warn!(file_type, "the drift of type {file_type} could not be recorded: {fault}");
        }
    }

    /// Adds to the ledger what it does not have yet; all of it with `now`.
    pub async fn flush(&self, now: bool) {
        let mut types = self.types.lock().await;
        for (file_type, known) in types.iter_mut() {
            if known.fresh.is_empty() || (!now && known.flushed.elapsed() < FLUSH) {
                continue;
            }
            let counts: Vec<FieldCount> = known
                .fresh
                .iter()
                .map(|(field, presence)| FieldCount {
                    field: field.clone(),
                    records: number(presence.records),
                    present: number(presence.present),
                })
                .collect();
            match self.metadata.add_field_counts(file_type, &counts).await {
                Ok(()) => known.fresh.clear(),
                Err(fault) => warn!(%file_type, "field counts wait for the metadata database: {fault}"),
            }
            known.flushed = Instant::now();
        }
    }

    /// The schema of a type is another one: what it has accepted by that is over.
    pub async fn schema_changed(&self, file_type: &str, schema: &TableSchema) {
        let settled = async {
            let rows = self.metadata.drift(Some(file_type)).await?;
            let open = rows.into_iter().filter(|row| row.status == DriftStatus::Open);
            let over: Vec<DriftRow> = open.filter(|row| proposal::is_settled(row, schema)).collect();
            self.close(&over, DriftStatus::Accepted).await?;
            self.types.lock().await.remove(file_type);
            Ok::<(), MetadataError>(())
        };
        if let Err(fault) = settled.await {
            warn!(file_type, "the drift of type {file_type} could not be brought up to date: {fault}");
        }
    }

    async fn try_note(&self, load: LoadSeen) -> Result<(), MetadataError> {
        let mut types = self.types.lock().await;
        if !types.contains_key(&load.file_type) {
            let known = self.read(&load.file_type).await?;
            types.insert(load.file_type.clone(), known);
        }
        let Some(known) = types.get_mut(&load.file_type) else { return Ok(()) };
        let mut found = sightings(&load);
        found.extend(known.vanished(&load));
        self.end_returned(known, &load).await?;
        known.count(&load);
        if found.is_empty() {
            return Ok(());
        }
        // Other processes load the same type.
        known.rows = self.metadata.drift(Some(&load.file_type)).await?;
        let mut room = MOST_ROWS.saturating_sub(known.rows.len());
        let drifted = found.iter().map(|sighting| known.drifted(sighting, &load)).filter(|drifted| {
            known.row(drifted.kind, &drifted.field).is_some() || {
                let fits = room > 0;
                room = room.saturating_sub(1);
                fits
            }
        });
        let drifted: Vec<Drifted> = drifted.collect();
        self.metadata.add_drift(&load.file_type, &drifted).await?;
        let news: Vec<&Drifted> = drifted.iter().filter(|drifted| known.is_news(drifted)).collect();
        self.tell(known, &load.file_type, &news).await;
        known.rows = self.metadata.drift(Some(&load.file_type)).await?;
        Ok(())
    }

    async fn read(&self, file_type: &str) -> Result<TypeDrift, MetadataError> {
        let counts = self.metadata.field_counts(file_type).await?.into_iter();
        let size = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(TypeDrift {
            counts: counts
                .map(|count| {
                    (count.field, Presence { records: size(count.records), present: size(count.present) })
                })
                .collect(),
            fresh: BTreeMap::new(),
            flushed: Instant::now().checked_sub(FLUSH).unwrap_or_else(Instant::now),
            rows: self.metadata.drift(Some(file_type)).await?,
        })
    }

    /// Fields that were gone and have values again.
    async fn end_returned(&self, known: &mut TypeDrift, load: &LoadSeen) -> Result<(), MetadataError> {
        if known.rows.iter().all(|row| row.kind != DriftKind::Vanished || row.status != DriftStatus::Open) {
            return Ok(());
        }
        let present = presence(load);
        let is_back = |row: &&DriftRow| {
            let lacking = load
                .files
                .iter()
                .any(|file| file.seen.misfits.keys().any(|(place, _)| place.to_string() == row.field));
            row.kind == DriftKind::Vanished
                && row.status == DriftStatus::Open
                && present.get(&row.field).is_some_and(|presence| presence.present > 0)
                && !lacking
        };
        let back: Vec<DriftRow> = known.rows.iter().filter(is_back).cloned().collect();
        if back.is_empty() {
            return Ok(());
        }
        self.close(&back, DriftStatus::Ended).await?;
        known.rows = self.metadata.drift(Some(&load.file_type)).await?;
        Ok(())
    }

    async fn close(&self, rows: &[DriftRow], status: DriftStatus) -> Result<(), MetadataError> {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        self.metadata.close_drift(&ids, status).await?;
        for row in rows {
            self.alarm.drift_ended(&row.file_type, row.kind.as_str(), &row.field).await;
        }
        Ok(())
    }

    async fn tell(&self, known: &TypeDrift, file_type: &str, news: &[&Drifted]) {
        for kind in DriftKind::ALL {
            let of_kind: Vec<&Drifted> =
                news.iter().filter(|drifted| drifted.kind == *kind).copied().collect();
            let open = known.rows.iter().filter(|row| row.kind == *kind && row.status == DriftStatus::Open);
            let alone = ALERTS.min(ALERTS_IN_ALL.saturating_sub(open.count()));
            for drifted in of_kind.iter().take(alone) {
                let news = DriftNews {
                    file_type,
                    kind: kind.as_str(),
                    field: &drifted.field,
                    message: sentence(drifted),
                };
                self.alarm.drifted(news).await;
            }
            if of_kind.len() > alone {
                let message = format!("{} more fields have {kind}", of_kind.len() - alone);
                self.alarm.drifted(DriftNews { file_type, kind: kind.as_str(), field: "/*", message }).await;
            }
        }
    }
}

impl TypeDrift {
    fn row(&self, kind: DriftKind, field: &str) -> Option<&DriftRow> {
        self.rows.iter().find(|row| row.kind == kind && row.field == field)
    }

    /// Columns that had values before and have none in all of this load.
    fn vanished(&self, load: &LoadSeen) -> Vec<Sighting> {
        let accepted = || load.files.iter().filter(|file| file.accepted && file.seen.rows > 0);
        let (Some(first), Some(last)) = (accepted().next(), accepted().next_back()) else {
            return Vec::new();
        };
        let gone = presence(load).into_iter().filter(|(field, now)| {
            let before = self.counts.get(field).copied().unwrap_or_default();
            now.present == 0 && before.is_gone_after(now.records)
        });
        gone.filter_map(|(field, now)| {
            let place = Place::parse(&field);
            Some(Sighting {
                kind: DriftKind::Vanished,
                declared: Some(declared(place.find(&load.schema.fields)?)),
                place,
                found: None,
                records: now.records,
                records_read: now.records,
                files: accepted().count() as u64,
                first: (first.id, first.name.clone()),
                last_file: last.name.clone(),
                examples: Vec::new(),
                is_known: false,
            })
        })
        .collect()
    }

    fn count(&mut self, load: &LoadSeen) {
        for (field, presence) in presence(load) {
            self.counts.entry(field.clone()).or_default().add(presence);
            self.fresh.entry(field).or_default().add(presence);
        }
    }

    /// A sighting as the ledger keeps it: with what was seen of the field before.
    fn drifted(&self, sighting: &Sighting, load: &LoadSeen) -> Drifted {
        let field = sighting.place.to_string();
        let before = self.row(sighting.kind, &field);
        let known = before.and_then(|row| proposal::read(row.found.as_deref()?));
        let found = match (known, &sighting.found) {
            (Some(known), Some(found)) => Some(join(&known, found)),
            (known, found) => found.clone().or(known),
        };
        let examples = match before {
            Some(row) if sighting.examples.is_empty() => row.examples.clone(),
            _ => serde_json::Value::from(sighting.examples.clone()).to_string(),
        };
        Drifted {
            kind: sighting.kind,
            field,
            declared_type: sighting.declared.clone(),
            found_type: found.as_ref().map(|kind| kind.name()),
            found: found.as_ref().map(proposal::written),
            records: number(sighting.records),
            records_read: number(sighting.records_read),
            files: number(sighting.files),
            file_id: sighting.first.0,
            first_file: sighting.first.1.clone(),
            last_file: sighting.last_file.clone(),
            examples,
            schema_version: load.schema_version,
            status: if sighting.is_known { DriftStatus::Accepted } else { DriftStatus::Open },
        }
    }

    /// True for what nobody has been told of.
    fn is_news(&self, drifted: &Drifted) -> bool {
        let share = drifted.records as f64 / drifted.records_read.max(1) as f64;
        let before = self.row(drifted.kind, &drifted.field);
        drifted.status == DriftStatus::Open
            && (drifted.kind != DriftKind::Changed || share >= ALERTED_SHARE)
            && before.is_none_or(|row| !matches!(row.status, DriftStatus::Open | DriftStatus::Dismissed))
    }
}

/// The values of each column in the accepted files of a load.
fn presence(load: &LoadSeen) -> BTreeMap<String, Presence> {
    let mut columns = vec![Presence::default(); load.schema.fields.len()];
    for file in load.files.iter().filter(|file| file.accepted) {
        for (column, present) in columns.iter_mut().zip(&file.seen.present) {
            column.add(Presence { records: file.seen.rows, present: *present });
        }
    }
    let names = load.schema.fields.iter().map(|field| Place::root().member(&field.name).to_string());
    names.zip(columns).collect()
}

fn sentence(drifted: &Drifted) -> String {
    let Drifted { kind, field, declared_type, found_type, records, records_read, files, first_file, .. } =
        drifted;
    let origin = match files {
        ..=1 => first_file.clone(),
        files => format!("{files} files, of which {first_file} is the first"),
    };
    let declared = declared_type.as_deref().unwrap_or("nothing");
    let found = found_type.as_deref().unwrap_or("nothing but nulls");
    match kind {
        DriftKind::Appeared => {
            format!(
                "{field} is not in the schema: {records} of {records_read} records of {origin} have it ({found})"
            )
        }
        DriftKind::Changed => {
            format!(
                "{field} is {declared} in the schema, and {found} in {records} of {records_read} records of {origin}"
            )
        }
        DriftKind::Vanished => {
            let why = if declared.ends_with(NOT_NULL) { "it must have one" } else { "it had one before" };
            format!("{field} has no value in {records} of {records_read} records of {origin}; {why}")
        }
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
