//! What happens when the database goes away, comes back, or is full.

use std::time::{Duration, Instant};

use lakegate::metadata::{Kind, Metadata, MetadataError};

use super::cluster::Cluster;
use super::fixture::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgres_is_survived() {
    let cluster = Cluster::start();
    let fixture = Fixture::at(cluster.database()).await;
    fixture.metadata.migrate().await.expect("migrated");
    let mut changes = fixture.metadata.changes();
    changes.next().await;
    let open = fixture.queued(&["before.json"]).await;

    cluster.down();
    let began = Instant::now();
    let error = fixture.metadata.live_files().await.expect_err("nobody is there");
    assert_eq!(error.kind(), Kind::Transient, "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let error = fixture.metadata.vanish(&[(open[0], 0)]).await.expect_err("nobody is there");
    assert_eq!(error.kind(), Kind::Transient, "{error:?}");
    let error = Metadata::connect(&fixture.url).await.expect_err("nobody is there");
    assert_eq!(error.kind(), Kind::Transient, "{error:?}");
    assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");

    cluster.up();
    tokio::time::timeout(Duration::from_secs(5), changes.next()).await.expect("it wakes after the outage");
    assert_eq!(fixture.metadata.live_files().await.expect("read").len(), 1);
    fixture.queued(&["after.json"]).await;
    let insert =
        "INSERT INTO table_metadata (table_name, file_type, schema_definition) VALUES ('a', 'a', '{}')";
    fixture.by_hand(insert);
    tokio::time::timeout(Duration::from_secs(2), changes.next()).await.expect("it listens again");
    cluster.down();
}

#[tokio::test]
async fn a_full_disk_undoes_the_work_and_the_next_one_is_durable() {
    let fixture = Fixture::sqlite().await;
    let metadata = &fixture.metadata;
    let before = fixture.queued(&["before.json"]).await.len();
    // A limit on pages is as good as a full disk; it belongs to the one connection that writes.
    let pages: i64 = fixture.by_hand("PRAGMA page_count").parse().expect("a number");
    metadata.execute_dml(&format!("PRAGMA max_page_count = {}", pages + 2)).await.expect("limited");
    let names: Vec<_> = (0..2000).map(|n| format!("a rather long name, number {n}.json")).collect();
    let names: Vec<_> = names.iter().map(|name| super::fixture::queued_file(name)).collect();
    let error = metadata.discover(&names).await.expect_err("the disk is full");
    assert_eq!(error.kind(), Kind::Transient, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("disk")), "{error:?}");
    assert_eq!(fixture.by_hand("SELECT count(*) FROM files"), before.to_string());

    // Raising the limit again is what freeing space would do; what follows must really be committed.
    metadata.execute_dml("PRAGMA max_page_count = 1000000").await.expect("freed");
    metadata.discover(&names).await.expect("written");
    assert_eq!(fixture.by_hand("SELECT count(*) FROM files"), (before + 2000).to_string());
}

#[tokio::test]
async fn another_writer_is_waited_for() {
    let fixture = Fixture::sqlite().await;
    let path = fixture.url.trim_start_matches("sqlite://").to_owned();
    let mut other = std::process::Command::new("sqlite3")
        .args(["-batch", &path])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed");
    let mut input = other.stdin.take().expect("piped");
    let mut output = std::io::BufReader::new(other.stdout.take().expect("piped"));
    std::io::Write::write_all(&mut input, b"BEGIN IMMEDIATE; SELECT 'locked';\n").expect("written");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).expect("read");
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        std::io::Write::write_all(&mut input, b"COMMIT;\n").expect("written");
    });
    let began = Instant::now();
    assert_eq!(fixture.queued(&["a.json"]).await.len(), 1);
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    release.await.expect("no panic");
    other.wait().expect("ended");
}

#[tokio::test]
async fn addresses_that_lead_nowhere_say_whose_business_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "this is no database, but it is long enough to look like a header of one")
        .expect("written");
    for (url, kind) in [
        (format!("sqlite://{}", file.display()), Kind::User),
        (format!("sqlite://{}/metadata.db", file.display()), Kind::User),
        ("sqlite::memory:".to_owned(), Kind::User),
        ("postgres://u:secret@127.0.0.1:1/db".to_owned(), Kind::Transient),
        (Cluster::shared().database() + "_missing", Kind::User),
    ] {
        let error = Metadata::connect(&url).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    }
    let missing = Metadata::connect(&(Cluster::shared().database() + "_missing")).await.expect_err("refused");
    assert!(matches!(missing, MetadataError::Open { .. }));
    assert_eq!(missing.hint(), Some("create the database first: createdb NAME"));
}
