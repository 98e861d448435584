//! What the tests of mappings share: a function in memory, and what it was given.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Settings;
use crate::lambda::{InvocationError, Invoke};

pub(super) const STREAM_ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/frames";
pub(super) const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:calculator";
pub(super) const UUID: Uuid = Uuid::from_u128(0x1234_5678_1234_4234_8234_1234_5678_1234);
const START: &str = "2026-11-21T09:30:00Z";

pub(super) type Reply = Result<Value, InvocationError>;
type Answer = dyn FnMut(&[String]) -> Reply + Send;

/// A function that is a closure over the texts of an event's records. Keeps what it was given.
#[derive(Clone)]
pub(super) struct Closure(Arc<Mutex<Calls>>);

pub(super) struct Calls {
    answer: Box<Answer>,
    /// The events that were answered.
    pub(super) events: Vec<Value>,
    /// Bytes of all events.
    pub(super) event_bytes: Vec<usize>,
}

impl Closure {
    pub(super) fn new(answer: impl FnMut(&[String]) -> Reply + Send + 'static) -> Self {
        let answer = Box::new(answer);
        Self(Arc::new(Mutex::new(Calls { answer, events: Vec::new(), event_bytes: Vec::new() })))
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap()
    }

    /// The answered events, each as its texts with spaces between.
    pub(super) fn events(&self) -> Vec<String> {
        self.calls().events.iter().map(|event| texts(event).join(" ")).collect()
    }
}

impl Invoke for Closure {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let mut calls = self.calls();
        calls.event_bytes.push(event.len());
        let event: Value = serde_json::from_slice(&event).unwrap();
        let answer = (calls.answer)(&texts(&event))?;
        calls.events.push(event);
        Ok(answer.to_string().into())
    }
}

/// The data of an event's records.
pub(super) fn texts(event: &Value) -> Vec<String> {
    let records = event["Records"].as_array().unwrap().iter();
    let data = records.map(|record| STANDARD.decode(record["kinesis"]["data"].as_str().unwrap()).unwrap());
    data.map(|data| String::from_utf8(data).unwrap()).collect()
}

/// A mapping of one lane with a window of 10 s that tries twice more and reads what is reported.
pub(super) fn settings() -> Settings {
    Settings {
        uuid: UUID,
        function_arn: FUNCTION_ARN.to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/calculator".to_owned(),
        stream_arn: STREAM_ARN.to_owned(),
        region: "us-east-1".to_owned(),
        batch_records: 100,
        window: SignedDuration::from_secs(10),
        lanes: 1,
        bisect: false,
        retries: Some(2),
        record_age_max: None,
        report_failures: true,
        filters: Vec::new(),
    }
}

/// The documents below a folder, by key.
pub(super) fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found
}

fn walk(folder: &Path, key: &str, found: &mut Vec<(String, Value)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let key = format!("{key}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{key}/"), found);
        } else {
            found.push((key, serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap()));
        }
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(super) fn error() -> InvocationError {
    InvocationError::FunctionError { error_type: "Unlucky".to_owned(), message: "no luck".to_owned() }
}

/// A function that processes everything.
#[expect(clippy::unnecessary_wraps, reason = "it is the reply of a function")]
pub(super) fn done(_: &[String]) -> Reply {
    Ok(json!({"batchItemFailures": []}))
}

/// A function that fails with every event that has this record.
pub(super) fn fails_at(poison: &'static str) -> impl FnMut(&[String]) -> Reply {
    move |texts| if texts.iter().any(|text| text == poison) { Err(error()) } else { done(texts) }
}
