//! Bytes to a Kinesis event, beside `serde_json`.
//!
//! Our reader takes a payload for an event exactly when `serde_json` reads an object whose `Records` is a list or
//! null; each record has what `serde_json` finds at its places, and any of them can be named in an answer.
#![no_main]

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tapeline_fuzz::{Object, string, without_surrogates};
use tapeline_lambda_wire::kinesis::{Event, EventError, Record, answer};

fuzz_target!(|bytes: &[u8]| {
    match std::str::from_utf8(bytes) {
        Ok(text) => check(text),
        Err(_) => assert!(Event::parse(bytes).is_err()),
    }
});

fn check(text: &str) {
    let plain = without_surrogates(text);
    let parsed = Event::parse(plain.as_bytes());
    assert_eq!(Event::parse(text.as_bytes()).is_ok(), parsed.is_ok(), "a surrogate decides");
    if parsed.as_ref().is_err_and(is_too_deep) {
        assert!(plain.matches(['{', '[']).count() > 128, "this is not deep");
        return;
    }
    match (parsed, records(&plain)) {
        (Ok(event), Some(reference)) => {
            assert_eq!(event.records.len(), reference.len());
            for (record, object) in event.records.iter().zip(reference) {
                check_record(record, &object);
            }
        }
        (Err(_), None) => {}
        (Ok(_), None) => panic!("only we read an event"),
        (Err(error), Some(_)) => panic!("only serde_json reads an event: {error}"),
    }
}

/// The records as `serde_json` reads them, the last of equal keys; `None` if it is no event.
fn records(text: &str) -> Option<Vec<Object<'_>>> {
    let event: Object<'_> = serde_json::from_str(text).ok()?;
    let records: Option<Vec<&RawValue>> = serde_json::from_str(event.get("Records")?.get()).ok()?;
    Some(records.unwrap_or_default().into_iter().map(object).collect())
}

/// The value as an object; what is none has nothing in it.
fn object(value: &RawValue) -> Object<'_> {
    serde_json::from_str(value.get()).unwrap_or_default()
}

/// What is nested deeper than our limit is refused by us alone.
fn is_too_deep(error: &EventError) -> bool {
    matches!(error, EventError::Json(error) if error.expected.contains("nested"))
}

fn check_record(record: &Record<'_>, reference: &Object<'_>) {
    let kinesis = reference.get("kinesis").map(|value| object(value)).unwrap_or_default();
    let text = |object: &Object<'_>, key: &str| object.get(key).and_then(|value| string(value));
    let number = text(&kinesis, "sequenceNumber").filter(|number| !number.is_empty());
    assert_eq!(record.sequence_number().as_deref(), number.as_deref());
    assert_eq!(record.partition_key().as_deref(), text(&kinesis, "partitionKey").as_deref());
    assert_eq!(record.event_source_arn().as_deref(), text(reference, "eventSourceARN").as_deref());
    let event_id = text(reference, "eventID");
    let shard = event_id.as_deref().and_then(|id| id.split_once(':')).map(|(shard, _)| shard);
    assert_eq!(record.shard_id().as_deref(), shard);
    assert_eq!(decoded(record), text(&kinesis, "data").and_then(|data| BASE64.decode(data).ok()));
    // Odd times are the record's own matter.
    let _ = record.arrival_micros();
    check_answer(number.as_deref());
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

fn check_answer(first_failed: Option<&str>) {
    let answer: Value = serde_json::from_slice(&answer(first_failed)).expect("an answer is JSON");
    let named: Vec<_> = first_failed.iter().map(|number| json!({ "itemIdentifier": number })).collect();
    assert_eq!(answer, json!({ "batchItemFailures": named }));
}
