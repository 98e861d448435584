//! What the function needs of AWS, on loopback: a table and a stream, which outlive every process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dynoxide::{Database, server};
use ferrokinesis::store::StoreOptions;
use ferrokinesis::{create_app, serve_plain_http};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const TABLE: &str = "state";
pub(crate) const STREAM: &str = "rows";

/// What a call is for. Of each lane the function makes them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Load,
    Publish,
    Series,
    Hot,
}

/// One call of the function to a service.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) target: String,
    pub(crate) body: Value,
}

/// What a service answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(target: &str, body: &[u8]) -> Self {
        Self { target: target.to_owned(), body: serde_json::from_slice(body).unwrap() }
    }

    pub(crate) fn step(&self) -> Step {
        match self.target.as_str() {
            "DynamoDB_20120810.BatchGetItem" => Step::Load,
            "Kinesis_20131202.PutRecords" => Step::Publish,
            "DynamoDB_20120810.PutItem" if self.body["Item"]["part"]["S"] == "hot" => Step::Hot,
            "DynamoDB_20120810.PutItem" => Step::Series,
            other => panic!("expected a call that the function makes, was {other}"),
        }
    }

    /// The lane of a write.
    pub(crate) fn lane(&self) -> Option<&str> {
        self.body["Item"]["lane"]["S"].as_str()
    }
}

/// What is stored of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) order: u64,
    pub(crate) state: Vec<u8>,
}

/// Every item by its lane and part.
pub(crate) type Items = BTreeMap<(String, String), Stored>;

/// What was published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// One row of each `id`.
    pub(crate) rows: BTreeMap<String, String>,
    /// Rows that had come before.
    pub(crate) duplicates: usize,
}

/// The endpoints. Dropping them ends them.
pub(crate) struct Services {
    dynamodb: SocketAddr,
    kinesis: SocketAddr,
    servers: [JoinHandle<()>; 2],
    /// Calls of dead processes that are still on their way.
    underway: Mutex<Vec<Call>>,
}

impl Services {
    /// Starts the endpoints, with an empty table and an empty stream of one shard.
    pub(crate) async fn start() -> Self {
        let (dynamodb, table_listener) = listener().await;
        let database = Database::memory().unwrap();
        let table = server::serve_with_shutdown(table_listener, database, std::future::pending());
        let (kinesis, stream_listener) = listener().await;
        let (app, _) = create_app(StoreOptions { create_stream_ms: 0, ..StoreOptions::default() });
        let stream = serve_plain_http(stream_listener, app, std::future::pending());
        let servers =
            [tokio::spawn(async { table.await.unwrap() }), tokio::spawn(async { stream.await.unwrap() })];
        let services = Self { dynamodb, kinesis, servers, underway: Mutex::default() };
        let keys = [("lane", "HASH"), ("part", "RANGE")];
        let table = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": keys.map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind })),
            "AttributeDefinitions": keys.map(|(name, _)| json!({ "AttributeName": name, "AttributeType": "S" })),
        });
        services.ask("DynamoDB_20120810.CreateTable", table).await;
        services.ask("Kinesis_20131202.CreateStream", json!({ "StreamName": STREAM, "ShardCount": 1 })).await;
        services
    }

    /// Passes a call on.
    pub(crate) async fn take(&self, call: &Call) -> Answer {
        let address = if call.target.starts_with("Kinesis") { self.kinesis } else { self.dynamodb };
        exchange(address, call).await
    }

    /// Keeps a call of a process that dies, until it arrives.
    pub(crate) fn delay(&self, call: Call) {
        self.underway.lock().unwrap().push(call);
    }

    /// Lets all calls arrive that are still on their way.
    pub(crate) async fn take_delayed(&self) {
        let calls = std::mem::take(&mut *self.underway.lock().unwrap());
        for call in calls {
            self.take(&call).await;
        }
    }

    /// Every row of the output stream; rows of one `id` must be the same to the byte.
    pub(crate) async fn published(&self) -> Published {
        let shard = json!({ "StreamName": STREAM, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON" });
        let mut next = self.ask("Kinesis_20131202.GetShardIterator", shard).await["ShardIterator"].take();
        let mut published = Published::default();
        loop {
            let batch = self.ask("Kinesis_20131202.GetRecords", json!({ "ShardIterator": next })).await;
            let records = batch["Records"].as_array().unwrap();
            if records.is_empty() {
                return published;
            }
            for record in records {
                published.add(record);
            }
            next = batch["NextShardIterator"].clone();
        }
    }

    /// Every item of the table.
    pub(crate) async fn items(&self) -> Items {
        let answer = self.ask("DynamoDB_20120810.Scan", json!({ "TableName": TABLE })).await;
        assert!(answer.get("LastEvaluatedKey").is_none(), "a few items fit into one answer");
        let text = |item: &Value, name: &str, kind: &str| item[name][kind].as_str().unwrap().to_owned();
        let stored = |item: &Value| Stored {
            order: text(item, "order", "N").parse().unwrap(),
            state: BASE64_STANDARD.decode(text(item, "state", "B")).unwrap(),
        };
        let items = answer["Items"].as_array().unwrap().iter();
        items.map(|item| ((text(item, "lane", "S"), text(item, "part", "S")), stored(item))).collect()
    }

    /// Makes a call of the test's own.
    async fn ask(&self, target: &str, body: Value) -> Value {
        let answer = self.take(&Call { target: target.to_owned(), body }).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{target}: {text}");
        // Some answers are empty.
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

impl Published {
    fn add(&mut self, record: &Value) {
        let row =
            String::from_utf8(BASE64_STANDARD.decode(record["Data"].as_str().unwrap()).unwrap()).unwrap();
        let document: Value = serde_json::from_str(&row).unwrap();
        let id = document["id"].as_str().unwrap().to_owned();
        if let Some(before) = self.rows.insert(id, row.clone()) {
            assert_eq!(row, before, "a row that comes twice is the same twice");
            self.duplicates += 1;
        }
    }
}

/// A listener on a port that the system chooses.
pub(crate) async fn listener() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), listener)
}

/// Makes one call over a connection of its own. The endpoints look for a signature, but not at it.
async fn exchange(address: SocketAddr, call: &Call) -> Answer {
    let (target, body) = (&call.target, call.body.to_string());
    let version = if target.starts_with("Kinesis") { "1.1" } else { "1.0" };
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/x-amz-json-{version}\r\n\
         X-Amz-Target: {target}\r\nX-Amz-Date: 20261121T092700Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=none\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let status = std::str::from_utf8(&answer["HTTP/1.1 ".len()..][..3]).unwrap().parse().unwrap();
    let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    Answer { status, body: answer.split_off(head_end) }
}
