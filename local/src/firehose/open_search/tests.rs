//! An OpenSearch destination and a domain on this machine.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::firehose::loopback::{Loopback, Received, Reply, at, document, hang, reply, response};

fn settings() -> OpenSearchSettings {
    OpenSearchSettings {
        stream_arn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/search".to_owned(),
        endpoint: String::new(),
        index: "trades".to_owned(),
        rotation: IndexRotation::NoRotation,
        document_id: DocumentId::None,
        type_name: None,
        buffer_bytes: 1024 * 1024,
        buffer_interval: SignedDuration::from_secs(60),
        retry: Duration::ZERO,
    }
}

/// A domain that replies in turn, and the destination of these settings to it.
async fn world(replies: Vec<Reply>, settings: OpenSearchSettings) -> (Loopback, OpenSearch) {
    let loopback = Loopback::start(replies).await;
    let settings = OpenSearchSettings { endpoint: format!("{}/", loopback.url), ..settings };
    (loopback, OpenSearch::new(settings).unwrap())
}

async fn deliver(open_search: &mut OpenSearch, documents: &[&str]) {
    for data in documents {
        open_search.add(document(data), at(0)).await;
    }
    open_search.finish(at(0)).await;
}

/// Every document is indexed.
fn indexed() -> Reply {
    Box::new(|request| {
        let documents = request.text().lines().count() / 2;
        Some(items(&vec![201; documents]))
    })
}

/// The answer with these statuses.
fn items(statuses: &[u16]) -> axum::response::Response {
    let item = |status: &u16| match status {
        201 => json!({ "index": { "_index": "trades", "_id": "1", "status": 201, "result": "created" } }),
        status => json!({ "index": { "_index": "trades", "status": status, "error": error() } }),
    };
    let items: Vec<_> = statuses.iter().map(item).collect();
    response(
        200,
        "application/json",
        json!({ "took": 30, "errors": true, "items": items }).to_string().into(),
    )
}

fn error() -> Value {
    json!({ "type": "mapper_parsing_exception", "reason": "failed to parse" })
}

fn statuses(statuses: &'static [u16]) -> Reply {
    Box::new(|_| Some(items(statuses)))
}

fn documents(request: &Received) -> Vec<String> {
    request.text().lines().skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_bulk_request_has_the_documents_in_their_order() {
    let (loopback, mut open_search) = world(vec![indexed()], settings()).await;
    deliver(&mut open_search, &["{\"n\":1}\n", "{\"n\":2}"]).await;
    let requests = loopback.received();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.path, "/_bulk");
    assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
    let action = r#"{"index":{"_index":"trades"}}"#;
    assert_eq!(request.text(), format!("{action}\n{{\"n\":1}}\n{action}\n{{\"n\":2}}\n"));
    assert_eq!(open_search.take_failed(), []);
}

