//! Metrics in CloudWatch's embedded metric format: log lines from which CloudWatch extracts them, without a call.

use std::io::Write;

use serde_json::{Map, Value, json};

/// The CloudWatch namespace of every metric.
const NAMESPACE: &str = "tapeline";

/// One document as the specification "Embedded metric format" has it: `metrics` are name, unit and value, under
/// `dimensions` of name and value.
pub fn embedded(now_ms: u64, dimensions: &[(&str, &str)], metrics: &[(&str, &str, Value)]) -> Value {
    let names: Vec<_> = dimensions.iter().map(|(name, _)| name).collect();
    let directives: Vec<_> =
        metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut document = Map::new();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": directives });
    document.insert("_aws".to_owned(), json!({ "Timestamp": now_ms, "CloudWatchMetrics": [directive] }));
    let targets = dimensions.iter().map(|(name, value)| (*name, json!(value)));
    let values = metrics.iter().map(|(name, _, value)| (*name, value.clone()));
    document.extend(targets.chain(values).map(|(name, value)| (name.to_owned(), value)));
    Value::Object(document)
}

/// Writes documents to standard output, one a line.
pub fn write(documents: &[Value]) {
    let mut lines = Vec::new();
    for document in documents {
        lines.extend_from_slice(document.to_string().as_bytes());
        lines.push(b'\n');
    }
    // Standard output is the log; if it is gone, there is nobody left to tell.
    let _ = std::io::stdout().lock().write_all(&lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of "Specification: Embedded metric format" in the CloudWatch user guide, under our namespace and
    /// without what is optional.
    #[test]
    fn a_document_is_what_the_specification_shows() {
        let expected = json!({
            "_aws": {
                "Timestamp": 1_574_109_732_004_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "tapeline",
                    "Dimensions": [["functionVersion"]],
                    "Metrics": [{ "Name": "time", "Unit": "Milliseconds" }],
                }],
            },
            "functionVersion": "$LATEST",
            "time": 100,
        });
        let metrics = [("time", "Milliseconds", json!(100))];
        assert_eq!(embedded(1_574_109_732_004, &[("functionVersion", "$LATEST")], &metrics), expected);
    }
}
