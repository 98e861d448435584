//! What event source mappings do live, one behaviour each.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::number;
use crate::process::until;
use crate::stand_in::{Act, done, records, stand_in};

/// Where the template has the batch size: more settings of the mapping go there.
const SETTINGS: &str = "BatchSize: 100";
/// How long an invocation waits for another one beside it. One that waits as long is alone.
const ALONE: Duration = Duration::from_secs(5);

/// Texts of this many records with their keys: each key's are numbered from 0.
pub(crate) fn numbered(keys: usize, from: usize, each: usize) -> Vec<(String, String)> {
    let of_a_round = |number: usize| (0..keys).map(move |key| (format!("key-{key}"), number.to_string()));
    (from..from + each).flat_map(of_a_round).collect()
}

/// Asserts that each key's records came once and in their order.
pub(crate) fn each_once_and_in_order(records: Vec<(String, String)>, each: usize) {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, text) in records {
        found.entry(key).or_default().push(text);
    }
    let expected: Vec<_> = (0..each).map(|number| number.to_string()).collect();
    for (key, texts) in found {
        assert_eq!(texts, expected, "{key}");
    }
}

#[test]
fn a_filter_keeps_records_from_the_function() {
    let filter = r#"FilterCriteria: { Filters: [ { Pattern: '{"data":{"kind":["trade"]}}' } ] }"#;
    let (workshop, worker) = stand_in(&[(SETTINGS, filter)], |_, _| done());
    let up = workshop.up();
    let data = [r#"{"kind":"trade","id":1}"#, r#"{"kind":"quote"}"#, r#"{"kind":"trade","id":2}"#];
    up.aws.put_records("frames", &data.map(|data| ("key", data)));
    let found: Vec<_> = worker.records(2).into_iter().map(|(_, data)| data).collect();
    assert_eq!(found, [data[0], data[2]]);
    let status = up.aws.status_with("/mappings/WorkerFrames/records", 3);
    assert_eq!(number(&status, "/mappings/WorkerFrames/filtered"), 1);
}

#[test]
fn a_queue_is_told_of_the_batch_that_was_given_up() {
    let settings = "MaximumRetryAttempts: 0\n            DestinationConfig: { OnFailure: { Destination: !GetAtt Lost.Arn } }";
    let (workshop, worker) = stand_in(&[(SETTINGS, settings)], |number, _| match number {
        1 => Act::Fail,
        _ => done(),
    });
    let up = workshop.up();
    up.aws.put_records("frames", &[("key", "1"), ("key", "2")]);
    let message = until("a message", || up.workshop.files("data/sqs/lost").remove("1.json"));
    let message: Value = serde_json::from_slice(&message).unwrap();
    assert_eq!(message["KinesisBatchInfo"]["batchSize"], 2);
    assert_eq!(message["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(
        message["requestContext"]["functionArn"],
        "arn:aws:lambda:us-east-1:000000000000:function:worker"
    );
    assert_eq!(message["responseContext"]["functionError"], "Unhandled");
    // A queue is told where the records are, and does not get them.
    assert_eq!(message["payload"], Value::Null);
    up.aws.put_records("frames", &[("key", "3")]);
    assert_eq!(worker.records(1), [("key".to_owned(), "3".to_owned())]);
    assert_eq!(number(&up.aws.status(), "/mappings/WorkerFrames/discarded"), 2);
}

#[test]
fn the_lowest_reported_sequence_number_is_the_checkpoint() {
    let (workshop, worker) = stand_in(&[], |number, event| {
        let failed =
            |index: usize| json!({"itemIdentifier": event["Records"][index]["kinesis"]["sequenceNumber"]});
        if number == 1 { Act::Answer(json!({"batchItemFailures": [failed(2), failed(1)]})) } else { done() }
    });
    let up = workshop.up();
    up.aws.put_records("frames", &["1", "2", "3"].map(|text| ("key", text)));
    let texts = |event: &Value| records(event).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts(&worker.event()), ["1", "2", "3"]);
    assert_eq!(texts(&worker.event()), ["2", "3"]);
}

#[test]
fn a_function_without_concurrency_is_throttled() {
    let none = [("Timeout: 30", "ReservedConcurrentExecutions: 0")];
    let (workshop, _worker) = stand_in(&none, |_, _| done());
    let up = workshop.up();
    let (status, error, answer) = up.aws.invoke("worker", &json!({}));
    assert_eq!((status.as_u16(), error.as_str()), (429, "TooManyRequestsException"));
    assert_eq!(answer["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert_eq!(number(&up.aws.status(), "/functions/worker/throttles"), 1);
}

#[test]
fn what_the_function_answers_is_what_its_caller_gets() {
    let (workshop, _worker) = stand_in(&[], |_, event| Act::Answer(json!({"was": event})));
    let up = workshop.up();
    let (status, _, answer) = up.aws.invoke("worker", &json!({"a": 1}));
    assert_eq!((status.as_u16(), answer), (200, json!({"was": {"a": 1}})));
}

#[test]
fn lanes_of_a_shard_work_side_by_side_and_keep_the_order_of_a_key() {
    // The first invocation waits for a second one beside it.
    let (at_once, met) = (Mutex::new(0_u32), Condvar::new());
    let lanes = [(SETTINGS, "BatchSize: 10\n            ParallelizationFactor: 4")];
    let (workshop, worker) = stand_in(&lanes, move |_, _| {
        let mut came = at_once.lock().unwrap();
        *came += 1;
        met.notify_all();
        let (came, alone) = met.wait_timeout_while(came, ALONE, |came| *came < 2).unwrap();
        drop(came);
        if alone.timed_out() { Act::Fail } else { done() }
    });
    let up = workshop.up();
    up.aws.put_records("frames", &numbered(16, 0, 20));
    each_once_and_in_order(worker.records(320), 20);
    let status = up.aws.status();
    assert_eq!(number(&status, "/functions/worker/errors"), 0);
    assert!(number(&status, "/functions/worker/cold_starts") > 1, "{status}");
}

#[test]
fn a_function_that_takes_too_long_is_killed_and_the_batch_comes_again() {
    let (workshop, worker) = stand_in(&[("Timeout: 30", "Timeout: 1")], |number, _| match number {
        1 => Act::Hang,
        _ => done(),
    });
    let up = workshop.up();
    up.aws.put_records("frames", &[("key", "1"), ("key", "2")]);
    let texts: Vec<_> = worker.records(2).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["1", "2"]);
    let status = up.aws.status_with("/functions/worker/invocations", 2);
    for (place, count) in [
        ("/functions/worker/errors", 1),
        ("/functions/worker/cold_starts", 2),
        ("/functions/worker/processes", 1),
        ("/mappings/WorkerFrames/retries", 1),
        ("/mappings/WorkerFrames/invocations_failed", 1),
        ("/mappings/WorkerFrames/discarded", 0),
    ] {
        assert_eq!(number(&status, place), count, "{place} in {status}");
    }
}
