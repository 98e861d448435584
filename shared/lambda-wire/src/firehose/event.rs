//! A transformation event, read from the raw bytes of the invocation.

use std::borrow::Cow;
use std::str::Utf8Error;

use tapeline_json::{Cursor, JsonError, Shape, Value};
use thiserror::Error;

use crate::base64;
use crate::data::{self, DataError};
use crate::time::arrival_micros;

/// One invocation's batch of records, borrowed from its payload; data is still base64.
///
/// ```json
/// {"invocationId":"invoked123","deliveryStreamArn":"arn:aws:firehose:...","region":"us-east-1",
///  "sourceKinesisStreamArn":"arn:aws:kinesis:...",
///  "records":[{"recordId":"49546986683135544286507457936321625675700192471156785154000000",
///   "approximateArrivalTimestamp":1495072949453,"data":"SGVsbG8gV29ybGQ=",
///   "kinesisRecordMetadata":{"shardId":"shardId-000000000000","partitionKey":"4d1ad2b9-24f8-4b9d-a088-76e9947c317a",
///    "approximateArrivalTimestamp":1495072949453,"sequenceNumber":"49546986683135544286507457936321625675700192471156785154",
///    "subsequenceNumber":0}}]}
/// ```
///
/// Fields that are missing from published samples or from an emulator are optional, a record's oddities stay inside
/// of that record, and unknown fields are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The id of this attempt.
    pub invocation_id: Option<Cow<'a, str>>,
    /// The delivery stream; one published sample spells the field `deliverySteamArn`.
    pub delivery_stream_arn: Option<Cow<'a, str>>,
    /// The data stream in front of it, if there is one.
    pub source_stream_arn: Option<Cow<'a, str>>,
    /// The region.
    pub region: Option<Cow<'a, str>>,
    /// The records, in their order; at least one.
    pub records: Vec<Record<'a>>,
}

/// The payload is no event that could be answered: the whole invocation must fail.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// Not UTF-8.
    #[error("expected a payload in UTF-8")]
    Utf8(#[source] Utf8Error),
    /// Not the JSON of an event.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// No list of records: not a transformation event.
    #[error("expected a Firehose event with `records`")]
    NoRecords,
    /// Nothing to answer: the service takes no empty list back.
    #[error("expected at least one record")]
    Empty,
    /// A record that cannot be answered.
    #[error("expected record {at} to have a `recordId` string")]
    NoRecordId {
        /// Place of the record in the event, from 0.
        at: usize,
    },
}

impl<'a> Event<'a> {
    /// Reads an event in one pass.
    ///
    /// # Errors
    /// Only when it cannot be answered at all: see [`EventError`].
    pub fn parse(payload: &'a [u8]) -> Result<Self, EventError> {
        let text = tapeline_json::utf8(payload).map_err(EventError::Utf8)?;
        let mut cursor = Cursor::new(text);
        let mut event = Self::empty();
        let mut found = Err(EventError::NoRecords);
        let mut object = cursor.object()?;
        while let Some(key) = object.key()? {
            let field = match key.decode().as_ref() {
                "records" => {
                    found = records(object.cursor())?;
                    continue;
                }
                "invocationId" => &mut event.invocation_id,
                "deliveryStreamArn" | "deliverySteamArn" => &mut event.delivery_stream_arn,
                "sourceKinesisStreamArn" => &mut event.source_stream_arn,
                "region" => &mut event.region,
                _ => {
                    object.value()?;
                    continue;
                }
            };
            *field = object.value()?.as_text().map(tapeline_json::Text::decode);
        }
        cursor.end()?;
        event.records = found?;
        if event.records.is_empty() { Err(EventError::Empty) } else { Ok(event) }
    }

    const fn empty() -> Self {
        let records = Vec::new();
        Self {
            invocation_id: None,
            delivery_stream_arn: None,
            source_stream_arn: None,
            region: None,
            records,
        }
    }
}

/// Reads a list of records, or steps over JSON that is none: of equal keys the last counts, so what is wrong with a
/// list matters only if no other follows.
fn records<'a>(cursor: &mut Cursor<'a>) -> Result<Result<Vec<Record<'a>>, EventError>, JsonError> {
    let mut ahead = cursor.clone();
    let records = Record::list(&mut ahead);
    if records.is_ok() {
        *cursor = ahead;
    } else {
        cursor.value()?;
    }
    Ok(records)
}

