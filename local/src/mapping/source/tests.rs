//! A mapping around a function in memory, with a folder as the bucket of its on-failure destination.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::lambda::InvocationError;
use crate::stream::Shards;

const START: &str = "2026-11-21T09:30:00Z";
const STREAM_ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/frames";
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:calculator";
const UUID: Uuid = Uuid::from_u128(0x1234_5678_1234_4234_8234_1234_5678_1234);

type Reply = Result<Value, InvocationError>;
type Answer = dyn FnMut(&[String]) -> Reply + Send;

/// A function that is a closure over the texts of an event's records. Keeps what it was given.
#[derive(Clone)]
struct Closure(Arc<Mutex<Seen>>);

struct Seen {
    answer: Box<Answer>,
    events: Vec<Value>,
    event_bytes: Vec<usize>,
}

impl Closure {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

impl Invoke for Closure {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let mut seen = self.seen();
        seen.event_bytes.push(event.len());
        let event: Value = serde_json::from_slice(&event).unwrap();
        let answer = (seen.answer)(&texts(&event))?;
        seen.events.push(event);
        Ok(answer.to_string().into())
    }
}

/// The data of an event's records.
fn texts(event: &Value) -> Vec<String> {
    let records = event["Records"].as_array().unwrap().iter();
    let data = records.map(|record| STANDARD.decode(record["kinesis"]["data"].as_str().unwrap()).unwrap());
    data.map(|data| String::from_utf8(data).unwrap()).collect()
}

/// A mapping with its shards and the folder of its bucket.
struct World {
    folder: TempDir,
    shards: Shards,
    source: EventSource<Closure>,
}

impl World {
    fn new(
        change: impl FnOnce(&mut Settings),
        answer: impl FnMut(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        let mut settings = Settings {
            uuid: UUID,
            function_arn: FUNCTION_ARN.to_owned(),
            role_arn: "arn:aws:iam::000000000000:role/calculator".to_owned(),
            stream_arn: STREAM_ARN.to_owned(),
            region: "us-east-1".to_owned(),
            batch_records: 100,
            window: SignedDuration::from_secs(10),
            lanes: 1,
            bisect: false,
            retries: Some(2),
            record_age_max: None,
            report_failures: true,
        };
        change(&mut settings);
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen { answer: Box::new(answer), events: Vec::new(), event_bytes: Vec::new() };
        let function = Closure(Arc::new(Mutex::new(seen)));
        let bucket = Bucket::new(folder.path().to_owned());
        let source = EventSource::new(settings, function, Some(bucket), at(0));
        Self { folder, shards: Shards::new(1), source }
    }

    /// Moves the clock to `seconds` behind the start and puts a record that arrives then.
    async fn put(&mut self, seconds: i64, key: &str, data: impl AsRef<[u8]>) {
        self.source.advance(at(seconds)).await.unwrap();
        let record = self.shards.record(key.to_owned(), data.as_ref().to_vec(), at(seconds));
        self.source.put(record).await.unwrap();
    }

    /// Puts the records `1` to `count` of one key and hands them over.
    async fn run(mut self, count: u32) -> Self {
        for number in 1..=count {
            self.put(0, "spot|BTCUSDT", number.to_string()).await;
        }
        self.source.finish().await.unwrap();
        self
    }

    /// The answered events, each as its texts with spaces between.
    fn events(&self) -> Vec<String> {
        self.source.function.seen().events.iter().map(|event| texts(event).join(" ")).collect()
    }

    /// The documents of what was given up, by key.
    fn documents(&self) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        walk(self.folder.path(), "", &mut found);
        found
    }
}

fn walk(folder: &Path, key: &str, found: &mut Vec<(String, Value)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let key = format!("{key}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{key}/"), found);
        } else {
            found.push((key, serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap()));
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn error() -> InvocationError {
    InvocationError::FunctionError { error_type: "Unlucky".to_owned(), message: "no luck".to_owned() }
}

/// A function that processes everything.
#[expect(clippy::unnecessary_wraps, reason = "it is the reply of a function")]
fn done(_: &[String]) -> Reply {
    Ok(json!({"batchItemFailures": []}))
}

/// A function that fails with every event that has this record.
fn fails_at(poison: &'static str) -> impl FnMut(&[String]) -> Reply {
    move |texts| if texts.iter().any(|text| text == poison) { Err(error()) } else { done(texts) }
}

/// The sequence number of a record of [`World::run`].
fn sequence_number(number: u32) -> String {
    format!("49{number:054}")
}

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
    let records: Vec<_> =
        world.source.function.seen().events.iter().map(|event| texts(event).len()).collect();
    assert_eq!(records, [4, 4, 1]);
    assert!(world.source.function.seen().event_bytes.iter().all(|bytes| *bytes <= 6_291_456));
}

