//! The adapter against an embedded Kinesis endpoint.

use aws_sdk_kinesis::types::ShardIteratorType;
use ferrokinesis::store::StoreOptions;
use ferrokinesis::{create_app, serve_plain_http};
use tokio::net::TcpListener;

use super::*;

/// Serves an endpoint with a stream of one shard. Credentials come from the environment, as everywhere.
async fn stream() -> KinesisStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (app, _) = create_app(StoreOptions { create_stream_ms: 0, ..StoreOptions::default() });
    tokio::spawn(serve_plain_http(listener, app, std::future::pending()));
    let stream = KinesisStream::open("frames".to_owned(), Some("us-east-1".to_owned()), Some(url));
    let mut stream = stream.await.unwrap();
    let config = stream.client.config().to_builder();
    let credentials = aws_sdk_kinesis::config::Credentials::new("local", "local", None, None, "test");
    stream.client = Client::from_conf(config.credentials_provider(credentials).build());
    stream.client.create_stream().stream_name("frames").shard_count(1).send().await.unwrap();
    stream
}

fn entry(data: &'static [u8]) -> Entry {
    Entry { partition_key: "spot|BTCUSDT".into(), data: data.into() }
}

#[tokio::test]
async fn entries_are_in_the_stream_under_their_sequence_numbers() {
    let stream = stream().await;
    let results = stream.put(vec![entry(b"first"), entry(b"\xff\x00")]).await.unwrap();
    let put: Vec<_> = results.into_iter().map(|result| result.unwrap().0).collect();
    let iterator = stream.client.get_shard_iterator().stream_name("frames").shard_id("shardId-000000000000");
    let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
    let held = stream.client.get_records().set_shard_iterator(iterator.shard_iterator).send().await.unwrap();
    let found: Vec<_> = held.records().iter().map(|record| record.data().as_ref().to_vec()).collect();
    assert_eq!(found, [b"first".to_vec(), b"\xff\x00".to_vec()]);
    let numbers: Vec<_> =
        held.records().iter().map(aws_sdk_kinesis::types::Record::sequence_number).collect();
    assert_eq!(numbers, put);
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_a_failed_call() {
    let mut stream = stream().await;
    stream.stream = "nowhere".to_owned();
    let error = stream.put(vec![entry(b"first")]).await.unwrap_err();
    assert!(tapeline_telemetry::chain(&error).contains("ResourceNotFoundException"));
}

/// What an entry of the answer means; the first is the example of the API reference, "`PutRecordsResultEntry`".
#[test]
fn an_entry_is_taken_when_it_has_a_sequence_number_and_no_error() {
    let answer = |number: Option<&str>, code: Option<&str>| {
        let entry = PutRecordsResultEntry::builder().set_sequence_number(number.map(str::to_owned));
        result(entry.set_error_code(code.map(str::to_owned)).error_message("Rate exceeded").build())
    };
    assert_eq!(
        answer(Some("49543463076548007577105092703039560359975228518395019266"), None).unwrap().0.len(),
        56
    );
    assert_eq!(answer(None, Some("InternalFailure")).unwrap_err().code, "InternalFailure");
    assert_eq!(answer(None, None).unwrap_err().code, "no sequence number");
}
