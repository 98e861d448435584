//! A delivery stream around a function in memory, with a folder for its buckets.

mod destinations;
mod failures;
mod fate;
mod lambda;
mod objects;
mod order;
mod partitions;
mod processors;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::convert::{Compression, OpenX, Schema};
use crate::firehose::prefix::{Prefix, PrefixUse};
use crate::firehose::{
    Buffer, Compression as ObjectCompression, Conversion, LambdaSettings, Processing, S3Settings, Table,
};
use crate::lambda::InvocationError;

const START: &str = "2026-11-21T09:30:00Z";
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:transformer";
/// Lambda's limit of a synchronous invocation.
const EVENT_BYTES_MAX: usize = 6_291_556;

const BUCKET: &str = "archive";

type Reply = Result<Value, InvocationError>;
type Answer = dyn FnMut(&[Value]) -> Reply + Send;

/// A function that is a closure: the events so far, the last of them to be answered, and its answer.
#[derive(Clone)]
struct Closure(Arc<Mutex<Seen>>);

struct Seen {
    answer: Box<Answer>,
    events: Vec<Value>,
    event_bytes: Vec<usize>,
}

impl Closure {
    fn new(answer: impl FnMut(&[Value]) -> Reply + Send + 'static) -> Self {
        let seen = Seen { answer: Box::new(answer), events: Vec::new(), event_bytes: Vec::new() };
        Self(Arc::new(Mutex::new(seen)))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

impl Invoke for Closure {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let mut seen = self.seen();
        let Seen { answer, events, event_bytes } = &mut *seen;
        event_bytes.push(event.len());
        events.push(serde_json::from_slice(&event).unwrap());
        Ok(answer(events)?.to_string().into())
    }
}

/// A delivery stream and the folder of its bucket.
struct World {
    folder: TempDir,
    delivery: Delivery<Closure>,
    records: u64,
}

impl World {
    fn new(settings: Settings, answer: impl FnMut(&[Value]) -> Reply + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let delivery = Delivery::new(settings, Closure::new(answer), folder.path(), at(0)).unwrap();
        Self { delivery, folder, records: 0 }
    }

    /// Moves the clock to `seconds` behind the start and puts a record that arrives then. What the function has is
    /// answered and delivered.
    async fn put(&mut self, seconds: i64, data: impl AsRef<[u8]>) {
        self.advance(seconds * 1000).await;
        self.records += 1;
        let record = record(self.records, seconds, data.as_ref());
        self.delivery.put(record).await.unwrap();
        self.delivery.apply_all().await.unwrap();
    }

    async fn advance(&mut self, millis: i64) {
        self.delivery.advance(at(millis)).await.unwrap();
        self.delivery.apply_all().await.unwrap();
    }

    async fn finish(&mut self) {
        self.delivery.finish().await.unwrap();
    }

    fn events(&self) -> Vec<Value> {
        self.delivery.function.seen().events.clone()
    }

    fn counts(&self) -> &Counts {
        self.delivery.counts()
    }

    /// Bytes of the backup that are not written.
    fn buffered_backup(&self) -> usize {
        self.delivery.outlets.backup.as_ref().unwrap().buffered_bytes()
    }

    /// The folder of the bucket.
    fn bucket(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// What the bucket holds, by key.
    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        objects_below(&self.bucket())
    }

    /// The texts of the objects, in the order of their keys.
    fn texts(&self) -> Vec<String> {
        self.objects().into_values().map(|content| String::from_utf8(content).unwrap()).collect()
    }

    /// The failure documents of one type.
    fn documents(&self, what: &str) -> Vec<Value> {
        let objects = self.objects();
        let of_type = objects.iter().filter(|(key, _)| key.starts_with(&format!("errors/{what}/")));
        of_type.flat_map(|(_, lines)| json_lines(lines)).collect()
    }

    /// The column `n` of all Parquet files below a prefix.
    fn numbers(&self, prefix: &str) -> Vec<i64> {
        let objects = self.objects();
        let files = objects.into_iter().filter(|(key, _)| {
            key.starts_with(prefix) && Path::new(key).extension().is_some_and(|end| end == "parquet")
        });
        files.flat_map(|(_, content)| numbers_of(content)).collect()
    }
}

/// The record of this number, which arrives so many seconds behind the start.
fn record(number: u64, seconds: i64, data: &[u8]) -> StreamRecord {
    StreamRecord {
        arrival: at(seconds * 1000),
        shard_id: "shardId-000000000000".to_owned(),
        sequence_number: format!("49{number:054}"),
        partition_key: "spot|BTCUSDT".to_owned(),
        data: data.to_vec(),
    }
}

/// The files below a folder, by their path in it.
fn objects_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    if folder.exists() {
        walk(folder, "", &mut objects);
    }
    objects
}

fn walk(folder: &Path, key: &str, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let key = format!("{key}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{key}/"), objects);
        } else {
            objects.insert(key, fs::read(entry.path()).unwrap());
        }
    }
}

