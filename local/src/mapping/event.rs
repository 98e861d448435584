//! The event of one invocation, as Lambda writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::settings::Settings;
use crate::stream::StreamRecord;

/// The largest event of an invocation: Lambda's payload limit of 6 MB.
pub(super) const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;

const HEAD: &str = r#"{"Records":["#;
const TAIL: &str = "]}";

/// Bytes of an event with elements of so many bytes, a comma behind each.
pub(super) const fn event_bytes(elements: usize) -> usize {
    // The last one has no comma.
    HEAD.len() + elements + TAIL.len() - 1
}

/// The event with these elements.
pub(super) fn event<'e>(elements: impl Iterator<Item = &'e str>) -> Vec<u8> {
    let mut event = HEAD.to_owned();
    for element in elements {
        event.push_str(element);
        event.push(',');
    }
    if event.ends_with(',') {
        event.pop();
    }
    event.push_str(TAIL);
    event.into_bytes()
}

/// A record as an element of the event.
pub(super) fn element(record: &StreamRecord, settings: &Settings) -> String {
    let [key, role, region, stream] =
        [&record.partition_key, &settings.role_arn, &settings.region, &settings.stream_arn]
            .map(|text| json!(text));
    let (shard, sequence) = (&record.shard_id, &record.sequence_number);
    let data = STANDARD.encode(&record.data);
    // No stream took a record before the epoch.
    let arrival_ms = record.arrival.as_millisecond().max(0);
    let (seconds, millis) = (arrival_ms / 1000, arrival_ms % 1000);
    format!(
        r#"{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":{key},"sequenceNumber":"{sequence}","data":"{data}","approximateArrivalTimestamp":{seconds}.{millis:03}}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"{shard}:{sequence}","eventName":"aws:kinesis:record","invokeIdentityArn":{role},"awsRegion":{region},"eventSourceARN":{stream}}}"#
    )
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    /// The mapping of the guide's example event.
    fn settings() -> Settings {
        Settings {
            uuid: Uuid::nil(),
            function_arn: "arn:aws:lambda:us-east-2:123456789012:function:my-function".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/lambda-role".to_owned(),
            stream_arn: "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream".to_owned(),
            region: "us-east-2".to_owned(),
            batch_records: 100,
            window: SignedDuration::ZERO,
            lanes: 1,
            bisect: false,
            retries: None,
            record_age_max: None,
            report_failures: false,
            filters: Vec::new(),
        }
    }

    #[test]
    fn an_event_is_that_of_the_guide() {
        let record = StreamRecord {
            arrival: "2018-12-17T22:10:50.987Z".parse().unwrap(),
            shard_id: "shardId-000000000006".to_owned(),
            sequence_number: "49590338271490256608559692538361571095921575989136588898".to_owned(),
            partition_key: "1".to_owned(),
            data: b"Hello, this is a test.".to_vec(),
        };
        let element = element(&record, &settings());
        let found: Value = serde_json::from_slice(&event([element.as_str()].into_iter())).unwrap();
        // "Example Kinesis event" of "Using Lambda to process records from Amazon Kinesis Data Streams"; it is wrapped.
        let expected = r#"{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1",
            "sequenceNumber":"49590338271490256608559692538361571095921575989136588898",
            "data":"SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==","approximateArrivalTimestamp":1545084650.987},
            "eventSource":"aws:kinesis","eventVersion":"1.0",
            "eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
            "eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda-role",
            "awsRegion":"us-east-2","eventSourceARN":"arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"}]}"#;
        assert_eq!(found, serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn bytes_are_counted_as_they_are_written() {
        for elements in [&["1"][..], &["12", "3"], &["1", "2", "345"]] {
            let counted = elements.iter().map(|element| element.len() + 1).sum();
            assert_eq!(event(elements.iter().copied()).len(), event_bytes(counted));
        }
    }
}
