//! The records that one invocation of the function gets, as the event that Firehose sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;

use super::settings::Settings;
use crate::stream::StreamRecord;

/// The largest event of a synchronous invocation, Lambda's own limit. A batch never reaches it with the default
/// buffer of 1 MB; with 3 MB of small records it would.
const EVENT_BYTES_MAX: usize = 6_291_556;

/// Records that wait for the function.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In the order of their arrival.
    pub(crate) records: Vec<StreamRecord>,
    /// Bytes of their data.
    pub(crate) data_bytes: usize,
    /// When the first of them was buffered.
    pub(crate) since: Timestamp,
    /// The elements of the event's `records`, each with a comma behind it.
    elements: String,
}

impl Batch {
    /// Whether a record would make the event too large for an invocation.
    pub(crate) fn is_full_for(&self, element: &str, settings: &Settings) -> bool {
        !self.records.is_empty()
            && self.elements.len() + element.len() + head(settings, 0).len() + 2 > EVENT_BYTES_MAX
    }

    /// Adds a record with its [`element`].
    pub(crate) fn push(&mut self, record: StreamRecord, element: &str, now: Timestamp) {
        if self.records.is_empty() {
            self.since = now;
        }
        self.elements.push_str(element);
        self.data_bytes += record.data.len();
        self.records.push(record);
    }

    /// The event of an attempt to have the batch transformed.
    pub(crate) fn event(&self, settings: &Settings, attempt: u64) -> Vec<u8> {
        let elements = self.elements.strip_suffix(',').unwrap_or_default();
        [&head(settings, attempt), elements, "]}"].concat().into_bytes()
    }
}

fn head(settings: &Settings, attempt: u64) -> String {
    let [arn, source, region] =
        [&settings.arn, &settings.source_arn, &settings.region].map(|text| json!(text));
    let id = format!("00000000-0000-4000-8000-{attempt:012x}");
    format!(
        r#"{{"invocationId":"{id}","sourceKinesisStreamArn":{source},"deliveryStreamArn":{arn},"region":{region},"records":["#
    )
}

/// The id under which the function knows a record: 62 digits.
pub(crate) fn record_id(record: &StreamRecord) -> String {
    format!("{}000000", record.sequence_number)
}

/// The record as an element of the event, with a comma behind it.
pub(crate) fn element(record: &StreamRecord) -> String {
    let (id, arrival_ms) = (record_id(record), record.arrival.as_millisecond());
    let data = STANDARD.encode(&record.data);
    let (shard, sequence, key) = (&record.shard_id, &record.sequence_number, json!(record.partition_key));
    format!(
        r#"{{"recordId":"{id}","approximateArrivalTimestamp":{arrival_ms},"data":"{data}","kinesisRecordMetadata":{{"sequenceNumber":"{sequence}","subsequenceNumber":0,"partitionKey":{key},"shardId":"{shard}","approximateArrivalTimestamp":{arrival_ms}}}}},"#
    )
}
