//! What the function tells of a batch: one info line, one warn line per failing reason, never a payload; and its
//! metrics.

use std::time::SystemTime;

use serde_json::{Value, json};
use tapeline_lambda_wire::Invocation;
use tapeline_telemetry::metrics::{embedded, write};
use tracing::{info, warn};

use crate::report::Report;

/// Logs a batch and its metrics.
pub fn batch(report: &Report, invocation: &Invocation) {
    counts(report, invocation);
    refusals(report, invocation);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    write(&metrics(report, &invocation.function_name, now_ms));
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
