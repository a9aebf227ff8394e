//! CSV files, from the folder to the table.

use super::bench::Bench;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long","nullable":false},{"name":"s","type":"string","aliases":["text"]}]}"#;

#[test]
fn every_way_of_writing_csv_gives_the_same_rows() {
    let bench = Bench::with_type(FIELDS, "{}");
    let utf16: Vec<u8> = "\u{feff}id\ts\n1\tä\n2\tb\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let zstd = zstd::encode_all(&b"s\tid\n\xc3\xa4\t1\nb\t2\n"[..], 1).expect("zstd");
    let ran = bench.load(&[
        ("t_20220101.csv", "id,s\n1,ä\n2,b\n".as_bytes()),
        ("t_20220102.csv", "\u{feff}id;s\r\n1;\"ä\"\r\n2;b".as_bytes()),
        ("t_20220103.tsv", "id\ttext\r1\tä\r2\tb\r".as_bytes()),
        ("t_20220104.csv", &utf16),
        ("t_20220105.csv", b"id,s\n1,\xe4\n2,b\n"),
        ("t_20220106.tsv.zst", &zstd),
        ("t_20220107.csv", "1,ä\n2,b\n".as_bytes()),
        ("t_20220108.json", "[{\"id\":1,\"s\":\"ä\"},{\"id\":2,\"s\":\"b\"}]".as_bytes()),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let rows = bench.rows(
        "SELECT date, sum(id) AS ids, string_agg(s, '' ORDER BY id) AS s FROM t GROUP BY date ORDER BY date",
    );
    let expected: Vec<String> =
        (1..=8).map(|day| format!(r#"{{"date":"2022-01-0{day}","ids":3,"s":"äb"}}"#)).collect();
    assert_eq!(rows, expected);
    assert!(ran.talk.contains("read as windows-1252"), "{}", ran.talk);
    assert!(ran.talk.contains("looks like data"), "{}", ran.talk);
}

#[test]
fn an_unknown_csv_type_registers_itself_and_loads_when_it_is_activated() {
    let bench = Bench::new();
    let text = "trip;zip;fare;paid;at;note;seen\n1;01234;12.50;true;2022-01-01T08:00:00Z;\"a; b\";2022-01-01\n\
                2;90210;7;false;2022-01-01T09:00:00Z;;2022-01-02\n";
    bench.load(&[("trips_20220105.csv", text.as_bytes())]);
    assert_eq!(bench.states(), ["trips_20220105.csv waiting type.inactive"]);
    let row = &bench.ask("SELECT schema_definition, description FROM table_metadata")[0];
    assert_eq!(row["description"], "inferred from 2 records of trips_20220105.csv (CSV, delimiter ';')");
    let definition = row["schema_definition"].as_str().expect("text");
    for kind in [
        r#""trip", "type": "long""#,
        r#""zip", "type": "string""#,
        r#""fare", "type": "double""#,
        r#""paid", "type": "boolean""#,
        r#""at", "type": "timestamp""#,
        r#""seen", "type": "date""#,
    ] {
        assert!(definition.replace("\":\"", "\": \"").contains(kind), "{kind} in {definition}");
    }
    let changed =
        bench.place.run(&["sql", "UPDATE table_metadata SET status='active' WHERE file_type='trips'"]);
    assert_eq!(changed.code, 0, "{}", changed.talk);
    assert_eq!(bench.pass().code, 0);
    assert_eq!(
        bench.rows("SELECT trip, zip, fare, paid, at, note, seen FROM trips ORDER BY trip"),
        [
            r#"{"trip":1,"zip":"01234","fare":12.5,"paid":true,"at":"2022-01-01T08:00:00Z","note":"a; b","seen":"2022-01-01"}"#,
            r#"{"trip":2,"zip":"90210","fare":7,"paid":false,"at":"2022-01-01T09:00:00Z","note":null,"seen":"2022-01-02"}"#,
        ]
    );
}

#[test]
fn bad_records_of_a_csv_file_are_kept_with_their_exact_place() {
    let bench = Bench::with_type(FIELDS, "{}");
    let text = "id,s\n1,a\nx,b\n2,\"c\n d\"\n3\n4,e,f\n5,\"g\"h\n,i\n6,j\n7,k\n8,l\n9,m\n";
    let ran = bench.load(&[("t_20220101.csv", text.as_bytes())]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.rows("SELECT sum(id) AS ids FROM t"), [r#"{"ids":33}"#]);
    let rejects = bench
        .ask("SELECT record_number, byte_offset, pointer, rule, raw FROM rejects ORDER BY record_number");
    let told: Vec<_> = rejects
        .iter()
        .map(|reject| {
            let offset = reject["byte_offset"].as_u64().expect("an offset") as usize;
            let raw = reject["raw"].as_str().expect("text");
            assert!(text[offset..].starts_with(raw), "{reject}");
            format!("{} {} {} {raw}", reject["record_number"], reject["pointer"], reject["rule"])
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"2 "/id" "record.type" x,b"#,
            r#"4 "" "record.columns" 3"#,
            r#"5 "" "record.columns" 4,e,f"#,
            r#"6 "" "record.syntax" 5,"g"h"#,
            r#"7 "/id" "record.required" ,i"#,
        ]
    );
    let files =
        bench.rows("SELECT records_read AS r, records_written AS w, records_rejected AS x FROM files");
    assert_eq!(files, [r#"{"r":11,"w":6,"x":5}"#]);
}

#[test]
fn a_csv_file_that_cannot_be_right_fails_with_its_code() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[
        ("t_20220101.csv", b"x,y\n1,2\n"),
        ("t_20220102.csv", b"s,idd\na,1\n"),
        ("t_20220103.csv", b"id,s,id\n1,a,2\n"),
        ("t_20220104.csv", b"id,s\n1,\"a\n2,b\n"),
        ("t_20220105.csv", b""),
        ("t_20220106.csv", b"i\0d\0,\0s\0\n\0"),
        ("t_20220107.csv", b"id,s\n1,a\n"),
    ]);
    assert_eq!(
        bench.states(),
        [
            "t_20220101.csv failed csv.header",
            "t_20220102.csv failed csv.missing_column",
            "t_20220103.csv failed csv.duplicate_column",
            "t_20220104.csv failed csv.unterminated_quote",
            "t_20220105.csv failed file.empty",
            "t_20220106.csv failed file.encoding",
            "t_20220107.csv processed -",
        ]
    );
}

#[test]
fn settings_say_how_the_csv_files_of_a_type_are_written() {
    let config = r#"{"csv":{"delimiter":"|","columns":["s","id"],"encoding":"windows-1251","null":["-"]},"partition_by":"none"}"#;
    let bench = Bench::with_type(FIELDS, config);
    bench.place.run(&["sql", "UPDATE table_metadata SET file_pattern='^feed\\.dat$'"]);
    let ran = bench.load(&[("feed.dat", b"\xef\xf0|1\n-|2\n|3\n")]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT id, s FROM t ORDER BY id"),
        [r#"{"id":1,"s":"пр"}"#, r#"{"id":2,"s":null}"#, r#"{"id":3,"s":""}"#]
    );
}
