//! The sample invocations, and the function in front of a store and a stream in memory.

use std::path::PathBuf;

use indicator_calculator::publish::MemoryStream;
use indicator_calculator::state::MemoryStore;
use indicator_calculator::{CalculateError, Calculated, Calculator, Config};

/// The folder of the sample invocations.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/kinesis"))
}

/// The bytes of one sample invocation.
pub(crate) fn payload(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name).with_extension("json")).unwrap()
}

/// The configuration that the variables say.
pub(crate) fn config(variables: &[(&str, &str)]) -> Config {
    let required = [("STATE_TABLE", "state"), ("OUTPUT_STREAM", "rows")];
    let found = |name: &str| variables.iter().chain(&required).find(|(found, _)| *found == name);
    Config::from_variables(|name| found(name).map(|(_, value)| (*value).to_owned())).unwrap()
}

/// One environment of the function; those of one deployment share store and stream.
#[derive(Debug)]
pub(crate) struct Environment {
    calculator: Calculator<MemoryStore, MemoryStream>,
    runtime: tokio::runtime::Runtime,
}

impl Environment {
    pub(crate) fn start(config: Config, store: &MemoryStore, stream: &MemoryStream) -> Self {
        let calculator = Calculator::new(config, store.clone(), stream.clone());
        Self { calculator, runtime: tokio::runtime::Builder::new_current_thread().build().unwrap() }
    }

    pub(crate) fn invoke(&mut self, payload: &[u8]) -> Result<Calculated, CalculateError> {
        self.runtime.block_on(self.calculator.calculate(payload))
    }
}

/// The sequence number that an answer names; nothing but the documented field may stand in it.
pub(crate) fn named(answer: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let number = failures.first().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned());
    let entries: Vec<_> =
        number.iter().map(|number| serde_json::json!({ "itemIdentifier": number })).collect();
    assert_eq!(answer, serde_json::json!({ "batchItemFailures": entries }), "expected one number at most");
    number
}
