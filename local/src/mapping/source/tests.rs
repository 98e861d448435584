//! A mapping around a function in memory, with a folder as its on-failure destination.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::super::testing::{
    Closure, FUNCTION_ARN, Reply, STREAM_ARN, UUID, at, documents, done, error, fails_at, settings, texts,
};
use super::*;
use crate::bucket::Bucket;
use crate::lambda::InvocationError;
use crate::mapping::{Filter, Messages};
use crate::stream::Shards;

/// A mapping with its shards and the folder of its destination.
struct World {
    folder: TempDir,
    shards: Shards,
    function: Closure,
    source: EventSource<Closure>,
}

impl World {
    fn new(
        change: impl FnOnce(&mut Settings),
        answer: impl FnMut(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = OnFailure::S3(Bucket::new(folder.path().to_owned()));
        Self::keeping(folder, bucket, change, answer)
    }

    fn keeping(
        folder: TempDir,
        on_failure: OnFailure,
        change: impl FnOnce(&mut Settings),
        answer: impl FnMut(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let function = Closure::new(answer);
        let source = EventSource::new(settings, function.clone(), Some(on_failure), at(0));
        Self { folder, shards: Shards::new(1), function, source }
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

    fn counts(&self) -> Counts {
        self.source.counts()
    }

    /// The answered events, each as its texts with spaces between.
    fn events(&self) -> Vec<String> {
        self.function.events()
    }

    /// The documents of what was given up, by key.
    fn documents(&self) -> Vec<(String, Value)> {
        documents(self.folder.path())
    }
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
    let records: Vec<_> = world.function.calls().events.iter().map(|event| texts(event).len()).collect();
    assert_eq!(records, [4, 4, 1]);
    assert!(world.function.calls().event_bytes.iter().all(|bytes| *bytes <= 6_291_456));
}

#[tokio::test]
async fn an_event_is_of_one_shard() {
    let mut world = World::new(|_| (), done);
    world.shards = Shards::new(4);
    for number in 0..40 {
        world.put(0, &number.to_string(), number.to_string()).await;
    }
    let world = world.run(0).await;
    let calls = world.function.calls();
    let shards = calls.events.iter().map(|event| {
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
    let texts: Vec<_> = world.function.calls().events.iter().flat_map(texts).collect();
    assert_eq!(texts.len(), 60);
    for key in 0..6 {
        let of_key: Vec<_> =
            texts.iter().filter(|text| text.starts_with(&key.to_string())).cloned().collect();
        assert_eq!(of_key, (0..10).map(|number| format!("{key} {number}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_lowest_reported_sequence_number_is_the_checkpoint() {
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
    let Counts { invocations, invocations_failed, failures_reported, retries, .. } = world.counts();
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
    assert!(world.counts().last_failure.unwrap().contains(r#"was "1""#));
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
    let Counts { invocations, invocations_failed, retries, discarded, .. } = world.counts();
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
    let Counts { invocations_failed, bisects, retries, discarded, .. } = world.counts();
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
    assert_eq!((world.counts().invocations, world.counts().without_end), (61, 0));
    assert_eq!(world.documents()[0].1["requestContext"]["condition"], "RecordAgeExpired");
}

#[tokio::test]
async fn tries_without_end_end_here() {
    let world = World::new(|settings| settings.retries = None, fails_at("1"));
    let world = world.run(1).await;
    assert_eq!((world.counts().invocations, world.counts().without_end), (101, 1));
    assert_eq!(world.counts().discarded, 1);
}

#[tokio::test]
async fn a_batch_that_fails_does_not_stop_the_next() {
    let world = World::new(|settings| settings.batch_records = 1, fails_at("1"));
    assert_eq!(world.run(2).await.events(), ["2"]);
}

#[tokio::test]
async fn of_several_reported_sequence_numbers_the_lowest_counts() {
    let mut tried = 0;
    let world = World::new(
        |_| (),
        move |_| {
            tried += 1;
            let failures = [4, 2].map(|number| json!({"itemIdentifier": sequence_number(number)}));
            Ok(json!({"batchItemFailures": if tried == 1 { json!(failures) } else { json!(null) }}))
        },
    );
    assert_eq!(world.run(4).await.events(), ["1 2 3 4", "2 3 4"]);
}

#[tokio::test]
async fn a_reported_failure_uses_up_the_retries() {
    let world = World::new(
        |_| (),
        move |_| Ok(json!({"batchItemFailures": [{"itemIdentifier": sequence_number(2)}]})),
    );
    let world = world.run(2).await;
    assert_eq!(world.events(), ["1 2", "2", "2"]);
    let documents = world.documents();
    assert_eq!(documents[0].1["KinesisBatchInfo"]["startSequenceNumber"], sequence_number(2));
    // It answered, so the function had no error.
    assert_eq!(documents[0].1["responseContext"]["functionError"], Value::Null);
}

#[tokio::test]
async fn with_a_reported_failure_a_batch_is_cut_at_the_checkpoint_only() {
    // "If a function error occurs while this setting is enabled together with ReportBatchItemFailures, the batch is bisected
    // at the returned sequence number, and Lambda retries only the remaining records."
    let mut tried = 0;
    let world = World::new(
        |settings| settings.bisect = true,
        move |texts| {
            tried += 1;
            if tried > 1 {
                return done(texts);
            }
            Ok(json!({"batchItemFailures": [{"itemIdentifier": sequence_number(4)}]}))
        },
    );
    let world = world.run(6).await;
    assert_eq!(world.events(), ["1 2 3 4 5 6", "4 5 6"]);
    assert_eq!(world.counts().bisects, 0);
}

#[tokio::test]
async fn a_throttled_batch_is_not_tried() {
    let mut asked = 0;
    let world = World::new(
        |settings| (settings.retries, settings.bisect) = (Some(0), true),
        move |texts| {
            asked += 1;
            if asked <= 5 { Err(InvocationError::Throttled { limit: 1 }) } else { done(texts) }
        },
    );
    let world = world.run(2).await;
    assert_eq!(world.events(), ["1 2"]);
    let Counts { invocations, throttles, retries, bisects, discarded, .. } = world.counts();
    assert_eq!((invocations, throttles, retries, bisects, discarded), (1, 5, 0, 0, 0));
}

#[tokio::test]
async fn a_function_that_never_has_a_process_free_holds_nobody_up_for_ever() {
    let world = World::new(|_| (), |_| Err(InvocationError::Throttled { limit: 0 }));
    let Counts { invocations, throttles, discarded, without_end, .. } = world.run(1).await.counts();
    assert_eq!((invocations, throttles, discarded, without_end), (0, 101, 1, 1));
}

#[tokio::test]
async fn records_that_no_filter_matches_are_done() {
    let filter = Filter::parse(r#"{"data":{"side":["buy"]}}"#).unwrap();
    let mut world =
        World::new(|settings| (settings.filters, settings.batch_records) = (vec![filter], 2), done);
    for side in ["buy", "sell", "sell", "buy"] {
        world.put(0, "spot|BTCUSDT", format!(r#"{{"side":"{side}"}}"#)).await;
    }
    assert_eq!(world.events(), [r#"{"side":"buy"} {"side":"buy"}"#]);
    let Counts { records, filtered, invocations, .. } = world.counts();
    assert_eq!((records, filtered, invocations), (4, 2, 1));
}

#[tokio::test]
async fn a_queue_is_told_what_was_given_up_without_the_event() {
    let folder = tempfile::tempdir().unwrap();
    let queue = OnFailure::Queue(Messages::new(folder.path().join("failed-batches")));
    let world = World::keeping(folder, queue, |settings| settings.batch_records = 1, |_| Err(error()));
    let documents = world.run(2).await.documents();
    let keys: Vec<_> = documents.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["failed-batches/1.json", "failed-batches/2.json"]);
    // The fields of the guide's example record for queues and topics.
    let fields: Vec<_> = documents[0].1.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["requestContext", "responseContext", "version", "timestamp", "KinesisBatchInfo"]);
    assert_eq!(documents[1].1["KinesisBatchInfo"]["startSequenceNumber"], sequence_number(2));
    assert_eq!(documents[1].1["requestContext"]["approximateInvokeCount"], 3);
}

#[tokio::test]
async fn what_cannot_be_kept_stops_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("topic"), "").unwrap();
    let topic = OnFailure::Topic(Messages::new(folder.path().join("topic")));
    let change = |settings: &mut Settings| (settings.bisect, settings.retries) = (true, Some(0));
    let mut world = World::keeping(folder, topic, change, fails_at("1"));
    for number in 1..=2 {
        world.put(0, "spot|BTCUSDT", number.to_string()).await;
    }
    let error = world.source.finish().await.unwrap_err();
    assert_eq!(error.to_string(), format!("the mapping of {STREAM_ARN} cannot keep what it gives up"));
    assert_eq!(world.events(), ["2"]);
    assert_eq!((world.counts().discarded, world.counts().error_objects), (1, 0));
}
