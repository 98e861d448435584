//! Documents of records that were not delivered.

use super::*;

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
async fn a_failure_is_dated_when_the_batch_was_due() {
    let mut world = World::new(settings(), all("ProcessingFailed"));
    world.put(0, "a").await;
    world.advance(3_600_000).await;
    let ended = &world.documents("processing-failed")[0]["attemptEndingTimestamp"];
    assert_eq!(ended, &json!(1_795_253_460_000_i64));
}
