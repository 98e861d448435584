//! One document of records that failed, in any of the forms in which AWS keeps them.
//!
//! - Firehose, below the error prefix: one JSON line for each record, with its data as `rawData`. The fields around it
//!   depend on what failed; their names are those of the guide's pages on data transformation, format conversion and
//!   delivery failures.
//! - Lambda, in the on-failure destination of an event source mapping: one document for each batch, as "Retain discarded
//!   batch records for a Kinesis Data Streams event source in Lambda" shows it. A bucket has the event as `payload`;
//!   queues and topics only tell where in the stream the records are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde_json::Value;
use tapeline_lambda_wire::kinesis::{DataError, Event, EventError};
use thiserror::Error;

/// Characters of a reason that are kept: the service's names of errors are shorter.
const REASON_CHARS_MAX: usize = 60;
/// Characters of a partition key: a longer one, which no record of a stream has, would have a whole call refused.
const KEY_CHARS_MAX: usize = 256;
/// Records of a batch: Lambda's largest.
const BATCH_RECORDS_MAX: u32 = 10_000;

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// What tells it from others: a hash of its text.
    pub(super) id: u128,
    /// The service's name of what went wrong.
    pub(super) reason: String,
    /// The records.
    pub(super) content: Content,
    /// Where it stands among others.
    pub(super) order: Order,
}

/// What a document has of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// All of it.
    Records(Vec<Record>),
    /// Only where they are.
    Range(Range),
}

/// A record to be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The key under which it was put first; `None` where the document does not tell.
    pub(super) partition_key: Option<String>,
    /// Its bytes.
    pub(super) data: Vec<u8>,
}

/// A range of a shard, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    /// Name of the stream.
    pub(super) stream: String,
    /// The shard.
    pub(super) shard_id: String,
    /// Where it begins.
    pub(super) first: SequenceNumber,
    /// Where it ends.
    pub(super) last: SequenceNumber,
    /// How many records the function was given of it.
    pub(super) records: u32,
}

/// Decimal text, ordered as the number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SequenceNumber {
    digits: usize,
    text: String,
}

