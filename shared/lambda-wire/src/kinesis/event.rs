//! A batch of a data stream, read from the raw bytes of the invocation.

use std::borrow::Cow;
use std::str::Utf8Error;

use tapeline_json::{Cursor, JsonError, Text, Value};
use thiserror::Error;

use crate::data::{self, DataError};
use crate::time::arrival_micros;

/// One invocation's batch of records, borrowed from its payload; data is still base64. All records of an event are of
/// one shard.
///
/// ```json
/// {"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1",
///   "sequenceNumber":"49590338271490256608559692538361571095921575989136588898","data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
///   "approximateArrivalTimestamp":1545084650.987},"eventSource":"aws:kinesis","eventVersion":"1.0",
///  "eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
///  "eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role",
///  "awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}]}
/// ```
///
/// A record's oddities stay inside of that record, even if it is no object at all, and unknown fields are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The records, in their order; may be none.
    pub records: Vec<Record<'a>>,
}

/// The payload is no event: the whole invocation must fail.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// Not UTF-8.
    #[error("expected a payload in UTF-8")]
    Utf8(#[source] Utf8Error),
    /// Not the JSON of an event.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// No list of records: not the event of a stream.
    #[error("expected a Kinesis event with `Records`")]
    NoRecords,
}

impl<'a> Event<'a> {
    /// Reads an event in one pass.
    ///
    /// # Errors
    /// Only when it is no event at all: see [`EventError`].
    pub fn parse(payload: &'a [u8]) -> Result<Self, EventError> {
        let text = tapeline_json::utf8(payload).map_err(EventError::Utf8)?;
        let mut cursor = Cursor::new(text);
        let mut found = None;
        let mut object = cursor.object()?;
        while let Some(key) = object.key()? {
            match key.decode().as_ref() {
                // Of equal keys the last counts.
                "Records" => found = records(object.cursor())?,
                _ => drop(object.value()?),
            }
        }
        cursor.end()?;
        Ok(Self { records: found.ok_or(EventError::NoRecords)? })
    }
}

/// Reads a list of records; `null` is one without any, `None` is any other value.
fn records<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Vec<Record<'a>>>, JsonError> {
    if cursor.peek() != Some(b'[') {
        return Ok(cursor.value()?.is_null().then(Vec::new));
    }
    let (mut records, mut shared) = (Vec::new(), Shared::default());
    let mut array = cursor.array()?;
    while let Some(element) = array.element()? {
        records.push(Record::parse(element, &mut shared)?);
    }
    Ok(Some(records))
}

/// One record of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record<'a> {
    event_id: Option<Text<'a>>,
    event_source_arn: Option<Text<'a>>,
    kinesis: Kinesis<'a>,
}

/// The record as it stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Kinesis<'a> {
    partition_key: Option<Text<'a>>,
    sequence_number: Option<Text<'a>>,
    data: Option<Value<'a>>,
    arrival: Option<Value<'a>>,
}

/// The keys of a record.
enum RecordKey {
    EventId,
    EventSourceArn,
    Kinesis,
}

impl RecordKey {
    fn of(key: &str) -> Option<Self> {
        match key {
            "eventID" => Some(Self::EventId),
            "eventSourceARN" => Some(Self::EventSourceArn),
            "kinesis" => Some(Self::Kinesis),
            _ => None,
        }
    }
}

/// The keys inside of `kinesis`.
enum KinesisKey {
    PartitionKey,
    SequenceNumber,
    Data,
    Arrival,
}

impl KinesisKey {
    fn of(key: &str) -> Option<Self> {
        match key {
            "partitionKey" => Some(Self::PartitionKey),
            "sequenceNumber" => Some(Self::SequenceNumber),
            "data" => Some(Self::Data),
            "approximateArrivalTimestamp" => Some(Self::Arrival),
            _ => None,
        }
    }
}

/// What the records of an event have in common, as the record before has it: it need not be read again.
#[derive(Debug, Clone, Copy, Default)]
struct Shared<'a> {
    identity_arn: Option<Value<'a>>,
    region: Option<Value<'a>>,
    event_source_arn: Option<Value<'a>>,
}

/// The value behind these keys, if they are what stands next.
fn behind<'a>(cursor: &mut Cursor<'a>, keys: &str) -> Option<Value<'a>> {
    if cursor.eat_text(keys) { cursor.value().ok() } else { None }
}