/// One record of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The JSON string, quotes included: the answer must repeat it.
    pub(super) id: Value<'a>,
    arrival: Option<Value<'a>>,
    /// The field of the data, here and in the answer.
    pub(super) data_field: &'static str,
    data: Option<Value<'a>>,
    /// The record itself, for what hardly anybody asks for.
    whole: &'a str,
}

/// The keys of a record.
#[derive(Debug, Clone, Copy)]
enum RecordKey {
    Id,
    Arrival,
    Data,
    KafkaData,
    Kafka,
    Kinesis,
}

impl RecordKey {
    fn of(key: &str) -> Option<Self> {
        match key {
            "recordId" => Some(Self::Id),
            "approximateArrivalTimestamp" => Some(Self::Arrival),
            "data" => Some(Self::Data),
            KAFKA_DATA => Some(Self::KafkaData),
            "mskRecordMetadata" => Some(Self::Kafka),
            "kinesisRecordMetadata" => Some(Self::Kinesis),
            _ => None,
        }
    }
}

const KAFKA_DATA: &str = "kafkaRecordValue";

impl<'a> Record<'a> {
    fn list(cursor: &mut Cursor<'a>) -> Result<Vec<Self>, EventError> {
        let mut array = cursor.array()?;
        let mut records = Vec::new();
        let mut usual = None;
        while let Some(element) = array.element()? {
            let record = match usual.as_mut().and_then(|usual: &mut Usual<'a>| usual.next(element)) {
                Some(record) => record,
                None => Self::parse(element, records.len())?,
            };
            if records.is_empty() {
                usual = Usual::of(&record);
            }
            records.push(record);
        }
        Ok(records)
    }

    /// Reads a record key by key.
    fn parse(cursor: &mut Cursor<'a>, at: usize) -> Result<Self, EventError> {
        let (mut id, mut arrival, mut data, mut kafka_value) = (None, None, None, None);
        let mut data_field = "data";
        let before = cursor.clone();
        let mut object = cursor.object()?;
        while let Some(key) = object.key()? {
            let value = object.value()?;
            match key.find(RecordKey::of) {
                Some(RecordKey::Id) => id = value.as_text().map(|_| value),
                Some(RecordKey::Arrival) => arrival = Some(value),
                Some(RecordKey::Data) => data = Some(value),
                // Amazon MSK as a source has its own name for it, and wants that in the answer.
                Some(RecordKey::KafkaData) => {
                    data_field = KAFKA_DATA;
                    kafka_value = Some(value);
                }
                Some(RecordKey::Kafka) => data_field = KAFKA_DATA,
                Some(RecordKey::Kinesis) | None => {}
            }
        }
        let id = id.ok_or(EventError::NoRecordId { at })?;
        let data = [data, kafka_value].into_iter().flatten().find(|value| !value.is_null());
        Ok(Self { id, arrival, data_field, data, whole: cursor.since(&before) })
    }

    /// The record's id, as the answer must repeat it.
    pub fn record_id(&self) -> Cow<'a, str> {
        self.id.as_text().map_or(Cow::Borrowed(""), tapeline_json::Text::decode)
    }

    /// When the record arrived, in microseconds since the epoch; `None` where that cannot be told.
    pub fn arrival_micros(&self) -> Option<i64> {
        self.arrival.and_then(arrival_micros)
    }

    /// Appends the record's bytes.
    ///
    /// # Errors
    /// When there is no data, or none in base64; `out` is then as it was.
    pub fn decode_data(&self, out: &mut Vec<u8>) -> Result<(), DataError> {
        data::decode(self.data, out)
    }

    /// The JSON string under which a failed record's original data goes back: what arrived, to the letter. Data that
    /// was no string goes back as the base64 of its JSON text, so that nothing is lost.
    pub(super) fn original_data(&self) -> Cow<'a, str> {
        match self.data {
            None => Cow::Borrowed("\"\""),
            Some(data) if data.as_text().is_some() => Cow::Borrowed(data.raw()),
            Some(data) => {
                let mut text = b"\"".to_vec();
                base64::encode(data.raw().as_bytes(), &mut text);
                text.push(b'"');
                Cow::Owned(String::from_utf8_lossy(&text).into_owned())
            }
        }
    }

    /// Length of [`Self::original_data`].
    #[inline]
    pub(super) fn original_data_length(&self) -> usize {
        match self.data {
            Some(data) if data.raw().starts_with('"') => data.raw().len(),
            _ => self.original_data().len(),
        }
    }

    /// Where the record stood in the data stream; `None` where the delivery stream has no such source.
    pub fn kinesis(&self) -> Option<KinesisMetadata<'a>> {
        let (mut cursor, mut kinesis) = (Cursor::new(self.whole), None);
        let mut object = cursor.object().ok()?;
        while let Some(key) = object.key().ok()? {
            let value = object.value().ok()?;
            if let Some(RecordKey::Kinesis) = key.find(RecordKey::of) {
                kinesis = Some(value);
            }
        }
        KinesisMetadata::parse(kinesis?)
    }
}

