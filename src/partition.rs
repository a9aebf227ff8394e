//! Partitions: how a time becomes the name of a directory.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime};

/// How a table is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartitionBy {
    #[default]
    Date,
    Hour,
    Month,
    None,
}

/// The directory name for rows without a value, as Hive writes it.
pub const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

impl PartitionBy {
    /// The partition value of a time: `2022-06-05`, `2022-06-05-13`, `2022-06`.
    pub fn value(self, time: NaiveDateTime) -> Option<String> {
        match self {
            Self::Date => Some(time.format("%Y-%m-%d").to_string()),
            Self::Hour => Some(time.format("%Y-%m-%d-%H").to_string()),
            Self::Month => Some(time.format("%Y-%m").to_string()),
            Self::None => None,
        }
    }

    /// The value for microseconds since the epoch; the null partition when the time is out of range.
    pub fn value_of_micros(self, micros: i64) -> Option<String> {
        let time = DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc());
        self.value_or_null(time)
    }

    /// The value for days since the epoch.
    pub fn value_of_days(self, days: i32) -> Option<String> {
        self.value_or_null(date_of_days(days).map(|date| date.and_time(chrono::NaiveTime::MIN)))
    }

    fn value_or_null(self, time: Option<NaiveDateTime>) -> Option<String> {
        match (self, time) {
            (Self::None, _) => None,
            (_, Some(time)) => self.value(time),
            (_, None) => Some(NULL_PARTITION.to_owned()),
        }
    }
}

fn date_of_days(days: i32) -> Option<NaiveDate> {
    let step = Days::new(u64::from(days.unsigned_abs()));
    if days >= 0 {
        NaiveDate::default().checked_add_days(step)
    } else {
        NaiveDate::default().checked_sub_days(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_its_partition() {
        let micros = 1_654_470_154_546_000; // 2022-06-05T23:02:34.546Z
        for (by, value) in [
            (PartitionBy::Date, Some("2022-06-05")),
            (PartitionBy::Hour, Some("2022-06-05-23")),
            (PartitionBy::Month, Some("2022-06")),
            (PartitionBy::None, None),
        ] {
            assert_eq!(by.value_of_micros(micros).as_deref(), value);
        }
        assert_eq!(PartitionBy::Date.value_of_micros(-1).as_deref(), Some("1969-12-31"));
        assert_eq!(PartitionBy::Date.value_of_micros(i64::MAX).as_deref(), Some(NULL_PARTITION));
        assert_eq!(PartitionBy::Date.value_of_days(-1).as_deref(), Some("1969-12-31"));
    }
}
