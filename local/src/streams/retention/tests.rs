//! The bounds of a real store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::actions::{Operation, dispatch};
use ferrokinesis::store::StoreOptions;
use ferrokinesis::types::StreamStatus;
use serde_json::json;

use super::*;

const BYTES_MAX: u64 = 100_000;

async fn store(streams: &[&str]) -> Store {
    let store = Store::new(StoreOptions {
        create_stream_ms: 0,
        shard_limit: 10,
        max_retained_bytes: Some(BYTES_MAX),
        ..StoreOptions::default()
    });
    for stream in streams {
        let request = json!({"StreamName": stream, "ShardCount": 2});
        dispatch(&store, Operation::CreateStream, request).await.unwrap();
        while store.get_stream(stream).await.unwrap().stream_status != StreamStatus::Active {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    store
}

async fn put(store: &Store, stream: &str, number: u32) {
    let data = STANDARD.encode(format!("{number:0300}"));
    let request = json!({"StreamName": stream, "PartitionKey": number.to_string(), "Data": data});
    dispatch(store, Operation::PutRecord, request).await.unwrap();
}

async fn numbers(store: &Store, stream: &str) -> Vec<u32> {
    let records = store.get_record_store(stream).await;
    let data = records.into_values().map(|record| STANDARD.decode(record.data).unwrap());
    let mut numbers: Vec<_> = data.map(|data| String::from_utf8(data).unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn below_three_quarters_nothing_goes() {
    let store = store(&["frames"]).await;
    for number in 0..150 {
        put(&store, "frames", number).await;
    }
    let retention = Retention::new(store.clone(), BYTES_MAX);
    assert!(retention.bytes() < BYTES_MAX / 4 * 3);
    retention.sweep().await;
    assert_eq!((retention.records_gone(), numbers(&store, "frames").await.len()), (0, 150));
}

#[tokio::test]
async fn the_oldest_records_go_first_whatever_their_stream() {
    let store = store(&["frames", "rows"]).await;
    for number in 0..100 {
        put(&store, "rows", number).await;
    }
    // Arrivals are told to the second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for number in 100..200 {
        put(&store, "frames", number).await;
    }
    let retention = Retention::new(store.clone(), BYTES_MAX);
    retention.sweep().await;
    assert!(retention.bytes() <= BYTES_MAX / 8 * 5, "{}", retention.bytes());
    let left = numbers(&store, "rows").await.len() as u64;
    assert!(left > 0 && left < 100, "{left}");
    assert_eq!(retention.records_gone(), 100 - left);
    assert_eq!(numbers(&store, "frames").await, (100..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_never_becomes_full() {
    let store = store(&["frames"]).await;
    let retention = Retention::new(store.clone(), BYTES_MAX);
    for number in 0..3_000 {
        put(&store, "frames", number).await;
        if number % 20 == 0 {
            retention.sweep().await;
        }
    }
    let left = numbers(&store, "frames").await;
    assert_eq!(left.last(), Some(&2_999));
    assert_eq!(retention.records_gone() + left.len() as u64, 3_000);
}
