//! Documents through to a stream that refuses, and to the Kinesis endpoint of this machine.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tapeline_market::Market;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::RedriveError;
use super::aws::Aws;
use super::destination::{Destination, Keyed, Limits, PutError, Refusal};
use super::document::{Content, Document, Range, Record, SequenceNumber};
use super::drive::{Batch, Redrive};
use super::journal::Journal;
use super::kinesis::DataStream;
use super::range::Ranges;
use super::summary::Summary;
use crate::endpoints::Kinesis;
use crate::template::{Stream, StreamMode};

/// What a stream does with a record of its n-th call, from 1.
enum Act {
    Take,
    Refuse,
    Fail,
}

/// A stream in memory.
struct Memory<F> {
    has_keys: bool,
    act: F,
    /// The data of each call.
    calls: RefCell<Vec<Vec<String>>>,
    taken: RefCell<Vec<String>>,
}

impl<F: Fn(usize, &str) -> Act> Memory<F> {
    fn new(act: F) -> Self {
        Self { has_keys: true, act, calls: RefCell::default(), taken: RefCell::default() }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.borrow().iter().map(|call| call.join(" ")).collect()
    }

    fn taken(&self) -> String {
        self.taken.borrow().join(" ")
    }
}

impl<F: Fn(usize, &str) -> Act> Destination for Memory<F> {
    fn limits(&self) -> Limits {
        Limits { records: 500, bytes: 1000, record_bytes: 900, has_keys: self.has_keys }
    }

    async fn put(&self, records: &[&Keyed]) -> Result<Vec<Option<Refusal>>, PutError> {
        let data: Vec<_> =
            records.iter().map(|record| String::from_utf8(record.data.clone()).unwrap()).collect();
        self.calls.borrow_mut().push(data.clone());
        let call = self.calls.borrow().len();
        let mut refusals = Vec::new();
        for data in data {
            match (self.act)(call, &data) {
                Act::Take => {
                    self.taken.borrow_mut().push(data);
                    refusals.push(None);
                }
                Act::Refuse => refusals.push(Refusal::of(Some("Throttled".to_owned()), None)),
                Act::Fail => return Err("the connection broke".into()),
            }
        }
        Ok(refusals)
    }
}

/// An account that nobody asks, or the endpoint at an address.
fn aws(url: &str) -> Aws {
    let aws = Aws::from_variables(|name| match name {
        "AWS_ENDPOINT_URL" => Some(url.to_owned()),
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".to_owned()),
        _ => None,
    });
    aws.unwrap()
}

/// A document of a batch: each record is its key and a number.
fn document(id: u128, records: &[&str]) -> Document {
    let range = Range {
        stream: "frames".to_owned(),
        shard_id: "shardId-000000000000".to_owned(),
        first: SequenceNumber::new("1"),
        last: SequenceNumber::new("2"),
        records: u32::try_from(records.len()).unwrap(),
    };
    let records = records.iter().map(|data| Record {
        partition_key: Some(data.chars().take(1).collect()),
        data: data.as_bytes().to_vec(),
    });
    Document {
        id,
        reason: "E".to_owned(),
        content: Content::Records(records.collect()),
        order: super::document::Order::Range(range),
    }
}

