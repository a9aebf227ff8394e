//! `lakegate types promote`: from `_rescued` into a column, for the rows that are there.

use std::process::Command;

use lakegate::crash::PLACES_OF_SCHEMAS;

use crate::ingest::bench::Bench;
use crate::recovery::delivery::Delivery;

const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long"},{"name":"at","type":"timestamp"},{"name":"c","type":"struct","fields":[{"name":"x","type":"long"}]}]}"#;

#[test]
fn rows_that_have_the_field_get_it_and_the_others_stay_as_they_are() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1,"n":7,"x":[1]},{"id":2},{"id":3,"n":8}]"#)]);
    bench.load(&[("t_20220102.json", br#"[{"id":4}]"#)]);
    bench.load(&[("t_20220103.json", br#"[{"id":5,"n":9}]"#)]);
    let untouched = bench.rows("SELECT path FROM data_files WHERE path LIKE '%2022-01-02%'");
    let ran = bench.place.json(&["types", "promote", "t", "n", "--json"]);
    assert_eq!(
        (ran["added"].clone(), ran["type"].clone(), ran["rows_filled"].clone(), ran["data_files"].clone()),
        (true.into(), "long".into(), 3.into(), 2.into())
    );
    assert_eq!(
        bench.rows("SELECT id, n, _rescued AS r, _source_file AS f FROM t ORDER BY id"),
        [
            r#"{"id":1,"n":7,"r":"{\"x\":[1]}","f":"t_20220101.json"}"#,
            r#"{"id":2,"n":null,"r":null,"f":"t_20220101.json"}"#,
            r#"{"id":3,"n":8,"r":null,"f":"t_20220101.json"}"#,
            r#"{"id":4,"n":null,"r":null,"f":"t_20220102.json"}"#,
            r#"{"id":5,"n":9,"r":null,"f":"t_20220103.json"}"#,
        ]
    );
    assert_eq!(
        bench.rows("SELECT path FROM data_files WHERE state = 'live' AND path LIKE '%2022-01-02%'"),
        untouched
    );
    assert_eq!(
        bench.rows(
            "SELECT count(*) AS n FROM loads WHERE id > 3 AND state = 'committed' AND schema_version = 2"
        ),
        [r#"{"n":1}"#]
    );
    let again = bench.place.json(&["types", "promote", "t", "n", "--json"]);
    assert_eq!(
        (again["added"].clone(), again["rows_filled"].clone(), again["loads"].to_string()),
        (false.into(), 0.into(), "[]".into())
    );
    // The drift is accepted by that.
    bench.pass();
    assert_eq!(
        bench.rows("SELECT field, status FROM schema_drift ORDER BY field"),
        [r#"{"field":"/n","status":"accepted"}"#, r#"{"field":"/x","status":"open"}"#]
    );
}

#[test]
fn values_that_do_not_fit_stay_and_are_counted() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1,"n":7},{"id":2,"n":"N/A"},{"id":3,"n":null}]"#)]);
    let ran = bench.place.json(&["types", "promote", "t", "n", "--type", "long", "--json"]);
    assert_eq!((ran["rows_filled"].clone(), ran["rows_left"].clone()), (1.into(), 1.into()));
    assert!(ran["examples_left"][0].as_str().expect("text").contains("N/A"), "{ran}");
    assert_eq!(
        bench.rows("SELECT id, n, _rescued AS r FROM t ORDER BY id"),
        [
            r#"{"id":1,"n":7,"r":null}"#,
            r#"{"id":2,"n":null,"r":"{\"n\":\"N/A\"}"}"#,
            r#"{"id":3,"n":null,"r":"{\"n\":null}"}"#,
        ]
    );
}

#[test]
fn members_of_objects_and_cells_of_csv_are_promoted_too() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[
        ("t_20220101.json", br#"[{"id":1,"c":{"x":1,"vip":true,"y":2}},{"id":2,"c":{"x":2}},{"id":3}]"#),
        ("t_20220102.csv", b"id,price\n4,1.50\n5,\n"),
    ]);
    bench.place.json(&["types", "promote", "t", "c.vip", "--json"]);
    let ran = bench.place.json(&["types", "promote", "t", "price", "--type", "decimal(9,2)", "--json"]);
    assert_eq!(ran["rows_filled"], 1);
    assert_eq!(
        bench.rows("SELECT id, c['x'] AS x, c['vip'] AS vip, price, _rescued AS r FROM t ORDER BY id"),
        [
            r#"{"id":1,"x":1,"vip":true,"price":null,"r":"{\"c\":{\"y\":2}}"}"#,
            r#"{"id":2,"x":2,"vip":null,"price":null,"r":null}"#,
            r#"{"id":3,"x":null,"vip":null,"price":null,"r":null}"#,
            r#"{"id":4,"x":null,"vip":null,"price":1.50,"r":null}"#,
            r#"{"id":5,"x":null,"vip":null,"price":null,"r":null}"#,
        ]
    );
}

#[test]
fn what_cannot_be_promoted_is_said_with_the_way_out() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_20220101.json", br#"[{"id":1,"e":null,"n":1}]"#)]);
    for (args, part) in [
        (&["nothing", "n"][..], "there is no table or type \"nothing\""),
        (&["t", "gone"], "no row of t has /gone in _rescued"),
        (&["t", "e"], "tells no type"),
        (&["t", "id", "--type", "string"], "the schema has /id as long, not as string"),
        (&["t", "n", "--type", "numbr"], "did you mean"),
        (&["t", "/l/*/x"], "inside a list or a map"),
    ] {
        let ran = bench.place.run(&[&["types", "promote"], args].concat());
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.talk);
        assert!(ran.talk.contains(part) && ran.talk.contains("hint:"), "{args:?}: {}", ran.talk);
    }
    assert_eq!(bench.rows("SELECT count(*) AS n FROM schema_versions"), [r#"{"n":1}"#]);
}

#[test]
fn jobs_compute_the_days_again_and_merged_files_keep_their_order() {
    let bench = Bench::with_type(FIELDS, "{}");
    bench.load(&[("t_2022010101.json", br#"[{"id":1,"at":"2022-01-01T00:00:00Z","n":1}]"#)]);
    bench.load(&[("t_2022010102.json", br#"[{"id":2,"at":"2022-01-01T00:00:00Z","n":2}]"#)]);
    bench.load(&[("t_2022010201.json", br#"[{"id":3,"at":"2022-01-02T00:00:00Z"}]"#)]);
    let config = "UPDATE table_metadata SET schema_definition = replace(schema_definition, '{\"fields\":[', '{\"fields\":[{\"name\":\"n\",\"type\":\"long\"},')";
    bench.place.run(&["sql", config]);
    let job =
        "INSERT INTO jobs (name, target_table, source_table, time_column, query) VALUES ('j', 'j', 't', 'at',
        'SELECT CAST(at AS DATE) AS day, sum(n) AS n, count(*) AS rows FROM t GROUP BY 1')";
    assert_eq!(bench.place.run(&["sql", job]).code, 0);
    assert_eq!(bench.place.run(&["compact", "t"]).code, 0);
    bench.place.run(&["jobs", "run", "j"]);
    assert_eq!(
        bench.rows("SELECT day, n FROM j ORDER BY day"),
        [r#"{"day":"2022-01-01","n":null}"#, r#"{"day":"2022-01-02","n":null}"#]
    );
    let origins = "SELECT o.origin_id AS o, o.rows AS n FROM data_file_origins o JOIN data_files d ON d.id = o.data_file_id WHERE d.state = 'live' ORDER BY o.at_row";
    let before = bench.rows(origins);
    bench.place.json(&["types", "promote", "t", "n", "--json"]);
    assert_eq!(&bench.rows(origins)[..2], &before[..2]);
    let ran = bench.place.run(&["jobs", "run", "j"]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert_eq!(
        bench.rows("SELECT day, n FROM j ORDER BY day"),
        [r#"{"day":"2022-01-01","n":3}"#, r#"{"day":"2022-01-02","n":null}"#]
    );
}

#[test]
fn a_crash_at_any_place_is_made_good_by_promoting_again() {
    for place in
        PLACES_OF_SCHEMAS.into_iter().filter(|place| place.starts_with("promote")).chain(["mid-publish"])
    {
        let delivery = Delivery::empty(None);
        delivery.place.write("t.json", r#"{"fields":[{"name":"id","type":"long"}]}"#);
        delivery.run(&["types", "add", "t", "--schema", "t.json"], |_| {});
        for day in 1..4 {
            delivery.drop_in(
                &format!("t_2022010{day}.json"),
                &format!(r#"[{{"id":{day},"n":{day}}},{{"id":0}}]"#),
            );
        }
        delivery.ingest(|_| {});
        let crash = |command: &mut Command| {
            command.env("LAKEGATE_CRASH_AT", place);
        };
        let ran = delivery.run(&["types", "promote", "t", "n"], crash);
        assert_eq!(ran.signal, Some(9), "{place}: {}", ran.talk);
        assert_eq!(delivery.count("t"), 6, "{place}: readers see whole commits");
        let again = delivery.run(&["types", "promote", "t", "n"], |_| {});
        assert_eq!(again.code, Some(0), "{place}: {}", again.talk);
        let rows = delivery.ask("SELECT count(*) AS rows, sum(n) AS n, count(_rescued) AS r FROM t");
        assert_eq!(rows[0].to_string(), r#"{"rows":6,"n":6,"r":0}"#, "{place}");
        delivery.ingest(|_| {});
        delivery.assert_tidy(place);
    }
}
