//! When a field counts as gone. Pure.

/// How often a column had a value so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Presence {
    pub records: u64,
    pub present: u64,
}

/// How unlikely an absence must be before anybody hears of it: for a field that every record had so far, and for one that
/// some records never had.
const SURPRISE: f64 = 0.05;
const GREAT_SURPRISE: f64 = 0.001;

impl Presence {
    pub fn add(&mut self, other: Presence) {
        self.records += other.records;
        self.present += other.present;
    }

    /// True when `rows` more records, none of which has a value, are more than chance.
    pub fn is_gone_after(self, rows: u64) -> bool {
        if self.present == 0 || rows == 0 {
            return false;
        }
        // Laplace's rule: the share that the records so far make likely.
        let share = (self.present as f64 + 1.0) / (self.records as f64 + 2.0);
        let by_chance = (1.0 - share).powf(rows as f64);
        by_chance < if self.present == self.records { SURPRISE } else { GREAT_SURPRISE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_gone_when_its_absence_is_more_than_chance() {
        for (records, present, rows, gone) in [
            (3, 3, 1, false),
            (3, 3, 2, true),
            (20, 20, 1, true),
            (0, 0, 1000, false),
            (1000, 0, 1000, false),
            (1000, 500, 5, false),
            (1000, 500, 11, true),
            (1000, 990, 1, false),
            (1000, 990, 2, true),
            (1000, 10, 400, false),
            (1000, 10, 1000, true),
            (1_000_000, 1_000_000, 0, false),
        ] {
            assert_eq!(Presence { records, present }.is_gone_after(rows), gone, "{records} {present} {rows}");
        }
    }
}
