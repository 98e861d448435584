//! Whether a peer did the same job: the same outcomes, keys and rows.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

/// The greatest relative difference of a product: ours is exact, theirs is of doubles.
const PRODUCT_OFF: f64 = 1e-9;

/// Compares an answer with ours. Numbers are compared as doubles, since ours keep the exchange's digits; arrival times may
/// be `arrival_ms_off` milliseconds off.
///
/// # Panics
/// When they differ; says where.
pub(crate) fn check(ours: &[u8], theirs: &[u8], arrival_ms_off: i64) {
    let [ours, theirs] = [ours, theirs].map(records);
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        for field in ["recordId", "result"] {
            assert_eq!(ours[field], theirs[field]);
        }
        let [ours_keys, theirs_keys] =
            [ours, theirs].map(|record| record["metadata"]["partitionKeys"].clone());
        if ours["result"] == "Ok" {
            assert_eq!(ours_keys, theirs_keys);
            check_rows(row(ours), row(theirs), arrival_ms_off);
        } else {
            assert_eq!(ours["data"], theirs["data"]);
        }
    }
}

/// How many records had each outcome.
pub(crate) fn outcomes(answer: &[u8]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in records(answer) {
        *counts.entry(record["result"].as_str().expect("a result").to_owned()).or_default() += 1;
    }
    counts
}

fn records(answer: &[u8]) -> Vec<Value> {
    let answer: Value = serde_json::from_slice(answer).expect("an answer");
    answer["records"].as_array().expect("records").clone()
}

fn row(record: &Value) -> Map<String, Value> {
    let data = BASE64_STANDARD.decode(record["data"].as_str().expect("data")).expect("base64");
    assert_eq!(data.last(), Some(&b'\n'));
    serde_json::from_slice(&data).expect("a row")
}

fn check_rows(mut ours: Map<String, Value>, mut theirs: Map<String, Value>, arrival_ms_off: i64) {
    let [ours_product, theirs_product] =
        [&mut ours, &mut theirs].map(|row| row.remove("quote_quantity").and_then(|value| value.as_f64()));
    assert_eq!(ours_product.is_some(), theirs_product.is_some());
    if let Some((ours, theirs)) = ours_product.zip(theirs_product) {
        assert!((ours - theirs).abs() <= PRODUCT_OFF * ours.abs(), "{ours} is not {theirs}");
    }
    let [ours_arrival, theirs_arrival] =
        [&mut ours, &mut theirs].map(|row| millis_of_minute(row.remove("arrival_time").as_ref()));
    assert!(
        (ours_arrival - theirs_arrival).abs() <= arrival_ms_off,
        "{ours_arrival} is not {theirs_arrival}"
    );
    assert_eq!(as_doubles(ours.into()), as_doubles(theirs.into()));
}

/// The seconds and below of a time such as `2026-01-05T12:00:00.500000Z`, in milliseconds.
fn millis_of_minute(time: Option<&Value>) -> i64 {
    let time = time.and_then(Value::as_str).expect("a time");
    let (_, seconds) = time.trim_end_matches('Z').rsplit_once(':').expect("minutes");
    let (seconds, micros) = seconds.split_once('.').expect("microseconds");
    seconds.parse::<i64>().expect("seconds") * 1000 + micros.parse::<i64>().expect("microseconds") / 1000
}

fn as_doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(values) => values.into_iter().map(as_doubles).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, as_doubles(value))).collect::<Map<_, _>>().into()
        }
        value => value,
    }
}
