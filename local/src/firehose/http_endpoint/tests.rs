//! An HTTP endpoint destination and an endpoint on this machine.

use std::io::Read as _;

use axum::body::Body;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;
use crate::firehose::loopback::{Loopback, Received, Reply, at, document, hang, reply, response};

const ARN: &str = "arn:aws:firehose:us-east-1:123456789:deliverystream/testStream";

fn settings(url: &str) -> HttpSettings {
    HttpSettings {
        stream_arn: ARN.to_owned(),
        url: url.to_owned(),
        access_key: None,
        content_encoding: ContentEncoding::None,
        common_attributes: Vec::new(),
        buffer_bytes: 1024 * 1024,
        buffer_interval: SignedDuration::from_secs(60),
        retry: Duration::ZERO,
    }
}

/// An endpoint that replies in turn, and the destination of these settings to it.
async fn world(replies: Vec<Reply>, settings: HttpSettings) -> (Loopback, HttpEndpoint) {
    let loopback = Loopback::start(replies).await;
    let settings = HttpSettings { url: format!("{}/in?key=1", loopback.url), ..settings };
    (loopback, HttpEndpoint::new(settings).unwrap())
}

fn acknowledge() -> Reply {
    Box::new(|request| Some(response(200, "application/json", acknowledgement(request).into())))
}

fn acknowledgement(request: &Received) -> String {
    let id = request.header("x-amz-firehose-request-id").unwrap();
    json!({ "requestId": id, "timestamp": 1_578_090_903_599_i64 }).to_string()
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test]
async fn a_request_has_the_documented_form() {
    let (loopback, mut endpoint) = world(vec![acknowledge()], settings("")).await;
    endpoint.add(document("hello"), at(0)).await;
    endpoint.add(document("hello world"), at(1)).await;
    endpoint.finish(at(2)).await;
    let requests = loopback.received();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.path, "/in");
    let id = request.header("x-amz-firehose-request-id").unwrap();
    // The data of the guide's example.
    let expected = json!({
        "requestId": id,
        "timestamp": at(2).as_millisecond(),
        "records": [{ "data": "aGVsbG8=" }, { "data": "aGVsbG8gd29ybGQ=" }],
    });
    assert_eq!(json(&request.body), expected);
    assert!(Uuid::parse_str(id).is_ok());
    for (name, expected) in [
        ("content-type", Some("application/json")),
        ("x-amz-firehose-protocol-version", Some("1.0")),
        ("x-amz-firehose-source-arn", Some(ARN)),
        ("x-amz-firehose-access-key", None),
        ("x-amz-firehose-common-attributes", None),
        ("content-encoding", None),
    ] {
        assert_eq!(request.header(name), expected, "{name}");
    }
    assert_eq!(endpoint.take_failed(), []);
}

