//! What is done to records before and after the function.

use std::io::Write as _;

use tapeline_codec::framing::kpl;

use super::*;
use crate::firehose::{Decompression, Query, SubRecords};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn cutting(sub_records: SubRecords) -> Settings {
    Settings { processing: Processing { de_aggregation: Some(sub_records), ..processing() }, ..settings() }
}

/// The data of the records that the function was given.
fn given(world: &World) -> Vec<String> {
    let events = world.events();
    let records = events.iter().flat_map(|event| event["records"].as_array().unwrap());
    records.map(|record| String::from_utf8(data_of(record)).unwrap()).collect()
}

#[tokio::test]
async fn aggregated_records_of_a_stream_come_apart_before_the_function() {
    let mut world = World::new(settings(), all("Ok"));
    world.put(0, kpl::aggregate(&[("spot|A", b"a"), ("spot|B", b"b")])).await;
    world.finish().await;
    let events = world.events();
    let sequence = "49000000000000000000000000000000000000000000000000000001";
    for (number, key) in [(0, "spot|A"), (1, "spot|B")] {
        let record = &events[0]["records"][number];
        assert_eq!(record["recordId"], format!("{sequence}{number:06}"));
        let metadata = &record["kinesisRecordMetadata"];
        assert_eq!((&metadata["sequenceNumber"], &metadata["partitionKey"]), (&json!(sequence), &json!(key)));
        assert_eq!(metadata["subsequenceNumber"], number);
    }
    assert_eq!(given(&world), ["a", "b"]);
    assert_eq!((world.counts().records_in, world.counts().sub_records, world.counts().records.ok), (1, 2, 2));
}

#[tokio::test]
async fn what_was_put_as_an_aggregate_stays_one_record() {
    let aggregate = kpl::aggregate(&[("k", b"a"), ("k", b"b")]);
    let mut world = World::new(Settings { source: Source::DirectPut, ..settings() }, all("Ok"));
    world.put(0, &aggregate).await;
    world.finish().await;
    assert_eq!(data_of(&world.events()[0]["records"][0]), aggregate);
}

