//! An orderly end under load.

use std::time::Duration;

use super::daemon::{Daemon, eventually};
use super::delivery::Delivery;

const FILES: usize = 400;

fn drop_many(delivery: &Delivery) {
    for number in 0..FILES {
        let records: String = (0..50).map(|id| format!("{{\"id\": {}}}\n", number * 50 + id)).collect();
        delivery.drop_in(&format!("orders_20250101-{number}.ndjson"), &records);
    }
}

#[test]
fn a_daemon_that_is_stopped_under_load_ends_in_order_and_the_next_one_goes_on() {
    let delivery = Delivery::empty(None);
    delivery.place.write("orders.json", r#"{"fields": [{"name": "id", "type": "long"}]}"#);
    delivery.run(&["types", "add", "orders", "--schema", "orders.json"], |_| {});
    let settled = || delivery.count("files WHERE location = 'settled'");
    drop_many(&delivery);
    for signal in ["TERM", "INT", "TERM"] {
        let daemon = Daemon::start(&delivery, |command| {
            command.env("LAKEGATE__INGEST__LOAD_MAX_FILES", "20");
        });
        let before = settled();
        eventually("a load ends", Duration::from_secs(20), || settled() > before || before == FILES as i64);
        let (status, took) = daemon.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert_eq!(delivery.count("loads WHERE state IN ('writing', 'staged')"), 0, "{signal}");
        assert_eq!(delivery.count("files WHERE state = 'processing'"), 0, "{signal}");
    }
    delivery.ingest(|_| {});
    delivery.assert_tidy("after three stops");
    let rows = delivery.ask("SELECT count(*) AS n, count(DISTINCT id) AS d FROM orders");
    assert_eq!((rows[0]["n"].as_u64(), rows[0]["d"].as_u64()), (Some(20_000), Some(20_000)));
}
