use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Field;

use super::fixture::Fixture;
use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns of one length")
}

fn ints(values: &[i32]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn longs(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn micros(values: &[i64]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC"))
}

#[tokio::test]
async fn a_table_is_the_files_that_the_ledger_lists() {
    let lake = Fixture::new().await;
    lake.load("t", Some("2025-01-01"), batch(vec![("id", longs(&[1, 2]))]), &[]).await;
    let stray = lake.lake.place("raw_data/t/date=2025-01-01/stray.parquet");
    std::fs::write(&stray, b"not a data file").expect("written");
    assert_eq!(lake.ask("SELECT * FROM t ORDER BY id").await, "id,date\n1,2025-01-01\n2,2025-01-01\n");
    assert_eq!(lake.ask("SELECT count(*) AS n FROM t").await, "n\n2\n");
}

#[tokio::test]
async fn files_of_every_version_are_read_as_one_table() {
    let lake = Fixture::new().await;
    lake.load("t", Some("2025-01-01"), batch(vec![("id", ints(&[1])), ("v", ints(&[7]))]), &[]).await;
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
    let new = batch(vec![("id", longs(&[i64::MAX])), ("v", doubles), ("name", texts(&["x"]))]);
    lake.load("t", Some("2025-01-02"), new, &[]).await;
    assert_eq!(
        lake.ask("SELECT id, v, name, date FROM t ORDER BY date").await,
        "id,v,name,date\n1,7,,2025-01-01\n9223372036854775807,0.5,x,2025-01-02\n"
    );
    assert_eq!(lake.ask("SELECT id FROM t WHERE name = 'x' AND id > 5").await, "id\n9223372036854775807\n");
    assert_eq!(
        lake.ask("DESCRIBE t").await,
        "column_name,data_type\nid,long\nv,double\nname,string\ndate,date\n"
    );
}

#[tokio::test]
async fn nested_columns_grow_members() {
    let lake = Fixture::new().await;
    let of = |members: Vec<(&str, ArrayRef)>| -> ArrayRef {
        let members = members
            .into_iter()
            .map(|(name, array)| (Arc::new(Field::new(name, array.data_type().clone(), true)), array));
        Arc::new(StructArray::from(members.collect::<Vec<_>>()))
    };
    lake.load("t", None, batch(vec![("actor", of(vec![("id", ints(&[1]))]))]), &[]).await;
    let newer = of(vec![("login", texts(&["eve"])), ("id", longs(&[2]))]);
    lake.load("t", None, batch(vec![("actor", newer)]), &[]).await;
    assert_eq!(
        lake.ask("SELECT actor FROM t ORDER BY actor.id").await,
        "actor\n\"{\"\"login\"\":null,\"\"id\"\":1}\"\n\"{\"\"login\"\":\"\"eve\"\",\"\"id\"\":2}\"\n"
    );
    assert_eq!(lake.ask("SELECT actor.login AS l FROM t WHERE actor.login IS NOT NULL").await, "l\neve\n");
    assert_eq!(lake.ask("SELECT actor['id'] AS i FROM t WHERE actor.id = 2").await, "i\n2\n");
}

#[tokio::test]
async fn partitions_decide_which_files_are_opened() {
    let lake = Fixture::new().await;
    for (day, id) in [("2025-01-01", 1), ("2025-01-02", 2), ("__HIVE_DEFAULT_PARTITION__", 3)] {
        lake.load("t", Some(day), batch(vec![("id", longs(&[id]))]), &[]).await;
    }
    let missing = lake.ask("SELECT path FROM data_files WHERE partition_value = '2025-01-01'").await;
    let path = missing.lines().nth(1).expect("a path").to_string();
    // Known from the footer already; a query on another day must not open it.
    assert_eq!(lake.ask("SELECT count(id) AS n FROM t").await, "n\n3\n");
    std::fs::remove_file(lake.lake.place(&path)).expect("removed");
    assert_eq!(lake.ask("SELECT id FROM t WHERE date = '2025-01-02'").await, "id\n2\n");
    assert_eq!(lake.ask("SELECT id FROM t WHERE date IS NULL").await, "id\n3\n");
    assert_eq!(lake.ask("SELECT id FROM t WHERE date > DATE '2025-01-01' LIMIT 5").await, "id\n2\n");
    let gone = lake.engine.run("SELECT id FROM t").await.err().expect("a file is missing");
    assert!(matches!(gone, QueryError::FilesChanged), "{gone:?}");
}

#[tokio::test]
async fn a_type_without_data_is_an_empty_table() {
    let lake = Fixture::new().await;
    lake.add_type("orders", r#"[{"name":"id","type":"long"},{"name":"at","type":"timestamp"}]"#).await;
    assert_eq!(lake.ask("SELECT * FROM orders").await, "id,at,date\n");
    assert_eq!(lake.ask("SELECT count(*) AS n FROM ORDERS").await, "n\n0\n");
}

#[tokio::test]
async fn the_ledger_is_tables_and_its_names_win() {
    let lake = Fixture::new().await;
    lake.load("files", None, batch(vec![("id", longs(&[42]))]), &[]).await;
    assert_eq!(lake.ask("SELECT id FROM lake.files").await, "id\n42\n");
    assert_eq!(lake.ask("SELECT id FROM files").await, "id\n");
    assert_eq!(
        lake.ask("SELECT kind, state, rows_written FROM ledger.loads WHERE id = 1").await,
        "kind,state,rows_written\nreplay,committed,1\n"
    );
    assert_eq!(lake.ask("SELECT count(*) AS n FROM loads WHERE id = 9").await, "n\n0\n");
    assert_eq!(lake.ask("SELECT started_at < now() AS past FROM loads LIMIT 1").await, "past\ntrue\n");
    let tables = lake.ask("SHOW TABLES").await;
    assert!(
        tables.contains("lake.files,lake,true\n") && tables.contains("\nfiles,ledger,true\n"),
        "{tables}"
    );
}

#[tokio::test]
async fn the_ledger_is_read_page_by_page() {
    let lake = Fixture::new().await;
    let insert = "INSERT INTO alerts (code, subject, cause, message, fingerprint)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4321)
        SELECT 'c', 's', 'c', 'm' || i, 'f' || i FROM n";
    assert_eq!(lake.ask(insert).await, "changed 4321 in alerts");
    assert_eq!(lake.ask("SELECT count(*) AS n, max(id) AS m FROM alerts").await, "n,m\n4321,4321\n");
    assert_eq!(lake.ask("SELECT message FROM alerts WHERE id = 4000").await, "message\nm4000\n");
    assert_eq!(lake.ask("SELECT count(*) AS n FROM (SELECT * FROM alerts LIMIT 2500)").await, "n\n2500\n");
}

#[tokio::test]
async fn operators_change_their_tables_by_sql() {
    let lake = Fixture::new().await;
    lake.add_type("orders", r#"[{"name":"id","type":"long"}]"#).await;
    assert_eq!(
        lake.ask("UPDATE table_metadata SET status = 'paused' WHERE file_type = 'orders'").await,
        "changed 1 in table_metadata"
    );
    assert_eq!(lake.ask("SELECT status FROM table_metadata").await, "status\npaused\n");
    assert!(lake.ask("DELETE FROM loads").await.starts_with("error: loads is kept by Lakegate itself"));
    assert!(lake.ask("UPDATE table_metadata SET status = 'lively'").await.starts_with("error: "));
}

#[tokio::test]
async fn mistakes_are_explained() {
    let lake = Fixture::new().await;
    let columns = vec![("vehicleId", texts(&["a"])), ("speed", ints(&[1]))];
    lake.load("vehicle_events", None, batch(columns), &[]).await;
    assert_eq!(lake.ask("SELECT vehicleid FROM vehicle_events").await, "vehicleId\na\n");
    assert_eq!(
        lake.ask("SELECT * FROM vehicle_event").await,
        "error: there is no table \"vehicle_event\" / did you mean vehicle_events? SHOW TABLES lists every table"
    );
    assert_eq!(
        lake.ask("SELECT spede FROM vehicle_events").await,
        "error: there is no column \"spede\" / did you mean speed? A name with capitals or signs is written in \
         double quotes"
    );
    for (sql, part) in [
        ("SELECT FROM", "Expected: identifier"),
        ("SELECT no_such_function(1)", "no_such_function"),
        ("SELECT * FROM information_schema.tables", "there is no table"),
        ("SELECT * FROM '/etc/passwd'", "there is no table"),
    ] {
        let told = lake.ask(sql).await;
        assert!(told.starts_with("error: ") && told.contains(part), "{sql}: {told}");
        for noise in ["DataFusion", "caused by", "backtrace", "Arrow error"] {
            assert!(!told.contains(noise), "{told}");
        }
    }
}

#[tokio::test]
async fn expressions_keep_their_digits() {
    let lake = Fixture::new().await;
    let cases = [
        ("SELECT 0.1 + 0.2 AS x", "x\n0.3\n"),
        ("SELECT CAST('2025-01-01T00:00:00Z' AS TIMESTAMP) AS t", "t\n2025-01-01T00:00:00\n"),
        ("SELECT json_get_text('{\"a\":[1.10]}', '/a/0') AS x", "x\n1.10\n"),
        ("VALUES (1), (2)", "column1\n1\n2\n"),
        ("SELECT sum(value) AS s FROM generate_series(1, 4)", "s\n10\n"),
        ("WITH t AS (SELECT 1 AS a) SELECT a FROM t", "a\n1\n"),
    ];
    for (sql, expected) in cases {
        assert_eq!(lake.ask(sql).await, expected, "{sql}");
    }
    let plan = lake.ask("EXPLAIN SELECT count(*) FROM generate_series(1, 9)").await;
    assert!(plan.lines().count() > 4 && plan.lines().skip(1).all(|line| line.contains("_plan,")), "{plan}");
}

#[tokio::test]
async fn a_window_shows_some_days_and_the_order_of_arrival() {
    let lake = Fixture::new().await;
    let day = 86_400_000_000;
    // Late: rows of day 1 in a partition of day 2; two row orders that only the position can tell apart.
    lake.load(
        "t",
        Some("1970-01-02"),
        batch(vec![("at", micros(&[day, day])), ("v", texts(&["a", "b"]))]),
        &[],
    )
    .await;
    lake.load(
        "t",
        Some("1970-01-03"),
        batch(vec![("at", micros(&[day, 2 * day])), ("v", texts(&["c", "d"]))]),
        &[],
    )
    .await;
    let window = SourceWindow {
        table: "t".into(),
        time_column: "at".into(),
        files: lake.engine.lake_files("t").await.expect("listed").expect("a table"),
        days: Some(vec![DayRange {
            first: "1970-01-02".parse().expect("a date"),
            last: "1970-01-02".parse().expect("a date"),
        }]),
        since: 0,
    };
    let rows = lake.engine.run_windowed("SELECT v, _position FROM t ORDER BY _position", &window, None).await;
    let mut out = Vec::new();
    print::write(rows.expect("planned"), print::Format::Csv, print::Room::default(), &mut out)
        .await
        .expect("run");
    assert_eq!(String::from_utf8(out).expect("text"), "v,_position\na,0\nb,1\nc,1099511627776\n");
    assert!(lake.ask("SELECT _position FROM t").await.starts_with("error: there is no column"));
}

#[tokio::test]
async fn a_sort_larger_than_memory_spills() {
    let lake = Fixture::new().await;
    let names = (0..2_000_000)
        .map(|n| format!("{:032x}", (n as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(names));
    lake.load("t", None, batch(vec![("name", names)]), &[]).await;
    let limits = Limits { memory_bytes: 64 << 20, threads: 2 };
    let engine =
        Engine::new(lake.metadata.clone(), lake.lake.root().to_path_buf(), limits).expect("an engine");
    let sql = "SELECT count(name) AS n FROM (SELECT name, row_number() OVER (ORDER BY name) AS place FROM t) WHERE place > 0";
    let Answer::Rows(rows) = engine.run(sql).await.expect("spilled") else { panic!("rows") };
    assert_eq!(rows.collect().await.expect("spilled").iter().map(|b| b.num_rows()).sum::<usize>(), 1);
    let sql = "SELECT count(*) AS n FROM (SELECT name, count(*) AS c FROM t GROUP BY name ORDER BY c, name OFFSET 1)";
    let Answer::Rows(rows) = engine.run(sql).await.expect("spilled") else { panic!("rows") };
    assert_eq!(rows.collect().await.expect("spilled").iter().map(|b| b.num_rows()).sum::<usize>(), 1);
}
