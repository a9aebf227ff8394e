use super::*;
use crate::schema::definition::compile;

fn config(text: &str) -> ProcessingConfig {
    ProcessingConfig::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad}"))
}

fn fault(text: &str) -> String {
    match ProcessingConfig::parse(text) {
        Ok(_) => panic!("{text} is accepted"),
        Err(bad) => bad.to_string(),
    }
}

fn check(text: &str, partition_column: &str) -> String {
    let schema = compile(
        r#"{"fields":[{"name":"id","type":"long"},{"name":"Day","type":"date"},{"name":"at","type":"timestamp"}],"primary_key":["id"]}"#,
    )
    .expect("a definition");
    config(text).check(&schema, partition_column).err().map(|bad| bad.to_string()).unwrap_or_default()
}

#[test]
fn an_empty_object_gives_the_defaults() {
    let expected = ProcessingConfig {
        write_mode: WriteMode::Append,
        partition_by: PartitionBy::Date,
        partition_source: PartitionSource::Filename,
        records_path: None,
        on_unknown_field: OnUnknownField::Rescue,
        max_columns: 2000,
        max_rejects: 10_000,
        max_reject_ratio: 0.5,
        dedupe: false,
        compression: Compression::Zstd,
        timezone: Zone::UTC,
        lenient: false,
        lineage: true,
        target_file_mb: None,
        control_required: false,
        csv: None,
        on_redelivery: OnRedelivery::Append,
        auto_replay: false,
        pause_after_failures: None,
        expected_every: None,
    };
    assert_eq!(config("{}"), expected);
    assert_eq!(config(r#"{"format":"parquet","lenient":false,"timezone":null}"#), expected);
}

#[test]
fn every_key_is_read() {
    let read = config(
        r#"{"mode":"upsert","partition_by":"hour","partition_source":"at","records_path":"/data/a~1b",
            "on_unknown_field":"reject","max_rejects":0,"max_reject_ratio":1,"dedupe":true,"compression":"SNAPPY",
            "timezone":"europe/berlin","lenient":true,"lineage":false,"target_file_mb":128,"control":"required"}"#,
    );
    assert_eq!(read.write_mode, WriteMode::Upsert);
    assert_eq!(read.partition_by, PartitionBy::Hour);
    assert_eq!(read.partition_source, PartitionSource::Column("at".into()));
    assert_eq!(read.records_path, Some(vec!["data".into(), "a/b".into()]));
    assert_eq!(read.on_unknown_field, OnUnknownField::Reject);
    assert_eq!((read.max_rejects, read.max_reject_ratio, read.dedupe, read.lineage), (0, 1.0, true, false));
    assert_eq!(read.compression, Compression::Snappy);
    assert_eq!(read.timezone, Zone::Named(chrono_tz::Europe::Berlin));
    assert_eq!(read.target_file_mb, Some(128));
    assert_eq!(
        config(r#"{"records_path":"data.items"}"#).records_path,
        Some(vec!["data".into(), "items".into()])
    );
    assert_eq!(config(r#"{"timezone":"-03:30"}"#).timezone.to_string(), "-03:30");
    assert_eq!(config(r#"{"timezone":"Z"}"#).timezone, Zone::UTC);
}

#[test]
fn mistakes_are_named() {
    for (text, expected) in [
        ("{", "processing_config is not valid JSON at line 1, column 2: "),
        ("[]", "processing_config: expected an object, found array"),
        (
            r#"{"partion_by":"date"}"#,
            r#"processing_config: unknown key "partion_by"; did you mean "partition_by"?"#,
        ),
        (
            r#"{"partition_by":"day"}"#,
            r#"processing_config: "partition_by" cannot be "day"; known are date, hour, month, none"#,
        ),
        (r#"{"write_mode":"append","mode":"append"}"#, "processing_config: \"mode\" is a synonym"),
        (
            r#"{"write_mode":"merge"}"#,
            r#"processing_config: "write_mode" cannot be "merge"; known are append, overwrite, upsert"#,
        ),
        (r#"{"max_rejects":-1}"#, r#"processing_config: "max_rejects" must be a whole number"#),
        (
            r#"{"max_reject_ratio":50}"#,
            r#"processing_config: "max_reject_ratio" must be a number from 0 to 1, found 50"#,
        ),
        (r#"{"max_reject_ratio":1e999}"#, r#"processing_config: "max_reject_ratio" must be"#),
        (
            r#"{"max_columns":0}"#,
            r#"processing_config: "max_columns" must be a number from 1 to 10000, found 0"#,
        ),
        (r#"{"max_columns":10001}"#, r#"processing_config: "max_columns" must be a number from 1"#),
        (r#"{"target_file_mb":0}"#, r#"processing_config: "target_file_mb" must be 1 or more"#),
        (
            r#"{"timezone":"Europe/Berlim"}"#,
            r#"processing_config: unknown timezone "Europe/Berlim"; did you mean "Europe/Berlin"?"#,
        ),
        (r#"{"timezone":"+25:00"}"#, "processing_config: unknown timezone"),
        (
            r#"{"records_path":"a..b"}"#,
            r#"processing_config: "records_path" cannot be "a..b", which is neither"#,
        ),
        (r#"{"records_path":"/a~2"}"#, r#"processing_config: "records_path" cannot be "/a~2""#),
        (
            r#"{"lineage":"false"}"#,
            r#"processing_config: "lineage" must be true or false, found "false" (text)"#,
        ),
        (r#"{"dedupe":true,"dedupe":false}"#, r#"processing_config: the key "dedupe" occurs twice"#),
    ] {
        let found = fault(text);
        assert!(found.starts_with(expected), "{text}\n  expected {expected}\n  found    {found}");
    }
}

#[test]
fn what_this_version_cannot_do_is_refused_with_what_to_write_instead() {
    let found = fault(r#"{"format":"iceberg"}"#);
    assert!(found.starts_with("processing_config: this version "), "{found}");
    assert!(found.contains("write \"format\": \"parquet\""), "{found}");
}

#[test]
fn the_configuration_must_suit_the_schema() {
    let keyless = compile(r#"{"fields":[{"name":"a","type":"long"}]}"#).expect("a definition");
    for text in [r#"{"mode":"upsert"}"#, r#"{"dedupe":true}"#] {
        let bad = config(text).check(&keyless, "date").expect_err("no key").to_string();
        assert!(bad.contains("works by primary key"), "{bad}");
        assert_eq!(check(text, "date"), "");
    }
    assert!(check(r#"{"partition_source":"att"}"#, "date").contains("no column; did you mean \"at\"?"));
    assert!(check(r#"{"partition_source":"id"}"#, "date").contains("of type long"));
    assert_eq!(check(r#"{"partition_source":"at"}"#, "date"), "");
}

#[test]
fn the_partition_column_has_a_name_of_its_own() {
    assert_eq!(check("{}", "date"), "");
    assert!(check("{}", "ID").contains("is also the name of a field"));
    assert!(check("{}", "day").contains("is also the name of a field"));
    assert_eq!(check(r#"{"partition_source":"Day"}"#, "day"), "");
    assert!(check(r#"{"partition_source":"Day","partition_by":"month"}"#, "Day").contains("also the name"));
    assert!(check(r#"{"partition_source":"at"}"#, "at").contains("also the name"));
    assert_eq!(check(r#"{"partition_by":"none"}"#, "id"), "");
    for name in ["", "_load_id", "../x", "a=b", "a b", "1st", "a\nb", ".x"] {
        assert!(check("{}", name).contains("cannot name a folder"), "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"[\[\]{}",:0-9a-z_/~+ -]{0,60}"#) {
        let _ = ProcessingConfig::parse(&text);
        let _ = ProcessingConfig::parse(&format!(r#"{{"timezone":{text:?},"records_path":{text:?}}}"#));
    }
}

#[test]
fn what_is_known_of_csv_files_is_read() {
    let csv = config(
        r#"{"csv":{"delimiter":"tab","quote":"","escape":"\\","header":false,"columns":["id","name"],
            "encoding":"Latin1","null":["","NA"]}}"#,
    )
    .csv;
    let expected = CsvSettings {
        delimiter: Some(b'\t'),
        quote: Some(Quote::Never),
        escape: Some(b'\\'),
        header: Some(false),
        columns: Some(vec!["id".into(), "name".into()]),
        encoding: Some(encoding_rs::WINDOWS_1252),
        nulls: Some(vec![String::new(), "NA".into()]),
    };
    assert_eq!(csv, Some(expected));
    assert_eq!(config(r#"{"csv":{}}"#).csv, Some(CsvSettings::default()));
}

#[test]
fn mistakes_in_csv_settings_name_the_key() {
    for (text, expected) in [
        (
            r#"{"csv":{"delimeter":";"}}"#,
            r#"processing_config: unknown key "delimeter"; did you mean "delimiter"?"#,
        ),
        (
            r#"{"csv":{"delimiter":"||"}}"#,
            r#"processing_config: "csv.delimiter" must be one ASCII character that is no letter, digit, NUL or line end, found "||" (text)"#,
        ),
        (
            r#"{"csv":{"encoding":"windows1252x"}}"#,
            r#"processing_config: "csv.encoding" cannot be "windows1252x"; did you mean "windows-1252"?"#,
        ),
        (
            r#"{"csv":{"delimiter":"\"","quote":"\""}}"#,
            r#"processing_config: "csv" gives one character two meanings; delimiter, quote and escape must differ"#,
        ),
        (r#"{"csv":1}"#, r#"processing_config: "csv" must be an object, found 1 (number)"#),
    ] {
        assert_eq!(fault(text), expected);
    }
}

#[test]
fn files_are_expected_on_a_schedule_with_a_grace() {
    let expected = |text: &str| config(text).expected_every.expect("expected");
    let daily = ExpectedEvery { cron: "0 6 * * *".into(), grace_minutes: 60 };
    assert_eq!(expected(r#"{"expected_every": "0 6 * * *"}"#), daily);
    assert_eq!(
        expected(r#"{"timezone": "+05:30", "expected_every": {"cron": "0 6 * * *", "grace_minutes": 0}}"#),
        ExpectedEvery { grace_minutes: 0, ..daily }
    );
    assert_eq!(config(r#"{"expected_every": null}"#).expected_every, None);
    let fault = |text: &str| ProcessingConfig::parse(text).expect_err("bad").to_string();
    for (text, expected) in [
        (r#"{"expected_every": "daily at six"}"#, "schedule 'daily at six' is not a cron expression"),
        (r#"{"expected_every": {"grace_minutes": 5}}"#, "must be a cron expression, or an object with one"),
        (
            r#"{"expected_every": {"cron": "@daily", "grace": 5}}"#,
            "unknown key \"grace\"; known are cron, grace_minutes",
        ),
        (r#"{"expected_every": {"cron": "@daily", "grace_minutes": 99999}}"#, "at most 44640, 31 days"),
        (r#"{"expected_every": 6}"#, "must be a cron expression, or an object with one"),
    ] {
        assert!(fault(text).contains(expected), "{text}: {}", fault(text));
    }
}
