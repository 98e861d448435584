//! The gateway as SDKs reach it: over HTTP, with a signature that nobody looks at.

use std::time::Duration;

use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::super::{DynamoDb, Kinesis};
use super::*;
use crate::template::{KeyAttribute, StateTable, Stream, StreamMode};

/// A gateway with what is behind it.
struct Served {
    gateway: Gateway,
    client: Client,
    _dynamodb: DynamoDb,
    _buckets: tempfile::TempDir,
}

impl Served {
    async fn new() -> Self {
        let stream = Stream {
            logical_id: "Rows".to_owned(),
            name: "rows".to_owned(),
            arn: "arn:aws:kinesis:us-east-1:000000000000:stream/rows".to_owned(),
            mode: StreamMode::Provisioned,
            shard_count: 1,
            retention: Duration::from_hours(24),
        };
        let table = StateTable {
            logical_id: "State".to_owned(),
            name: "state".to_owned(),
            partition_key: KeyAttribute { name: "lane".to_owned(), kind: "S".to_owned() },
            sort_key: None,
        };
        let dynamodb = DynamoDb::open(&[table], None).unwrap();
        let buckets = tempfile::tempdir().unwrap();
        std::fs::create_dir(buckets.path().join("archive")).unwrap();
        std::fs::write(buckets.path().join("archive/object"), "content").unwrap();
        let parts = GatewayParts {
            kinesis: Kinesis::open(&[stream]).await.unwrap().router(),
            dynamodb: dynamodb.address(),
            firehose: Some(Router::new().fallback(any(async || "firehose"))),
            lambda: Some(
                Router::new().route("/2015-03-31/functions/{name}/invocations", any(async || "lambda")),
            ),
            admin: Some(Router::new().route("/_tapeline/status", get(async || "status"))),
            buckets: Some(buckets.path().to_owned()),
        };
        let gateway = Gateway::open(Port::take(0).unwrap(), parts).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { gateway, client, _dynamodb: dynamodb, _buckets: buckets }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.variables()["AWS_ENDPOINT_URL"])
    }

    /// A request with a target, as the JSON services have it.
    fn targeted(&self, target: &str, body: &Value) -> RequestBuilder {
        let version = if target.starts_with("DynamoDB") { "1.0" } else { "1.1" };
        let request = self.client.post(self.url("/")).header("x-amz-target", target);
        signed(request, "any")
            .header("content-type", format!("application/x-amz-json-{version}"))
            .body(body.to_string())
    }
}

fn signed(request: RequestBuilder, service: &str) -> RequestBuilder {
    let scope = format!("20261121/us-east-1/{service}/aws4_request");
    let authorization = format!("AWS4-HMAC-SHA256 Credential=any/{scope}, SignedHeaders=host, Signature=0");
    request.header("x-amz-date", "20261121T093000Z").header("authorization", authorization)
}

