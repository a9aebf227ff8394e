//! The records: a small fleet, in the vocabulary of the shipped types.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::{Map, Value, json};

/// The two shipped types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Events,
    Status,
}

impl Kind {
    /// The word in the file name and in the root key.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Events => "events",
            Kind::Status => "status",
        }
    }
}

const FLEET: usize = 40;
const SOURCES: [&str; 4] = ["mobile", "device", "police", "dealer"];
const STATUSES: [&str; 6] = ["driving", "parked", "charging", "garage", "towed", "accident"];
const DOORS: [&str; 5] = ["driver_door", "passenger_door", "rear_left_door", "rear_right_door", "trunk"];
const NOTES: [&str; 4] = [
    "the device is working properly",
    "weak signal, position from the last known cell",
    "firmware update pending — \"2.4.1\"",
    "Fahrzeug läuft im Ruhemodus",
];

/// A whole file, one record on each line; times go back a few hours from `sent`, oldest first.
pub fn document(kind: Kind, records: usize, sent: DateTime<Utc>, rng: &mut Rng) -> String {
    let noun = if rng.bool() { "vehicle" } else { "vehicles" };
    let mut text = format!("{{\"{noun}_{}\": [\n", kind.noun());
    let span = rng.i64(600_000..6 * 3_600_000);
    let mut ages: Vec<i64> = (0..records).map(|_| rng.i64(0..span)).collect();
    ages.sort_unstable_by(|a, b| b.cmp(a));
    for (at, age) in ages.into_iter().enumerate() {
        let time = (sent - TimeDelta::milliseconds(age)).to_rfc3339_opts(SecondsFormat::Millis, true);
        let record = match kind {
            Kind::Events => event(&time, rng),
            Kind::Status => status(&time, rng),
        };
        text += if at == 0 { "  " } else { ",\n  " };
        text += &record.to_string();
    }
    text + "\n]}\n"
}

/// The same vehicles in every file and every run, so that they have a history.
fn vehicle(rng: &mut Rng) -> String {
    let number = rng.u64(..FLEET as u64);
    format!("{:032x}", Rng::with_seed(number).u128(..))
}

fn event(time: &str, rng: &mut Rng) -> Value {
    let (kind, value) = happening(rng);
    json!({
        "vehicle_id": vehicle(rng),
        "event_time": time,
        "event_source": SOURCES[rng.usize(..2)],
        "event_type": kind,
        "event_value": value,
        "event_extra_data": extra(rng),
    })
}

fn happening(rng: &mut Rng) -> (&'static str, String) {
    match rng.u8(..12) {
        0..4 => ("location", place(rng)),
        4 => ("start_drive", place(rng)),
        5 => ("end_drive", place(rng)),
        6 | 7 => ("door_open", DOORS[rng.usize(..DOORS.len())].into()),
        8 => ("door_close", DOORS[rng.usize(..DOORS.len())].into()),
        9 => ("battery_level", format!("{}%", rng.u8(3..=100))),
        10 => ("hard_brake", format!("{:.2}g", 0.3 + rng.f64() * 0.6)),
        _ => ("speeding", format!("{} km/h", rng.u8(95..=190))),
    }
}

fn place(rng: &mut Rng) -> String {
    format!("{:.7},{:.7}", -79.9 + rng.f64(), 9.0 + rng.f64())
}

fn extra(rng: &mut Rng) -> Value {
    let mut extra = Map::new();
    if rng.u8(..3) == 0 {
        extra.insert("note".into(), NOTES[rng.usize(..NOTES.len())].into());
    }
    if rng.u8(..4) == 0 {
        extra.insert("boot_time".into(), rng.u8(5..60).into());
    }
    if rng.u8(..20) == 0 {
        extra.insert("emergency_call".into(), true.into());
    }
    Value::Object(extra)
}

fn status(time: &str, rng: &mut Rng) -> Value {
    json!({
        "vehicle_id": vehicle(rng),
        "report_time": time,
        "status_source": SOURCES[rng.usize(..SOURCES.len())],
        "status": STATUSES[rng.usize(..STATUSES.len())],
    })
}
