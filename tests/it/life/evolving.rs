//! `on_unknown_field = evolve`: new fields become columns, in the load that brings them.

use std::process::Command;

use crate::ingest::bench::Bench;
use crate::recovery::delivery::Delivery;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"c","type":"struct","fields":[{"name":"x","type":"long"}]}]}"#;
const EVOLVE: &str = r#"{"on_unknown_field":"evolve"}"#;

#[test]
fn new_fields_become_columns_and_old_files_read_as_null() {
    let bench = Bench::with_type(FIELDS, EVOLVE);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"c":{"x":1}}]"#)]);
    let before = bench.rows("SELECT path FROM data_files");
    let ran = bench.load(&[(
        "t_20220102.json",
        br#"[{"id":2,"n":1,"c":{"x":2,"y":true}},{"id":3,"n":2.5,"when":"2024-01-01T00:00:00Z"},{"id":4,"n":null,"l":[{"a":1}]}]"#,
    )]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT id, c['x'] AS x, c['y'] AS y, n, \"when\", l[1]['a'] AS a, _rescued AS r FROM t ORDER BY id"),
        [
            r#"{"id":1,"x":1,"y":null,"n":null,"when":null,"a":null,"r":null}"#,
            r#"{"id":2,"x":2,"y":true,"n":1,"when":null,"a":null,"r":null}"#,
            r#"{"id":3,"x":null,"y":null,"n":2.5,"when":"2024-01-01T00:00:00Z","a":null,"r":null}"#,
            r#"{"id":4,"x":null,"y":null,"n":null,"when":null,"a":1,"r":null}"#,
        ]
    );
    assert_eq!(
        bench.rows("SELECT schema_version AS v, author AS by FROM schema_versions ORDER BY id"),
        [r#"{"v":1,"by":"operator"}"#, r#"{"v":2,"by":"evolved"}"#]
    );
    assert_eq!(bench.rows("SELECT schema_version AS v FROM loads ORDER BY id"), [r#"{"v":1}"#, r#"{"v":2}"#]);
    assert!(before.iter().all(|path| bench.rows("SELECT path FROM data_files").contains(path)), "no rewrite");
    assert_eq!(bench.rows("SELECT count(*) AS n FROM alerts"), [r#"{"n":0}"#]);
}

#[test]
fn types_that_conflict_within_a_file_widen_as_inference_does() {
    let bench = Bench::with_type(FIELDS, EVOLVE);
    bench.load(&[(
        "t_20220101.json",
        br#"[{"id":1,"a":1,"b":1,"d":"2024-01-01"},{"id":2,"a":1.5,"b":"x","d":"soon"},{"id":3,"e":null}]"#,
    )]);
    assert_eq!(
        bench.rows("SELECT id, a, b, d, _rescued AS r FROM t ORDER BY id"),
        [
            r#"{"id":1,"a":1,"b":"1","d":"2024-01-01","r":null}"#,
            r#"{"id":2,"a":1.5,"b":"\"x\"","d":"soon","r":null}"#,
            r#"{"id":3,"a":null,"b":null,"d":null,"r":"{\"e\":null}"}"#,
        ]
    );
    // Now a field is what it was found to be: what does not fit is rejected, as everywhere.
    bench.load(&[("t_20220102.json", br#"[{"id":4,"a":"x"},{"id":5},{"id":6}]"#)]);
    assert_eq!(bench.rows("SELECT pointer FROM rejects"), [r#"{"pointer":"/a"}"#]);
}

#[test]
fn csv_columns_evolve_as_what_their_cells_say() {
    let bench = Bench::with_type(r#"{"fields":[{"name":"id","type":"long"}]}"#, EVOLVE);
    bench.load(&[("t_20220101.csv", b"id,n,s,date\n1,7,x,2024-01-01\n2,8,,2024-01-02\n")]);
    assert_eq!(
        bench.rows("SELECT id, n, s, date_2, _rescued AS r FROM t ORDER BY id"),
        [
            r#"{"id":1,"n":7,"s":"x","date_2":"2024-01-01","r":null}"#,
            r#"{"id":2,"n":8,"s":null,"date_2":"2024-01-02","r":null}"#,
        ]
    );
}

#[test]
fn past_the_limit_nothing_is_added_and_nothing_is_lost() {
    let bench = Bench::with_type(FIELDS, r#"{"on_unknown_field":"evolve","max_columns":4}"#);
    let ran = bench.load(&[("t_20220101.json", br#"[{"id":1,"a":1,"b":2}]"#)]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(bench.rows("SELECT id, _rescued AS r FROM t"), [r#"{"id":1,"r":"{\"a\":1,\"b\":2}"}"#]);
    let alerts = bench
        .ask("SELECT code, message, hint FROM alerts WHERE code = 'schema.not_evolved' AND status = 'open'");
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0]["message"].as_str().expect("text").contains("max_columns, 4"), "{alerts:?}");
    assert!(alerts[0]["hint"].as_str().expect("text").contains("max_columns"), "{alerts:?}");
    bench.load(&[("t_20220102.json", br#"[{"id":2,"a":1}]"#)]);
    assert_eq!(bench.rows("SELECT id, a FROM t WHERE id = 2"), [r#"{"id":2,"a":1}"#]);
}

#[test]
fn a_field_that_was_a_column_of_another_type_does_not_come_back_as_one() {
    let bench =
        Bench::with_type(r#"{"fields":[{"name":"id","type":"long"},{"name":"v","type":"long"}]}"#, EVOLVE);
    bench.load(&[("t_20220101.json", br#"[{"id":1,"v":7}]"#)]);
    let dropped = r#"{"fields":[{"name":"id","type":"long"}]}"#;
    bench.place.run(&["sql", &format!("UPDATE table_metadata SET schema_definition = '{dropped}'")]);
    bench.load(&[("t_20220102.json", br#"[{"id":2,"v":"text"}]"#)]);
    assert_eq!(
        bench.rows("SELECT id, v, _rescued AS r FROM t ORDER BY id"),
        [r#"{"id":1,"v":7,"r":null}"#, r#"{"id":2,"v":null,"r":"{\"v\":\"text\"}"}"#]
    );
    assert_eq!(bench.rows("SELECT code FROM alerts WHERE status = 'open'").len(), 2);
    let ran = bench.place.run(&["types", "promote", "t", "v"]);
    assert!(ran.code == 2 && ran.talk.contains("cannot become string"), "{}", ran.talk);
    bench.load(&[("t_20220103.json", br#"[{"id":3,"v":8}]"#)]);
    assert_eq!(bench.rows("SELECT sum(v) AS v FROM t"), [r#"{"v":15}"#]);
}

#[test]
fn files_that_fail_teach_nothing() {
    let bench = Bench::with_type(FIELDS, EVOLVE);
    bench.load(&[("t_20220101.json", br#"[{"id":"a","new":1},{"id":"b"},{"id":3,"new":2}]"#)]);
    assert_eq!(bench.rows("SELECT count(*) AS n FROM schema_versions"), [r#"{"n":1}"#]);
}

#[test]
fn upserts_merge_rows_of_all_versions() {
    let keyed = r#"{"fields":[{"name":"id","type":"long"},{"name":"n","type":"int"}],"primary_key":["id"]}"#;
    let bench = Bench::with_type(
        keyed,
        r#"{"write_mode":"upsert","on_unknown_field":"evolve","partition_by":"none"}"#,
    );
    bench.load(&[("t_20220101.json", br#"[{"id":1,"n":1},{"id":2,"n":2}]"#)]);
    bench.load(&[("t_20220102.json", br#"[{"id":2,"n":20,"v":"new"},{"id":3,"v":"x"}]"#)]);
    let wider =
        "UPDATE table_metadata SET schema_definition = replace(schema_definition, '\"int\"', '\"long\"')";
    assert_eq!(bench.place.run(&["sql", wider]).code, 0);
    bench.load(&[("t_20220103.json", br#"[{"id":1,"n":5000000000,"w":true}]"#)]);
    assert_eq!(
        bench.rows("SELECT id, n, v, w FROM t ORDER BY id"),
        [
            r#"{"id":1,"n":5000000000,"v":null,"w":true}"#,
            r#"{"id":2,"n":20,"v":"new","w":null}"#,
            r#"{"id":3,"n":null,"v":"x","w":null}"#,
        ]
    );
    assert_eq!(bench.rows("SELECT count(*) AS n FROM data_files WHERE state = 'live'"), [r#"{"n":1}"#]);
}

#[test]
fn compaction_and_queries_cope_with_all_versions() {
    let bench = Bench::with_type(FIELDS, EVOLVE);
    for (name, text) in [
        ("t_2022010101.json", r#"[{"id":1}]"#),
        ("t_2022010102.json", r#"[{"id":2}]"#),
        ("t_2022010103.json", r#"[{"id":3,"n":1}]"#),
        ("t_2022010104.json", r#"[{"id":4,"n":2}]"#),
    ] {
        bench.load(&[(name, text.as_bytes())]);
    }
    let ran = bench.place.run(&["compact", "t"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT count(*) AS files, sum(rows) AS rows FROM data_files WHERE state = 'live'"),
        [r#"{"files":2,"rows":4}"#]
    );
    assert_eq!(bench.rows("SELECT sum(id) AS ids, sum(n) AS n FROM t"), [r#"{"ids":10,"n":3}"#]);
}

#[test]
fn a_crash_after_the_schema_has_evolved_loses_nothing() {
    for database in [None, Some(crate::metadata::cluster::Cluster::shared().database())] {
        let delivery = Delivery::empty(database);
        delivery.place.write("t.json", FIELDS);
        delivery.run(&["types", "add", "t", "--schema", "t.json", "--processing-config", EVOLVE], |_| {});
        delivery.drop_in("t_20220101.json", r#"[{"id":1,"n":1},{"id":"x"},{"id":3}]"#);
        let crash = |command: &mut Command| {
            command.env("LAKEGATE_CRASH_AT", "after-evolve");
        };
        assert_eq!(delivery.ingest(crash).signal, Some(9));
        assert_eq!(delivery.ingest(|_| {}).code, Some(0));
        assert_eq!(delivery.ask("SELECT id, n FROM t ORDER BY id").len(), 2);
        assert_eq!(delivery.count("rejects WHERE status = 'open'"), 1);
        assert_eq!(delivery.count("schema_versions"), 2);
        delivery.assert_tidy("after-evolve");
    }
}

#[test]
fn processes_that_evolve_a_schema_at_once_agree() {
    for database in [None, Some(crate::metadata::cluster::Cluster::shared().database())] {
        let delivery = Delivery::empty(database);
        delivery.place.write("t.json", FIELDS);
        delivery.run(&["types", "add", "t", "--schema", "t.json", "--processing-config", EVOLVE], |_| {});
        let mut children = Vec::new();
        for number in 0..6 {
            delivery.drop_in(
                &format!("t_2022010{}.json", number + 1),
                &format!(r#"[{{"id":{number},"f{number}":{number},"all":1}}]"#),
            );
            let mut command = delivery.command(&["ingest", "--json"]);
            command.env("LAKEGATE__INGEST__LOAD_MAX_FILES", "1");
            children.push(command.stdout(std::process::Stdio::null()).spawn().expect("started"));
        }
        children.into_iter().for_each(|mut child| drop(child.wait()));
        delivery.ingest(|_| {});
        let rows = delivery.ask("SELECT count(*) AS n, count(f0) AS f0, count(f5) AS f5, sum(\"all\") AS a, count(_rescued) AS r FROM t");
        assert_eq!(rows[0].to_string(), r#"{"n":6,"f0":1,"f5":1,"a":6,"r":0}"#);
    }
}

#[test]
fn a_record_that_a_check_or_a_key_refuses_makes_no_column() {
    let fields = r#"{"fields":[{"name":"id","type":"long","unique":true},{"name":"c","type":"struct","fields":[{"name":"x","type":"long"}]}],
        "checks":[{"name":"small","expr":"id < 10"}]}"#;
    let bench = Bench::with_type(fields, EVOLVE);
    bench.load(&[("t_20220101.json", br#"[{"id":1},{"id":2}]"#)]);
    // Of a row that stays, of one that repeats a key, of one that breaks a check; the last one has a value that would widen `a`.
    let rows = br#"[{"id":3,"a":1,"c":{"x":1,"y":2}},{"id":1,"b":1,"a":"x"},{"id":11,"z":1,"a":1.5,"c":{"w":1}},{"id":8},{"id":9}]"#;
    let ran = bench.load(&[("t_20220102.json", rows)]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT id, a, c['y'] AS y, _rescued AS r FROM t WHERE id = 3"),
        [r#"{"id":3,"a":1,"y":2,"r":null}"#]
    );
    let definition = bench.rows("SELECT schema_definition AS d FROM table_metadata").concat();
    for refused in ["\\\"b\\\"", "\\\"z\\\"", "\\\"w\\\"", "double", "json"] {
        assert!(!definition.contains(refused), "{refused} in {definition}");
    }
    // Without rows that stay, nothing is added; what the others had beside is not counted as rescued.
    bench.load(&[("t_20220103.csv", b"id,n\n1,7\n4,\n5,\n")]);
    assert_eq!(
        bench.rows(
            "SELECT records_written AS w, unknown_fields AS u FROM files WHERE name = 't_20220103.csv'"
        ),
        [r#"{"w":2,"u":0}"#]
    );
    assert_eq!(bench.rows("SELECT max(schema_version) AS v FROM schema_versions"), [r#"{"v":2}"#]);
    // In a replay, too.
    for change in [
        r#"UPDATE rejects SET fixed = '{"id":12,"q":1}' WHERE rule = 'check.small'"#,
        r#"UPDATE rejects SET fixed = '{"id":2,"p":1}' WHERE raw LIKE '%"b"%'"#,
        r#"UPDATE rejects SET fixed = '{"id":6,"s":1}' WHERE raw = '1,7'"#,
    ] {
        assert_eq!(bench.place.run(&["sql", change]).code, 0, "{change}");
    }
    assert_eq!(bench.place.run(&["rejects", "replay"]).code, 1);
    assert_eq!(bench.rows("SELECT id, s FROM t WHERE id = 6"), [r#"{"id":6,"s":1}"#]);
    let definition = bench.rows("SELECT schema_definition AS d FROM table_metadata").concat();
    assert!(!definition.contains("\\\"q\\\"") && !definition.contains("\\\"p\\\""), "{definition}");
}
