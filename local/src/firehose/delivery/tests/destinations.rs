//! Destinations that are no bucket, and the bucket beside them.

use std::time::Duration;

use super::*;
use crate::firehose::loopback::{Loopback, Reply, reply, response};
use crate::firehose::{
    BackupMode, BackupSettings, ContentEncoding, DocumentId, HttpSettings, IndexRotation, OpenSearchSettings,
};

fn beside(mode: BackupMode) -> (BackupSettings, BackupMode) {
    let backup = BackupSettings {
        bucket: BUCKET.to_owned(),
        prefix: prefix("all/", PrefixUse::Delivery),
        error_prefix: prefix("errors/!{firehose:error-output-type}/", PrefixUse::Error),
        time_zone: TimeZone::UTC,
        buffer: buffer(5 * 1024 * 1024, 300),
        compression: ObjectCompression::Uncompressed,
    };
    (backup, mode)
}

fn http(url: &str, mode: BackupMode) -> Settings {
    let settings = HttpSettings {
        stream_arn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/archive".to_owned(),
        url: url.to_owned(),
        access_key: None,
        content_encoding: ContentEncoding::None,
        common_attributes: Vec::new(),
        buffer_bytes: 1024 * 1024,
        buffer_interval: SignedDuration::from_secs(60),
        retry: Duration::ZERO,
    };
    to(Destination::Http { settings, backup: beside(mode) })
}

fn open_search(url: &str) -> Settings {
    let settings = OpenSearchSettings {
        stream_arn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/archive".to_owned(),
        endpoint: url.to_owned(),
        index: "trades".to_owned(),
        rotation: IndexRotation::NoRotation,
        document_id: DocumentId::None,
        type_name: None,
        buffer_bytes: 1024 * 1024,
        buffer_interval: SignedDuration::from_secs(60),
        retry: Duration::ZERO,
    };
    to(Destination::OpenSearch { settings, backup: beside(BackupMode::FailedOnly) })
}

fn to(destination: Destination) -> Settings {
    let processing = Processing { append_delimiter: true, ..processing() };
    Settings { processing, destination, ..settings() }
}

fn acknowledge() -> Reply {
    Box::new(|request| {
        let id = request.header("x-amz-firehose-request-id").unwrap();
        let body = json!({"requestId": id, "timestamp": 1_578_090_903_599_i64}).to_string();
        Some(response(200, "application/json", body.into()))
    })
}

#[tokio::test]
async fn records_go_to_the_endpoint_and_nowhere_else() {
    let endpoint = Loopback::start(vec![acknowledge()]).await;
    let mut world = World::new(http(&endpoint.url, BackupMode::FailedOnly), all("Ok"));
    world.put(0, "a").await;
    world.put(1, "b").await;
    world.advance(120_000).await;
    let requests = endpoint.received();
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(body["records"], json!([{"data": STANDARD.encode("a\n")}, {"data": STANDARD.encode("b\n")}]));
    world.finish().await;
    assert_eq!((requests.len(), world.objects().len(), world.counts().records.ok), (1, 0, 2));
}

#[tokio::test]
async fn what_the_endpoint_refuses_is_kept_as_it_came() {
    let endpoint = Loopback::start(vec![reply(413, "application/json", "{}")]).await;
    let mut world = World::new(http(&endpoint.url, BackupMode::FailedOnly), |events| {
        let id = &records(events)[0]["recordId"];
        Ok(json!({"records": [{"recordId": id, "result": "Ok", "data": STANDARD.encode("made")}]}))
    });
    world.put(0, "came").await;
    world.finish().await;
    let documents = world.documents("http-endpoint-failed");
    assert_eq!(documents[0]["rawData"], STANDARD.encode("came"));
    assert_eq!((documents.len(), world.counts().records.delivery_failed), (1, 1));
}

#[tokio::test]
async fn all_records_are_backed_up_where_that_is_asked_for() {
    let endpoint = Loopback::start(vec![acknowledge()]).await;
    let mut world = World::new(http(&endpoint.url, BackupMode::All), all("Dropped"));
    world.put(0, "came").await;
    world.finish().await;
    assert_eq!((world.texts(), world.delivery.written().backup_objects), (vec!["came".to_owned()], 1));
    assert_eq!(endpoint.received().len(), 0);
}

#[tokio::test]
async fn what_the_function_fails_is_kept_beside_any_destination() {
    let endpoint = Loopback::start(vec![acknowledge()]).await;
    let mut world = World::new(http(&endpoint.url, BackupMode::FailedOnly), all("ProcessingFailed"));
    world.put(0, "came").await;
    world.finish().await;
    assert_eq!(world.documents("processing-failed").len(), 1);
}

#[tokio::test]
async fn what_is_no_document_is_kept_under_the_name_of_the_service() {
    let domain = Loopback::start(vec![reply(200, "application/json", "{}")]).await;
    let mut world = World::new(open_search(&domain.url), all("Ok"));
    world.put(0, "no document").await;
    world.finish().await;
    assert_eq!(world.documents("AmazonOpenSearchService-failed").len(), 1);
    assert_eq!(world.counts().records.delivery_failed, 1);
}

#[tokio::test]
async fn an_address_with_tls_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = http("https://example.com", BackupMode::FailedOnly);
    let delivery = Delivery::new(settings, Closure::new(all("Ok")), folder.path(), at(0));
    assert!(delivery.is_err_and(|error| error.to_string().contains("no TLS on this machine")));
}
