//! The records that one invocation of the function gets, as the event that Firehose sends.

use std::io::Write as _;
use std::mem;
use std::ops::Range;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;

use super::settings::{Settings, Source};
use super::unit::Unit;

/// The largest event of a synchronous invocation, Lambda's own limit. A batch never reaches it with the default
/// buffer of 1 MB; with 3 MB of small records it would.
const EVENT_BYTES_MAX: usize = 6_291_556;

/// What the events of a delivery stream begin with.
#[derive(Debug)]
pub(crate) struct Head {
    /// Whether a Kinesis stream is the source, and records have its metadata.
    has_metadata: bool,
    /// Everything between the invocation's id and the first record.
    behind_id: String,
    /// Bytes of the whole head.
    bytes: usize,
}

impl Head {
    /// The head of a delivery stream's events.
    pub(crate) fn new(settings: &Settings) -> Self {
        let (arn, region) = (json!(settings.arn), json!(settings.region));
        let (has_metadata, source) = match &settings.source {
            Source::Kinesis { arn } => (true, format!(r#""sourceKinesisStreamArn":{},"#, json!(arn))),
            Source::DirectPut => (false, String::new()),
        };
        let behind_id = format!(r#"",{source}"deliveryStreamArn":{arn},"region":{region},"records":["#);
        let mut head = Self { has_metadata, behind_id, bytes: 0 };
        head.bytes = head.text(0, 0).len();
        head
    }

    /// The head of the event of one attempt. Batches and their attempts are counted, so that ids come again in a run that
    /// is repeated, however many invocations are outstanding.
    fn text(&self, batch: u64, attempt: u32) -> String {
        let (high, low) = (batch >> 32 & 0xffff, batch & 0xffff_ffff);
        format!(r#"{{"invocationId":"{low:08x}-{high:04x}-4000-8000-{attempt:012x}{}"#, self.behind_id)
    }
}

/// Records that wait for the function.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In the order of their arrival.
    pub(crate) units: Vec<Unit>,
    /// Bytes of their data.
    pub(crate) data_bytes: usize,
    /// When the first of them was buffered.
    pub(crate) since: Timestamp,
    /// The elements of the event's `records`, each with a comma behind it.
    elements: Vec<u8>,
    /// Where the record ids stand in them.
    ids: Vec<Range<usize>>,
}

impl Batch {
    /// Adds a record. Hands back the records before it when the event has no room for both: they go first.
    pub(crate) fn push(&mut self, unit: Unit, now: Timestamp, head: &Head) -> Option<Self> {
        let start = self.elements.len();
        let id = push_element(&mut self.elements, &unit, head.has_metadata);
        let event_bytes = self.elements.len() + head.bytes + "]}".len();
        let full = (start > 0 && event_bytes > EVENT_BYTES_MAX).then(|| self.part_at(start));
        let moved = if full.is_some() { start } else { 0 };
        if self.units.is_empty() {
            self.since = now;
        }
        self.ids.push(id.start - moved..id.end - moved);
        self.data_bytes += unit.data().len();
        self.units.push(unit);
        full
    }

    /// Leaves behind the elements from `start` on, and hands back everything before.
    fn part_at(&mut self, start: usize) -> Self {
        let elements = self.elements.split_off(start);
        mem::replace(self, Self { elements, ..Self::default() })
    }

    /// The ids under which the function knows the records.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let id = |range: &Range<usize>| self.elements.get(range.clone()).unwrap_or_default();
        // They are digits, and what a producer of records put into a sequence number.
        self.ids.iter().map(|range| str::from_utf8(id(range)).unwrap_or_default()).collect()
    }

    /// The event of an attempt to have the batch transformed.
    pub(crate) fn event(&self, head: &Head, (batch, attempt): (u64, u32)) -> Bytes {
        let elements = self.elements.strip_suffix(b",").unwrap_or_default();
        [head.text(batch, attempt).as_bytes(), elements, b"]}"].concat().into()
    }
}

/// Writes a record as an element of the event, with a comma behind it. Hands back where its id stands: 62 digits, those of
/// the sequence number and its part.
fn push_element(out: &mut Vec<u8>, unit: &Unit, has_metadata: bool) -> Range<usize> {
    let record = unit.source.as_ref();
    let arrival_ms = record.arrival.as_millisecond();
    out.extend_from_slice(br#"{"recordId":""#);
    let start = out.len();
    // Writing to memory cannot fail.
    let _ = write!(out, "{}{:06}", record.sequence_number, unit.part);
    let id = start..out.len();
    let _ = write!(out, r#"","approximateArrivalTimestamp":{arrival_ms},"data":""#);
    push_base64(out, unit.data());
    out.push(b'"');
    if has_metadata {
        let (sequence, shard) = (&record.sequence_number, &record.shard_id);
        let sub_sequence = unit.sub_sequence_number.unwrap_or_default();
        let _ = write!(
            out,
            r#","kinesisRecordMetadata":{{"sequenceNumber":"{sequence}","subsequenceNumber":{sub_sequence},"partitionKey":"#
        );
        tapeline_json::write_string(&record.partition_key, out);
        let _ = write!(out, r#","shardId":"{shard}","approximateArrivalTimestamp":{arrival_ms}}}"#);
    }
    out.extend_from_slice(b"},");
    id
}

fn push_base64(out: &mut Vec<u8>, data: &[u8]) {
    let start = out.len();
    out.resize(start + data.len().div_ceil(3) * 4, 0);
    if let Some(room) = out.get_mut(start..) {
        // The room is what base64 takes.
        let _ = STANDARD.encode_slice(data, room);
    }
}