/// How the first record of an event is written, which is how the service writes all of them.
///
/// Its keys are in no order that is documented: published samples have three. So none is expected but the first record's.
#[derive(Debug)]
struct Usual<'a> {
    shape: Shape<'a>,
    /// Where the fields stand among the shape's plain values.
    id: usize,
    arrival: Option<usize>,
    data: Option<usize>,
    data_field: &'static str,
}

impl<'a> Usual<'a> {
    /// `None` if a field of the record is no plain value.
    fn of(record: &Record<'a>) -> Option<Self> {
        let shape = Shape::of(Cursor::new(record.whole).value().ok()?)?;
        // Equal text may stand there twice, the same text only once.
        let place =
            |field: Value<'a>| shape.values().position(|value| std::ptr::eq(value.raw(), field.raw()));
        let id = place(record.id)?;
        let [arrival, data] = [record.arrival, record.data].map(|field| field.map(place));
        if arrival == Some(None) || data == Some(None) {
            return None;
        }
        Some(Self {
            id,
            arrival: arrival.flatten(),
            data: data.flatten(),
            data_field: record.data_field,
            shape,
        })
    }

    /// Reads the next record if it is written so; it comes out as [`Record::parse`] reads it.
    fn next(&mut self, cursor: &mut Cursor<'a>) -> Option<Record<'a>> {
        let whole = cursor.shaped(&mut self.shape)?.raw();
        let value = |at| self.shape.value(at);
        let (id, data_field) = (value(self.id)?, self.data_field);
        Some(Record {
            id,
            arrival: self.arrival.and_then(value),
            data_field,
            data: self.data.and_then(value),
            whole,
        })
    }
}

/// Where a record stood in a Kinesis data stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KinesisMetadata<'a> {
    /// The shard.
    pub shard_id: Option<Cow<'a, str>>,
    /// The key under which the record was put.
    pub partition_key: Option<Cow<'a, str>>,
    /// Decimal text of up to 56 digits.
    pub sequence_number: Option<Cow<'a, str>>,
    /// Position inside of an aggregated record; also seen as text, empty text, or not at all.
    pub subsequence_number: Option<u64>,
    /// When the stream took the record, in microseconds since the epoch.
    pub arrival_micros: Option<i64>,
}

impl<'a> KinesisMetadata<'a> {
    fn parse(value: Value<'a>) -> Option<Self> {
        let mut cursor = value.cursor();
        let mut object = cursor.object().ok()?;
        let mut metadata = Self::default();
        while let Some(key) = object.key().ok()? {
            let value = object.value().ok()?;
            let text = || value.as_text().map(tapeline_json::Text::decode);
            match key.decode().as_ref() {
                "shardId" => metadata.shard_id = text(),
                "partitionKey" => metadata.partition_key = text(),
                "sequenceNumber" => metadata.sequence_number = text(),
                "subsequenceNumber" => {
                    metadata.subsequence_number = value.as_u64().or_else(|| text()?.parse().ok());
                }
                "approximateArrivalTimestamp" => metadata.arrival_micros = arrival_micros(value),
                _ => {}
            }
        }
        Some(metadata)
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::firehose::KinesisFirehoseEvent;
    use proptest::prelude::*;

    use super::*;

    /// The published sample event of a delivery stream with a Kinesis source.
    const SAMPLE: &str = r#"{"invocationId":"invoked123","deliveryStreamArn":"aws:lambda:events","region":"us-west-2",
        "records":[{"data":"SGVsbG8gV29ybGQ=","recordId":"record1","approximateArrivalTimestamp":1507217624302,
        "kinesisRecordMetadata":{"shardId":"shardId-000000000000","partitionKey":"4d1ad2b9-24f8-4b9d-a088-76e9947c317a",
        "approximateArrivalTimestamp":1507217624302,"sequenceNumber":"49546986683135544286507457936321625675700192471156785154",
        "subsequenceNumber":0}},{"data":"SGVsbG8gV29ybGQ=","recordId":"record2","approximateArrivalTimestamp":1507217624303}]}"#;