#[tokio::test]
async fn a_part_that_fails_is_kept_with_its_sub_sequence_number() {
    let mut world = World::new(without_function(converted()), all("Ok"));
    world.put(0, kpl::aggregate(&[("k", br#"{"n":1}"#), ("k", b"x")])).await;
    world.finish().await;
    let documents = world.documents("format-conversion-failed");
    assert_eq!((&documents[0]["rawData"], &documents[0]["subSequenceNumber"]), (&json!("eA=="), &json!(1)));
    assert_eq!(world.numbers("data/"), [1]);
}

#[tokio::test]
async fn sub_records_are_given_to_the_function_one_by_one() {
    let mut world = World::new(cutting(SubRecords::Json), all("Ok"));
    world.put(0, "{\"a\":1}{\"a\":2}\n").await;
    world.put(0, "{}").await;
    world.finish().await;
    assert_eq!(given(&world), [r#"{"a":1}"#, r#"{"a":2}"#, "{}"]);
    let id = |record: &Value| record["recordId"].as_str().unwrap().to_owned();
    let ids: BTreeSet<_> = records(&world.events()).iter().map(id).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn more_than_500_sub_records_are_given_to_the_function_as_base64() {
    let record = "{}".repeat(501);
    let mut world = World::new(cutting(SubRecords::Json), all("ProcessingFailed"));
    world.put(0, &record).await;
    world.finish().await;
    assert_eq!(given(&world), [STANDARD.encode(&record)]);
    // Kept is what came from the source.
    assert_eq!(world.documents("processing-failed")[0]["rawData"], STANDARD.encode(&record));
}

#[tokio::test]
async fn sub_records_are_cut_at_a_delimiter_without_a_function_too() {
    let settings = without_function(cutting(SubRecords::Delimited(b"|".to_vec())));
    let settings =
        Settings { processing: Processing { append_delimiter: true, ..settings.processing }, ..settings };
    let mut world = World::new(settings, all("Ok"));
    world.put(0, "a|b||c|").await;
    world.finish().await;
    assert_eq!(world.texts(), ["a\nb\nc\n"]);
}

fn extracting(query: &str) -> Settings {
    let s3 = S3Settings {
        prefix: prefix("!{partitionKeyFromQuery:kind}/", PrefixUse::Delivery),
        dynamic_partitioning: true,
        ..s3()
    };
    let metadata = Some(Query::parse(query).unwrap());
    Settings {
        processing: Processing { metadata, append_delimiter: true, ..Processing::default() },
        ..to_s3(s3)
    }
}

#[tokio::test]
async fn partition_keys_are_extracted_by_the_query() {
    let mut world = World::new(extracting("{kind: .e}"), all("Ok"));
    for data in [r#"{"e":"trade"}"#, r#"{"e":"kline"}"#, r#"{"e":"trade"}"#] {
        world.put(0, data).await;
    }
    world.finish().await;
    assert_eq!(world.texts(), ["{\"e\":\"kline\"}\n", "{\"e\":\"trade\"}\n{\"e\":\"trade\"}\n"]);
    let rows = BTreeMap::from([("kline".to_owned(), 1), ("trade".to_owned(), 2)]);
    assert_eq!(world.delivery.written().rows, rows);
}

#[tokio::test]
async fn a_record_that_the_query_cannot_read_is_kept_as_a_document() {
    let mut world = World::new(extracting("{kind: .e}"), all("Ok"));
    for data in ["no json", "{}"] {
        world.put(0, data).await;
    }
    world.finish().await;
    let documents = world.documents("partitioning-failed");
    for document in &documents {
        assert_eq!(document["errorCode"], "DynamicPartitioning.MetadataExtractionFailed");
    }
    assert_eq!((documents.len(), world.counts().records.partitioning_failed), (2, 2));
}

#[tokio::test]
async fn keys_are_extracted_from_what_the_function_made() {
    let mut settings = extracting("{kind: .kind}");
    settings.processing.lambda = Some(lambda());
    let mut world = World::new(settings, |events| {
        let id = &records(events)[0]["recordId"];
        Ok(
            json!({"records": [{"recordId": id, "result": "Ok", "data": STANDARD.encode(r#"{"kind":"row"}"#)}]}),
        )
    });
    world.put(0, "frame").await;
    world.finish().await;
    assert!(world.objects().keys().all(|key| key.starts_with("row/")), "{:?}", world.objects().keys());
}

fn decompressing(decompression: Decompression) -> Settings {
    Settings { processing: Processing { decompression: Some(decompression), ..processing() }, ..settings() }
}

const LOGS: &str = r#"{"messageType":"DATA_MESSAGE","logEvents":[{"message":"one"},{"message":"two"}]}"#;

#[tokio::test]
async fn log_events_are_decompressed_before_the_function() {
    let mut world = World::new(decompressing(Decompression::Document), all("Ok"));
    world.put(0, gzip(LOGS)).await;
    world.finish().await;
    assert_eq!(given(&world), [LOGS]);
}

#[tokio::test]
async fn messages_of_log_events_are_extracted() {
    let mut world = World::new(decompressing(Decompression::Messages), all("Ok"));
    world.put(0, gzip(LOGS)).await;
    world.put(0, gzip(r#"{"messageType":"CONTROL_MESSAGE","logEvents":[]}"#)).await;
    world.finish().await;
    assert_eq!(world.texts(), ["one\ntwo\n"]);
}

#[tokio::test]
async fn what_does_not_decompress_is_kept_as_it_came() {
    let mut world = World::new(decompressing(Decompression::Document), all("Ok"));
    world.put(0, "plain").await;
    world.finish().await;
    assert_eq!(world.documents("decompression-failed")[0]["rawData"], STANDARD.encode("plain"));
    assert_eq!((world.counts().records.decompression_failed, world.events().len()), (1, 0));
}

#[tokio::test]
async fn what_fails_behind_the_decompression_is_kept_compressed() {
    let mut world = World::new(decompressing(Decompression::Document), all("ProcessingFailed"));
    world.put(0, gzip(LOGS)).await;
    world.finish().await;
    assert_eq!(world.documents("processing-failed")[0]["rawData"], STANDARD.encode(gzip(LOGS)));
}