fn json_lines(lines: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(lines).unwrap();
    assert!(text.ends_with('\n'), "{text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers_of(file: Vec<u8>) -> Vec<i64> {
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| row.unwrap().get_long(0).unwrap()).collect()
}

fn at(millis: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_millis(millis)
}

fn prefix(text: &str, prefix_use: PrefixUse) -> Prefix {
    Prefix::parse(text, TimeZone::UTC, prefix_use).unwrap()
}

fn buffer(bytes: usize, seconds: i64) -> Buffer {
    Buffer { bytes, interval: SignedDuration::from_secs(seconds) }
}

fn lambda() -> LambdaSettings {
    LambdaSettings { function_arn: FUNCTION_ARN.to_owned(), buffer: buffer(1024 * 1024, 60), retries: 3 }
}

fn s3() -> S3Settings {
    S3Settings {
        bucket: BUCKET.to_owned(),
        prefix: prefix("data/", PrefixUse::Delivery),
        error_prefix: prefix("errors/!{firehose:error-output-type}/", PrefixUse::Error),
        time_zone: TimeZone::UTC,
        buffer: buffer(5 * 1024 * 1024, 300),
        compression: ObjectCompression::Uncompressed,
        extension: String::new(),
        dynamic_partitioning: false,
        conversion: None,
        backup: None,
    }
}

fn processing() -> Processing {
    Processing { lambda: Some(lambda()), ..Processing::default() }
}

/// A function, no dynamic partitions, no conversion; defaults of Firehose otherwise.
fn settings() -> Settings {
    to_s3(s3())
}

fn to_s3(s3: S3Settings) -> Settings {
    Settings {
        name: "archive".to_owned(),
        arn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/archive".to_owned(),
        region: "us-east-1".to_owned(),
        version: 1,
        source: Source::Kinesis { arn: "arn:aws:kinesis:us-east-1:000000000000:stream/frames".to_owned() },
        processing: processing(),
        destination: Destination::S3(s3),
    }
}

fn with_lambda(lambda: LambdaSettings) -> Settings {
    Settings { processing: Processing { lambda: Some(lambda), ..Processing::default() }, ..settings() }
}

fn without_function(settings: Settings) -> Settings {
    Settings { processing: Processing { lambda: None, ..settings.processing }, ..settings }
}

fn partitioned_s3() -> S3Settings {
    S3Settings {
        prefix: prefix("kind=!{partitionKeyFromLambda:kind}/", PrefixUse::Delivery),
        dynamic_partitioning: true,
        ..s3()
    }
}

fn partitioned() -> Settings {
    to_s3(partitioned_s3())
}

fn conversion() -> Arc<Conversion> {
    let columns = [("n".to_owned(), "bigint".to_owned())];
    Arc::new(Conversion {
        schema: Schema::parse(&columns).unwrap(),
        open_x: OpenX::default(),
        compression: Compression::Snappy,
        table: Table { database: "tapeline".to_owned(), name: "market_data".to_owned() },
    })
}

fn converted() -> Settings {
    to_s3(S3Settings { conversion: Some(conversion()), extension: ".parquet".to_owned(), ..s3() })
}

/// The records of the event that is to be answered.
fn records(events: &[Value]) -> &Vec<Value> {
    events.last().unwrap()["records"].as_array().unwrap()
}

fn data_of(record: &Value) -> Vec<u8> {
    STANDARD.decode(record["data"].as_str().unwrap()).unwrap()
}

/// Gives every record its own data back, with this result.
fn all(result: &str) -> impl FnMut(&[Value]) -> Reply + Send + use<> {
    let result = result.to_owned();
    move |events| {
        let answered = records(events).iter();
        let answered = answered
            .map(|record| json!({"recordId": record["recordId"], "result": result, "data": record["data"]}));
        Ok(json!({"records": answered.collect::<Vec<_>>()}))
    }
}

/// Gives every record its own data back; its data is also its partition key `kind`.
fn by_kind() -> impl FnMut(&[Value]) -> Reply + Send {
    |events| {
        let answered = records(events).iter().map(|record| {
            let kind = String::from_utf8(data_of(record)).unwrap();
            let keys = json!({"partitionKeys": {"kind": kind}});
            json!({"recordId": record["recordId"], "result": "Ok", "data": record["data"], "metadata": keys})
        });
        Ok(json!({"records": answered.collect::<Vec<_>>()}))
    }
}

fn function_error() -> InvocationError {
    InvocationError::FunctionError { error_type: "Boom".to_owned(), message: "no luck".to_owned() }
}

/// Fails so many times, then answers `Ok`.
fn failing(times: usize) -> impl FnMut(&[Value]) -> Reply + Send {
    let mut ok = all("Ok");
    move |events| if events.len() <= times { Err(function_error()) } else { ok(events) }
}
