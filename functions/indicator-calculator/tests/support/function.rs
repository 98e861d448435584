//! How the function is set up, and how its answers are read.

use indicator_calculator::Config;

/// The configuration that the variables say.
pub(crate) fn config(variables: &[(&str, &str)]) -> Config {
    let required = [("STATE_TABLE", "state"), ("OUTPUT_STREAM", "rows")];
    let found = |name: &str| variables.iter().chain(&required).find(|(found, _)| *found == name);
    Config::from_variables(|name| found(name).map(|(_, value)| (*value).to_owned())).unwrap()
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