/// As [`behind`]; where the record before had the same value, that is compared.
fn shared_behind<'a>(
    cursor: &mut Cursor<'a>,
    keys: &str,
    before: &mut Option<Value<'a>>,
) -> Option<Value<'a>> {
    if !cursor.eat_text(keys) {
        return None;
    }
    if !before.is_some_and(|before| cursor.eat_text(before.raw())) {
        *before = cursor.value().ok();
    }
    *before
}

impl<'a> Record<'a> {
    fn parse(cursor: &mut Cursor<'a>, shared: &mut Shared<'a>) -> Result<Self, JsonError> {
        match Self::parse_usual(cursor, shared) {
            Some(record) => Ok(record),
            None => Self::parse_any(cursor),
        }
    }

    /// Reads a record whose keys stand as the service writes them. `None` for any other, and the cursor is where it was:
    /// such a record is read key by key, and comes out the same.
    ///
    /// Takes half of the instructions that reading it key by key takes (callgrind), most of them over its data.
    fn parse_usual(cursor: &mut Cursor<'a>, shared: &mut Shared<'a>) -> Option<Self> {
        let ahead = &mut cursor.clone();
        let partition_key =
            behind(ahead, r#"{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"#)?.as_text()?;
        let sequence_number = behind(ahead, r#","sequenceNumber":"#)?.as_text()?;
        let data = behind(ahead, r#","data":"#)?;
        let arrival = behind(ahead, r#","approximateArrivalTimestamp":"#)?;
        let event_id = behind(ahead, r#"},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"#)?;
        let identity_keys = r#","eventName":"aws:kinesis:record","invokeIdentityArn":"#;
        shared_behind(ahead, identity_keys, &mut shared.identity_arn)?;
        shared_behind(ahead, r#","awsRegion":"#, &mut shared.region)?;
        let arn = shared_behind(ahead, r#","eventSourceARN":"#, &mut shared.event_source_arn)?;
        if !ahead.eat_text("}") {
            return None;
        }
        *cursor = ahead.clone();
        let kinesis = Kinesis {
            partition_key: Some(partition_key),
            sequence_number: Some(sequence_number),
            data: Some(data).filter(|value| !value.is_null()),
            arrival: Some(arrival),
        };
        Some(Self { event_id: event_id.as_text(), event_source_arn: arn.as_text(), kinesis })
    }

    fn parse_any(cursor: &mut Cursor<'a>) -> Result<Self, JsonError> {
        let mut record = Self::default();
        if cursor.peek() != Some(b'{') {
            cursor.value()?;
            return Ok(record);
        }
        let mut object = cursor.object()?;
        while let Some(key) = object.key()? {
            match key.find(RecordKey::of) {
                Some(RecordKey::EventId) => record.event_id = object.value()?.as_text(),
                Some(RecordKey::EventSourceArn) => record.event_source_arn = object.value()?.as_text(),
                Some(RecordKey::Kinesis) => record.kinesis = Kinesis::parse(object.cursor())?,
                None => drop(object.value()?),
            }
        }
        Ok(record)
    }

    /// The record's place in its shard: decimal text of up to 56 digits, which the answer must repeat to the letter;
    /// `None` where it is missing or empty.
    pub fn sequence_number(&self) -> Option<Cow<'a, str>> {
        self.kinesis.sequence_number.map(Text::decode).filter(|number| !number.is_empty())
    }

    /// The key under which the record was put.
    pub fn partition_key(&self) -> Option<Cow<'a, str>> {
        self.kinesis.partition_key.map(Text::decode)
    }

    /// The shard, which stands in `eventID` alone, in front of the sequence number.
    pub fn shard_id(&self) -> Option<Cow<'a, str>> {
        match self.event_id?.decode() {
            Cow::Borrowed(id) => id.split_once(':').map(|(shard, _)| Cow::Borrowed(shard)),
            Cow::Owned(id) => id.split_once(':').map(|(shard, _)| Cow::Owned(shard.to_owned())),
        }
    }

    /// When the stream took the record, in microseconds since the epoch; `None` where that cannot be told.
    pub fn arrival_micros(&self) -> Option<i64> {
        let arrival = self.kinesis.arrival?;
        usual_micros(arrival.raw()).or_else(|| arrival_micros(arrival))
    }

    /// The stream.
    pub fn event_source_arn(&self) -> Option<Cow<'a, str>> {
        self.event_source_arn.map(Text::decode)
    }

    /// Appends the record's bytes.
    ///
    /// # Errors
    /// When there is no data, or none in base64; `out` is then as it was.
    pub fn decode_data(&self, out: &mut Vec<u8>) -> Result<(), DataError> {
        data::decode(self.kinesis.data, out)
    }
}

impl<'a> Kinesis<'a> {
    fn parse(cursor: &mut Cursor<'a>) -> Result<Self, JsonError> {
        let mut kinesis = Self::default();
        if cursor.peek() != Some(b'{') {
            cursor.value()?;
            return Ok(kinesis);
        }
        let mut object = cursor.object()?;
        while let Some(key) = object.key()? {
            let value = object.value()?;
            match key.find(KinesisKey::of) {
                Some(KinesisKey::PartitionKey) => kinesis.partition_key = value.as_text(),
                Some(KinesisKey::SequenceNumber) => kinesis.sequence_number = value.as_text(),
                Some(KinesisKey::Data) => kinesis.data = Some(value).filter(|value| !value.is_null()),
                Some(KinesisKey::Arrival) => kinesis.arrival = Some(value),
                None => {}
            }
        }
        Ok(kinesis)
    }
}

/// Reads ten digits of seconds and three of a fraction, as nine of ten times are written; `None` for any other.
fn usual_micros(number: &str) -> Option<i64> {
    let (seconds, fraction) = number.split_at_checked(10)?;
    let millis = fraction.strip_prefix('.').filter(|millis| millis.len() == 3)?;
    let (seconds, millis): (u32, u32) = (seconds.parse().ok()?, millis.parse().ok()?);
    Some((i64::from(seconds) * 1000 + i64::from(millis)) * 1000)
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::kinesis::KinesisEvent;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::kinesis::answer;

    /// The example event of "Process Amazon Kinesis Data Streams records with Lambda" in the Lambda developer guide.
    const SAMPLE: &str = r#"{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1",
        "sequenceNumber":"49590338271490256608559692538361571095921575989136588898",
        "data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","approximateArrivalTimestamp":1545084650.987},
        "eventSource":"aws:kinesis","eventVersion":"1.0",
        "eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
        "eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role",
        "awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"},
        {"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1",
        "sequenceNumber":"49590338271490256608559692540925702759324208523137515618",
        "data":"VGhpcyBpcyBvbmx5IGEgdGVzdC4=","approximateArrivalTimestamp":1545084711.166},
        "eventSource":"aws:kinesis","eventVersion":"1.0",
        "eventID":"shardId-000000000006:49590338271490256608559692540925702759324208523137515618",
        "eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role",
        "awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}]}"#;

    fn data_of(record: Record<'_>) -> Result<Vec<u8>, DataError> {
        let mut data = Vec::new();
        record.decode_data(&mut data).map(|()| data)
    }

    fn only_record(record: &str) -> Record<'_> {
        let event = Event::parse(format!("{{\"Records\":[{record}]}}").leak().as_bytes()).unwrap();
        event.records[0]
    }

