//! What a run must do with a function between two streams.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cases::{trades, without_measurements};
use crate::stand_in::{Act, between_streams};

/// Ids of an event's trades; a heartbeat has none.
fn ids(event: &[u8]) -> Vec<Option<u64>> {
    let event: Value = serde_json::from_slice(event).unwrap();
    let records = event["Records"].as_array().unwrap().iter();
    let frames = records.map(|record| STANDARD.decode(record["kinesis"]["data"].as_str().unwrap()).unwrap());
    frames.map(|frame| serde_json::from_slice::<Value>(&frame).unwrap()["data"]["t"].as_u64()).collect()
}

/// Publishes a row as an SDK does.
fn publish(kinesis: &str, row: &str) {
    let body =
        json!({"StreamName": "rows", "PartitionKey": "k", "Data": STANDARD.encode(format!("{row}\n"))});
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {kinesis}\r\nconnection: close\r\nx-amz-target: Kinesis_20131202.PutRecord\r\n\
        content-type: application/x-amz-json-1.1\r\nx-amz-date: 20261121T093000Z\r\n\
        authorization: AWS4-HMAC-SHA256 Credential=local/20261121/us-east-1/kinesis/aws4_request, \
        SignedHeaders=host, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(kinesis).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Publishes a row of each event, its ids.
fn publish_ids(_: u32, event: &[u8], kinesis: &str) -> Act {
    publish(kinesis, &json!(ids(event)).to_string());
    Act::Answer(r#"{"batchItemFailures":[]}"#.to_owned())
}

#[test]
fn what_a_function_publishes_is_delivered_at_the_time_of_its_invocation() {
    let (workshop, _client) = between_streams(publish_ids);
    workshop.file("a.ndjson", trades(5));
    let outcome = workshop.replay(&["a.ndjson"]);
    let summary = outcome.succeeded();
    // The trades are of 19:43:03 to 19:43:07, each and 136 ms. The window is of 2 s, the buffer behind it of 3 s.
    let lines = outcome.lines("bucket/rows/");
    assert_eq!(lines, ["[1,2]", "[3,4]", "[5]", "[null]"]);
    assert_eq!(outcome.lines("bucket/rows/19-43-05/"), ["[1,2]", "[3,4]"]);
    let mapping = &summary["mappings"]["CalculatorFrames"];
    assert_eq!(
        (&summary["frames"], &mapping["records"], &mapping["invocations"]),
        (&json!(5), &json!(6), &json!(4))
    );
    assert_eq!(summary["delivery_streams"]["row-archive"]["records_in"], 4);
}

#[test]
fn two_runs_of_a_mapping_write_the_same_bytes() {
    let mut runs = (0..2).map(|_| {
        let (workshop, _client) = between_streams(publish_ids);
        let workshop = workshop.option("--shards").option("4");
        workshop.file("a.ndjson", trades(50));
        let outcome = workshop.replay(&["a.ndjson"]);
        (outcome.objects(), without_measurements(outcome.succeeded()))
    });
    let (first, second) = (runs.next().unwrap(), runs.next().unwrap());
    assert!(first.0.len() > 3);
    assert_eq!(first, second);
}

#[test]
fn a_record_that_crashes_the_function_is_kept_as_a_document() {
    let (workshop, _client) = between_streams(|number, event, kinesis| {
        if ids(event).contains(&Some(2)) { Act::Crash } else { publish_ids(number, event, kinesis) }
    });
    workshop.file("a.ndjson", trades(4));
    let outcome = workshop.replay(&["a.ndjson"]);
    assert_eq!(outcome.code(), 1);
    let error = outcome.error();
    assert!(error.contains("calculator: 1 record came too often or too late and were given up"), "{error}");
    let lines = outcome.lines("bucket/rows/");
    assert_eq!(lines, ["[1]", "[3,4]", "[null]"]);
    let documents = outcome.lines("bucket/aws/lambda/");
    assert_eq!(documents.len(), 1);
    let document: Value = serde_json::from_str(&documents[0]).unwrap();
    assert_eq!(ids(document["payload"].as_str().unwrap().as_bytes()), [Some(2)]);
    // Both, the record alone, and the record alone once more.
    assert_eq!(document["requestContext"]["approximateInvokeCount"], 3);
}

#[test]
fn a_failure_that_is_reported_has_the_rest_come_again() {
    let mut reported = false;
    let (workshop, _client) = between_streams(move |number, event, kinesis| {
        if reported || !ids(event).contains(&Some(2)) {
            return publish_ids(number, event, kinesis);
        }
        reported = true;
        let event: Value = serde_json::from_slice(event).unwrap();
        let failed = &event["Records"][1]["kinesis"]["sequenceNumber"];
        Act::Answer(json!({"batchItemFailures": [{"itemIdentifier": failed}]}).to_string())
    });
    workshop.file("a.ndjson", trades(4));
    let outcome = workshop.replay(&["a.ndjson"]);
    let summary = outcome.succeeded();
    assert_eq!(outcome.lines("bucket/rows/"), ["[2]", "[3,4]", "[null]"]);
    let mapping = &summary["mappings"]["CalculatorFrames"];
    assert_eq!((&mapping["failures_reported"], &mapping["retries"]), (&json!(1), &json!(1)));
}

#[test]
fn more_shards_than_there_may_be_are_refused() {
    let (workshop, _client) = between_streams(publish_ids);
    let workshop = workshop.option("--shards").option("257");
    workshop.file("a.ndjson", trades(1));
    assert_eq!(workshop.replay(&["a.ndjson"]).code(), 2);
}