/// A folder with a journal.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn journal(&self) -> PathBuf {
        self.0.path().join("journal")
    }

    /// Redrives documents into a stream.
    async fn redrive<D: Destination>(
        &self,
        destination: &D,
        documents: Vec<Document>,
        ranges: &Ranges,
    ) -> (Result<(), RedriveError>, Summary) {
        let journal = Journal::open(&self.journal(), "a stream").unwrap();
        let mut redrive =
            Redrive { destination, ranges, market: Market::Spot, journal, batch: Batch::default() };
        let mut summary = Summary::default();
        for document in documents {
            if let Err(error) = redrive.take(document, &mut summary).await {
                return (Err(error), summary);
            }
        }
        (redrive.put(&mut summary).await, summary)
    }

    /// Redrives documents into a stream in memory, with no other behind it.
    async fn fill<F: Fn(usize, &str) -> Act>(
        &self,
        memory: &Memory<F>,
        documents: Vec<Document>,
    ) -> (Result<(), RedriveError>, Summary) {
        let ranges = Ranges { client: aws("http://127.0.0.1:1").kinesis() };
        self.redrive(memory, documents, &ranges).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_one_record_of_each_key() {
    let (place, memory) = (Place::new(), Memory::new(|_, _| Act::Take));
    let documents = vec![document(1, &["a1", "b1", "a2"]), document(2, &["a3", "c1"])];
    let (result, summary) = place.fill(&memory, documents).await;
    result.unwrap();
    assert_eq!(memory.calls(), ["a1 b1 c1", "a2", "a3"]);
    assert!(summary.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_stream_takes_all_at_once() {
    let (place, mut memory) = (Place::new(), Memory::new(|_, _| Act::Take));
    memory.has_keys = false;
    place.fill(&memory, vec![document(1, &["a1", "b1", "a2"])]).await.0.unwrap();
    assert_eq!(memory.calls(), ["a1 b1 a2"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_put_again_before_what_follows_it() {
    let refuse_once =
        |call: usize, data: &str| if (call, data) == (1, "a1") { Act::Refuse } else { Act::Take };
    let (place, memory) = (Place::new(), Memory::new(refuse_once));
    let started = tokio::time::Instant::now();
    place.fill(&memory, vec![document(1, &["a1", "b1", "a2"])]).await.0.unwrap();
    assert_eq!(memory.calls(), ["a1 b1", "a1", "a2"]);
    assert_eq!(started.elapsed(), Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_second_run_puts_nothing() {
    let place = Place::new();
    let documents = || vec![document(1, &["a1", "a2"]), document(2, &["b1"])];
    place.fill(&Memory::new(|_, _| Act::Take), documents()).await.0.unwrap();
    let again = Memory::new(|_, _| Act::Take);
    let (result, mut summary) = place.fill(&again, documents()).await;
    result.unwrap();
    assert_eq!((again.calls().len(), summary.counts("E").before, summary.is_complete()), (0, 3, true));
}

#[tokio::test(start_paused = true)]
async fn documents_that_are_equal_to_the_letter_are_one() {
    let (place, memory) = (Place::new(), Memory::new(|_, _| Act::Take));
    place.fill(&memory, vec![document(1, &["a1"]), document(1, &["a1"])]).await.0.unwrap();
    assert_eq!(memory.taken(), "a1");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_broke_off_goes_on_where_it_was() {
    let place = Place::new();
    let documents = || vec![document(1, &["a1", "b1", "a2", "a3"])];
    let breaks = Memory::new(|call, _| if call == 2 { Act::Fail } else { Act::Take });
    let (result, mut summary) = place.fill(&breaks, documents()).await;
    assert!(matches!(result, Err(RedriveError::Put(_))));
    assert_eq!((summary.counts("E").put, summary.is_complete()), (2, false));
    let rest = Memory::new(|_, _| Act::Take);
    place.fill(&rest, documents()).await.0.unwrap();
    assert_eq!(format!("{} {}", breaks.taken(), rest.taken()), "a1 b1 a2 a3");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_nothing_is_left_after_half_a_minute() {
    let (place, memory) = (Place::new(), Memory::new(|_, _| Act::Refuse));
    let started = tokio::time::Instant::now();
    let (result, _) = place.fill(&memory, vec![document(1, &["a1"])]).await;
    assert!(matches!(result, Err(RedriveError::Refused { refused: 1, .. })));
    // 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 and five times 5 s.
    assert_eq!(started.elapsed(), Duration::from_millis(31_300));
}

#[tokio::test(start_paused = true)]
async fn no_call_is_larger_than_the_service_takes() {
    let (place, memory) = (Place::new(), Memory::new(|_, _| Act::Take));
    // With keys of one byte, two of them are one byte more than a call takes.
    let [a, b] = ["a".repeat(500), "b".repeat(499)];
    place.fill(&memory, vec![document(1, &[&a, &b])]).await.0.unwrap();
    assert_eq!(memory.calls(), [a, b]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_too_large_is_left_and_the_others_go_on() {
    let (place, memory) = (Place::new(), Memory::new(|_, _| Act::Take));
    let (result, summary) = place.fill(&memory, vec![document(1, &[&"a".repeat(900), "b1"])]).await;
    result.unwrap();
    assert_eq!((memory.taken().as_str(), summary.too_large, summary.is_complete()), ("b1", 1, false));
}

/// The Kinesis endpoint with a stream of one shard, and what leads to it.
async fn kinesis() -> (Kinesis, Aws) {
    let stream = Stream {
        logical_id: "Frames".to_owned(),
        name: "frames".to_owned(),
        arn: "arn:aws:kinesis:us-east-1:000000000000:stream/frames".to_owned(),
        mode: StreamMode::Provisioned,
        shard_count: 1,
        retention: Duration::from_hours(24),
    };
    let kinesis = Kinesis::open(&[stream]).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let aws = aws(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(axum::serve(listener, kinesis.router()).into_future());
    (kinesis, aws)
}

fn data_stream(aws: &Aws) -> DataStream {
    DataStream { client: aws.kinesis(), name: "frames".to_owned() }
}

/// Keys and data of everything in the stream, with sequence numbers.
async fn stored(kinesis: &Kinesis) -> Vec<(String, String)> {
    let records = kinesis.store().get_record_store("frames").await;
    records.into_values().map(|record| (record.partition_key, record.data)).collect()
}

#[tokio::test]
async fn records_of_a_batch_are_under_their_keys_in_their_order() {
    let (kinesis, aws) = kinesis().await;
    let ranges = Ranges { client: aws.kinesis() };
    let (result, _) =
        Place::new().redrive(&data_stream(&aws), vec![document(1, &["a1", "a2", "b1"])], &ranges).await;
    result.unwrap();
    let stored = stored(&kinesis).await;
    let of = |key: &str| -> Vec<&str> {
        stored.iter().filter(|(found, _)| found == key).map(|(_, data)| data.as_str()).collect()
    };
    // In base64.
    assert_eq!((of("a"), of("b")), (vec!["YTE=", "YTI="], vec!["YjE="]));
}

/// Puts records into the stream, and hands back a document that tells where they are.
async fn put_and_lose(aws: &Aws, data: &[&str]) -> Document {
    let mut numbers = Vec::new();
    for data in data {
        let call = aws.kinesis().put_record().stream_name("frames").partition_key("k");
        let answer = call.data(aws_sdk_kinesis::primitives::Blob::new(data.as_bytes())).send().await.unwrap();
        numbers.push(answer.sequence_number);
    }
    let document = json!({
        "requestContext": {"condition": "RecordAgeExpired"},
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": numbers.first(),
            "endSequenceNumber": numbers.last(),
            "batchSize": data.len(),
            "streamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/frames",
        },
    });
    Document::parse(document.to_string().as_bytes()).unwrap()
}

/// Redrives a document into memory, with the stream behind it.
async fn from_stream(place: &Place, aws: &Aws, document: &Document) -> (String, Summary) {
    let memory = Memory::new(|_, _| Act::Take);
    let ranges = Ranges { client: aws.kinesis() };
    let (result, summary) = place.redrive(&memory, vec![document.clone()], &ranges).await;
    result.unwrap();
    (memory.taken(), summary)
}

#[tokio::test]
async fn what_a_document_only_points_to_is_read_from_the_stream() {
    let (_kinesis, aws) = kinesis().await;
    put_and_lose(&aws, &["before"]).await;
    let document = put_and_lose(&aws, &["1", "2", "3"]).await;
    put_and_lose(&aws, &["behind"]).await;
    let place = Place::new();
    let (taken, summary) = from_stream(&place, &aws, &document).await;
    assert_eq!((taken.as_str(), summary.is_complete()), ("1 2 3", true));
    assert_eq!(from_stream(&place, &aws, &document).await.0, "");
}

#[tokio::test]
async fn what_the_stream_has_let_go_is_told_and_the_rest_is_put_once() {
    let (kinesis, aws) = kinesis().await;
    let document = put_and_lose(&aws, &["1", "2", "3"]).await;
    let trim = async || {
        let keys: Vec<_> = kinesis.store().get_record_store("frames").await.into_keys().take(1).collect();
        kinesis.store().delete_record_keys("frames", &keys).await;
    };
    let place = Place::new();
    trim().await;
    let (taken, mut summary) = from_stream(&place, &aws, &document).await;
    assert_eq!((taken.as_str(), summary.counts("RecordAgeExpired").gone), ("2 3", 1));
    assert!(!summary.is_complete());
    trim().await;
    let (taken, mut summary) = from_stream(&place, &aws, &document).await;
    assert_eq!((taken.as_str(), summary.counts("RecordAgeExpired").gone), ("", 2));
}

#[tokio::test]
async fn a_stream_that_is_gone_has_none_of_its_records() {
    let (_kinesis, aws) = kinesis().await;
    let mut document = put_and_lose(&aws, &["1"]).await;
    let Content::Range(range) = &mut document.content else { panic!("{document:?}") };
    range.stream = "another".to_owned();
    let (taken, mut summary) = from_stream(&Place::new(), &aws, &document).await;
    assert_eq!((taken.as_str(), summary.counts("RecordAgeExpired").gone), ("", 1));
}
