//! The adapter against an embedded Kinesis endpoint, which is made to refuse records.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_kinesis::types::ShardIteratorType;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use ferrokinesis::store::StoreOptions;
use ferrokinesis::{create_app, serve_plain_http};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::aws::Aws;

/// Serves an endpoint, behind whatever `layer` puts in front of it, with a stream of one shard.
async fn stream(layer: impl FnOnce(Router) -> Router) -> KinesisStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (app, _) = create_app(StoreOptions { create_stream_ms: 0, ..StoreOptions::default() });
    // As in the endpoint's own binary: the largest call, in base64.
    let app = app.layer(DefaultBodyLimit::max(7 * 1024 * 1024));
    tokio::spawn(serve_plain_http(listener, layer(app), std::future::pending()));
    let stream = Aws::at(address).publisher("rows".to_owned());
    stream.client.create_stream().stream_name("rows").shard_count(1).send().await.unwrap();
    stream
}

fn record(data: impl Into<Vec<u8>>) -> OutputRecord {
    OutputRecord { partition_key: "spot|A".to_owned(), data: data.into() }
}

/// Everything that the stream holds, in its order.
async fn published(stream: &KinesisStream) -> Vec<OutputRecord> {
    let iterator = stream.client.get_shard_iterator().stream_name("rows").shard_id("shardId-000000000000");
    let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
    let (mut next, mut records) = (iterator.shard_iterator, Vec::new());
    loop {
        let batch = stream.client.get_records().set_shard_iterator(next).send().await.unwrap();
        if batch.records.is_empty() {
            return records;
        }
        next = batch.next_shard_iterator;
        records.extend(batch.records.into_iter().map(|record| OutputRecord {
            partition_key: record.partition_key.unwrap(),
            data: record.data.into_inner(),
        }));
    }
}

#[tokio::test]
async fn rows_of_several_calls_stay_in_their_order() {
    let stream = stream(|app| app).await;
    let records: Vec<_> = (0..1200).map(|at| record(format!("{at}\n"))).collect();
    stream.publish(&records).await.unwrap();
    assert_eq!(published(&stream).await, records);
    stream.publish(&[]).await.unwrap();
}

#[tokio::test]
async fn no_call_is_larger_than_what_the_endpoint_takes() {
    let stream = stream(|app| app).await;
    let records: Vec<_> = (0..8).map(|at| record(vec![at; 900_000])).collect();
    stream.publish(&records).await.unwrap();
    assert_eq!(published(&stream).await, records);
}

/// Refuses each record whose data is `throttled` in the first calls, as a shard at its limit does.
async fn throttle(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut put: Value = serde_json::from_slice(&body).unwrap();
    if put["Records"].is_null() {
        return next.run(Request::from_parts(head, Body::from(body))).await;
    }
    let is_throttling = calls.made.fetch_add(1, Ordering::Relaxed) < calls.throttling;
    let all: Vec<Value> = std::mem::take(put["Records"].as_array_mut().unwrap());
    let is_refused = |record: &Value| is_throttling && record["Data"] == "dGhyb3R0bGVk";
    put["Records"] = all.iter().filter(|record| !is_refused(record)).cloned().collect();
    let mut taken = Vec::new();
    if put["Records"] != json!([]) {
        let mut request = Request::from_parts(head, Body::from(put.to_string()));
        request.headers_mut().remove("content-length");
        let answer = to_bytes(next.run(request).await.into_body(), usize::MAX).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        taken = answer["Records"].as_array().unwrap().clone();
    }
    let mut taken = taken.into_iter();
    let refusal =
        json!({ "ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded" });
    let results: Vec<_> = all
        .iter()
        .map(|record| if is_refused(record) { refusal.clone() } else { taken.next().unwrap() })
        .collect();
    let refused = all.iter().filter(|record| is_refused(record)).count();
    Response::new(Body::from(json!({ "FailedRecordCount": refused, "Records": results }).to_string()))
}

#[derive(Clone)]
struct Calls {
    made: Arc<AtomicUsize>,
    throttling: usize,
}

/// A stream that throttles in its first calls, and the count of calls.
async fn throttled_stream(throttling: usize) -> (KinesisStream, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let calls = Calls { made: Arc::clone(&made), throttling };
    (stream(|app| app.layer(from_fn_with_state(calls, throttle))).await, made)
}

#[tokio::test]
async fn refused_records_go_again_alone() {
    let (stream, calls) = throttled_stream(2).await;
    stream.publish(&["1", "throttled", "2", "throttled", "3"].map(record)).await.unwrap();
    assert_eq!(published(&stream).await, ["1", "2", "3", "throttled", "throttled"].map(record));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn records_that_stay_refused_are_named_by_their_places() {
    let (stream, _) = throttled_stream(usize::MAX).await;
    let error = stream.publish(&["1", "throttled", "2", "throttled"].map(record)).await.unwrap_err();
    assert_eq!(error.places, [1, 3]);
    assert_eq!(error.to_string(), "all records must be published, 2 were not");
    assert_eq!(
        error.source.to_string(),
        "expected the stream to take the record, was ProvisionedThroughputExceededException: Rate exceeded"
    );
    assert_eq!(published(&stream).await, ["1", "2"].map(record));
}

#[tokio::test]
async fn a_call_that_fails_counts_for_its_records() {
    let mut stream = stream(|app| app).await;
    stream.stream = "nowhere".to_owned();
    let error = stream.publish(&["1", "2"].map(record)).await.unwrap_err();
    assert_eq!(error.places, [0, 1]);
}
