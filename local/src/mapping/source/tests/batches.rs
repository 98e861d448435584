//! Which records come together, and when.

use jiff::SignedDuration;

use super::*;
use crate::mapping::Filter;
use crate::mapping::testing::{done, texts};

#[tokio::test]
async fn a_full_batch_is_handed_over_at_once() {
    let mut world = World::new(|settings| settings.batch_records = 2, done);
    for number in 1..=5 {
        world.put(0, "spot|BTCUSDT", number.to_string()).await;
    }
    assert_eq!(world.events(), ["1 2", "3 4"]);
    assert_eq!(world.run(0).await.events(), ["1 2", "3 4", "5"]);
}

#[tokio::test]
async fn the_window_runs_from_the_first_record() {
    let mut world = World::new(|_| (), done);
    world.put(0, "spot|BTCUSDT", "1").await;
    world.put(9, "spot|BTCUSDT", "2").await;
    assert_eq!(world.source.next_due(), Some(at(10)));
    world.put(10, "spot|BTCUSDT", "3").await;
    assert_eq!(world.events(), ["1 2"]);
    assert_eq!(world.source.next_due(), Some(at(20)));
}

#[tokio::test]
async fn without_a_window_a_batch_has_what_came_between_two_polls() {
    let mut world = World::new(|settings| settings.window = SignedDuration::ZERO, done);
    for (number, seconds) in [(1, 0), (2, 0), (3, 1)] {
        world.put(seconds, "spot|BTCUSDT", number.to_string()).await;
    }
    assert_eq!(world.run(0).await.events(), ["1 2", "3"]);
}

#[tokio::test]
async fn an_event_has_at_most_6_mb() {
    let mut world = World::new(|_| (), done);
    for _ in 0..9 {
        world.put(0, "spot|BTCUSDT", vec![b'x'; 1024 * 1024]).await;
    }
    let world = world.run(0).await;
    // A record of 1 MiB has 1,398,104 bytes of base64: four of them are below 6,291,456.
    let records: Vec<_> = world.function.calls().events.iter().map(|event| texts(event).len()).collect();
    assert_eq!(records, [4, 4, 1]);
    assert!(world.function.calls().event_bytes.iter().all(|bytes| *bytes <= 6_291_456));
}

#[tokio::test]
async fn an_event_is_of_one_shard() {
    let mut world = World::new(|_| (), done);
    world.shards = Shards::new(4);
    for number in 0..40 {
        world.put(0, &number.to_string(), number.to_string()).await;
    }
    let world = world.run(0).await;
    let calls = world.function.calls();
    let shards = calls.events.iter().map(|event| {
        let ids = event["Records"].as_array().unwrap().iter();
        let mut shards: Vec<_> =
            ids.map(|record| record["eventID"].as_str().unwrap().split(':').next().unwrap()).collect();
        shards.dedup();
        shards.join(" ")
    });
    let expected = [0, 1, 2, 3].map(|number| format!("shardId-{number:012}"));
    assert_eq!(shards.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn lanes_keep_the_order_of_a_key() {
    let mut world = World::new(|settings| (settings.lanes, settings.batch_records) = (10, 3), done);
    for number in 0..60 {
        world.put(0, &format!("key {}", number % 6), format!("{} {}", number % 6, number / 6)).await;
    }
    let world = world.run(0).await;
    let texts: Vec<_> = world.function.calls().events.iter().flat_map(texts).collect();
    assert_eq!(texts.len(), 60);
    for key in 0..6 {
        let of_key: Vec<_> =
            texts.iter().filter(|text| text.starts_with(&key.to_string())).cloned().collect();
        assert_eq!(of_key, (0..10).map(|number| format!("{key} {number}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn records_that_no_filter_matches_are_done() {
    let filter = Filter::parse(r#"{"data":{"side":["buy"]}}"#).unwrap();
    let mut world =
        World::new(|settings| (settings.filters, settings.batch_records) = (vec![filter], 2), done);
    for side in ["buy", "sell", "sell", "buy"] {
        world.put(0, "spot|BTCUSDT", format!(r#"{{"side":"{side}"}}"#)).await;
    }
    assert_eq!(world.events(), [r#"{"side":"buy"} {"side":"buy"}"#]);
    let Counts { records, filtered, invocations, .. } = world.counts();
    assert_eq!((records, filtered, invocations), (4, 2, 1));
}
