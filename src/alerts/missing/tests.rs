use super::*;

fn at(text: &str) -> DateTime<Utc> {
    let text = format!("2026-03-{text}:00Z");
    DateTime::parse_from_rfc3339(&text).expect("a time").with_timezone(&Utc)
}

/// What is missing at `now` of a daily file at six with half an hour of grace, counted since the first of the month.
fn missing_at(now: &str, came: &[&str]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    missing_since("01T00:00", now, came)
}

fn missing_since(since: &str, now: &str, came: &[&str]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let daily = Schedule::parse("0 6 * * *", "UTC").expect("a schedule");
    let deadlines = deadlines(&daily, TimeDelta::minutes(30), at(since), at(now))?;
    let came: Vec<_> = came.iter().map(|time| at(time)).filter(|time| *time <= at(now)).collect();
    let count = |(after, until): &Span| {
        let within = came.iter().filter(|time| *time > after && *time <= until).count();
        i64::try_from(within.min(2)).expect("small")
    };
    let arrivals: Vec<_> = deadlines.spans.iter().map(count).collect();
    deadlines.missing(&arrivals).map(|missing| (missing.first, missing.last))
}

fn day(day: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    Some((at(&format!("{day}T06:00")), at(&format!("{day}T06:00"))))
}

#[test]
fn a_file_is_missing_after_the_grace_until_one_comes() {
    assert_eq!(missing_at("01T06:29", &[]), None);
    assert_eq!(missing_at("01T06:30", &[]), day("01"));
    assert_eq!(missing_at("01T23:00", &[]), day("01"));
    assert_eq!(missing_at("01T07:00", &["01T07:00"]), None);
    assert_eq!(missing_at("02T06:30", &[]), Some((at("01T06:00"), at("02T06:00"))));
}

#[test]
fn a_file_counts_for_the_deadline_that_follows_it() {
    assert_eq!(missing_at("01T06:30", &["01T05:00"]), None);
    assert_eq!(missing_at("01T06:30", &["01T06:30"]), None, "at the deadline is in time");
    assert_eq!(missing_at("02T06:30", &["01T05:00"]), day("02"), "yesterday's file is not today's");
    assert_eq!(missing_at("02T06:30", &["01T05:00", "01T07:00"]), None, "the next day's file, early");
    assert_eq!(missing_at("02T06:30", &["01T05:00", "02T05:00"]), None);
}

#[test]
fn a_late_file_is_not_the_file_of_the_next_day() {
    let late = ["01T07:30"];
    assert_eq!(missing_at("01T08:00", &late), None);
    assert_eq!(missing_at("02T06:29", &late), None);
    assert_eq!(missing_at("02T06:30", &late), day("02"));
    assert_eq!(missing_at("02T06:30", &["01T07:30", "01T07:40"]), None, "two files: one is early");
    assert_eq!(missing_at("02T06:30", &["01T07:30", "02T06:10"]), None);
}

#[test]
fn a_day_without_a_file_does_not_put_all_later_ones_out_of_step() {
    let came = ["01T06:05", "03T06:05", "04T06:05"];
    assert_eq!(missing_at("02T12:00", &came), day("02"));
    for now in ["03T06:06", "03T06:30", "03T12:00", "04T06:30", "05T06:29"] {
        assert_eq!(missing_at(now, &came), None, "{now}");
    }
    assert_eq!(missing_at("05T06:30", &came), day("05"));
}

#[test]
fn nothing_is_missing_from_before_the_count_began() {
    assert_eq!(missing_since("01T06:10", "01T23:00", &[]), None);
    assert_eq!(missing_since("01T06:10", "02T06:30", &[]), day("02"));
    assert_eq!(missing_since("01T05:59", "01T06:30", &["01T05:30"]), None, "it lay there already");
}

#[test]
fn a_long_absence_is_looked_back_on_only_so_far() {
    let (first, last) = missing_at("30T12:00", &["01T05:00"]).expect("missing");
    assert_eq!(last, at("30T06:00"));
    assert!(first > at("20T00:00"));
}

#[test]
fn a_day_that_the_clocks_changed_on_has_one_deadline() {
    // 02:30 does not exist in Berlin on 29 March 2026; it is expected when the gap ends, 01:00 UTC.
    let nightly = Schedule::parse("30 2 * * *", "Europe/Berlin").expect("a schedule");
    let missing = |now: &str| {
        let deadlines = deadlines(&nightly, TimeDelta::minutes(10), at("28T12:00"), at(now))?;
        deadlines.missing(&vec![0; deadlines.spans.len()])
    };
    assert_eq!(missing("29T01:09"), None);
    assert_eq!(missing("29T01:10"), Some(Missing { first: at("29T01:00"), last: at("29T01:00") }));
}
