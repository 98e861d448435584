//! The function's only way to the outside: structured logs, and metrics in CloudWatch's embedded metric format.
//!
//! One info line per batch, one warn line per failing reason and batch, never a payload. Metrics are log lines too:
//! CloudWatch extracts them without a call from the function.

use std::io::Write;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use tapeline_lambda_wire::{HandlerError, Invocation};
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, error, info, warn};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::ConfigError;
use crate::report::Report;
use crate::transform::{TransformError, chain};

/// The CloudWatch namespace of every metric.
pub const NAMESPACE: &str = "tapeline";

/// Starts logging to standard output, one JSON document a line.
pub fn start(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
    tracing_subscriber::registry().with(lines).with(level).with(filter_fn(is_news)).init();
}

/// The runtime tells a handler's error once more, in its own words: [`invocation_failed`] has told it already. A panic,
/// which comes with a field of its own, nobody else tells.
fn is_news(metadata: &Metadata<'_>) -> bool {
    metadata.target() != "lambda_runtime::layers::panic" || metadata.fields().field("error").is_some()
}

/// Logs why the function does not start.
pub fn start_failed(cause: &ConfigError) {
    start(LevelFilter::ERROR);
    for problem in &cause.problems {
        error!(variable = problem.variable, error = problem.message, "bad configuration");
    }
}

/// Logs why the loop ended.
pub fn runtime_failed(cause: &(dyn std::error::Error + Send + Sync + 'static)) {
    error!(error = chain(cause), "runtime failed");
}

/// Logs an invocation that could not be answered; hands back what the runtime reports.
pub fn invocation_failed(cause: &TransformError, invocation: &Invocation) -> HandlerError {
    let message = chain(cause);
    error!(
        request_id = invocation.request_id,
        error_type = cause.error_type(),
        error = message,
        "invocation failed"
    );
    HandlerError { error_type: cause.error_type(), message }
}

/// Logs a batch and its metrics.
pub fn batch(report: &Report, invocation: &Invocation) {
    counts(report, invocation);
    refusals(report, invocation);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut lines = Vec::new();
    for document in metrics(report, &invocation.function_name, now_ms) {
        lines.extend_from_slice(document.to_string().as_bytes());
        lines.push(b'\n');
    }
    // Standard output is the log; if it is gone, there is nobody left to tell.
    let _ = std::io::stdout().lock().write_all(&lines);
}

fn counts(report: &Report, invocation: &Invocation) {
    info!(
        request_id = invocation.request_id,
        ok = report.records_ok,
        dropped = report.records_dropped,
        failed = report.records_failed,
        frames = report.frames,
        rows = report.rows,
        bytes_in = report.bytes_in,
        bytes_out = report.bytes_out,
        lag_max_us = report.lag_max_us,
        "batch"
    );
}

fn refusals(report: &Report, invocation: &Invocation) {
    for refusal in &report.refusals {
        warn!(
            request_id = invocation.request_id,
            reason = refusal.reason.as_str(),
            records = refusal.records,
            record_id = refusal.record_id,
            error = refusal.error,
            "records refused"
        );
    }
}

/// The documents of a batch in embedded metric format: one for its counts, one for each reason of a refusal or a drop.
pub fn metrics(report: &Report, function_name: &str, now_ms: u64) -> Vec<Value> {
    let mut counts = vec![
        ("RecordsOk", "Count", json!(report.records_ok)),
        ("RecordsDropped", "Count", json!(report.records_dropped)),
        ("RecordsFailed", "Count", json!(report.records_failed)),
        ("Frames", "Count", json!(report.frames)),
        ("Rows", "Count", json!(report.rows)),
        ("BytesIn", "Bytes", json!(report.bytes_in)),
        ("BytesOut", "Bytes", json!(report.bytes_out)),
    ];
    if let Some(lag_us) = report.lag_max_us {
        counts.push(("EventLagMax", "Microseconds", json!(lag_us)));
    }
    let function = [("FunctionName", function_name)];
    let mut documents = vec![embedded(now_ms, &function, &counts)];
    let refusals =
        report.refusals.iter().map(|refusal| ("Refusals", refusal.reason.as_str(), refusal.records));
    let drops = report.drops.iter().map(|(reason, count)| ("Drops", reason.as_str(), *count));
    for (name, reason, count) in refusals.chain(drops) {
        let dimensions = [("FunctionName", function_name), ("Reason", reason)];
        documents.push(embedded(now_ms, &dimensions, &[(name, "Count", json!(count))]));
    }
    documents
}

/// One document as the specification "Embedded metric format" has it.
fn embedded(now_ms: u64, dimensions: &[(&str, &str)], metrics: &[(&str, &str, Value)]) -> Value {
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

#[cfg(test)]
mod tests {
    use tapeline_codec::{DropReason, Reason};

    use super::*;
    use crate::report::Refusal;

    #[test]
    fn metrics_follow_the_embedded_metric_format() {
        let report = Report { records_ok: 3, lag_max_us: Some(1500), ..Report::default() };
        let documents = metrics(&report, "transformer", 1_700_000_000_000);
        assert_eq!(documents.len(), 1);
        let document = &documents[0];
        assert_eq!(document["_aws"]["Timestamp"], 1_700_000_000_000_u64);
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(document[metric["Name"].as_str().unwrap()].is_number());
        }
        assert_eq!((&document["RecordsOk"], &document["EventLagMax"]), (&json!(3), &json!(1500)));
    }

    #[test]
    fn every_reason_is_a_dimension_of_its_own() {
        let refusal =
            Refusal { reason: Reason::BadJson, records: 2, record_id: "1".into(), error: "expected".into() };
        let drops = vec![(DropReason::Control, 4)];
        let report = Report { refusals: vec![refusal], drops, ..Report::default() };
        let documents = metrics(&report, "transformer", 0);
        assert_eq!((&documents[1]["Reason"], &documents[1]["Refusals"]), (&json!("bad_json"), &json!(2)));
        assert_eq!((&documents[2]["Reason"], &documents[2]["Drops"]), (&json!("control"), &json!(4)));
    }
}