impl SequenceNumber {
    pub(super) fn new(text: &str) -> Self {
        Self { digits: text.len(), text: text.to_owned() }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Where documents stand: records of a shard in the order of the shard, others by their arrival.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Arrival of the record, in milliseconds since the epoch; 0 where it is not told.
    Arrival(i64),
    /// Place in a shard.
    Range(Range),
}

/// The text is no document of records that failed.
#[derive(Debug, Error)]
pub(super) enum DocumentError {
    /// No JSON.
    #[error("expected a failure document in JSON")]
    Json(#[source] serde_json::Error),
    /// Another document.
    #[error("expected a failure document with `rawData` or `KinesisBatchInfo`, was another")]
    Kind,
    /// The data is damaged.
    #[error("`rawData` must be base64")]
    Base64(#[source] base64::DecodeError),
    /// Not all of the range is told.
    #[error("`KinesisBatchInfo.{field}` must be {expected}")]
    Range {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The payload is no event.
    #[error("`payload` must be the event of a Kinesis stream")]
    Event(#[source] EventError),
    /// A record of the payload is damaged.
    #[error("record {place} of `payload` must have data")]
    Data {
        /// Its place, from 0.
        place: usize,
        /// What is wrong with it.
        #[source]
        source: DataError,
    },
}

impl Document {
    /// Reads a document. The notification of a topic may be around it.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub(super) fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        let id = u128::from_be_bytes(Md5::digest(text).into());
        let mut document: Value = serde_json::from_slice(text).map_err(DocumentError::Json)?;
        if let Some(message) = notification(&document) {
            document = serde_json::from_str(message).map_err(DocumentError::Json)?;
        }
        if let Some(data) = document.get("rawData").and_then(Value::as_str) {
            let data = STANDARD.decode(data).map_err(DocumentError::Base64)?;
            let arrival = document.get("arrivalTimestamp").and_then(Value::as_i64).unwrap_or_default();
            let reason = ["errorCode", "lastErrorCode"].iter().find_map(|key| document.get(key)?.as_str());
            let content = Content::Records(vec![Record { partition_key: None, data }]);
            return Ok(Self { id, reason: short(reason), content, order: Order::Arrival(arrival) });
        }
        let range = range(document.get("KinesisBatchInfo").ok_or(DocumentError::Kind)?)?;
        let reason = document.pointer("/requestContext/condition").and_then(Value::as_str);
        let content = match document.get("payload") {
            None | Some(Value::Null) => Content::Range(range.clone()),
            Some(Value::String(payload)) => Content::Records(records(payload)?),
            Some(payload) => Content::Records(records(&payload.to_string())?),
        };
        Ok(Self { id, reason: short(reason), content, order: Order::Range(range) })
    }

    /// How many records it is about.
    pub(super) fn records(&self) -> usize {
        match &self.content {
            Content::Records(records) => records.len(),
            Content::Range(range) => range.records as usize,
        }
    }
}

/// What a topic sends to a queue: `{"Type":"Notification","Message":"..."}`.
fn notification(document: &Value) -> Option<&str> {
    let is_notification = document.get("Type").and_then(Value::as_str) == Some("Notification");
    document.get("Message").filter(|_| is_notification).and_then(Value::as_str)
}

fn short(reason: Option<&str>) -> String {
    reason.unwrap_or("unknown").chars().take(REASON_CHARS_MAX).collect()
}

fn range(info: &Value) -> Result<Range, DocumentError> {
    let text = |field: &'static str| {
        let found = info.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.ok_or(DocumentError::Range { field, expected: "a text" })
    };
    let stream = text("streamArn")?.rsplit_once('/');
    let (_, stream) = stream.ok_or(DocumentError::Range { field: "streamArn", expected: "an ARN" })?;
    let records = info.get("batchSize").and_then(Value::as_u64).and_then(|records| records.try_into().ok());
    let records = records.filter(|records| *records <= BATCH_RECORDS_MAX);
    Ok(Range {
        stream: stream.to_owned(),
        shard_id: text("shardId")?.to_owned(),
        first: SequenceNumber::new(text("startSequenceNumber")?),
        last: SequenceNumber::new(text("endSequenceNumber")?),
        records: records.ok_or(DocumentError::Range {
            field: "batchSize",
            expected: "a number of records up to 10,000",
        })?,
    })
}

fn records(payload: &str) -> Result<Vec<Record>, DocumentError> {
    let event = Event::parse(payload.as_bytes()).map_err(DocumentError::Event)?;
    let records = event.records.iter().enumerate().map(|(place, record)| {
        let mut data = Vec::new();
        record.decode_data(&mut data).map_err(|source| DocumentError::Data { place, source })?;
        let partition_key = record.partition_key();
        let partition_key = partition_key.filter(|key| (1..=KEY_CHARS_MAX).contains(&key.chars().count()));
        Ok(Record { partition_key: partition_key.map(Into::into), data })
    });
    records.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of "Retain discarded batch records for a Kinesis Data Streams event source in Lambda".
    fn discarded() -> Value {
        json!({
            "requestContext": {
                "requestId": "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5",
                "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:myfunction",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 1
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2019-11-14T00:38:06.021Z",
            "KinesisBatchInfo": {
                "shardId": "shardId-000000000001",
                "startSequenceNumber": "49601189658422359378836298521827638475320189012309704722",
                "endSequenceNumber": "49601189658422359378836298522902373528957594348623495186",
                "approximateArrivalOfFirstRecord": "2019-11-14T00:38:04.835Z",
                "approximateArrivalOfLastRecord": "2019-11-14T00:38:05.580Z",
                "batchSize": 500,
                "streamArn": "arn:aws:kinesis:us-east-2:123456789012:stream/mystream"
            }
        })
    }

    fn parse(document: &Value) -> Document {
        Document::parse(document.to_string().as_bytes()).unwrap()
    }

    fn refused(document: &Value) -> String {
        Document::parse(document.to_string().as_bytes()).unwrap_err().to_string()
    }

    /// A record of the guide's example event, as the payload of a document.
    fn payload(data: &str) -> String {
        json!({"Records": [{"kinesis": {"partitionKey": "spot|A", "data": data, "sequenceNumber": "1"}}]})
            .to_string()
    }

    #[test]
    fn a_record_of_a_delivery_stream_is_its_raw_data() {
        // The fields of "Data transformation failure handling"; "Handle data delivery failures" calls the code the same.
        let document = parse(&json!({"attemptsMade": 4, "arrivalTimestamp": 1_525_200_000_123_i64,
            "errorCode": "Lambda.FunctionTimedOut", "errorMessage": "...", "attemptEndingTimestamp": 1_525_200_000_456_i64,
            "rawData": "c2FtcGxlIHJhdyBkYXRh", "lambdaArn": "arn:aws:lambda:us-east-1:1:function:f"}));
        assert_eq!(
            (document.reason.as_str(), document.order),
            ("Lambda.FunctionTimedOut", Order::Arrival(1_525_200_000_123))
        );
        let record = Record { partition_key: None, data: b"sample raw data".to_vec() };
        assert_eq!(document.content, Content::Records(vec![record]));
    }

    #[test]
    fn a_conversion_that_failed_has_a_last_error() {
        let document = json!({"lastErrorCode": "DataFormatConversion.ParseError", "rawData": ""});
        assert_eq!(parse(&document).reason, "DataFormatConversion.ParseError");
    }

    #[test]
    fn a_batch_without_its_event_is_a_range() {
        let document = parse(&discarded());
        let Content::Range(range) = &document.content else { panic!("{document:?}") };
        assert_eq!((range.stream.as_str(), range.shard_id.as_str()), ("mystream", "shardId-000000000001"));
        assert_eq!((document.records(), document.reason.as_str()), (500, "RetryAttemptsExhausted"));
    }

    #[test]
    fn a_batch_with_its_event_has_the_records_under_their_keys() {
        let mut document = discarded();
        document["payload"] = json!(payload("e30="));
        let expected = Record { partition_key: Some("spot|A".to_owned()), data: b"{}".to_vec() };
        assert_eq!(parse(&document).content, Content::Records(vec![expected.clone()]));
        // Whether the service writes it as text is shown by its guide alone.
        document["payload"] = serde_json::from_str(&payload("e30=")).unwrap();
        assert_eq!(parse(&document).content, Content::Records(vec![expected]));
    }

    #[test]
    fn a_notification_of_a_topic_is_taken_off() {
        let document = json!({"Type": "Notification", "MessageId": "1", "Message": discarded().to_string()});
        assert_eq!(parse(&document).content, parse(&discarded()).content);
    }

    #[test]
    fn sequence_numbers_are_ordered_as_numbers() {
        assert!(SequenceNumber::new("9") < SequenceNumber::new("10"));
        assert!(SequenceNumber::new("19") < SequenceNumber::new("20"));
    }

    #[test]
    fn what_is_no_failure_document_is_refused() {
        assert_eq!(refused(&json!({"e": "trade"})), DocumentError::Kind.to_string());
        assert_eq!(refused(&json!("text")), DocumentError::Kind.to_string());
        assert_eq!(refused(&json!({"rawData": "%"})), "`rawData` must be base64");
        let mut document = discarded();
        for size in [json!(-1), json!(10_001), json!(4_294_967_296_u64)] {
            document["KinesisBatchInfo"]["batchSize"] = size;
            let expected = "`KinesisBatchInfo.batchSize` must be a number of records up to 10,000";
            assert_eq!(refused(&document), expected);
        }
        document = discarded();
        document["payload"] = json!(payload("%"));
        assert_eq!(refused(&document), "record 0 of `payload` must have data");
        document["payload"] = json!("{}");
        assert_eq!(refused(&document), "`payload` must be the event of a Kinesis stream");
    }
}
