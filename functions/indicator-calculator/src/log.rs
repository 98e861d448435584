//! What the function tells of a batch: one info line, one warn line for each reason something was skipped or failed, and
//! metrics. Never a payload.

use serde_json::{Value, json};
use tapeline_lambda_wire::Invocation;
use tapeline_telemetry::metrics::{embedded, write};
use tracing::{info, warn};

use crate::report::Report;

/// Logs a batch that was answered at `now_us`, microseconds since the epoch, and its metrics.
pub fn batch(report: &Report, invocation: &Invocation, now_us: i64) {
    counts(report, invocation);
    warnings(report, invocation);
    write(&metrics(report, &invocation.function_name, now_us));
}

fn counts(report: &Report, invocation: &Invocation) {
    info!(
        request_id = invocation.request_id,
        records = report.records,
        frames = report.frames,
        lanes = report.lanes,
        folded = report.tally.folded,
        duplicates = report.tally.duplicates,
        bars_closed = report.bars_closed.iter().map(|(_, count)| count).sum::<u64>(),
        items_read = report.items_read,
        items_written = report.items_written,
        "batch"
    );
}

fn warnings(report: &Report, invocation: &Invocation) {
    refusals(report, &invocation.request_id);
    failures(report, &invocation.request_id);
    if let Some(symbol) = &report.split_symbol {
        let (request_id, count) = (&invocation.request_id, report.split_symbols);
        warn!(request_id, reason = "split_symbol", count, symbol, "a symbol came under two partition keys");
    }
}

fn refusals(report: &Report, request_id: &str) {
    for refusal in &report.refusals {
        let (reason, count) = (refusal.reason.as_str(), refusal.count);
        let (sequence_number, error) = (&refusal.sequence_number, &refusal.error);
        warn!(request_id, reason, count, sequence_number, error, "frames skipped");
    }
}

fn failures(report: &Report, request_id: &str) {
    if report.lanes_failed > 0 || report.states_reset > 0 {
        let (lanes_failed, states_reset) = (report.lanes_failed, report.states_reset);
        let (state_conflicts, error) = (report.state_conflicts, report.last_failure.as_deref());
        warn!(request_id, lanes_failed, state_conflicts, states_reset, error, "lanes failed or began anew");
    }
}

/// The documents of a batch in embedded metric format: its counts, then one for each interval and reason.
pub fn metrics(report: &Report, function_name: &str, now_us: i64) -> Vec<Value> {
    let tally = &report.tally;
    let counts = [
        ("Records", report.records),
        ("Frames", report.frames),
        ("TradesFolded", tally.folded),
        ("Duplicates", tally.duplicates),
        ("Gaps", tally.gaps),
        ("MissingIds", tally.missing),
        ("Late", tally.late),
        ("TimeRegress", tally.time_regress),
        ("TradesRefused", tally.refused),
        ("LanesFailed", report.lanes_failed),
        ("StateConflicts", report.state_conflicts),
        ("StatesReset", report.states_reset),
        ("SplitSymbols", report.split_symbols),
        ("ItemsRead", report.items_read),
        ("ItemsWritten", report.items_written),
    ];
    let mut metrics: Vec<_> = counts.iter().map(|(name, count)| (*name, "Count", json!(count))).collect();
    // The exchange's clock may be ahead of ours.
    let lag_us = report.event_time_max.map(|time| (now_us - time.micros()).max(0));
    metrics.extend(lag_us.map(|lag_us| ("PublishLag", "Microseconds", json!(lag_us))));
    let epoch_ms = u64::try_from(now_us / 1000).unwrap_or(0);
    let mut documents = vec![embedded(epoch_ms, &[("FunctionName", function_name)], &metrics)];
    let bars = report
        .bars_closed
        .iter()
        .map(|(interval, count)| (("Interval", interval.as_str()), "BarsClosed", *count));
    let refusals = report
        .refusals
        .iter()
        .map(|refusal| (("Reason", refusal.reason.as_str()), "Refusals", refusal.count));
    let drops = report.drops.iter().map(|(reason, count)| (("Reason", reason.as_str()), "Drops", *count));
    for (dimension, name, count) in bars.chain(refusals).chain(drops) {
        let dimensions = [("FunctionName", function_name), dimension];
        documents.push(embedded(epoch_ms, &dimensions, &[(name, "Count", json!(count))]));
    }
    documents
}

#[cfg(test)]
mod tests {
    use tapeline_market::{Interval, Timestamp};

    use super::*;

    #[test]
    fn counts_intervals_and_reasons_have_documents_of_their_own() {
        let report = Report {
            frames: 7,
            bars_closed: vec![(Interval::Minute1, 3), (Interval::Hour1, 1)],
            event_time_max: Some(Timestamp::from_micros(1_000_000).unwrap()),
            ..Report::default()
        };
        let documents = metrics(&report, "calculator", 1_002_500);
        assert_eq!((&documents[0]["Frames"], &documents[0]["PublishLag"]), (&json!(7), &json!(2500)));
        assert_eq!((&documents[1]["Interval"], &documents[1]["BarsClosed"]), (&json!("1m"), &json!(3)));
        assert_eq!((&documents[2]["Interval"], &documents[2]["BarsClosed"]), (&json!("1h"), &json!(1)));
        assert_eq!(documents.len(), 3);
    }
}