async fn answer(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn json_answer(request: RequestBuilder) -> (u16, Value) {
    let (status, text) = answer(request).await;
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
}

#[tokio::test]
async fn every_service_is_reached_through_the_one_port() {
    let served = Served::new().await;
    let data = STANDARD.encode("row");
    let request = json!({"StreamName": "rows", "PartitionKey": "key", "Data": data});
    let (status, told) = json_answer(served.targeted("Kinesis_20131202.PutRecord", &request)).await;
    assert_eq!((status, &told["ShardId"]), (200, &"shardId-000000000000".into()), "{told}");
    let (status, told) = json_answer(served.targeted("DynamoDB_20120810.ListTables", &json!({}))).await;
    assert_eq!((status, &told["TableNames"]), (200, &json!(["state"])), "{told}");
    let (status, told) =
        json_answer(served.targeted("DynamoDBStreams_20120810.ListStreams", &json!({}))).await;
    assert_eq!((status, &told["Streams"]), (200, &json!([])), "{told}");
    let firehose = served.targeted("Firehose_20150804.PutRecord", &json!({}));
    assert_eq!(answer(firehose).await, (200, "firehose".to_owned()));
    let invoked = served.client.post(served.url("/2015-03-31/functions/one/invocations"));
    assert_eq!(answer(signed(invoked, "lambda")).await, (200, "lambda".to_owned()));
    assert_eq!(answer(served.client.get(served.url("/_tapeline/status"))).await, (200, "status".to_owned()));
    let object = served.client.get(served.url("/archive/object"));
    assert_eq!(answer(signed(object, "s3")).await, (200, "content".to_owned()));
}

#[tokio::test]
async fn a_batch_of_five_mib_is_put() {
    let served = Served::new().await;
    // 5 MiB with the keys, of one byte each.
    let record = |bytes: usize| json!({"PartitionKey": "k", "Data": STANDARD.encode(vec![b'x'; bytes])});
    let records: Vec<Value> = std::iter::repeat_with(|| record(1024 * 1024 - 1)).take(5).collect();
    let request = json!({"StreamName": "rows", "Records": records});
    let (status, told) = json_answer(served.targeted("Kinesis_20131202.PutRecords", &request)).await;
    assert_eq!((status, &told["FailedRecordCount"]), (200, &json!(0)), "{told}");
}

#[tokio::test]
async fn a_batch_above_the_limit_is_refused_by_the_service() {
    let served = Served::new().await;
    let record = || json!({"PartitionKey": "k", "Data": STANDARD.encode(vec![b'x'; 1024 * 1024 - 1])});
    let records: Vec<Value> = std::iter::repeat_with(record).take(10).collect();
    let request = json!({"StreamName": "rows", "Records": records});
    let (status, told) = json_answer(served.targeted("Kinesis_20131202.PutRecords", &request)).await;
    assert_eq!((status, &told["__type"]), (400, &"InvalidArgumentException".into()), "{told}");
}

#[tokio::test]
async fn cbor_is_answered_in_cbor() {
    let served = Served::new().await;
    let request = served.client.post(served.url("/")).header("x-amz-target", "Kinesis_20131202.ListStreams");
    // An empty map.
    let request =
        signed(request, "kinesis").header("content-type", "application/x-amz-cbor-1.1").body(vec![0xa0]);
    let told = request.send().await.unwrap();
    assert_eq!(told.status(), 200);
    assert_eq!(told.headers()["content-type"], "application/x-amz-cbor-1.1");
    let told = told.bytes().await.unwrap();
    assert!(told.windows(4).any(|bytes| bytes == b"rows"));
}

#[tokio::test]
async fn an_unknown_service_is_named_in_the_refusal() {
    let served = Served::new().await;
    let (status, told) = json_answer(served.targeted("AmazonSQS.SendMessage", &json!({}))).await;
    assert_eq!((status, &told["__type"]), (400, &"UnknownOperationException".into()));
    assert!(told["message"].as_str().unwrap().ends_with("was one for AmazonSQS"), "{told}");
    // A service whose API has no target is known by its signature.
    let (status, told) = json_answer(signed(served.client.post(served.url("/")), "sts")).await;
    assert_eq!((status, &told["__type"]), (400, &"UnknownOperationException".into()));
    assert!(told["message"].as_str().unwrap().ends_with("was one for sts"), "{told}");
}

#[tokio::test]
async fn an_unknown_operation_is_refused_by_its_service() {
    let served = Served::new().await;
    for target in ["Kinesis_20131202.Nothing", "DynamoDB_20120810.Nothing"] {
        let (status, told) = json_answer(served.targeted(target, &json!({}))).await;
        assert_eq!(status, 400, "{told}");
        assert!(told["__type"].as_str().unwrap().ends_with("UnknownOperationException"), "{told}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_served_says_who_serves_it() {
    let dynamodb = DynamoDb::open(&[], None).unwrap();
    let parts = GatewayParts {
        kinesis: Kinesis::open(&[]).await.unwrap().router(),
        dynamodb: dynamodb.address(),
        firehose: None,
        lambda: None,
        admin: None,
        buckets: None,
    };
    let gateway = Gateway::open(Port::take(0).unwrap(), parts).unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/archive/object", gateway.variables()["AWS_ENDPOINT_URL"]);
    let (status, told) = json_answer(signed(client.get(url), "s3")).await;
    assert_eq!((status, &told["message"]), (400, &"S3 is not served here: `tapeline up` serves it".into()));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Port::take(port).unwrap_err();
    let expected = format!(
        "port {port} of this machine must be free: end what listens there, or choose another with --port (0 has the system choose)"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_gateway_that_is_dropped_frees_its_port() {
    let served = Served::new().await;
    let port = served.gateway.server.address().port();
    drop(served.gateway);
    // The task ends when it is looked at next.
    while Port::take(port).is_err() {
        tokio::task::yield_now().await;
    }
}
