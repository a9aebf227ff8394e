//! Sample vehicle files: what they hold is decided here from a seed and a time, how they reach `incoming/` in
//! [`delivery`].

pub mod delivery;
pub mod shipped;
mod vehicles;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

pub use self::vehicles::{Kind, document};

/// The time that a seeded run starts at, so that the same seed gives the same bytes on any day:
/// 2025-01-01T12:00:00Z.
const SEEDED_START: i64 = 1_735_732_800;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Request {
    pub records_per_file: usize,
    /// In turn, one for each file. Not empty.
    pub kinds: Vec<Kind>,
    /// Files of past days, as a vehicle delivers them that was out of reach.
    pub retroactive: bool,
}

/// A file that is not yet written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// `vehicles_events_20220606000234_5f0e1a2b.json`: unique by its last part, whoever else generates.
    pub name: String,
    pub text: String,
}

/// An endless supply of sample files.
#[derive(Debug)]
pub struct Generator {
    request: Request,
    rng: Rng,
    start: Option<DateTime<Utc>>,
    produced: usize,
}

impl Generator {
    /// With a seed, every file is the same each time: name, times and contents.
    pub fn new(request: Request, seed: Option<u64>) -> Self {
        Generator {
            request,
            rng: seed.map_or_else(Rng::new, Rng::with_seed),
            start: seed.and_then(|_| DateTime::from_timestamp(SEEDED_START, 0)),
            produced: 0,
        }
    }

    /// The next file, as if it was delivered at `now`; a seeded generator has a time of its own.
    pub fn next(&mut self, now: DateTime<Utc>) -> SampleFile {
        let now = self.start.unwrap_or(now);
        let kind = self.request.kinds[self.produced % self.request.kinds.len()];
        self.produced += 1;
        let sent = self.sent(now);
        // Vendors do not agree with themselves on singular and plural.
        let noun = if self.rng.u8(..4) == 0 { "vehicle" } else { "vehicles" };
        let stamp = sent.format("%Y%m%d%H%M%S");
        let name = format!("{noun}_{}_{stamp}_{:08x}.json", kind.noun(), self.rng.u32(..));
        let text = vehicles::document(kind, self.request.records_per_file, sent, &mut self.rng);
        SampleFile { name, text }
    }

    /// The time in the file's name: within the last hour, or on one of the thirty days before.
    fn sent(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let days = if self.request.retroactive { self.rng.i64(1..=30) } else { 0 };
        now - TimeDelta::days(days) - TimeDelta::milliseconds(self.rng.i64(0..3_600_000))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn request(retroactive: bool) -> Request {
        Request { records_per_file: 20, kinds: vec![Kind::Events, Kind::Status], retroactive }
    }

    fn now() -> DateTime<Utc> {
        "2026-03-01T00:10:00Z".parse().unwrap()
    }

    fn files(seed: Option<u64>, count: usize) -> Vec<SampleFile> {
        let mut generator = Generator::new(request(false), seed);
        (0..count).map(|_| generator.next(now())).collect()
    }

    #[test]
    fn a_seed_gives_the_same_files_each_time() {
        assert_eq!(files(Some(7), 4), files(Some(7), 4));
        assert_ne!(files(Some(7), 4), files(Some(8), 4));
    }

    #[test]
    fn names_are_unique_even_between_generators_in_the_same_second() {
        let names: HashSet<String> = (0..20).flat_map(|_| files(None, 50)).map(|file| file.name).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn every_file_is_a_root_object_with_one_array_of_records() {
        for file in files(Some(1), 8) {
            let root: serde_json::Value = serde_json::from_str(&file.text).unwrap();
            let root = root.as_object().unwrap();
            let (key, records) = root.iter().next().unwrap();
            assert_eq!(root.len(), 1);
            assert!(key.starts_with("vehicle"), "{key}");
            assert_eq!(records.as_array().unwrap().len(), 20);
        }
    }

    #[test]
    fn late_files_are_dated_in_past_days() {
        let mut generator = Generator::new(request(true), None);
        for _ in 0..100 {
            let name = generator.next(now()).name;
            let stamp = name.split('_').nth(2).unwrap();
            assert!(stamp < "20260301", "{name}");
        }
    }
}
