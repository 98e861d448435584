//! A delivery stream around a function in memory, with a folder as its bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::convert::{Compression, OpenX, Schema};
use crate::firehose::prefix::{Prefix, PrefixUse};
use crate::firehose::{Conversion, LambdaSettings, Table};
use crate::lambda::InvocationError;

const START: &str = "2026-11-21T09:30:00Z";
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:transformer";
/// Lambda's limit of a synchronous invocation.
const EVENT_BYTES_MAX: usize = 6_291_556;

type Reply = Result<Value, InvocationError>;
type Answer = dyn FnMut(&[Value]) -> Reply;

/// A function that is a closure: the events so far, the last of them to be answered, and its answer.
struct Closure {
    answer: Box<Answer>,
    events: Vec<Value>,
    event_bytes: Vec<usize>,
}

impl Invoke for Closure {
    async fn invoke(&mut self, event: Bytes) -> Result<Bytes, InvocationError> {
        self.event_bytes.push(event.len());
        self.events.push(serde_json::from_slice(&event).unwrap());
        Ok((self.answer)(&self.events)?.to_string().into())
    }
}

/// A delivery stream and the folder of its bucket.
struct World {
    folder: TempDir,
    delivery: Delivery<Closure>,
    records: u64,
}

impl World {
    fn new(settings: Settings, answer: impl FnMut(&[Value]) -> Reply + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let function = Closure { answer: Box::new(answer), events: Vec::new(), event_bytes: Vec::new() };
        let bucket = Bucket::new(folder.path().to_owned());
        Self { delivery: Delivery::new(settings, function, bucket, at(0)), folder, records: 0 }
    }

    /// Moves the clock to `seconds` behind the start and puts a record that arrives then.
    async fn put(&mut self, seconds: i64, data: impl AsRef<[u8]>) {
        self.advance(seconds * 1000).await;
        self.records += 1;
        let record = StreamRecord {
            arrival: at(seconds * 1000),
            shard_id: "shardId-000000000000".to_owned(),
            sequence_number: format!("49{:054}", self.records),
            partition_key: "spot|BTCUSDT".to_owned(),
            data: data.as_ref().to_vec(),
        };
        self.delivery.put(record).await.unwrap();
    }

    async fn advance(&mut self, millis: i64) {
        self.delivery.advance(at(millis)).await.unwrap();
    }

    async fn finish(&mut self) {
        self.delivery.finish().await.unwrap();
    }

    fn events(&self) -> &[Value] {
        &self.delivery.function.events
    }

    fn counts(&self) -> &Counts {
        self.delivery.counts()
    }

