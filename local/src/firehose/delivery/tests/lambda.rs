//! Batches at the function: when they go, what they say, and what becomes of the answers.

use super::*;

#[tokio::test]
async fn a_batch_is_sent_when_its_size_is_reached() {
    let lambda = LambdaSettings { buffer: buffer(10, 60), ..lambda() };
    let mut world = World::new(with_lambda(lambda), all("Ok"));
    world.put(0, "aaaa").await;
    world.put(0, "bbbbb").await;
    assert_eq!(world.events().len(), 0);
    world.put(0, "c").await;
    assert_eq!(world.events().len(), 1);
    assert_eq!(records(&world.events()).len(), 3);
}

#[tokio::test]
async fn a_batch_is_sent_when_its_interval_is_over() {
    let mut world = World::new(settings(), all("Ok"));
    world.put(0, "a").await;
    world.put(59, "b").await;
    world.advance(59_999).await;
    assert_eq!(world.events().len(), 0);
    world.advance(60_000).await;
    assert_eq!(records(&world.events()).len(), 2);
    world.put(90, "c").await;
    world.advance(149_999).await;
    assert_eq!(world.events().len(), 1);
    world.advance(150_000).await;
    assert_eq!(world.events().len(), 2);
}

#[tokio::test]
async fn an_interval_of_zero_sends_every_record_alone() {
    let lambda = LambdaSettings { buffer: buffer(1024 * 1024, 0), ..lambda() };
    let mut world = World::new(with_lambda(lambda), all("Ok"));
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
    let id = |event: &Value| event["invocationId"].as_str().unwrap().to_owned();
    let ids: BTreeSet<_> = world.events().iter().map(id).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn an_event_never_exceeds_what_lambda_takes() {
    let lambda = LambdaSettings { buffer: buffer(3 * 1024 * 1024, 60), ..lambda() };
    let mut world = World::new(with_lambda(lambda), all("Dropped"));
    for _ in 0..20_000 {
        world.put(0, "x").await;
    }
    world.finish().await;
    let sizes = world.delivery.function.seen().event_bytes.clone();
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
    let mut world = World::new(with_lambda(lambda), failing(usize::MAX));
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
async fn without_a_function_records_are_delivered_as_they_are() {
    let mut world = World::new(without_function(settings()), |_| panic!("there is no function"));
    world.put(0, [0, 255]).await;
    world.put(0, "").await;
    world.finish().await;
    assert_eq!(world.objects().into_values().collect::<Vec<_>>(), [[0, 255]]);
    let counts = world.counts();
    assert_eq!((counts.records_in, counts.records.ok, counts.invocations), (2, 0, 0));
    assert_eq!(world.delivery.written().rows, BTreeMap::from([("all".to_owned(), 2)]));
}

#[tokio::test]
async fn an_event_of_records_that_were_put_has_no_metadata_of_a_stream() {
    let mut world = World::new(Settings { source: Source::DirectPut, ..settings() }, all("Ok"));
    world.put(1, "frame").await;
    world.finish().await;
    let event = &world.events()[0];
    assert!(event.get("sourceKinesisStreamArn").is_none(), "{event}");
    let record = event["records"][0].as_object().unwrap();
    let fields: Vec<_> = record.keys().map(String::as_str).collect();
    assert_eq!(fields, ["recordId", "approximateArrivalTimestamp", "data"]);
}

#[tokio::test]
async fn a_partition_key_is_escaped_in_the_event() {
    let mut world = World::new(settings(), all("Ok"));
    let record = StreamRecord { partition_key: "\"\\\n".to_owned(), ..record(1, 0, b"a") };
    world.delivery.put(record).await.unwrap();
    world.finish().await;
    let metadata = &world.events()[0]["records"][0]["kinesisRecordMetadata"];
    assert_eq!(metadata["partitionKey"], "\"\\\n");
}