#[tokio::test]
async fn an_index_rotates_by_arrival() {
    let settings = OpenSearchSettings { rotation: IndexRotation::OneHour, ..settings() };
    let (loopback, mut open_search) = world(vec![indexed()], settings).await;
    let mut late = document("{}");
    late.source.arrival = at(3600);
    open_search.add(document("{}"), at(3601)).await;
    open_search.add(late, at(3601)).await;
    open_search.finish(at(3601)).await;
    let requests = loopback.received();
    let lines: Vec<_> = requests[0].text().lines().step_by(2).collect();
    let action = |index: &str| format!(r#"{{"index":{{"_index":"{index}"}}}}"#);
    assert_eq!(lines, [action("trades-2026-11-21-09"), action("trades-2026-11-21-10")]);
}

#[tokio::test]
async fn a_request_is_at_most_as_large_as_the_buffer() {
    // A document takes 30 bytes of action and 8 of its own.
    let settings = OpenSearchSettings { buffer_bytes: 100, ..settings() };
    let (loopback, mut open_search) = world(vec![indexed()], settings).await;
    let five: Vec<_> = (0..5).map(|n| format!("{{\"n\":{n}}}")).collect();
    deliver(&mut open_search, &five.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let requests = loopback.received();
    assert!(requests.iter().all(|request| request.body.len() <= 100));
    assert_eq!(requests.iter().flat_map(documents).collect::<Vec<_>>(), five);
    assert_eq!(requests.len(), 3);
}

#[tokio::test]
async fn a_request_has_at_most_ten_thousand_documents() {
    let (loopback, mut open_search) = world(vec![indexed()], settings()).await;
    deliver(&mut open_search, &vec!["{}"; 10_001]).await;
    let counts: Vec<_> = loopback.received().iter().map(|request| documents(request).len()).collect();
    assert_eq!(counts, [10_000, 1]);
}

#[tokio::test]
async fn a_request_is_made_when_the_buffer_is_due() {
    let (loopback, mut open_search) = world(vec![indexed()], settings()).await;
    open_search.add(document("{}"), at(5)).await;
    assert_eq!(open_search.next_due(), Some(at(65)));
    assert_eq!(open_search.buffered_bytes(), 33);
    open_search.advance(at(64)).await;
    assert_eq!(loopback.received().len(), 0);
    open_search.advance(at(65)).await;
    assert_eq!(loopback.received().len(), 1);
    assert_eq!((open_search.next_due(), open_search.buffered_bytes()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn only_what_may_succeed_is_sent_again() {
    let settings = OpenSearchSettings { retry: Duration::from_mins(5), ..settings() };
    let replies = vec![statuses(&[201, 429, 400, 503]), statuses(&[201, 201])];
    let (loopback, mut open_search) = world(replies, settings).await;
    deliver(&mut open_search, &[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#]).await;
    let requests = loopback.received();
    assert_eq!(requests.len(), 2);
    assert_eq!(documents(&requests[1]), [r#"{"n":2}"#, r#"{"n":4}"#]);
    let [(record, failure)] = open_search.take_failed().try_into().unwrap();
    assert_eq!(record.data, br#"{"n":3}"#, "the document, not what it was made of");
    assert_eq!((failure.attempts, failure.code.as_str()), (1, "400"));
    assert_eq!(failure.message, error().to_string());
}

#[tokio::test(start_paused = true)]
async fn a_document_keeps_its_id_when_it_is_sent_again() {
    let settings = OpenSearchSettings {
        document_id: DocumentId::FirehoseDefault,
        type_name: Some("_doc".to_owned()),
        retry: Duration::from_mins(5),
        ..settings()
    };
    let (loopback, mut open_search) = world(vec![statuses(&[429, 429]), indexed()], settings).await;
    deliver(&mut open_search, &["{}", "{}"]).await;
    let requests = loopback.received();
    assert_eq!(requests[0].body, requests[1].body);
    let actions = requests[0].text().lines().step_by(2);
    let actions: Vec<Value> = actions.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(actions[0]["index"]["_type"], "_doc");
    let ids = [0, 1].map(|place: usize| actions[place]["index"]["_id"].as_str().unwrap());
    assert_ne!(ids[0], ids[1], "equal documents are two");
}

#[tokio::test(start_paused = true)]
async fn a_document_is_skipped_when_the_retry_duration_is_over() {
    let settings = OpenSearchSettings {
        document_id: DocumentId::FirehoseDefault,
        rotation: IndexRotation::OneDay,
        retry: Duration::from_secs(10),
        ..settings()
    };
    let (loopback, mut open_search) = world(vec![statuses(&[429])], settings).await;
    deliver(&mut open_search, &["{}"]).await;
    assert_eq!(loopback.received().len(), 5);
    let [(_, failure)] = open_search.take_failed().try_into().unwrap();
    assert_eq!(failure.what, FailureType::OpenSearch);
    assert_eq!((failure.attempts, failure.code.as_str()), (5, "429"));
    let request = failure.request.unwrap();
    assert_eq!(request.ended, at(10));
    let index = request.index.unwrap();
    assert_eq!(index.index, "trades-2026-11-21");
    let action = loopback.received()[0].text().lines().next().map(serde_json::from_str::<Value>);
    assert_eq!(action.unwrap().unwrap()["index"]["_id"].as_str(), index.document_id.as_deref());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_as_a_whole_is_sent_again() {
    let settings = OpenSearchSettings { retry: Duration::from_mins(5), ..settings() };
    for refusal in [
        reply(503, "text/plain", "unavailable"),
        reply(403, "application/json", "{}"),
        reply(200, "application/json", r#"{"items":[]}"#),
        reply(200, "text/html", "<html>"),
    ] {
        let (loopback, mut open_search) = world(vec![refusal, indexed()], settings.clone()).await;
        deliver(&mut open_search, &["{}", "{}"]).await;
        assert_eq!(loopback.received().len(), 2);
        assert_eq!(open_search.take_failed(), []);
    }
}

async fn check_failure(reply: Reply, code: &str, message: &str) {
    let (_loopback, mut open_search) = world(vec![reply], settings()).await;
    deliver(&mut open_search, &["{}"]).await;
    let [(_, failure)] = open_search.take_failed().try_into().unwrap();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), (code, message));
}

#[tokio::test]
async fn a_failure_has_the_status_that_was_returned() {
    check_failure(reply(503, "text/plain", "unavailable"), "503", "unavailable").await;
    let expected = "expected an answer with 1 items, was {\"items\":[]}";
    check_failure(reply(200, "application/json", r#"{"items":[]}"#), "OS.InvalidResponse", expected).await;
}

#[tokio::test]
async fn what_is_no_document_fails_alone() {
    let (loopback, mut open_search) = world(vec![indexed()], settings()).await;
    deliver(&mut open_search, &["{}", "[1]", "{}\n{}", "{\"n\":1}"]).await;
    assert_eq!(documents(&loopback.received()[0]), ["{}", "{\"n\":1}"]);
    let failed = open_search.take_failed();
    let failed: Vec<_> =
        failed.iter().map(|(record, failure)| (record.data.as_slice(), failure.code.as_str())).collect();
    assert_eq!(failed, [(&b"[1]"[..], "OS.MalformedData"), (&b"{}\n{}"[..], "OS.MalformedData")]);
}

#[tokio::test(start_paused = true)]
async fn the_retry_duration_includes_the_first_try() {
    let settings = OpenSearchSettings { retry: Duration::from_secs(100), ..settings() };
    let (loopback, mut open_search) = world(vec![hang()], settings).await;
    let began = Instant::now();
    deliver(&mut open_search, &["{}"]).await;
    assert_eq!((loopback.received().len(), began.elapsed().as_secs()), (1, 180));
    let [(_, failure)] = open_search.take_failed().try_into().unwrap();
    assert_eq!((failure.attempts, failure.code.as_str()), (1, "OS.RequestTimeout"));
}

#[test]
fn an_https_endpoint_is_refused() {
    let settings = OpenSearchSettings { endpoint: "https://search.example.com".to_owned(), ..settings() };
    let error = OpenSearch::new(settings).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot deliver to https://search.example.com/_bulk: there is no TLS"),
        "{error}"
    );
}
