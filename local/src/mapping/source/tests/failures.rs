//! What comes again after a failure, and from where on.

use serde_json::{Value, json};

use super::*;
use crate::lambda::InvocationError;
use crate::mapping::testing::{done, fails_at};

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