#[tokio::test]
async fn an_event_is_of_one_shard() {
    let mut world = World::new(|_| (), done);
    world.shards = Shards::new(4);
    for number in 0..40 {
        world.put(0, &number.to_string(), number.to_string()).await;
    }
    let world = world.run(0).await;
    let seen = world.source.function.seen();
    let shards = seen.events.iter().map(|event| {
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
    let texts: Vec<_> = world.source.function.seen().events.iter().flat_map(texts).collect();
    assert_eq!(texts.len(), 60);
    for key in 0..6 {
        let of_key: Vec<_> =
            texts.iter().filter(|text| text.starts_with(&key.to_string())).cloned().collect();
        assert_eq!(of_key, (0..10).map(|number| format!("{key} {number}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn records_from_the_checkpoint_on_come_again() {
    // "In a batch of 9 messages where the fifth message fails [...] the batch is only retried from message 5 to 9".
    let mut tried = 0;
    let world = World::new(
        |_| (),
        move |_| {
            tried += 1;
            let failures =
                if tried == 1 { json!([{"itemIdentifier": sequence_number(5)}]) } else { json!([]) };
            Ok(json!({"batchItemFailures": failures}))
        },
    );
    let world = world.run(9).await;
    assert_eq!(world.events(), ["1 2 3 4 5 6 7 8 9", "5 6 7 8 9"]);
    let Counts { invocations, invocations_failed, failures_reported, retries, .. } = world.source.counts;
    assert_eq!((invocations, invocations_failed, failures_reported, retries), (2, 0, 1, 1));
}

#[tokio::test]
async fn an_unknown_identifier_has_the_whole_batch_come_again() {
    let mut tried = 0;
    let world = World::new(
        |_| (),
        move |texts| {
            tried += 1;
            if tried == 1 { Ok(json!({"batchItemFailures": [{"itemIdentifier": "1"}]})) } else { done(texts) }
        },
    );
    let world = world.run(3).await;
    assert_eq!(world.events(), ["1 2 3", "1 2 3"]);
    assert!(world.source.counts.last_failure.unwrap().contains(r#"was "1""#));
}

#[tokio::test]
async fn the_answer_is_not_read_where_the_mapping_does_not_say_so() {
    let world = World::new(
        |settings| settings.report_failures = false,
        |_| Ok(json!({"batchItemFailures": [{"itemIdentifier": ""}]})),
    );
    assert_eq!(world.run(3).await.events(), ["1 2 3"]);
}

#[tokio::test]
async fn a_batch_that_fails_too_often_is_given_up_and_kept() {
    let world = World::new(|_| (), fails_at("2"));
    let world = world.run(3).await;
    let Counts { invocations, invocations_failed, retries, discarded, .. } = world.source.counts;
    assert_eq!((invocations, invocations_failed, retries, discarded), (3, 3, 2, 3));
    let (key, document) = world.documents().remove(0);
    let name =
        key.strip_prefix(&format!("aws/lambda/{UUID}/shardId-000000000000/2026/11/21/2026-11-21T09.30.00-"));
    assert!(Uuid::parse_str(name.unwrap()).is_ok());
    let payload: Value = serde_json::from_str(document["payload"].as_str().unwrap()).unwrap();
    assert_eq!(texts(&payload), ["1", "2", "3"]);
    // The fields of the guide's example record.
    let expected = json!({
        "requestContext": {
            "requestId": document["requestContext"]["requestId"],
            "functionArn": FUNCTION_ARN,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-21T09:30:00.000Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": sequence_number(1),
            "endSequenceNumber": sequence_number(3),
            "approximateArrivalOfFirstRecord": "2026-11-21T09:30:00.000Z",
            "approximateArrivalOfLastRecord": "2026-11-21T09:30:00.000Z",
            "batchSize": 3,
            "streamArn": STREAM_ARN,
        },
        "payload": document["payload"],
    });
    assert_eq!(document, expected);
}

#[tokio::test]
async fn a_batch_that_fails_is_cut_until_the_bad_record_is_alone() {
    let world = World::new(|settings| settings.bisect = true, fails_at("5"));
    let world = world.run(8).await;
    // All eight fail, then the halves: 5 to 8 fail, 5 and 6 fail, 5 fails. What was answered is the rest, in order.
    assert_eq!(world.events(), ["1 2 3 4", "6", "7 8"]);
    let Counts { invocations_failed, bisects, retries, discarded, .. } = world.source.counts;
    // "Splitting batches doesn't consume the retry quota": the one record is tried three times.
    assert_eq!((invocations_failed, bisects, retries, discarded), (6, 3, 2, 1));
    let documents = world.documents();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].1["KinesisBatchInfo"]["startSequenceNumber"], sequence_number(5));
    assert_eq!(documents[0].1["KinesisBatchInfo"]["batchSize"], 1);
}

#[tokio::test]
async fn a_record_that_is_too_old_is_given_up_unseen() {
    let mut world = World::new(
        |settings| {
            settings.window = SignedDuration::from_secs(90);
            settings.record_age_max = Some(SignedDuration::from_secs(60));
        },
        done,
    );
    world.put(0, "spot|BTCUSDT", "1").await;
    world.put(30, "spot|BTCUSDT", "2").await;
    world.source.advance(at(90)).await.unwrap();
    assert_eq!(world.events(), ["2"]);
    let documents = world.documents();
    assert_eq!(documents[0].1["requestContext"]["condition"], "RecordAgeExpired");
    assert_eq!(documents[0].1["requestContext"]["approximateInvokeCount"], 0);
    assert_eq!(documents[0].1["responseContext"], Value::Null);
}

#[tokio::test]
async fn tries_make_a_record_older() {
    let world = World::new(
        |settings| {
            settings.retries = None;
            settings.record_age_max = Some(SignedDuration::from_secs(60));
        },
        fails_at("1"),
    );
    let world = world.run(1).await;
    // One try a second, from the arrival to 60 seconds behind it.
    assert_eq!((world.source.counts.invocations, world.source.counts.without_end), (61, 0));
    assert_eq!(world.documents()[0].1["requestContext"]["condition"], "RecordAgeExpired");
}

#[tokio::test]
async fn tries_without_end_end_here() {
    let world = World::new(|settings| settings.retries = None, fails_at("1"));
    let world = world.run(1).await;
    assert_eq!((world.source.counts.invocations, world.source.counts.without_end), (101, 1));
    assert_eq!(world.source.counts.discarded, 1);
}

#[tokio::test]
async fn a_batch_that_fails_does_not_stop_the_next() {
    let world = World::new(|settings| settings.batch_records = 1, fails_at("1"));
    assert_eq!(world.run(2).await.events(), ["2"]);
}
