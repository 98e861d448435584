//! What delivery streams do live, one behaviour each.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::aws::number;
use crate::destination::Destination;
use crate::process::until;
use crate::run::Workshop;

/// Delivery streams that producers put into.
pub(crate) const TEMPLATE: &str = include_str!("deliveries.yaml");
/// One that delivers to OpenSearch.
pub(crate) const SEARCH: &str = include_str!("search.yaml");

fn unpacked(content: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(content).read_to_string(&mut text).unwrap();
    text
}

/// The documents of a text that has one a line.
fn documents(text: &[u8]) -> Vec<Value> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn an_object_appears_once_the_interval_is_over() {
    let up = Workshop::new().template(TEMPLATE).up();
    up.aws.deliver("compressed", "a");
    up.aws.deliver("compressed", "b");
    let status = up.aws.status_with("/delivery_streams/compressed/objects", 1);
    assert_eq!(number(&status, "/delivery_streams/compressed/records"), 2);
    assert_eq!(unpacked(&up.object("bucket/compressed/")), "a\nb\n");
}

#[test]
fn what_is_buffered_is_delivered_at_the_end() {
    // A quarter of an hour: nothing is due before.
    let long = TEMPLATE.replace("IntervalInSeconds: 1 ", "IntervalInSeconds: 900 ");
    let up = Workshop::new().template(&long).up();
    up.aws.deliver("compressed", "a");
    let ended = up.end();
    let objects = ended.below("bucket/compressed/");
    assert_eq!(objects.iter().map(|object| unpacked(object)).collect::<Vec<_>>(), ["a\n"]);
    let key = ended.keys().into_iter().find(|key| key.starts_with("bucket/compressed/")).unwrap().to_owned();
    // <prefix>yyyy/MM/dd/HH/<stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid><extension>
    let name = key.rsplit('/').next().unwrap();
    assert!(name.starts_with("compressed-1-20"), "{key}");
    assert_eq!(name.rsplit('.').next(), Some("gz"), "{key}");
    assert_eq!(key.split('/').count(), 7, "{key}");
}

#[test]
fn the_source_is_kept_as_it_came() {
    let up = Workshop::new().template(TEMPLATE).up();
    up.aws.deliver("compressed", "a");
    up.aws.deliver("compressed", "b");
    let ended = up.end();
    assert_eq!(ended.below("bucket/source/"), [b"ab"]);
}

#[test]
fn an_http_endpoint_gets_a_request_as_firehose_makes_it() {
    let endpoint = Destination::acknowledging();
    let parameter = format!("EndpointUrl={}/in", endpoint.url);
    let up = Workshop::new().template(TEMPLATE).option("--parameter", &parameter).up();
    up.aws.deliver("endpoint", r#"{"id":1}"#);
    up.aws.deliver("endpoint", r#"{"id":2}"#);
    let request = endpoint.received();
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    assert_eq!(request.target, "/in");
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("x-amz-firehose-protocol-version", "1.0"),
        ("x-amz-firehose-access-key", "a-secret"),
        ("x-amz-firehose-source-arn", "arn:aws:firehose:us-east-1:000000000000:deliverystream/endpoint"),
        ("x-amz-firehose-common-attributes", r#"{"commonAttributes":{"market":"spot"}}"#),
    ] {
        assert_eq!(header(name), Some(value), "{name}");
    }
    let body: Value = serde_json::from_str(&unpacked(&request.body)).unwrap();
    assert_eq!(body["requestId"].as_str(), header("x-amz-firehose-request-id"));
    let data = [r#"{"id":1}"#, r#"{"id":2}"#].map(|text| json!({"data": STANDARD.encode(text)}));
    assert_eq!(body["records"], json!(data));
    // What was acknowledged is not kept.
    assert_eq!(up.end().keys(), Vec::<&str>::new());
}

#[test]
fn what_an_http_endpoint_refuses_is_kept() {
    let endpoint = Destination::answering(|_| (500, json!({"errorMessage": "no"})));
    let parameter = format!("EndpointUrl={}", endpoint.url);
    let up = Workshop::new().template(TEMPLATE).option("--parameter", &parameter).up();
    up.aws.deliver("endpoint", "a");
    endpoint.received();
    let failed = documents(&up.object("bucket/failed/"));
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["rawData"], STANDARD.encode("a"));
    assert_eq!(failed[0]["errorCode"], "HttpEndpoint.DestinationException");
    let status = up.aws.status_with("/delivery_streams/endpoint/records_failed", 1);
    assert_eq!(status["delivery_streams"]["endpoint"]["stopped"], Value::Null);
}

#[test]
fn open_search_is_reached_at_the_address_of_the_option() {
    let search = Destination::indexing();
    let up = Workshop::new().template(SEARCH).option("--open-search", &search.url).up();
    up.aws.deliver("search", r#"{"id":1}"#);
    up.aws.deliver("search", r#"{"id":2}"#);
    let request = search.received();
    assert_eq!(request.target, "/_bulk");
    let lines = documents(&request.body);
    let indices: Vec<_> = lines.iter().step_by(2).map(|line| line["index"]["_index"].clone()).collect();
    assert_eq!(indices, ["trades", "trades"]);
    assert_eq!([&lines[1], &lines[3]], [&json!({"id": 1}), &json!({"id": 2})]);
    // AllDocuments: what is indexed is kept as well.
    until("the backup", || Some(up.object("bucket/search/")).filter(|kept| kept == br#"{"id":1}{"id":2}"#));
}

#[test]
fn a_second_signal_waits_for_no_destination() {
    let endpoint = Destination::answering(|_| {
        loop {
            std::thread::park();
        }
    });
    let parameter = format!("EndpointUrl={}", endpoint.url);
    let mut up = Workshop::new().template(TEMPLATE).option("--parameter", &parameter).up();
    up.aws.deliver("endpoint", "a");
    up.process.terminate();
    until("what it waits for", || up.lines.said.try_recv().ok().filter(|line| line.starts_with("ending: ")));
    up.process.terminate();
    assert_eq!(up.process.wait().code(), Some(0));
    let last = up.lines.said.iter().last().unwrap();
    assert!(last.starts_with("ended: what was not delivered is lost"), "{last}");
}
