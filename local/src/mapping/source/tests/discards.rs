//! What is given up, and what is kept of it.

use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::lambda::InvocationError;
use crate::mapping::Messages;
use crate::mapping::testing::{FUNCTION_ARN, STREAM_ARN, UUID, done, error, fails_at, texts};

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
async fn a_function_that_never_has_a_process_free_holds_nobody_up_for_ever() {
    let world = World::new(|_| (), |_| Err(InvocationError::Throttled { limit: 0 }));
    let Counts { invocations, throttles, discarded, without_end, .. } = world.run(1).await.counts();
    assert_eq!((invocations, throttles, discarded, without_end), (0, 101, 1, 1));
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
