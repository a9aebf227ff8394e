//! Ten thousand files at once; the times are printed, not judged.

use std::time::Instant;

use lakegate::metadata::loads::Intent;

use super::fixture::{data_file, on_both, processed, queued_file};

const FILES: i64 = 10_000;

on_both! {
    async fn ten_thousand_files_travel_in_a_handful_of_statements(fixture) {
        let metadata = &fixture.metadata;
        let database = if metadata.is_sqlite() { "SQLite" } else { "PostgreSQL" };
        let mut began = Instant::now();
        let mut lap = |step: &str| {
            println!("{database}: {step} {:?}", began.elapsed());
            began = Instant::now();
        };
        let files: Vec<_> = (0..FILES).map(|n| queued_file(&format!("orders_{n:014}.json"))).collect();
        let ids = metadata.discover(&files).await.expect("discovered");
        lap("discover");
        assert_eq!(ids.len() as i64, FILES);
        assert_eq!(metadata.live_files().await.expect("read").len() as i64, FILES);
        lap("live_files");
        let load = fixture.begin("owner-1").await;
        let keys: Vec<_> = ids.iter().map(|id| (*id, 0)).collect();
        assert_eq!(metadata.claim(load, "owner-1", &keys).await.expect("claimed").len() as i64, FILES);
        lap("claim");
        let paths: Vec<_> = ids.iter().map(|id| (*id, format!("source_data/processing/orders/{id}.json"))).collect();
        assert_eq!(metadata.moved(&paths).await.expect("moved").len() as i64, FILES);
        lap("moved");
        let hashes: Vec<_> = ids.iter().map(|id| format!("{id:064x}")).collect();
        assert!(metadata.find_loaded("orders", &hashes).await.expect("read").is_empty());
        lap("find_loaded");
        let outcomes = ids.iter().zip(&hashes).map(|(id, hash)| processed(*id, hash, 3)).collect();
        let intent =
            Intent { data_files: vec![data_file("p/1", 3 * FILES)], files: outcomes, ..Intent::default() };
        metadata.stage(load, &intent).await.expect("staged");
        lap("stage");
        metadata.commit(load).await.expect("committed");
        lap("commit");
        assert_eq!(metadata.settled(&paths).await.expect("settled").len() as i64, FILES);
        lap("settled");
        let found = metadata.find_loaded("orders", &hashes).await.expect("read");
        assert_eq!(found.len() as i64, FILES);
        lap("find_loaded, all of them loaded");
    }
}
