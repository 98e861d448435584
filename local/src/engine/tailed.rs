//! A record as `tapeline tail` is told of it: one JSON document a line.

use std::convert::Infallible;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{self, Stream};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

use super::streams::Reader;
use crate::stream::StreamRecord;

/// The lines of what a delivery stream delivers. Some are missing where who reads them is too slow.
pub(super) fn delivered(
    delivered: broadcast::Receiver<Bytes>,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold(delivered, async |mut delivered| {
        loop {
            match delivered.recv().await {
                Ok(data) => return Some((Ok(of_delivered(Timestamp::now(), &data)), delivered)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

/// The lines of what passes through a data stream, until its reader ends.
pub(super) fn records(
    records: mpsc::Receiver<StreamRecord>,
    reader: Reader,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold((records, reader), async |(mut records, reader)| {
        let record = records.recv().await?;
        Some((Ok(of_record(&record)), (records, reader)))
    })
}

/// The line of a record of a data stream.
fn of_record(record: &StreamRecord) -> Bytes {
    let mut line = described(record.arrival, &record.data);
    line.insert("shard_id".to_owned(), json!(record.shard_id));
    line.insert("partition_key".to_owned(), json!(record.partition_key));
    line.insert("sequence_number".to_owned(), json!(record.sequence_number));
    ended(line)
}

/// The line of what a delivery stream delivers now.
fn of_delivered(now: Timestamp, data: &[u8]) -> Bytes {
    ended(described(now, data))
}

fn described(arrival: Timestamp, data: &[u8]) -> Map<String, Value> {
    let (key, data) = match std::str::from_utf8(data) {
        Ok(text) => ("data", json!(text)),
        Err(_) => ("data_base64", json!(STANDARD.encode(data))),
    };
    [("arrival".to_owned(), json!(format!("{arrival:.3}"))), (key.to_owned(), data)].into_iter().collect()
}

fn ended(line: Map<String, Value>) -> Bytes {
    let mut line = Value::Object(line).to_string();
    line.push('\n');
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_known_of_a_record() {
        let record = StreamRecord {
            arrival: "2026-11-21T09:30:00.123Z".parse().unwrap(),
            shard_id: "shardId-000000000000".to_owned(),
            sequence_number: "49".to_owned(),
            partition_key: "spot|BTCUSDT".to_owned(),
            data: b"{\"e\":1}".to_vec(),
        };
        let expected = "{\"arrival\":\"2026-11-21T09:30:00.123Z\",\"data\":\"{\\\"e\\\":1}\",\
            \"shard_id\":\"shardId-000000000000\",\"partition_key\":\"spot|BTCUSDT\",\"sequence_number\":\"49\"}\n";
        assert_eq!(of_record(&record), expected);
    }

    #[test]
    fn bytes_that_are_no_text_are_base64() {
        let line = of_delivered(Timestamp::UNIX_EPOCH, &[0xf3, 0x89]);
        assert_eq!(line, "{\"arrival\":\"1970-01-01T00:00:00.000Z\",\"data_base64\":\"84k=\"}\n");
    }
}