    fn data_of(record: Record<'_>) -> Result<Vec<u8>, DataError> {
        let mut data = Vec::new();
        record.decode_data(&mut data).map(|()| data)
    }

    fn only_record(record: &str) -> Record<'_> {
        let event = Event::parse(format!("{{\"records\":[{record}]}}").leak().as_bytes()).unwrap();
        event.records[0]
    }

    #[test]
    fn the_published_sample_reads_as_the_events_crate_reads_it() {
        let theirs: KinesisFirehoseEvent = serde_json::from_str(SAMPLE).unwrap();
        let ours = Event::parse(SAMPLE.as_bytes()).unwrap();
        assert_eq!(ours.invocation_id.as_deref(), theirs.invocation_id.as_deref());
        assert_eq!(ours.delivery_stream_arn.as_deref(), theirs.delivery_stream_arn.as_deref());
        for (ours, theirs) in ours.records.iter().zip(&theirs.records) {
            assert_eq!(Some(ours.record_id().as_ref()), theirs.record_id.as_deref());
            assert_eq!(data_of(*ours).unwrap(), theirs.data.0);
        }
        let kinesis = ours.records[0].kinesis().unwrap();
        let metadata = theirs.records[0].kinesis_firehose_record_metadata.as_ref().unwrap();
        assert_eq!(kinesis.shard_id.as_deref(), metadata.shard_id.as_deref());
        assert_eq!(kinesis.sequence_number.as_deref(), metadata.sequence_number.as_deref());
        assert_eq!(kinesis.subsequence_number, Some(0));
        assert_eq!(ours.records[1].kinesis(), None);
    }

    #[test]
    fn arrival_times_are_exact_where_the_events_crate_is_not() {
        let event = Event::parse(SAMPLE.as_bytes()).unwrap();
        let arrivals: Vec<_> = event.records.iter().map(Record::arrival_micros).collect();
        assert_eq!(arrivals, [Some(1_507_217_624_302_000), Some(1_507_217_624_303_000)]);
    }

    #[test]
    fn the_misspelt_field_and_unknown_ones_are_read() {
        let text =
            r#"{"deliverySteamArn":"arn","new":{"x":[1]},"records":[{"recordId":"1","data":"","new":null}]}"#;
        let event = Event::parse(text.as_bytes()).unwrap();
        assert_eq!(event.delivery_stream_arn.as_deref(), Some("arn"));
        assert_eq!(data_of(event.records[0]), Ok(Vec::new()));
    }

    #[test]
    fn keys_with_escapes_are_the_keys_they_mean() {
        let text = r#"{"\u0072ecords":[{"recordI\u0064":"1","d\u0061ta":"SGk="}]}"#;
        let event = Event::parse(text.as_bytes()).unwrap();
        assert_eq!(event.records[0].record_id(), "1");
        assert_eq!(data_of(event.records[0]).unwrap(), b"Hi");
    }

    #[test]
    fn the_last_of_two_lists_of_records_counts() {
        for first in ["7", "[]", "[{}]", r#"[{"recordId":"1"}]"#] {
            let text = format!(r#"{{"records":{first},"records":[{{"recordId":"2"}}]}}"#);
            let event = Event::parse(text.as_bytes()).unwrap();
            assert_eq!(event.records.iter().map(Record::record_id).collect::<Vec<_>>(), ["2"]);
            let text = format!(r#"{{"records":{first},"records":[]}}"#);
            assert_eq!(Event::parse(text.as_bytes()), Err(EventError::Empty));
        }
    }

    #[test]
    fn data_stays_a_matter_of_its_record() {
        assert_eq!(data_of(only_record(r#"{"recordId":"1"}"#)), Err(DataError::Absent));
        assert_eq!(data_of(only_record(r#"{"recordId":"1","data":null}"#)), Err(DataError::Absent));
        assert_eq!(data_of(only_record(r#"{"recordId":"1","data":7}"#)), Err(DataError::NotText));
        assert!(matches!(data_of(only_record(r#"{"recordId":"1","data":"%"}"#)), Err(DataError::Base64(_))));
        assert_eq!(data_of(only_record(r#"{"recordId":"1","data":"SGk"}"#)).unwrap(), b"Hi");
        assert_eq!(data_of(only_record(r#"{"recordId":"1","data":"SGk\u003d"}"#)).unwrap(), b"Hi");
        assert_eq!(data_of(only_record(r#"{"recordId":"1","kafkaRecordValue":"SGk="}"#)).unwrap(), b"Hi");
    }

    #[test]
    fn data_comes_before_its_other_name_and_null_before_what_it_replaces() {
        let data = |fields: &str| data_of(only_record(&format!(r#"{{"recordId":"1",{fields}}}"#)));
        assert_eq!(data(r#""data":"SGk=","kafkaRecordValue":"e30=""#).unwrap(), b"Hi");
        assert_eq!(data(r#""kafkaRecordValue":"e30=","data":"SGk=""#).unwrap(), b"Hi");
        assert_eq!(data(r#""kafkaRecordValue":"SGk=","data":null"#).unwrap(), b"Hi");
        assert_eq!(data(r#""data":"SGk=","data":null"#), Err(DataError::Absent));
    }

    #[test]
    fn subsequence_numbers_of_every_kind_are_read() {
        for (json, expected) in
            [("\"123456\"", Some(123_456)), ("\"\"", None), ("7", Some(7)), ("null", None)]
        {
            let record =
                format!(r#"{{"recordId":"1","kinesisRecordMetadata":{{"subsequenceNumber":{json}}}}}"#);
            assert_eq!(only_record(&record).kinesis().unwrap().subsequence_number, expected);
        }
    }

    #[test]
    fn an_event_that_cannot_be_answered_is_refused() {
        let error = |text: &str| Event::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("{}"), "expected a Firehose event with `records`");
        assert_eq!(error(r#"{"records":[]}"#), "expected at least one record");
        assert_eq!(error(r#"{"records":[{"data":""}]}"#), "expected record 0 to have a `recordId` string");
        assert_eq!(error(r#"{"records":[{"recordId":7}]}"#), "expected record 0 to have a `recordId` string");
        assert_eq!(error(r#"{"Records":[{"kinesis":{}}]}"#), "expected a Firehose event with `records`");
        assert_eq!(error("[]"), "expected an object at byte 0");
        assert_eq!(error(r#"{"records":[{"recordId":"1"}]} x"#), "expected the end of the text at byte 31");
        assert_eq!(Event::parse(b"\xff").unwrap_err().to_string(), "expected a payload in UTF-8");
    }

    /// The first is the only one that a record must have.
    const KEYS: [&str; 7] = [
        "recordId",
        "approximateArrivalTimestamp",
        "data",
        "kafkaRecordValue",
        "new",
        "kinesisRecordMetadata",
        "d\\u0061ta",
    ];

    /// Some of the keys, in any order.
    fn member_orders() -> impl Strategy<Value = Vec<usize>> {
        (prop::sample::subsequence((1..KEYS.len()).collect::<Vec<_>>(), 0..KEYS.len()))
            .prop_map(|keys| [vec![0], keys].concat())
            .prop_shuffle()
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Event::parse(&bytes);
        }

        #[test]
        fn a_record_is_the_same_behind_any_other(
            texts in prop::collection::vec(prop_oneof![9 => "[a-z0-9|é]{0,40}", 1 => "[a-z\\\\\"]{0,9}"], 6),
            number in 0..u64::MAX,
            (first, second) in (member_orders(), member_orders()),
            odd in prop::option::of((0..7_usize, prop::sample::select(vec!["null", "-7", "1e5", "{}", "[1]", "\"\"", " 7 "]))),
        ) {
            let text = |at: usize| serde_json::to_string(&texts[at]).unwrap();
            let record = |order: &[usize], turn: usize, odd: Option<(usize, &str)>| {
                let mut values = [text(turn), number.to_string(), text(turn + 1), text(turn + 2), "0".to_owned()].to_vec();
                values.extend([format!("{{\"shardId\":{},\"sequenceNumber\":\"{number}\"}}", text(3 - turn)), text(2)]);
                if let Some((at, value)) = odd.filter(|&(at, _)| at != 0) {
                    values[at] = value.to_owned();
                }
                let members: Vec<_> = order.iter().map(|&at| format!("\"{}\":{}", KEYS[at], values[at])).collect();
                format!("{{{}}}", members.join(","))
            };
            let records = [record(&first, 0, None), record(&first, 1, None), record(&first, 0, odd), record(&second, 1, odd)];
            for before in &records {
                let event = format!("{{\"records\":[{before},{}]}}", records.join(" , "));
                let event = Event::parse(event.as_bytes()).unwrap();
                for (found, record) in event.records[1..].iter().zip(&records) {
                    let alone = Record::parse(&mut Cursor::new(record), 0).unwrap();
                    prop_assert_eq!(*found, alone);
                    prop_assert_eq!(found.kinesis(), alone.kinesis());
                }
            }
        }
    }
}