    fn only_kinesis(fields: &str) -> Record<'_> {
        only_record(format!("{{\"kinesis\":{{{fields}}}}}").leak())
    }

    #[test]
    fn the_published_sample_reads_as_the_events_crate_reads_it() {
        let theirs: KinesisEvent = serde_json::from_str(SAMPLE).unwrap();
        let ours = Event::parse(SAMPLE.as_bytes()).unwrap();
        assert_eq!(ours.records.len(), theirs.records.len());
        for (ours, theirs) in ours.records.iter().zip(&theirs.records) {
            let (kinesis, shard_id) = (&theirs.kinesis, ours.shard_id().unwrap());
            assert_eq!(ours.sequence_number().as_deref(), Some(kinesis.sequence_number.as_str()));
            assert_eq!(ours.partition_key().as_deref(), Some(kinesis.partition_key.as_str()));
            assert_eq!(data_of(*ours).unwrap(), kinesis.data.0);
            assert_eq!(ours.event_source_arn().as_deref(), theirs.event_source_arn.as_deref());
            assert_eq!(Some(format!("{shard_id}:{}", kinesis.sequence_number)), theirs.event_id);
            assert_eq!(ours.arrival_micros(), Some(kinesis.approximate_arrival_timestamp.timestamp_micros()));
        }
        assert_eq!(ours.records[0].shard_id().as_deref(), Some("shardId-000000000006"));
    }

    fn check_arrival(json: &str, expected: Option<i64>) {
        let record = only_kinesis(format!("\"approximateArrivalTimestamp\":{json}").leak());
        assert_eq!(record.arrival_micros(), expected, "{json}");
    }

    #[test]
    fn arrival_times_are_read_by_their_digits() {
        check_arrival("1545084650.987", Some(1_545_084_650_987_000));
        check_arrival("1545084650.98", Some(1_545_084_650_980_000));
        check_arrival("1545084650.001", Some(1_545_084_650_001_000));
        check_arrival("9545084650.987", Some(9_545_084_650_987_000));
        check_arrival("154508465.0987", Some(154_508_465_098_700));
        check_arrival("-154508465.987", None);
        check_arrival("1545084650", Some(1_545_084_650_000_000));
        check_arrival("1.545084650987E9", Some(1_545_084_650_987_000));
        check_arrival("null", None);
        check_arrival("{}", None);
    }

    #[test]
    fn data_stays_a_matter_of_its_record() {
        assert_eq!(data_of(only_kinesis("")), Err(DataError::Absent));
        assert_eq!(data_of(only_kinesis(r#""data":null"#)), Err(DataError::Absent));
        assert_eq!(data_of(only_kinesis(r#""data":7"#)), Err(DataError::NotText));
        assert!(matches!(data_of(only_kinesis(r#""data":"%""#)), Err(DataError::Base64(_))));
        assert_eq!(data_of(only_kinesis(r#""data":"SGk""#)).unwrap(), b"Hi");
        assert_eq!(data_of(only_kinesis(r#""data":"""#)).unwrap(), b"");
    }

    #[test]
    fn what_a_record_lacks_is_none() {
        for record in [
            "{}",
            "null",
            "7",
            "[1]",
            r#"{"kinesis":null,"eventID":null,"eventSourceARN":null}"#,
            r#"{"kinesis":{"sequenceNumber":null,"partitionKey":7,"approximateArrivalTimestamp":null},"eventID":{}}"#,
            r#"{"kinesis":{"sequenceNumber":""},"eventID":"no shard"}"#,
        ] {
            let record = only_record(record);
            assert_eq!((record.sequence_number(), record.partition_key()), (None, None));
            assert_eq!((record.shard_id(), record.event_source_arn()), (None, None));
            assert_eq!((record.arrival_micros(), data_of(record)), (None, Err(DataError::Absent)));
        }
    }

    proptest! {
        #[test]
        fn a_record_is_the_same_in_any_order_of_its_keys(
            text in "[a-z|\\\\\"]{0,9}",
            odd in prop::option::of((0..12_usize, prop::sample::select(vec!["null", "7", "{}", "[1]", "\"\""]))),
            (inner_turn, outer_turn) in (0..5_usize, 0..8_usize),
        ) {
            let text = serde_json::to_string(&text).unwrap();
            let mut members = [
                ("kinesisSchemaVersion", "\"1.0\""), ("partitionKey", &text), ("sequenceNumber", "\"495\""),
                ("data", "\"SGk=\""), ("approximateArrivalTimestamp", "1545084650.987"),
                ("eventSource", "\"aws:kinesis\""), ("eventVersion", "\"1.0\""), ("eventID", "\"shard:495\""),
                ("eventName", "\"aws:kinesis:record\""), ("invokeIdentityArn", "\"arn:aws:iam\""),
                ("awsRegion", "\"us-east-2\""), ("eventSourceARN", &text),
            ];
            if let Some((at, value)) = odd {
                members[at].1 = value;
            }
            let members = members.map(|(key, value)| format!("\"{key}\":{value}"));
            let record = |inner_turn, outer_turn| {
                let (mut inner, outer) = (members[..5].to_vec(), &members[5..]);
                inner.rotate_left(inner_turn);
                let mut outer = [&[format!("\"kinesis\":{{{}}}", inner.join(","))], outer].concat();
                outer.rotate_left(outer_turn);
                format!("{{{}}}", outer.join(","))
            };
            let (usual, other) = (record(0, 0), record(inner_turn, outer_turn));
            prop_assert_eq!(only_record(&usual), only_record(&other));
            // What the record before has is not taken for this one's.
            let before = usual.replacen("us-east", "us-west", 1).replacen("arn:aws:iam", "arn:aws:iam\\\\", 1);
            let event = format!("{{\"Records\":[{before},{usual},{other},{usual}]}}");
            let records = Event::parse(event.as_bytes()).unwrap().records;
            prop_assert_eq!(&records[1..], [only_record(&usual); 3]);
            let mut cursor = Cursor::new(&usual);
            prop_assert_eq!(Record::parse_any(&mut cursor), Ok(only_record(&usual)));
            prop_assert_eq!(cursor.end(), Ok(()));
        }
    }

    #[test]
    fn keys_with_escapes_are_the_keys_they_mean() {
        let text =
            r#"{"\u0052ecords":[{"k\u0069nesis":{"d\u0061ta":"SGk="},"event\u0049D":"s\u0068ard:1"}]}"#;
        let event = Event::parse(text.as_bytes()).unwrap();
        assert_eq!(data_of(event.records[0]).unwrap(), b"Hi");
        assert_eq!(event.records[0].shard_id().as_deref(), Some("shard"));
    }

    #[test]
    fn of_equal_keys_the_last_counts() {
        let record = only_record(
            r#"{"kinesis":{"data":"SGk=","sequenceNumber":"1"},"kinesis":{"sequenceNumber":"2"}}"#,
        );
        assert_eq!(
            (record.sequence_number().as_deref(), data_of(record)),
            (Some("2"), Err(DataError::Absent))
        );
        assert_eq!(Event::parse(br#"{"Records":7,"Records":[]}"#).unwrap().records, []);
        assert_eq!(Event::parse(br#"{"Records":[{}],"Records":7}"#), Err(EventError::NoRecords));
    }

    #[test]
    fn a_batch_without_records_is_a_batch() {
        assert_eq!(Event::parse(br#"{"Records":[]}"#).unwrap().records, []);
        assert_eq!(Event::parse(br#"{"Records":null,"window":{}}"#).unwrap().records, []);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let error = |text: &str| Event::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("{}"), "expected a Kinesis event with `Records`");
        assert_eq!(error(r#"{"Records":{}}"#), "expected a Kinesis event with `Records`");
        assert_eq!(error(r#"{"records":[{"recordId":"1"}]}"#), "expected a Kinesis event with `Records`");
        assert_eq!(error("[]"), "expected an object at byte 0");
        assert_eq!(error(r#"{"Records":[]} x"#), "expected the end of the text at byte 15");
        assert_eq!(Event::parse(b"\xff").unwrap_err().to_string(), "expected a payload in UTF-8");
    }

    /// Any JSON at all, a few levels deep.
    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(|value| json!(value)),
            any::<f64>().prop_map(|value| json!(value)),
            any::<i64>().prop_map(|value| json!(value)),
            ".{0,8}".prop_map(|value| json!(value)),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|value| json!(value)),
                prop::collection::btree_map(".{0,8}", inner, 0..4).prop_map(|value| json!(value)),
            ]
        })
    }

    fn read_everything(event: &Event<'_>) {
        for record in &event.records {
            let _ = (record.sequence_number(), record.partition_key(), record.shard_id());
            let _ = (record.arrival_micros(), record.event_source_arn(), data_of(*record));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Event::parse(&bytes);
        }

        #[test]
        fn any_json_is_answered(value in any_json(), place in 0..5) {
            let payload = match place {
                0 => value,
                1 => json!({ "Records": value }),
                2 => json!({ "Records": [value, {}] }),
                3 => json!({ "Records": [{ "kinesis": value, "eventID": value, "eventSourceARN": value }] }),
                _ => json!({ "Records": [{ "kinesis": {
                    "data": value,
                    "sequenceNumber": value,
                    "partitionKey": value,
                    "approximateArrivalTimestamp": value,
                } }] }),
            };
            let payload = payload.to_string();
            match Event::parse(payload.as_bytes()) {
                Ok(event) => read_everything(&event),
                Err(_) => prop_assert!(place < 2),
            }
        }

        #[test]
        fn numbers_out_are_numbers_in(numbers in prop::collection::vec("[ -~]{1,56}", 0..20), failed in 0_usize..20) {
            let records: Vec<_> =
                numbers.iter().map(|number| json!({ "kinesis": { "sequenceNumber": number } })).collect();
            let payload = json!({ "Records": records }).to_string();
            let event = Event::parse(payload.as_bytes()).unwrap();
            let read: Vec<_> = event.records.iter().map(|record| record.sequence_number().unwrap()).collect();
            prop_assert_eq!(&read, &numbers);
            let answer = answer(read.get(failed).map(AsRef::as_ref));
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            let named: Vec<_> = numbers.get(failed).map(|number| json!({ "itemIdentifier": number })).into_iter().collect();
            prop_assert_eq!(answer, json!({ "batchItemFailures": named }));
        }
    }
}
