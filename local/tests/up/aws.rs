//! A client of the one port: requests as the SDKs of AWS make them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::process::until;

/// The client.
pub(crate) struct Aws {
    url: String,
    client: Client,
    runtime: Runtime,
}

/// An answer: its status, what `x-amzn-errortype` says, and its body.
pub(crate) type Answer = (StatusCode, String, Value);

impl Aws {
    pub(crate) fn at(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { url: url.to_owned(), client: Client::new(), runtime }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn send(&self, request: RequestBuilder) -> Answer {
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let (status, error) = (answer.status(), answer.headers().get("x-amzn-errortype").cloned());
            let body = answer.bytes().await.unwrap();
            let error = error.map_or_else(String::new, |error| error.to_str().unwrap().to_owned());
            let body = serde_json::from_slice(&body);
            (status, error, body.unwrap_or_default())
        })
    }

    fn asked(&self, target: &str, request: &Value) -> Answer {
        let service = target.split_once('_').unwrap().0.to_lowercase();
        let scope = format!("Credential=test/20261121/us-east-1/{service}/aws4_request");
        let request = self.client.post(&self.url).body(request.to_string());
        let request = request.header("x-amz-target", target).header("x-amz-date", "20261121T093000Z");
        let version = if service == "dynamodb" { "1.0" } else { "1.1" };
        let request = request.header("content-type", format!("application/x-amz-json-{version}"));
        let signature = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
        self.send(request.header("authorization", signature))
    }

    fn asks(&self, target: &str, request: &Value) -> Value {
        let (status, _, answer) = self.asked(target, request);
        assert_eq!(status, StatusCode::OK, "{target} of {request}: {answer}");
        answer
    }

    pub(crate) fn kinesis(&self, operation: &str, request: &Value) -> Value {
        self.asks(&format!("Kinesis_20131202.{operation}"), request)
    }

    pub(crate) fn dynamodb(&self, operation: &str, request: &Value) -> Value {
        self.asks(&format!("DynamoDB_20120810.{operation}"), request)
    }

    /// Invokes a function through the Lambda API.
    pub(crate) fn invoke(&self, function: &str, event: &Value) -> Answer {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.url);
        self.send(self.client.post(url).body(event.to_string()))
    }

    /// `/_tapeline/status`.
    pub(crate) fn status(&self) -> Value {
        let (status, _, answer) = self.send(self.client.get(format!("{}/_tapeline/status", self.url)));
        assert_eq!(status, StatusCode::OK);
        answer
    }

    /// Waits until a number of the status is at least this much; hands back the status.
    pub(crate) fn status_with(&self, place: &str, least: u64) -> Value {
        until(place, || Some(self.status()).filter(|status| number(status, place) >= least))
    }

    /// Puts records into a data stream with one request, each with its key.
    pub(crate) fn put_records<K: AsRef<str>, D: AsRef<[u8]>>(&self, stream: &str, records: &[(K, D)]) {
        let record =
            |(key, data): &(K, D)| json!({"Data": STANDARD.encode(data), "PartitionKey": key.as_ref()});
        let records: Vec<_> = records.iter().map(record).collect();
        let answer = self.kinesis("PutRecords", &json!({"StreamName": stream, "Records": records}));
        assert_eq!(answer["FailedRecordCount"], 0, "{answer}");
    }

    /// Puts a record into a delivery stream.
    pub(crate) fn deliver(&self, delivery_stream: &str, data: &str) {
        let record = json!({"Data": STANDARD.encode(data)});
        let request = json!({"DeliveryStreamName": delivery_stream, "Record": record});
        self.asks("Firehose_20150804.PutRecord", &request);
    }

    /// The data of all records of a data stream.
    pub(crate) fn records(&self, stream: &str) -> Vec<String> {
        let shards = self.kinesis("ListShards", &json!({"StreamName": stream}));
        let shards = shards["Shards"].as_array().unwrap().iter();
        let records = shards.flat_map(|shard| {
            let of = json!({"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
            let iterator = self.kinesis("GetShardIterator", &of);
            let found = self.kinesis("GetRecords", &json!({"ShardIterator": iterator["ShardIterator"]}));
            found["Records"].as_array().unwrap().clone()
        });
        records.map(|record| decoded(&record["Data"])).collect()
    }
}

/// The text of data in base64.
pub(crate) fn decoded(data: &Value) -> String {
    String::from_utf8(STANDARD.decode(data.as_str().unwrap()).unwrap()).unwrap()
}

/// A number of a document.
pub(crate) fn number(document: &Value, pointer: &str) -> u64 {
    document.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {document}"))
}