#[tokio::test]
async fn access_key_and_common_attributes_are_headers() {
    let attributes = [("deployment -context", "pre-prod-gamma"), ("device-types", "")];
    let settings = HttpSettings {
        access_key: Some(r#"{"user":"a","password":"b"}"#.to_owned()),
        common_attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..settings("")
    };
    let (loopback, mut endpoint) = world(vec![acknowledge()], settings).await;
    endpoint.add(document("hello"), at(0)).await;
    endpoint.finish(at(0)).await;
    let request = &loopback.received()[0];
    assert_eq!(request.header("x-amz-firehose-access-key"), Some(r#"{"user":"a","password":"b"}"#));
    let attributes = request.header("x-amz-firehose-common-attributes").unwrap();
    let expected =
        json!({ "commonAttributes": { "deployment -context": "pre-prod-gamma", "device-types": "" } });
    assert_eq!(json(attributes.as_bytes()), expected);
}

#[tokio::test]
async fn a_compressed_body_says_so() {
    let settings = HttpSettings { content_encoding: ContentEncoding::Gzip, ..settings("") };
    let (loopback, mut endpoint) = world(vec![acknowledge()], settings).await;
    endpoint.add(document("hello"), at(0)).await;
    endpoint.finish(at(0)).await;
    let request = &loopback.received()[0];
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    GzDecoder::new(request.body.as_ref()).read_to_end(&mut body).unwrap();
    assert_eq!(json(&body)["records"], json!([{ "data": "aGVsbG8=" }]));
}

#[tokio::test]
async fn a_request_is_made_when_the_buffer_is_full() {
    let settings = HttpSettings { buffer_bytes: 10, ..settings("") };
    let (loopback, mut endpoint) = world(vec![acknowledge()], settings).await;
    endpoint.add(document("12345"), at(0)).await;
    assert_eq!((loopback.received().len(), endpoint.buffered_bytes()), (0, 5));
    endpoint.add(document("67890"), at(0)).await;
    assert_eq!((loopback.received().len(), endpoint.buffered_bytes()), (1, 0));
    assert_eq!(endpoint.next_due(), None);
}

#[tokio::test]
async fn a_request_is_made_when_the_buffer_is_due() {
    let (loopback, mut endpoint) = world(vec![acknowledge()], settings("")).await;
    endpoint.add(document("a"), at(5)).await;
    endpoint.add(document("b"), at(30)).await;
    assert_eq!(endpoint.next_due(), Some(at(65)));
    endpoint.advance(at(64)).await;
    assert_eq!(loopback.received().len(), 0);
    endpoint.advance(at(65)).await;
    assert_eq!(loopback.received().len(), 1);
    endpoint.finish(at(66)).await;
    assert_eq!(loopback.received().len(), 1, "nothing was left");
}

#[tokio::test]
async fn a_request_has_at_most_ten_thousand_records() {
    let (loopback, mut endpoint) = world(vec![acknowledge()], settings("")).await;
    for _ in 0..10_001 {
        endpoint.add(document("a"), at(0)).await;
    }
    endpoint.finish(at(0)).await;
    let records = |request: &Received| json(&request.body)["records"].as_array().unwrap().len();
    assert_eq!(loopback.received().iter().map(records).collect::<Vec<_>>(), [10_000, 1]);
}

#[test]
fn a_body_has_at_most_64_mib() {
    let (mut buffer, mut document) = (Buffer::default(), document(""));
    document.data = vec![0; 1_024_000];
    while !buffer.is_full_for(&document) {
        buffer.push(document.clone(), at(0));
    }
    let (body, records) = buffer.request(&Uuid::nil().to_string(), at(0));
    // A record of 1,024,000 bytes takes 1,365,336 characters and 12 around them: 49 are 66,902,052.
    assert_eq!(records.len(), 49);
    assert!(body.len() <= 64 * 1024 * 1024);
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_comes_again_under_its_id() {
    let unavailable = || reply(503, "application/json", "{}");
    let throttled = reply(429, "text/plain", "slow down");
    let settings = HttpSettings { retry: Duration::from_mins(5), ..settings("") };
    let (loopback, mut endpoint) = world(vec![unavailable(), throttled, acknowledge()], settings).await;
    let began = Instant::now();
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(0)).await;
    let requests = loopback.received();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.body == requests[0].body), "body and id are the same");
    assert_eq!(endpoint.take_failed(), []);
    // One second and two, give or take 15 %.
    let waited = began.elapsed();
    assert!((2_550..=3_460).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_record_fails_when_the_retry_duration_is_over() {
    let body = r#"{"requestId":"x","timestamp":1594266081268,"errorMessage":"Unauthorized"}"#;
    let settings = HttpSettings { retry: Duration::from_secs(10), ..settings("") };
    let (loopback, mut endpoint) = world(vec![reply(401, "application/json", body)], settings).await;
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(7)).await;
    // Tries at 0, 1, 3 and 7 seconds or so, and one when the 10 are over.
    assert_eq!(loopback.received().len(), 5);
    let expected = Failure {
        what: FailureType::HttpEndpoint,
        attempts: 5,
        code: "HttpEndpoint.DestinationException".to_owned(),
        message: format!("The following response was received from the endpoint destination. 401: {body}"),
        request: Some(Request { ended: at(17), index: None }),
    };
    assert_eq!(endpoint.take_failed(), [(document("a").source, expected)]);
    assert_eq!(endpoint.take_failed(), [], "a failure is told once");
}

/// One try that is replied this, and the code and the text of its failure.
async fn failure(reply: Reply) -> (String, String) {
    let (loopback, mut endpoint) = world(vec![reply], settings("")).await;
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(0)).await;
    assert_eq!(loopback.received().len(), 1);
    let [(_, failure)] = endpoint.take_failed().try_into().unwrap();
    (failure.code, failure.message)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_does_not_come_again() {
    let settings = HttpSettings { retry: Duration::from_mins(5), ..settings("") };
    let too_large = reply(413, "application/json", r#"{"errorMessage":"Payload too large"}"#);
    let (loopback, mut endpoint) = world(vec![too_large], settings).await;
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(0)).await;
    assert_eq!(loopback.received().len(), 1);
    let failed = endpoint.take_failed();
    assert_eq!((failed.len(), failed[0].1.attempts), (1, 1));
    assert_eq!(failed[0].1.code, "HttpEndpoint.DestinationException");
}

#[tokio::test]
async fn any_status_but_200_is_a_destination_exception() {
    for status in [201, 204, 302, 400, 403, 500] {
        let (code, message) = failure(reply(status, "application/json", "")).await;
        assert_eq!(code, "HttpEndpoint.DestinationException", "{status}");
        assert!(message.contains(&format!("{status}: ")), "{message}");
    }
}

async fn check_invalid(reply: Reply, expected: &str) {
    let (code, message) = failure(reply).await;
    assert_eq!(code, "HttpEndpoint.InvalidResponseFromDestination", "{message}");
    assert!(message.contains(expected), "{message}");
}

#[tokio::test]
async fn an_acknowledgement_must_be_of_the_documented_form() {
    let fields = "is not recognized as valid JSON or has unexpected fields";
    let acknowledged = |body: &str| reply(200, "application/json", body);
    check_invalid(acknowledged("ok"), fields).await;
    check_invalid(acknowledged(""), fields).await;
    // The guide's example of an invalid response.
    check_invalid(acknowledged(r#"{"requestId": null}"#), "Raw response received: 200 {\"requestId\": null}")
        .await;
    check_invalid(acknowledged(r#"{"timestamp":1578090903599}"#), fields).await;
    check_invalid(acknowledged(r#"{"requestId":"a","timestamp":"1578090903599"}"#), fields).await;
    check_invalid(acknowledged(r#"{"requestId":"a","timestamp":1,"status":"ok"}"#), fields).await;
    check_invalid(acknowledged(r#"{"requestId":"a","timestamp":1}"#), "has another requestId").await;
}

#[tokio::test]
async fn an_acknowledgement_must_have_the_documented_headers() {
    let text = |request: &Received| Some(response(200, "text/plain", acknowledgement(request).into()));
    check_invalid(Box::new(text), "has no header content-type: application/json").await;
    let encoded = |request: &Received| {
        let mut response = response(200, "application/json", acknowledgement(request).into());
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
        Some(response)
    };
    check_invalid(Box::new(encoded), "has a header content-encoding").await;
    let chunked = |request: &Received| {
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(acknowledgement(request))]);
        Some(response(200, "application/json", Body::from_stream(chunks)))
    };
    check_invalid(Box::new(chunked), "has no header content-length").await;
}

#[tokio::test]
async fn a_character_set_may_stand_behind_the_content_type() {
    let reply = |request: &Received| {
        Some(response(200, "application/json; charset=utf-8", acknowledgement(request).into()))
    };
    let (_loopback, mut endpoint) = world(vec![Box::new(reply)], settings("")).await;
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(0)).await;
    assert_eq!(endpoint.take_failed(), []);
}

#[tokio::test]
async fn a_response_has_at_most_one_mib() {
    let (code, _) = failure(reply(200, "application/json", &" ".repeat(1024 * 1024 + 1))).await;
    assert_eq!(code, "HttpEndpoint.ResponseTooLarge");
    let chunked = |_: &Received| {
        let chunks = (0..17).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
        Some(response(500, "application/json", Body::from_stream(futures_util::stream::iter(chunks))))
    };
    assert_eq!(failure(Box::new(chunked)).await.0, "HttpEndpoint.ResponseTooLarge");
    let (code, message) = failure(reply(500, "application/json", &"e".repeat(1024 * 1024))).await;
    assert_eq!(code, "HttpEndpoint.DestinationException");
    assert!(message.ends_with(&"e".repeat(8192)) && message.len() < 8300, "{} bytes", message.len());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_three_minutes_to_respond() {
    let (_loopback, mut endpoint) = world(vec![hang()], settings("")).await;
    let began = Instant::now();
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(0)).await;
    let [(_, failure)] = endpoint.take_failed().try_into().unwrap();
    assert_eq!(failure.code, "HttpEndpoint.RequestTimeout");
    assert_eq!(failure.request, Some(Request { ended: at(180), index: None }));
    assert_eq!(began.elapsed().as_secs(), 180);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_respond_is_not_of_the_retry_duration() {
    let settings = HttpSettings { retry: Duration::from_mins(1), ..settings("") };
    let (loopback, mut endpoint) = world(vec![hang(), hang(), acknowledge()], settings).await;
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(0)).await;
    assert_eq!(loopback.received().len(), 3);
    assert_eq!(endpoint.take_failed(), []);
}

async fn check_unreachable(url: String, expected: &str) {
    let mut endpoint = HttpEndpoint::new(settings(&url)).unwrap();
    endpoint.add(document("a"), at(0)).await;
    endpoint.finish(at(0)).await;
    let [(_, failure)] = endpoint.take_failed().try_into().unwrap();
    assert_eq!(failure.code, expected);
    assert!(!failure.message.contains(&url), "{}", failure.message);
}

#[tokio::test]
async fn an_endpoint_that_nobody_listens_at_is_a_connection_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    check_unreachable(url, "HttpEndpoint.ConnectionFailed").await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_up_is_a_connection_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 1024]).await;
        }
    });
    check_unreachable(url, "HttpEndpoint.ConnectionReset").await;
}

fn check_refused(settings: HttpSettings, expected: &str) {
    let error = HttpEndpoint::new(settings).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn what_firehose_does_not_take_is_refused_at_the_start() {
    let url = "http://localhost/";
    check_refused(settings("https://localhost/"), "cannot deliver to https://localhost/: there is no TLS");
    let attributes = |count: usize, name: &str, value: &str| HttpSettings {
        common_attributes: vec![(name.to_owned(), value.to_owned()); count],
        ..settings(url)
    };
    assert!(HttpEndpoint::new(attributes(50, &"n".repeat(256), &"v".repeat(1024))).is_ok());
    check_refused(attributes(51, "n", "v"), "expected at most 50 common attributes");
    check_refused(attributes(1, "", "v"), "expected at most 50 common attributes");
    check_refused(attributes(1, &"n".repeat(257), "v"), "expected at most 50 common attributes");
    check_refused(attributes(1, "n", &"v".repeat(1025)), "expected at most 50 common attributes");
    let key = |key: &str| HttpSettings { access_key: Some(key.to_owned()), ..settings(url) };
    assert!(HttpEndpoint::new(key(&"k".repeat(4096))).is_ok());
    check_refused(key(&"k".repeat(4097)), "expected an access key of at most 4096 visible characters");
    check_refused(key("a\nb"), "expected an access key of at most 4096 visible characters");
}
