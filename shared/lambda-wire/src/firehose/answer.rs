//! The answer to a transformation event, within the bytes that Lambda accepts.
//!
//! The service wants every record id back exactly once. The builder makes anything else impossible: a [`Step`] is
//! either the next record, which must be given an outcome to get on, or the complete answer.

use tapeline_json::write_content;
use thiserror::Error;

use super::{Event, Record};
use crate::base64;

/// The largest answer that Lambda accepts from a function: 6 MiB and 100 bytes.
pub const ANSWER_BYTES_MAX: usize = 6_291_556;

const HEAD: &[u8] = b"{\"records\":[";
const TAIL: &[u8] = b"]}";

/// Even the answer that returns every record as failed would be too large: the invocation must fail, and the service
/// then keeps the records itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected records that can be answered within {bytes_max} bytes, failing all of them takes {bytes}")]
pub struct Oversized {
    /// Bytes needed.
    pub bytes: usize,
    /// Bytes allowed.
    pub bytes_max: usize,
}

/// Starts the answer to an event.
///
/// # Errors
/// [`Oversized`], which no event of the service itself reaches: a failed record is shorter in the answer than in the
/// event.
pub fn answer<'e>(event: &'e Event<'e>, bytes_max: usize) -> Result<Step<'e>, Oversized> {
    let pending_bytes: usize = event.records.iter().map(failed_bytes).sum();
    let bytes = HEAD.len() + TAIL.len() + pending_bytes;
    if bytes > bytes_max {
        return Err(Oversized { bytes, bytes_max });
    }
    // Rows are about as long as their frames: an answer seldom outgrows twice the event's data.
    let mut out = Vec::with_capacity((2 * pending_bytes).min(bytes_max));
    out.extend_from_slice(HEAD);
    Ok(Builder { records: &event.records, out, pending_bytes, bytes_max }.step())
}

/// What comes next.
#[derive(Debug)]
#[must_use]
pub enum Step<'e> {
    /// A record that needs an outcome.
    Pending(Pending<'e>),
    /// No record is left.
    Complete(Complete),
}

/// The bytes to answer.
#[derive(Debug)]
pub struct Complete(Vec<u8>);

impl Complete {
    /// Hands out the answer: one JSON text of at most the bytes allowed.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// One record that needs an outcome.
#[derive(Debug)]
#[must_use]
pub struct Pending<'e> {
    record: &'e Record<'e>,
    builder: Builder<'e>,
}

#[derive(Debug)]
struct Builder<'e> {
    /// Records without an outcome.
    records: &'e [Record<'e>],
    out: Vec<u8>,
    /// Bytes that failing all of `records` takes.
    pending_bytes: usize,
    bytes_max: usize,
}

impl<'e> Builder<'e> {
    fn step(mut self) -> Step<'e> {
        if let Some((record, rest)) = self.records.split_first() {
            self.records = rest;
            self.pending_bytes -= failed_bytes(record);
            return Step::Pending(Pending { record, builder: self });
        }
        self.out.extend_from_slice(TAIL);
        Step::Complete(Complete(self.out))
    }

    /// Begins a record's object: `,{"recordId":"...","result":"...","data":`, with the field's name as it arrived:
    /// records of Amazon MSK must have `kafkaRecordValue` ("Required parameters for data transformation").
    #[inline]
    fn begin(&mut self, record: &Record<'_>, result: &str) {
        if self.out.len() > HEAD.len() {
            self.out.push(b',');
        }
        // One by one, not in a loop: of a length that is known, a copy takes a few instructions and no call.
        self.out.extend_from_slice(b"{\"recordId\":");
        self.out.extend_from_slice(record.id.raw().as_bytes());
        self.out.extend_from_slice(b",\"result\":\"");
        self.out.extend_from_slice(result.as_bytes());
        self.out.extend_from_slice(b"\",\"");
        self.out.extend_from_slice(record.data_field.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Dynamic partition keys, as an answer has them. They are the same for many records, and are written once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionKeys(Vec<u8>);

impl PartitionKeys {
    /// Puts other keys (name and value; may be none) in the place of those before. Names are the program's own words, which
    /// no escape is looked for in.
    pub fn write<'v>(&mut self, keys: impl IntoIterator<Item = (&'static str, &'v str)>) {
        self.0.clear();
        for (at, (name, value)) in keys.into_iter().enumerate() {
            self.0.extend_from_slice(if at == 0 { b",\"metadata\":{\"partitionKeys\":{\"" } else { b",\"" });
            self.0.extend_from_slice(name.as_bytes());
            self.0.extend_from_slice(b"\":\"");
            write_content(value, &mut self.0);
            self.0.push(b'"');
        }
        if !self.0.is_empty() {
            self.0.extend_from_slice(b"}}");
        }
    }
}

impl<'e> Pending<'e> {
    /// The record to decide on.
    pub const fn record(&self) -> &'e Record<'e> {
        self.record
    }

    /// Delivers `data`, under the dynamic partition keys given.
    ///
    /// # Errors
    /// Gives the record back, undecided, when the answer would exceed its limit.
    pub fn ok(mut self, data: &[u8], partition_keys: &PartitionKeys) -> Result<Step<'e>, Self> {
        let builder = &mut self.builder;
        let start = builder.out.len();
        builder.begin(self.record, "Ok");
        builder.out.push(b'"');
        base64::encode(data, &mut builder.out);
        builder.out.push(b'"');
        builder.out.extend_from_slice(&partition_keys.0);
        builder.out.push(b'}');
        if builder.out.len() + builder.pending_bytes + TAIL.len() > builder.bytes_max {
            builder.out.truncate(start);
            return Err(self);
        }
        Ok(self.builder.step())
    }

    /// Leaves the record out on purpose.
    pub fn dropped(mut self) -> Step<'e> {
        self.builder.begin(self.record, "Dropped");
        self.builder.out.extend_from_slice(b"\"\"}");
        self.builder.step()
    }

    /// Returns the record's original data as failed: the service keeps it under the error prefix.
    pub fn processing_failed(mut self) -> Step<'e> {
        self.builder.begin(self.record, FAILED);
        self.builder.out.extend_from_slice(self.record.original_data().as_bytes());
        self.builder.out.push(b'}');
        self.builder.step()
    }
}