    /// What the bucket holds, by key.
    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        walk(self.folder.path(), "", &mut objects);
        objects
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

fn lambda() -> LambdaSettings {
    LambdaSettings {
        function_arn: FUNCTION_ARN.to_owned(),
        buffer_bytes: 1024 * 1024,
        buffer_interval: SignedDuration::from_secs(60),
        retries: 3,
    }
}

/// A function, no dynamic partitions, no conversion; defaults of Firehose otherwise.
fn settings() -> Settings {
    Settings {
        name: "archive".to_owned(),
        arn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/archive".to_owned(),
        source_arn: "arn:aws:kinesis:us-east-1:000000000000:stream/frames".to_owned(),
        region: "us-east-1".to_owned(),
        lambda: Some(lambda()),
        prefix: prefix("data/", PrefixUse::Delivery),
        error_prefix: prefix("errors/!{firehose:error-output-type}/", PrefixUse::Error),
        time_zone: TimeZone::UTC,
        buffer_bytes: 5 * 1024 * 1024,
        buffer_interval: SignedDuration::from_secs(300),
        dynamic_partitioning: false,
        append_delimiter: false,
        extension: String::new(),
        conversion: None,
    }
}

fn settings_without_function() -> Settings {
    Settings { lambda: None, ..settings() }
}

fn partitioned() -> Settings {
    Settings {
        prefix: prefix("kind=!{partitionKeyFromLambda:kind}/", PrefixUse::Delivery),
        dynamic_partitioning: true,
        ..settings()
    }
}

fn converted() -> Settings {
    let columns = [("n".to_owned(), "bigint".to_owned())];
    let conversion = Conversion {
        schema: Schema::parse(&columns).unwrap(),
        open_x: OpenX::default(),
        compression: Compression::Snappy,
        table: Table { database: "tapeline".to_owned(), name: "market_data".to_owned() },
    };
    Settings { conversion: Some(conversion), extension: ".parquet".to_owned(), ..settings() }
}

/// The records of the event that is to be answered.
fn records(events: &[Value]) -> &Vec<Value> {
    events.last().unwrap()["records"].as_array().unwrap()
}

fn data_of(record: &Value) -> Vec<u8> {
    STANDARD.decode(record["data"].as_str().unwrap()).unwrap()
}

/// Gives every record its own data back, with this result.
fn all(result: &str) -> impl FnMut(&[Value]) -> Reply + use<> {
    let result = result.to_owned();
    move |events| {
        let answered = records(events).iter();
        let answered = answered
            .map(|record| json!({"recordId": record["recordId"], "result": result, "data": record["data"]}));
        Ok(json!({"records": answered.collect::<Vec<_>>()}))
    }
}

/// Gives every record its own data back; its data is also its partition key `kind`.
fn by_kind() -> impl FnMut(&[Value]) -> Reply {
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
fn failing(times: usize) -> impl FnMut(&[Value]) -> Reply {
    let mut ok = all("Ok");
    move |events| if events.len() <= times { Err(function_error()) } else { ok(events) }
}

#[tokio::test]
async fn a_batch_is_sent_when_its_size_is_reached() {
    let lambda = LambdaSettings { buffer_bytes: 10, ..lambda() };
    let mut world = World::new(Settings { lambda: Some(lambda), ..settings() }, all("Ok"));
    world.put(0, "aaaa").await;
    world.put(0, "bbbbb").await;
    assert_eq!(world.events().len(), 0);
    world.put(0, "c").await;
    assert_eq!(world.events().len(), 1);
    assert_eq!(records(world.events()).len(), 3);
}

#[tokio::test]
async fn a_batch_is_sent_when_its_interval_is_over() {
    let mut world = World::new(settings(), all("Ok"));
    world.put(0, "a").await;
    world.put(59, "b").await;
    world.advance(59_999).await;
    assert_eq!(world.events().len(), 0);
    world.advance(60_000).await;
    assert_eq!(records(world.events()).len(), 2);
    world.put(90, "c").await;
    world.advance(149_999).await;
    assert_eq!(world.events().len(), 1);
    world.advance(150_000).await;
    assert_eq!(world.events().len(), 2);
}

#[tokio::test]
async fn an_interval_of_zero_sends_every_record_alone() {
    let lambda = LambdaSettings { buffer_interval: SignedDuration::ZERO, ..lambda() };
    let mut world = World::new(Settings { lambda: Some(lambda), ..settings() }, all("Ok"));
    world.put(0, "a").await;
    world.put(0, "b").await;
    world.finish().await;
    assert_eq!(world.events().len(), 2);
}

#[tokio::test]
async fn an_event_has_the_fields_that_firehose_sends() {
    let mut world = World::new(settings(), all("Ok"));
    world.put(1, "frame").await;
    world.finish().await;
    let event = &world.events()[0];
    assert_eq!(event["deliveryStreamArn"], "arn:aws:firehose:us-east-1:000000000000:deliverystream/archive");
    assert_eq!(event["sourceKinesisStreamArn"], "arn:aws:kinesis:us-east-1:000000000000:stream/frames");
    assert_eq!(event["region"], "us-east-1");
    assert!(event["invocationId"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    // 2026-11-21T09:30:01Z in milliseconds, by `date -d ... +%s`.
    let arrival_ms = 1_795_253_401_000_i64;
    let sequence = "49000000000000000000000000000000000000000000000000000001";
    let id = "49000000000000000000000000000000000000000000000000000001000000";
    assert_eq!((sequence.len(), id.len()), (56, 62));
    let record = json!({
        "recordId": id,
        "approximateArrivalTimestamp": arrival_ms,
        "data": "ZnJhbWU=",
        "kinesisRecordMetadata": {
            "sequenceNumber": sequence,
            "subsequenceNumber": 0,
            "partitionKey": "spot|BTCUSDT",
            "shardId": "shardId-000000000000",
            "approximateArrivalTimestamp": arrival_ms,
        },
    });
    assert_eq!(event["records"], json!([record]));
}

#[tokio::test]
async fn every_invocation_has_an_id_of_its_own() {
    let mut world = World::new(settings(), failing(2));
    world.put(0, "a").await;
    world.finish().await;
    let ids: BTreeSet<_> =
        world.events().iter().map(|event| event["invocationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn an_event_never_exceeds_what_lambda_takes() {
    let lambda = LambdaSettings { buffer_bytes: 3 * 1024 * 1024, ..lambda() };
    let mut world = World::new(Settings { lambda: Some(lambda), ..settings() }, all("Dropped"));
    for _ in 0..20_000 {
        world.put(0, "x").await;
    }
    world.finish().await;
    let sizes = &world.delivery.function.event_bytes;
    assert!(sizes.iter().all(|bytes| *bytes <= EVENT_BYTES_MAX), "{sizes:?}");
    assert!(sizes[0] > EVENT_BYTES_MAX - 500, "{sizes:?}");
    let sent: usize = world.events().iter().map(|event| event["records"].as_array().unwrap().len()).sum();
    assert_eq!((sent, world.counts().records.dropped), (20_000, 20_000));
}

#[tokio::test]
async fn an_invocation_that_fails_is_tried_again_and_delivers_once() {
    for failures in 1..=3 {
        let mut world = World::new(settings(), failing(failures));
        world.put(0, "a").await;
        world.finish().await;
        assert_eq!(world.texts(), ["a"], "{failures}");
        let counts = world.counts();
        assert_eq!((counts.records.ok, counts.records.invocation_failed), (1, 0));
        assert_eq!((counts.invocations, counts.invocations_failed), (failures as u64 + 1, failures as u64));
        assert_eq!(counts.last_failure.as_deref(), Some(FUNCTION_ERROR));
    }
}

const FUNCTION_ERROR: &str = "Lambda.FunctionError: the function reported Boom: no luck";

#[tokio::test]
async fn a_batch_whose_attempts_are_used_up_is_kept_as_documents() {
    let mut world = World::new(settings(), failing(usize::MAX));
    world.put(0, b"a").await;
    world.put(1, [0, 255]).await;
    world.advance(60_000).await;
    world.finish().await;
    assert_eq!(world.counts().invocations, 4);
    assert_eq!((world.counts().records.invocation_failed, world.counts().records.ok), (2, 0));
    let document = |arrival_ms: i64, raw_data: &str| {
        json!({
            "attemptsMade": 4,
            "arrivalTimestamp": arrival_ms,
            "errorCode": "Lambda.FunctionError",
            "errorMessage": "the function reported Boom: no luck",
            "attemptEndingTimestamp": 1_795_253_460_000_i64,
            "rawData": raw_data,
            "lambdaArn": FUNCTION_ARN,
        })
    };
    let expected = [document(1_795_253_400_000, "YQ=="), document(1_795_253_401_000, "AP8=")];
    assert_eq!(world.documents("processing-failed"), expected);
    assert_eq!(world.objects().len(), 1);
}

#[tokio::test]
async fn a_timeout_is_named() {
    let timeout = std::time::Duration::from_secs(1);
    let mut world = World::new(settings(), move |_| Err(InvocationError::TimedOut { timeout }));
    world.put(0, "a").await;
    world.finish().await;
    assert_eq!(world.documents("processing-failed")[0]["errorCode"], "Lambda.FunctionTimedOut");
}

#[tokio::test]
async fn without_retries_a_batch_has_one_attempt() {
    let lambda = LambdaSettings { retries: 0, ..lambda() };
    let mut world = World::new(Settings { lambda: Some(lambda), ..settings() }, failing(usize::MAX));
    world.put(0, "a").await;
    world.finish().await;
    assert_eq!(world.counts().invocations, 1);
    assert_eq!(world.documents("processing-failed")[0]["attemptsMade"], 1);
}

#[tokio::test]
async fn a_batch_after_a_lost_one_is_delivered() {
    let mut world = World::new(settings(), failing(4));
    world.put(0, "lost").await;
    world.advance(60_000).await;
    world.put(61, "kept").await;
    world.finish().await;
    assert_eq!(world.documents("processing-failed").len(), 1);
    assert_eq!((world.counts().records.invocation_failed, world.counts().records.ok), (1, 1));
}

/// Two records are put and `change` is done to the answer that would be right: both fail under this code, and the
/// function is not asked again.
async fn refused(change: fn(&mut Vec<Value>), code: &str) {
    let mut ok = all("Ok");
    let mut world = World::new(settings(), move |events| {
        let mut answer = ok(events)?;
        change(answer["records"].as_array_mut().unwrap());
        Ok(answer)
    });
    world.put(0, "a").await;
    world.put(0, "b").await;
    world.finish().await;
    let documents = world.documents("processing-failed");
    let raw_data: Vec<_> = documents.iter().map(|document| &document["rawData"]).collect();
    assert_eq!(raw_data, ["YQ==", "Yg=="], "{code}");
    for document in &documents {
        assert_eq!((&document["errorCode"], &document["attemptsMade"]), (&json!(code), &json!(1)));
    }
    assert_eq!((world.counts().invocations, world.counts().records.invocation_failed), (1, 2));
    assert_eq!(world.objects().len(), 1);
}

#[tokio::test]
async fn an_answer_without_a_record_fails_the_batch() {
    refused(|records| drop(records.pop()), "Lambda.MissingRecordId").await;
    refused(Vec::clear, "Lambda.MissingRecordId").await;
}

#[tokio::test]
async fn an_answer_with_a_record_twice_fails_the_batch() {
    refused(|records| records.push(records[0].clone()), "Lambda.DuplicatedRecordId").await;
}

#[tokio::test]
async fn an_answer_with_an_unknown_record_fails_the_batch() {
    refused(|records| records[1]["recordId"] = json!("unknown"), "Lambda.MissingRecordId").await;
    refused(
        |records| {
            let mut more = records[0].clone();
            more["recordId"] = json!("unknown");
            records.push(more);
        },
        "Lambda.JsonProcessingException",
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_fails_the_batch() {
    refused(|records| records[1]["result"] = json!("TransformedStateOk"), "Lambda.JsonProcessingException")
        .await;
    refused(|records| records[1]["data"] = json!("not base64"), "Lambda.JsonProcessingException").await;
    refused(|records| records[1] = json!([]), "Lambda.JsonProcessingException").await;
}

#[tokio::test]
async fn a_dropped_record_goes_nowhere_and_is_counted() {
    let mut world = World::new(settings(), all("Dropped"));
    world.put(0, "a").await;
    world.finish().await;
    assert_eq!((world.counts().records.dropped, world.objects().len()), (1, 0));
}

#[tokio::test]
async fn a_record_that_the_function_failed_is_kept_as_a_document() {
    let mut world = World::new(settings(), |events| {
        let id = &records(events)[0]["recordId"];
        // The function may answer other data than it was given: kept is what came from the source.
        Ok(json!({"records": [{"recordId": id, "result": "ProcessingFailed", "data": ""}]}))
    });
    world.put(0, "a").await;
    world.finish().await;
    let expected = json!({
        "attemptsMade": 1,
        "arrivalTimestamp": 1_795_253_400_000_i64,
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "attemptEndingTimestamp": 1_795_253_400_000_i64,
        "rawData": "YQ==",
        "lambdaArn": FUNCTION_ARN,
    });
    assert_eq!(world.documents("processing-failed"), [expected]);
    assert_eq!((world.counts().records.processing_failed, world.counts().invocations_failed), (1, 0));
}

#[tokio::test]
async fn records_with_the_same_keys_share_an_object() {
    let mut world = World::new(partitioned(), by_kind());
    for kind in ["trade", "kline", "trade"] {
        world.put(0, kind).await;
    }
    world.finish().await;
    let objects = world.objects();
    let objects: Vec<_> = objects.iter().map(|(key, content)| (key.as_str(), content.as_slice())).collect();
    assert_eq!(objects.len(), 2, "{objects:?}");
    assert!(objects[0].0.starts_with("kind=kline/archive-1-2026-11-21-09-30-00-"), "{objects:?}");
    assert!(objects[1].0.starts_with("kind=trade/archive-1-2026-11-21-09-30-00-"), "{objects:?}");
    assert_eq!((objects[0].1, objects[1].1), (&b"kline"[..], &b"tradetrade"[..]));
    assert_eq!(
        world.delivery.written().rows,
        BTreeMap::from([("kline".to_owned(), 1), ("trade".to_owned(), 2)])
    );
}

#[tokio::test]
async fn a_record_without_a_key_of_the_prefix_is_kept_as_a_document() {
    let mut world = World::new(partitioned(), all("Ok"));
    world.put(0, "a").await;
    world.finish().await;
    let documents = world.documents("partitioning-failed");
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0]["errorCode"], "DynamicPartitioning.MissingPartitionKey");
    assert_eq!(documents[0]["errorMessage"], "the prefix names the key kind, the record has none");
    assert_eq!(documents[0]["rawData"], "YQ==");
    assert_eq!((world.counts().records.ok, world.counts().records.partitioning_failed), (1, 1));
}

#[tokio::test]
async fn a_record_for_one_partition_too_many_is_kept_as_a_document() {
    let mut world = World::new(partitioned(), by_kind());
    for number in 0..501 {
        world.put(0, format!("k{number:03}")).await;
    }
    // A partition that is active already takes more.
    world.put(0, "k000").await;
    world.finish().await;
    let documents = world.documents("partitioning-failed");
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0]["errorCode"], "DynamicPartitioning.ActivePartitionLimitExceeded");
    assert_eq!(documents[0]["rawData"], STANDARD.encode("k500"));
    assert_eq!((world.delivery.written().objects, world.delivery.written().error_objects), (500, 1));
    assert_eq!(world.texts().iter().filter(|text| *text == "k000k000").count(), 1);
}

#[tokio::test]
async fn a_row_that_does_not_convert_is_kept_as_a_document_and_the_others_are_delivered() {
    let mut world = World::new(converted(), all("Ok"));
    for data in [r#"{"n":1}"#, r#"{"n":"x"}"#, r#"{"n":2}"#] {
        world.put(0, data).await;
    }
    world.finish().await;
    assert_eq!(world.numbers("data/"), [1, 2]);
    let documents = world.documents("format-conversion-failed");
    let message = documents[0]["lastErrorMessage"].as_str().unwrap();
    assert!(message.contains("`n`") && message.contains("\"x\""), "{message}");
    let expected = json!({
        "attemptsMade": 1,
        "arrivalTimestamp": 1_795_253_400_000_i64,
        "lastErrorCode": "DataFormatConversion.MalformedData",
        "lastErrorMessage": message,
        "attemptEndingTimestamp": 1_795_253_400_000_i64,
        "rawData": STANDARD.encode(r#"{"n":"x"}"#),
        "sequenceNumber": "49000000000000000000000000000000000000000000000000000002",
        "subSequenceNumber": null,
        "dataCatalogTable": {
            "catalogId": null,
            "databaseName": "tapeline",
            "tableName": "market_data",
            "region": "us-east-1",
            "versionId": "LATEST",
            "catalogArn": null,
        },
    });
    assert_eq!(documents, [expected]);
    assert_eq!((world.counts().records.ok, world.counts().records.conversion_failed), (3, 1));
    assert_eq!(world.delivery.written().rows, BTreeMap::from([("all".to_owned(), 2)]));
}

#[tokio::test]
async fn an_object_whose_only_row_does_not_convert_is_not_written() {
    let mut world = World::new(converted(), all("Ok"));
    world.put(0, "no json").await;
    world.finish().await;
    let documents = world.documents("format-conversion-failed");
    assert_eq!(documents[0]["lastErrorCode"], "DataFormatConversion.ParseError");
    assert_eq!(world.objects().len(), 1);
}

#[tokio::test]
async fn an_object_is_written_when_its_size_is_reached() {
    let settings = Settings { buffer_bytes: 4, ..settings_without_function() };
    let mut world = World::new(settings, all("Ok"));
    world.put(0, "abc").await;
    assert_eq!(world.objects().len(), 0);
    world.put(0, "de").await;
    assert_eq!(world.texts(), ["abcde"]);
    world.put(0, "f").await;
    world.finish().await;
    assert_eq!(world.objects().len(), 2);
    assert_eq!((world.delivery.written().objects, world.delivery.written().object_bytes), (2, 6));
}

#[tokio::test]
async fn an_object_is_written_when_its_interval_is_over() {
    let mut world = World::new(settings_without_function(), all("Ok"));
    world.put(0, "a").await;
    world.put(299, "b").await;
    world.advance(299_999).await;
    assert_eq!(world.objects().len(), 0);
    world.advance(300_000).await;
    assert_eq!(world.texts(), ["ab"]);
}

#[tokio::test]
async fn failure_documents_are_written_when_their_interval_is_over() {
    let mut world = World::new(settings(), all("ProcessingFailed"));
    world.put(0, "a").await;
    world.advance(60_000).await;
    world.advance(359_999).await;
    assert_eq!(world.objects().len(), 0);
    world.advance(360_000).await;
    assert_eq!(world.documents("processing-failed").len(), 1);
}

#[tokio::test]
async fn an_object_is_named_by_the_arrival_of_its_oldest_record() {
    let prefix = prefix("data/!{timestamp:yyyy/MM/dd/HH-mm-ss}/", PrefixUse::Delivery);
    let error_prefix = "errors/!{firehose:error-output-type}/!{timestamp:HH-mm-ss}/";
    let error_prefix = Prefix::parse(error_prefix, TimeZone::UTC, PrefixUse::Error).unwrap();
    let mut all = [all("Ok"), all("ProcessingFailed")];
    let mut world = World::new(Settings { prefix, error_prefix, ..settings() }, move |events| {
        all[events.len() - 1](events)
    });
    world.put(1, "a").await;
    world.put(2, "b").await;
    world.advance(100_000).await;
    world.put(103, "c").await;
    world.finish().await;
    let keys: Vec<String> = world.objects().into_keys().collect();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].starts_with("data/2026/11/21/09-30-01/archive-1-2026-11-21-09-30-01-"), "{keys:?}");
    let failed = "errors/processing-failed/09-31-43/archive-1-2026-11-21-09-31-43-";
    assert!(keys[1].starts_with(failed), "{keys:?}");
}

#[tokio::test]
async fn finishing_empties_every_buffer() {
    let mut world = World::new(settings(), all("Ok"));
    world.put(0, "a").await;
    world.advance(60_000).await;
    world.put(61, "b").await;
    world.finish().await;
    assert_eq!(world.texts(), ["ab"]);
    world.finish().await;
    assert_eq!((world.objects().len(), world.events().len()), (1, 2));
}

#[tokio::test]
async fn without_a_function_records_are_delivered_as_they_are() {
    let mut world = World::new(settings_without_function(), |_| panic!("there is no function"));
    world.put(0, [0, 255]).await;
    world.put(0, "").await;
    world.finish().await;
    assert_eq!(world.objects().into_values().collect::<Vec<_>>(), [[0, 255]]);
    let counts = world.counts();
    assert_eq!((counts.records_in, counts.records.ok, counts.invocations), (2, 0, 0));
    assert_eq!(world.delivery.written().rows, BTreeMap::from([("all".to_owned(), 2)]));
}

#[tokio::test]
async fn a_line_feed_is_put_behind_each_record_where_it_is_asked_for() {
    let mut world = World::new(Settings { append_delimiter: true, ..settings() }, all("Ok"));
    world.put(0, "a").await;
    world.put(0, "b").await;
    world.finish().await;
    assert_eq!(world.texts(), ["a\nb\n"]);
}

#[tokio::test]
async fn a_written_partition_makes_room_for_another() {
    let mut world = World::new(partitioned(), by_kind());
    for number in 0..500 {
        world.put(0, format!("k{number:03}")).await;
    }
    world.put(400, "k500").await;
    world.finish().await;
    assert_eq!((world.delivery.written().objects, world.counts().records.partitioning_failed), (501, 0));
}

#[tokio::test]
async fn buffers_expire_at_their_time_and_not_with_the_next_record() {
    let prefix = prefix("data/!{timestamp:HH-mm-ss}/", PrefixUse::Delivery);
    let mut world = World::new(Settings { prefix, ..settings() }, all("Ok"));
    world.put(0, "a").await;
    // An hour later: the batch was due after one minute, its object five minutes after that.
    world.put(3600, "b").await;
    assert_eq!(world.texts(), ["a"]);
    world.finish().await;
    let objects = world.objects();
    let keys: Vec<_> = objects.keys().map(|key| key.split('/').nth(1).unwrap()).collect();
    assert_eq!(keys, ["09-30-00", "10-30-00"]);
}

#[tokio::test]
async fn a_failure_is_dated_when_the_batch_was_due() {
    let mut world = World::new(settings(), all("ProcessingFailed"));
    world.put(0, "a").await;
    world.advance(3_600_000).await;
    let ended = &world.documents("processing-failed")[0]["attemptEndingTimestamp"];
    assert_eq!(ended, &json!(1_795_253_460_000_i64));
}

#[tokio::test]
async fn a_partition_whose_prefix_cannot_be_evaluated_fails_its_record_only() {
    let too_long = "k".repeat(513);
    for kind in [too_long.as_str(), "../../escape", "a\0b", &"k".repeat(300)] {
        let mut world = World::new(partitioned(), by_kind());
        world.put(0, "trade").await;
        world.put(0, kind).await;
        world.finish().await;
        let documents = world.documents("partitioning-failed");
        assert_eq!(documents.len(), 1, "{kind:?}");
        assert_eq!(documents[0]["errorCode"], "DynamicPartitioning.InvalidPrefix");
        assert_eq!(documents[0]["rawData"], STANDARD.encode(kind));
        assert_eq!(world.delivery.written().rows, BTreeMap::from([("trade".to_owned(), 1)]));
        assert_eq!(world.counts().records.partitioning_failed, 1);
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_written_does_not_keep_the_others_from_it() {
    let mut world = World::new(partitioned(), by_kind());
    fs::write(world.folder.path().join("kind=kline"), "in the way").unwrap();
    for kind in ["kline", "trade"] {
        world.put(0, kind).await;
    }
    let error = world.delivery.finish().await.unwrap_err();
    assert_eq!(error.to_string(), "the delivery stream archive stopped");
    assert!(world.texts().contains(&"trade".to_owned()), "{:?}", world.objects().keys());
}

/// What becomes of one record of the property test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered(&'static str),
    Unconvertible,
    Unpartitioned,
    Dropped,
    Failed,
}

impl Fate {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            3 => Just(Self::Delivered("trade")),
            2 => Just(Self::Delivered("kline")),
            1 => Just(Self::Unconvertible),
            1 => Just(Self::Unpartitioned),
            1 => Just(Self::Dropped),
            1 => Just(Self::Failed),
        ]
    }

    fn answer(self, record: &Value) -> Value {
        let (result, keys) = match self {
            Self::Delivered(kind) => ("Ok", json!({ "kind": kind })),
            Self::Unconvertible => ("Ok", json!({"kind": "trade"})),
            Self::Unpartitioned => ("Ok", json!({})),
            Self::Dropped => ("Dropped", json!({})),
            Self::Failed => ("ProcessingFailed", json!({})),
        };
        let data = if self == Self::Unconvertible { json!("W10=") } else { record["data"].clone() };
        json!({"recordId": record["recordId"], "result": result, "data": data, "metadata": {"partitionKeys": keys}})
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Put(Fate),
    Wait(i64),
}

fn fates(steps: &[Step]) -> Vec<Fate> {
    let fate = |step: &Step| if let Step::Put(fate) = step { Some(*fate) } else { None };
    steps.iter().filter_map(fate).collect()
}

/// How one invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invoked {
    Answered,
    Error,
    Incomplete,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![6 => Fate::any().prop_map(Step::Put), 1 => (0_i64..200).prop_map(Step::Wait)];
    proptest::collection::vec(step, 0..60)
}

fn invoked() -> impl Strategy<Value = Vec<Invoked>> {
    let end =
        prop_oneof![4 => Just(Invoked::Answered), 2 => Just(Invoked::Error), 1 => Just(Invoked::Incomplete)];
    proptest::collection::vec(end, 1..8)
}

/// Plays the steps; the ends of invocations come again and again.
async fn played(steps: &[Step], ends: Vec<Invoked>) -> World {
    let fates = fates(steps);
    let lambda = LambdaSettings { buffer_bytes: 40, retries: 1, ..lambda() };
    let (partitioned, buffer_bytes) = (partitioned(), 60);
    let settings = Settings {
        lambda: Some(lambda),
        prefix: partitioned.prefix,
        dynamic_partitioning: true,
        buffer_bytes,
        ..converted()
    };
    let mut world = World::new(settings, move |events| {
        let end = ends[(events.len() - 1) % ends.len()];
        let fate = |record: &Value| {
            let data: Value = serde_json::from_slice(&data_of(record)).unwrap();
            fates[usize::try_from(data["n"].as_u64().unwrap()).unwrap()]
        };
        let mut answers: Vec<_> = records(events).iter().map(|record| fate(record).answer(record)).collect();
        match end {
            Invoked::Error => return Err(function_error()),
            Invoked::Incomplete => drop(answers.pop()),
            Invoked::Answered => {}
        }
        Ok(json!({ "records": answers }))
    });
    let (mut seconds, mut number) = (0, 0);
    for step in steps {
        match step {
            Step::Wait(more) => seconds += more,
            Step::Put(_) => {
                world.put(seconds, format!(r#"{{"n":{number}}}"#)).await;
                number += 1;
            }
        }
    }
    world.finish().await;
    world
}

fn documented(world: &World, what: &str) -> Vec<i64> {
    let raw = |document: &Value| STANDARD.decode(document["rawData"].as_str().unwrap()).unwrap();
    let number = |data: Vec<u8>| serde_json::from_slice::<Value>(&data).unwrap()["n"].as_i64().unwrap();
    world.documents(what).iter().map(|document| number(raw(document))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_record_ends_in_exactly_one_place(steps in steps(), ends in invoked()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = runtime.block_on(played(&steps, ends));
        let fates = fates(&steps);
        let counts = world.counts();
        prop_assert_eq!(counts.records_in, fates.len() as u64);
        prop_assert_eq!(counts.records.ok + counts.records.dropped + counts.records.processing_failed + counts.records.invocation_failed, counts.records_in);
        let rows = world.numbers("kind=");
        prop_assert_eq!(rows.len() as u64 + counts.records.partitioning_failed + counts.records.conversion_failed, counts.records.ok);
        prop_assert_eq!(world.delivery.written().rows.values().sum::<u64>(), rows.len() as u64);
        let failed = documented(&world, "processing-failed");
        let (partitioning, conversion) = (documented(&world, "partitioning-failed"), documented(&world, "format-conversion-failed"));
        prop_assert_eq!(failed.len() as u64, counts.records.processing_failed + counts.records.invocation_failed);
        let fate_of = |number: &i64| fates[usize::try_from(*number).unwrap()];
        prop_assert!(rows.iter().all(|number| matches!(fate_of(number), Fate::Delivered(_))));
        prop_assert!(partitioning.iter().all(|number| fate_of(number) == Fate::Unpartitioned));
        prop_assert!(conversion.iter().all(|number| fate_of(number) == Fate::Unconvertible));
        // What is nowhere was dropped, and nothing is in two places.
        let mut found: Vec<i64> = [rows, failed, partitioning, conversion].concat();
        found.sort_unstable();
        let places = found.len();
        found.dedup();
        prop_assert_eq!(found.len(), places);
        let lost = (0_i64..).zip(&fates).filter(|(number, _)| found.binary_search(number).is_err());
        let lost: Vec<_> = lost.map(|(_, fate)| *fate).collect();
        prop_assert_eq!(lost.len() as u64, counts.records.dropped);
        prop_assert!(lost.iter().all(|fate| *fate == Fate::Dropped));
        for kind in ["trade", "kline"] {
            let numbers = world.numbers(&format!("kind={kind}/"));
            prop_assert!(numbers.iter().all(|number| fate_of(number) == Fate::Delivered(kind)));
        }
    }
}
