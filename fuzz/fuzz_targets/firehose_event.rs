//! Bytes to a Firehose event to its answer, beside `serde_json`.
//!
//! The first eight bytes say what becomes of the records and how much room the answer has; the rest is the payload.
//! Our reader takes a payload for an event exactly when `serde_json` reads an object with a list of records, each
//! with a `recordId` string; and what is answered is what the contract of the service says about such an event.
#![no_main]

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;
use tapeline_fuzz::{Object, string, without_surrogates};
use tapeline_lambda_wire::firehose::{
    ANSWER_BYTES_MAX, Event, EventError, Oversized, PartitionKeys, Pending, Record, Step, answer,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((controls, payload)) = bytes.split_first_chunk() else { return };
    match std::str::from_utf8(payload) {
        Ok(text) => check(text, *controls),
        Err(_) => assert!(Event::parse(payload).is_err()),
    }
});

fn check(text: &str, controls: [u8; 8]) {
    let plain = without_surrogates(text);
    let parsed = Event::parse(plain.as_bytes());
    assert_eq!(Event::parse(text.as_bytes()).is_ok(), parsed.is_ok(), "a surrogate decides");
    if parsed.as_ref().is_err_and(is_too_deep) {
        assert!(plain.matches(['{', '[']).count() > 128, "this is not deep");
        return;
    }
    let reference = records(&plain);
    match (parsed, reference) {
        (Ok(event), Some(reference)) => {
            check_records(&event, &reference);
            check_answers(&event, &reference, controls);
        }
        (Err(_), None) => {}
        (Ok(_), None) => panic!("only we read an event"),
        (Err(error), Some(_)) => panic!("only serde_json reads an event: {error}"),
    }
}

/// The records as `serde_json` reads them, the last of equal keys; `None` if it is no event.
fn records(text: &str) -> Option<Vec<Object<'_>>> {
    let event: Object<'_> = serde_json::from_str(text).ok()?;
    let records: Vec<Object<'_>> = serde_json::from_str(event.get("records")?.get()).ok()?;
    let is_event = !records.is_empty() && records.iter().all(|record| record_id(record).is_some());
    is_event.then_some(records)
}

fn record_id(object: &Object<'_>) -> Option<String> {
    string(object.get("recordId")?)
}

/// What is nested deeper than our limit is refused by us alone.
fn is_too_deep(error: &EventError) -> bool {
    matches!(error, EventError::Json(error) if error.expected.contains("nested"))
}

fn check_records(event: &Event<'_>, reference: &[Object<'_>]) {
    assert_eq!(event.records.len(), reference.len());
    for (record, object) in event.records.iter().zip(reference) {
        assert_eq!(Some(record.record_id().as_ref()), record_id(object).as_deref());
        let expected = data(object).and_then(string);
        let expected = expected.and_then(|text| BASE64.decode(text).ok());
        assert_eq!(decoded(record), expected);
        // Odd metadata is the record's own matter.
        let _ = (record.arrival_micros(), record.kinesis());
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decoded(record: &Record<'_>) -> Option<Vec<u8>> {
    let mut data = b"kept".to_vec();
    let found = record.decode_data(&mut data);
    let data = data.strip_prefix(b"kept").expect("what stood before is kept").to_vec();
    assert!(found.is_ok() || data.is_empty(), "half of the data is left behind");
    found.ok().map(|()| data)
}

/// `data`, or what Amazon MSK calls it; null is as good as absent.
fn data<'a>(object: &Object<'a>) -> Option<&'a RawValue> {
    let found = ["data", "kafkaRecordValue"].into_iter().filter_map(|key| object.get(key));
    found.copied().find(|value| value.get() != "null")
}

/// The field of the data in the answer: records of Amazon MSK have their own ("Required parameters for data
/// transformation").
fn data_field(object: &Object<'_>) -> &'static str {
    let is_kafka = ["kafkaRecordValue", "mskRecordMetadata"].iter().any(|&key| object.contains_key(key));
    if is_kafka { "kafkaRecordValue" } else { "data" }
}

/// What a failed record must give back.
fn original_data(object: &Object<'_>) -> String {
    match data(object) {
        None => String::new(),
        Some(data) => string(data).unwrap_or_else(|| BASE64.encode(data.get())),
    }
}

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    Ok { data: Vec<u8>, partition_key: Option<String> },
    Dropped,
    Failed,
}

