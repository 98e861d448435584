//! Events and answers, read and made by other means than the crate's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use record_transformer::{Config, Transformer};
use serde_json::{Map, Value};

/// The folder of the sample invocations.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/firehose"))
}

/// The names of the sample invocations, sorted.
pub(crate) fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// The bytes of one sample invocation.
pub(crate) fn payload(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name).with_extension("json")).unwrap()
}

/// The function, set up by the variables given and the defaults.
pub(crate) fn transformer(variables: &[(&str, &str)]) -> Transformer {
    Transformer::new(config(variables))
}

/// The configuration that the variables say.
pub(crate) fn config(variables: &[(&str, &str)]) -> Config {
    let value =
        |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
    Config::from_variables(value).unwrap()
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    pub(crate) record_id: String,
    pub(crate) result: String,
    /// The field under which the data stands, and the data as it stands there.
    pub(crate) data: (String, String),
    pub(crate) partition_keys: BTreeMap<String, Value>,
}

/// The records of an answer; nothing but the documented fields may stand in it.
pub(crate) fn answered(answer: &[u8]) -> Vec<Answered> {
    let answer: Map<String, Value> = serde_json::from_slice(answer).unwrap();
    assert_eq!(answer.keys().collect::<Vec<_>>(), ["records"]);
    answer["records"].as_array().unwrap().iter().map(answered_record).collect()
}

fn answered_record(record: &Value) -> Answered {
    let mut fields = record.as_object().unwrap().clone();
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => text,
        other => panic!("expected `{name}` to be a string, was {other:?}"),
    };
    let (record_id, result) = (text("recordId"), text("result"));
    let name = if record.get("data").is_some() { "data" } else { "kafkaRecordValue" };
    let data = (name.to_owned(), text(name));
    let metadata = fields.remove("metadata").unwrap_or_default();
    let partition_keys =
        metadata["partitionKeys"].as_object().cloned().unwrap_or_default().into_iter().collect();
    assert!(fields.is_empty(), "expected no other fields, were {fields:?}");
    Answered { record_id, result, data, partition_keys }
}
