//! The endpoints as functions reach them: over HTTP.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::template::{KeyAttribute, StateTable, Stream, StreamMode};

fn stack() -> Stack {
    let stream = Stream {
        logical_id: "Rows".to_owned(),
        name: "rows".to_owned(),
        arn: "arn:aws:kinesis:us-east-1:000000000000:stream/rows".to_owned(),
        mode: StreamMode::Provisioned,
        shard_count: 2,
        retention: Duration::from_hours(24),
    };
    let key = |name: &str| KeyAttribute { name: name.to_owned(), kind: "S".to_owned() };
    let table = StateTable {
        logical_id: "State".to_owned(),
        name: "state".to_owned(),
        partition_key: key("lane"),
        sort_key: Some(key("part")),
    };
    Stack { streams: vec![stream], tables: vec![table], ..Stack::default() }
}

/// Sends a request as an SDK does and hands back status and answer.
async fn call(url: &str, target: &str, body: &Value) -> (u16, Value) {
    let address = url.strip_prefix("http://").unwrap();
    let (body, service) =
        (body.to_string(), if target.starts_with("Kinesis") { "kinesis" } else { "dynamodb" });
    let version = if service == "kinesis" { "1.1" } else { "1.0" };
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-amz-target: {target}\r\n\
        content-type: application/x-amz-json-{version}\r\nx-amz-date: 20261121T093000Z\r\n\
        authorization: AWS4-HMAC-SHA256 Credential=local/20261121/us-east-1/{service}/aws4_request, \
        SignedHeaders=host, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn kinesis(endpoints: &Endpoints, operation: &str, body: &Value) -> (u16, Value) {
    let url = &endpoints.variables()["AWS_ENDPOINT_URL_KINESIS"];
    call(url, &format!("Kinesis_20131202.{operation}"), body).await
}

async fn dynamodb(endpoints: &Endpoints, operation: &str, body: &Value) -> (u16, Value) {
    let url = &endpoints.variables()["AWS_ENDPOINT_URL_DYNAMODB"];
    call(url, &format!("DynamoDB_20120810.{operation}"), body).await
}

async fn open(state: Option<&Path>) -> Endpoints {
    Endpoints::open(&stack(), state).await.unwrap()
}

#[tokio::test]
async fn what_is_published_is_taken_once_in_the_order_of_its_key() {
    let endpoints = open(None).await;
    for number in 0..3 {
        let entry =
            |key: &str| json!({"PartitionKey": key, "Data": STANDARD.encode(format!("{key} {number}"))});
        let request = json!({"StreamName": "rows", "Records": [entry("a"), entry("b"), entry("c")]});
        let (status, answer) = kinesis(&endpoints, "PutRecords", &request).await;
        assert_eq!((status, &answer["FailedRecordCount"]), (200, &json!(0)), "{answer}");
    }
    let taken = endpoints.take_published("rows").await.unwrap();
    assert_eq!(taken.len(), 9);
    for key in ["a", "b", "c"] {
        let of_key = taken.iter().filter(|record| record.partition_key == key);
        let data: Vec<_> = of_key.map(|record| String::from_utf8(record.data.clone()).unwrap()).collect();
        assert_eq!(data, [0, 1, 2].map(|number| format!("{key} {number}")));
    }
    assert_eq!(endpoints.take_published("rows").await.unwrap(), []);
}

fn put(condition: &str) -> Value {
    let item = json!({"lane": {"S": "spot|BTCUSDT"}, "part": {"S": "hot"}, "version": {"N": "1"}});
    json!({"TableName": "state", "Item": item, "ConditionExpression": condition})
}

#[tokio::test]
async fn a_conditional_write_is_refused_as_dynamodb_does() {
    let endpoints = open(None).await;
    let (status, answer) = dynamodb(&endpoints, "PutItem", &put("attribute_not_exists(lane)")).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = dynamodb(&endpoints, "PutItem", &put("attribute_not_exists(lane)")).await;
    assert_eq!(status, 400);
    assert!(answer["__type"].as_str().unwrap().ends_with("ConditionalCheckFailedException"), "{answer}");
}

#[tokio::test]
async fn tables_in_a_file_outlive_the_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let (status, answer) =
        dynamodb(&open(Some(&file)).await, "PutItem", &put("attribute_not_exists(lane)")).await;
    assert_eq!(status, 200, "{answer}");
    let (status, _) = dynamodb(&open(Some(&file)).await, "PutItem", &put("attribute_not_exists(lane)")).await;
    assert_eq!(status, 400);
    let (status, _) = dynamodb(&open(None).await, "PutItem", &put("attribute_not_exists(lane)")).await;
    assert_eq!(status, 200);
}