impl Outcome {
    fn of(control: u8, record: &Record<'_>) -> Self {
        let data = decoded(record).unwrap_or_default();
        let partition_key = (control & 4 != 0).then(|| record.record_id().into_owned());
        match control % 4 {
            0 => Self::Ok { data, partition_key },
            1 => Self::Dropped,
            2 => Self::Failed,
            _ => Self::Ok { data: data.repeat(usize::from(control)), partition_key },
        }
    }

    /// Gives a record this outcome, or the one that always fits.
    fn decide<'e>(&mut self, pending: Pending<'e>) -> Step<'e> {
        match self {
            Self::Ok { data, partition_key } => {
                let mut keys = PartitionKeys::default();
                keys.write(partition_key.as_deref().map(|value| ("kind", value)));
                pending.ok(data, &keys).unwrap_or_else(|pending| {
                    *self = Self::Failed;
                    pending.processing_failed()
                })
            }
            Self::Dropped => pending.dropped(),
            Self::Failed => pending.processing_failed(),
        }
    }
}

fn check_answers(event: &Event<'_>, reference: &[Object<'_>], controls: [u8; 8]) {
    let mut failures = vec![Outcome::Failed; event.records.len()];
    let failing = answered(event, &mut failures, usize::MAX).expect("no limit");
    check_answer(&failing, &failures, reference);

    let [.., low, high] = controls;
    let spare = usize::from(u16::from_le_bytes([low, high]));
    for bytes_max in [ANSWER_BYTES_MAX, (failing.len() + spare).saturating_sub(32)] {
        let outcomes = event.records.iter().zip(controls.into_iter().cycle());
        let mut outcomes: Vec<_> = outcomes.map(|(record, control)| Outcome::of(control, record)).collect();
        match answered(event, &mut outcomes, bytes_max) {
            Ok(answer) => {
                assert!(answer.len() <= bytes_max, "{} bytes", answer.len());
                check_answer(&answer, &outcomes, reference);
            }
            // The first record's comma is counted and never written.
            Err(_) => assert!(failing.len() + 1 > bytes_max, "failing all takes {} bytes", failing.len()),
        }
    }
}

/// Answers an event; an outcome that did not fit becomes a failure in `outcomes` too.
fn answered(event: &Event<'_>, outcomes: &mut [Outcome], bytes_max: usize) -> Result<Vec<u8>, Oversized> {
    let mut step = answer(event, bytes_max)?;
    let mut outcomes = outcomes.iter_mut();
    loop {
        match step {
            Step::Pending(pending) => step = outcomes.next().expect("a record too many").decide(pending),
            Step::Complete(complete) => {
                assert!(outcomes.next().is_none(), "a record was left out");
                return Ok(complete.into_bytes());
            }
        }
    }
}

fn check_answer(answer: &[u8], outcomes: &[Outcome], reference: &[Object<'_>]) {
    let answer: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    let records = answer["records"].as_array().expect("an answer has records");
    assert_eq!(records.len(), reference.len());
    for ((record, outcome), object) in records.iter().zip(outcomes).zip(reference) {
        assert_eq!(record["recordId"].as_str(), record_id(object).as_deref());
        let (result, data) = match outcome {
            Outcome::Ok { data, .. } => ("Ok", BASE64.encode(data)),
            Outcome::Dropped => ("Dropped", String::new()),
            Outcome::Failed => ("ProcessingFailed", original_data(object)),
        };
        let found = [&record["result"], &record[data_field(object)]].map(Value::as_str);
        assert_eq!(found, [Some(result), Some(data.as_str())]);
        let key = match outcome {
            Outcome::Ok { partition_key, .. } => partition_key.as_deref(),
            Outcome::Dropped | Outcome::Failed => None,
        };
        assert_eq!(record["metadata"]["partitionKeys"]["kind"].as_str(), key);
    }
}