const FAILED: &str = "ProcessingFailed";

/// The most bytes a record takes in the answer when it fails, comma included. A dropped record takes fewer.
fn failed_bytes(record: &Record<'_>) -> usize {
    let fixed = ",{\"recordId\":,\"result\":\"\",\"\":}".len() + FAILED.len();
    fixed + record.id.raw().len() + record.data_field.len() + record.original_data_length()
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::firehose::KinesisFirehoseResponse;
    use proptest::prelude::*;

    use super::*;

    fn keys(keys: &[(&'static str, &str)]) -> PartitionKeys {
        let mut written = PartitionKeys::default();
        written.write(keys.iter().copied());
        written
    }

    fn event_of(ids: usize) -> String {
        let records: Vec<_> = (0..ids).map(|id| format!(r#"{{"recordId":"{id}","data":"SGk="}}"#)).collect();
        format!(r#"{{"records":[{}]}}"#, records.join(","))
    }

    /// Answers an event: the outcome of each record by its place.
    fn answered(
        payload: &str,
        bytes_max: usize,
        decide: impl for<'e> Fn(usize, Pending<'e>) -> Step<'e>,
    ) -> String {
        let event = Event::parse(payload.as_bytes()).unwrap();
        let (mut step, mut at) = (answer(&event, bytes_max).unwrap(), 0);
        loop {
            match step {
                Step::Pending(pending) => step = decide(at, pending),
                Step::Complete(complete) => return String::from_utf8(complete.into_bytes()).unwrap(),
            }
            at += 1;
        }
    }

    #[test]
    fn outcomes_are_written_as_the_service_names_them() {
        let answer = answered(&event_of(3), ANSWER_BYTES_MAX, |at, pending| match at {
            0 => pending.ok(b"{}\n", &keys(&[("kind", "trade"), ("date", "2026-11-21")])).unwrap(),
            1 => pending.dropped(),
            _ => pending.processing_failed(),
        });
        assert_eq!(
            answer,
            r#"{"records":[{"recordId":"0","result":"Ok","data":"e30K","metadata":{"partitionKeys":{"kind":"trade","date":"2026-11-21"}}},{"recordId":"1","result":"Dropped","data":""},{"recordId":"2","result":"ProcessingFailed","data":"SGk="}]}"#
        );
    }

    #[test]
    fn the_events_crate_reads_the_answer() {
        let answer = answered(&event_of(2), ANSWER_BYTES_MAX, |_, pending| {
            pending.ok(b"row\n", &keys(&[("kind", "a\"b")])).unwrap()
        });
        let read: KinesisFirehoseResponse = serde_json::from_str(&answer).unwrap();
        assert_eq!(read.records[1].record_id.as_deref(), Some("1"));
        assert_eq!(read.records[1].data.0, b"row\n");
        assert_eq!(read.records[1].metadata.partition_keys["kind"], "a\"b");
    }

    #[test]
    fn a_failed_record_gives_back_what_arrived() {
        let odd = r#"{"records":[{"recordId":"a\"b","data":"no\tbase64"},{"recordId":"c"},{"recordId":"d","data":[1]}]}"#;
        let answer = answered(odd, ANSWER_BYTES_MAX, |_, pending| pending.processing_failed());
        assert_eq!(
            answer,
            r#"{"records":[{"recordId":"a\"b","result":"ProcessingFailed","data":"no\tbase64"},{"recordId":"c","result":"ProcessingFailed","data":""},{"recordId":"d","result":"ProcessingFailed","data":"WzFd"}]}"#
        );
    }

    /// "Required parameters for data transformation", part "For Amazon MSK".
    #[test]
    fn records_of_kafka_are_answered_under_their_own_field() {
        let event = r#"{"records":[{"recordId":"0","kafkaRecordValue":"SGk="},{"recordId":"1","kafkaRecordValue":"SGk="},{"recordId":"2","kafkaRecordValue":null},{"recordId":"3","mskRecordMetadata":{}}]}"#;
        let answer = answered(event, ANSWER_BYTES_MAX, |at, pending| match at {
            0 => pending.ok(b"{}\n", &keys(&[])).unwrap(),
            2 => pending.dropped(),
            _ => pending.processing_failed(),
        });
        assert_eq!(
            answer,
            r#"{"records":[{"recordId":"0","result":"Ok","kafkaRecordValue":"e30K"},{"recordId":"1","result":"ProcessingFailed","kafkaRecordValue":"SGk="},{"recordId":"2","result":"Dropped","kafkaRecordValue":""},{"recordId":"3","result":"ProcessingFailed","kafkaRecordValue":""}]}"#
        );
    }

    #[test]
    fn keys_take_the_place_of_those_before() {
        let mut written = keys(&[("kind", "trade"), ("date", "2026-11-21")]);
        written.write([("kind", "kline")]);
        assert_eq!(written.0, br#","metadata":{"partitionKeys":{"kind":"kline"}}"#);
        written.write([]);
        assert_eq!(written.0, b"");
    }

    #[test]
    fn what_does_not_fit_is_given_back_undecided() {
        let (payload, row) = (event_of(4), [b'x'; 30]);
        let all_failed = answered(&payload, ANSWER_BYTES_MAX, |_, pending| pending.processing_failed()).len();
        // A row of 30 bytes takes 22 bytes more than the failed record in its place: there is room for two.
        let answer = answered(&payload, all_failed + 45, |_, pending| {
            pending.ok(&row, &keys(&[])).unwrap_or_else(Pending::processing_failed)
        });
        assert_eq!(answer.matches("\"Ok\"").count(), 2);
        assert_eq!(answer.matches("\"ProcessingFailed\"").count(), 2);
    }

    #[test]
    fn an_event_that_cannot_even_be_failed_is_refused() {
        let payload = event_of(2);
        let event = Event::parse(payload.as_bytes()).unwrap();
        // 14 bytes around the list, 59 for each record and its comma.
        assert_eq!(answer(&event, 100).unwrap_err(), Oversized { bytes: 132, bytes_max: 100 });
    }

    proptest! {
        #[test]
        fn ids_out_are_ids_in_and_the_limit_holds(
            records in prop::collection::vec(("[ -~]{0,12}", prop::collection::vec(any::<u8>(), 0..60), 0..3), 1..20),
            spare in 0_usize..400,
        ) {
            let json: Vec<_> = records
                .iter()
                .map(|(id, data, _)| serde_json::json!({ "recordId": id, "data": String::from_utf8_lossy(data) }))
                .collect();
            let payload = serde_json::json!({ "records": json }).to_string();
            let event = Event::parse(payload.as_bytes()).unwrap();
            let bytes_max = HEAD.len() + TAIL.len() + event.records.iter().map(failed_bytes).sum::<usize>() + spare;
            let text = answered(&payload, bytes_max, |at, pending| match &records[at] {
                (_, data, 0) => pending.ok(data, &keys(&[("k", "v")])).unwrap_or_else(Pending::processing_failed),
                (_, _, 1) => pending.dropped(),
                _ => pending.processing_failed(),
            });
            prop_assert!(text.len() <= bytes_max);
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            let ids: Vec<_> = read["records"].as_array().unwrap().iter().map(|r| r["recordId"].as_str().unwrap()).collect();
            let expected: Vec<_> = records.iter().map(|(id, _, _)| id.as_str()).collect();
            prop_assert_eq!(ids, expected);
        }
    }
}
